public import Nets
public import Tape

/// Where the tasks of outer steps come from.
public enum TaskSource: Sendable {
  /// Some of these in each step, none twice in one; all of them, in their order, if no more are asked for.
  case given([Parameters<Matrix>])
  /// Fresh ones, all of the same shapes.
  case drawn(@Sendable (inout SeededGenerator) -> Parameters<Matrix>)

  /// Draws the tasks of a step.
  func batch(_ count: Int, using generator: inout SeededGenerator) -> [Parameters<Matrix>] {
    switch self {
    case .given(let tasks):
      if count >= tasks.count { return tasks }
      // The front of a shuffle, without shuffling the rest.
      var places = Array(tasks.indices)
      return (0..<count).map { place in
        places.swapAt(place, Int.random(in: place..<places.count, using: &generator))
        return tasks[places[place]]
      }
    case .drawn(let draw): return (0..<count).map { _ in draw(&generator) }
    }
  }

  /// Tasks of every size that may come, at least as many as make a step: they say how many threads are worth it.
  func sizes(_ count: Int) -> [Parameters<Matrix>] {
    switch self {
    case .given(let tasks): return tasks
    case .drawn(let draw):
      var generator = SeededGenerator(seed: 0)
      return Array(repeating: draw(&generator), count: count)
    }
  }
}

/// Draws the tasks of a step while those of the step before are computed.
///
/// What it gives is what the source gives, since that follows from the generator alone. Safe to share because
/// ``drawAhead()`` runs within an evaluation, which whoever calls ``tasks(using:)`` waits for.
final class TaskSupply: @unchecked Sendable {
  private let source: TaskSource
  private let count: Int
  /// The generator at which the next step will be asked for.
  private var next: SeededGenerator?
  private var ahead: (from: UInt64, tasks: [Parameters<Matrix>], after: SeededGenerator)?

  init(_ source: TaskSource, count: Int) { (self.source, self.count) = (source, count) }

  func tasks(using generator: inout SeededGenerator) -> [Parameters<Matrix>] {
    defer { next = generator }
    guard let ahead, ahead.from == generator.state else {
      return source.batch(count, using: &generator)
    }
    generator = ahead.after
    return ahead.tasks
  }

  func drawAhead() {
    guard var generator = next else { return }
    let from = generator.state
    let tasks = source.batch(count, using: &generator)
    ahead = (from, tasks, generator)
  }
}
