// The spellings of the operations: each records one line. Their gradients stand in the table in
// `Operation+Rules.swift`. Operands on different tapes, or of shapes that do not fit, stop with a message
// that names the operation and the shapes.

extension Variable {
  private func record(_ operation: Operation, target: Shape? = nil) -> Variable {
    tape.record(operation, [self], target: target)
  }

  private func record(_ operation: Operation, _ other: Variable) -> Variable {
    tape.record(operation, [self, other])
  }

  private func fixed(_ number: Double) -> Variable { tape.constant(number) }
}

// MARK: - Arithmetic: of equal shapes, or with a scalar, row or column that is repeated to fill

extension Variable {
  /// The entrywise sum, operands broadcast.
  ///
  /// - Precondition: Equal shapes, or one a scalar, row or column that fills the other when repeated;
  ///   anything else stops with both shapes. So for the other three.
  public static func + (left: Variable, right: Variable) -> Variable { left.record(.add, right) }

  /// The entrywise difference, operands broadcast.
  public static func - (left: Variable, right: Variable) -> Variable {
    left.record(.subtract, right)
  }

  /// The entrywise product, operands broadcast.
  public static func * (left: Variable, right: Variable) -> Variable {
    left.record(.multiply, right)
  }

  /// The entrywise quotient, operands broadcast; a division by zero gives what IEEE 754 says.
  public static func / (left: Variable, right: Variable) -> Variable { left.record(.divide, right) }

  /// The negated variable, recorded as a product with −1.
  public static prefix func - (operand: Variable) -> Variable { -1 * operand }

  /// The sum with a fixed number.
  public static func + (left: Variable, right: Double) -> Variable { left + left.fixed(right) }

  /// The sum of a fixed number with each entry.
  public static func + (left: Double, right: Variable) -> Variable { right.fixed(left) + right }

  /// The difference from a fixed number.
  public static func - (left: Variable, right: Double) -> Variable { left - left.fixed(right) }

  /// The difference of a fixed number from each entry.
  public static func - (left: Double, right: Variable) -> Variable { right.fixed(left) - right }

  /// The product with a fixed number.
  public static func * (left: Variable, right: Double) -> Variable { left * left.fixed(right) }

  /// The product of a fixed number with each entry.
  public static func * (left: Double, right: Variable) -> Variable { right.fixed(left) * right }

  /// The quotient by a fixed number.
  public static func / (left: Variable, right: Double) -> Variable { left / left.fixed(right) }

  /// The quotient of a fixed number by each entry.
  public static func / (left: Double, right: Variable) -> Variable { right.fixed(left) / right }
}

// MARK: - Matrix products, shapes

extension Variable {
  /// The matrix product `self · other`, in O(*mkn*): `[m, k] · [k, n] → [m, n]`.
  ///
  /// - Precondition: The *k* agree; anything else stops with both shapes.
  public func matmul(_ other: Variable) -> Variable { record(.matmul, other) }

  /// The matrix product `selfᵀ · other`, without a transposed copy: `[k, m]ᵀ · [k, n] → [m, n]`.
  ///
  /// - Precondition: The *k* agree; anything else stops with both shapes.
  public func transposedMatmul(_ other: Variable) -> Variable { record(.matmulTN, other) }

  /// The matrix product `self · otherᵀ`, without a transposed copy: `[m, k] · [n, k]ᵀ → [m, n]`.
  ///
  /// - Precondition: The *k* agree; anything else stops with both shapes.
  public func matmulTransposed(_ other: Variable) -> Variable { record(.matmulNT, other) }

  /// The matrix with rows and columns exchanged: `[m, n] → [n, m]`.
  public func transposed() -> Variable { record(.transpose) }

  /// The sum of all entries, 1×1.
  public func sum() -> Variable { sum(to: .scalar) }

  /// The sum over rows, over columns or over both, so that `target` is left: each of its dimensions is that
  /// of `self` or one, and anything else stops with both shapes.
  public func sum(to target: Shape) -> Variable { record(.sum, target: target) }

  /// The mean of all entries, 1×1.
  public func mean() -> Variable { mean(to: .scalar) }

  /// The mean over rows, over columns or over both, so that `target` is left; which targets fit, and what
  /// others do, is as for ``sum(to:)``.
  public func mean(to target: Shape) -> Variable {
    sum(to: target) * (Double(target.count) / Double(shape.count))
  }

  /// The matrix repeated along its dimensions of one until it is of shape `target`; one with another
  /// dimension stops with both shapes.
  public func broadcast(to target: Shape) -> Variable { record(.broadcast, target: target) }

  /// The matrix `x` for which `self · x = other`, by elimination with partial pivoting.
  ///
  /// - Shapes: `[n, n], [n, k] → [n, k]`.
  /// - Gradient: `solve(selfᵀ, g)` to `other`, and minus that times `xᵀ` to `self`.
  /// - Precondition: `self` is square, with as many rows as `other`. Where it is singular, or its
  ///   reciprocal condition in the 1-norm is estimated below 10⁻¹⁵ *n*, computing the value stops with
  ///   a message that gives the estimate. A matrix that is not finite gives NaN.
  /// - Complexity: *n*³/3 + *n*²*k* multiply-adds, and O(*n*²) for the estimate.
  public func solve(_ other: Variable) -> Variable { record(.solve, other) }
}

// MARK: - Entries by position, counted row by row from 0: entry (*i*, *j*) of `m`×`n` is at *i* · *n* + *j*

extension Variable {
  /// The entries at the positions that `indices` holds, counted row by row, and zero where it holds −1.
  ///
  /// No derivative flows to the indices. They may be an input, so that a replay brings others.
  ///
  /// - Shapes: `[m, n], [p, q] → [p, q]`.
  /// - Gradient: `g.scatterAdd(at: indices, into: shape)`.
  /// - Precondition: Indices are whole numbers from −1 to *mn* − 1; computing the value stops at another,
  ///   in a replay too, with a message that names it.
  public func gather(_ indices: Variable) -> Variable { record(.gather, indices) }

  /// The entries at fixed positions; see ``gather(_:)-(Variable)``.
  public func gather(_ indices: Matrix) -> Variable { gather(tape.constant(indices)) }

  /// Zeros, to which each entry is added at the position that `indices` holds for it, and dropped where
  /// that is −1.
  ///
  /// - Shapes: `[p, q], [p, q] → shape`.
  /// - Gradient: `g.gather(indices)`; none to the indices.
  /// - Precondition: `indices` is of this variable's shape. What it holds is as for
  ///   ``gather(_:)-(Variable)``, with positions in `shape`.
  public func scatterAdd(at indices: Variable, into shape: Shape) -> Variable {
    tape.record(.scatterAdd, [self, indices], target: shape)
  }

  /// Zeros, to which each entry is added at a fixed position; see ``scatterAdd(at:into:)-(Variable,_)``.
  public func scatterAdd(at indices: Matrix, into shape: Shape) -> Variable {
    scatterAdd(at: tape.constant(indices), into: shape)
  }
}

// MARK: - Functions of each entry: the shape stays

extension Variable {
  /// The larger of each entry and zero; its derivative at zero is zero.
  public func relu() -> Variable { record(.relu) }

  /// One where an entry is positive, zero elsewhere; its derivative is zero everywhere.
  public func step() -> Variable { record(.step) }

  /// The hyperbolic tangent of each entry.
  public func tanh() -> Variable { record(.tanh) }

  /// The exponential of each entry.
  public func exp() -> Variable { record(.exp) }

  /// The natural logarithm of each entry; NaN below zero.
  public func log() -> Variable { record(.log) }

  /// The square root of each entry, NaN below zero; its derivative at zero is defined as zero.
  public func sqrt() -> Variable { record(.sqrt) }

  /// The sine of each entry, in radians.
  public func sin() -> Variable { record(.sin) }

  /// The cosine of each entry, in radians.
  public func cos() -> Variable { record(.cos) }

  /// The logarithm of one plus the exponential of each entry, without overflow.
  public func softplus() -> Variable { record(.softplus) }

  /// The logarithm of the sum of the exponentials of each row, without overflow: `[m, n] → [m, 1]`.
  public func logSumExp() -> Variable { record(.logSumExp) }

  /// The logarithm of ``softmax()``, without overflow, and without loss of digits where entries are large.
  public func logSoftmax() -> Variable { record(.logSoftmax) }

  /// The exponentials of each row, divided by their sum, without overflow.
  public func softmax() -> Variable { logSoftmax().exp() }

  /// The entries of `value`, but those of `otherwise` where this variable is zero or negative; the three
  /// broadcast to the largest.
  ///
  /// Where this variable is NaN the choice is `value`, so that a NaN there is not hidden. No
  /// derivative flows to this variable.
  public func select(_ value: Variable, elseWhereNotPositive otherwise: Variable) -> Variable {
    tape.record(.select, [self, value, otherwise])
  }

  /// The entries of `value`, but a fixed number where this variable is zero or negative.
  public func select(_ value: Variable, elseWhereNotPositive otherwise: Double) -> Variable {
    select(value, elseWhereNotPositive: tape.constant(otherwise))
  }

  /// A fixed number, but the entries of `otherwise` where this variable is zero or negative.
  public func select(_ value: Double, elseWhereNotPositive otherwise: Variable) -> Variable {
    select(tape.constant(value), elseWhereNotPositive: otherwise)
  }

  /// The same value, cut off from what it was computed from: no derivative flows through it.
  ///
  /// The cut is a line of the tape, so it shows in listings and survives in a ``Program``.
  public func stopGradient() -> Variable { record(.stopGradient) }
}
