/// A matrix of double-precision numbers, row by row: what goes into a tape and what comes out of it.
public struct Matrix: Equatable, Sendable, CustomStringConvertible {
  /// The rows and columns.
  public let shape: Shape

  /// The entries, row by row; always `shape.count` of them.
  public private(set) var elements: [Double]

  /// The rows as text, for instance `[[1.0, 2.0], [3.0, 4.0]]`.
  public var description: String {
    "\((0..<rows).map { row in Array(elements[row * columns..<(row + 1) * columns]) })"
  }

  /// The number of rows.
  public var rows: Int { shape.rows }

  /// The number of columns.
  public var columns: Int { shape.columns }

  /// Creates a `rows × columns` matrix from its entries, row by row.
  ///
  /// - Throws: ``MatrixError`` if a size is below one or the count of entries is not the product.
  public init(rows: Int, columns: Int, elements: [Double]) throws(MatrixError) {
    let (count, overflows) = rows.multipliedReportingOverflow(by: columns)
    guard rows > 0, columns > 0, !overflows, count == elements.count else {
      throw .count(rows: rows, columns: columns, elements: elements.count)
    }
    self.init(Shape(rows, columns), elements)
  }

  /// Creates a matrix from a list of rows.
  ///
  /// - Throws: ``MatrixError`` if there is no entry, or if the rows differ in length.
  public init(_ rows: [[Double]]) throws(MatrixError) {
    let columns = rows.first?.count ?? 0
    for (index, row) in rows.enumerated() where row.count != columns {
      throw .ragged(row: index, count: row.count, expected: columns)
    }
    try self.init(rows: rows.count, columns: columns, elements: rows.flatMap(\.self))
  }

  /// Creates a matrix of the given shape whose entry at (`row`, `column`) is `entry(row, column)`.
  ///
  /// The entries are asked for row by row, so a random source gives the same matrix every time.
  public init(_ shape: Shape, entry: (_ row: Int, _ column: Int) -> Double) {
    var elements: [Double] = []
    elements.reserveCapacity(shape.count)
    for row in 0..<shape.rows {
      for column in 0..<shape.columns { elements.append(entry(row, column)) }
    }
    self.init(shape, elements)
  }

  /// Creates a matrix of the given shape with every entry equal to `value`.
  public init(_ shape: Shape, repeating value: Double) {
    self.init(shape, Array(repeating: value, count: shape.count))
  }

  /// Creates the 1×1 matrix of one number.
  public init(_ scalar: Double) { self.init(.scalar, [scalar]) }

  /// Creates a matrix from entries that are known to be `shape.count` many.
  package init(_ shape: Shape, _ elements: [Double]) {
    self.shape = shape
    self.elements = elements
  }

  /// The entry in the given row and column, both from zero; one out of range stops with a message.
  public subscript(row: Int, column: Int) -> Double {
    get { elements[index(row, column)] }
    set { elements[index(row, column)] = newValue }
  }

  private func index(_ row: Int, _ column: Int) -> Int {
    guard (0..<rows).contains(row), (0..<columns).contains(column) else {
      stop("Matrix: no entry (\(row), \(column)) in a matrix of \(shape)")
    }
    return row * columns + column
  }

  /// The matrix of the same shape whose entries are `transform` of this one's.
  public func map(_ transform: (Double) -> Double) -> Matrix {
    Matrix(shape, elements.map(transform))
  }
}

/// A matrix whose sizes and entries disagree.
public enum MatrixError: Error, Equatable, CustomStringConvertible {
  /// The number of entries is not rows × columns.
  case count(rows: Int, columns: Int, elements: Int)
  /// A row is not as long as the first.
  case ragged(row: Int, count: Int, expected: Int)

  /// The error in one line, with both sizes.
  public var description: String {
    switch self {
    case .count(let rows, let columns, let elements) where rows < 1 || columns < 1:
      "rows and columns are at least 1, but are \(rows) and \(columns) (\(elements) values)"
    case .count(let rows, let columns, let elements):
      "\(elements) values, but \(rows)×\(columns) need \(rows.saturatingProduct(columns))"
    case .ragged(let row, let count, let expected):
      "row \(row) has \(count) values, but row 0 has \(expected)"
    }
  }
}

extension Int {
  /// The product, or the largest integer where it would overflow.
  package func saturatingProduct(_ other: Int) -> Int {
    let (product, overflows) = multipliedReportingOverflow(by: other)
    return overflows ? .max : product
  }
}
