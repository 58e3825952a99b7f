import Nets
import Tape

/// The route `adjoint`: forward over the steps, then backward with one Hessian-vector product each.
///
/// With θₜ₊₁ = θₜ − α ∂L(θₜ) on the adapted parameters, the gradient v of the query loss at the last
/// θ is carried back by v ← v − α H(θₜ) vₐ, where vₐ is v on the adapted parameters and H the Hessian
/// of the support loss. First order carries it back unchanged.
struct AdjointTaskGradient: TaskGradient {
  private let loop: InnerLoop
  private let adapted: [Int]
  private let adaptedCount: Int
  private let step: Program
  private let query: Program
  private let back: Program

  init(_ network: any Network, _ loss: Loss, _ loop: InnerLoop, _ shapes: TaskShapes) {
    self.loop = loop
    adapted = loop.adaptation.positions(in: network.parameters)
    adaptedCount = adapted.reduce(0) { $0 + network.parameters[$1].shape.count }

    let on = TaskTape(network, shapes)
    let data = on.parameters.values + [on.rate] + on.support.all
    func supportLoss(_ parameters: Parameters<Variable>) -> Variable {
      loss(network(on.support.inputs, parameters), on.support.targets)
    }
    let single = InnerLoop(adapting: loop.adaptation, steps: 1, order: loop.order)
    step = Program(
      inputs: data,
      outputs: single.adapt(on.parameters, rate: on.rate, objective: supportLoss).values)

    let metaLoss = on.tape.from("query loss") {
      loss(network(on.query.inputs, on.parameters), on.query.targets)
    }
    query = Program(
      inputs: on.parameters.values + on.query.all,
      outputs: [metaLoss] + gradient(of: metaLoss, wrt: on.parameters.values))

    let carried = on.parameters.map { on.tape.input(Matrix($0.shape, repeating: 0)) }
    let inner = on.tape.from("support loss") { supportLoss(on.parameters) }
    let curvature = jacobianVectorProduct(
      of: gradient(of: inner, wrt: on.parameters.values),
      wrt: adapted.map { on.parameters[$0] }, along: adapted.map { carried[$0] })
    back = Program(
      inputs: data + carried.values,
      outputs: zip(carried.values, curvature).map { $0 - on.rate * $1 })
  }

  func callAsFunction(
    _ parameters: [Matrix], rate: Double, _ task: LearningTask
  ) -> (loss: Double, gradient: [Matrix]) {
    let data = [Matrix(rate)] + task.support.all
    var current = parameters
    var trajectory: [[Matrix]] = []  // only what adapts: the rest never changes
    for _ in 0..<loop.steps {
      if loop.order == .exact { trajectory.append(adapted.map { current[$0] }) }
      current = step.run(current + data)
    }
    let outputs = query.run(current + task.query.all)
    var carried = Array(outputs.dropFirst())
    while let before = trajectory.popLast() {
      for (position, value) in zip(adapted, before) { current[position] = value }
      carried = back.run(current + data + carried)
    }
    return (outputs[0].elements[0], carried)
  }

  var cost: Cost {
    let backSteps = loop.order == .exact ? loop.steps : 0
    func total(_ part: (Cost) -> Int) -> Int {
      loop.steps * part(step.cost) + part(query.cost) + backSteps * part(back.cost)
    }
    let trajectory = backSteps * (adaptedCount * 8 + adapted.count * bytesPerMatrix)
    return Cost(
      instructions: total(\.instructions), multiplyAdds: total(\.multiplyAdds),
      peakBytes: max(step.cost.peakBytes, query.cost.peakBytes, back.cost.peakBytes) + trajectory)
  }

  /// What a stored matrix takes beside its entries.
  private var bytesPerMatrix: Int { 64 }

  var lines: Int {
    [step, query, back].reduce(0) { $0 + $1.recording.instructions.count }
  }
}
