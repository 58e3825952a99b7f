import Nets
import Tape

/// The query loss of one task after adaptation and its gradient, compiled for one size of task.
protocol TaskGradient: Sendable {
  /// The memory in which one thread evaluates it.
  ///
  /// - Parameter parameters: The block where the parameters lie, one behind the other, then the rate.
  func runner(parameters: Storage) -> any TaskRunner

  /// What one evaluation takes.
  var cost: Cost { get }

  /// The lines of its programs.
  var lines: Int { get }
}

/// The memory in which one thread evaluates a task gradient.
protocol TaskRunner: AnyObject {
  /// Evaluates at a task, and adds the query loss and then the gradient to the numbers in `sum`.
  func run(_ task: LoadedTask, addingTo sum: Storage)

  /// The memory that it has reserved.
  var reservedBytes: Int { get }
}

/// The sizes of a task: tasks of equal sizes share their programs.
struct TaskShapes: Hashable {
  let support: [Shape]
  let query: [Shape]

  init(support: [Shape], query: [Shape]) {
    (self.support, self.query) = (support, query)
  }

  init(_ task: LearningTask) {
    support = [task.support.inputs.shape, task.support.targets.shape]
    query = [task.query.inputs.shape, task.query.targets.shape]
  }
}

/// A tape with the inputs of a task's programs on it.
struct TaskTape {
  let tape = GradientTape()
  let parameters: Parameters<Variable>
  let rate: Variable
  let support: LabelledPoints<Variable>
  let query: LabelledPoints<Variable>

  /// Names the inputs of a task of the given sizes, all zero.
  init(_ network: any Network, _ shapes: TaskShapes) {
    func blank(_ shape: Shape) -> Matrix { Matrix(shape, repeating: 0) }
    self.init(
      parameters: Parameters(network.parameters, network.parameters.map { blank($0.shape) }),
      rate: 0,
      LearningTask(
        support: .init(inputs: blank(shapes.support[0]), targets: blank(shapes.support[1])),
        query: .init(inputs: blank(shapes.query[0]), targets: blank(shapes.query[1]))))
  }

  /// Names the inputs of a task, with their values.
  init(parameters: Parameters<Matrix>, rate: Double, _ task: LearningTask) {
    let tape = self.tape
    func named(_ points: LabelledPoints<Matrix>, _ name: String) -> LabelledPoints<Variable> {
      LabelledPoints(
        inputs: tape.input(points.inputs, named: "\(name) inputs"),
        targets: tape.input(points.targets, named: "\(name) targets"))
    }
    self.parameters = parameters.recorded(on: tape)
    self.rate = tape.input(Matrix(rate), named: "learning rate")
    support = named(task.support, "support")
    query = named(task.query, "query")
  }
}

extension TaskTape {
  /// The shape that the network gives to the outputs of the support set; recorded, not computed.
  func outputs(of network: any Network) -> Shape { network(support.inputs, parameters).shape }
}

extension TaskTape {
  /// Records the inner loop, the query loss at its end, and the gradient through it.
  func unrolled(
    _ network: any Network, _ loss: Loss, _ loop: InnerLoop
  ) -> (loss: Variable, gradient: [Variable]) {
    let adapted = loop.adapt(parameters, rate: rate) { parameters in
      loss(network(support.inputs, parameters), support.targets)
    }
    let metaLoss = tape.from("query loss") {
      loss(network(query.inputs, adapted), query.targets)
    }
    return (metaLoss, gradient(of: metaLoss, wrt: parameters.values))
  }
}

/// The route `unrolled`: a reverse sweep over the recorded inner loop.
struct UnrolledTaskGradient: TaskGradient {
  let program: Program

  init(_ network: any Network, _ loss: Loss, _ loop: InnerLoop, _ shapes: TaskShapes) {
    let on = TaskTape(network, shapes)
    let (metaLoss, gradient) = on.unrolled(network, loss, loop)
    program = Program(
      inputs: on.parameters.values + [on.rate] + on.support.all + on.query.all,
      outputs: [metaLoss] + gradient)
  }

  func runner(parameters: Storage) -> any TaskRunner { Runner(program, parameters) }

  var cost: Cost { program.cost }
  var lines: Int { program.recording.instructions.count }
}

extension UnrolledTaskGradient {
  private final class Runner: TaskRunner {
    private let workspace: Workspace
    private let firstOfTask: Int

    init(_ program: Program, _ parameters: Storage) {
      workspace = Workspace(for: program)
      firstOfTask = program.inputs.count - 4
      workspace.bind(0..<firstOfTask, to: parameters, at: 0)
    }

    var reservedBytes: Int { workspace.reservedBytes }

    func run(_ task: LoadedTask, addingTo sum: Storage) {
      workspace.bind(firstOfTask..<firstOfTask + 4, to: task.block, at: 0)
      workspace.run()
      workspace.addOutputs(to: sum)
    }
  }
}

extension LabelledPoints {
  /// Inputs, then targets, as programs take them.
  var all: [Value] { [inputs, targets] }
}
