/// Takes the text of a table apart.
struct TableParser {
  private(set) var names: [String] = []
  private(set) var contents: [UInt8] = []
  private(set) var ends: [Int] = []
  private(set) var lines: [Int] = []

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var separator = comma

  private static let (comma, quote, space) = (
    UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: " ")
  )
  private static let (tab, newline, carriageReturn) = (
    UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")
  )
  /// Where the header has as many of one as of another, the later one wins: commas stand in names too.
  private static let separators = [comma, UInt8(ascii: ";"), tab]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  mutating func readTable() throws(TableError) {
    skipEmptyLines()
    if isAtEnd { throw TableError("the table is empty: its first row must name the columns") }
    separator = separatorOfHeader()
    try readHeader()
    contents.reserveCapacity(bytes.count - position)
    skipEmptyLines()
    if isAtEnd { throw TableError(row: line, "there is no row under the header") }
    while !isAtEnd {
      let row = line
      let count = try readRow()
      if count != names.count {
        let hint =
          count > names.count && separator == Self.comma
          ? " (if a number has a decimal comma, write a point)" : ""
        throw TableError(
          row: row,
          "the row has \("cell".counted(count)), but the header \("column".counted(names.count))"
            + hint)
      }
      lines.append(row)
      skipEmptyLines()
    }
  }

  private mutating func readHeader() throws(TableError) {
    let row = line
    let count = try readRow()
    var start = 0
    let found = ends.map { end in
      defer { start = end }
      return String(decoding: contents[start..<end], as: UTF8.self)
    }
    var places: [String: Int] = [:]
    for (index, name) in found.enumerated() {
      if name.isEmpty {
        throw TableError(row: row, "column \(index + 1) of \(count) has no name")
      }
      if let other = places.updateValue(index, forKey: name) {
        throw TableError(
          row: row, column: name, "columns \(other + 1) and \(index + 1) have the same name")
      }
    }
    if found.allSatisfy({ Double($0) != nil }) {
      throw TableError(
        row: row, "the first row must name the columns, but it has only numbers")
    }
    names = found
    (contents, ends) = ([], [])
  }

  /// Reads a row and the end of its line.
  ///
  /// - Returns: The number of cells.
  private mutating func readRow() throws(TableError) -> Int {
    let row = line
    var count = 0
    while true {
      try readCell(row: row, column: names.indices.contains(count) ? names[count] : nil)
      count += 1
      guard !isAtEnd, bytes[position] == separator else { break }
      position += 1
    }
    if !isAtEnd { takeLineEnd() }
    return count
  }

  private mutating func readCell(row: Int, column: String?) throws(TableError) {
    skipSpaces()
    if !isAtEnd, bytes[position] == Self.quote {
      try readQuotedCell(row: row, column: column)
    } else {
      let start = position
      while !isAtEnd, bytes[position] != separator, !isLineEnd(bytes[position]) {
        if bytes[position] == Self.quote {
          throw TableError(
            row: row, column: column,
            "a quote within a cell: put the whole cell in quotes, and write this one twice")
        }
        position += 1
      }
      var end = position
      while end > start, isSpace(bytes[end - 1]) { end -= 1 }
      contents.append(contentsOf: bytes[start..<end])
    }
    ends.append(contents.count)
  }

  private mutating func readQuotedCell(row: Int, column: String?) throws(TableError) {
    position += 1
    while true {
      if isAtEnd { throw TableError(row: row, column: column, "the quote is not closed") }
      let byte = bytes[position]
      if byte == Self.quote {
        position += 1
        guard !isAtEnd, bytes[position] == Self.quote else { break }
        position += 1
        contents.append(byte)
      } else if isLineEnd(byte) {
        takeLineEnd()
        contents.append(Self.newline)
      } else {
        position += 1
        contents.append(byte)
      }
    }
    skipSpaces()
    if !isAtEnd, bytes[position] != separator, !isLineEnd(bytes[position]) {
      throw TableError(
        row: row, column: column, "there is text after the closing quote: a quote is written twice")
    }
  }

  private func separatorOfHeader() -> UInt8 {
    var counts = Self.separators.map { _ in 0 }
    var isQuoted = false
    for byte in bytes[position...] {
      if byte == Self.quote { isQuoted.toggle() }
      if isQuoted { continue }
      if isLineEnd(byte) { break }
      if let index = Self.separators.firstIndex(of: byte) { counts[index] += 1 }
    }
    let most = counts.indices.max { counts[$0] <= counts[$1] } ?? 0
    return counts[most] == 0 ? Self.comma : Self.separators[most]
  }

  private var isAtEnd: Bool { position == bytes.count }

  private func isLineEnd(_ byte: UInt8) -> Bool {
    byte == Self.newline || byte == Self.carriageReturn
  }

  private func isSpace(_ byte: UInt8) -> Bool {
    byte == Self.space || (byte == Self.tab && separator != Self.tab)
  }

  private mutating func skipSpaces() {
    while !isAtEnd, isSpace(bytes[position]) { position += 1 }
  }

  private mutating func skipEmptyLines() {
    while !isAtEnd {
      let start = position
      skipSpaces()
      if isAtEnd { return }
      guard isLineEnd(bytes[position]) else {
        position = start
        return
      }
      takeLineEnd()
    }
  }

  private mutating func takeLineEnd() {
    let byte = bytes[position]
    position += 1
    if byte == Self.carriageReturn, !isAtEnd, bytes[position] == Self.newline { position += 1 }
    line += 1
  }
}
