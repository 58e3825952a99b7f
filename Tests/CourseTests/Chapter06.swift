import Meta
import Nets
import Tape

/// The blocks of `docs/course/06-three-instruments.md`.
func chapter06(_ print: (Any) -> Void) throws {
  // begin
  let one = { (x: Double, y: Double) in LabelledPoints(inputs: Matrix(x), targets: Matrix(y)) }
  let problem = try MetaProblem(
    network: LinearModel(inputs: 1), loss: .meanSquaredError, parameters: [Matrix(3)], steps: 3,
    learningRate: 0.25, tasks: [LearningTask(support: one(1, 1), query: one(1, -1))])
  let comparison = problem.comparison(.maml)
  print("exact \(comparison.exact.gradient[0]), first order \(comparison.firstOrder.gradient[0])")
  // end

  // begin
  let ledger = problem.ledger(.maml)
  print("first order \(ledger.firstOrder[0])")
  for entry in ledger.entries { print("\(entry.path): \(entry.term[0])") }
  print("together \(ledger.difference[0]), exact \(ledger.exact[0])")
  // end

  // begin
  for last in 0...3 {
    print("last \(last): \(problem.metaGradient(.maml, order: .lastSteps(last)).gradient[0])")
  }
  for weight in [0, 0.5, 1] {
    print("λ \(weight): \(problem.metaGradient(.maml, order: .scaled(by: weight)).gradient[0])")
  }
  // end

  // begin
  func toZero(_ rows: [[Double]]) throws -> LabelledPoints<Matrix> {
    LabelledPoints(
      inputs: try Matrix(rows), targets: Matrix(Shape(rows.count, 1), repeating: 0))
  }
  let valley = try MetaProblem(
    network: LinearModel(inputs: 2), loss: .halfMeanSquaredError,
    parameters: [try Matrix([[2], [1]])], steps: 1, learningRate: 0.25,
    tasks: [LearningTask(support: toZero([[2, 0], [0, 0]]), query: toZero([[1, 1], [1, -1]]))])
  func rounded(_ number: Double?) -> Double { ((number ?? 0) * 1000).rounded() / 1000 }
  for length in [0.0009765625, 1.25] {
    let dial = valley.dial(.maml, weights: [0, 0.5, 1], stepLength: length)
    let best = dial.byWeight[2].decrease
    for setting in dial.byWeight {
      let share = rounded(setting.decrease / best)
      print("\(setting.order): cosine \(rounded(setting.gap.cosine)), decrease \(share) of exact")
    }
  }
  // end

  // begin
  let point = { (x: [Double]) in
    LabelledPoints(inputs: try Matrix([x]), targets: Matrix(0))
  }
  let field = try MetaProblem(
    network: LinearModel(inputs: 2), loss: .halfMeanSquaredError,
    parameters: [try Matrix([[2], [1]])], steps: 1, learningRate: 0.5,
    tasks: [LearningTask(support: try point([1, 0]), query: try point([1, 1]))])
  var generator = SeededGenerator(seed: 1)
  for method in Method.maml.bothOrders {
    let test = field.curlTest(method, using: &generator)
    print("\(method.rawValue): ‖J − Jᵀ‖ \(rounded(test.asymmetry)), curl \(rounded(test.curl))")
  }
  // end

  // begin
  let tape = GradientTape()
  let theta = tape.input(try Matrix([[2], [1]]), named: "θ")
  let units = [tape.constant(try Matrix([[1], [0]])), tape.constant(try Matrix([[0], [1]]))]
  func half(_ vector: Variable, along x: Variable) -> Variable {
    let output = (vector * x).sum()
    return 0.5 * output * output
  }
  let start = Parameters(
    [ParameterDescription(name: "θ", shape: theta.shape, role: .head)], [theta])
  let adapted = InnerLoop(adapting: .all, steps: 1, order: .firstOrder)
    .adapt(start, rate: tape.constant(0.5)) { half($0[0], along: units[0]) }[0]
  let stopped = gradient(of: half(adapted, along: units[0] + units[1]), wrt: theta)
  let rows = units.map { gradient(of: (stopped * $0).sum(), wrt: theta).value.elements }
  print("F \(stopped.value.elements), J \(rows)")
  // end

  // begin
  let moved = theta - 0.5 * gradient(of: half(theta, along: units[0]), wrt: theta)
  let slope = gradient(at: moved) { half($0, along: units[0] + units[1]) }
  let trueRows = units.map { gradient(of: (slope * $0).sum(), wrt: theta).value.elements }
  print("F \(slope.value.elements), J \(trueRows)")
  // end

  // begin
  let steep = try problem.with(learningRate: 0.75)
  print(steep.ledger(.maml).entries.map { $0.term[0].elements[0] })
  print(steep.ledger(.maml).exact[0])
  // end

  // begin
  let pair = try MetaProblem(
    network: field.network, loss: field.loss, parameters: field.parameters.values, steps: 1,
    learningRate: 0.5,
    tasks: field.tasks + [LearningTask(support: try point([0, 1]), query: try point([1, 1]))])
  print("curl \(pair.curlTest(.firstOrderMAML, using: &generator).curl)")
  print("angle \(rounded(pair.comparison(.maml).gap.angle))")
  // end
}
