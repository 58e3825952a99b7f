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
  ///   - threads: How many tasks run at once.
  /// - Complexity: Both meta-gradients once more; memory for a few numbers of each task, since its gradients are
  ///   held against the means as they come.
  func gapEstimates(
    _ comparison: MetaGradientComparison, largestCurvature: Double, threads: Int
  ) -> GapEstimates {
    let programs = TaskPrograms(self) { loop in
      (loop.metaGradient(.exact) + loop.metaGradient(.firstOrder), [])
    }
    let numbers = learnedDescriptions.reduce(0) { $0 + $1.shape.count }
    let means = GapMeans(
      exact: comparison.exact.gradient.values.flattened,
      other: comparison.firstOrder.gradient.values.flattened, tasks: taskData.count)
    let tasks = programs.map(
      threads: threads, prepare: { _ in Storage(capacity: 2 * numbers) }
    ) { _, workspace, gradients in
      workspace.run()
      workspace.copyOutputs(workspace.program.outputs.indices, to: gradients, at: 0)
      let (exact, other) = (gradients.read(0, numbers), gradients.read(numbers, numbers))
      return (
        figures: means.figures(exact: exact, other: other),
        angle: GradientGap(exact: exact, other: other).angle
      )
    }
    let intervals = GapIntervals(means, tasks.map(\.figures))
    // Where everything is fitted, what is left of the gradients is rounding, and its angle is noise.
    let isRounding =
      comparison.exact.gradientNorm <= 1e-13 * largestCurvature * learnedValues.norm
    func estimate(_ value: Double?, _ interval: ClosedRange<Double>?) -> Diagnosis.Estimate? {
      isRounding ? nil : value.map { Diagnosis.Estimate(value: $0, interval: interval) }
    }
    return GapEstimates(
      // Two numbers have the same sign or not: there is no angle between, and no interval.
      angle: estimate(comparison.gap.angle, numbers == 1 ? nil : intervals.angle),
      normRatio: estimate(comparison.gap.normRatio, intervals.normRatio),
      taskAngles: tasks.map(\.angle))
  }
}
