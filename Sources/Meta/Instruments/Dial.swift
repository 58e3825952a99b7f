import Nets
import Tape

/// Meta-gradients between first order and exact, and what a step along each is worth.
public struct Dial: Sendable {
  /// One setting of the dial.
  public struct Setting: Sendable {
    /// What was differentiated: a share λ of the second-order path, or the last steps alone.
    public let order: Order
    /// How far its meta-gradient is from the exact one.
    public let gap: GradientGap
    /// Its length.
    public let gradientNorm: Double
    /// By how much a step of ``Dial/stepLength`` against it lowers the meta-loss; negative if it grows,
    /// −∞ if it is not finite any more.
    public let decrease: Double
  }

  /// The values of λ that are tried if no others are asked for: 0 to 1 in tenths.
  public static let weights = (0...10).map { Double($0) / 10 }

  /// The problem in a line.
  public let summary: String
  /// What the exact meta-gradient is called.
  public let method: String
  /// The learned variables of which first order, λ = 0, says nothing.
  public let notSeen: [String]
  /// The meta-loss at the present parameters.
  public let loss: Double
  /// The length of the outer steps that were tried, the same for all: directions are compared, not rates.
  ///
  /// Zero where no step against the exact meta-gradient lowers the meta-loss.
  public let stepLength: Double
  /// The settings by λ, as they were asked for.
  public let byWeight: [Setting]
  /// The settings by the number of last steps that are differentiated, from none to all.
  public let byLastSteps: [Setting]
}

extension BilevelProblem {
  /// Turns the second-order path up from first order to exact, by its weight and by its length.
  ///
  /// - Parameters:
  ///   - weights: The values of λ, from 0 for first order to 1 for exact.
  ///   - lastSteps: The lengths of the path in inner steps; by default some from none to all.
  ///   - stepLength: The outer step that each setting is judged by; by default the one that lowers the
  ///     meta-loss most against the exact meta-gradient, among its length times powers of two.
  public func dial(
    weights: [Double] = Dial.weights,
    lastSteps: [Int]? = nil, stepLength: Double? = nil
  ) -> Dial {
    let exact = metaGradient()
    let losses = OuterLosses(self)
    let stepLength = stepLength ?? losses.bestStepLength(against: exact)
    func setting(_ order: Order) -> Dial.Setting {
      let result = metaGradient(order: order)
      return Dial.Setting(
        order: order,
        gap: GradientGap(exact: exact.gradient.values, other: result.gradient.values),
        gradientNorm: result.gradientNorm,
        decrease: exact.loss - losses.loss(after: stepLength, against: result))
    }
    let lengths = lastSteps ?? spread(upTo: exact.kept.map(\.step).max() ?? 0)
    return Dial(
      summary: summary, method: name,
      notSeen: MetaGradientEvaluator(self, order: .firstOrder).notSeen, loss: exact.loss,
      stepLength: stepLength,
      byWeight: weights.map { setting(.scaled(by: $0)) },
      byLastSteps: lengths.map { setting(.lastSteps($0)) })
  }

  /// What a step against first order lowers the meta-loss by, relative to one of the same length, the best one,
  /// against exact; nil if no step against exact lowers it.
  func decreaseShare(_ comparison: MetaGradientComparison, threads: Int) -> Double? {
    let (losses, loss) = (OuterLosses(self, threads: threads), comparison.exact.loss)
    let length = losses.bestStepLength(against: comparison.exact)
    let full = loss - losses.loss(after: length, against: comparison.exact)
    let cut = loss - losses.loss(after: length, against: comparison.firstOrder)
    return full > 0 ? cut / full : nil
  }
}

/// The meta-loss of a problem after outer steps of any length.
private struct OuterLosses {
  private let evaluator: MetaGradientEvaluator
  private let outer: Parameters<Matrix>

  init(_ problem: some BilevelProblem, threads: Int = 1) {
    // Nothing is learned, so that no gradient is computed.
    evaluator = MetaGradientEvaluator(problem.learning(only: []), threads: threads)
    outer = problem.outer
  }

  /// The length of a step against a meta-gradient that lowers the meta-loss most, among the gradient's
  /// own times powers of two; 0 if none does.
  func bestStepLength(against gradient: MetaGradient) -> Double {
    (-30...10).map { gradient.gradientNorm * scalarExp(scalarLog(2) * Double($0)) }
      .map { (length: $0, loss: loss(after: $0, against: gradient)) }
      .filter { $0.loss < gradient.loss }.min { $0.loss < $1.loss }?.length ?? 0
  }

  /// The meta-loss after an outer step of the given length against a meta-gradient.
  func loss(after length: Double, against gradient: MetaGradient) -> Double {
    let norm = gradient.gradientNorm
    let scale = norm > 0 ? -length / norm : 0
    let names = gradient.gradient.names
    evaluator.setOuter(
      outer.replacing(
        Parameters(
          gradient.gradient.descriptions,
          zip(names, gradient.gradient.values).map {
            // One over a length near the smallest number is not finite, but the direction is.
            outer[$0] + (scale.isFinite ? scale * $1 : -length * ($1 / norm))
          })))
    let loss = evaluator.evaluate().loss
    return loss.isFinite ? loss : .infinity
  }
}

/// Whole numbers from 0 to `most`, all of them or a dozen further and further apart.
private func spread(upTo most: Int) -> [Int] {
  if most <= 12 { return Array(0...most) }
  let ratio = Double(most)
  return Array(
    Set((0...11).map { Int(scalarExp(scalarLog(ratio) * Double($0) / 11).rounded()) } + [0])
  ).sorted()
}
