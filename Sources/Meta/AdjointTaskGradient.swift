import Nets
import Tape

/// The route `adjoint`: forward over the steps, then backward with one Hessian-vector product each.
///
/// With θₜ₊₁ = θₜ − α ∂L(θₜ) on the adapted parameters, the gradient v of the query loss at the last
/// θ is carried back by v ← v − α H(θₜ) vₐ, where vₐ is v on the adapted parameters and H the Hessian
/// of the support loss. First order carries it back unchanged.
struct AdjointTaskGradient: TaskGradient {
  private let loop: InnerLoop
  private let layout: Layout
  private let query: Program
  /// A step forward and a step back; nil where nothing adapts.
  private let step: Program?
  private let back: Program?

  /// Which parameters adapt, and where each lies in the block of all.
  private struct Layout {
    let adapted: [Int]
    let fixed: [Int]
    let shapes: [Shape]
    var offsets: [Int] = [0]

    init(_ loop: InnerLoop, _ parameters: [ParameterDescription]) {
      adapted = loop.adaptation.positions(in: parameters)
      fixed = parameters.indices.filter { [adapted] in !adapted.contains($0) }
      shapes = parameters.map(\.shape)
      for shape in shapes { offsets.append(offsets[offsets.count - 1] + shape.count) }
    }

    var parameterCount: Int { offsets[shapes.count] }
    var adaptedCount: Int { adapted.reduce(0) { $0 + shapes[$1].count } }
  }

  init(_ network: any Network, _ loss: Loss, _ loop: InnerLoop, _ shapes: TaskShapes) {
    self.loop = loop
    let layout = Layout(loop, network.parameters)
    self.layout = layout
    let on = TaskTape(network, shapes)
    let all = on.parameters.values
    let parameters = (layout.adapted + layout.fixed).map { all[$0] }
    func supportLoss(_ parameters: Parameters<Variable>) -> Variable {
      loss(network(on.support.inputs, parameters), on.support.targets)
    }

    let metaLoss = on.tape.from("query loss") {
      loss(network(on.query.inputs, on.parameters), on.query.targets)
    }
    query = Program(
      inputs: parameters + on.query.all, outputs: [metaLoss] + gradient(of: metaLoss, wrt: all))
    if layout.adapted.isEmpty {
      (step, back) = (nil, nil)
      return
    }

    let single = InnerLoop(adapting: loop.adaptation, steps: 1, order: loop.order)
    let stepped = single.adapt(on.parameters, rate: on.rate, objective: supportLoss)
    let data = [on.rate] + on.support.all
    step = Program(inputs: parameters + data, outputs: layout.adapted.map { stepped[$0] })

    let carried = on.parameters.map { on.tape.input(Matrix($0.shape, repeating: 0)) }
    let inner = on.tape.from("support loss") { supportLoss(on.parameters) }
    let descent = -on.rate
    let curvature = jacobianVectorProduct(
      of: gradient(of: inner, wrt: all),
      wrt: layout.adapted.map { all[$0] }, along: layout.adapted.map { carried[$0] })
    back = Program(
      inputs: parameters + data + carried.values,
      outputs: zip(carried.values, curvature).map { $0 + descent * $1 })
  }

  /// The points of the path that are kept: all for the way back, the last two without one.
  private var keptPoints: Int { loop.order == .exact ? loop.steps + 1 : 2 }

  var cost: Cost {
    let backSteps = loop.order == .exact ? loop.steps : 0
    let costs = (step: step?.cost ?? Cost(), query: query.cost, back: back?.cost ?? Cost())
    func total(_ part: (Cost) -> Int) -> Int {
      loop.steps * part(costs.step) + part(costs.query) + backSteps * part(costs.back)
    }
    let kept = keptPoints * layout.adaptedCount + layout.parameterCount + 1
    return Cost(
      instructions: total(\.instructions), multiplyAdds: total(\.multiplyAdds),
      peakBytes: costs.step.peakBytes + costs.query.peakBytes + costs.back.peakBytes
        + kept * MemoryLayout<Double>.stride)
  }

  var lines: Int {
    [step, query, back].reduce(0) { $0 + ($1?.recording.instructions.count ?? 0) }
  }

  func runner(parameters: Storage) -> any TaskRunner { Runner(self, parameters) }
}

extension AdjointTaskGradient {
  private final class Runner: TaskRunner {
    private let source: AdjointTaskGradient
    private let parameters: Storage
    private let query: Workspace
    private let step: Workspace?
    private let back: Workspace?
    /// The adapted parameters after each step, one point behind the other.
    private let path: Storage
    /// The query loss, then its gradient as it is carried back.
    private let carried: Storage

    init(_ source: AdjointTaskGradient, _ parameters: Storage) {
      self.source = source
      self.parameters = parameters
      let layout = source.layout
      query = Workspace(for: source.query)
      step = source.step.map { Workspace(for: $0) }
      back = source.back.map { Workspace(for: $0) }
      path = Storage(capacity: source.keptPoints * layout.adaptedCount)
      carried = Storage(capacity: layout.parameterCount + 1)
      let firstFixed = layout.adapted.count
      let rate = layout.shapes.count
      for workspace in [query, step, back] {
        for (index, position) in layout.fixed.enumerated() {
          let input = firstFixed + index
          workspace?.bind(input..<input + 1, to: parameters, at: layout.offsets[position])
        }
      }
      for workspace in [step, back] {
        workspace?.bind(rate..<rate + 1, to: parameters, at: layout.parameterCount)
      }
      back?.bind(rate + 3..<2 * rate + 3, to: carried, at: 1)
    }

    func run(_ task: LoadedTask, addingTo sum: Storage) {
      let layout = source.layout
      let steps = source.loop.steps
      let adapted = 0..<layout.adapted.count
      func point(_ step: Int) -> Int { step % source.keptPoints * layout.adaptedCount }

      var offset = 0
      for position in layout.adapted {
        let count = layout.shapes[position].count
        path.copy(
          parameters, layout.offsets[position]..<layout.offsets[position] + count, to: offset)
        offset += count
      }
      let afterRate = layout.shapes.count + 1
      for workspace in [step, back] {
        workspace?.bind(afterRate..<afterRate + 2, to: task.block, at: 0)
      }
      for index in 0..<steps {
        step?.bind(adapted, to: path, at: point(index))
        step?.run()
        step?.copyOutputs(adapted, to: path, at: point(index + 1))
      }
      query.bind(adapted, to: path, at: point(steps))
      query.bind(
        layout.shapes.count..<layout.shapes.count + 2, to: task.block, at: task.queryOffset)
      query.run()
      query.copyOutputs(0..<layout.shapes.count + 1, to: carried, at: 0)
      if source.loop.order == .exact {
        for index in (0..<steps).reversed() {
          back?.bind(adapted, to: path, at: point(index))
          back?.run()
          back?.copyOutputs(0..<layout.shapes.count, to: carried, at: 1)
        }
      }
      sum.add(carried, 0..<layout.parameterCount + 1)
    }
  }
}
