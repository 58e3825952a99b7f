import Foundation
import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// Joint training against MAML on policies: solutions against what is known of them, losses against their sum.
@Suite struct PolicyTradeoffTests {
  private typealias Study = PolicyTradeoffStudy

  /// A study that takes seconds.
  private static var small: PolicyTradeoffStudy {
    var study = PolicyTradeoffStudy()
    (study.tasks, study.states, study.actions, study.horizon) = (3, 3, 2, 4)
    (study.budgets, study.trajectories) = (4, 5)
    return study
  }

  /// The value of a softmax policy on the four goals after a step, by its closed form.
  private static func adapted(_ logits: [Double], rate: Double) -> Double {
    func softmax(_ logits: [Double]) -> [Double] {
      let powers = logits.map { exp($0) }
      return powers.map { $0 / powers.reduce(0, +) }
    }
    let policy = softmax(logits)
    return policy.indices.reduce(0) { sum, goal in
      let moved = logits.indices.map { arm in
        logits[arm] + rate * policy[goal] * ((arm == goal ? 1 : 0) - policy[arm])
      }
      return sum + softmax(moved)[goal] / 4
    }
  }

  /// Joint training stays where it starts; MAML ends at k equal arms, the value of which is known.
  @Test(arguments: [1.0, 3, 6]) func fourGoalsHaveTheirClosedForms(rate: Double) throws {
    var study = Study()
    study.innerRate = rate
    let family = try study.family(.fourGoals, seed: 4)
    let outcome = try study.solutions(family)
    let start = Self.adapted(family.start.elements, rate: rate)
    #expect(abs(outcome.start.after - start) < 1e-12)
    #expect(abs(outcome.start.before - 0.25) < 1e-12)
    #expect(outcome.joint.gradientNorm < 1e-12)
    // Rounding is a direction for Adam, so that the policy may move, but not what it is worth.
    #expect(abs(outcome.joint.worth.before - 0.25) < 1e-12)
    #expect(abs(outcome.joint.worth.after - start) < 1e-6)

    let arms = (2...4).map { count in
      Double(count) / 4 * exp(rate / Double(count))
        / (exp(rate / Double(count)) + Double(count) - 1)
    }
    #expect(arms.contains { abs($0 - outcome.maml.worth.after) < 2e-4 })
    #expect(outcome.maml.worth.after < arms.reduce(0, max) + 1e-6)
    #expect(abs(Self.adapted([0, 0, 0, 0], rate: rate) - arms[2]) < 1e-12)
    #expect(outcome.modellingError > 0.003)
  }

  /// Equal tasks are one: both objectives have its best value, and there is nothing to model.
  @Test func equalTasksHaveNoModellingError() throws {
    let study = Self.small
    for seed in 1...3 as ClosedRange<UInt64> {
      let family = try study.family(.mixed(0), seed: seed)
      #expect(family.mdps.allSatisfy { $0 == family.mdps[0] })
      let outcome = try study.solutions(family)
      #expect(abs(outcome.modellingError) < 1e-3)
      // No policy that is sure of its actions is better; their values are those of very large logits.
      let best = (0..<8).map { code in
        family.mdps[0].value(of: Matrix(Shape(3, 2)) { (code >> $0) & 1 == $1 ? 60 : 0 })
      }.reduce(0, max)
      #expect(outcome.joint.worth.before > best - 2e-3)
      #expect(outcome.maml.worth.after > best - 2e-3)
    }
  }

  @Test func unrelatedTasksHaveOneAndSolutionsAreStationary() throws {
    let study = Self.small
    for seed in 1...3 as ClosedRange<UInt64> {
      let outcome = try study.solutions(study.family(.mixed(1), seed: seed))
      #expect(outcome.modellingError > 0.002)
      // Each is the best for its own objective.
      #expect(outcome.joint.worth.before > outcome.maml.worth.before)
      for solution in [outcome.joint, outcome.maml] {
        #expect(solution.gradientNorm < 2e-3)
        #expect(
          solution.worth.before > outcome.start.before || solution.worth.after > outcome.start.after
        )
      }
    }
  }

  /// The tables are (1 − κ) · shared + κ · own, and the start is the same for each κ.
  @Test func familiesOfOneSeedDifferInTheirDifferenceAlone() throws {
    let study = Self.small
    let families = try [0, 0.25, 1].map { try study.family(.mixed($0), seed: 5) }
    #expect(families.allSatisfy { $0.start == families[0].start })
    for task in 0..<study.tasks {
      let (shared, mixed, own) = (
        families[0].mdps[task], families[1].mdps[task], families[2].mdps[task]
      )
      #expect((mixed.rewards - (0.75 * shared.rewards + 0.25 * own.rewards)).norm < 1e-14)
      for action in 0..<study.actions {
        let mean = 0.75 * shared.transitions[action] + 0.25 * own.transitions[action]
        #expect((mixed.transitions[action] - mean).norm < 1e-14)
      }
    }
    #expect(families[2].mdps[0] != families[2].mdps[1])
    #expect(throws: MetaProblemError.self) { try study.family(.mixed(1.5), seed: 1) }
  }

  /// The parts add up to what a sampled training lacks, and a method without a part has none of it.
  @Test func lossesAddUp() throws {
    let study = Self.small
    let family = try study.family(.mixed(0.7), seed: 8)
    func train() throws -> [Study.Training] {
      try Study.Method.allCases.map { try study.training($0, rate: 0.2, on: family) }
    }
    let outcome = try study.solutions(family).trained(train())
    #expect(try study.solutions(family).trained(train()) == outcome)
    for method in Study.Method.allCases {
      let training = try #require(outcome.training(method))
      for budget in 0..<study.budgets {
        let loss = try #require(outcome.loss(method, at: budget))
        let total = outcome.maml.worth.after - training.sampled[budget].after
        #expect(abs(loss.total - total) < 1e-12)
        #expect((loss.modelling == 0) == (method != .joint))
        #expect((loss.dropped == 0) == (method == .joint || method == .dice))
        #expect(loss.noise != 0)
      }
      #expect(try #require(outcome.loss(method, at: 0)).steps > 0)
    }
    let own = try #require(outcome.ownLoss(.joint, at: 3))
    let last = try #require(outcome.training(.joint)).sampled[3]
    #expect(abs(own - (outcome.joint.worth.before - last.before)) < 1e-15)
  }

  /// With many trajectories a sampled training goes where its own expectation goes, and not where another method's does.
  @Test(arguments: PolicyTradeoffStudy.Method.allCases) func samplingTendsToTheExpectation(
    method: PolicyTradeoffStudy.Method
  ) throws {
    var study = Self.small
    (study.trajectories, study.budgets, study.innerRate) = (1200, 5, 4)
    // Families on which no maximum is so near another that the noise that is left decides between them.
    let family = try study.family(.mixed(1), seed: method == .joint ? 3 : 4)
    let sampled = try study.sampled(method, rate: 0.2, on: family)
    func distance(_ other: PolicyTradeoffStudy.Method) throws -> Double {
      let expected = try study.expected(other, rate: 0.2, on: family)
      return zip(sampled, expected).map { hypot($0.before - $1.before, $0.after - $1.after) }
        .reduce(0, +)
    }
    let own = try distance(method)
    #expect(own < 0.2)
    for other in Study.Method.allCases where other != method {
      #expect(try distance(other) > 1.5 * own, "\(other)")
    }
  }

  /// MAML makes half as many steps, each of which draws twice.
  @Test func budgetsCountBothDraws() throws {
    let study = Self.small
    #expect(study.environmentSteps(.mixed(1)) == [120, 240, 480, 960])
    #expect(study.environmentSteps(.fourGoals) == [40, 80, 160, 320])
    let family = try study.family(.mixed(0.5), seed: 1)
    // Adam's first step is of the length of the rate in each entry, whatever the gradient.
    var problem = try study.problem(family, steps: 1)
    problem.logits = family.start
    let gradient = problem.metaGradient(by: .adjoint).gradient[0]
    let moved = Matrix(family.start.shape) {
      family.start[$0, $1] - (gradient[$0, $1] > 0 ? 0.1 : -0.1)
    }
    problem.logits = moved
    let one = try study.expected(.dice, rate: 0.1, on: family)[0].after
    #expect(abs(one + problem.metaGradient(by: .adjoint).loss) < 1e-6)
  }

  @Test func theRateWithTheBestMeanIsChosen() {
    var study = Self.small
    study.outerRates = [0.1, 0.2]
    let tunings = [[[1.0, 2], [1, 2]], [[2, 1], [2, 1]], [[3, 1], [1, 2]]]
    #expect(tunings.map(study.rate) == [0.2, 0.1, 0.1])
    let seeds = Study().familySeeds(1)
    #expect(Set(seeds.judged).intersection(seeds.tuning).isEmpty)
    #expect(seeds.judged.count == Study().families)
  }

  /// Being ahead for good means in more than half of the families, up to the last budget.
  @Test func aheadMeansToTheEnd() throws {
    let study = Self.small
    func outcome(_ maml: [Double]) throws -> PolicyTradeoffStudy.Outcome {
      func worths(_ values: [Double]) -> String {
        "[" + values.map { "{\"before\": 0, \"after\": \($0)}" }.joined(separator: ",") + "]"
      }
      func training(_ name: String, _ values: [Double]) -> String {
        """
        {"method": "\(name)", "rate": 1, "sampled": \(worths(values)), "expected": [], "exact": []}
        """
      }
      let point = "{\"before\": 0, \"after\": 0}"
      let solution = "{\"worth\": \(point), \"gradientNorm\": 0, \"steps\": 1}"
      return try JSONDecoder().decode(
        PolicyTradeoffStudy.Outcome.self,
        from: Data(
          """
          {"kind": "κ = 1", "seed": 1, "start": \(point), "joint": \(solution), "maml": \(solution),
          "trainings": [\(training("joint", [1, 1, 1, 1])), \(training("maml-dice", maml))]}
          """.utf8))
    }
    func first(_ all: [[Double]]) throws -> Int? {
      PolicyTradeoffSummary(try all.map(outcome)).firstBudgetAhead(.dice)
    }
    #expect(study.budgets == 4)
    #expect(try first([[0, 2, 2, 2]]) == 1)
    #expect(try first([[2, 0, 2, 2]]) == 2)
    #expect(try first([[2, 2, 2, 0]]) == nil)
    #expect(try first([[2, 2, 2, 2]]) == 0)
    #expect(try first([[2, 2, 2, 2], [2, 0, 0, 2]]) == 3)
    #expect(
      try PolicyTradeoffSummary([outcome([0, 1, 2, 2]), outcome([2, 2, 2, 2])])
        .winningShare(.dice, at: 1) == 0.5)
  }
}
