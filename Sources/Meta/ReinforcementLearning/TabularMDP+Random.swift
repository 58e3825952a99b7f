import Nets
import Tape

extension TabularMDP {
  /// How mean rewards are distributed that are drawn at random.
  public enum RandomRewards: Sendable {
    /// Normal, with mean and variance one.
    case normal
    /// Anything from 0 to 1, all equally likely.
    case uniform
  }

  /// A process at random, which begins in state 0.
  ///
  /// What comes after each state and action is a draw from a Dirichlet distribution: at concentration one all
  /// distributions of the next state are equally likely; far below, one next state is all but certain. The defaults
  /// are the processes of Duan et al.; Liu et al. have a concentration of 0.001 and uniform rewards.
  ///
  /// - Throws: ``MetaProblemError`` where the concentration is not positive and finite, or discount or horizon are
  ///   out of range, as the initialiser does.
  /// - Reference: Duan et al., *RL²: fast reinforcement learning via slow reinforcement learning* (2016); Liu et al., *A
  ///   theoretical understanding of gradient bias in meta-reinforcement learning* (2022).
  public static func random(
    states: Int, actions: Int, concentration: Double = 1, rewards: RandomRewards = .normal,
    discount: Double, horizon: Int? = nil, using generator: inout some RandomNumberGenerator
  ) throws(MetaProblemError) -> TabularMDP {
    if !(concentration > 0 && concentration.isFinite) {
      throw MetaProblemError("concentration", "\(concentration) is not positive and finite")
    }
    var transitions: [Matrix] = []
    for _ in 0..<actions {
      let weights = Matrix(Shape(states, states)) { _, _ in
        generator.nextLogGamma(concentration)
      }
      let rows = (0..<states).map { row in
        let largest = (0..<states).reduce(-Double.infinity) { max($0, weights[row, $1]) }
        let shares = (0..<states).map { scalarExp(weights[row, $0] - largest) }
        let sum = shares.reduce(0, +)
        return shares.map { $0 / sum }
      }
      transitions.append(Matrix(weights.shape) { rows[$0][$1] })
    }
    let means = Matrix(Shape(states, actions)) { _, _ in
      switch rewards {
      case .normal: 1 + generator.nextGaussian()
      case .uniform: Double.random(in: 0...1, using: &generator)
      }
    }
    return try TabularMDP(
      transitions: transitions, rewards: means,
      start: Matrix(Shape(1, states)) { $1 == 0 ? 1 : 0 }, discount: discount, horizon: horizon)
  }
}

extension RandomNumberGenerator {
  /// The logarithm of a number from the gamma distribution of scale one and any shape.
  ///
  /// The number itself is mostly under 10⁻³⁰⁰ where the shape is small. It is one of the next larger shape, times
  /// a uniform one to the power of 1 / shape.
  fileprivate mutating func nextLogGamma(_ shape: Double) -> Double {
    let share = scalarLog(Double.random(in: Double.leastNormalMagnitude...1, using: &self))
    // Of shape one it is the time that one waits.
    return shape == 1 ? scalarLog(-share) : scalarLog(nextGamma(1 + shape)) + share / shape
  }
}
