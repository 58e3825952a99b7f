import Meta
import Nets
import Tape

/// The blocks of `docs/course/09-your-own.md`.
func chapter09(_ print: (Any) -> Void) throws {
  // begin
  struct Momentum: UpdateRule {
    var decay = 0.5
    var stateCount: Int { 1 }

    func step(_ update: Update, state: inout [Variable]) -> Variable {
      state[0] = decay * state[0] + update.gradient
      return update.value - update.rate * state[0]
    }
  }
  let one = { (x: Double, y: Double) in LabelledPoints(inputs: Matrix(x), targets: Matrix(y)) }
  let byHand = try MetaProblem(
    network: LinearModel(inputs: 1), loss: .meanSquaredError, parameters: [Matrix(3)], steps: 2,
    learningRate: 0.125, rule: Momentum(),
    tasks: [LearningTask(support: one(1, 1), query: one(1, -1))])
  let both = byHand.comparison(.maml)
  print("exact \(both.exact.gradient[0]), first order \(both.firstOrder.gradient[0])")
  for entry in byHand.ledger(.maml).entries { print("\(entry.path): \(entry.term[0])") }
  // end

  // begin
  struct TanhNet: Network {
    let inputWidth = 1
    let hidden = 6
    let outputWidth = 1

    var parameters: [ParameterDescription] {
      [
        ParameterDescription(name: "V", shape: Shape(inputWidth, hidden), role: .body),
        ParameterDescription(name: "a", shape: Shape(1, hidden), role: .body),
        ParameterDescription(name: "W", shape: Shape(hidden, outputWidth), role: .head),
      ]
    }

    func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
      (inputs.matmul(parameters[0]) + parameters[1]).tanh().matmul(parameters[2])
    }
  }
  // end

  // begin
  struct Parabolas: TaskDistribution {
    func task(
      support: Int, query: Int, using generator: inout some RandomNumberGenerator
    ) -> LearningTask {
      let bend = Double.random(in: 0.5...1.5, using: &generator)
      let shift = Double.random(in: -1...1, using: &generator)
      func points(_ count: Int) -> LabelledPoints<Matrix> {
        let inputs = Matrix.gaussian(Shape(count, 1), deviation: 0.5, using: &generator)
        let targets = inputs.map { bend * ($0 - shift) * ($0 - shift) }
        return LabelledPoints(inputs: inputs, targets: targets)
      }
      return LearningTask(support: points(support), query: points(query))
    }
  }
  // end

  // begin
  var generator = SeededGenerator(seed: 1)
  let network = TanhNet()
  let problem = try MetaProblem(
    network: network, loss: .meanSquaredError,
    parameters: network.parameters.map { .gaussian($0.shape, deviation: 0.7, using: &generator) },
    steps: 2, learningRate: 0.1, rule: Momentum(),
    tasks: Parabolas().tasks(10, support: 8, query: 8, using: &generator))

  func rounded(_ number: Double?) -> Double { ((number ?? 0) * 100).rounded() / 100 }
  for family in Method.families {
    let gap = problem.comparison(family).gap
    print("\(family): cosine \(rounded(gap.cosine)), norm ratio \(rounded(gap.normRatio))")
  }
  for (step, _, term) in problem.ledger(.maml).bySteps {
    let squares = term.values.map { $0.elements.reduce(0) { $0 + $1 * $1 } }
    print("step \(step): \(squares.map { rounded($0.squareRoot()) })")
  }
  let diagnosis = problem.diagnosis(.maml, using: &generator)
  print("angle \(rounded(diagnosis.angle?.value)), verdict \(diagnosis.verdict.rawValue)")
  // end

  // begin
  for method in Method.maml.bothOrders {
    let check = problem.check(method, using: &generator)
    print("\(method.rawValue) passes: \(check.passes(tolerance: 1e-9))")
  }
  // end

  // begin
  struct UnitStep: UpdateRule {
    var epsilon = 0.0

    func step(_ update: Update, state: inout [Variable]) -> Variable {
      let gradient = update.gradient
      return update.value - update.rate * gradient / ((gradient * gradient).sum().sqrt() + epsilon)
    }
  }
  func solved(_ rule: UnitStep) throws -> MetaProblem {
    try MetaProblem(
      network: LinearModel(inputs: 1), loss: .meanSquaredError, parameters: [Matrix(1)], steps: 1,
      learningRate: 0.125, rule: rule, tasks: byHand.tasks)
  }
  let broken = try solved(UnitStep())
  print("loss is finite: \(broken.metaGradient(.maml).loss.isFinite)")
  if let (task, origin) = broken.nonFiniteOrigin(.maml) {
    print("task \(task), \(origin.operation), level \(origin.level)")
    print("in \(origin.source)")
    print("from \(origin.operands)")
  }
  let mended = try solved(UnitStep(epsilon: 1.0 / 1024))
  print("with epsilon: \(mended.metaGradient(.maml).gradient[0])")
  // end

  // begin
  struct SignStep: UpdateRule {
    func step(_ update: Update, state: inout [Variable]) -> Variable {
      update.value - update.rate * (2 * update.gradient.step() - 1)
    }
  }
  let signed = try MetaProblem(
    network: network, loss: problem.loss, parameters: problem.parameters.values, steps: 2,
    learningRate: 0.1, rule: SignStep(), tasks: problem.tasks)
  print("angle \(rounded(signed.comparison(.maml).gap.angle))")
  // end

  // begin
  struct Spoiled: UpdateRule {
    var stateCount: Int { 1 }

    func step(_ update: Update, state: inout [Variable]) -> Variable {
      state[0] = 0.5 * state[0] + update.gradient.stopGradient()
      return update.value - update.rate * state[0]
    }
  }
  let spoiled = try MetaProblem(
    network: network, loss: problem.loss, parameters: problem.parameters.values, steps: 2,
    learningRate: 0.1, rule: Spoiled(), tasks: problem.tasks)
  let result = spoiled.metaGradient(.maml)
  let terms = spoiled.ledger(.maml).entries.map(\.norm)
  let check = checkGradient(
    result.gradient.values,
    of: { parameters in
      let evaluator = MetaGradientEvaluator(spoiled, .maml)
      evaluator.setParameters(parameters, rate: 0.1)
      return evaluator.evaluate().loss
    }, at: spoiled.parameters.values, using: &generator)
  print("same loss \(result.loss == problem.metaGradient(.maml).loss), cuts \(result.cuts.count)")
  print("terms \(terms), check passes: \(check.passes(tolerance: 1e-9))")
  // end
}
