public import Meta
public import Nets
public import Tape

/// A step of nearly the same length in every entry, tanh(gradient / softness), which grows over the first steps.
///
/// The sign itself would be no rule to differentiate: its slope is zero wherever it has one. The softer it is,
/// the more of the gradient is left in it.
public struct WarmedUpSign: UpdateRule {
  /// The gradient at which an entry's step is tanh 1, some three quarters, of its longest.
  public var softness: Double
  /// The number of the first step of full length; step *n* before it has the *n*-th of so many parts.
  public var warmUp: Double

  /// Creates a rule.
  public init(softness: Double = 0.1, warmUp: Double = 3) {
    (self.softness, self.warmUp) = (softness, warmUp)
  }

  /// `softness`, which can be learned.
  public var settings: Parameters<Matrix> { ["softness": Matrix(softness)] }

  /// Records the step.
  public func step(_ update: Update, state: inout [Variable]) -> Variable {
    let share = (update.number / warmUp).minimum(1)
    return update.value - update.rate * share * (update.gradient / update["softness"]).tanh()
  }
}
