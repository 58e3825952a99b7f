import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// The outer loop against one written by hand, interrupted, diverging, and with a gradient of its own.
@Suite struct TrainerTests {
  private static let waves = Sinusoids()

  private static func problem() throws -> MetaProblem {
    let network = ReLUNetwork(sizes: [1, 6, 1])
    var generator = SeededGenerator(seed: 3)
    return try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.initialParameters(using: &generator).values, steps: 1,
      learningRate: 0.01, tasks: draw(&generator))
  }

  private static func draw(_ generator: inout SeededGenerator) -> [LearningTask] {
    waves.tasks(3, support: 4, query: 5, using: &generator)
  }

  @Test func itIsTheLoopByHand() throws {
    let problem = try Self.problem()
    let trainer = Trainer(
      problem, .firstOrderMAML, optimizer: AdamOptimizer(rate: 0.01), seed: 9, drawing: Self.draw)
    var steps: [TrainingStep] = []
    let outcome = trainer.run(until: 12) {
      steps.append($0)
      return true
    }
    #expect(outcome == .finished && steps.map(\.iteration) == Array(0..<12))

    var generator = SeededGenerator(seed: 9)
    let evaluator = MetaGradientEvaluator(problem, .firstOrderMAML)
    var (adam, values) = (AdamOptimizer(rate: 0.01), problem.parameters.values)
    for step in steps {
      let tasks = Self.draw(&generator)
      evaluator.setTasks(tasks)
      evaluator.setParameters(values, rate: 0.01)
      let result = evaluator.evaluate()
      #expect(step.tasks == tasks.map(\.data) && step.loss == result.loss)
      #expect(bits(step.parameters.values) == bits(values))
      #expect(bits(step.gradient.values) == bits(result.gradient.values))
      var numbers = values.flattened
      adam.step(&numbers, gradient: result.gradient.flattened)
      values = problem.network.matrices(numbers)
    }
    #expect(bits(trainer.parameters.values) == bits(values))
  }

  /// Written down in the middle and read back, on other threads, it ends with the same bits.
  @Test func aStateGoesOnAsIfNothingHadBeen() throws {
    let problem = try Self.problem()
    let whole = Trainer(
      problem, .anil, optimizer: AdamOptimizer(rate: 0.01), seed: 1, drawing: Self.draw)
    whole.run(until: 40)
    let first = Trainer(
      problem, .anil, optimizer: AdamOptimizer(rate: 0.01), seed: 1, drawing: Self.draw)
    #expect(first.run(until: 40) { $0.iteration != 16 } == .stopped)
    #expect(first.state.iteration == 17)
    let file = try JSONEncoder().encode(first.state)
    let state = try JSONDecoder().decode(TrainingState<AdamOptimizer>.self, from: file)
    let rest = Trainer(problem, .anil, from: state, threads: 2, drawing: Self.draw)
    #expect(rest.run(until: 40) == .finished)
    #expect(rest.state == whole.state)
  }

  @Test func divergenceEndsIt() throws {
    let trainer = Trainer(try Self.problem(), .maml, optimizer: SteepestDescent(rate: 1e6))
    #expect(trainer.run(until: 100) == .diverged)
    #expect((1..<5).contains(trainer.state.iteration))
    let patient = Trainer(try Self.problem(), .maml, optimizer: SteepestDescent(rate: 1e6))
    patient.bound = .infinity
    #expect(patient.run(until: 100) == .diverged)
    #expect(patient.state.iteration > trainer.state.iteration)
  }

  /// ½c(θ − a)² by hand: descent of rate 1/c is there in one step, and its rate may change between steps.
  @Test func anyGradientCanBeDescended() {
    let target = Matrix(Shape(2, 1)) { row, _ in Double(row) + 3 }
    let trainer = Trainer(
      [ParameterDescription(name: "θ", shape: target.shape, role: .head)],
      from: TrainingState(
        [Matrix(target.shape, repeating: 0)], optimizer: SteepestDescent(rate: 0), seed: 0)
    ) { parameters, tasks in
      #expect(tasks == nil)
      let off = parameters[0] - target
      return (2 * off.elements.reduce(0) { $0 + $1 * $1 }, [off.map { 4 * $0 }])
    }
    trainer.run(until: 1)
    #expect(trainer.parameters[0] == Matrix(target.shape, repeating: 0))
    trainer.state.optimizer.rate = 0.25
    var losses: [Double] = []
    trainer.run(until: 3) {
      losses.append($0.loss)
      return true
    }
    #expect(trainer.parameters[0] == target && losses == [50, 0])
  }

  /// Inside ½(x − a)², outside ½x², one step, x and its rate learned: by hand x′ = x − α(x − a), whose slopes are
  /// 1 − α and −(x − a).
  @Test(arguments: Route.stored)
  func anyBilevelProblemIsTrained(_ route: Route) {
    let problem = Bilevel(
      "shift", outer: ["x": Matrix(2), "learningRate": Matrix(0.25)], tasks: [["a": Matrix(0)]],
      steps: 1, start: { ["x": $0["x"]] },
      innerLoss: { inner, _, task in 0.5 * (inner["x"] - task["a"]).square() },
      outerLoss: { inner, _, _ in 0.5 * inner["x"].square() })
    let trainer = Trainer(
      problem, by: route, optimizer: SteepestDescent(rate: 0.1), seed: 4
    ) { [["a": .gaussian(.scalar, using: &$0)]] }
    var (x, rate, generator) = (2.0, 0.25, SeededGenerator(seed: 4))
    trainer.run(until: 10) { step in
      let off = x - generator.nextGaussian()
      let end = x - rate * off
      #expect(abs(step.loss - end * end / 2) < 1e-14)
      (x, rate) = (x - 0.1 * end * (1 - rate), rate + 0.1 * end * off)
      return true
    }
    #expect(abs(trainer.parameters["x"][0, 0] - x) < 1e-14)
    #expect(abs(trainer.parameters["learningRate"][0, 0] - rate) < 1e-14)
    let trained = problem.with(learned: trainer.parameters)
    #expect(abs(trained.metaGradient().loss - (x - rate * x) * (x - rate * x) / 2) < 1e-14)
    #expect(abs(trained.meanLosses(steps: 2)[2] - x * x * pow(1 - rate, 4) / 2) < 1e-14)
    let one = trained.learning(only: ["learningRate"]).metaGradient(by: route).gradient
    #expect(one.names == ["learningRate"] && abs(one[0][0, 0] + (1 - rate) * x * x) < 1e-14)
  }

  @Test func aStateOfOtherSizesIsRefused() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Trainer(
        try TrainerTests.problem(), .maml,
        from: TrainingState([Matrix(1)], optimizer: AdamOptimizer(rate: 1), seed: 0))
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("Trainer: a state of 1 entries for 19"))
  }

  /// By hand: with one number and constant gradient the first step is the rate, whatever its size.
  @Test func adamIsTheAlgorithmOfThePaper() {
    var adam = AdamOptimizer(rate: 0.1, count: 1)
    var parameters = [1.0]
    adam.step(&parameters, gradient: [250])
    #expect(abs(parameters[0] - 0.9) < 1e-9)
    // m = 0.9·25 + 0.1·(−50) = 17.5 over 0.19; v = 0.999·62.5 + 0.001·2500 = 64.9375 over 0.001999.
    adam.step(&parameters, gradient: [-50])
    let expected = 0.9 - 0.1 * (17.5 / 0.19) / ((64.9375 / 0.001999).squareRoot() + 1e-8)
    #expect(abs(parameters[0] - expected) < 1e-8)
  }
}
