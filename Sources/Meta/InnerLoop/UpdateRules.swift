public import Nets
public import Tape

/// Gradient descent, `θ ← θ − rate · gradient`: the rule of MAML and ANIL.
public struct GradientDescent: UpdateRule {
  /// Creates the rule.
  public init() {}

  /// Records `value + (−rate) · gradient`.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    update.value + -update.rate * update.gradient
  }
}

/// Momentum, `v ← decay · v + gradient`, `θ ← θ − rate · v`.
///
/// - Reference: Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).
public struct Momentum: UpdateRule {
  /// The share of the velocity that is left after a step; with 0 the rule is gradient descent.
  public var decay: Double

  /// Creates the rule.
  public init(decay: Double = 0.9) { self.decay = decay }

  /// One: the velocity.
  public var stateCount: Int { 1 }

  /// `decay`.
  public var settings: Parameters<Matrix> { ["decay": Matrix(decay)] }

  /// Records the new velocity, and the step along it.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    state[0] = update["decay"] * state[0] + update.gradient
    return update.value - update.rate * state[0]
  }
}

/// Nesterov's momentum, `v ← decay · v + gradient`, `θ ← θ − rate · (gradient + decay · v)`.
///
/// - Reference: the form of Sutskever et al., *On the importance of initialization and momentum in deep
///   learning* (2013), with the gradient taken where θ stands.
public struct Nesterov: UpdateRule {
  /// The share of the velocity that is left after a step.
  public var decay: Double

  /// Creates the rule.
  public init(decay: Double = 0.9) { self.decay = decay }

  /// One: the velocity.
  public var stateCount: Int { 1 }

  /// `decay`.
  public var settings: Parameters<Matrix> { ["decay": Matrix(decay)] }

  /// Records the new velocity, and the step along the gradient and it.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    state[0] = update["decay"] * state[0] + update.gradient
    return update.value - update.rate * (update.gradient + update["decay"] * state[0])
  }
}

/// RMSProp, `s ← squareDecay · s + (1 − squareDecay) · gradient²`, `θ ← θ − rate · gradient / (√s + ε)`.
///
/// Where every gradient so far was zero, the derivative of √s counts as zero: the slope of the step by
/// the gradient is −rate/ε there.
///
/// - Reference: Tieleman and Hinton, *Lecture 6.5: RMSProp* (2012).
public struct RMSProp: UpdateRule {
  /// The share of the mean square that is left after a step.
  public var squareDecay: Double
  /// What keeps the quotient finite.
  public var epsilon: Double

  /// Creates the rule.
  public init(squareDecay: Double = 0.9, epsilon: Double = 1e-8) {
    (self.squareDecay, self.epsilon) = (squareDecay, epsilon)
  }

  /// One: the mean square.
  public var stateCount: Int { 1 }

  /// `squareDecay`, `epsilon`.
  public var settings: Parameters<Matrix> {
    ["squareDecay": Matrix(squareDecay), "epsilon": Matrix(epsilon)]
  }

  /// Records the new mean square, and the step.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    let decay = update["squareDecay"]
    state[0] = decay * state[0] + (1 - decay) * (update.gradient * update.gradient)
    return update.value - update.rate * (update.gradient / (state[0].sqrt() + update["epsilon"]))
  }
}

/// Adam, with means corrected for their start at zero, and ε outside the root.
///
/// Where every gradient so far was zero, the derivative of the root counts as zero: the slope of the first
/// step by the gradient is −rate/ε there, which is its limit. Derivatives by a decay lose digits as it comes
/// near 1, about one for each nine of it.
///
/// - Reference: Kingma and Ba, *Adam: a method for stochastic optimization* (2015), algorithm 1.
public struct Adam: UpdateRule {
  /// The share of the mean gradient that is left after a step.
  public var decay: Double
  /// The share of the mean square that is left after a step.
  public var squareDecay: Double
  /// What keeps the quotient finite.
  public var epsilon: Double

  /// Creates the rule.
  public init(decay: Double = 0.9, squareDecay: Double = 0.999, epsilon: Double = 1e-8) {
    (self.decay, self.squareDecay, self.epsilon) = (decay, squareDecay, epsilon)
  }

  /// Two: the mean gradient and the mean square.
  public var stateCount: Int { 2 }

  /// `decay`, `squareDecay`, `epsilon`.
  public var settings: Parameters<Matrix> {
    ["decay": Matrix(decay), "squareDecay": Matrix(squareDecay), "epsilon": Matrix(epsilon)]
  }

  /// Records both means, and the step.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    let (decay, squareDecay) = (update["decay"], update["squareDecay"])
    state[0] = decay * state[0] + (1 - decay) * update.gradient
    state[1] = squareDecay * state[1] + (1 - squareDecay) * (update.gradient * update.gradient)
    let mean = state[0] / decay.oneMinusPower(update.number)
    let size = (state[1] / squareDecay.oneMinusPower(update.number)).sqrt()
    return update.value - update.rate * (mean / (size + update["epsilon"]))
  }
}

extension Variable {
  /// One minus a power of this number, which is from 0 up to 1, by a whole number from 1 that may differ from
  /// replay to replay.
  ///
  /// It is tanh(−n log x / 2) · (1 + xⁿ), which keeps its digits, and those of its derivative, as x comes near 1.
  fileprivate func oneMinusPower(_ n: Variable) -> Variable {
    let exponent = n * select(self, elseWhereNotPositive: 1).log()
    return select(
      (-0.5 * exponent).tanh() * (1 + exponent.exp()),
      elseWhereNotPositive: 1 - self * (1 - (n - 1).step()))
  }
}
