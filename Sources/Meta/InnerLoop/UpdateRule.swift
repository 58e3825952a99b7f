public import Nets
public import Tape

/// How an inner loop moves a variable along its gradient; bring one of your own by conforming.
///
/// A rule is recorded like any other arithmetic, so what it does is differentiated with the rest: by
/// all routes, and by every instrument that takes a meta-gradient apart.
public protocol UpdateRule: Sendable {
  /// How many matrices the rule remembers of each variable from step to step; none by default.
  ///
  /// Each has the variable's shape, and is zero before the first step.
  var stateCount: Int { get }

  /// The rule's own settings by name, decays for instance, which can be learned; none by default.
  var settings: Parameters<Matrix> { get }

  /// Records one step of one variable.
  ///
  /// - Parameters:
  ///   - update: What the step is given: value, gradient, rate, number and settings.
  ///   - state: What is remembered, ``stateCount`` variables, to be replaced by what is to be.
  /// - Returns: The value after the step, of the same shape.
  func step(_ update: Update, state: inout [Variable]) -> Variable
}

extension UpdateRule {
  /// None.
  public var stateCount: Int { 0 }

  /// None.
  public var settings: Parameters<Matrix> { Parameters([], []) }
}

/// What an update rule is given in one step of one variable.
public struct Update {
  /// The name, shape and role of the variable that moves.
  public let variable: ParameterDescription
  /// Where it stands.
  public let value: Variable
  /// The inner gradient there, of its shape; cut off already if the order says so.
  public let gradient: Variable
  /// The inner learning rate, 1×1 or of the variable's shape.
  public let rate: Variable
  /// The rule's settings, each perhaps learned.
  public let settings: Parameters<Variable>

  let step: StepNumber

  /// The number of the step, 1×1, from 1; a variable, so that one recorded step can be replayed as any.
  public var number: Variable { step.variable }

  /// The setting of a name.
  ///
  /// - Precondition: The rule has it; anything else stops with a message.
  public subscript(setting: String) -> Variable {
    if !settings.contains(setting) {
      stop("Update: no setting is called '\(setting)'; the rule has \(settings.names)")
    }
    return settings[setting]
  }
}

/// The number of an inner step, from 1, on a tape.
public struct StepNumber {
  let tape: GradientTape
  private let known: Double?
  private let input: Variable?

  /// A step that is always this one.
  init(_ number: Int, on tape: GradientTape) {
    (self.tape, known, input) = (tape, Double(number), nil)
  }

  /// A step whose number an input brings.
  init(_ input: Variable) {
    (tape, known, self.input) = (input.tape, nil, input)
  }

  /// The number, 1×1.
  public var variable: Variable { input ?? tape.constant(known ?? 0) }
}
