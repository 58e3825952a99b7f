public import Meta
public import Nets
public import Tape

extension MetaProblem {
  /// Learns a rate for each inner step beside the parameters.
  ///
  /// - Reference: Antoniou, Edwards and Storkey, *How to train your MAML* (2019).
  public var learningStepRates: MetaProblem {
    get throws {
      try with(rates: .byStep(Array(repeating: learningRate, count: steps)))
        .learning([.parameters, .learningRate])
    }
  }

  /// Learns the logarithm of the rate beside the parameters, so that the rate stays positive.
  public var learningLogarithmOfRate: some BilevelProblem {
    learning([.parameters, .learningRate]).learningLogarithms(of: ["learningRate"])
  }

  /// Only the body adapts; the head is learned, and stays.
  ///
  /// - Reference: Oh et al., *BOIL: towards representation change for few-shot learning* (2021).
  public var boil: MetaProblem { adapting(.body) }

  /// The multi-step loss Σₖ cₖ · (query loss after k steps), with its derivatives: it is linear in its weights,
  /// so its gradient is the sum of those of 1, 2, … steps, each times its weight.
  ///
  /// - Parameter weights: cₖ, from k = 1 on.
  /// - Returns: The loss, its derivative by what is learned, and that by each weight.
  /// - Complexity: O(*k*²) inner steps for *k* weights.
  /// - Reference: Antoniou, Edwards and Storkey, *How to train your MAML* (2019).
  public func multiStepGradient(
    weights: [Double], order: Order = .exact, by route: Route = .unrolled
  ) throws -> (loss: Double, gradient: Parameters<Matrix>, byWeight: [Double]) {
    let parts = try weights.indices.map {
      try with(steps: $0 + 1).metaGradient(order: order, by: route)
    }
    let gradients = zip(weights, parts).map { $0 * $1.gradient }
    return (
      zip(weights, parts).reduce(0) { $0 + $1.0 * $1.1.loss },
      gradients.dropFirst().reduce(gradients[0], +), parts.map(\.loss)
    )
  }
}
