public import Nets
public import Tape

/// A Markov decision process with finitely many states and actions, written down in tables.
///
/// Everything about it is known, so that the value of a policy, and every derivative of it, is a number and no
/// estimate: ``PolicyEvaluation`` records it on a tape.
public struct TabularMDP: Equatable, Sendable {
  /// By action, the probabilities of the next state (column) after each state (row): *S*×*S* each.
  public let transitions: [Matrix]
  /// The mean reward of each action (column) in each state (row): *S*×*A*.
  public let rewards: Matrix
  /// The probabilities of the first state: 1×*S*.
  public let start: Matrix
  /// The factor γ on what comes a step later.
  public let discount: Double
  /// The number of rewards that count, or nil where all do.
  public let horizon: Int?

  /// The number of states, *S*.
  public var states: Int { rewards.rows }
  /// The number of actions, *A*.
  public var actions: Int { rewards.columns }

  /// The most rewards that may count: each is lines on the tape.
  public static let maximumHorizon = 1000

  /// Creates a process from its tables.
  ///
  /// Probabilities are taken as they are; rows that sum to one but for 10⁻⁹ are not scaled.
  ///
  /// - Throws: ``MetaProblemError`` with the place, as `transitions[state][action]`, where sizes do not fit, a
  ///   number is not finite, probabilities are negative or do not sum to one, the horizon is not between 1 and
  ///   ``maximumHorizon``, or the discount is not in [0, 1), or in [0, 1] with a horizon. Without one, a
  ///   discount is refused too that is so close to one that `solve` could find the equations singular.
  public init(
    transitions: [Matrix], rewards: Matrix, start: Matrix, discount: Double, horizon: Int? = nil
  ) throws(MetaProblemError) {
    (self.transitions, self.rewards, self.start) = (transitions, rewards, start)
    (self.discount, self.horizon) = (discount, horizon)
    try check()
  }

  /// A bandit: one state, and an arm for each mean reward; its value is that of one pull.
  ///
  /// - Throws: ``MetaProblemError`` where there is no arm, or a reward is not finite.
  public static func bandit(rewards: [Double]) throws(MetaProblemError) -> TabularMDP {
    if rewards.isEmpty { throw MetaProblemError("rewards", "there is no arm") }
    return try TabularMDP(
      transitions: rewards.map { _ in Matrix(1) },
      rewards: Matrix(Shape(1, rewards.count)) { rewards[$1] }, start: Matrix(1), discount: 0)
  }

  /// The tables under their names, as a task of a bilevel problem has them: `transitions/0` … by action,
  /// `rewards`, `start` and `discount`.
  public var data: Parameters<Matrix> {
    let named =
      transitions.enumerated().map { ("transitions/\($0)", $1) }
      + [("rewards", rewards), ("start", start), ("discount", Matrix(discount))]
    return Parameters(
      named.map { ParameterDescription(name: $0, shape: $1.shape) }, named.map(\.1))
  }
}

// MARK: - Checks

extension TabularMDP {
  private func check() throws(MetaProblemError) {
    if transitions.count != actions {
      throw MetaProblemError(
        "transitions",
        "\(transitions.count) by action, but rewards have "
          + "action".counted(actions))
    }
    for (action, matrix) in transitions.enumerated() {
      if matrix.shape != Shape(states, states) {
        throw MetaProblemError(
          "transitions",
          "of action \(action) are \(matrix.shape), but there are "
            + "state".counted(states))
      }
    }
    if start.shape != Shape(1, states) {
      throw MetaProblemError("start", "is \(start.shape), but there are \("state".counted(states))")
    }
    var largest = 0.0
    for state in 0..<states {
      for action in 0..<actions {
        let sum = try Self.checkDistribution(
          transitions[action], row: state, "transitions[\(state)][\(action)]")
        largest = max(largest, sum)
        let reward = rewards[state, action]
        if !reward.isFinite {
          throw MetaProblemError("rewards[\(state)][\(action)]", "\(reward) is not finite")
        }
      }
    }
    _ = try Self.checkDistribution(start, row: 0, "start")
    try checkDiscount(largestSum: largest)
  }

  /// The sum of a row of probabilities.
  private static func checkDistribution(
    _ matrix: Matrix, row: Int, _ place: String
  ) throws(MetaProblemError) -> Double {
    var sum = 0.0
    for column in 0..<matrix.columns {
      let probability = matrix[row, column]
      if !probability.isFinite {
        throw MetaProblemError("\(place)[\(column)]", "\(probability) is not finite")
      }
      if probability < 0 {
        throw MetaProblemError("\(place)[\(column)]", "the probability \(probability) is negative")
      }
      sum += probability
    }
    if !(abs(sum - 1) <= 1e-9) {
      throw MetaProblemError(place, "the probabilities sum to \(sum), not to 1")
    }
    return sum
  }

  private func checkDiscount(largestSum: Double) throws(MetaProblemError) {
    if let horizon {
      if !(1...Self.maximumHorizon).contains(horizon) {
        throw MetaProblemError("horizon", "\(horizon) is not between 1 and \(Self.maximumHorizon)")
      }
      if !(0...1).contains(discount) {
        throw MetaProblemError("discount", "\(discount) is not between 0 and 1")
      }
      return
    }
    if !(0..<1).contains(discount) {
      throw MetaProblemError(
        "discount", "\(discount) is not at least 0 and below 1, as it has to be without a horizon")
    }
    // The condition of I − γP in the 1-norm is at most n(n + 1) / (1 − γ), and `solve` stops above 10¹⁵ / n.
    let size = Double(states)
    if 1 - discount * largestSum < 2e-15 * size * size * (size + 1) {
      throw MetaProblemError(
        "discount", "\(discount) is too close to 1 for \("state".counted(states)) without a horizon"
      )
    }
  }
}
