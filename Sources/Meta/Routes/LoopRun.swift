import Nets
import Tape

/// The routines by which a loop is run forward, compiled for one size of task.
struct LoopRoutines: Sendable {
  /// From the outer variables to the start, and from a point to the next; nil where nothing moves.
  let start, step: Routine?
  /// From the end to the block `carried`.
  let outerLoss: Routine
  let steps: Int
  /// What draws the data of steps; nil where they are fixed.
  var drawing: (any DrawsData)?
  /// The counts of inner variables, of a point, and of what is carried.
  let innerCount, pointCount: Int
  var carriedCount: Int

  /// Each routine with how often it runs, by default forward once.
  func runs(forwardSteps: Int? = nil) -> [RoutineRuns] {
    [(start, 1), (step, forwardSteps ?? steps), (outerLoss, 1)].compactMap { routine, times in
      routine.map { ($0, times) }
    }
  }

  /// What such runs take, with room for so many points.
  ///
  /// - Parameter vectors: The count of numbers that are worked with beside them.
  func cost(of runs: [RoutineRuns], places: Int, vectors: Int = 0) -> Cost {
    let kept = places * pointCount + carriedCount + numberCount(runs.map(\.routine)) + vectors
    return runs.reduce(into: Cost(peakBytes: kept * MemoryLayout<Double>.stride)) { total, run in
      let part = run.routine.program.cost
      total.instructions += run.times * part.instructions
      total.multiplyAdds += run.times * part.multiplyAdds
      total.peakBytes += part.peakBytes
    }
  }

  /// How many numbers of steps are written down.
  fileprivate func numberCount(_ routines: [Routine]) -> Int {
    routines.contains { $0.reads(.number) } ? max(steps, 1) : 0
  }
}

/// A routine, and how often it runs.
typealias RoutineRuns = (routine: Routine, times: Int)

extension [RoutineRuns] {
  /// The lines of the programs.
  var lines: Int { reduce(0) { $0 + $1.routine.program.recording.instructions.count } }
}

/// The memory in which one thread runs a loop: the points that are kept, and what is carried.
final class LoopRun {
  private let routines: LoopRoutines
  private let start, step: BoundRoutine?
  private let outerLoss: BoundRoutine
  private let all: [BoundRoutine]
  /// The points, one behind the other.
  let path: Storage
  /// The outer loss, then its gradient by what is learned and by the point as it is carried back.
  let carried: Storage
  /// 1, 2, 3 and so on, where a step reads its number.
  private let numbers: Storage
  private let drawer: (any DataDrawer)?
  /// The task, where its data are drawn.
  private var task: LoadedTask?
  /// The steps whose data were drawn for the task.
  private var drawnCount = 0

  /// Reserves it.
  ///
  /// - Parameters:
  ///   - places: How many points there is room for.
  ///   - others: Further routines that read the task, or what is carried.
  init(_ routines: LoopRoutines, places: Int, outer: Storage, with others: [BoundRoutine] = []) {
    self.routines = routines
    start = routines.start.map { BoundRoutine($0, outer: outer) }
    step = routines.step.map { BoundRoutine($0, outer: outer) }
    outerLoss = BoundRoutine(routines.outerLoss, outer: outer)
    all = [start, step, outerLoss].compactMap(\.self) + others
    path = Storage(capacity: places * routines.pointCount)
    carried = Storage(capacity: routines.carriedCount)
    let count = routines.numberCount(all.map(\.routine))
    drawer = routines.drawing?.drawer()
    numbers = Storage(capacity: count)
    numbers.write((0..<count).map { Double($0 + 1) }, at: 0)
    for bound in all { bound.bind(.carried, to: carried) }
  }

  /// Turns to a task, and puts the start into the first place.
  func begin(_ task: LoadedTask) {
    for bound in all { bound.bind(.task, to: task.block) }
    if drawer != nil {
      task.reserve(steps: routines.steps)
      (self.task, drawnCount) = (task, 0)
    }
    path.clear(routines.innerCount..<routines.pointCount)
    start?.run(into: path)
  }

  /// Lets a routine read the point in a place, and the number of a step from 0.
  func place(_ bound: BoundRoutine, at place: Int, step: Int) {
    bound.bind(.point, to: path, at: place * routines.pointCount)
    bound.bind(.number, to: numbers, at: step)
    bindDrawn(bound, step: step)
  }

  /// Lets a routine read the data that were drawn for a step, if any are.
  private func bindDrawn(_ bound: BoundRoutine, step: Int) {
    if let task { bound.bind(.task, to: task.drawn[step]) }
  }

  /// Draws the data of a step at the point in a place, unless a point that is computed again had them drawn before.
  private func draw(step: Int, at place: Int) {
    guard let drawer, let task, step == drawnCount else { return }
    drawer.draw(
      into: task.drawn[step], step: step, at: path, from: place * routines.pointCount)
    drawnCount += 1
  }

  /// Takes a step from the point in one place into another, or in place.
  func forward(step index: Int, from: Int, to: Int) {
    guard let step else { return }
    draw(step: index, at: from)
    place(step, at: from, step: index)
    step.run(into: path, at: to * routines.pointCount)
  }

  /// Takes all steps in the first place.
  func forward() {
    for index in 0..<routines.steps { forward(step: index, from: 0, to: 0) }
  }

  /// Computes the outer loss and its gradient at the end, into what is carried.
  func judge(at index: Int) {
    carried.clear(0..<routines.carriedCount)
    judge(at: index, into: carried)
  }

  /// Computes what is judged at the end.
  func judge(at index: Int, into storage: Storage) {
    draw(step: routines.steps, at: index)
    place(outerLoss, at: index, step: max(routines.steps - 1, 0))
    bindDrawn(outerLoss, step: routines.steps)
    outerLoss.run(into: storage)
  }

  var reservedBytes: Int {
    all.reduce(0) { $0 + $1.workspace.reservedBytes }
      + (path.reservedCount + carried.reservedCount + numbers.reservedCount)
      * MemoryLayout<Double>.stride
  }
}
