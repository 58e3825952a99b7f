public import Meta
public import Nets
public import Tape

/// Quasi-hyperbolic momentum: velocity ← decay · velocity + (1 − decay) · gradient, then a step along a
/// mixture of gradient and velocity, (1 − mix) · gradient + mix · velocity.
///
/// - Reference: Ma and Yarats, *Quasi-hyperbolic momentum and Adam for deep learning* (2019).
public struct QuasiHyperbolicMomentum: UpdateRule {
  /// The share of the velocity that is left after a step.
  public var decay: Double
  /// The share of the velocity in the mixture; with 0 the rule is gradient descent.
  public var mix: Double

  /// Creates a rule, by default with the settings of the paper.
  public init(decay: Double = 0.999, mix: Double = 0.7) { (self.decay, self.mix) = (decay, mix) }

  /// One: the velocity.
  public var stateCount: Int { 1 }

  /// `decay` and `mix`, which can be learned.
  public var settings: Parameters<Matrix> { ["decay": Matrix(decay), "mix": Matrix(mix)] }

  /// Records the new velocity, and the step along the mixture.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    let (decay, mix) = (update["decay"], update["mix"])
    state[0] = decay * state[0] + (1 - decay) * update.gradient
    return update.value - update.rate * ((1 - mix) * update.gradient + mix * state[0])
  }
}
