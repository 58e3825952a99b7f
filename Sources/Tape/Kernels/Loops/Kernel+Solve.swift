import KernelInterface

extension Kernel {
  /// Solves `a · x = b` for a square first operand.
  ///
  /// A matrix that is not finite gives NaN; one that is singular as far as rounding can tell stops.
  static let solve = Kernel { call in
    let n = call.shape.rows
    guard let factors = Factors(of: call.a.base, n, in: call.scratch) else {
      return call.result.update(repeating: .nan, count: call.shape.count)
    }
    if factors.reciprocalCondition < 1e-15 * Double(n) {
      call.stop(reciprocalCondition: factors.reciprocalCondition)
    }
    factors.solve(call.b.base, columns: call.shape.columns, into: call.result)
  }
}

/// A square matrix whose rows were exchanged until it is a product of a lower triangle with ones on the
/// diagonal and an upper one: Golub and Van Loan, *Matrix Computations* (2013), 3.4.
private struct Factors {
  /// One over the condition in the 1-norm, the norm of the inverse being an estimate.
  private(set) var reciprocalCondition = 0.0
  private let n: Int
  /// Both triangles, row by row, without the ones.
  private let entries: UnsafeMutablePointer<Double>
  /// Where each row stood in the matrix.
  private let origins: UnsafeMutablePointer<Double>

  /// Factors the matrix, or returns nil where an entry is not finite.
  init?(
    of matrix: UnsafePointer<Double>, _ n: Int, in scratch: UnsafeMutablePointer<Double>
  ) {
    self.n = n
    (entries, origins) = (scratch, scratch + n * n)
    let column = origins + n
    column.update(repeating: 0, count: n)
    for i in 0..<n * n {
      entries[i] = matrix[i]
      column[i % n] += abs(matrix[i])
    }
    let sums = UnsafeBufferPointer(start: column, count: n)
    guard sums.allSatisfy(\.isFinite), let norm = sums.max() else { return nil }
    for i in 0..<n { origins[i] = Double(i) }
    factor()
    reciprocalCondition = 1 / norm / inverseNorm(column)
    if reciprocalCondition.isNaN { reciprocalCondition = 0 }
  }

  /// Eliminates column by column.
  ///
  /// A pivot of zero leaves entries that are not finite behind, which the norm of the inverse shows.
  private func factor() {
    for pivot in 0..<n {
      var best = pivot
      for row in pivot..<n where abs(entries[row * n + pivot]) > abs(entries[best * n + pivot]) {
        best = row
      }
      if best != pivot {
        swap(&origins[best], &origins[pivot])
        for i in 0..<n { swap(&entries[best * n + i], &entries[pivot * n + i]) }
      }
      let upper = entries + pivot * n
      for row in pivot + 1..<n {
        let lower = entries + row * n
        lower[pivot] /= upper[pivot]
        let factor = lower[pivot]
        for i in pivot + 1..<n { lower[i] -= factor * upper[i] }
      }
    }
  }

  /// Solves for each column of `b`.
  func solve(
    _ b: UnsafePointer<Double>, columns: Int, into x: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<n {
      (x + row * columns).update(from: b + Int(origins[row]) * columns, count: columns)
    }
    substitute(x, columns)
  }

  /// Solves with both triangles in place.
  private func substitute(_ x: UnsafeMutablePointer<Double>, _ columns: Int) {
    func subtract(_ row: Int, _ others: Range<Int>) {
      if columns == 1 {
        var rest = x[row]
        for other in others { rest -= entries[row * n + other] * x[other] }
        x[row] = rest
        return
      }
      for other in others {
        let factor = entries[row * n + other]
        for i in 0..<columns { x[row * columns + i] -= factor * x[other * columns + i] }
      }
    }
    for row in 0..<n { subtract(row, 0..<row) }
    for row in (0..<n).reversed() {
      subtract(row, row + 1..<n)
      for i in 0..<columns { x[row * columns + i] /= entries[row * n + row] }
    }
  }

  /// An estimate of the 1-norm of the inverse: never above it but for rounding, seldom below a third.
  ///
  /// The exchange of rows does not change that norm. Higham, *FORTRAN codes for estimating the one-norm of
  /// a real or complex matrix* (1988), which is what LAPACK does.
  private func inverseNorm(_ x: UnsafeMutablePointer<Double>) -> Double {
    func solvedLength() -> Double {
      substitute(x, 1)
      let length = (0..<n).reduce(0) { $0 + abs(x[$1]) }
      return length.isFinite ? length : .infinity
    }
    // A vector that the ascent which follows cannot be led away from.
    for i in 0..<n { x[i] = (i % 2 == 0 ? 1 : -1) * (1 + Double(i) / Double(max(n - 1, 1))) }
    let alternating = 2 * solvedLength() / Double(3 * n)
    x.update(repeating: 1 / Double(n), count: n)
    var (estimate, found) = (0.0, solvedLength())
    for _ in 0..<4 where found > estimate && found < .infinity {
      estimate = found
      // Uphill, by the transposed triangles: the unit vector along which the sum of sizes rises most.
      for i in 0..<n { x[i] = x[i] < 0 ? -1 : 1 }
      for row in 0..<n {
        x[row] /= entries[row * n + row]
        for i in row + 1..<n { x[i] -= entries[row * n + i] * x[row] }
      }
      for row in (0..<n).reversed() { for i in 0..<row { x[i] -= entries[row * n + i] * x[row] } }
      let steepest = (0..<n).reduce(0) { abs(x[$1]) > abs(x[$0]) ? $1 : $0 }
      for i in 0..<n { x[i] = i == steepest ? 1 : 0 }
      found = solvedLength()
    }
    return max(estimate, found, alternating)
  }
}
