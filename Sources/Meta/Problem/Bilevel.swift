public import Nets
public import Tape

/// A bilevel problem written down in closures, for a quick one.
///
/// Ridge regression with a learned strength, for instance, is
///
/// ```swift
/// let ridge = Bilevel(
///   "ridge", outer: ["strength": Matrix(0.1), "learningRate": Matrix(0.5)], learned: ["strength"],
///   tasks: [["x": x, "y": y, "fresh x": freshX, "fresh y": freshY]], steps: 100,
///   start: { outer in ["w": outer["strength"].tape.constant(zeros)] },
///   innerLoss: { inner, outer, task in
///     (task["x"].matmul(inner["w"]) - task["y"]).square().mean()
///       + outer["strength"] * inner["w"].square().sum()
///   },
///   outerLoss: { inner, _, task in
///     (task["fresh x"].matmul(inner["w"]) - task["fresh y"]).square().mean()
///   })
/// ```
public struct Bilevel: BilevelProblem {
  /// A loss of inner variables, outer variables and the matrices of a task.
  public typealias Loss =
    @Sendable (
      _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
    ) -> Variable

  /// What results call it.
  public let name: String
  /// What is read from outside.
  public var outer: Parameters<Matrix>
  /// By which outer variables is differentiated.
  public var learned: [String]
  /// The matrices of each task.
  public var taskData: [Parameters<Matrix>]
  /// The number of inner steps.
  public var steps: Int
  /// How a step moves an inner variable.
  public var rule: any UpdateRule

  private let startOf: @Sendable (Parameters<Variable>) -> Parameters<Variable>
  private let inner: Loss
  private let outerOf: Loss

  /// Writes a problem down.
  ///
  /// - Parameters:
  ///   - name: What results call it.
  ///   - outer: What is read from outside; `learningRate` and `learningRate/NAME` are the rates, `rule/NAME`
  ///     the settings of the rule.
  ///   - learned: By what is differentiated; all of `outer` if nothing is said.
  ///   - tasks: The matrices of each task, under the same names.
  ///   - steps: The number of inner steps.
  ///   - rule: How a step moves an inner variable.
  ///   - start: Records the inner variables before the first step.
  ///   - innerLoss: Records what the steps descend, 1×1.
  ///   - outerLoss: Records what is judged in the end, 1×1.
  public init(
    _ name: String, outer: Parameters<Matrix>, learned: [String]? = nil,
    tasks: [Parameters<Matrix>], steps: Int, rule: any UpdateRule = GradientDescent(),
    start: @escaping @Sendable (_ outer: Parameters<Variable>) -> Parameters<Variable>,
    innerLoss: @escaping Loss, outerLoss: @escaping Loss
  ) {
    self.name = name
    self.outer = outer
    self.learned = learned ?? outer.names
    taskData = tasks
    self.steps = steps
    self.rule = rule
    (startOf, inner, outerOf) = (start, innerLoss, outerLoss)
  }

  /// Records the start.
  public func start(_ outer: Parameters<Variable>) -> Parameters<Variable> { startOf(outer) }

  /// Records the inner loss.
  public func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { self.inner(inner, outer, task) }

  /// Records the outer loss.
  public func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { outerOf(inner, outer, task) }
}
