import Meta
import Nets
import Tape

/// The blocks of `docs/course/07-replay.md`.
func chapter07(_ print: (Any) -> Void) throws {
  // begin
  func recorded(at point: Double, rate: Double) -> (inputs: [Variable], outputs: [Variable]) {
    let tape = GradientTape()
    let theta = tape.input(Matrix(point), named: "θ")
    let alpha = tape.input(Matrix(rate), named: "α")
    let inner = gradient(of: (theta - 1) * (theta - 1), wrt: theta)
    let adapted = theta - alpha * inner
    let loss = (adapted + 1) * (adapted + 1)
    return ([theta, alpha], [loss, gradient(of: loss, wrt: theta)])
  }
  let (inputs, outputs) = recorded(at: 3, rate: 0.25)
  let program = Program(inputs: inputs, outputs: outputs)
  for point in [3.0, 1, -1] {
    print("at \(point): \(program.run([Matrix(point), Matrix(0.25)]).map(\.elements))")
  }
  // end

  // begin
  var generator = SeededGenerator(seed: 1)
  let agree = (0..<100).allSatisfy { _ in
    let point = Double.random(in: -3...3, using: &generator)
    let rate = Double.random(in: 0...1, using: &generator)
    let again = recorded(at: point, rate: rate).outputs.map { $0.value.elements.map(\.bitPattern) }
    let replay = program.run([Matrix(point), Matrix(rate)]).map { $0.elements.map(\.bitPattern) }
    return again == replay
  }
  print(agree)
  // end

  // begin
  let network = ReLUNetwork(sizes: [1, 20, 20, 1])
  let waves = Sinusoids()
  func sinusoids(seed: UInt64) throws -> MetaProblem {
    var generator = SeededGenerator(seed: seed)
    return try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.initialParameters(gain: 0.6, using: &generator).values, steps: 3,
      learningRate: 0.01, tasks: waves.tasks(8, support: 5, query: 5, using: &generator))
  }
  let problem = try sinusoids(seed: 1)
  let tape = GradientTape()
  let theta = problem.parameters.recorded(on: tape)
  let rate = tape.input(Matrix(0.01), named: "α")
  let data = problem.tasks[0]
  let points = [data.support, data.query].flatMap { [$0.inputs, $0.targets] }.map { tape.input($0) }
  let loop = InnerLoop(adapting: .all, steps: 3, order: .exact)
  let adapted = loop.adapt(theta, rate: rate) { problem.loss(network(points[0], $0), points[1]) }
  let metaLoss = problem.loss(network(points[2], adapted), points[3])
  let metaGradient = gradient(of: metaLoss, wrt: theta.values)
  let compiled = Program(
    inputs: theta.values + [rate] + points, outputs: [metaLoss] + metaGradient)
  print("lines on the tape      \(tape.count)")
  print("lines that are left    \(compiled.instructionsByLevel.reduce(0, +))")
  print("calls of a kernel      \(compiled.cost.instructions)")
  print("bytes                  \(compiled.cost.peakBytes)")
  // end

  // begin
  func branching(_ x: Variable) -> Variable { x.scalar > 0 ? 3 * x : x * x }
  func selecting(_ x: Variable) -> Variable { x.select(3 * x, elseWhereNotPositive: x * x) }
  func replayable(_ function: (Variable) -> Variable, at point: Double) -> Program {
    let tape = GradientTape()
    let x = tape.input(Matrix(point), named: "x")
    let y = function(x)
    return Program(inputs: [x], outputs: [y, gradient(of: y, wrt: x)])
  }
  for function in [branching, selecting] {
    let frozen = replayable(function, at: 2)
    print([2.0, -2.0].map { frozen.run([Matrix($0)]).map { $0.elements[0] } })
  }
  // end

  // begin
  func careless(_ theta: Variable) -> Variable {
    let inner = gradient(of: (theta - 1) * (theta - 1), wrt: theta)
    let adapted = theta - 0.25 * theta.tape.constant(inner.value)
    return (adapted + 1) * (adapted + 1)
  }
  let other = replayable(careless, at: 3)
  for point in [3.0, 2] {
    let fresh = replayable(careless, at: point).run([Matrix(point)])[0]
    print("at \(point): replayed \(other.run([Matrix(point)])[0]), recorded anew \(fresh)")
  }
  // end

  // begin
  func bits(threads: Int) -> [UInt64] {
    let evaluator = MetaGradientEvaluator(problem, .maml, threads: threads)
    return evaluator.evaluate().gradient.values.flatMap { $0.elements.map(\.bitPattern) }
  }
  print([2, 3].map { bits(threads: $0) == bits(threads: 1) })
  // end

  // begin
  func mean(_ numbers: some Collection<Double>) -> Double {
    (numbers.reduce(0, +) / Double(numbers.count) * 10).rounded() / 10
  }
  func train(_ method: Method, seed: UInt64) throws -> [Double] {
    let evaluator = MetaGradientEvaluator(problem, method, threads: 2)
    var generator = SeededGenerator(seed: seed)
    var weights = problem.parameters.values
    var adams = weights.map { AdamOptimizer(rate: 0.01, count: $0.shape.count) }
    return try (0..<300).map { _ in
      evaluator.setTasks(waves.tasks(8, support: 5, query: 5, using: &generator))
      evaluator.setParameters(weights, rate: 0.01)
      let result = evaluator.evaluate()
      for (index, weight) in weights.enumerated() {
        var numbers = weight.elements
        adams[index].step(&numbers, gradient: result.gradient[index].elements)
        weights[index] = try Matrix(rows: weight.rows, columns: weight.columns, elements: numbers)
      }
      return result.loss
    }
  }
  let losses = try train(.maml, seed: 2)
  print("mean meta-loss of the first 50 steps \(mean(losses.prefix(50)))")
  print("of the last 50                       \(mean(losses.suffix(50)))")
  // end

  // begin
  func halved(_ x: Variable) -> Variable {
    var x = x
    while x.scalar > 1 { x = 0.5 * x }
    return x
  }
  let three = replayable(halved, at: 5)
  print([5.0, 20].map { three.run([Matrix($0)])[0] })
  // end

  // begin
  func unsafe(_ x: Variable) -> Variable { x.select(x.log(), elseWhereNotPositive: 0) }
  func safe(_ x: Variable) -> Variable {
    x.select(x.select(x, elseWhereNotPositive: 1).log(), elseWhereNotPositive: 0)
  }
  for function in [unsafe, safe] {
    print(replayable(function, at: 0).run([Matrix(0)]).map { $0.elements[0].isFinite })
  }
  // end

  // begin
  for method in Method.maml.bothOrders {
    let last = try (2...7).map { mean(try train(method, seed: $0).suffix(50)) }
    print("\(method.rawValue): \(last), mean \(mean(last))")
  }
  // end
}
