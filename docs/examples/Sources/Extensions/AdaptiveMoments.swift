public import Meta
public import Tape

/// Adam as a rule of the inner loop: a step along the mean gradient over its mean size.
///
/// Both means run from zero and are divided by 1 − decayᵗ. The rule is not told the step *t*, but keeps a
/// mean of ones beside each mean: c ← decay · c + (1 − decay) makes just that number of it.
///
/// - Reference: Kingma and Ba, *Adam: a method for stochastic optimization* (2015), algorithm 1.
public struct AdaptiveMoments: UpdateRule {
  /// The share of the mean gradient that is left after a step.
  public let decay: Double
  /// The share of the mean square that is left after a step.
  public let squareDecay: Double
  /// What is added to the mean size, so that a gradient of zero is divided by something.
  public let epsilon: Double

  /// Creates a rule, by default with the settings of the paper.
  public init(decay: Double = 0.9, squareDecay: Double = 0.999, epsilon: Double = 1e-8) {
    (self.decay, self.squareDecay, self.epsilon) = (decay, squareDecay, epsilon)
  }

  /// Four: the mean gradient, the mean square, and a mean of ones beside each.
  public var stateCount: Int { 4 }

  /// Records the new means, and the step.
  public func step(
    from parameter: Variable, along gradient: Variable, rate: Variable, state: inout [Variable]
  ) -> Variable {
    state[0] = decay * state[0] + (1 - decay) * gradient
    state[1] = squareDecay * state[1] + (1 - squareDecay) * (gradient * gradient)
    state[2] = decay * state[2] + (1 - decay)
    state[3] = squareDecay * state[3] + (1 - squareDecay)
    let mean = state[0] / state[2]
    // Where every gradient so far was zero, the root is of zero: its derivative counts as zero.
    let size = (state[1] / state[3]).sqrt()
    return parameter - rate * (mean / (size + epsilon))
  }
}
