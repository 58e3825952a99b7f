import Meta
import Nets
import Tape

/// Joint training against MAML on families of tabular MDPs: modelling error and optimisation error, told apart exactly.
///
/// What is judged is the value after adaptation, F(θ), the mean of Jᵢ(θ + α∇Jᵢ(θ)) over the tasks i of a family; values
/// and the gradient of adaptation are exact. MAML ascends F, joint training the mean of Jᵢ(θ). Both are trained on
/// sampled trajectories, and what is lost to the best F is taken apart: ``Loss``.
///
/// - Reference: Gao and Sener, *Modeling and optimization trade-off in meta-learning* (2020), who could only estimate it
///   for policies.
public struct PolicyTradeoffStudy: Codable, Equatable, Sendable {
  /// How different the tasks of a family are, κ: from 0, where all are equal, to 1, where nothing joins them.
  public var differences = [0, 0.2, 0.4, 0.6, 0.8, 1]
  /// How many families of each kind are judged.
  public var families = 16
  /// How many tasks a family has.
  public var tasks = 8
  /// The states of a task.
  public var states = 4
  /// The actions of a task.
  public var actions = 3
  /// The steps of a trajectory.
  public var horizon = 5
  /// The factor γ on what comes a step later.
  public var discount = 0.9
  /// The rate α of adaptation.
  public var innerRate = 1.0
  /// How many trajectories of a task each gradient is estimated from.
  public var trajectories = 10
  /// How many budgets there are, each twice the one before: at the k-th, joint training has made 2ᵏ steps, and MAML,
  /// each of whose steps draws twice, half as many.
  public var budgets = 10
  /// The rates of Adam from which that of each method is chosen.
  public var outerRates = [0.03, 0.1, 0.3]
  /// On how many families of each kind it is chosen; they are not judged.
  public var tuningFamilies = 4

  /// The default study.
  public init() {}

  /// What the tasks of a family have to do with each other.
  public enum Kind: Hashable, Sendable {
    /// Processes at random whose tables are (1 − κ) · shared + κ · own.
    case mixed(Double)
    /// Bandits of four arms, each task paying for another: the joint objective is ¼ whatever the policy.
    case fourGoals

    /// `κ = 0.2`, or `four goals`.
    public var name: String {
      switch self {
      case .mixed(let difference): "κ = \(difference.upToSixDigits)"
      case .fourGoals: "four goals"
      }
    }
  }

  /// The kinds of families that are judged: mixed ones by their difference, then the four goals.
  public var kinds: [Kind] { differences.map(Kind.mixed) + [.fourGoals] }

  /// A way to train.
  public enum Method: String, CaseIterable, Codable, Sendable {
    /// Ascends the mean value before adaptation, as domain randomised search does.
    case joint
    /// Ascends the value after adaptation, differentiated with DiCE: exact in expectation.
    case dice = "maml-dice"
    /// The same with low-variance curvature, which leaves out the response of later values.
    case lowVariance = "maml-lvc"
    /// The same without a second derivative.
    case firstOrder = "fo-maml"

    /// How many sets of trajectories a step draws.
    public var draws: Int { self == .joint ? 1 : 2 }
  }

  /// A family that has been drawn, and where its training begins.
  public struct Family: Sendable {
    /// What its tasks have to do with each other.
    public let kind: Kind
    /// The tasks.
    public let mdps: [TabularMDP]
    /// The logits from which all methods start, normal with variance one.
    public let start: Matrix
    /// The seed of all else that is drawn for it.
    public let seed: UInt64
  }

  /// The seeds of the families that a run judges, and of those on which it chooses rates.
  public func familySeeds(_ seed: UInt64) -> (judged: [UInt64], tuning: [UInt64]) {
    var generator = SeededGenerator(seed: seed)
    var other = SeededGenerator(seed: ~seed)
    return (
      (0..<families).map { _ in generator.next() }, (0..<tuningFamilies).map { _ in other.next() }
    )
  }

  /// Draws a family; of one seed, those of different κ are made of the same tables.
  ///
  /// - Throws: `MetaProblemError` where there is no task, the discount or the horizon is out of range, or κ is not in
  ///   0 … 1, so that probabilities are negative.
  public func family(_ kind: Kind, seed: UInt64) throws(MetaProblemError) -> Family {
    if tasks < 1 { throw MetaProblemError("tasks", "there is no task") }
    var generator = SeededGenerator(seed: seed)
    let mdps =
      switch kind {
      case .mixed(let difference): try mixed(difference, using: &generator)
      case .fourGoals: try Self.fourGoals()
      }
    let start = Matrix.gaussian(mdps[0].rewards.shape, using: &generator)
    return Family(kind: kind, mdps: mdps, start: start, seed: generator.next())
  }

  private func mixed(
    _ difference: Double, using generator: inout SeededGenerator
  ) throws(MetaProblemError) -> [TabularMDP] {
    func draw() throws(MetaProblemError) -> TabularMDP {
      try .random(
        states: states, actions: actions, discount: discount, horizon: horizon, using: &generator)
    }
    func mean(_ shared: Matrix, _ own: Matrix) -> Matrix {
      (1 - difference) * shared + difference * own
    }
    let shared = try draw()
    var mdps: [TabularMDP] = []
    for _ in 0..<tasks {
      let own = try draw()
      mdps.append(
        try TabularMDP(
          transitions: zip(shared.transitions, own.transitions).map(mean),
          rewards: mean(shared.rewards, own.rewards), start: shared.start, discount: discount,
          horizon: horizon))
    }
    return mdps
  }

  private static func fourGoals() throws(MetaProblemError) -> [TabularMDP] {
    var mdps: [TabularMDP] = []
    for goal in 0..<4 {
      mdps.append(
        try TabularMDP(
          transitions: Array(repeating: Matrix(1), count: 4),
          rewards: Matrix(Shape(1, 4)) { $1 == goal ? 1 : 0 }, start: Matrix(1), discount: 0,
          horizon: 1))
    }
    return mdps
  }

  /// The steps in the environments of a family up to each budget.
  public func environmentSteps(_ kind: Kind) -> [Int] {
    let step = kind == .fourGoals ? 4 * trajectories : tasks * trajectories * horizon
    return (1...budgets).map { step << $0 }
  }

  /// The exact problem of a family: MAML's, or without a step that of joint training.
  public func problem(
    _ family: Family, steps: Int
  ) throws(MetaProblemError) -> TabularPolicyProblem {
    try TabularPolicyProblem(
      family.mdps, logits: family.start, steps: steps, learningRate: innerRate)
  }
}
