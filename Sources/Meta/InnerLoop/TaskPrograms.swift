import Nets
import Synchronization
import Tape

/// What is computed from the recorded loop of each task, its steps told apart: compiled once for each size of
/// task, then run task by task.
struct TaskPrograms: Sendable {
  private let outer: [Matrix]
  private let tasks: [Parameters<Matrix>]
  private let programs: [[Shape]: Program]

  /// Compiles what `record` puts on the tape of a loop.
  ///
  /// - Parameter record: The outputs, and inputs of its own that stand after those of the task.
  init(
    _ problem: any BilevelProblem,
    _ record: (RecordedLoop) -> (outputs: [Variable], inputs: [Variable])
  ) {
    problem.check()
    (outer, tasks) = (problem.outer.values, problem.taskData)
    programs = Dictionary(
      uniqueKeysWithValues: problem.tasksBySize.map { shapes, tasks in
        let loop = RecordedLoop(
          problem, on: TaskTape(problem, sizedAs: tasks[0]),
          weights: Order.exact.weights(of: problem.steps), isApart: true)
        let (outputs, inputs) = record(loop)
        return (shapes, Program(inputs: loop.on.inputs + inputs, outputs: outputs))
      })
  }

  /// By task, what `body` makes of a workspace that has the outer variables and the task, but has not run.
  ///
  /// - Parameters:
  ///   - threads: How many tasks run at once; since each has a result of its own, the number does not change a bit.
  ///   - prepare: Makes what `body` needs beside a workspace, once for each: memory that is used again from task to
  ///     task.
  /// - Complexity: Memory for a workspace of each thread and size of task, and for the results.
  func map<Memory, Result: Sendable>(
    threads: Int, prepare: @escaping @Sendable (Workspace) -> Memory,
    _ body: @escaping @Sendable (_ task: Int, Workspace, Memory) -> Result
  ) -> [Result] {
    // More portions than threads, so that none waits long for another.
    let (count, portions) = (tasks.count, min(tasks.count, threads == 1 ? 1 : 16 * threads))
    let results = Mutex<[[Result]]>(Array(repeating: [], count: portions))
    let next = Atomic<Int>(0)
    WorkerPool(count: min(threads, portions)).run { _ in
      var workspaces = TaskWorkspaces(self, prepare)
      while case let portion = next.add(1, ordering: .relaxed).oldValue, portion < portions {
        let range = (count * portion / portions)..<(count * (portion + 1) / portions)
        let own = range.map { task in
          let (workspace, memory) = workspaces.workspace(for: task)
          return body(task, workspace, memory)
        }
        results.withLock { $0[portion] = own }
      }
    }
    return results.withLock { $0.flatMap(\.self) }
  }

  /// By task, the outputs.
  func outputs() -> [[Matrix]] {
    map(threads: 1, prepare: { _ in }) { _, workspace, _ in
      workspace.run()
      return workspace.program.outputs.indices.map { workspace.output($0) }
    }
  }

  /// The mean of the outputs over tasks, which agree in their shapes.
  func mean(_ inputs: [Matrix] = []) -> [Matrix] {
    let shapes = programs.values.first?.outputShapes ?? []
    let count = shapes.reduce(0) { $0 + $1.count }
    let sum = Storage(capacity: count)
    var workspaces = TaskWorkspaces(self) { workspace in
      for (position, value) in zip(workspace.program.inputs.indices.suffix(inputs.count), inputs) {
        workspace.setInput(position, to: value)
      }
    }
    for task in tasks.indices {
      let workspace = workspaces.workspace(for: task).workspace
      workspace.run()
      workspace.addOutputs(to: sum)
    }
    sum.scale(count, by: 1 / Double(tasks.count))
    return sum.matrices(shapes, at: 0)
  }

  /// The memory in which one thread runs the programs.
  private struct TaskWorkspaces<Memory> {
    private let source: TaskPrograms
    private let prepare: (Workspace) -> Memory
    private var known: [[Shape]: (workspace: Workspace, memory: Memory)] = [:]

    init(_ source: TaskPrograms, _ prepare: @escaping (Workspace) -> Memory) {
      (self.source, self.prepare) = (source, prepare)
    }

    /// The workspace for tasks of the size of one, with its matrices set.
    mutating func workspace(for index: Int) -> (workspace: Workspace, memory: Memory) {
      let task = source.tasks[index]
      let shapes = task.shapes
      let found = known[shapes] ?? new(shapes)
      known[shapes] = found
      for (position, value) in task.values.enumerated() {
        found.workspace.setInput(source.outer.count + position, to: value)
      }
      return found
    }

    private func new(_ shapes: [Shape]) -> (workspace: Workspace, memory: Memory) {
      guard let program = source.programs[shapes] else {
        stop("TaskPrograms: no program for a task of \(shapes)")
      }
      let workspace = Workspace(for: program)
      for (position, value) in source.outer.enumerated() {
        workspace.setInput(position, to: value)
      }
      return (workspace, prepare(workspace))
    }
  }
}
