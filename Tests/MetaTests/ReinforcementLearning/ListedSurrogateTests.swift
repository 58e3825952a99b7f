import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Each surrogate on every data set of one and of two trajectories: what it is there, and its mean over them.
@Suite struct ListedSurrogateTests {
  /// The objective on a data set, to be ascended.
  private static func objective(
    _ problem: SampledAdaptationProblem, _ surrogate: SampledSurrogate, _ task: Parameters<Matrix>,
    _ logits: Variable
  ) -> Variable {
    var problem = problem
    problem.surrogate = surrogate
    return
      -problem.innerLoss(["logits": logits], ["logits": logits], task.map(logits.tape.constant))
  }

  private static func problem(
    _ trajectories: Int, baseline: Matrix? = nil
  ) throws -> SampledAdaptationProblem {
    try SampledAdaptationTests.small(trajectories: trajectories, baseline: baseline)
  }

  /// V by state and time.
  private static func values(_ problem: SampledAdaptationProblem) -> Matrix {
    let policy = problem.expected.mdps[0].evaluation(
      of: GradientTape().input(problem.expected.logits))
    let values = policy.stages.map(\.stateValues.value)
    return Matrix(Shape(values[0].rows, values.count)) { values[$1][$0, 0] }
  }

  private static func meanHessian(
    _ problem: SampledAdaptationProblem, _ surrogate: SampledSurrogate
  ) -> Matrix {
    let point = problem.expected.logits
    let chances = SampledAdaptationTests.chances(problem)
    return zip(problem.taskData, chances).reduce(
      Matrix(Shape(point.shape.count, point.shape.count), repeating: 0)
    ) { sum, set in
      sum + set.1 * hessian(at: point) { Self.objective(problem, surrogate, set.0, $0) }
    }
  }

  private static let baseline = Matrix(Shape(2, 2)) { [[0.7, -0.4], [1.3, 0.2]][$0][$1] }

  /// The mean over data sets is the closed form, with a baseline or without, for one trajectory and for two.
  @Test(
    arguments: [
      (SampledSurrogate.naive, PolicySurrogate.naive), (.lvc, .lvc), (.dice, .dice),
      (.dice, .exact), (.loadedDice(0), .lvc), (.loadedDice(1), .exact),
    ], 1...2)
  func meansAreTheClosedForms(
    _ pair: (sampled: SampledSurrogate, closed: PolicySurrogate), _ trajectories: Int
  ) throws {
    for baseline in [nil, Self.baseline] {
      let problem = try Self.problem(trajectories, baseline: baseline)
      let mdp = problem.expected.mdps[0]
      let closed = hessian(at: problem.expected.logits) {
        pair.closed.objective(mdp.evaluation(of: $0))
      }
      let mean = Self.meanHessian(problem, pair.sampled)
      let isSame = (mean - closed).norm < 1e-13 * closed.norm
      // A baseline moves naive, and nothing else.
      #expect(isSame == !(pair.sampled == .naive && baseline != nil))
    }
  }

  /// With the value as baseline naive's second derivative is zero in the mean, though on no data set.
  @Test(arguments: 1...2)
  func naiveWithTheValueIsZero(_ trajectories: Int) throws {
    let problem = try Self.problem(
      trajectories, baseline: Self.values(try Self.problem(trajectories)))
    #expect(Self.meanHessian(problem, .naive).norm < 1e-15)
    for task in problem.taskData {
      let here = hessian(at: problem.expected.logits) {
        Self.objective(problem, .naive, task, $0)
      }
      #expect(here.norm > 1e-3)
    }
  }

  /// In a bandit LVC's mean is the whole second derivative.
  @Test func lvcIsExactForBandits() throws {
    let arms = try TabularMDP.bandit(rewards: [1, -0.5, 2])
    let bandit = try TabularMDP(
      transitions: arms.transitions, rewards: arms.rewards, start: arms.start, discount: 0,
      horizon: 1)
    let logits = try Matrix([[0.3, -0.2, 0.9]])
    let problem = try SampledAdaptationProblem(
      TabularPolicyProblem([bandit], logits: logits, learningRate: 1), trajectories: 2)
    #expect(problem.dataSets == 9)
    let exact = hessian(at: logits) { bandit.evaluation(of: $0).value }
    #expect((Self.meanHessian(problem, .lvc) - exact).norm < 1e-14)
    #expect((Self.meanHessian(problem, .naive) - exact).norm > 0.1)
  }

  /// On every data set Loaded DiCE is LVC at λ = 0 and DiCE with both baselines at λ = 1: value and three derivatives.
  @Test(arguments: [
    (SampledSurrogate.loadedDice(0), SampledSurrogate.lvc), (.loadedDice(1), .dice),
  ])
  func loadedDiceIsBothEnds(_ pair: (SampledSurrogate, SampledSurrogate)) throws {
    var generator = SeededGenerator(seed: 1261)
    for reference in try SampledAdaptationTests.Reference.all() {
      let problem = try reference.sampled
      let logits = problem.expected.logits
      for (index, task) in problem.taskData.enumerated() where index < 40 {
        let along = Matrix.gaussian(logits.shape, using: &generator)
        func jet(_ surrogate: SampledSurrogate) -> [Matrix] {
          let tape = GradientTape()
          let x = tape.input(logits)
          let value = Self.objective(problem, surrogate, task, x)
          let direction = tape.constant(along)
          let slope = gradient(of: value, wrt: x)
          let second = gradient(of: (slope * direction).sum(), wrt: x)
          let third = gradient(of: (second * direction).sum(), wrt: x)
          return [value, slope, second, third].map(\.value)
        }
        let (ours, theirs) = (jet(pair.0), jet(pair.1))
        for (a, b) in zip(ours, theirs) {
          #expect((a - b).norm < 1e-12 * max(1, b.norm))
        }
        // And between them it is neither.
        let between = jet(.loadedDice(0.5))
        let isBandit = problem.expected.horizon == 1
        #expect(((between[2] - ours[2]).norm < 1e-12) == isBandit)
      }
    }
  }

  /// All have one first derivative on each data set, and its mean is that of the value.
  @Test func allHaveOneFirstDerivative() throws {
    let problem = try Self.problem(2, baseline: Self.baseline)
    let (logits, mdp) = (problem.expected.logits, problem.expected.mdps[0])
    var mean = Matrix(logits.shape, repeating: 0)
    for (task, chance) in zip(problem.taskData, SampledAdaptationTests.chances(problem)) {
      let slopes = [SampledSurrogate.naive, .lvc, .dice, .loadedDice(0.5)].map { surrogate in
        gradient(at: logits) { Self.objective(problem, surrogate, task, $0) }
      }
      for slope in slopes { #expect((slope - slopes[0]).norm < 1e-14) }
      mean += chance * slopes[0]
    }
    let exact = gradient(at: logits) { mdp.evaluation(of: $0).value }
    #expect(relativeDistance([mean], [exact]) < 1e-13)
  }
}
