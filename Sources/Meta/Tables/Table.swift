import Tape

/// Text in rows and named columns, as a file of comma-separated values holds it.
///
/// The first row names the columns. Commas, semicolons or tabs separate cells, whichever the header has most of. A cell
/// may stand in double quotes, with quotes in it doubled; then it may hold separators and line breaks. Spaces around a
/// cell, empty lines and a byte-order mark are skipped, and lines may end in any way.
///
/// - Reference: RFC 4180, *Common format and MIME type for comma-separated values* (2005).
public struct Table: Sendable {
  /// The names of the columns, all different.
  public let columns: [String]
  /// The bytes of all cells, row by row, and where each cell ends among them.
  private let contents: [UInt8]
  private let ends: [Int]
  private let lines: [Int]

  /// Reads a table.
  ///
  /// - Throws: ``TableError`` with row and column if the header or a row is missing, if names are empty or not unique, if
  ///   rows differ in length, or if quotes are not closed.
  /// - Complexity: O(*n*) in the bytes of the text; the table keeps them, and eight bytes for each cell.
  public init(_ text: String) throws(TableError) {
    try self.init(valid: Array(text.utf8))
  }

  /// Reads a table from the bytes of a file, which must be UTF-8.
  ///
  /// - Throws: ``TableError`` as ``init(_:)``, and with the row of the first byte that is not UTF-8.
  public init(utf8 bytes: [UInt8]) throws(TableError) {
    if String(validating: bytes, as: UTF8.self) == nil {
      let row = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .firstIndex { String(validating: $0, as: UTF8.self) == nil }
      throw TableError(
        row: (row ?? 0) + 1, "the text is not UTF-8: save the table in this encoding")
    }
    try self.init(valid: bytes)
  }

  private init(valid bytes: [UInt8]) throws(TableError) {
    var parser = TableParser(bytes)
    try parser.readTable()
    (columns, contents) = (parser.names, parser.contents)
    (ends, lines) = (parser.ends, parser.lines)
  }

  /// The number of rows under the header.
  public var rowCount: Int { lines.count }

  /// The line of the text on which a row begins, from 1; rows are counted from 0.
  public func line(of row: Int) -> Int { lines[row] }

  /// The text of a cell, without quotes and without spaces around it; rows and columns are counted from 0.
  public func text(row: Int, column: Int) -> String {
    String(decoding: bytes(row: row, column: column), as: UTF8.self)
  }

  /// The place of a column among ``columns``.
  ///
  /// - Throws: ``TableError`` with the names that there are.
  public func index(of column: String) throws(TableError) -> Int {
    guard let index = columns.firstIndex(of: column) else {
      throw TableError(
        column: column, "there is no such column (\(columns.map(\.inQuotes).shortList))")
    }
    return index
  }

  /// Whether a cell has no value: it is empty, or says `NA`, `NaN`, `nan`, `null`, `NULL` or `?`.
  public func isMissing(row: Int, column: Int) -> Bool {
    let bytes = bytes(row: row, column: column)
    return bytes.count <= 4 && Self.missing.contains { bytes.elementsEqual($0) }
  }

  private static let missing = ["", "NA", "NaN", "nan", "null", "NULL", "?"].map { Array($0.utf8) }

  /// What a cell says.
  func cell(row: Int, column: Int) -> TableCell {
    TableCell(bytes(row: row, column: column))
  }

  /// The error of a cell.
  func error(row: Int, column: Int, _ message: String) -> TableError {
    TableError(row: lines[row], column: columns[column], message)
  }

  private func bytes(row: Int, column: Int) -> ArraySlice<UInt8> {
    if !columns.indices.contains(column) || !lines.indices.contains(row) {
      stop("Table: no cell (\(row), \(column)) in a table of \(rowCount)×\(columns.count)")
    }
    let cell = row * columns.count + column
    return contents[(cell == 0 ? 0 : ends[cell - 1])..<ends[cell]]
  }
}
