public import Nets
public import Tape

/// The inner loop of a problem, compiled to be run on tasks without a gradient by what is outside: what adaptation
/// is after training is done.
///
/// It belongs to one thread at a time.
public final class InnerRun {
  private let descriptions: [ParameterDescription]
  private let shapes: [Shape]
  private let names: [String]
  private let start: BoundRoutine?
  private let step: BoundRoutine?
  private let outerLoss: BoundRoutine
  private let number = Storage(capacity: 1)
  private let point: Storage
  private let loss = Storage(capacity: 1)
  private let stateRange: Range<Int>

  /// Compiles the loop for tasks whose matrices have the shapes of those of `task`.
  ///
  /// - Precondition: The parts of the problem fit each other; anything else stops with a message.
  /// - Complexity: O(lines of one step), whatever the number of steps.
  public init(_ problem: some BilevelProblem, for task: Parameters<Matrix>) {
    problem.check()
    problem.requireFixedData(for: "an inner run")
    let parts = LoopParts(problem, task)
    let outer = Storage(capacity: problem.outer.shapes.offsets().last ?? 0)
    outer.write(problem.outer.flattened, at: 0)
    (descriptions, shapes, names) = (parts.begin.inner.descriptions, task.shapes, task.names)
    start = parts.startRoutine().map { BoundRoutine($0, outer: outer) }
    step = start == nil ? nil : BoundRoutine(parts.stepRoutine(parts.step()), outer: outer)
    outerLoss = BoundRoutine(Routine(parts.blocks, [(0, parts.outerLoss())]), outer: outer)
    let count = parts.pointOffsets.last ?? 0
    point = Storage(capacity: count)
    stateRange = (parts.point.inner.shapes.offsets().last ?? 0)..<count
    for bound in [start, step, outerLoss].compactMap(\.self) {
      bound.bind(.point, to: point)
      bound.bind(.number, to: number)
    }
  }

  /// Runs so many steps on a task.
  ///
  /// - Complexity: One gradient of the inner loss a step; memory for one point.
  /// - Parameters:
  ///   - task: The matrices, of the shapes that were said; others stop with a message.
  ///   - steps: How many steps are taken.
  ///   - visit: Is told of each point, from the start on: the steps that led there, and the point itself.
  public func run(
    on task: Parameters<Matrix>, steps: Int, _ visit: (_ steps: Int, _ here: InnerRun) -> Void
  ) {
    if task.shapes != shapes || task.names != names {
      stop("InnerRun: \(task.names) of \(task.shapes) for \(names) of \(shapes)")
    }
    if steps < 0 { stop("InnerRun: steps is at least 0, but is \(steps)") }
    let data = Storage(capacity: shapes.offsets().last ?? 0)
    data.write(task.flattened, at: 0)
    for bound in [start, step, outerLoss].compactMap(\.self) { bound.bind(.task, to: data) }
    start?.run(into: point)
    point.clear(stateRange)
    visit(0, self)
    for index in 0..<steps {
      number.write([Double(index + 1)], at: 0)
      step?.run(into: point)
      visit(index + 1, self)
    }
  }

  /// The inner variables where the run stands.
  public var inner: Parameters<Matrix> {
    Parameters(descriptions, point.matrices(descriptions.map(\.shape), at: 0))
  }

  /// The outer loss where the run stands, evaluated when it is asked for.
  public var currentLoss: Double {
    outerLoss.run(into: loss)
    return loss.read(0, 1)[0]
  }
}

extension BilevelProblem {
  /// The inner variables after so many steps on a task, by default as many as the problem takes.
  ///
  /// - Complexity: Compiles one step, then one gradient of the inner loss a step; ``InnerRun`` compiles once for
  ///   many tasks.
  public func adapted(to task: Parameters<Matrix>, steps: Int? = nil) -> Parameters<Matrix> {
    let run = InnerRun(self, for: task)
    run.run(on: task, steps: steps ?? self.steps) { _, _ in }
    return run.inner
  }

  /// By task, the outer loss after 0, 1, 2 steps and so on; no gradient by what is outside is computed.
  ///
  /// - Parameter steps: The most steps; by default as many as the problem takes.
  /// - Complexity: For each task one gradient of the inner loss and one outer loss a step.
  public func losses(steps: Int? = nil) -> [[Double]] {
    var runs: [[Shape]: InnerRun] = [:]
    return taskData.map { task in
      let run = runs[task.shapes] ?? InnerRun(self, for: task)
      runs[task.shapes] = run
      var losses: [Double] = []
      run.run(on: task, steps: steps ?? self.steps) { _, here in losses.append(here.currentLoss) }
      return losses
    }
  }

  /// The mean over tasks of the outer loss after 0, 1, 2 steps and so on: how well the start adapts.
  ///
  /// - Parameter steps: The most steps; by default as many as the problem takes.
  public func meanLosses(steps: Int? = nil) -> [Double] {
    let byTask = losses(steps: steps)
    return (0...(steps ?? self.steps)).map { step in
      byTask.reduce(0) { $0 + $1[step] } / Double(byTask.count)
    }
  }
}

extension MetaProblem {
  /// All parameters of the network after so many steps on a task's support set; those that do not adapt as they
  /// are.
  public func adapted(to task: LearningTask, steps: Int? = nil) -> Parameters<Matrix> {
    parameters.replacing(adapted(to: task.data, steps: steps))
  }

  /// What the network says of inputs after so many steps on a task's support set, one row a point.
  public func predictions(
    for inputs: Matrix, after task: LearningTask, steps: Int? = nil
  ) -> Matrix {
    let tape = GradientTape()
    return network(tape.constant(inputs), adapted(to: task, steps: steps).recorded(on: tape)).value
  }
}
