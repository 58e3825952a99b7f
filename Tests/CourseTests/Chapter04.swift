import Meta
import Nets
import Tape

/// The blocks of `docs/course/04-what-first-order-drops.md`.
func chapter04(_ print: (Any) -> Void) throws {
  // begin
  func supportLoss(_ theta: Variable) -> Variable { (theta - 1) * (theta - 1) }
  func queryLoss(_ theta: Variable) -> Variable { (theta + 1) * (theta + 1) }

  func oneStep(cutting: Bool) -> Program {
    let tape = GradientTape()
    let theta = tape.input(Matrix(3), named: "θ")
    let rate = tape.input(Matrix(0.25), named: "α")
    let inner = tape.from("support") { gradient(of: supportLoss(theta), wrt: theta) }
    let used = cutting ? inner.stopGradient() : inner
    let adapted = tape.from("update") { theta - rate * used }
    let loss = tape.from("query") { queryLoss(adapted) }
    return Program(inputs: [theta, rate], outputs: [loss, gradient(of: loss, wrt: theta)])
  }
  let exact = oneStep(cutting: false)
  let firstOrder = oneStep(cutting: true)
  print(exact.run([Matrix(3), Matrix(0.25)]).map(\.elements))
  print(firstOrder.run([Matrix(3), Matrix(0.25)]).map(\.elements))
  // end

  // begin
  print(exact.listing)
  // end

  // begin
  print(firstOrder.listing)
  // end

  // begin
  let tape = GradientTape()
  let rate = tape.constant(0.25)
  let start = tape.input(try Matrix([[2], [-1]]), named: "θ")
  let matrix = tape.constant(try Matrix([[2, 1], [1, 3]]))
  let description = ParameterDescription(name: "θ", shape: start.shape, role: .head)
  for order in [Order.exact, .firstOrder] {
    let loop = InnerLoop(adapting: .all, steps: 1, order: order)
    let adapted = loop.adapt(Parameters([description], [start]), rate: rate) {
      0.5 * ($0[0] * matrix.matmul($0[0])).sum()
    }[0]
    let loss = 0.5 * (adapted * adapted).sum()
    print("\(order): loss \(loss.scalar), gradient \(gradient(of: loss, wrt: start).value)")
  }
  // end

  // begin
  let one = { (x: Double, y: Double) in LabelledPoints(inputs: Matrix(x), targets: Matrix(y)) }
  let problem = try MetaProblem(
    network: LinearTwoLayer(inputs: 1, width: 1, outputs: 1), loss: .halfMeanSquaredError,
    parameters: [Matrix(1), Matrix(2)], steps: 1, learningRate: 0.25,
    tasks: [LearningTask(support: one(1, 1), query: one(2, 1))])
  print(problem.program(.maml).listing)
  // end

  // begin
  print(problem.program(.firstOrderMAML).listing)
  print(problem.program(.maml).instructionsByLevel)
  print(problem.program(.firstOrderMAML).instructionsByLevel)
  // end

  // begin
  let marked = problem.program(.maml).listing(
    markingWhatIsMissingIn: problem.program(.firstOrderMAML))
  print(marked.split(separator: "\n").suffix(20).joined(separator: "\n"))
  // end

  // begin
  let comparison = problem.comparison(.maml)
  let (full, dropped) = (comparison.exact, comparison.firstOrder)
  print(full.loss.bitPattern == dropped.loss.bitPattern)
  for (name, gradient) in [("exact", full), ("first order", dropped)] {
    print("\(name): B \(gradient.gradient[0]), W \(gradient.gradient[1])")
  }
  print("cosine about \(((comparison.gap.cosine ?? 0) * 100).rounded() / 100)")
  print("cuts \(full.cuts), then \(dropped.cuts)")
  // end

  // begin
  let other = GradientTape()
  let theta = other.input(Matrix(3), named: "θ")
  let alpha = other.input(Matrix(0.25), named: "α")
  let inner = gradient(of: supportLoss(theta), wrt: theta)
  let careless = queryLoss(theta - alpha * other.constant(inner.value))
  let slip = gradient(of: careless, wrt: theta)
  let frozen = Program(inputs: [theta, alpha], outputs: [careless, slip])
  print(slip.scalar)
  print(frozen.listing)
  // end

  // begin
  let (up, down) = ([Matrix(3.5), Matrix(0.25)], [Matrix(2.5), Matrix(0.25)])
  for program in [exact, firstOrder, frozen] {
    print(program.run(up)[0].elements[0] - program.run(down)[0].elements[0])
  }
  // end

  // begin
  func steps(_ count: Int, _ order: Order) -> Program {
    let tape = GradientTape()
    let theta = tape.input(Matrix(3), named: "θ")
    let rate = tape.input(Matrix(0.25), named: "α")
    let scalar = ParameterDescription(name: "θ", shape: .scalar, role: .head)
    let loop = InnerLoop(adapting: .all, steps: count, order: order)
    let adapted = loop.adapt(Parameters([scalar], [theta]), rate: rate) { supportLoss($0[0]) }
    let loss = tape.from("query loss") { queryLoss(adapted[0]) }
    return Program(
      inputs: [theta, rate], outputs: [loss, gradient(of: loss, wrt: theta)])
  }
  print(steps(2, .exact).listing)
  // end

  // begin
  print(steps(2, .firstOrder).listing)
  print(steps(2, .firstOrder).run([Matrix(3), Matrix(0.25)])[1])
  // end

  // begin
  for order in [Order.exact, .firstOrder] {
    let derivatives = [1, 2].map { count in
      let loop = InnerLoop(adapting: .all, steps: count, order: order)
      let scalar = ParameterDescription(name: "θ", shape: .scalar, role: .head)
      let end = loop.adapt(Parameters([scalar], [theta]), rate: alpha) { supportLoss($0[0]) }
      return gradient(of: queryLoss(end[0]), wrt: alpha).scalar
    }
    print("\(order): \(derivatives)")
  }
  // end

  // begin
  let slanted = queryLoss(theta - alpha * gradient(of: 5 * theta, wrt: theta))
  let slantedSlope = gradient(of: slanted, wrt: theta)
  print(Program(inputs: [theta, alpha], outputs: [slanted, slantedSlope]).listing)
  // end

  // begin
  for rate in [0.25, 0.0625, 0.015625] {
    let milder = try MetaProblem(
      network: problem.network, loss: problem.loss, parameters: problem.parameters.values,
      steps: 1, learningRate: rate, tasks: problem.tasks)
    let cosine = milder.comparison(.maml).gap.cosine ?? 0
    print("rate \(rate): cosine \((cosine * 1000).rounded() / 1000)")
  }
  // end

  // begin
  func pencil(_ listing: String) -> [Int] {
    var level: [Substring: Int] = [:]
    var reads: [Substring: [Substring]] = [:]
    var open: [Substring] = []
    var leaves: Set<Substring> = []
    for row in listing.split(separator: "\n").dropFirst() {
      let words = row.split(separator: " ")
      level[words[0]] = Int(words[1])
      reads[words[0]] = words.dropFirst().filter { $0.hasPrefix("%") }
      if ["input", "constant"].contains(words[2]) { leaves.insert(words[0]) }
      if row.contains("→") { open.append(words[0]) }
    }
    // The outputs move to where their sums began.
    for position in open.indices {
      while level[open[position]] == 2, let first = reads[open[position]]?.first {
        open[position] = first
      }
    }
    var kept: Set<Substring> = []
    while let line = open.popLast() {
      if kept.insert(line).inserted { open += reads[line, default: []] }
    }
    return (0...2).map { number in kept.subtracting(leaves).count { level[$0] == number } }
  }
  let network = ReLUNetwork(sizes: [1, 3, 1])
  for (family, count) in [(Method.maml, 1), (.maml, 3), (.anil, 1), (.anil, 3)] {
    var generator = SeededGenerator(seed: 1)
    let waves = try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.initialParameters(using: &generator).values, steps: count,
      learningRate: 0.01, tasks: [Sinusoids().task(support: 5, query: 5, using: &generator)])
    let firstOrder = waves.program(family.firstOrder)
    let cuts = family.firstOrder.innerLoop(steps: count).paths(on: network.parameters).count
    print("\(family), steps: \(count), pencil \(pencil(waves.program(family.exact).listing))")
    print("  first order \(firstOrder.instructionsByLevel), \(cuts) cuts")
  }
  // end

  // begin
  let support = LabelledPoints(
    inputs: try Matrix([[1, 2], [-1, 1], [2, -1]]), targets: try Matrix([[1], [0], [-1]]))
  let query = LabelledPoints(
    inputs: try Matrix([[2, 1], [1, -1]]), targets: try Matrix([[2], [1]]))
  let demo = try MetaProblem(
    network: LinearTwoLayer(inputs: 2, width: 1, outputs: 1), loss: .halfMeanSquaredError,
    parameters: [try Matrix([[0.5], [-0.25]]), try Matrix([[2]])], steps: 1, learningRate: 0.1,
    tasks: [LearningTask(support: support, query: query)])
  for row in demo.program(.maml).listing.split(separator: "\n") {
    if ["%34", "%35", "→"].contains(where: { row.contains($0) }) { print(row) }
  }
  for method in [Method.maml, .firstOrderMAML] {
    print("\(method.rawValue): \(demo.program(method).instructionsByLevel)")
  }
  // end
}
