/// The primitives of the engine: every line of a tape is one of these.
///
/// The set is closed. A function is differentiable because it is written in these operations, and
/// the derivative of each is written in them too, so that derivatives have derivatives. What each
/// one computes, and its pullback, stands in one table: `Operation+Rules.swift`.
public enum Operation: UInt8, CaseIterable, Sendable {
  /// A value from outside, which a ``Program`` may replace.
  case input
  /// A fixed value.
  case constant

  /// The entrywise sum; operands broadcast.
  case add
  /// The entrywise difference; operands broadcast.
  case subtract
  /// The entrywise product; operands broadcast.
  case multiply
  /// The entrywise quotient; operands broadcast.
  case divide

  /// The matrix product `a · b`.
  case matmul
  /// The matrix product `aᵀ · b`.
  case matmulTN
  /// The matrix product `a · bᵀ`.
  case matmulNT
  /// The transposed matrix.
  case transpose

  /// The sum of rows, of columns or of both.
  case sum
  /// A scalar, row or column repeated to a larger shape.
  case broadcast
  /// The matrix `x` for which `a · x = b`.
  case solve
  /// The entries of a matrix at given positions, counted row by row; zero at −1.
  case gather
  /// Zeros, to which each entry is added at its position, counted row by row; at −1 nowhere.
  case scatterAdd

  /// The larger of each entry and zero.
  case relu
  /// One where an entry is positive, zero elsewhere.
  case step
  /// The hyperbolic tangent of each entry.
  case tanh
  /// The exponential of each entry.
  case exp
  /// The natural logarithm of each entry.
  case log
  /// The square root of each entry.
  case sqrt
  /// The sine of each entry, in radians.
  case sin
  /// The cosine of each entry, in radians.
  case cos
  /// The logarithm of the sum of the exponentials of each row, without overflow.
  case logSumExp
  /// The logarithm of the softmax of each row, without overflow.
  case logSoftmax
  /// The logarithm of one plus the exponential of each entry, without overflow.
  case softplus
  /// The second operand, but the third where the first is zero or negative; operands broadcast.
  case select

  /// The same value, through which no derivative flows.
  case stopGradient
}
