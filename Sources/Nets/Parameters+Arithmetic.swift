public import Tape

// Parameters as one vector: of names and shapes that agree, or it stops with both.

extension Parameters<Matrix> {
  /// The sum, entry by entry.
  public static func + (left: Self, right: Self) -> Self { left.combined(with: right, +) }

  /// The difference, entry by entry.
  public static func - (left: Self, right: Self) -> Self { left.combined(with: right, -) }

  /// Each entry multiplied by a number.
  public static func * (left: Double, right: Self) -> Self { right.map { left * $0 } }

  /// Each entry multiplied by a number.
  public static func * (left: Self, right: Double) -> Self { left.map { $0 * right } }

  /// The sum of the products of entries in the same place, over all parameters.
  public func dot(_ other: Self) -> Double {
    combined(with: other) { $0.dot($1) }.values.reduce(0, +)
  }

  /// All entries one behind the other, parameter by parameter, row by row.
  public var flattened: [Double] { values.flattened }

  /// The length of all entries together, as one vector.
  public var norm: Double { Tape.norm(flattened) }

  /// Makes matrices of entries that stand one behind the other, as in ``flattened``.
  ///
  /// - Precondition: There are as many as the shapes need; anything else stops with both counts.
  public init(_ descriptions: [ParameterDescription], flattened entries: [Double]) {
    let count = descriptions.reduce(0) { $0 + $1.shape.count }
    if entries.count != count {
      stop("Parameters: \(entries.count) entries, but \(count) are needed")
    }
    var offset = 0
    self.init(
      descriptions,
      descriptions.map { parameter in
        defer { offset += parameter.shape.count }
        return Matrix(parameter.shape) { entries[offset + $0 * parameter.shape.columns + $1] }
      })
  }
}
