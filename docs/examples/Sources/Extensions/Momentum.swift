public import Meta
public import Tape

/// Gradient descent with momentum: velocity ← decay · velocity + gradient, then a step along it.
///
/// - Reference: Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).
public struct Momentum: UpdateRule {
  /// The share of the velocity that is left after a step; with 0 the rule is gradient descent.
  public let decay: Double

  /// Creates a rule of the given decay.
  public init(decay: Double = 0.9) { self.decay = decay }

  /// One: the velocity.
  public var stateCount: Int { 1 }

  /// Records the new velocity, and the step along it.
  public func step(
    from parameter: Variable, along gradient: Variable, rate: Variable, state: inout [Variable]
  ) -> Variable {
    state[0] = decay * state[0] + gradient
    return parameter - rate * state[0]
  }
}
