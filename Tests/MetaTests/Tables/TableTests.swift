import Meta
import Testing

/// Text is taken apart as it is meant, and refused with row and column where it cannot be.
@Suite struct TableTests {
  static func cells(_ table: Table) -> [[String]] {
    (0..<table.rowCount).map { row in
      table.columns.indices.map { table.text(row: row, column: $0) }
    }
  }

  /// The same two rows, however they are written.
  @Test(arguments: [
    "a,b\n1,x\n2,y\n", "a,b\n1,x\n2,y", "a;b\r\n1;x\r\n2;y\r\n", "a\tb\n1\tx\n2\ty\n",
    "\u{FEFF}a,b\n1,x\n2,y\n", "\n  \na, b\n\n1 ,x\n\t\n2,\ty \n\n", "a,b\r1,x\r2,y\r",
    "\"a\",\"b\"\n\"1\",\"x\"\n2,\"y\"", " \"a\" ,b\n1, \"x\" \n2,y",
  ])
  func oneTable(_ text: String) throws {
    let table = try Table(text)
    #expect(table.columns == ["a", "b"])
    #expect(Self.cells(table) == [["1", "x"], ["2", "y"]])
    #expect(try Table(utf8: Array(text.utf8)).columns == table.columns)
  }

  @Test func quotesHoldAnything() throws {
    let table = try Table("name;\"x;y\"\n\"a \"\"b\"\"\";\"1\r\n2;3\"\n\" c \";\nd;é\n")
    #expect(table.columns == ["name", "x;y"])
    #expect(Self.cells(table) == [["a \"b\"", "1\n2;3"], [" c ", ""], ["d", "é"]])
    // The first row takes two lines.
    #expect((0..<3).map(table.line) == [2, 4, 5])
    #expect(table.isMissing(row: 1, column: 1) && !table.isMissing(row: 2, column: 1))
  }

  @Test func theHeaderSaysTheSeparator() throws {
    #expect(try Table("a b\n15\n").columns == ["a b"])
    #expect(try Table("price, EUR;b\n1,5;2\n").columns == ["price, EUR", "b"])
    #expect(try Table("\"a;b;c\",d\n1,2\n").columns == ["a;b;c", "d"])
    #expect(Self.cells(try Table("a\tb\n\t1\n")) == [["", "1"]])
  }

  @Test(arguments: ["", "NA", "NaN", "nan", "null", "NULL", "?", "\"NA\"", "  "])
  func missing(_ cell: String) throws {
    #expect(try Table("a,b\n\(cell),1\n").isMissing(row: 0, column: 0))
  }

  @Test(arguments: ["0", "Na", "none", "NANA", "-"])
  func notMissing(_ cell: String) throws {
    #expect(try !Table("a,b\n\(cell),1\n").isMissing(row: 0, column: 0))
  }

  @Test(arguments: [
    ("", "the table is empty: its first row must name the columns"),
    (" \n\n", "the table is empty: its first row must name the columns"),
    ("a,b\n", "row 2: there is no row under the header"),
    ("a,b,a\n1,2,3\n", "row 1, column 'a': columns 1 and 3 have the same name"),
    ("a,,b\n1,2,3\n", "row 1: column 2 of 3 has no name"),
    (
      "1950,1,23.1\n1950,2,24.2\n",
      "row 1: the first row must name the columns, but it has only numbers"
    ),
    ("a,b\n1,2\n3\n", "row 3: the row has 1 cell, but the header 2 columns"),
    ("a;b\n1;2;3\n", "row 2: the row has 3 cells, but the header 2 columns"),
    (
      "a,b\n1,2\n\n1,2,5\n",
      "row 4: the row has 3 cells, but the header 2 columns (if a number has a decimal comma, write a point)"
    ),
    ("a,b\n1,\"2\n3,4\n", "row 2, column 'b': the quote is not closed"),
    ("a,\"b\n1,2\n", "row 1: the quote is not closed"),
    (
      "a,b\n1,\"x\"y\n",
      "row 2, column 'b': there is text after the closing quote: a quote is written twice"
    ),
    (
      "a,b\n5\" pipe,2\n",
      "row 2, column 'a': a quote within a cell: put the whole cell in quotes, and write this one twice"
    ),
  ])
  func refused(_ text: String, _ message: String) throws {
    let error = #expect(throws: TableError.self) { try Table(text) }
    #expect(error?.description == message)
  }

  @Test func otherEncodings() {
    let error = #expect(throws: TableError.self) {
      try Table(utf8: Array("a,b\n1,2\nZ".utf8) + [0xFC] + Array("rich,2\n".utf8))
    }
    #expect(
      error?.description == "row 3: the text is not UTF-8: save the table in this encoding")
  }

  @Test func messagesStayInOneLine() {
    let long = String(repeating: "x", count: 100)
    let error = #expect(throws: TableError.self) {
      try Table("a,\"b\nc\t\u{202E}\"\n1,2\n").index(of: long)
    }
    #expect(
      error?.description
        == "column '\(long.prefix(40))…': there is no such column ('a', 'b c\u{FFFD}\u{FFFD}')"
    )
  }
}
