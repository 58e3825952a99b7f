import Nets
import Tape

/// A bilevel problem that is another one, read through a change of its outer variables, its rates, its steps, its
/// tasks, its start or its outer loss.
struct Wrapped<Base: BilevelProblem>: BilevelProblem {
  let base: Base
  let outer: Parameters<Matrix>
  let learned: [String]
  let steps: Int
  /// The outer variables as the other problem reads them.
  var restored: @Sendable (Parameters<Variable>) -> Parameters<Variable> = { $0 }
  /// By which every rate is multiplied.
  var rateFactor = 1.0
  /// The tasks; nil for those of the other problem.
  var tasks: [Parameters<Matrix>]?
  /// Where the loop starts; nil for where that of the other problem does.
  var givenStart: Parameters<Matrix>?
  /// What is judged, from the outer loss of the other problem and what that reads.
  var judged: @Sendable (Variable, Parameters<Variable>, Parameters<Variable>) -> Variable = {
    loss, _, _ in loss
  }

  var name: String { base.name }
  var taskData: [Parameters<Matrix>] { tasks ?? base.taskData }
  var rule: any UpdateRule { base.rule }
  var lossNames: (inner: String, outer: String) { base.lossNames }
  var summary: String { base.summary }

  func start(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    guard let givenStart, let tape = outer.values.first?.tape else {
      return base.start(restored(outer))
    }
    return givenStart.map(tape.constant)
  }

  func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable { base.innerLoss(inner, restored(outer), task) }

  func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    let outer = restored(outer)
    return judged(base.outerLoss(inner, outer, task), inner, outer)
  }

  func rate(
    of variable: ParameterDescription, at step: StepNumber, _ outer: Parameters<Variable>
  ) -> Variable {
    let rate = base.rate(of: variable, at: step, restored(outer))
    return rateFactor == 1 ? rate : rateFactor * rate
  }

  func ruleSetting(_ name: String, _ outer: Parameters<Variable>) -> Variable? {
    base.ruleSetting(name, restored(outer))
  }
}

extension BilevelProblem {
  /// The same problem with some outer variables, which must stay positive, learned as their logarithms.
  ///
  /// The outer variable `x` becomes `log x`; losses, start, rates and rule read its exponential, so the chain
  /// rule is the tape's.
  ///
  /// - Precondition: Each is an outer variable and positive in every entry; anything else stops with a
  ///   message.
  public func learningLogarithms(of names: [String]) -> some BilevelProblem {
    for name in names where !outer[name].elements.allSatisfy({ $0 > 0 }) {
      stop("learningLogarithms(of:): \(name) is \(outer[name]), which has no logarithm")
    }
    func renamed(_ name: String) -> String { names.contains(name) ? "log \(name)" : name }
    let own = outer.descriptions
    let logarithms = Parameters(
      own.map { ParameterDescription(name: renamed($0.name), shape: $0.shape, role: $0.role) },
      zip(own, outer.values).map { names.contains($0.name) ? $1.map(scalarLog) : $1 })
    return Wrapped(
      base: self, outer: logarithms, learned: learned.map(renamed), steps: steps,
      restored: { outer in
        Parameters(
          own, zip(own, outer.values).map { names.contains($0.name) ? $1.exp() : $1 })
      })
  }

  /// The same problem, differentiated by the outer variables of the given names and no others.
  public func learning(only names: [String]) -> some BilevelProblem {
    Wrapped(base: self, outer: outer, learned: names, steps: steps)
  }

  /// The same problem at other values of some outer variables: where a training has led, for instance.
  ///
  /// - Precondition: Each is an outer variable of its shape; anything else stops with a message.
  public func with(learned values: Parameters<Matrix>) -> some BilevelProblem {
    for (name, value) in zip(values.names, values.values) where outer[name].shape != value.shape {
      stop("with(learned:): \(name) is \(value.shape), but was \(outer[name].shape)")
    }
    return Wrapped(base: self, outer: outer.replacing(values), learned: learned, steps: steps)
  }

  /// The same problem on other tasks.
  public func with(tasks: [Parameters<Matrix>]) -> some BilevelProblem {
    Wrapped(base: self, outer: outer, learned: learned, steps: steps, tasks: tasks)
  }

  /// The same problem with another number of steps, and all rates multiplied by a factor.
  ///
  /// Rates that are outer variables are moved, so that a derivative by them is that at the new value; what a
  /// problem makes of others is multiplied.
  func varied(steps: Int? = nil, rateFactor: Double = 1) -> some BilevelProblem {
    let rates = outer.filter { $0.name.isRateName }.map { rateFactor * $0 }
    return Wrapped(
      base: self, outer: outer.replacing(rates), learned: learned, steps: steps ?? self.steps,
      rateFactor: rates.count == 0 ? rateFactor : 1)
  }
}

extension String {
  /// Whether an outer variable of this name is a rate.
  var isRateName: Bool { self == "learningRate" || hasPrefix("learningRate/") }
}
