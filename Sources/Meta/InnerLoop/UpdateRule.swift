public import Tape

/// How an inner loop moves a parameter along its gradient; bring one of your own by conforming.
///
/// A rule is recorded like any other arithmetic, so what it does is differentiated with the rest: by
/// both routes, and by every instrument that takes a meta-gradient apart.
public protocol UpdateRule: Sendable {
  /// How many matrices the rule remembers of each parameter from step to step.
  ///
  /// Each has the parameter's shape, and is zero before the first step.
  var stateCount: Int { get }

  /// Records one step of one parameter.
  ///
  /// - Parameters:
  ///   - parameter: Where it stands.
  ///   - gradient: The inner gradient there, of its shape; cut off already if the order says so.
  ///   - rate: The inner learning rate, 1×1.
  ///   - state: What is remembered, ``stateCount`` variables, to be replaced by what is to be.
  /// - Returns: Where the parameter stands after the step, of its shape.
  func step(
    from parameter: Variable, along gradient: Variable, rate: Variable, state: inout [Variable]
  ) -> Variable
}

/// Gradient descent, `θ − rate · gradient`: the rule of MAML and ANIL.
public struct GradientDescent: UpdateRule {
  /// None: descent remembers nothing.
  public var stateCount: Int { 0 }

  /// Creates the rule.
  public init() {}

  /// Records `parameter + (−rate) · gradient`.
  public func step(
    from parameter: Variable, along gradient: Variable, rate: Variable, state: inout [Variable]
  ) -> Variable {
    parameter + -rate * gradient
  }
}
