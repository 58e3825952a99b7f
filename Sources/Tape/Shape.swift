import KernelInterface

/// The size of a matrix: `rows × columns`.
///
/// A scalar is 1×1, a column vector `n`×1, a row vector 1×`n`.
public struct Shape: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The number of rows and of columns, at least one each.
  public let rows, columns: Int

  /// Creates the shape `rows × columns`; one of them below one stops with a message.
  public init(_ rows: Int, _ columns: Int) {
    if rows < 1 || columns < 1 {
      stop("Shape: rows and columns are at least 1, but are \(rows) and \(columns)")
    }
    self.rows = rows
    self.columns = columns
  }

  /// Reads `rows` and `columns`, or throws `DecodingError` if one is below one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    rows = try container.decode(Int.self, forKey: .rows)
    columns = try container.decode(Int.self, forKey: .columns)
    if rows < 1 || columns < 1 {
      throw DecodingError.dataCorruptedError(
        forKey: .rows, in: container,
        debugDescription: "rows and columns are at least 1, but are \(rows) and \(columns)")
    }
  }

  private enum CodingKeys: String, CodingKey { case rows, columns }

  /// The shape of a scalar, 1×1.
  public static let scalar = Shape(1, 1)

  /// The number of entries, `rows · columns`.
  public var count: Int { rows * columns }

  /// The shape with rows and columns exchanged.
  public var transposed: Shape { Shape(columns, rows) }

  /// The shape as text, for instance `3×4`.
  public var description: String { "\(rows)×\(columns)" }
}

extension Shape {
  /// Whether a matrix of this shape can be repeated along rows, columns or both to fill `other`.
  ///
  /// A scalar fills any shape, 1×`n` fills `m`×`n` row by row, `m`×1 column by column.
  public func broadcasts(to other: Shape) -> Bool {
    (rows == other.rows || rows == 1) && (columns == other.columns || columns == 1)
  }

  /// The shape to which elementwise operands are repeated, or nil where they do not fit.
  ///
  /// It is always the shape of one of them. A column and a row are refused, because `m`×1 − 1×`m`
  /// silently becoming `m`×`m` is a mistake far more often than a wish.
  static func broadcast(_ shapes: [Shape]) -> Shape? {
    shapes.first { candidate in shapes.allSatisfy { $0.broadcasts(to: candidate) } }
  }
}

extension Shape {
  /// What a kernel is told.
  @inline(__always)
  var extent: Extent { Extent(rows, columns) }
}
