// Functions of each entry that are spelled in the operations: derivatives of every order follow from
// those. The shape stays. At a kink the derivative is that of one side, which is named; NaN stays NaN.

extension Variable {
  /// The square of each entry.
  public func square() -> Variable { self * self }

  /// The size of each entry without its sign; its derivative at zero is zero.
  public func abs() -> Variable { relu() + (-self).relu() }

  /// The logistic function of each entry, 1 / (1 + e⁻ˣ), exact to rounding at both ends.
  public func sigmoid() -> Variable { (-(-self).softplus()).exp() }

  /// The larger of each two entries, operands broadcast as for `+`; NaN where either is NaN.
  ///
  /// - Gradient: To the larger; where they are equal, to `other` alone.
  public func maximum(_ other: Variable) -> Variable { choose(other, unless: self - other) }

  /// The smaller of each two entries, operands broadcast as for `+`; NaN where either is NaN.
  ///
  /// - Gradient: To the smaller; where they are equal, to `other` alone.
  public func minimum(_ other: Variable) -> Variable { choose(other, unless: other - self) }

  /// The larger of each entry and a number; the derivative is zero where they are equal.
  public func maximum(_ number: Double) -> Variable { maximum(tape.constant(number)) }

  /// The smaller of each entry and a number; the derivative is zero where they are equal.
  public func minimum(_ number: Double) -> Variable { minimum(tape.constant(number)) }

  /// Each entry, but the nearer bound where it lies outside of `bounds`; the derivative is one inside, and
  /// zero outside and at the bounds.
  public func clamp(to bounds: ClosedRange<Double>) -> Variable {
    maximum(bounds.lowerBound).minimum(bounds.upperBound)
  }

  private func choose(_ other: Variable, unless lead: Variable) -> Variable {
    // −other² is NaN where `other` is, and else never positive.
    (-other.square()).select(
      other, elseWhereNotPositive: lead.select(self, elseWhereNotPositive: other))
  }

  /// Each entry to the power of a number.
  ///
  /// A whole exponent multiplies, so that negative entries and derivatives at zero are right. With a
  /// fractional one, negative entries give NaN; at zero, derivatives that are finite are right, and those
  /// that are infinite are defined as zero where the exponent is positive, as for ``sqrt()``.
  ///
  /// - Precondition: The exponent is finite and below 2⁶³ in size; anything else stops with a message.
  /// - Complexity: O(log exponent) lines.
  public func power(_ exponent: Double) -> Variable {
    if exponent < 0 { return 1 / power(-exponent) }
    let floor = exponent.rounded(.down)
    guard var rest = Int(exactly: floor) else { stop("power: the exponent is \(exponent)") }
    var result = exponent == floor ? tape.constant(1) : fractionalPower(exponent - floor)
    var factor = self
    while rest > 0 {
      if rest % 2 == 1 { result = result * factor }
      rest /= 2
      if rest > 0 { factor = factor * factor }
    }
    return result.broadcast(to: shape)
  }

  /// Each entry to a power between 0 and 1.
  private func fractionalPower(_ exponent: Double) -> Variable {
    if exponent == 0.5 { return sqrt() }
    // The inner choice keeps the logarithm of zero off the tape; what is not positive behaves as under
    // the root, zero or NaN.
    let logarithm = select(self, elseWhereNotPositive: 1).log()
    return select((exponent * logarithm).exp(), elseWhereNotPositive: sqrt())
  }
}
