public import Meta
import Nets
public import Tape

extension PolicyGradientStudy {
  /// A process, the uniform policy in it, and what estimators tend to.
  public struct Process: Sendable {
    /// The process.
    public let mdp: TabularMDP
    /// The exact meta-gradient, and those with each surrogate's expected second derivative.
    public let comparison: SurrogateComparison
    /// The value of each state at each time.
    let values: [Matrix]
    /// Where the trajectories of its estimates follow from.
    let seed: UInt64

    /// What an estimator tends to with the number of trajectories; nil where no closed form says it.
    public func limit(_ estimator: Estimator) -> Matrix? { estimator.limit.map(row) }

    func row(_ name: String) -> Matrix {
      guard let row = comparison.rows.first(where: { $0.name == name }) else {
        stop("PolicyGradientStudy: there is no row \(name)")
      }
      return row.gradient
    }
  }

  /// What estimates of one kind in one process are worth, all lengths relative to that of the exact meta-gradient.
  public struct Measurement: Codable, Sendable {
    /// Which estimator.
    public let estimator: Estimator
    /// How many trajectories each part of an estimate has.
    public let trajectories: Int
    /// The mean over repeats of the correlation with the exact meta-gradient.
    public let correlation: Double
    /// The correlation of the mean over repeats.
    public let correlationOfMean: Double
    /// The square root of the mean squared distance of an estimate from the mean of all.
    public let deviation: Double
    /// The squared distance of the expected estimate from the exact meta-gradient, an unbiased estimate of it that may be
    /// negative.
    public let squaredBias: Double
    /// The same from the estimator's limit.
    public let squaredBiasFromLimit: Double?
  }

  /// Draws the processes of a seed.
  public func draw(seed: UInt64) throws(MetaProblemError) -> [Process] {
    var generator = SeededGenerator(seed: seed)
    var drawn: [Process] = []
    for _ in 0..<processes {
      let mdp = try TabularMDP.random(
        states: states, actions: actions, concentration: concentration, rewards: .uniform,
        discount: discount, horizon: horizon, using: &generator)
      let problem = try TabularPolicyProblem([mdp], logits: uniform, learningRate: innerRate)
      let policy = mdp.evaluation(of: GradientTape().input(uniform))
      drawn.append(
        Process(
          mdp: mdp, comparison: problem.surrogateComparison(),
          values: policy.stages.map(\.stateValues.value), seed: generator.next()))
    }
    return drawn
  }

  private var uniform: Matrix { Matrix(Shape(states, actions), repeating: 0) }

  /// The correlation of an estimate with the exact meta-gradient, over their entries.
  ///
  /// What a softmax policy has for a gradient sums to zero in each state, so it is the cosine; zero for an estimate
  /// that is zero.
  public func correlation(_ estimate: Matrix, _ exact: Matrix) -> Double {
    GradientGap(exact: [exact], other: [estimate]).cosine ?? 0
  }

  /// Makes ``repeats`` estimates of each kind and measures them.
  public func measure(_ process: Process, trajectories: Int) -> [Measurement] {
    estimates(process, trajectories: trajectories, repeats: repeats).map { estimator, estimates in
      measure(estimator, estimates, process, trajectories)
    }
  }

  private func measure(
    _ estimator: Estimator, _ all: [Matrix], _ process: Process, _ trajectories: Int
  ) -> Measurement {
    let (exact, count) = (process.comparison.exact, Double(all.count))
    let size = exact.norm > 0 ? exact.norm : 1
    func square(_ matrix: Matrix) -> Double { matrix.norm * matrix.norm / (size * size) }
    let mean = (1 / count) * all.reduce(Matrix(exact.shape, repeating: 0)) { $0 + $1 }
    let variance = all.reduce(0) { $0 + square($1 - mean) } / max(1, count - 1)
    // The mean of repeats is off by chance too, in expectation by so much.
    let chance = variance / count
    return Measurement(
      estimator: estimator, trajectories: trajectories,
      correlation: all.reduce(0) { $0 + correlation($1, exact) } / count,
      correlationOfMean: correlation(mean, exact), deviation: variance.squareRoot(),
      squaredBias: square(mean - exact) - chance,
      squaredBiasFromLimit: process.limit(estimator).map { square(mean - $0) - chance })
  }

  /// Estimates of the meta-gradient by each estimator, each from trajectories of its own.
  ///
  /// - Complexity: O(repeats · trajectories · horizon) steps of the environment for each estimator of everything, and
  ///   for each baseline.
  public func estimates(
    _ process: Process, trajectories: Int, repeats: Int
  ) -> [(estimator: Estimator, estimates: [Matrix])] {
    let environment = TabularEnvironment(like: process.mdp)
    let task = environment.task(process.mdp)
    // The same for all estimators.
    let seed = process.seed &+ UInt64(trajectories)
    func problem(_ estimator: Estimator, steps: Int, tasks: Int) -> SampledPolicyProblem<
      TabularEnvironment
    > {
      SampledPolicyProblem(
        environment, SoftmaxPolicy(states: states, actions: actions), ["logits": uniform],
        tasks: Array(repeating: task, count: tasks), trajectories: trajectories, steps: steps,
        learningRate: innerRate, surrogate: estimator.curvature.surrogate,
        advantages: AdvantageEstimate(baseline: estimator.baseline == .ridge ? .ridge : .none),
        seed: seed)
    }
    func batches(_ baseline: Estimator.Baseline) -> [Parameters<Matrix>] {
      let drawn = problem(Estimator(.naive, baseline), steps: 0, tasks: repeats).drawn().taskData
      let batches = drawn.map { $0.withoutPrefix("outer/") }
      return baseline == .value ? batches.map { $0.baseline(process.values, discount) } : batches
    }
    func everything(_ estimator: Estimator) -> [Matrix] {
      let problem = problem(estimator, steps: 1, tasks: 1)
      let order = estimator.curvature == .firstOrder ? Order.firstOrder : .exact
      let evaluator = MetaGradientEvaluator(problem, order: order, by: .adjoint)
      var seeds = SeededGenerator(seed: seed)
      return (0..<repeats).map { _ in
        evaluator.setTasks(problem.data(of: [task], seed: seeds.next()))
        return -1 * evaluator.evaluate().gradient["logits"]
      }
    }
    // ∇J(θ′), which first order takes as it is.
    let outer = process.row("first-order")
    var data: [Estimator.Baseline: [Parameters<Matrix>]] = [:]
    return Estimator.all.map { estimator in
      if estimator.part == .everything { return (estimator, everything(estimator)) }
      let problem = problem(estimator, steps: 1, tasks: 1)
      let drawn = data[estimator.baseline] ?? batches(estimator.baseline)
      data[estimator.baseline] = drawn
      let estimates = drawn.map { batch in
        let product = hessianVectorProduct(at: [uniform], along: [outer]) { logits in
          -problem.innerLoss(
            ["logits": logits[0]], [:], batch.map(logits[0].tape.constant))
        }
        return outer + innerRate * product[0]
      }
      return (estimator, estimates)
    }
  }
}

extension Parameters<Matrix> {
  /// Those whose names begin so, without it.
  fileprivate func withoutPrefix(_ prefix: String) -> Parameters {
    let own = filter { $0.name.hasPrefix(prefix) }
    return Parameters(
      own.descriptions.map {
        ParameterDescription(name: String($0.name.dropFirst(prefix.count)), shape: $0.shape)
      }, own.values)
  }

  /// A batch of trajectories with the value of each state at each time as baseline.
  fileprivate func baseline(_ values: [Matrix], _ discount: Double) -> Parameters {
    let (observations, rewards) = (self["observations"], self["rewards"])
    let count = rewards.columns
    var factors = [1.0]
    for _ in 1..<count { factors.append(factors[factors.count - 1] * discount) }
    let baselines = Matrix(rewards.shape) { trajectory, time in
      let row = trajectory * count + time
      let expected = (0..<observations.columns).reduce(0) {
        $0 + observations[row, $1] * values[time][$1, 0]
      }
      return factors[time] * expected
    }
    let advantages = Matrix(rewards.shape) { trajectory, time in
      (time..<count).reduce(-baselines[trajectory, time]) { $0 + rewards[trajectory, $1] }
    }
    return Parameters(
      descriptions,
      zip(names, self.values).map { name, value in
        name == "baselines" ? baselines : name == "advantages" ? advantages : value
      })
  }
}
