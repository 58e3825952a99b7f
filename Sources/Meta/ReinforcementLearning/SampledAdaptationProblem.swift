public import Nets
public import Tape

/// MAML that adapts to sampled trajectories, with the expectation over all data sets written out.
///
/// The expected objective, A, is J(θ + α∇J(θ)): ``TabularPolicyProblem``. The sampled one, B, is E_D J(θ + αĝ(θ; D)), where D
/// is *N* trajectories of the policy θ and ĝ the gradient that a ``SampledSurrogate`` has there. With a short horizon
/// all trajectories and all data sets can be listed, so that B is a number too, and nothing is estimated. The tasks of
/// this problem are the data sets; each counts by its probability, which is an outer loss's factor, so that the mean
/// over tasks is the expectation.
///
/// Its gradient has two terms, E_D[(I + α∇ĝ)ᵀ∇J(θ′)], the path, and E_D[J(θ′) Σ∇ log p(τ)], the score: the policy also
/// chooses what it adapts to. ``part`` takes them apart. All surrogates have one ĝ, so B is one number; they differ in
/// ∇ĝ. On data that is given the steps are those of `naive`, so that its path is that of B, and the others' is not.
///
/// - Reference: Stadie et al., *Some considerations on learning to explore via meta-reinforcement learning* (2018), for the
///   score; Tang, *Biased gradient estimate with drastic variance reduction for meta reinforcement learning* (2022), for
///   the linearised one.
public struct SampledAdaptationProblem: BilevelProblem {
  /// What of the objective is differentiated; the value stays that of the whole, but for `linearizedScore`.
  public enum Part: String, CaseIterable, Codable, Sendable {
    /// Both terms.
    case whole
    /// Through the adapted policy alone: the probability of the data stands behind `stopGradient`.
    case path
    /// Through the probability of the data alone: J(θ′) stands behind `stopGradient`.
    case score
    /// The score with J(θ′) replaced by what is linear in one trajectory's share of the step: α/*N* Σᵢ ∇log p(τᵢ)
    /// g(τᵢ)ᵀ∇J(θ′). The value is 0.
    ///
    /// For each *i*, J is expanded around θ′ towards the step without τᵢ. What remains there does not depend on τᵢ, so its
    /// product with that trajectory's score is 0 in expectation; what is left out is of second order in α/*N*.
    case linearizedScore = "linearised-score"
  }

  /// The same policy, processes and rate with expected adaptation.
  public let expected: TabularPolicyProblem
  /// The number of trajectories of a data set, *N*.
  public let trajectories: Int
  /// What is taken off the returns: a row for each state, a column for each time.
  public let baseline: Matrix
  /// The number of data sets of all processes, each order of drawing counted.
  public let dataSets: Int
  /// Which second derivative the path takes.
  public var surrogate = SampledSurrogate.naive
  /// What is differentiated.
  public var part = Part.whole
  /// The outer variables by which is differentiated: `logits`, `learningRate` or both.
  public var learned = ["logits"]
  /// A data set each: tables of its process, `positions` of its states and actions in the logits, what a surrogate
  /// reads, and the `weight` of what no policy changes.
  ///
  /// Data sets that differ in their order are one task, which counts as often.
  public let taskData: [Parameters<Matrix>]

  /// The most tasks: data sets, whatever their order.
  public static let maximumTasks = 100_000

  /// Lists all data sets of a problem.
  ///
  /// - Parameters:
  ///   - expected: The policy, the processes and the rate. Its surrogate does not matter.
  ///   - trajectories: The number of trajectories of a data set, at least 1.
  ///   - baseline: What is taken off the returns, b(s), discounted as they are: *S*×1, or *S*×*T* with a column for each
  ///     time; zero if nothing is said.
  /// - Throws: ``MetaProblemError`` with the place where the number of steps is not 1, since each further one would
  ///   need data of its own; where there is no horizon, or no trajectory; where there are more than ``maximumTasks``;
  ///   or where the baseline is of another shape or not finite.
  public init(
    _ expected: TabularPolicyProblem, trajectories: Int, baseline: Matrix? = nil
  ) throws(MetaProblemError) {
    let mdps = expected.mdps
    if expected.steps != 1 {
      throw MetaProblemError(
        "adaptation.steps", "\(expected.steps) is not 1: each step would need data of its own")
    }
    if trajectories < 1 {
      throw MetaProblemError("trajectories", "\(trajectories) is not at least 1")
    }
    guard let horizon = expected.horizon else {
      throw MetaProblemError("horizon", "is missing, and without one trajectories have no end")
    }
    let shape = Shape(mdps[0].states, horizon)
    let given = baseline ?? Matrix(shape, repeating: 0)
    guard given.shape == shape || given.shape == Shape(shape.rows, 1) else {
      throw MetaProblemError("baseline", "is \(given.shape), not \(shape)")
    }
    if let number = given.elements.first(where: { !$0.isFinite }) {
      throw MetaProblemError("baseline", "\(number) is not finite")
    }
    let table = Matrix(shape) { given[$0, given.columns == 1 ? 0 : $1] }

    var lists: [[TabularTrajectory]] = []
    var (tasks, ordered) = (0.0, 0.0)
    for mdp in mdps {
      let list = try mdp.trajectories(atMost: Self.maximumTasks)
      lists.append(list)
      tasks += TrajectorySet.count(trajectories, of: list.count)
      ordered += (0..<trajectories).reduce(1.0) { product, _ in product * Double(list.count) }
      if tasks > Double(Self.maximumTasks) {
        throw MetaProblemError(
          "trajectories",
          "\(trajectories) of \(list.count) make more than \(Self.maximumTasks) data sets, whatever their order"
        )
      }
    }
    (self.expected, self.trajectories, self.baseline) = (expected, trajectories, table)
    dataSets = Int(exactly: ordered) ?? .max
    taskData = zip(mdps, lists).flatMap { mdp, list in
      TrajectorySet.all(trajectories, of: list.count).map { set in
        Self.data(
          mdp, set.members.map { list[$0] }, baseline: table,
          weight: set.orders * tasks / Double(mdps.count))
      }
    }
  }

  private static func data(
    _ mdp: TabularMDP, _ set: [TabularTrajectory], baseline: Matrix, weight: Double
  ) -> Parameters<Matrix> {
    let times = set[0].states.count
    let shape = Shape(set.count, times)
    var discounts = [1.0]
    for _ in 1..<max(times, 1) { discounts.append(discounts[discounts.count - 1] * mdp.discount) }
    let rewards = Matrix(shape) {
      discounts[$1] * mdp.rewards[set[$0].states[$1], set[$0].actions[$1]]
    }
    let baselines = Matrix(shape) { discounts[$1] * baseline[set[$0].states[$1], $1] }
    let own: Parameters<Matrix> = [
      "positions": Matrix(shape) {
        Double(set[$0].states[$1] * mdp.actions + set[$0].actions[$1])
      },
      "stepRewards": rewards, "baselines": baselines,
      "advantages": Matrix(shape) { row, time in
        (time..<times).reduce(-baselines[row, time]) { $0 + rewards[row, $1] }
      },
      "mask": Matrix(shape, repeating: 1),
      "weight": Matrix(set.reduce(weight) { $0 * $1.chance }),
    ]
    let tables = mdp.data
    return Parameters(tables.descriptions + own.descriptions, tables.values + own.values)
  }
}

// MARK: - As a bilevel problem

extension SampledAdaptationProblem {
  /// `sampled-maml`, with the surrogate.
  public var name: String { "sampled-maml-\(surrogate.name)" }

  /// The logits and the rate.
  public var outer: Parameters<Matrix> { expected.outer }

  /// One: further ones would need data of their own.
  public var steps: Int { 1 }

  /// The logits.
  public func start(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    expected.start(outer)
  }

  /// The negative surrogate on the data set.
  public func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    let log = inner["logits"].logSoftmax().gather(task["positions"])
    let batch = Parameters<Variable>(
      ["mask", "advantages", "rewards", "baselines"].map {
        ParameterDescription(name: $0, shape: log.shape)
      },
      ["mask", "advantages", "stepRewards", "baselines"].map { task[$0] })
    return -surrogate.objective(log, batch)
  }

  /// The negative value after the step, times the probability of the data set and the number of tasks.
  public func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    let adapted = PolicyEvaluation(
      logits: inner["logits"], mdp: task, horizon: expected.horizon)
    let policy = outer["logits"].logSoftmax()
    let log = policy.gather(task["positions"])
    let chance = task["weight"] * log.sum().exp()
    switch part {
    case .whole: return -(chance * adapted.value)
    case .path: return -(chance.stopGradient() * adapted.value)
    case .score: return -(chance * adapted.value.stopGradient())
    case .linearizedScore:
      // ∇J(θ′), and what ∇log π(a|s) makes of it.
      let slope = adapted.probabilities * adapted.advantages
      let change = slope - (policy.exp() * slope).sum(to: Shape(slope.shape.rows, 1))
      let ofEach = Shape(trajectories, 1)
      let shares = (change.gather(task["positions"]) * task["advantages"]).sum(to: ofEach)
      let weights = chance * (outer["learningRate"] / Double(trajectories)) * shares
      return -(weights.stopGradient() * (log - log.stopGradient()).sum(to: ofEach)).sum()
    }
  }

  /// `negative surrogate` and `negative value after adaptation`.
  public var lossNames: (inner: String, outer: String) {
    ("negative surrogate", "negative value after adaptation")
  }

  /// The expected problem, and the data sets, in a line.
  public var summary: String {
    let drawn = trajectories == 1 ? "1 trajectory" : "\(trajectories) trajectories"
    return "\(expected.summary) on \(drawn), \("data set".counted(dataSets))"
  }
}
