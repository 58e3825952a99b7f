import Tape

/// The cells of one column, read.
enum TableCells: Sendable {
  /// NaN where one is missing.
  case numbers(name: String, [Double])
  /// The place of each among the words; −1 where one is missing.
  case words(name: String, [Int32], [String])

  /// What is expected.
  enum Kind { case any, numbers, words }

  /// More would be names rather than categories, and a column for each would not fit.
  private static let mostWords = 256

  init(
    _ name: String, _ table: Table, _ column: Int, rows: [Int], _ kind: Kind
  ) throws(TableError) {
    var numbers: [Double] = []
    if kind != .words { numbers.reserveCapacity(rows.count) }
    var other: (row: Int, cell: TableCell)?
    var numeral: Int?
    for row in rows where kind != .words {
      if table.isMissing(row: row, column: column) {
        numbers.append(.nan)
        continue
      }
      let cell = table.cell(row: row, column: column)
      if cell != .word { numeral = numeral ?? row }
      if case .number(let number) = cell {
        numbers.append(number)
      } else {
        other = other ?? (row, cell)
      }
      if other != nil, kind == .numbers || numeral != nil { break }
    }
    if let other, kind == .numbers || numeral != nil {
      if case .numeral(let message) = other.cell {
        throw table.error(row: other.row, column: column, message)
      }
      let cell = table.text(row: other.row, column: column).inQuotes
      let reason =
        numeral.map {
          ", but row \(table.line(of: $0)) has \(table.text(row: $0, column: column).inQuotes)"
        } ?? ""
      throw table.error(row: other.row, column: column, "\(cell) is not a number\(reason)")
    }
    if kind == .numbers || numeral != nil {
      self = .numbers(name: name, numbers)
      return
    }

    var places: [String: Int32] = [:]
    var words: [String] = []
    var codes: [Int32] = []
    codes.reserveCapacity(rows.count)
    for row in rows {
      if table.isMissing(row: row, column: column) {
        codes.append(-1)
        continue
      }
      let word = table.text(row: row, column: column)
      if let place = places[word] {
        codes.append(place)
        continue
      }
      if words.count == Self.mostWords {
        throw table.error(
          row: row, column: column,
          "there are more than \(Self.mostWords) different words: they cannot be categories")
      }
      places[word] = Int32(words.count)
      codes.append(Int32(words.count))
      words.append(word)
    }
    self = .words(name: name, codes, words)
  }

  func isMissing(_ row: Int) -> Bool {
    switch self {
    case .numbers(_, let numbers): numbers[row].isNaN
    case .words(_, let codes, _): codes[row] < 0
    }
  }

  /// The column as some rows have it.
  func fitted(on rows: [[Int]], _ standardised: Bool) throws(TableError) -> TableColumn {
    switch self {
    case .words(let name, let codes, let words):
      let used = Set(rows.joined().map { codes[$0] })
      return TableColumn(
        name: name,
        kind: .categories(
          words.indices.filter { used.contains(Int32($0)) }.map { words[$0] }.sorted()))
    case .numbers(let name, let numbers):
      if !standardised { return TableColumn(name: name, kind: .number(mean: 0, deviation: 1)) }
      let values = rows.joined().lazy.map { numbers[$0] }
      let count = Double(rows.reduce(0) { $0 + $1.count })
      let mean = values.reduce(0, +) / count
      let (least, most) = (values.min() ?? 0, values.max() ?? 0)
      if least == most { return TableColumn(name: name, kind: .number(mean: least, deviation: 1)) }
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      if !mean.isFinite || !deviation.isFinite || deviation == 0 {
        throw TableError(
          column: name,
          "its numbers, from \(least) to \(most), have no mean and deviation in double precision")
      }
      return TableColumn(name: name, kind: .number(mean: mean, deviation: deviation))
    }
  }

  /// Appends the entries of a cell to those of a matrix.
  ///
  /// - Returns: What is wrong with the cell; nil if nothing is.
  func append(_ row: Int, as column: TableColumn, to elements: inout [Double]) -> String? {
    if isMissing(row) { return "the value is missing" }
    switch (self, column.kind) {
    case (.numbers(_, let numbers), .number(let mean, let deviation)):
      let scaled = (numbers[row] - mean) / deviation
      elements.append(scaled)
      return scaled.isFinite
        ? nil : "\(numbers[row]) is not finite when it is scaled by \(1 / deviation)"
    case (.words(_, let codes, let words), .categories(let names)):
      let word = words[Int(codes[row])]
      guard names.contains(word) else {
        return "\(word.inQuotes) is not one of \(names.map(\.inQuotes).shortList)"
      }
      for name in names { elements.append(name == word ? 1 : 0) }
      return nil
    default: stop("TableCells: \(column.name.inQuotes) holds other cells than its layout says")
    }
  }
}
