import Nets
import Tape

/// The route `adjoint`: forward over the steps, then backward over one step at a time.
///
/// With gradient descent, θₜ₊₁ = θₜ − α ∂L(θₜ) on the adapted parameters, the gradient v of the query
/// loss at the last θ is carried back by v ← v − α H(θₜ) vₐ, where vₐ is v on the adapted parameters
/// and H the Hessian of the support loss. First order carries it back unchanged. With another rule,
/// what it remembers is carried along.
struct AdjointTaskGradient: TaskGradient {
  private let loop: InnerLoop
  private let layout: Layout
  private let query: Program
  /// A step forward; nil where nothing adapts.
  private let step: Program?
  /// By the weight of the second-order path, a step back; none where it changes nothing.
  private let backs: [Double: Program]

  /// Which parameters adapt, and where each lies in the block of all.
  private struct Layout {
    let adapted: [Int]
    let fixed: [Int]
    let shapes: [Shape]
    var offsets: [Int] = [0]
    /// The shapes of what the rule remembers.
    let state: [Shape]

    init(_ loop: InnerLoop, _ parameters: [ParameterDescription]) {
      adapted = loop.adaptation.positions(in: parameters)
      fixed = parameters.indices.filter { [adapted] in !adapted.contains($0) }
      shapes = parameters.map(\.shape)
      for shape in shapes { offsets.append(offsets[offsets.count - 1] + shape.count) }
      state = adapted.flatMap { [shapes] in
        Array(repeating: shapes[$0], count: loop.rule.stateCount)
      }
    }

    var parameterCount: Int { offsets[shapes.count] }
    var adaptedCount: Int { adapted.reduce(0) { $0 + shapes[$1].count } }
    var stateCount: Int { state.reduce(0) { $0 + $1.count } }
    /// The inputs of a step that change from one to the next: adapted parameters, then state.
    var moving: Range<Int> { 0..<adapted.count + state.count }
    var movingCount: Int { adaptedCount + stateCount }
  }

  init(_ network: any Network, _ loss: Loss, _ loop: InnerLoop, _ shapes: TaskShapes) {
    self.loop = loop
    let layout = Layout(loop, network.parameters)
    self.layout = layout
    let on = TaskTape(network, shapes)
    func blank(_ shape: Shape) -> Variable { on.tape.input(Matrix(shape, repeating: 0)) }
    let all = on.parameters.values
    let (adapted, fixed) = (layout.adapted.map { all[$0] }, layout.fixed.map { all[$0] })

    let metaLoss = on.tape.from("query loss") {
      loss(network(on.query.inputs, on.parameters), on.query.targets)
    }
    query = Program(
      inputs: adapted + fixed + on.query.all,
      outputs: [metaLoss] + gradient(of: metaLoss, wrt: all))
    if layout.adapted.isEmpty {
      (step, backs) = (nil, [:])
      return
    }

    var start = loop.start(on.parameters)
    start.state = start.state.map { $0.map { blank($0.shape) } }
    let one = InnerStep(loop, from: start, rate: on.rate) { parameters in
      loss(network(on.support.inputs, parameters), on.support.targets)
    }
    let inputs = start.moving(layout.adapted) + fixed + [on.rate] + on.support.all
    step = Program(inputs: inputs, outputs: one.moved)

    let carried = InnerStep.Carried(
      parameters: all.map { blank($0.shape) }, state: layout.state.map(blank))
    backs = Dictionary(
      uniqueKeysWithValues: Set(loop.weights).compactMap { weight in
        let result = one.carriedBack(carried, weight: weight)
        let program = Program(
          inputs: inputs + carried.parameters + carried.state,
          outputs: result.parameters + result.state)
        return program.isIdentity(from: inputs.count) ? nil : (weight, program)
      })
  }

  /// The points of the path that are kept: all for the way back, the last two without one.
  private var keptPoints: Int {
    backs.isEmpty ? 2 : loop.steps + 1
  }

  var cost: Cost {
    let weights = loop.weights
    let repeated =
      [(step, loop.steps)]
      + backs.map { weight, back in
        (back, weights.count { $0 == weight })
      }
    let kept =
      keptPoints * layout.movingCount + layout.parameterCount + layout.stateCount + 1
    var total = query.cost
    total.peakBytes += kept * MemoryLayout<Double>.stride
    for (program, times) in repeated {
      guard let part = program?.cost else { continue }
      total.instructions += times * part.instructions
      total.multiplyAdds += times * part.multiplyAdds
      total.peakBytes += part.peakBytes
    }
    return total
  }

  var lines: Int {
    ([step, query] + backs.values.map { $0 }).reduce(0) {
      $0 + ($1?.recording.instructions.count ?? 0)
    }
  }

  func runner(parameters: Storage) -> any TaskRunner { Runner(self, parameters) }
}

extension Program {
  /// Whether the outputs are the inputs from position `first` on, so that there is nothing to run.
  fileprivate func isIdentity(from first: Int) -> Bool { outputs == Array(inputs[first...]) }
}

extension AdjointTaskGradient {
  private final class Runner: TaskRunner {
    private let source: AdjointTaskGradient
    private let parameters: Storage
    private let query: Workspace
    private let step: Workspace?
    /// The way back over each step; steps of equal weight share their memory.
    private let back: [Workspace?]
    /// Each workspace once.
    private let workspaces: [Workspace]
    /// The adapted parameters and the rule's state after each step, one point behind the other.
    private let path: Storage
    /// The query loss, then its gradient by parameters and state as it is carried back.
    private let carried: Storage

    init(_ source: AdjointTaskGradient, _ parameters: Storage) {
      self.source = source
      self.parameters = parameters
      let layout = source.layout
      query = Workspace(for: source.query)
      step = source.step.map { Workspace(for: $0) }
      let shared = source.backs.mapValues { Workspace(for: $0) }
      let loop = source.loop
      back = loop.weights.map { shared[$0] }
      path = Storage(capacity: source.keptPoints * layout.movingCount)
      carried = Storage(capacity: layout.parameterCount + layout.stateCount + 1)

      let stepping = [step] + shared.values.map { $0 }
      workspaces = ([query] + stepping).compactMap(\.self)
      func bindFixed(_ workspace: Workspace?, from first: Int) {
        for (index, position) in layout.fixed.enumerated() {
          workspace?.bind(
            first + index..<first + index + 1, to: parameters, at: layout.offsets[position])
        }
      }
      bindFixed(query, from: layout.adapted.count)
      let rate = layout.moving.count + layout.fixed.count
      for workspace in stepping {
        bindFixed(workspace, from: layout.moving.count)
        workspace?.bind(rate..<rate + 1, to: parameters, at: layout.parameterCount)
      }
      for workspace in shared.values {
        workspace.bind(
          rate + 3..<rate + 3 + layout.shapes.count + layout.state.count, to: carried, at: 1)
      }
    }

    var reservedBytes: Int {
      workspaces.reduce(0) { $0 + $1.reservedBytes }
        + (path.reservedCount + carried.reservedCount) * MemoryLayout<Double>.stride
    }

    func run(_ task: LoadedTask, addingTo sum: Storage) {
      let layout = source.layout
      let steps = source.loop.steps
      let moving = layout.moving
      func point(_ step: Int) -> Int { step % source.keptPoints * layout.movingCount }

      var offset = 0
      for position in layout.adapted {
        let count = layout.shapes[position].count
        path.copy(
          parameters, layout.offsets[position]..<layout.offsets[position] + count, to: offset)
        offset += count
      }
      path.clear(layout.adaptedCount..<layout.movingCount)
      let support = moving.count + layout.fixed.count + 1
      step?.bind(support..<support + 2, to: task.block, at: 0)
      for index in 0..<steps {
        step?.bind(moving, to: path, at: point(index))
        step?.run()
        step?.copyOutputs(moving, to: path, at: point(index + 1))
      }
      query.bind(0..<layout.adapted.count, to: path, at: point(steps))
      query.bind(
        layout.shapes.count..<layout.shapes.count + 2, to: task.block, at: task.queryOffset)
      query.run()
      query.copyOutputs(0..<layout.shapes.count + 1, to: carried, at: 0)
      carried.clear(layout.parameterCount + 1..<layout.parameterCount + 1 + layout.stateCount)
      for index in (0..<steps).reversed() {
        guard let back = back[index] else { continue }
        back.bind(support..<support + 2, to: task.block, at: 0)
        back.bind(moving, to: path, at: point(index))
        back.run()
        back.copyOutputs(back.program.outputs.indices, to: carried, at: 1)
      }
      sum.add(carried, 0..<layout.parameterCount + 1)
    }
  }
}
