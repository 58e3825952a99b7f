/// What is wrong with a table, and where.
public struct TableError: Error, Equatable, CustomStringConvertible {
  /// The line of the text on which the row begins, from 1, which is the header's; nil where no row is to blame.
  public let row: Int?
  /// The name of the column; nil where no column is to blame.
  public let column: String?
  /// What is wrong there.
  public let message: String

  /// Names a place and what is wrong there.
  public init(row: Int? = nil, column: String? = nil, _ message: String) {
    (self.row, self.column, self.message) = (row, column, message)
  }

  /// The error in one line, for instance `row 12, column 'value': '3,5' is not a number: write 3.5`.
  public var description: String {
    let place = [row.map { "row \($0)" }, column.map { "column \($0.inQuotes)" }].compactMap(\.self)
    return place.isEmpty ? message : "\(place.list): \(message)"
  }
}

extension String {
  /// The text in quotes, in one line, and cut where it is long.
  var inQuotes: String {
    let start = unicodeScalars.prefix(41)
    return "'\(String(start.prefix(40)).printable)\(start.count > 40 ? "…" : "")'"
  }
}
