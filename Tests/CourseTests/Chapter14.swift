import Meta
import Nets
import Tape

/// The blocks of `docs/course/14-four-goals.md`.
func chapter14(_ print: (Any) -> Void) throws {
  // begin
  let tasks = try (0..<4).map { goal in
    try TabularMDP.bandit(rewards: (0..<4).map { $0 == goal ? 1 : 0 })
  }
  func fourGoals(
    _ logits: [Double], rate: Double, steps: Int = 1
  ) throws -> TabularPolicyProblem {
    try TabularPolicyProblem(
      tasks, logits: try Matrix([logits]), steps: steps, learningRate: rate)
  }
  func rounded(_ number: Double) -> Double {
    // Adding zero takes the sign from a zero.
    (number * 10000).rounded() / 10000 + 0
  }
  func ascent(_ result: MetaGradient) -> [Double] {
    result.gradient["logits"].elements.map { rounded(-$0) }
  }
  let uniform = [0.0, 0, 0, 0]
  let rate = 4 * GradientTape().constant(2).log().scalar
  for logits in [uniform, [2, 1, 0, 0], [5, -3, 1, 0]] {
    let joint = try fourGoals(logits, rate: rate, steps: 0).metaGradient()
    let adapted = try fourGoals(logits, rate: rate).metaGradient()
    print("logits \(logits)")
    print("   joint \(rounded(-joint.loss)), gradient \(ascent(joint))")
    print("   adapted \(rounded(-adapted.loss)), gradient \(ascent(adapted))")
  }
  // end

  // begin
  let first = try TabularPolicyProblem(
    [tasks[0]], logits: Matrix(Shape(1, 4), repeating: 0), steps: 1, learningRate: rate)
  for order in [Order.exact, .firstOrder] {
    print("\(order): \(ascent(first.metaGradient(order: order)))")
  }
  // end

  // begin
  let marks = [-4.0, -2, -1, 0, 1, 2, 4]
  for y in marks.reversed() {
    let row = try marks.map { x in
      try (-1000 * fourGoals([x, y, 0, 0], rate: 4).metaGradient().loss).rounded() / 10
    }
    print(row)
  }
  // end

  // begin
  var generator = SeededGenerator(seed: 14)
  for rate in [0.015625, 1, 4, 16] {
    let problem = try fourGoals([2, 1, 0, 0], rate: rate)
    let ledger = problem.ledger()
    let length = ledger.exact.norm
    let parts = [ledger.firstOrder.norm / length, ledger.entries[0].term.norm / length]
    print("rate \(rate): first order \(rounded(parts[0])), ledger \(rounded(parts[1])) of exact")
    let angle = rounded(ledger.comparison.gap.angle ?? 0)
    let curls = [Order.exact, .firstOrder].map { order in
      rounded(problem.curlTest(order: order, using: &generator).curl)
    }
    print("   angle \(angle)°, curl \(curls[0]) and \(curls[1])")
  }
  // end

  // begin
  let dial = try fourGoals([2, 1, 0, 0], rate: 4)
    .dial(weights: [0, 0.5, 1], stepLength: 0.0009765625)
  for setting in dial.byWeight {
    let gap = setting.gap
    print(
      "\(setting.order): cosine \(rounded(gap.cosine ?? 0)), length \(rounded(gap.normRatio ?? 0))")
  }
  // end

  // begin
  func ending(
    _ logits: [Double], rate: Double, _ order: Order
  ) throws -> (policy: [Double], value: Double) {
    let problem = try fourGoals(logits, rate: rate)
    let trainer = Trainer(problem, order: order, optimizer: SteepestDescent(rate: 4))
    trainer.run(until: 300)
    let end = trainer.parameters["logits"]
    let policy = GradientTape().input(end).softmax().value.elements
    return (policy, -(try fourGoals(end.elements, rate: rate).metaGradient().loss))
  }
  for rate in [1.0, 4, 12] {
    for order in [Order.exact, .firstOrder] {
      var draws = SeededGenerator(seed: 14)
      let kept = try (0..<20).map { _ in
        let logits = Matrix.gaussian(Shape(1, 4), using: &draws).elements
        return try ending(logits, rate: rate, order).policy.count { $0 > 0.1 }
      }
      let counts = (2...4).map { arms in kept.count { $0 == arms } }
      print("rate \(rate), \(order): \(counts) with 2, 3 and 4 arms")
    }
  }
  // end

  // begin
  for t in [0.5, 1, 1.5] {
    let problem = try fourGoals([0, 0, 0, -t], rate: 4)
    let fourth = [Order.exact, .firstOrder].map { ascent(problem.metaGradient(order: $0))[3] }
    print("t \(t): θ₄ is pushed by \(fourth[0]), first order \(fourth[1])")
  }
  for order in [Order.exact, .firstOrder] {
    let end = try ending([0, 0, 0, -1], rate: 4, order)
    print("\(order): \(end.policy.map { ($0 * 100).rounded() / 100 }), value \(rounded(end.value))")
  }
  // end

  // begin
  for rate in [4.0, 16, 64, 256] {
    let result = try fourGoals([1, 0.5, 0, 0], rate: rate).metaGradient()
    print("rate \(rate): value \(rounded(-result.loss)), gradient \(rounded(result.gradientNorm))")
  }
  // end

  // begin
  var byRate = try fourGoals(uniform, rate: rate)
  byRate.learned = ["learningRate"]
  for order in [Order.exact, .firstOrder] {
    let slope = byRate.metaGradient(order: order).gradient["learningRate"].elements[0]
    print("\(order): \(rounded(-slope))")
  }
  // end

  // begin
  for (steps, rate) in [(1, 4.0), (2, 2), (4, 1)] {
    let value = -(try fourGoals(uniform, rate: rate, steps: steps).metaGradient().loss)
    print("\(steps) of rate \(rate): \(rounded(value))")
  }
  // end
}
