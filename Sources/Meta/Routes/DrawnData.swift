import Tape

/// A problem whose steps, and whose outer loss, read data that are drawn where the loop stands.
protocol DrawsData: BilevelProblem {
  /// What draws, for one thread.
  func drawer() -> any DataDrawer
}

/// Draws the data of tasks, on one thread.
protocol DataDrawer: AnyObject {
  /// Writes what a step reads over what the task does not keep.
  ///
  /// - Parameters:
  ///   - block: The matrices of the task, one behind the other.
  ///   - step: The number of the step from 0; the number of steps for the outer loss.
  ///   - points: Where the inner variables lie, from `offset` on.
  ///   - offset: Where they begin.
  func draw(into block: Storage, step: Int, at points: Storage, from offset: Int)
}

extension BilevelProblem {
  /// Stops where data would have to be drawn at points that are not computed one after another.
  func requireFixedData(for purpose: String) {
    if self is any DrawsData {
      stop(
        "\(name): \(purpose) does not draw data on the way, as adjoint and checkpointed do; "
          + "drawn() has a problem on fixed data")
    }
  }
}
