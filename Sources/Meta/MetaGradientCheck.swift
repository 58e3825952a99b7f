public import Tape

extension MetaProblem {
  /// Checks a meta-gradient against differences of the meta-loss, along a random direction.
  ///
  /// A first-order method fails wherever the term that it leaves out is there: so does a method that
  /// is said to be exact and is not. Differences that straddle kinks, as those of ReLUs, are taken again
  /// on narrower stretches and along other directions; where that does not help, the check says that it
  /// cannot tell, which is neither.
  ///
  /// - Parameters:
  ///   - method: What adapts, and what is differentiated.
  ///   - order: What is differentiated, if not what the method says.
  ///   - route: How it is computed.
  ///   - generator: Where the direction comes from.
  /// - Returns: The finding, which `print` shows in a line; exact meta-gradients pass with a tolerance of
  ///   1e-9.
  public func check(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled,
    using generator: inout some RandomNumberGenerator
  ) -> DerivativeCheck {
    let evaluator = MetaGradientEvaluator(self, method, order: order, by: route)
    return checkGradient(
      evaluator.evaluate().gradient.values,
      of: { parameters in
        evaluator.setParameters(parameters, rate: learningRate)
        return evaluator.evaluate().loss
      }, at: parameters.values, using: &generator)
  }
}
