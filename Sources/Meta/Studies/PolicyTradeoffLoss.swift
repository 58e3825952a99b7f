import Meta

extension PolicyTradeoffStudy {
  /// What a training on sampled trajectories loses to the best value after adaptation, in parts that add up to it.
  ///
  /// A part is negative where it helps: noise may lead to a better maximum, and joint training that has not come far
  /// leaves more to adapt.
  public struct Loss: Codable, Equatable, Sendable {
    /// What the solution of joint training loses, which no training mends; of MAML zero.
    public let modelling: Double
    /// What so many steps along the exact gradient, from that start at that rate, lose to the method's solution.
    public let steps: Double
    /// What the second derivative that a surrogate drops loses.
    public let dropped: Double
    /// What sampling loses.
    public let noise: Double

    /// All of it.
    public var total: Double { modelling + optimization }
    /// What training loses.
    public var optimization: Double { steps + dropped + noise }
  }

  /// A mean over families, and half the width of its 95 % interval.
  public struct Mean: Codable, Equatable, Sendable {
    /// The mean.
    public let mean: Double
    /// By Student's distribution; zero for a single family.
    public let half: Double

    init(_ values: [Double]) {
      let sample = SampleMean(values)
      (mean, half) = (sample.mean, sample.halfWidth)
    }
  }
}

extension PolicyTradeoffStudy.Outcome {
  /// What joint training cannot learn: the best value after adaptation, less that which its solution has.
  public var modellingError: Double { maml.worth.after - joint.worth.after }

  /// The training by a method.
  public func training(_ method: PolicyTradeoffStudy.Method) -> PolicyTradeoffStudy.Training? {
    trainings.first { $0.method == method }
  }

  /// What a method has lost at a budget, in parts.
  public func loss(
    _ method: PolicyTradeoffStudy.Method, at budget: Int
  ) -> PolicyTradeoffStudy.Loss? {
    training(method).map { training in
      let solution = method == .joint ? joint : maml
      let (exact, expected) = (training.exact[budget].after, training.expected[budget].after)
      return .init(
        modelling: maml.worth.after - solution.worth.after, steps: solution.worth.after - exact,
        dropped: exact - expected, noise: expected - training.sampled[budget].after)
    }
  }

  /// What a method has lost at a budget of the objective that it ascends itself.
  public func ownLoss(_ method: PolicyTradeoffStudy.Method, at budget: Int) -> Double? {
    training(method).map {
      method == .joint
        ? joint.worth.before - $0.sampled[budget].before
        : maml.worth.after - $0.sampled[budget].after
    }
  }
}

/// The families of one kind together.
public struct PolicyTradeoffSummary: Sendable {
  /// What was done on each.
  public let outcomes: [PolicyTradeoffStudy.Outcome]

  /// Collects the families of one kind.
  public init(_ outcomes: [PolicyTradeoffStudy.Outcome]) { self.outcomes = outcomes }

  /// The modelling error of joint training.
  public var modellingError: PolicyTradeoffStudy.Mean { .init(outcomes.map(\.modellingError)) }

  /// The mean over families of a part of what a method has lost at a budget.
  public func loss(
    _ method: PolicyTradeoffStudy.Method, _ part: KeyPath<PolicyTradeoffStudy.Loss, Double>,
    at budget: Int
  ) -> PolicyTradeoffStudy.Mean {
    .init(outcomes.compactMap { $0.loss(method, at: budget)?[keyPath: part] })
  }

  /// The mean over families of what a method has lost of its own objective.
  public func ownLoss(
    _ method: PolicyTradeoffStudy.Method, at budget: Int
  ) -> PolicyTradeoffStudy.Mean { .init(outcomes.compactMap { $0.ownLoss(method, at: budget) }) }

  /// The share of families in which a method has a higher value after adaptation than joint training, at a budget, both
  /// trained along sampled gradients or, with a third argument, along `expected` or `exact` ones.
  public func winningShare(
    _ method: PolicyTradeoffStudy.Method, at budget: Int,
    _ way: KeyPath<PolicyTradeoffStudy.Training, [PolicyTradeoffStudy.Worth]> = \.sampled
  ) -> Double {
    let wins = outcomes.count { outcome in
      guard let own = outcome.training(method), let joint = outcome.training(.joint) else {
        return false
      }
      return own[keyPath: way][budget].after > joint[keyPath: way][budget].after
    }
    return Double(wins) / Double(max(1, outcomes.count))
  }

  /// The first budget from which on a method has a higher value after adaptation than joint training in more than half
  /// of the families.
  public func firstBudgetAhead(_ method: PolicyTradeoffStudy.Method) -> Int? {
    let budgets = outcomes.first?.training(method)?.sampled.indices ?? 0..<0
    let first = (budgets.last { winningShare(method, at: $0) <= 0.5 } ?? -1) + 1
    return budgets.contains(first) ? first : nil
  }
}
