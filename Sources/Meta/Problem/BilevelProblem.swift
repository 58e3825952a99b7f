public import Nets
public import Tape

/// Two losses, one inside the other: an inner one that steps descend from a start, and an outer one of
/// where they end.
///
/// Everything that the losses, the start, the rates and the update rule read from outside is an outer
/// variable, and can be learned: every route differentiates by all of them. MAML is the problem whose outer
/// variables are the start, ANIL one whose losses also read a body that stays; a learned rate, a
/// regulariser or weights of examples are further lines.
///
/// Conform with a type of your own, or write the losses down in a ``Bilevel``.
public protocol BilevelProblem: Sendable {
  /// What results call the exact derivative of this problem, for instance `maml`.
  var name: String { get }

  /// What is read from outside, with the values at which it is evaluated.
  var outer: Parameters<Matrix> { get }

  /// The names of the outer variables by which is differentiated; by default all of them.
  var learned: [String] { get }

  /// The matrices of each task, under the same names in each; the outer loss is averaged over tasks.
  ///
  /// Shapes may differ from task to task: each size is recorded and compiled once.
  var taskData: [Parameters<Matrix>] { get }

  /// The number of inner steps.
  var steps: Int { get }

  /// How a step moves an inner variable along its gradient; by default gradient descent.
  var rule: any UpdateRule { get }

  /// Records the inner variables before the first step, under their names.
  func start(_ outer: Parameters<Variable>) -> Parameters<Variable>

  /// Records what the steps descend, 1×1.
  func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable

  /// Records what is judged after the last step, 1×1.
  func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable

  /// Records the rate of a step of one inner variable, 1×1 or of its shape.
  ///
  /// By default the outer variable `learningRate/` and the variable's name, or else `learningRate`: one
  /// number, or a column with one for each step, the last of which holds for all later ones.
  ///
  /// - Parameters:
  ///   - variable: Which one moves.
  ///   - step: The number of the step.
  ///   - outer: The outer variables.
  func rate(
    of variable: ParameterDescription, at step: StepNumber, _ outer: Parameters<Variable>
  ) -> Variable

  /// The setting of the rule that is an outer variable; nil where the rule's own holds.
  ///
  /// By default the outer variable `rule/` and the name.
  func ruleSetting(_ name: String, _ outer: Parameters<Variable>) -> Variable?

  /// What listings call the two losses.
  var lossNames: (inner: String, outer: String) { get }

  /// The problem in a line, as instruments print it.
  var summary: String { get }
}

extension BilevelProblem {
  /// The name of the type.
  public var name: String { "\(Self.self)" }

  /// All outer variables.
  public var learned: [String] { outer.names }

  /// Gradient descent.
  public var rule: any UpdateRule { GradientDescent() }

  /// The outer variable `learningRate/` and the name, or else `learningRate`.
  public func rate(
    of variable: ParameterDescription, at step: StepNumber, _ outer: Parameters<Variable>
  ) -> Variable {
    let own = "learningRate/\(variable.name)"
    if outer.contains(own) { return outer[own] }
    let rates = outer["learningRate"]
    return rates.shape == .scalar ? rates : rates.entry(at: step.variable)
  }

  /// The outer variable `rule/` and the name.
  public func ruleSetting(_ name: String, _ outer: Parameters<Variable>) -> Variable? {
    outer.contains("rule/\(name)") ? outer["rule/\(name)"] : nil
  }

  /// `inner loss` and `outer loss`.
  public var lossNames: (inner: String, outer: String) { ("inner loss", "outer loss") }

  /// The name, the tasks, the steps and what is learned.
  public var summary: String {
    "\(name), \("task".counted(taskData.count)), \("inner step".counted(steps)), "
      + "learned: \(learned.joined(separator: ", "))"
  }
}

extension Variable {
  /// The entry of a column in the row that `number` names, from 1; the last where there are fewer.
  fileprivate func entry(at number: Variable) -> Variable {
    gather(number.minimum(Double(shape.rows)) - 1)
  }
}

// MARK: - What every route asks of a problem

extension BilevelProblem {
  /// The outer variables by which is differentiated, in their order, with their values.
  package var learnedValues: Parameters<Matrix> {
    let learned = Set(learned)
    return outer.filter { learned.contains($0.name) }
  }

  /// The outer variables by which is differentiated, in their order.
  var learnedDescriptions: [ParameterDescription] { learnedValues.descriptions }

  /// Their positions among all outer variables.
  var learnedPositions: [Int] {
    let (names, learned) = (outer.names, Set(learned))
    return names.indices.filter { learned.contains(names[$0]) }
  }

  /// The tasks by the shapes of their matrices: those of equal sizes share their programs.
  var tasksBySize: [[Shape]: [Parameters<Matrix>]] { Dictionary(grouping: taskData, by: \.shapes) }

  /// The inner variables.
  var innerDescriptions: [ParameterDescription] {
    start(outer.recorded(on: GradientTape())).descriptions
  }

  /// Stops with a message where the parts of the problem do not fit each other.
  func check() {
    let names = outer.names
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      stop("\(name): two outer variables are called \(names[twice])")
    }
    for one in learned where !names.contains(one) {
      stop(
        "\(name): '\(one)' is learned, but the outer variables are \(names.joined(separator: ", "))"
      )
    }
    let (prefix, settings) = ("rule/", rule.settings.names)
    for one in names
    where one.hasPrefix(prefix) && !settings.contains("\(one.dropFirst(prefix.count))") {
      stop("\(name): '\(one)' is an outer variable, but the settings of \(rule) are \(settings)")
    }
    let own = names.filter { $0.hasPrefix("learningRate/") }
    if !own.isEmpty {
      let rates = Set(innerDescriptions.map { "learningRate/\($0.name)" })
      for one in own where !rates.contains(one) {
        stop("\(name): '\(one)' is an outer variable, but nothing of that name moves")
      }
    }
    let tasks = taskData
    guard let first = tasks.first else { stop("\(name): there is no task") }
    for (index, task) in tasks.enumerated() where task.names != first.names {
      stop("\(name): task 0 has \(first.names), but task \(index) has \(task.names)")
    }
    if steps < 0 { stop("\(name): steps is at least 0, but is \(steps)") }
  }
}
