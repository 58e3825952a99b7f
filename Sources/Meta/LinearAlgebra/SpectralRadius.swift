import Tape

extension Matrix {
  /// The largest size of an eigenvalue, from the norms of powers by squaring: ‖Fᵐ‖^(1/m) for *m* = 2⁶⁰.
  ///
  /// - Shapes: Square; another stops with its shape.
  /// - Complexity: Sixty matrix products. The error is rounding, as far as eigenvalues themselves bear it: those of
  ///   defective matrices do not, in any algorithm.
  var spectralRadius: Double {
    if rows != columns { stop("spectralRadius: \(shape) is not square") }
    var (power, logarithm, share) = (self, 0.0, 1.0)
    for _ in 0..<60 {
      let size = power.norm
      if size == 0 { return 0 }
      if !size.isFinite { return .nan }
      logarithm += share * scalarLog(size)
      power = power / size
      power = power.matmul(power)
      share /= 2
    }
    return scalarExp(logarithm)
  }

  /// The smallest eigenvalue of a symmetric matrix, to rounding of the largest.
  var smallestSymmetricEigenvalue: Double {
    let size = singularValues.first ?? 0
    // Shifted by as much, no eigenvalue is negative, so that singular values are eigenvalues.
    let shifted = self + size * Matrix.identity(rows)
    return (shifted.singularValues.last ?? 0) - size
  }
}
