public import Nets
public import Tape

/// What is differentiated in the place of a value that is only sampled: a function of the policy on trajectories that
/// are held fixed.
///
/// With ℓₜ = log π(aₜ|sₜ), Âₜ the advantage, γᵗrₜ and γᵗbₜ the discounted reward and baseline, ⊥ what stops derivatives and
/// □(x) = exp(x − ⊥x), each is a mean over trajectories of a sum over steps. The value of each is the mean discounted
/// return, and the expectation of its first derivative that of the value; what is expected of the second is in
/// ``PolicySurrogate``.
///
/// - Reference: Foerster et al., *DiCE: the infinitely differentiable Monte-Carlo estimator* (2018); Mao et al., *A baseline
///   for any order gradient estimation in stochastic computation graphs* (2019); Farquhar, Whiteson and Foerster,
///   *Loaded DiCE* (2019); Rothfuss et al., *ProMP: proximal meta-policy search* (2019).
public enum SampledSurrogate: Hashable, Sendable {
  /// Σ ℓₜ Âₜ: the second derivative lacks the products of scores.
  case naive
  /// Σ □(ℓₜ) Âₜ: it lacks the response of later values.
  case lvc
  /// Σ □(ℓ₀ + … + ℓₜ) γᵗrₜ, with the baselines of first and second order: it is complete, and it varies most.
  case dice
  /// Σ (□(wₜ) − □(wₜ − ℓₜ)) Âₜ with wₜ = λwₜ₋₁ + ℓₜ: `lvc` at λ = 0, `dice` at 1.
  case loadedDice(Double)

  /// `naive`, `lvc`, `dice` or `loaded-dice`.
  public var name: String {
    switch self {
    case .naive: "naive"
    case .lvc: "lvc"
    case .dice: "dice"
    case .loadedDice: "loaded-dice"
    }
  }

  /// Records the objective, 1×1, to be ascended.
  ///
  /// - Parameters:
  ///   - logProbabilities: ℓ, a trajectory a row, a step a column; what is added after its end does not count.
  ///   - batch: `advantages`, `rewards` and `baselines` of the same shape, zero after the end of a trajectory, and
  ///     `mask`, which is one before it.
  /// - Precondition: The shapes agree, and λ is finite; anything else stops with a message.
  public func objective(
    _ logProbabilities: Variable, _ batch: Parameters<Variable>
  ) -> Variable {
    total(logProbabilities, batch) / Double(logProbabilities.shape.rows)
  }

  /// Whether steps count one by one, so that they may stand in any order.
  var takesStepsAlone: Bool { self == .naive || self == .lvc }

  /// The objective as a sum over trajectories.
  func total(_ logProbabilities: Variable, _ batch: Parameters<Variable>) -> Variable {
    let (advantages, rewards) = (batch["advantages"], batch["rewards"])
    let shape = logProbabilities.shape
    for (name, value) in zip(["advantages", "rewards"], [advantages, rewards])
    where value.shape != shape {
      stop("SampledSurrogate: \(name) are \(value.shape), but log-probabilities \(shape)")
    }
    let log = logProbabilities * batch["mask"]
    switch self {
    case .naive: return ((log - log.stopGradient()) * advantages + rewards).sum()
    case .lvc: return ((log.magicBox - 1) * advantages + rewards).sum()
    case .dice:
      let sofar = log.accumulated(1)
      let (all, before) = (sofar.magicBox, (sofar - log).magicBox)
      return (all * rewards + (before - all) * batch["baselines"]).sum()
    case .loadedDice(let decay):
      if !decay.isFinite { stop("SampledSurrogate: λ is finite, but is \(decay)") }
      let load = log.accumulated(decay)
      return ((load.magicBox - (load - log).magicBox) * advantages + rewards).sum()
    }
  }
}

extension Variable {
  /// One, with the derivative of the exponential: □(x) = exp(x − ⊥x).
  var magicBox: Variable { (self - stopGradient()).exp() }

  /// In each row wₜ = λwₜ₋₁ + xₜ.
  fileprivate func accumulated(_ decay: Double) -> Variable {
    let count = shape.columns
    var powers = [1.0]
    for _ in 1..<max(count, 1) { powers.append(powers[powers.count - 1] * decay) }
    return matmul(
      tape.constant(
        Matrix(Shape(count, count)) { from, to in from <= to ? powers[to - from] : 0 }))
  }
}
