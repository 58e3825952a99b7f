// Arithmetic on matrices that nobody differentiates. Shapes must be equal: what broadcasts is a `Variable`.

extension Matrix {
  /// The entrywise sum.
  ///
  /// - Precondition: Equal shapes; anything else stops with both. So for the difference.
  /// - Complexity: O(entries), as of all that follow but the matrix product.
  public static func + (left: Matrix, right: Matrix) -> Matrix {
    left.combined(right, "+") { $0 + $1 }
  }

  /// The entrywise difference.
  public static func - (left: Matrix, right: Matrix) -> Matrix {
    left.combined(right, "-") { $0 - $1 }
  }

  /// The negated matrix.
  public static prefix func - (operand: Matrix) -> Matrix { operand.map { -$0 } }

  /// The matrix with each entry multiplied by a number.
  public static func * (left: Double, right: Matrix) -> Matrix { right.map { left * $0 } }

  /// The matrix with each entry multiplied by a number.
  public static func * (left: Matrix, right: Double) -> Matrix { left.map { $0 * right } }

  /// The matrix with each entry divided by a number; by zero as IEEE 754 says.
  public static func / (left: Matrix, right: Double) -> Matrix { left.map { $0 / right } }

  /// Adds `right`, entry by entry.
  public static func += (left: inout Matrix, right: Matrix) { left = left + right }

  /// Subtracts `right`, entry by entry.
  public static func -= (left: inout Matrix, right: Matrix) { left = left - right }

  private func combined(
    _ other: Matrix, _ operation: String, _ combine: (Double, Double) -> Double
  ) -> Matrix {
    if shape != other.shape { stop("Matrix \(operation): \(shape) and \(other.shape)") }
    return Matrix(shape, zip(elements, other.elements).map(combine))
  }

  /// The matrix product `self · other`, in O(*mkn*): `[m, k] · [k, n] → [m, n]`.
  ///
  /// - Precondition: The *k* agree; anything else stops with both shapes.
  public func matmul(_ other: Matrix) -> Matrix {
    if columns != other.rows { stop("Matrix.matmul: \(shape) and \(other.shape)") }
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
    return Matrix(Shape(rows, width), result)
  }

  /// Rows and columns exchanged.
  public var transposed: Matrix { Matrix(shape.transposed) { self[$1, $0] } }

  /// The sum of the products of entries in the same place; shapes that differ stop with both.
  public func dot(_ other: Matrix) -> Double {
    if shape != other.shape { stop("Matrix.dot: \(shape) and \(other.shape)") }
    return Tape.dot(elements, other.elements)
  }

  /// The square root of the sum of the squares of the entries, safe from overflow and underflow.
  public var norm: Double { Tape.norm(elements) }
}

// MARK: - Parts, and matrices of a known form

extension Matrix {
  /// The rows in `range`, from 0; one that is empty or beyond them stops with a message.
  public func rows(_ range: Range<Int>) -> Matrix { block(range, 0..<columns) }

  /// The columns in `range`, from 0; one that is empty or beyond them stops with a message.
  public func columns(_ range: Range<Int>) -> Matrix { block(0..<rows, range) }

  private func block(_ rowRange: Range<Int>, _ columnRange: Range<Int>) -> Matrix {
    if rowRange.isEmpty || columnRange.isEmpty || rowRange.clamped(to: 0..<rows) != rowRange
      || columnRange.clamped(to: 0..<columns) != columnRange
    {
      stop("Matrix: no rows \(rowRange), columns \(columnRange) in a matrix of \(shape)")
    }
    return Matrix(Shape(rowRange.count, columnRange.count)) {
      self[rowRange.lowerBound + $0, columnRange.lowerBound + $1]
    }
  }

  /// The identity of `size` rows and columns; a size below one stops with a message.
  public static func identity(_ size: Int) -> Matrix {
    Matrix(Shape(size, size)) { $0 == $1 ? 1 : 0 }
  }

  /// The square matrix with these entries on its diagonal, zeros elsewhere; none stops with a message.
  public static func diagonal(_ entries: [Double]) -> Matrix {
    Matrix(Shape(entries.count, entries.count)) { $0 == $1 ? entries[$0] : 0 }
  }
}

// MARK: - Lists of numbers

/// Σ aᵢbᵢ, in order.
package func dot(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for index in a.indices { sum += a[index] * b[index] }
  return sum
}

/// Σ aᵢbᵢ as four sums side by side, which do not wait for each other: rounded otherwise than ``dot(_:_:)``.
package func dotInLanes(_ a: [Double], _ b: [Double]) -> Double {
  var (first, second, third, fourth) = (0.0, 0.0, 0.0, 0.0)
  let whole = a.count & ~3
  var index = 0
  while index < whole {
    first += a[index] * b[index]
    second += a[index + 1] * b[index + 1]
    third += a[index + 2] * b[index + 2]
    fourth += a[index + 3] * b[index + 3]
    index += 4
  }
  for index in whole..<a.count { first += a[index] * b[index] }
  return (first + second) + (third + fourth)
}

/// The length of a vector, safe from overflow and underflow.
package func norm(_ vector: [Double]) -> Double {
  let largest = vector.reduce(0) { max($0, abs($1)) }
  // Zeros, or not a number among them.
  if largest == 0 || largest == .infinity { return vector.reduce(0) { $0 + abs($1) } }
  return largest * vector.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
}

extension Sequence<Matrix> {
  /// All entries one behind the other, matrix by matrix, row by row.
  package var flattened: [Double] { flatMap(\.elements) }
}

// MARK: - Files

extension Matrix: Codable {
  private struct Stored: Codable {
    let rows, columns: Int
    let values: [Double]
  }

  /// Reads `rows`, `columns` and `values`, row by row.
  ///
  /// - Throws: `DecodingError` with the text of ``MatrixError`` where they disagree.
  public init(from decoder: any Decoder) throws {
    let stored = try Stored(from: decoder)
    do {
      try self.init(rows: stored.rows, columns: stored.columns, elements: stored.values)
    } catch {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath, debugDescription: "\(error)", underlyingError: error))
    }
  }

  /// Writes `rows`, `columns` and `values`.
  public func encode(to encoder: any Encoder) throws {
    try Stored(rows: rows, columns: columns, values: elements).encode(to: encoder)
  }
}
