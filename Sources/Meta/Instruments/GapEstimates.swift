import Nets
import Tape

/// The angle and the norm ratio of both orders, each with its interval, and the angles of the tasks.
struct GapEstimates {
  /// In degrees; nil if one of the meta-gradients is zero, at least to rounding.
  let angle: Diagnosis.Estimate?
  /// ‖first order‖ / ‖exact‖; nil as the angle is.
  let normRatio: Diagnosis.Estimate?
  /// By task, the angle between its own gradients.
  let taskAngles: [Double?]
}

extension BilevelProblem {
  /// How far first order is from exact, with intervals over tasks.
  ///
  /// - Parameters:
  ///   - comparison: Both meta-gradients of this problem.
  ///   - largestCurvature: That of the inner loss, by which rounding is told from an answer.
  func gapEstimates(
    _ comparison: MetaGradientComparison, largestCurvature: Double
  ) -> GapEstimates {
    let gradients = TaskPrograms(self) { loop in
      (loop.metaGradient(.exact) + loop.metaGradient(.firstOrder), [])
    }.outputs()
    let count = learnedPositions.count
    let exact = gradients.map { $0[..<count].flattened }
    let intervals = GapIntervals(exact: exact, other: gradients.map { $0[count...].flattened })
    // Where everything is fitted, what is left of the gradients is rounding, and its angle is noise.
    let isRounding =
      comparison.exact.gradientNorm <= 1e-13 * largestCurvature * learnedValues.norm
    func estimate(_ value: Double?, _ interval: ClosedRange<Double>?) -> Diagnosis.Estimate? {
      isRounding ? nil : value.map { Diagnosis.Estimate(value: $0, interval: interval) }
    }
    return GapEstimates(
      // Two numbers have the same sign or not: there is no angle between, and no interval.
      angle: estimate(
        comparison.gap.angle, exact.first?.count == 1 ? nil : intervals.angle),
      normRatio: estimate(comparison.gap.normRatio, intervals.normRatio),
      taskAngles: gradients.map {
        GradientGap(exact: Array($0[..<count]), other: Array($0[count...])).angle
      })
  }
}
