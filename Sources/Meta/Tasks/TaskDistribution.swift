/// Where tasks come from; bring a distribution of your own by conforming.
public protocol TaskDistribution: Sendable {
  /// Draws a task.
  ///
  /// - Parameters:
  ///   - support: The number of points to adapt to.
  ///   - query: The number of points on which the adapted network is judged.
  ///   - generator: The only source of randomness, so that equal seeds give equal tasks.
  func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask
}

extension TaskDistribution {
  /// Draws so many tasks, one after the other.
  public func tasks(
    _ count: Int, support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> [LearningTask] {
    (0..<count).map { _ in task(support: support, query: query, using: &generator) }
  }
}
