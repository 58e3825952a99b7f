import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Sampled adaptation with every data set listed: against JAX, against differences, and part by part.
@Suite struct SampledAdaptationTests {
  /// A problem of the reference, with what is known of it.
  struct Reference: Decodable {
    struct Known: Decodable {
      let value, expectedValue, sampledValue: Double
      let gradients: [String: [[Double]]]
    }
    let problem: PolicyProblemFile
    let trajectories: Int
    let baseline: [[Double]]
    let references: Known

    var sampled: SampledAdaptationProblem {
      get throws {
        try SampledAdaptationProblem(
          problem.problem, trajectories: trajectories, baseline: try Matrix(baseline))
      }
    }

    static func all() throws -> [Reference] {
      try JSONDecoder().decode(
        [Reference].self, from: TabularPolicyProblemTests.data("sampled-adaptation"))
    }
  }

  @Test(arguments: 0..<7, TabularPolicyProblemTests.routes.indices)
  func references(_ index: Int, _ route: Int) throws {
    let reference = try Reference.all()[index]
    let known = reference.references
    let ours = try reference.sampled.adaptationObjectives(
      by: TabularPolicyProblemTests.routes[route])
    #expect(abs(ours.value / known.value - 1) < 1e-12)
    #expect(abs(ours.expectedValue / known.expectedValue - 1) < 1e-12)
    #expect(abs(ours.sampledValue / known.sampledValue - 1) < 1e-12)
    #expect(Set(ours.rows.map(\.name)) == Set(known.gradients.keys))
    let size = ours["sampled"].norm
    for row in ours.rows {
      let theirs = try Matrix(try #require(known.gradients[row.name]))
      let distance = (row.gradient - theirs).norm / max(theirs.norm, size)
      #expect(distance < 1e-12, "\(row.name) \(distance)")
    }
  }

  // MARK: - Lists

  /// Two states, two actions, two times: eight trajectories from one state, sixteen from either.
  @Test func trajectoriesAreAllAndTheirProbabilitiesSumToOne() throws {
    var generator = SeededGenerator(seed: 1251)
    let mdp = try TabularMDP.random(
      states: 2, actions: 2, discount: 0.9, horizon: 2, using: &generator)
    #expect(try mdp.trajectories().count == 8)
    let either = try TabularMDP(
      transitions: mdp.transitions, rewards: mdp.rewards, start: try Matrix([[0.3, 0.7]]),
      discount: 0.9, horizon: 2)
    #expect(try either.trajectories().count == 16)
    let certain = try TabularMDP(
      transitions: [.identity(2), .identity(2)], rewards: mdp.rewards, start: mdp.start,
      discount: 0.9, horizon: 3)
    #expect(try certain.trajectories().map(\.states) == Array(repeating: [0, 0, 0], count: 8))
    let logits = Matrix.gaussian(Shape(2, 2), using: &generator)
    for mdp in [mdp, either, certain] {
      let policy = mdp.evaluation(of: GradientTape().input(logits)).probabilities.value
      var (sum, value) = (0.0, 0.0)
      for one in try mdp.trajectories() {
        let steps = Array(zip(one.states, one.actions))
        let chance = steps.reduce(one.chance) { $0 * policy[$1.0, $1.1] }
        sum += chance
        for (time, step) in steps.enumerated() {
          value += chance * pow(0.9, Double(time)) * mdp.rewards[step.0, step.1]
        }
      }
      #expect(abs(sum - 1) < 1e-14)
      #expect(abs(value - mdp.value(of: logits)) < 1e-14)
    }
  }

  /// The probability of each data set, orders counted.
  static func chances(_ problem: SampledAdaptationProblem) -> [Double] {
    let log = GradientTape().input(problem.expected.logits).logSoftmax().value
    let count = Double(problem.taskData.count) / Double(problem.expected.mdps.count)
    return problem.taskData.map { task in
      let likelihood = task["positions"].elements.reduce(0) { $0 + log.elements[Int($1)] }
      return task["weight"].elements[0] / count * exp(likelihood)
    }
  }

  @Test func dataSetsAreAllAndTheirProbabilitiesSumToOne() throws {
    let problem = try Self.small(trajectories: 2)
    #expect(problem.dataSets == 64 && problem.taskData.count == 36)
    #expect(try Self.small(trajectories: 4).dataSets == 4096)
    #expect(try Self.small(trajectories: 4).taskData.count == 330)
    for reference in try Reference.all() {
      let problem = try reference.sampled
      #expect(abs(Self.chances(problem).reduce(0, +) - Double(problem.expected.mdps.count)) < 1e-13)
    }
  }

  // MARK: - Parts

  /// Two states, two actions, two times.
  static func small(
    trajectories: Int, rate: Double = 0.5, baseline: Matrix? = nil
  ) throws -> SampledAdaptationProblem {
    var generator = SeededGenerator(seed: 1252)
    let mdp = try TabularMDP.random(
      states: 2, actions: 2, discount: 0.9, horizon: 2, using: &generator)
    return try SampledAdaptationProblem(
      TabularPolicyProblem(
        [mdp], logits: .gaussian(Shape(2, 2), using: &generator), learningRate: rate),
      trajectories: trajectories, baseline: baseline)
  }

  static func gradient(
    _ problem: SampledAdaptationProblem, _ part: SampledAdaptationProblem.Part,
    _ surrogate: SampledSurrogate = .naive
  ) -> Matrix {
    var problem = problem
    (problem.part, problem.surrogate) = (part, surrogate)
    return problem.metaGradient(by: .adjoint).gradient["logits"]
  }

  /// Path and score make up the gradient of the whole, and each is there.
  @Test func pathAndScoreMakeUpTheWhole() throws {
    for reference in try Reference.all() {
      let problem = try reference.sampled
      let whole = Self.gradient(problem, .whole)
      let (path, score) = (Self.gradient(problem, .path), Self.gradient(problem, .score))
      #expect((path + score - whole).norm < 1e-12 * whole.norm)
      #expect((path - whole).norm > 0.15 * whole.norm)
      #expect(path.norm > 0.05 * whole.norm)
    }
  }

  /// Differences of the listed objective find a score out that was dropped.
  @Test func differencesMissTheScore() throws {
    var generator = SeededGenerator(seed: 1253)
    for trajectories in 1...2 {
      var problem = try Self.small(trajectories: trajectories, rate: 2)
      problem.learned = ["logits", "learningRate"]
      let whole = problem.check(using: &generator)
      #expect(whole.passes(), "\(whole)")
      problem.part = .path
      #expect(!problem.check(using: &generator).passes(tolerance: 1e-2))
      // The rate does not choose the data: by it the path is all there is.
      problem.learned = ["learningRate"]
      #expect(problem.check(using: &generator).passes())
    }
  }

  /// On given data the steps are those of the naive surrogate: with another the path is not that of the objective.
  @Test(arguments: [SampledSurrogate.lvc, .dice, .loadedDice(0.5)])
  func anotherSecondDerivativeIsNotThatOfTheSteps(_ surrogate: SampledSurrogate) throws {
    var generator = SeededGenerator(seed: 1254)
    var problem = try Self.small(trajectories: 2, rate: 2)
    #expect(problem.laws(using: &generator).failures.isEmpty)
    problem.surrogate = surrogate
    #expect(problem.laws(using: &generator).failures.map(\.name) == ["differences"])
  }

  /// What the linearised score leaves out falls as 1/N.
  @Test func theLinearisedScoreIsOfFirstOrder() throws {
    var errors: [Double] = []
    for trajectories in [2, 4, 8] {
      let problem = try Self.small(trajectories: trajectories, rate: 0.5)
      let score = Self.gradient(problem, .score)
      errors.append((Self.gradient(problem, .linearizedScore) - score).norm / score.norm)
      var linear = problem
      linear.part = .linearizedScore
      #expect(linear.metaGradient().loss == 0)
    }
    #expect(errors[0] > 0.01)
    #expect((1.7...2.3).contains(errors[0] / errors[1]), "\(errors)")
    #expect((1.7...2.3).contains(errors[1] / errors[2]), "\(errors)")
  }

  /// In a bandit the path of LVC, or of DiCE, is on each data set that of naive and the linearised score.
  @Test func inABanditDiceIsTheLinearisedScore() throws {
    let bandit = try Reference.all()[3].sampled
    #expect(bandit.expected.horizon == 1)
    let linear = Self.gradient(bandit, .path) + Self.gradient(bandit, .linearizedScore)
    for surrogate in [SampledSurrogate.lvc, .dice, .loadedDice(0.3)] {
      let path = Self.gradient(bandit, .path, surrogate)
      #expect(relativeDistance([path], [linear]) < 1e-12)
    }
  }

  /// With many trajectories, or a small rate, both objectives meet.
  @Test func theObjectivesMeet() throws {
    let few = try Self.small(trajectories: 1).adaptationObjectives()
    let many = try Self.small(trajectories: 6).adaptationObjectives()
    func apart(_ objectives: AdaptationObjectives) -> Double {
      abs(objectives.sampledValue - objectives.expectedValue)
    }
    #expect(abs(apart(few) / apart(many) - 6) < 1)
    let slow = try Self.small(trajectories: 1, rate: 1e-3).adaptationObjectives()
    #expect(relativeDistance([slow["sampled"]], [slow["expected"]]) < 1e-5)
  }

  @Test func theTableSaysWhatWasSeen() throws {
    let objectives = try Self.small(trajectories: 2, rate: 2).adaptationObjectives()
    #expect(objectives.rows.count == 14 && objectives.dataSets == 64)
    let text = "\(objectives)"
    #expect(text.contains("on 2 trajectories, 64 data sets\n"))
    #expect(text.contains("naive + linearised-score "))
    #expect(objectives.conclusion.hasPrefix("The naive path and the score are the gradient of B"))
  }

  // MARK: - What is refused

  @Test func badProblemsAreRefused() throws {
    let problem = try Self.small(trajectories: 1).expected
    func expectError(
      _ path: String, _ problem: TabularPolicyProblem, _ trajectories: Int = 1,
      _ baseline: Matrix? = nil, saying message: String
    ) {
      let error = #expect(throws: MetaProblemError.self) {
        try SampledAdaptationProblem(problem, trajectories: trajectories, baseline: baseline)
      }
      #expect(error?.path == path && error?.message.contains(message) == true, "\(error as Any)")
    }
    var twoSteps = problem
    twoSteps.steps = 2
    expectError(
      "adaptation.steps", twoSteps, saying: "2 is not 1: each step would need data of its own")
    expectError("trajectories", problem, 0, saying: "0 is not at least 1")
    expectError("trajectories", problem, 20, saying: "20 of 8 make more than 100000 data sets")
    expectError("baseline", problem, 1, Matrix(Shape(2, 3), repeating: 0), saying: "2×3, not 2×2")
    expectError("baseline", problem, 1, try Matrix([[0], [.nan]]), saying: "nan is not finite")
    func with(horizon: Int?) throws -> TabularPolicyProblem {
      let mdp = problem.mdps[0]
      return try TabularPolicyProblem(
        [
          TabularMDP(
            transitions: mdp.transitions, rewards: mdp.rewards, start: mdp.start, discount: 0.9,
            horizon: horizon)
        ], logits: problem.logits, learningRate: 1)
    }
    expectError("horizon", try with(horizon: nil), saying: "is missing, and without one")
    expectError(
      "horizon", try with(horizon: 1000), saying: "1000 makes more than 100000 trajectories")
  }
}
