import Meta
import Nets
import Tape
import TestSupport
import Testing

/// What is sampled against its expectation, within four standard errors: a small process, twenty thousand trajectories.
@Suite struct SampledMomentsTests {
  private typealias Problem = SampledPolicyProblem<TabularEnvironment>

  private static let logits = Matrix(Shape(2, 2)) { [0.3, -0.5, -0.2, 0.9][2 * $0 + $1] }

  /// Two states, two actions and three times; it may start in both, and what is done decides what comes next.
  private static func mdp() throws -> TabularMDP {
    try TabularMDP(
      transitions: [Matrix([[0.9, 0.1], [0.7, 0.3]]), Matrix([[0.2, 0.8], [0.1, 0.9]])],
      rewards: Matrix([[1, 0.5], [2, 4]]), start: Matrix([[0.3, 0.7]]), discount: 0.9, horizon: 3)
  }

  /// As many tasks as batches, all of one process, each with a seed of its own.
  private static func problem(
    _ mdp: TabularMDP, _ surrogate: SampledSurrogate = .dice,
    _ advantages: AdvantageEstimate = AdvantageEstimate(), batches: Int = 200,
    trajectories: Int = 100, steps: Int = 0
  ) -> Problem {
    let environment = TabularEnvironment(like: mdp)
    return SampledPolicyProblem(
      environment, SoftmaxPolicy(states: 2, actions: 2), ["logits": logits],
      tasks: Array(repeating: environment.task(mdp), count: batches), trajectories: trajectories,
      steps: steps, learningRate: 1, surrogate: surrogate, advantages: advantages, seed: 1302)
  }

  private static func batches(_ problem: Problem) -> [Parameters<Matrix>] {
    problem.drawn(threads: 2).taskData.map { $0.part("outer/") }
  }

  /// By batch, the gradient of the surrogate and its Hessian.
  private static func derivatives(_ problem: Problem) -> [(gradient: Matrix, hessian: Matrix)] {
    batches(problem).map { batch in
      func objective(_ x: Variable) -> Variable {
        -problem.innerLoss(["logits": x], [:], batch.map(x.tape.constant))
      }
      return (gradient(at: logits, of: objective), hessian(at: logits, objective))
    }
  }

  /// What each surrogate's second derivative is in expectation, where a closed form says it.
  private static func expected(_ surrogate: SampledSurrogate) -> PolicySurrogate? {
    switch surrogate {
    case .naive: .naive
    case .lvc, .loadedDice(0): .lvc
    case .dice, .loadedDice(1): .exact
    case .loadedDice: nil
    }
  }

  @Test(arguments: SampledPolicyTests.surrogates)
  func derivativesOfSurrogates(_ surrogate: SampledSurrogate) throws {
    let mdp = try Self.mdp()
    let drawn = Self.derivatives(Self.problem(mdp, surrogate))
    let slope = gradient(at: Self.logits) { mdp.evaluation(of: $0).value }
    #expect(errors(drawn.map(\.gradient), of: slope) < 4)
    guard let form = Self.expected(surrogate) else { return }
    for other in [PolicySurrogate.naive, .lvc, .exact] {
      let closed = hessian(at: Self.logits) { other.objective(mdp.evaluation(of: $0)) }
      let distance = errors(drawn.map(\.hessian), of: closed)
      // The others are so far away that they could not pass for it.
      #expect(form == other ? distance < 4 : distance > 15, "\(other): \(distance)")
    }
  }

  /// A baseline leaves the expectation where it is, but for the share in which it is fitted to what it judges, and
  /// takes variance away; so do generalised advantages, which are biased where the baseline is not the value.
  @Test(arguments: [1, 0.7])
  func ridgeBaseline(_ decay: Double) throws {
    let mdp = try Self.mdp()
    let slope = gradient(at: Self.logits) { mdp.evaluation(of: $0).value }
    let plain = Self.derivatives(Self.problem(mdp, .dice))
    // Eight features, of which two say the same, for three hundred steps of a batch.
    let bound = (decay == 1 ? 8.0 / 300 : 0.1) * slope.norm
    let advantages = AdvantageEstimate(baseline: .ridge, decay: decay)
    let ridge = Self.derivatives(Self.problem(mdp, .lvc, advantages))
    #expect(errors(ridge.map(\.gradient), of: slope, beyond: bound) < 4)
    #expect(spread(ridge.map(\.gradient)) < 0.7 * spread(plain.map(\.gradient)))
    if decay < 1 { return }
    let curvature = hessian(at: Self.logits) { mdp.evaluation(of: $0).value }
    let dice = Self.derivatives(Self.problem(mdp, .dice, advantages))
    #expect(
      errors(dice.map(\.hessian), of: curvature, beyond: 8.0 / 300 * curvature.norm) < 4)
    #expect(spread(dice.map(\.hessian)) < 0.8 * spread(plain.map(\.hessian)))
  }

  @Test func frequencies() throws {
    let mdp = try Self.mdp()
    let policy = mdp.evaluation(of: GradientTape().input(Self.logits)).probabilities.value
    var starts = [0, 0]
    var actions = [[0, 0], [0, 0]]
    var transitions = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]
    for batch in Self.batches(Self.problem(mdp)) {
      let (seen, taken) = (batch["observations"], batch["actions"])
      for row in 0..<seen.rows {
        let (state, action) = (Int(seen[row, 1]), Int(taken[row, 1]))
        let sums = [seen[row, 0] + seen[row, 1], taken[row, 0] + taken[row, 1]]
        #expect(sums == [1, 1])
        if row % 3 == 0 { starts[state] += 1 }
        actions[state][action] += 1
        if row % 3 < 2 { transitions[state][action][Int(seen[row + 1, 1])] += 1 }
      }
    }
    func check(_ counts: [Int], _ probability: Double) {
      let count = Double(counts[0] + counts[1])
      let error = (probability * (1 - probability) / count).squareRoot()
      let share = Double(counts[0]) / count
      #expect(count > 1000)
      #expect(abs(share - probability) < 4 * error)
    }
    check(starts, 0.3)
    for state in 0..<2 {
      check(actions[state], policy[state, 0])
      for action in 0..<2 {
        check(transitions[state][action], mdp.transitions[action][state, 0])
      }
    }
  }

  /// With many trajectories the meta-gradient is what the closed form of each surrogate says.
  @Test func metaGradients() throws {
    let mdp = try Self.mdp()
    let comparison = try TabularPolicyProblem([mdp], logits: Self.logits, learningRate: 1)
      .surrogateComparison()
    let cases: [(SampledSurrogate, Order, String)] = [
      (.naive, .firstOrder, "first-order"), (.naive, .exact, "naive"), (.lvc, .exact, "lvc"),
      (.dice, .exact, "exact"),
    ]
    for (surrogate, order, name) in cases {
      let problem = Self.problem(mdp, surrogate, batches: 1, trajectories: 1500, steps: 1)
      let evaluator = MetaGradientEvaluator(problem, order: order, by: .adjoint)
      let task = TabularEnvironment(like: mdp).task(mdp)
      let drawn = (0..<40).map { seed in
        evaluator.setTasks(problem.data(of: [task], seed: UInt64(seed)))
        return -1 * evaluator.evaluate().gradient["logits"]
      }
      for row in comparison.rows where cases.contains(where: { $0.2 == row.name }) {
        let distance = errors(drawn, of: row.gradient)
        #expect(row.name == name ? distance < 4 : distance > 5, "\(name) \(row.name) \(distance)")
      }
    }
  }
}

extension Parameters<Matrix> {
  /// Those whose names begin so, without it.
  func part(_ prefix: String) -> Parameters {
    let own = filter { $0.name.hasPrefix(prefix) }
    return Parameters(
      own.descriptions.map {
        ParameterDescription(name: String($0.name.dropFirst(prefix.count)), shape: $0.shape)
      }, own.values)
  }
}

/// By how many standard errors the mean of samples is off, in the entry that is furthest off.
///
/// - Parameter bias: A length of which each entry may be off before it counts.
func errors(_ samples: [Matrix], of expected: Matrix, beyond bias: Double = 0) -> Double {
  expected.elements.indices.reduce(0) { worst, index in
    let sample = samples.map { $0.elements[index] }
    let mean = sample.reduce(0, +) / Double(sample.count)
    let squares = sample.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let error = (squares / Double(sample.count - 1) / Double(sample.count)).squareRoot()
    let off = max(0, abs(mean - expected.elements[index]) - bias)
    return max(worst, off < 1e-13 ? 0 : off / error)
  }
}

/// The root of the sum of the variances of all entries.
func spread(_ samples: [Matrix]) -> Double {
  let mean = (1 / Double(samples.count)) * samples.dropFirst().reduce(samples[0], +)
  let squares = samples.reduce(0) { $0 + ($1 - mean).norm * ($1 - mean).norm }
  return (squares / Double(samples.count - 1)).squareRoot()
}
