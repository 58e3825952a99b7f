import Meta
import Nets
import Tape

/// Whether it is worth modelling adaptation: meta-reinforcement learning on 2-D navigation at equal environment steps.
///
/// A policy is trained by MAML with one of three surrogates, by first-order MAML or without adaptation, and judged along
/// the way by the returns of fresh tasks after updates whose rates were tuned on others.
///
/// - Reference: Gao and Sener, *Modeling and optimization trade-off in meta-learning* (2020), section 5; Finn, Abbeel
///   and Levine, *Model-agnostic meta-learning* (2017), section 5.3.
public struct NavigationStudy: Codable, Equatable, Sendable {
  /// Outer steps of MAML; joint training, which draws once in each and not twice, takes twice as many.
  public var iterations = 200
  /// Tasks in each outer step.
  public var metaBatch = 20
  /// Trajectories that an update or an outer step draws of each task.
  public var trajectories = 10
  /// The most moves of a trajectory.
  public var horizon = 100
  /// The rate α of the inner step in training.
  public var innerRate = 1.0
  /// The rate of Adam outside.
  public var outerRate = 0.003
  /// The units of each of the two hidden layers.
  public var width = 64
  /// How many budgets are judged, each about twice the one before it; the last is that of all iterations.
  public var budgets = 7
  /// Updates of a test.
  public var updates = 5
  /// The rates among which those of the test are chosen; none stop it with a message.
  public var rates = [0, 0.03, 0.1, 0.3, 1, 3]
  /// Fresh tasks on which a policy is judged.
  public var testTasks = 40
  /// Other tasks on which the rates of the test are chosen.
  public var validationTasks = 20

  /// The study at its default setting.
  public init() {}

  /// What is trained, and by which derivative.
  public enum Method: String, CaseIterable, Codable, Sendable {
    /// MAML whose second derivative lacks the response of later values.
    case lvc = "maml-lvc"
    /// MAML whose second derivative is complete in expectation: Loaded DiCE at λ = 1.
    case dice = "maml-dice"
    /// MAML whose second derivative lacks the products of scores, and with a good baseline nearly all.
    case naive = "maml-naive"
    /// MAML without second derivatives.
    case firstOrder = "fo-maml"
    /// Joint training without an update: domain randomised search.
    case joint = "drs"

    /// How often a task is sampled in an outer step.
    public var draws: Int { self == .joint ? 1 : 2 }

    fileprivate var surrogate: SampledSurrogate {
      switch self {
      case .lvc: .lvc
      case .dice: .loadedDice(1)
      // To first order all surrogates are the same.
      case .naive, .firstOrder, .joint: .naive
      }
    }
  }

  /// A training as far as it has come: all that it needs to go on.
  public struct Training: Codable, Equatable, Sendable {
    /// The method.
    public let method: Method
    /// The seed.
    public let seed: UInt64
    /// Where the trainer stands.
    public internal(set) var state: TrainingState<AdamOptimizer>
    /// How it was judged at each budget that it has reached.
    public internal(set) var evaluations: [Evaluation] = []
  }

  /// The moves of all trajectories of so many outer steps of MAML, each counted as if it lasted to the horizon.
  public func environmentSteps(_ iterations: Int) -> Int {
    2 * iterations * metaBatch * trajectories * horizon
  }

  /// The outer steps of MAML after which a training is judged, at least one each.
  public var judgedIterations: [Int] {
    (0..<budgets).map { iterations >> $0 }.filter { $0 > 0 }.reversed()
  }

  /// Whether a training has been judged at the last budget.
  public func isFinished(_ training: Training) -> Bool {
    training.evaluations.count >= judgedIterations.count
  }

  /// Whether a training that was read has the sizes of one of this study, and no more evaluations than steps allow.
  public func fits(_ training: Training) -> Bool {
    let perBudget = 2 / training.method.draws
    return training.state.fits(
      policy.parameters.reduce(0) { $0 + $1.shape.count }, iterations: iterations * perBudget)
      && training.evaluations.count <= judgedIterations.count
      && zip(judgedIterations, training.evaluations).allSatisfy { iterations, evaluation in
        iterations * perBudget <= training.state.iteration && evaluation.rates.count == updates
          && evaluation.returns.count == updates + 1
      }
  }

  /// The bytes that one training takes at most: what its tasks draw in each step, and some thirty matrices of the hidden
  /// units of one task.
  package var largestMemory: Int {
    let rows = trajectories.saturatingProduct(horizon)
    let tasks = max(metaBatch, testTasks, validationTasks).saturatingProduct(updates + 1)
    let numbers = [
      rows.saturatingProduct(tasks).saturatingProduct(9), rows.saturatingProduct(30 * width),
    ]
    return numbers.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
      .saturatingProduct(MemoryLayout<Double>.stride)
  }

  /// The mean return over tasks of an agent that does not move: the mean distance of a goal is (√2 + ln(1 + √2))/6.
  public var returnOfStandingStill: Double {
    let root = 2.0.squareRoot()
    return -Double(horizon) * (root + scalarLog(1 + root)) / 6
  }

  var navigation: Navigation {
    var navigation = Navigation()
    navigation.horizon = horizon
    return navigation
  }

  private var policy: GaussianPolicy {
    GaussianPolicy(ReLUNetwork(sizes: [2, width, width, 2]))
  }

  /// The start of a training; equal for all methods of a seed.
  public func start(_ method: Method, seed: UInt64) -> Training {
    var generator = SeededGenerator(seed: seed)
    let parameters = policy.initialParameters(using: &generator).values
    return Training(
      method: method, seed: seed,
      state: TrainingState(
        parameters, optimizer: AdamOptimizer(rate: outerRate), seed: generator.state))
  }

  /// The adaptation of a policy to tasks.
  func problem(
    _ parameters: [Double], _ rates: [Double], _ surrogate: SampledSurrogate, goals: [[Double]],
    seed: UInt64
  ) -> SampledPolicyProblem<Navigation> {
    var problem = SampledPolicyProblem(
      navigation, policy, Parameters(policy.parameters, flattened: parameters), tasks: goals,
      trajectories: trajectories, steps: rates.count, learningRate: innerRate,
      surrogate: surrogate, advantages: .init(baseline: .ridge, isStandardized: true), seed: seed)
    if !rates.isEmpty { problem.learningRate = Matrix(Shape(rates.count, 1), rates) }
    return problem
  }

  /// Goes on with a training until it has done all its outer steps, and judges it at each budget.
  ///
  /// Interrupted and resumed, it ends with the same bits as in one go.
  ///
  /// - Parameters:
  ///   - training: Where it stands; it is moved on in place.
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - progress: Is told how many outer steps are done, after each; if it answers false, the training stops there.
  /// - Throws: `MetaProblemError` if parameters have ceased to be finite.
  public func train(
    _ training: inout Training, threads: Int = 1, progress: (Int) -> Bool = { _ in true }
  ) throws(MetaProblemError) {
    let method = training.method
    var ahead = SeededGenerator(seed: 0)
    let problem = problem(
      training.state.parameters, method == .joint ? [] : [innerRate], method.surrogate,
      goals: navigation.goals(metaBatch, using: &ahead), seed: 0)
    let trainer = Trainer(
      problem, order: method == .firstOrder ? .firstOrder : .exact, by: .adjoint,
      from: training.state, threads: threads
    ) { [navigation, metaBatch] generator in
      let goals = navigation.goals(metaBatch, using: &generator)
      return problem.data(of: goals, seed: generator.next())
    }
    trainer.bound = .infinity
    for iterations in judgedIterations.dropFirst(training.evaluations.count) {
      let outcome = trainer.run(until: iterations * 2 / method.draws) { step in
        progress(step.iteration + 1)
      }
      training.state = trainer.state
      if outcome == .diverged {
        throw MetaProblemError(
          "parameters",
          "one is not finite after outer step \(training.state.iteration) of \(method.rawValue), seed \(training.seed)"
        )
      }
      if outcome == .stopped { return }
      training.evaluations.append(
        evaluation(training, at: environmentSteps(iterations), threads: threads))
    }
  }
}
