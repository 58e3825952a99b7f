import Nets
import Tape

/// An estimate with the interval in which it lies with 95 % confidence.
public struct Estimate: Equatable, Sendable {
  /// The estimate from all tasks.
  public let value: Double
  /// The interval over draws of the tasks; nil where there is one task, which says nothing of others.
  public let interval: ClosedRange<Double>?

  /// Pairs an estimate with its interval.
  public init(value: Double, interval: ClosedRange<Double>?) {
    self.value = value
    self.interval = interval
  }
}

/// Whether first order is good enough for a problem, with what speaks for and against it.
public struct Diagnosis: Sendable {
  /// What is advised.
  public enum Verdict: String, Sendable {
    /// First order does what exact would do.
    case trust
    /// Neither clearly good nor clearly bad: measure the outcome.
    case doubt
    /// First order goes somewhere else.
    case distrust
  }

  /// The gap at another rate or number of steps.
  public struct Growth: Sendable {
    /// The inner learning rate.
    public let rate: Double
    /// The number of inner steps.
    public let steps: Int
    /// The gap there; nil where a meta-gradient is not finite.
    public let gap: GradientGap?
  }

  /// Up to this angle first order is trusted: a short step along it lowers the meta-loss by at least
  /// cos 15° = 97 % of what an equally long one along the exact gradient does.
  public static let trustedAngle = 15.0
  /// From this angle on it is not: what is lost is at least 1 − cos 45° = 29 %.
  public static let distrustedAngle = 45.0

  /// The inner loop that was looked at.
  public let family: Family
  /// The angle between the mean gradients of both orders, in degrees; nil if one is zero.
  public let angle: Estimate?
  /// ‖first order‖ / ‖exact‖ of the mean gradients; nil if the exact one is zero.
  public let normRatio: Estimate?
  /// By task, the angle between its own gradients.
  public let taskAngles: [Double?]
  /// The gap at fractions and multiples of the rate.
  public let byRate: [Growth]
  /// The gap at other numbers of steps.
  public let bySteps: [Growth]
  /// The curvature of the support loss along the inner path.
  public let curvature: SupportCurvature
  /// What a step against first order lowers the meta-loss by, relative to one of the same length, the
  /// best one, against exact; nil if no step against exact lowers it.
  public let decreaseShare: Double?
  /// Whether there is an inner step at all.
  public let hasSteps: Bool

  /// What is advised, by the whole interval of the angle and by the decrease.
  public var verdict: Verdict {
    hasSteps ? Self.verdict(angle: angle, decreaseShare: decreaseShare) : .trust
  }

  /// Trust asks that all angles of the interval are small, distrust that all are large or that a step
  /// gains less than half; without an angle, or an outer step that helps, there is doubt.
  package static func verdict(angle: Estimate?, decreaseShare: Double?) -> Verdict {
    guard let angle else { return .doubt }
    let interval = angle.interval ?? angle.value...angle.value
    let share = decreaseShare ?? 1
    if interval.lowerBound >= distrustedAngle || share < 0.5 { return .distrust }
    return interval.upperBound <= trustedAngle && share > 0.9 ? .trust : .doubt
  }
}

extension MetaProblem {
  /// Looks at whether first order would do on this problem.
  ///
  /// Confidence intervals are percentiles of 1000 resamples of the tasks; they say how the answer would
  /// vary with other tasks of the same kind, at these parameters.
  ///
  /// - Parameters:
  ///   - family: The inner loop to look at.
  ///   - generator: Where resamples and the first directions of power iterations come from.
  /// - Complexity: About a hundred meta-gradients, and the curvature.
  /// - Reference: Efron and Tibshirani, *An introduction to the bootstrap* (1993), chapter 13.
  public func diagnosis(
    _ family: Family, using generator: inout some RandomNumberGenerator
  ) -> Diagnosis {
    let gradients = TaskPrograms(self, family.exact) { loop in
      (loop.metaGradient(.exact) + loop.metaGradient(.firstOrder), [])
    }.outputs()
    let exact = gradients.map { $0[..<parameters.count].flatMap(\.elements) }
    let first = gradients.map { $0[parameters.count...].flatMap(\.elements) }
    let products = Products(exact, first)
    let resamples = (0..<(tasks.count > 1 ? 1000 : 0)).map { _ in
      var counts = Array(repeating: 0.0, count: tasks.count)
      for _ in tasks { counts[Int.random(in: 0..<tasks.count, using: &generator)] += 1 }
      return counts
    }
    func estimate(_ value: Double?, _ measure: ([Double]) -> Double?) -> Estimate? {
      let sorted = resamples.compactMap(measure).sorted()
      let tail = sorted.count / 40
      return value.map { value in
        Estimate(
          value: value,
          interval: sorted.isEmpty
            ? nil : min(value, sorted[tail])...max(value, sorted[sorted.count - 1 - tail]))
      }
    }

    func gap(rate: Double, steps: Int) -> Diagnosis.Growth {
      let comparison = (try? with(steps: steps, learningRate: rate))?.comparison(family)
      let isFinite =
        comparison.map { $0.exact.gradientNorm.isFinite && $0.firstOrder.gradientNorm.isFinite }
      return Diagnosis.Growth(
        rate: rate, steps: steps, gap: isFinite == true ? comparison?.gap : nil)
    }
    let comparison = comparison(family)
    let dial = dial(family, weights: [0, 1], lastSteps: [])
    let (cut, full) = (dial.byWeight[0].decrease, dial.byWeight[1].decrease)
    return Diagnosis(
      family: family, angle: estimate(comparison.gap.angle, products.angle),
      normRatio: estimate(comparison.gap.normRatio, products.normRatio),
      taskAngles: tasks.indices.map { task in
        GradientGap(
          exact: Array(gradients[task][..<parameters.count]),
          firstOrder: Array(gradients[task][parameters.count...])
        ).angle
      },
      byRate: [0.125, 0.25, 0.5, 1, 2].map { gap(rate: $0 * learningRate, steps: steps) },
      bySteps: Set([1, 2, steps, 2 * steps, (steps + 1) / 2]).filter { $0 > 0 }.sorted()
        .map { gap(rate: learningRate, steps: $0) },
      curvature: supportCurvature(family, using: &generator),
      decreaseShare: full > 0 ? cut / full : nil, hasSteps: !comparison.exact.kept.isEmpty)
  }
}

/// Inner products between the gradients of tasks, from which angles of any weighted mean follow.
private struct Products {
  private let exact: [[Double]]
  private let mixed: [[Double]]
  private let first: [[Double]]

  init(_ exact: [[Double]], _ first: [[Double]]) {
    func table(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
      a.map { row in b.map { dot(row, $0) } }
    }
    self.exact = table(exact, exact)
    mixed = table(exact, first)
    self.first = table(first, first)
  }

  private func form(_ table: [[Double]], _ weights: [Double]) -> Double {
    zip(weights, table).reduce(0) { $0 + $1.0 * dot($1.1, weights) }
  }

  /// The angle in degrees; nil if a gradient is zero.
  func angle(_ weights: [Double]) -> Double? {
    let (exact, mixed, first) = (
      form(exact, weights), form(mixed, weights), form(first, weights)
    )
    guard exact > 0, first > 0 else { return nil }
    let cosine = mixed / (exact * first).squareRoot()
    return scalarArcTangent(max(0, 1 - cosine * cosine).squareRoot(), cosine) * 180 / .pi
  }

  /// ‖first order‖ / ‖exact‖; nil if exact is zero.
  func normRatio(_ weights: [Double]) -> Double? {
    let (exact, first) = (form(exact, weights), form(first, weights))
    return exact > 0 ? (first / exact).squareRoot() : nil
  }
}
