public import Nets
public import Tape

/// A bilevel problem made of another one, from which it differs in a few places.
protocol WrappedProblem: BilevelProblem {
  associatedtype Base: BilevelProblem
  var base: Base { get }
  /// The outer variables as the other problem reads them.
  func restored(_ outer: Parameters<Variable>) -> Parameters<Variable>
}

extension WrappedProblem {
  public var name: String { base.name }
  public var outer: Parameters<Matrix> { base.outer }
  public var learned: [String] { base.learned }
  public var taskData: [Parameters<Matrix>] { base.taskData }
  public var steps: Int { base.steps }
  public var rule: any UpdateRule { base.rule }
  public var lossNames: (inner: String, outer: String) { base.lossNames }
  public var summary: String { base.summary }
  func restored(_ outer: Parameters<Variable>) -> Parameters<Variable> { outer }
  public func start(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    base.start(restored(outer))
  }
  public func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { base.innerLoss(inner, restored(outer), task) }
  public func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { base.outerLoss(inner, restored(outer), task) }
  public func rate(
    of variable: ParameterDescription, at step: Variable, _ outer: Parameters<Variable>
  ) -> Variable { base.rate(of: variable, at: step, restored(outer)) }
}
