import Nets
public import Tape

// What the studies measure on small matrices. Nothing here is differentiated.

extension Matrix {
  /// The matrix product.
  ///
  /// - Precondition: Shapes fit; anything else stops with a message.
  package func times(_ other: Matrix) -> Matrix {
    if columns != other.rows { stop("times: \(shape) by \(other.shape)") }
    let (a, b, width) = (elements, other.elements, other.columns)
    var result = Array(repeating: 0.0, count: rows * width)
    for row in 0..<rows {
      for term in 0..<columns {
        let factor = a[row * columns + term]
        for column in 0..<width {
          result[row * width + column] += factor * b[term * width + column]
        }
      }
    }
    return Matrix(Shape(rows, width)) { result[$0 * width + $1] }
  }

  /// Rows and columns exchanged.
  package var transposed: Matrix { Matrix(shape.transposed) { self[$1, $0] } }

  /// The sum, entry by entry, with the second multiplied by `scale`.
  package func adding(_ other: Matrix, scale: Double = 1) -> Matrix {
    if shape != other.shape { stop("adding: \(shape) and \(other.shape)") }
    return Matrix(shape) { self[$0, $1] + scale * other[$0, $1] }
  }

  /// The length of the matrix as one vector, safe from overflow and underflow.
  package var norm: Double { Meta.norm(elements) }

  /// The identity.
  package static func identity(_ size: Int) -> Matrix {
    Matrix(Shape(size, size)) { $0 == $1 ? 1 : 0 }
  }

  /// The square matrix with these entries on its diagonal.
  package static func diagonal(_ entries: [Double]) -> Matrix {
    Matrix(Shape(entries.count, entries.count)) { $0 == $1 ? entries[$0] : 0 }
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
          let (a, b) = (dot(vectors[i], vectors[i]), dot(vectors[j], vectors[j]))
          let c = dot(vectors[i], vectors[j])
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
    return vectors.map { dot($0, $0).squareRoot() }.sorted(by: >)
  }

  /// The solution *X* of `self · X = right`, by elimination with pivots.
  ///
  /// - Returns: Nil if the matrix is singular, to rounding.
  package func solving(_ right: Matrix) -> Matrix? {
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

/// The sine of the largest principal angle between the column spaces of two matrices: 0 if the first
/// lies in the second, 1 if some direction of it is orthogonal to the second.
///
/// - Parameters:
///   - estimate: d×k.
///   - truth: d×k, with orthonormal columns.
/// - Returns: Nil if the columns of the estimate are linearly dependent.
/// - Reference: dist(B, B*) in Collins et al., *MAML and ANIL provably learn representations* (2022).
public func subspaceDistance(_ estimate: Matrix, from truth: Matrix) -> Double? {
  guard let basis = estimate.orthonormalized else { return nil }
  let inside = truth.times(truth.transposed.times(basis))
  return min(1, basis.adding(inside, scale: -1).singularValues[0])
}
