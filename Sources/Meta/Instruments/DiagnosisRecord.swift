import Nets
import Tape

/// What a training can write down of first order as it goes: the figures of a diagnosis at one point, all finite.
public struct DiagnosisRecord: Codable, Equatable, Sendable {
  /// The number of tasks that were looked at.
  public let tasks: Int
  /// The angle between the mean gradients of both orders, in degrees, with its interval over tasks; nil if one is
  /// zero, at least to rounding.
  public let angle: Diagnosis.Estimate?
  /// ‖first order‖ / ‖exact‖ of the mean gradients; nil if the exact one is zero.
  public let normRatio: Diagnosis.Estimate?
  /// ‖first order − exact‖ / ‖exact‖; nil if the exact one is zero.
  public let relativeError: Double?
  /// The largest curvature of the inner loss along the inner path, times the largest rate; nil if it is not
  /// finite.
  ///
  /// It is measured to about one in a hundred, from below.
  public let curvatureTimesRate: Double?
  /// What a step against first order lowers the meta-loss by, relative to one of the same length, the best one,
  /// against exact; nil if no step against exact lowers it.
  ///
  /// It is −1 where such a step raises the meta-loss by as much as the best one lowers it, or by more.
  public let decreaseShare: Double?
  /// By inner step, the share that the ledger's term of the step has in exact minus first order.
  ///
  /// It is the part of the term along that difference, so shares add up to one. They are zero where there is no
  /// difference; where there is no step, there is none.
  public let ledgerShares: [Double]
  /// The learned variables of which first order says nothing.
  public let notSeen: [String]

  /// What ``Diagnosis/verdict`` advises on these figures.
  public var verdict: Diagnosis.Verdict {
    Diagnosis.verdict(
      hasSteps: !ledgerShares.isEmpty, notSeen: notSeen, angle: angle, normRatio: normRatio,
      decreaseShare: decreaseShare, tasks: tasks)
  }
}

extension BilevelProblem {
  /// Looks at first order at the present point and on the present tasks, for a training to write down.
  ///
  /// Of ``diagnosis(threads:using:)`` it leaves out how the gap grows with rate and steps. To look at another point, move
  /// the problem there, with ``with(learned:)`` for instance.
  ///
  /// - Parameters:
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - generator: Where the first directions for the curvature come from.
  /// - Complexity: Some ten meta-gradients, a forward loop for each of 42 outer steps that are tried, and some
  ///   dozen Hessian-vector products for each task and inner step.
  public func diagnosisRecord(
    threads: Int = 1, using generator: inout some RandomNumberGenerator
  ) -> DiagnosisRecord {
    let ledger = ledger(comparison(threads: threads))
    let gap = ledger.comparison.gap
    let curvature = supportCurvature(tolerance: 0.01, threads: threads, using: &generator)
    let estimates = gapEstimates(
      ledger.comparison, largestCurvature: curvature.largest, threads: threads)
    let strength = abs(curvature.rate) * curvature.largest
    let difference = ledger.difference
    let square = difference.dot(difference)
    return DiagnosisRecord(
      tasks: taskData.count, angle: estimates.angle, normRatio: estimates.normRatio,
      relativeError: gap.relativeError, curvatureTimesRate: strength.isFinite ? strength : nil,
      decreaseShare: decreaseShare(ledger.comparison, threads: threads).map { max(-1, $0) },
      ledgerShares: ledger.bySteps.map { square > 0 ? $0.term.dot(difference) / square : 0 },
      notSeen: ledger.comparison.firstOrder.notSeen)
  }
}
