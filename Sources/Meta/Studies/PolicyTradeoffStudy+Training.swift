import Meta
import Nets
import Tape

extension PolicyTradeoffStudy {
  /// What logits are worth, exactly, as means over tasks.
  public struct Worth: Codable, Equatable, Sendable {
    /// The value, which joint training ascends.
    public let before: Double
    /// The value after adaptation, which MAML ascends.
    public let after: Double
  }

  /// Where the exact ascent of an objective has ended.
  public struct Solution: Codable, Equatable, Sendable {
    /// What it is worth.
    public let worth: Worth
    /// The norm of the objective's gradient.
    public let gradientNorm: Double
    /// The steps that led there.
    public let steps: Int
  }

  /// A training, judged at each budget.
  public struct Training: Codable, Equatable, Sendable {
    /// The method.
    public let method: Method
    /// The rate of Adam.
    public let rate: Double
    /// What it is worth along sampled gradients.
    public let sampled: [Worth]
    /// The same along what they are in expectation, with the surrogate's Hessian and the exact gradient as inner step.
    public let expected: [Worth]
    /// The same along the exact gradient of the method's objective.
    public let exact: [Worth]
  }

  /// All that was done on one family.
  public struct Outcome: Codable, Equatable, Sendable {
    /// The name of its kind.
    public let kind: String
    /// Its seed.
    public let seed: UInt64
    /// What both trainings start from.
    public let start: Worth
    /// The solution of joint training.
    public let joint: Solution
    /// The solution of MAML.
    public let maml: Solution
    /// By method.
    public internal(set) var trainings: [Training] = []
  }

  /// How solutions are sought: the rate of Adam, how many ascents from different starts, their most steps, and what a
  /// hundred steps gain at least until an ascent is over.
  static let ascent = (rate: 0.2, starts: 4, steps: 2000, gain: 1e-6)

  /// Solves both objectives of a family.
  public func solutions(_ family: Family) throws(MetaProblemError) -> Outcome {
    let judge = try Judge(self, family)
    return Outcome(
      kind: family.kind.name, seed: family.seed, start: judge.worth(of: family.start),
      joint: try solution(family, steps: 0, \.before, judge),
      maml: try solution(family, steps: 1, \.after, judge))
  }

  /// The best end of ascents from the family's start and from others: objectives have local maxima.
  private func solution(
    _ family: Family, steps: Int, _ objective: KeyPath<Worth, Double>, _ judge: Judge
  ) throws(MetaProblemError) -> Solution {
    var generator = SeededGenerator(seed: family.seed)
    var problem = try problem(family, steps: steps)
    var best: Solution?
    for _ in 0..<Self.ascent.starts {
      let trainer = Trainer(
        problem, by: .adjoint, optimizer: AdamOptimizer(rate: Self.ascent.rate))
      var (last, norm) = (-Double.infinity, 0.0)
      trainer.run(until: Self.ascent.steps) { step in
        norm = step.gradient[0].norm
        if step.iteration % 100 != 0 { return true }
        defer { last = -step.loss }
        return abs(-step.loss - last) >= Self.ascent.gain
      }
      let end = Solution(
        worth: judge.worth(of: trainer.parameters[0]), gradientNorm: norm,
        steps: trainer.state.iteration)
      // Where all ends are equal but for rounding, as joint training's on the four goals, the first counts.
      if best.map({ end.worth[keyPath: objective] > $0.worth[keyPath: objective] + 1e-9 }) ?? true {
        best = end
      }
      problem.logits = .gaussian(family.start.shape, using: &generator)
    }
    return best ?? Solution(worth: judge.worth(of: family.start), gradientNorm: 0, steps: 0)
  }

  /// Trains by a method on sampled trajectories.
  public func sampled(
    _ method: Method, rate: Double, on family: Family
  ) throws(MetaProblemError) -> [Worth] {
    let environment = TabularEnvironment(like: family.mdps[0])
    let tasks = family.mdps.map(environment.task)
    let problem = SampledPolicyProblem(
      environment, SoftmaxPolicy(states: family.start.rows, actions: family.start.columns),
      ["logits": family.start], tasks: tasks, trajectories: trajectories,
      steps: method == .joint ? 0 : 1, learningRate: innerRate,
      surrogate: method == .dice ? .dice : .lvc, seed: family.seed)
    return try judged(
      Trainer(
        problem, order: method == .firstOrder ? .firstOrder : .exact, by: .adjoint,
        optimizer: AdamOptimizer(rate: rate), seed: family.seed
      ) { problem.data(of: tasks, seed: $0.next()) }, method, family)
  }

  /// Trains by a method along exact gradients, with the surrogate's expected Hessian or, with `isExact`, the right one.
  public func expected(
    _ method: Method, rate: Double, on family: Family, isExact: Bool = false
  ) throws(MetaProblemError) -> [Worth] {
    var problem = try problem(family, steps: method == .joint ? 0 : 1)
    if method == .lowVariance, !isExact { problem.surrogate = .lvc }
    return try judged(
      Trainer(
        problem, order: method == .firstOrder && !isExact ? .firstOrder : .exact, by: .adjoint,
        optimizer: AdamOptimizer(rate: rate)), method, family)
  }

  private func judged(
    _ trainer: Trainer<AdamOptimizer>, _ method: Method, _ family: Family
  ) throws(MetaProblemError) -> [Worth] {
    let judge = try Judge(self, family)
    return (1...budgets).map { budget in
      trainer.run(until: (1 << budget) / method.draws)
      return judge.worth(of: trainer.parameters[0])
    }
  }

  /// Trains on a family by a method, along sampled gradients, their expectation, and the exact gradient.
  public func training(
    _ method: Method, rate: Double, on family: Family
  ) throws(MetaProblemError) -> Training {
    let exact = try expected(method, rate: rate, on: family, isExact: true)
    return Training(
      method: method, rate: rate, sampled: try sampled(method, rate: rate, on: family),
      expected: method == .joint || method == .dice
        ? exact : try expected(method, rate: rate, on: family), exact: exact)
  }

  /// By rate of ``outerRates``, the value after adaptation at the last budget: what the rate of a method is chosen by.
  public func tuning(_ method: Method, on family: Family) throws(MetaProblemError) -> [Double] {
    var values: [Double] = []
    for rate in outerRates {
      values.append(try sampled(method, rate: rate, on: family)[budgets - 1].after)
    }
    return values
  }

  /// The rate whose mean over families is the highest; without any rate it stops with a message.
  ///
  /// - Parameter tunings: What ``tuning(_:on:)`` says of each family.
  public func rate(from tunings: [[Double]]) -> Double {
    let means = outerRates.indices.map { rate in SampleMean(tunings.map { $0[rate] }).mean }
    guard let best = zip(outerRates, means).max(by: { $0.1 < $1.1 }) else {
      stop("PolicyTradeoffStudy: there are no rates to choose from")
    }
    return best.0
  }
}

extension PolicyTradeoffStudy.Outcome {
  /// The same with what was trained.
  public func trained(_ trainings: [PolicyTradeoffStudy.Training]) -> Self {
    var copy = self
    copy.trainings = trainings
    return copy
  }
}

/// Says what logits are worth on a family.
private struct Judge {
  let before, after: MetaGradientEvaluator

  init(
    _ study: PolicyTradeoffStudy, _ family: PolicyTradeoffStudy.Family
  ) throws(MetaProblemError) {
    before = MetaGradientEvaluator(try study.problem(family, steps: 0), by: .adjoint)
    after = MetaGradientEvaluator(
      try study.problem(family, steps: 1), order: .firstOrder, by: .adjoint)
  }

  func worth(of logits: Matrix) -> PolicyTradeoffStudy.Worth {
    func value(_ evaluator: MetaGradientEvaluator) -> Double {
      evaluator.setLearned([logits])
      return 0 - evaluator.evaluate().loss
    }
    return .init(before: value(before), after: value(after))
  }
}
