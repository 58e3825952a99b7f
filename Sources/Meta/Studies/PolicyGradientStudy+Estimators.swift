import Meta

extension PolicyGradientStudy {
  /// A way to estimate a meta-gradient.
  public struct Estimator: Hashable, Codable, Sendable {
    /// How the second derivative of the value is estimated.
    public enum Curvature: String, CaseIterable, Codable, Sendable {
      /// It is left out.
      case firstOrder = "first-order"
      /// By the naive surrogate, log π times what follows.
      case naive
      /// By low-variance curvature.
      case lvc
      /// By DiCE.
      case dice

      /// The surrogate.
      var surrogate: SampledSurrogate {
        switch self {
        case .firstOrder, .naive: .naive
        case .lvc: .lvc
        case .dice: .dice
        }
      }
    }

    /// What is subtracted from what follows.
    public enum Baseline: String, CaseIterable, Codable, Sendable {
      /// Nothing.
      case none
      /// What a ridge regression says that is fitted to the same trajectories.
      case ridge
      /// The value of the state at its time, which nobody knows elsewhere.
      case value
    }

    /// What is estimated.
    public enum Part: String, CaseIterable, Codable, Sendable {
      /// The second derivative; the inner step and the outer gradient are exact.
      case hessian
      /// The inner step and the outer gradient too.
      case everything
    }

    /// How the second derivative is estimated.
    public let curvature: Curvature
    /// The baseline of all that is estimated.
    public let baseline: Baseline
    /// What is estimated.
    public let part: Part

    /// Describes an estimator.
    public init(_ curvature: Curvature, _ baseline: Baseline = .none, _ part: Part = .hessian) {
      (self.curvature, self.baseline, self.part) = (curvature, baseline, part)
    }

    /// What the study compares: first order has no Hessian to estimate, and the value is no baseline outside of it.
    public static let all: [Estimator] =
      Baseline.allCases.flatMap { baseline in
        [.naive, .lvc, .dice].map { Estimator($0, baseline) }
      }
      + [.none, .ridge].flatMap { baseline in
        Curvature.allCases.map { Estimator($0, baseline, .everything) }
      }

    /// The row of a ``SurrogateComparison`` to which it tends with the number of trajectories; nil where the regression
    /// decides, which is not the value.
    var limit: String? {
      switch (curvature, baseline) {
      case (.firstOrder, _): "first-order"
      case (.naive, .none): PolicySurrogate.naive.rawValue
      case (.naive, .value): PolicySurrogate.naiveValueBaseline.rawValue
      case (.naive, .ridge): nil
      case (.lvc, _): PolicySurrogate.lvc.rawValue
      case (.dice, _): "exact"
      }
    }
  }
}
