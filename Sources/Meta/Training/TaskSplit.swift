import Nets
import Tape

/// Which tasks a training learns from, which it is watched on, and which judge it in the end.
public struct TaskSplit: Codable, Equatable, Sendable {
  /// The numbers of the tasks of each part, in rising order.
  public let training, validation, test: [Int]

  /// Deals tasks to the three parts at random.
  ///
  /// A share that is not zero gives at least one task, rounded to the nearest number of them.
  ///
  /// - Parameters:
  ///   - count: How many tasks there are.
  ///   - validation: The share that training is watched on.
  ///   - test: The share that judges it.
  ///   - seed: Where chance comes from; equal seeds deal alike.
  /// - Throws: ``MetaProblemError`` if a share is out of range, or nothing is left to train on.
  public init(
    of count: Int, validation: Double, test: Double, seed: UInt64
  ) throws(MetaProblemError) {
    for (name, share) in [("validation", validation), ("test", test)] where !(0..<1 ~= share) {
      throw MetaProblemError("the share for \(name)", "\(share) is not from 0 up to 1")
    }
    func size(_ share: Double) -> Int {
      share == 0 ? 0 : max(1, Int((share * Double(count)).rounded()))
    }
    let (validationCount, testCount) = (size(validation), size(test))
    if validationCount + testCount >= count {
      throw MetaProblemError(
        "tasks",
        "\(validationCount) for validation and \(testCount) for the test leave none of \(count) to train on"
      )
    }
    var generator = SeededGenerator(seed: seed)
    let order = (0..<count).shuffled(using: &generator)
    self.test = order[..<testCount].sorted()
    self.validation = order[testCount..<testCount + validationCount].sorted()
    training = order[(testCount + validationCount)...].sorted()
  }

  /// Deals tasks to as many parts as there are folds, of which one judges, so that over all folds each task judges once.
  ///
  /// - Parameters:
  ///   - fold: Which part judges, from 0.
  ///   - folds: How many parts there are, at least two.
  ///   - count: How many tasks there are.
  ///   - validation: The share of the others that training is watched on.
  ///   - seed: Where chance comes from; all folds of a run have the same.
  /// - Throws: ``MetaProblemError`` if there are fewer tasks than folds, or nothing is left to train on.
  public init(
    fold: Int, of folds: Int, tasks count: Int, validation: Double, seed: UInt64
  ) throws(MetaProblemError) {
    if folds < 2 || !(0..<folds).contains(fold) {
      stop("TaskSplit: fold \(fold) of \(folds)")
    }
    if count < folds { throw MetaProblemError("tasks", "\(count) of them for \(folds) folds") }
    var generator = SeededGenerator(seed: seed)
    let order = (0..<count).shuffled(using: &generator)
    let part = (count * fold / folds)..<(count * (fold + 1) / folds)
    let others = Array(order[..<part.lowerBound] + order[part.upperBound...])
    let rest = try TaskSplit(
      of: others.count, validation: validation, test: 0, seed: generator.next())
    test = order[part].sorted()
    training = rest.training.map { others[$0] }.sorted()
    self.validation = rest.validation.map { others[$0] }.sorted()
  }
}
