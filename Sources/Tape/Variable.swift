/// A handle on one line of a tape: a value that remembers how it was computed.
///
/// It holds a tape and a line number, no value, and is copied freely. It is not `Comparable`, and has
/// no literals: a choice that depends on a value must be an operation
/// (``select(_:elseWhereNotPositive:)-(Variable,Variable)``), or a replay would freeze it.
public struct Variable: CustomStringConvertible {
  /// The tape on which the value is recorded.
  public let tape: GradientTape

  /// The number of the line.
  package let index: Int

  /// Tells the line from one that was recorded in its place after a cut.
  private let era: Int32

  package init(tape: GradientTape, index: Int) {
    self.tape = tape
    self.index = index
    era = tape.recording.instructions[index].era
  }

  /// The line that this variable names.
  package var instruction: Instruction {
    guard index < tape.count, tape.recording.instructions[index].era == era else {
      stop("Variable: its line \(index) was truncated from the tape")
    }
    return tape.recording.instructions[index]
  }

  /// The rows and columns.
  public var shape: Shape { instruction.shape }

  /// The line in short, for instance `%3: tanh 2×2`.
  public var description: String { "%\(index): \(instruction.operation) \(shape)" }

  /// The value, of the variable's shape.
  ///
  /// The first reading computes every line up to this one.
  ///
  /// - Complexity: The arithmetic of the lines not computed before.
  public var value: Matrix {
    _ = instruction
    return tape.value(index)
  }

  /// The value of a 1×1 variable as a number.
  ///
  /// - Precondition: The shape is 1×1; anything else stops with a message.
  public var scalar: Double {
    if shape != .scalar { stop("scalar: the variable is \(shape), not 1×1") }
    return value.elements[0]
  }
}
