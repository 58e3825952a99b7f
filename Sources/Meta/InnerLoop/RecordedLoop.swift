import Nets
import Tape

/// The inner loop of one task on a tape with its steps told apart, and the way back over them.
///
/// Instruments read it; meta-gradients do not need it, and are the check on it.
struct RecordedLoop {
  let on: TaskTape
  let steps: [InnerStep]
  let metaLoss: Variable
  /// The gradient of the query loss by the parameters after the last step.
  let queryGradient: [Variable]

  init(_ problem: MetaProblem, _ method: Method, _ shapes: TaskShapes) {
    let (network, loss) = (problem.network, problem.loss)
    let loop = problem.innerLoop(method, order: .exact)
    let on = TaskTape(network, shapes)
    self.on = on
    var point = loop.start(on.parameters)
    steps = (0..<loop.steps).map { step in
      on.tape.from("inner step \(step + 1)") {
        let step = InnerStep(loop, from: point, rate: on.rate) { parameters in
          loss(network(on.support.inputs, parameters), on.support.targets)
        }
        point = step.end
        return step
      }
    }
    let last = point.parameters.map(\.onItsOwnLine)
    metaLoss = on.tape.from("query loss") {
      loss(network(on.query.inputs, last), on.query.targets)
    }
    queryGradient = Tape.gradient(of: metaLoss, wrt: last.values)
    endState = point.state.flatMap(\.self)
  }

  private let endState: [Variable]

  /// What the way back starts with: the last state reaches no loss.
  var end: InnerStep.Carried { reachingParameters(queryGradient) }

  /// A gradient by the parameters alone, as what is carried: zero by what the rule remembers.
  func reachingParameters(_ gradient: [Variable]) -> InnerStep.Carried {
    InnerStep.Carried(
      parameters: gradient,
      state: endState.map { on.tape.constant(Matrix($0.shape, repeating: 0)) })
  }

  /// The meta-gradient in which each step's second-order path has the weight that `order` gives it.
  func metaGradient(_ order: Order) -> [Variable] {
    var carried = end
    for (index, step) in steps.enumerated().reversed() {
      carried = step.carriedBack(
        carried, weight: order.weight(step: index + 1, of: steps.count))
    }
    return carried.parameters
  }

  /// The inputs of its programs: parameters, rate, support set, query set.
  var inputs: [Variable] { on.parameters.values + [on.rate] + on.support.all + on.query.all }
}

/// What is computed from the recorded loop of each task: compiled once for each size of task, then run
/// task by task.
struct TaskPrograms {
  private let problem: MetaProblem
  private let workspaces: [TaskShapes: Workspace]

  /// Compiles what `record` puts on the tape of a loop.
  ///
  /// - Parameter record: The outputs, and inputs of its own that stand after those of the task.
  init(
    _ problem: MetaProblem, _ method: Method,
    _ record: (RecordedLoop) -> (outputs: [Variable], inputs: [Variable])
  ) {
    self.problem = problem
    workspaces = Dictionary(
      uniqueKeysWithValues: Set(problem.tasks.map(TaskShapes.init)).map { shapes in
        let loop = RecordedLoop(problem, method, shapes)
        let (outputs, inputs) = record(loop)
        return (shapes, Workspace(for: Program(inputs: loop.inputs + inputs, outputs: outputs)))
      })
  }

  private func forEachTask(_ inputs: (Int) -> [Matrix], _ body: (Workspace) -> Void) {
    for (index, task) in problem.tasks.enumerated() {
      guard let workspace = workspaces[TaskShapes(task)] else {
        stop("TaskPrograms: no program for task \(index)")
      }
      let values =
        problem.parameters.values + [Matrix(problem.learningRate)] + task.support.all
        + task.query.all + inputs(index)
      for (position, value) in values.enumerated() { workspace.setInput(position, to: value) }
      workspace.run()
      body(workspace)
    }
  }

  /// By task, the outputs at inputs that may differ from task to task.
  func outputs(_ inputs: (_ task: Int) -> [Matrix] = { _ in [] }) -> [[Matrix]] {
    var all: [[Matrix]] = []
    forEachTask(inputs) { workspace in
      all.append(workspace.program.outputs.indices.map { workspace.output($0) })
    }
    return all
  }

  /// The mean of the outputs over tasks, which agree in their shapes.
  func mean(_ inputs: [Matrix] = []) -> [Matrix] {
    let shapes = workspaces.values.first?.program.outputShapes ?? []
    let count = shapes.reduce(0) { $0 + $1.count }
    let sum = Storage(capacity: count)
    forEachTask({ _ in inputs }) { $0.addOutputs(to: sum) }
    sum.scale(count, by: 1 / Double(problem.tasks.count))
    return sum.matrices(shapes, at: 0)
  }
}
