import Meta
import Nets
import Tape
import TestSupport
import Testing

@Suite struct OrderLedgerTests {
  /// Weight decay: even first order does not carry a gradient back unchanged.
  struct Shrinking: UpdateRule {
    var stateCount: Int { 1 }
    func step(_ update: Update, state: inout [Variable]) -> Variable {
      let (value, rate) = (update.value, update.rate)
      state[0] = 0.5 * state[0] + 0.1 * value
      return 0.9 * value - rate * update.gradient - rate * state[0]
    }
  }

  static func problems() throws -> [MetaProblem] {
    let plain = try MetaGradientTests.problems(seed: 50)
    return try plain + UpdateRuleTests.problems(seed: 51)
      + plain.map {
        try $0.with(rule: Shrinking())
      }
  }

  /// The parts add up to what the unrolled route says of the whole.
  @Test(arguments: Method.families)
  func partsSumToTheDifference(_ family: Method) throws {
    for problem in try Self.problems() {
      let ledger = problem.ledger(family)
      let exact = problem.metaGradient(family.exact).gradient.values
      let first = problem.metaGradient(family.firstOrder).gradient.values
      let difference = zip(exact, first).map(-)
      let size = exact.flattened.map(abs).max() ?? 0
      let away = zip(ledger.difference.values, difference).flatMap {
        zip($0.elements, $1.elements).map { abs($0 - $1) }
      }
      #expect((away.max() ?? 1) < 1e-13 * size)
      #expect(relativeDistance(ledger.firstOrder.values, first) < 1e-13)
      #expect(relativeDistance(ledger.exact.values, exact) < 1e-13)
      // Neither is a sum of nothing.
      #expect(difference.flattened.contains { abs($0) > 1e-3 * size })

      for parts in [ledger.bySteps.map(\.term), ledger.byParameters.map(\.term)] {
        let sum = parts.reduce(ledger.firstOrder.values) { sum, part in
          zip(sum, part.values).map(+)
        }
        #expect(relativeDistance(sum, exact) < 1e-13)
      }
    }
  }

  /// A path is there for each step and each adapted parameter, as the meta-gradient says.
  @Test(arguments: Method.families)
  func entriesAreThePathsThatFirstOrderCuts(_ family: Method) throws {
    for problem in try Self.problems() {
      #expect(
        problem.ledger(family).entries.map(\.path) == problem.metaGradient(family.firstOrder).cuts)
    }
  }

  /// The terms of the last k steps are what truncation to them keeps.
  @Test func stepsAddUpAsTruncationDoes() throws {
    for problem in try Self.problems() {
      let ledger = problem.ledger(.maml)
      for kept in 0...3 {
        let sum = ledger.bySteps.filter { $0.step > 3 - kept }.reduce(ledger.firstOrder.values) {
          zip($0, $1.term.values).map(+)
        }
        let truncated = problem.metaGradient(.maml, order: .lastSteps(kept)).gradient.values
        #expect(relativeDistance(sum, truncated) < 1e-12, "\(kept)")
      }
    }
  }

  /// Each path alone: only one inner gradient is differentiated, on a tape by hand.
  @Test func entriesBelongToTheirParameters() throws {
    let problem = try MetaGradientTests.problems(seed: 52, steps: 1)[0]
    let single = try MetaProblem(
      network: problem.network, loss: problem.loss, parameters: problem.parameters.values, steps: 1,
      learningRate: problem.learningRate, tasks: [problem.tasks[0]])
    func gradientKeeping(_ kept: Int?) -> [Matrix] {
      let tape = GradientTape()
      let start = single.parameters.recorded(on: tape)
      func loss(_ parameters: Parameters<Variable>, _ points: LabelledPoints<Matrix>) -> Variable {
        single.loss(
          single.network(tape.constant(points.inputs), parameters), tape.constant(points.targets))
      }
      let inner = gradient(of: loss(start, single.tasks[0].support), wrt: start.values)
      var adapted = start
      for position in inner.indices {
        let used = position == kept ? inner[position] : inner[position].stopGradient()
        adapted[position] = start[position] - single.learningRate * used
      }
      let metaLoss = loss(adapted, single.tasks[0].query)
      return gradient(of: metaLoss, wrt: start.values).map(\.value)
    }
    let first = gradientKeeping(nil)
    let entries = single.ledger(.maml).entries
    #expect(entries.map(\.path.parameter) == ["B", "W"])
    for (position, entry) in entries.enumerated() {
      let alone = zip(gradientKeeping(position), first).map(-)
      #expect(relativeDistance(entry.term.values, alone) < 1e-12, "\(entry.path)")
    }
  }

  /// Of descent, lines grow with the steps, not with their square.
  @Test func manyStepsAreNoBurden() throws {
    var generator = SeededGenerator(seed: 53)
    let problem = try randomProblem(
      LinearModel(inputs: 2), loss: .meanSquaredError, steps: 300, rate: 0.01, tasks: 1,
      points: (3, 3), using: &generator)
    let ledger = problem.ledger(.maml)
    #expect(ledger.entries.count == 300)
    // The exact gradient is what is left when nearly all of first order cancels.
    let exact = problem.metaGradient(.maml).gradient.values[0]
    let off = (ledger.exact[0] - exact).elements.map(abs).max() ?? 1
    #expect(off < 1e-13 * (ledger.firstOrder[0].elements.map(abs).max() ?? 0))
  }

  /// One step of descent on one task, by differences of the support gradient: −α Hv.
  @Test func theTermIsMinusRateTimesHessianTimesQueryGradient() throws {
    let problem = try MetaProblem(
      network: LinearModel(inputs: 2), loss: .halfMeanSquaredError,
      parameters: [try Matrix([[1], [2]])], steps: 1, learningRate: 0.5,
      tasks: [
        LearningTask(
          support: LabelledPoints(inputs: try Matrix([[1, 2]]), targets: try Matrix([[3]])),
          query: LabelledPoints(inputs: try Matrix([[2, -1]]), targets: try Matrix([[1]])))
      ])
    // r = 5 − 3 = 2, θ' = θ − ½·2·(1, 2) = (0, 0); query: r = −1, v = (−2, 1). H = xxᵀ, xᵀv = 0 here,
    // so take the first entry of x away from it: with v = (−2, 1), Hv = x (x·v) = 0.
    let entries = problem.ledger(.maml).entries
    #expect(entries.count == 1)
    #expect(entries[0].term[0].elements.allSatisfy { abs($0) < 1e-15 })

    let other = try MetaProblem(
      network: problem.network, loss: problem.loss, parameters: problem.parameters.values, steps: 1,
      learningRate: 0.5,
      tasks: [
        LearningTask(
          support: problem.tasks[0].support,
          query: LabelledPoints(inputs: try Matrix([[2, 1]]), targets: try Matrix([[1]])))
      ])
    // Query: r = −1, v = (−2, −1); x·v = −4, so −½ · x · (−4) = (2, 4).
    #expect(other.ledger(.maml).entries[0].term[0].elements == [2, 4])
  }
}
