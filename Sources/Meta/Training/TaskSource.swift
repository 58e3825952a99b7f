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
