/// Bias and variance of estimators of the meta-policy-gradient, on processes where it is known.
///
/// What is estimated is the derivative by θ of J(θ + α∇J(θ)) at the uniform policy, (I + αH)∇J(θ′). Either H alone is
/// estimated, from some trajectories of the policy; or all of it is, with as many of the adapted policy for the outer
/// gradient. Estimators of the same part see the same trajectories.
///
/// - Reference: Liu et al., *A theoretical understanding of gradient bias in meta-reinforcement learning* (2022).
public struct PolicyGradientStudy: Sendable {
  /// The number of states of a process.
  public var states = 20
  /// The number of actions.
  public var actions = 5
  /// The concentration of the distribution from which what comes next is drawn.
  public var concentration = 0.001
  /// The factor on what comes a step later.
  public var discount = 0.8
  /// The number of steps of a trajectory.
  public var horizon = 20
  /// The rate of the inner step.
  public var innerRate = 10.0
  /// How many processes there are.
  public var processes = 10
  /// How many estimates are made of each kind in each process.
  public var repeats = 20
  /// The largest number of trajectories; the smaller ones are the powers of two below it.
  public var largestCount = 256

  /// The study of the paper's setting.
  public init() {}

  /// The numbers of trajectories of an estimate.
  public var counts: [Int] {
    var counts = [2]
    while let last = counts.last, 2 * last <= largestCount { counts.append(2 * last) }
    return counts
  }
}
