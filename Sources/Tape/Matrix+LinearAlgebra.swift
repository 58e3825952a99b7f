// Decompositions of small matrices that nobody differentiates.

extension Matrix {
  /// Orthonormal columns that span what the columns span, in O(*mn* min(*m*, *n*)); nil if those are
  /// linearly dependent, to rounding.
  public var orthonormalized: Matrix? {
    var basis: [[Double]] = []
    for column in 0..<columns {
      var vector = (0..<rows).map { self[$0, column] }
      let length = Tape.dot(vector, vector).squareRoot()
      for _ in 0..<2 {
        for earlier in basis {
          let overlap = Tape.dot(earlier, vector)
          for row in vector.indices { vector[row] -= overlap * earlier[row] }
        }
      }
      let rest = Tape.dot(vector, vector).squareRoot()
      guard rest > 1e-14 * length, rest.isFinite else { return nil }
      basis.append(vector.map { $0 / rest })
    }
    return Matrix(shape) { basis[$1][$0] }
  }

  /// The singular values, largest first.
  ///
  /// - Complexity: O(*mn* min(*m*, *n*)) for each of some ten sweeps.
  /// - Reference: Hestenes' one-sided Jacobi rotations; small values keep their relative accuracy
  ///   (Demmel and Veselić, *Jacobi's method is more accurate than QR*, 1992).
  public var singularValues: [Double] {
    let tall = rows >= columns ? self : transposed
    var vectors = (0..<tall.columns).map { column in (0..<tall.rows).map { tall[$0, column] } }
    var isDone = false
    for _ in 0..<60 where !isDone {
      isDone = true
      for i in vectors.indices {
        for j in 0..<i {
          let (a, b) = (Tape.dot(vectors[i], vectors[i]), Tape.dot(vectors[j], vectors[j]))
          let c = Tape.dot(vectors[i], vectors[j])
          if abs(c) <= 1e-15 * (a * b).squareRoot() { continue }
          isDone = false
          let ratio = (b - a) / (2 * c)
          let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          let sine = cosine * tangent
          for row in vectors[i].indices {
            let (x, y) = (vectors[i][row], vectors[j][row])
            vectors[i][row] = cosine * x - sine * y
            vectors[j][row] = sine * x + cosine * y
          }
        }
      }
    }
    return vectors.map { Tape.dot($0, $0).squareRoot() }.sorted(by: >)
  }

  /// The solution *X* of `self · X = right`, by elimination with pivots; nil if the matrix is singular, to
  /// rounding.
  ///
  /// - Shapes: `[n, n]`, `[n, k] → [n, k]`; anything else stops with both.
  /// - Complexity: O(*n*²(*n* + *k*)).
  public func solving(_ right: Matrix) -> Matrix? {
    if rows != columns || rows != right.rows { stop("solving: \(shape) for \(right.shape)") }
    var system = (0..<rows).map { row in
      (0..<columns).map { self[row, $0] } + (0..<right.columns).map { right[row, $0] }
    }
    let size = elements.reduce(0) { Swift.max($0, abs($1)) }
    for pivot in 0..<rows {
      var best = pivot
      for row in pivot..<rows where abs(system[row][pivot]) > abs(system[best][pivot]) {
        best = row
      }
      guard abs(system[best][pivot]) > 1e-14 * size else { return nil }
      system.swapAt(pivot, best)
      let leading = system[pivot]
      for row in 0..<rows where row != pivot {
        let factor = system[row][pivot] / leading[pivot]
        if factor == 0 { continue }
        for column in pivot..<leading.count { system[row][column] -= factor * leading[column] }
      }
    }
    return Matrix(right.shape) { system[$0][columns + $1] / system[$0][$0] }
  }
}
