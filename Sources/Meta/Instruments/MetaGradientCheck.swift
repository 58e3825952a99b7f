public import Tape

extension BilevelProblem {
  /// Checks a meta-gradient against differences of the meta-loss, along a random direction of all that is learned.
  ///
  /// A first-order method fails wherever the term that it leaves out is there: so does a method that
  /// is said to be exact and is not. Differences that straddle kinks, as those of ReLUs, are taken again
  /// on narrower stretches and along other directions; where that does not help, the check says that it
  /// cannot tell, which is neither.
  ///
  /// - Parameters:
  ///   - order: What is differentiated.
  ///   - route: How it is computed.
  ///   - generator: Where the direction comes from.
  /// - Returns: The finding, which `print` shows in a line; exact meta-gradients pass with a tolerance of
  ///   1e-9.
  public func check(
    order: Order = .exact, by route: Route = .unrolled,
    using generator: inout some RandomNumberGenerator
  ) -> DerivativeCheck {
    let evaluator = MetaGradientEvaluator(self, order: order, by: route)
    return checkGradient(
      evaluator.evaluate().gradient.values,
      of: { values in
        evaluator.setLearned(values)
        return evaluator.evaluate().loss
      }, at: learnedValues.values, using: &generator)
  }
}
