import Nets
import Tape

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

  /// A figure of the mean over tasks, with where it may lie for the expectation over tasks of the kind.
  public struct Estimate: Equatable, Sendable {
    /// The figure of all tasks together.
    public let value: Double
    /// An interval of 95 % confidence for the expectation, by a jackknife over tasks; nil with fewer than three
    /// tasks.
    ///
    /// On the six linear populations of the tests it covers at least 92 % with 20 tasks, 90 % with ten, and
    /// 85 % with five, where it is wide. Where a few rare tasks make up much of the expectation, no sample
    /// without them knows, and it covers less.
    public let interval: ClosedRange<Double>?

    /// Pairs an estimate with its interval.
    public init(value: Double, interval: ClosedRange<Double>?) {
      self.value = value
      self.interval = interval
    }
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
  /// What first order may be longer or shorter than exact, by this factor, so that an outer rate for one
  /// serves the other.
  public static let trustedRatio = 2.0
  /// With fewer tasks than this nothing is said of others: intervals of so few are too wide.
  public static let fewestTasks = 5

  /// The problem in a line.
  public let summary: String
  /// What the exact meta-gradient is called.
  public let method: String
  /// What the loss is called that the steps descend.
  let innerLossName: String
  /// Whether the curvature bounds what a step back changes: with gradient descent, if no rate is learned.
  let curvatureBounds: Bool
  /// The learned variables of which first order says nothing.
  public let notSeen: [String]
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

  /// What is advised.
  ///
  /// Trust asks that the angle is small and the lengths are alike in the whole interval, and that an
  /// outer step gains nine tenths of what exact does; distrust that the angle is large in the whole
  /// interval, or that a step gains less than half, or that first order says nothing of something learned. Few tasks, no angle, or no outer step that helps leave
  /// doubt.
  public var verdict: Verdict {
    Self.verdict(
      hasSteps: hasSteps, notSeen: notSeen, angle: angle, normRatio: normRatio,
      decreaseShare: decreaseShare, tasks: taskAngles.count)
  }

  package static func verdict(
    hasSteps: Bool = true, notSeen: [String] = [], angle: Estimate?, normRatio: Estimate?,
    decreaseShare: Double?, tasks: Int
  ) -> Verdict {
    if !hasSteps { return .trust }
    if !notSeen.isEmpty { return .distrust }
    guard tasks >= fewestTasks, let angles = angle?.interval, let ratios = normRatio?.interval,
      let share = decreaseShare
    else { return .doubt }
    if angles.lowerBound >= distrustedAngle || share < 0.5 { return .distrust }
    let isAlike =
      ratios.lowerBound >= 1 / trustedRatio && ratios.upperBound <= trustedRatio
    return angles.upperBound <= trustedAngle && isAlike && share > 0.9 ? .trust : .doubt
  }
}

extension BilevelProblem {
  /// Looks at whether first order would do on this problem.
  ///
  /// Intervals are for the expectation over tasks of the same kind, at these parameters, of which the tasks
  /// of the problem are taken for independent draws.
  ///
  /// - Parameters:
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - generator: Where the first directions for the curvature come from.
  /// - Complexity: About a hundred meta-gradients, and the curvature. Memory grows with the tasks by a few numbers
  ///   each, however many are learned.
  public func diagnosis(
    threads: Int = 1, using generator: inout some RandomNumberGenerator
  ) -> Diagnosis {
    let steps = Differentiation(self, .exact).steps
    let rate = largestRate
    let comparison = comparison(threads: threads)
    func gap(factor: Double, steps other: Int) -> Diagnosis.Growth {
      let there =
        factor == 1 && other == steps
        ? comparison : varied(steps: other, rateFactor: factor).comparison(threads: threads)
      let isFinite =
        there.exact.gradientNorm.isFinite && there.firstOrder.gradientNorm.isFinite
      return Diagnosis.Growth(
        rate: factor * rate, steps: other, gap: isFinite ? there.gap : nil)
    }
    let curvature = supportCurvature(threads: threads, using: &generator)
    let estimates = gapEstimates(
      comparison, largestCurvature: curvature.largest, threads: threads)
    return Diagnosis(
      summary: summary, method: name, innerLossName: lossNames.inner,
      curvatureBounds: rule is GradientDescent && comparison.firstOrder.notSeen.isEmpty
        && !learned.contains { $0.isRateName || $0.hasPrefix("log ") },
      notSeen: comparison.firstOrder.notSeen,
      angle: estimates.angle, normRatio: estimates.normRatio, taskAngles: estimates.taskAngles,
      byRate: [0.125, 0.25, 0.5, 1, 2].map { gap(factor: $0, steps: steps) },
      bySteps: Set([1, 2, steps, 2 * steps, (steps + 1) / 2]).filter {
        $0 > 0
      }.sorted()
        .map { gap(factor: 1, steps: $0) },
      curvature: curvature,
      decreaseShare: decreaseShare(comparison, threads: threads),
      hasSteps: !comparison.exact.kept.isEmpty)
  }
}
