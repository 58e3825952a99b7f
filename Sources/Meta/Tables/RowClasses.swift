public import Tape

/// Rows by the class that they belong to, as images by what they show: what few-shot tasks are drawn from.
public struct RowClasses: Equatable, Sendable {
  /// The column of the table that names the class of a row; nil where the rows are from no table.
  public let column: String?
  /// What each class is called.
  public let names: [String]
  /// The rows of each class, all of one width.
  public let rows: [Matrix]

  private init(_ column: String?, _ names: [String], _ rows: [Matrix]) {
    (self.column, self.names, self.rows) = (column, names, rows)
  }

  /// Sorts rows into classes, in the order in which their labels first appear.
  ///
  /// - Parameters:
  ///   - rows: One row an example.
  ///   - labels: The class of each row; another number of them stops with a message.
  /// - Complexity: O(entries).
  public init(_ rows: Matrix, labels: [String]) {
    if labels.count != rows.rows {
      stop("RowClasses: \(labels.count) labels for rows of \(rows.shape)")
    }
    self.init(column: nil, width: rows.columns, labels) {
      $0 += rows.elements[$1 * rows.columns..<($1 + 1) * rows.columns]
    }
  }

  /// Sorts the rows of a table into classes, as their numbers are.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - classes: The column that names the class of a row.
  ///   - inputs: The columns of numbers that make a row; by default all others.
  ///   - droppingMissing: Whether rows with a missing cell in one of these columns are left out, and not refused.
  /// - Throws: ``TableError`` with row and column if a column is unknown or named twice, or if a cell is missing or no
  ///   finite number.
  /// - Complexity: O(cells).
  public init(
    _ table: Table, classes: String, inputs: [String]? = nil, droppingMissing: Bool = false
  ) throws(TableError) {
    let inputs = inputs ?? table.columns.filter { $0 != classes }
    let names = [classes] + inputs
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw TableError(
        column: names[twice], "it is named twice: a column is the class or an input")
    }
    if inputs.isEmpty { throw TableError("no column is an input") }
    var columns: [Int] = []
    for name in names { columns.append(try table.index(of: name)) }
    var labels: [String] = []
    var entries: [Double] = []
    entries.reserveCapacity(table.rowCount * inputs.count)
    for row in 0..<table.rowCount {
      if let missing = columns.first(where: { table.isMissing(row: row, column: $0) }) {
        if droppingMissing { continue }
        throw table.error(row: row, column: missing, "the value is missing")
      }
      for column in columns.dropFirst() {
        switch table.cell(row: row, column: column) {
        case .number(let number): entries.append(number)
        case .numeral(let message): throw table.error(row: row, column: column, message)
        case .word:
          let word = table.text(row: row, column: column).inQuotes
          throw table.error(row: row, column: column, "\(word) is not a number")
        }
      }
      labels.append(table.text(row: row, column: columns[0]))
    }
    if labels.isEmpty { throw TableError("no row is left: a value is missing in each") }
    self.init(column: classes, width: inputs.count, labels) {
      $0 += entries[$1 * inputs.count..<($1 + 1) * inputs.count]
    }
  }

  private init(
    column: String?, width: Int, _ labels: [String], append: (inout [Double], _ row: Int) -> Void
  ) {
    var places: [String: Int] = [:]
    var names: [String] = []
    var entries: [[Double]] = []
    for (row, label) in labels.enumerated() {
      let place = places[label] ?? names.count
      if place == names.count {
        places[label] = place
        names.append(label)
        entries.append([])
      }
      append(&entries[place], row)
    }
    self.init(column, names, entries.map { Matrix(Shape($0.count / width, width), $0) })
  }

  /// The number of columns.
  public var width: Int { rows[0].columns }

  /// The largest absolute value of an entry.
  public var largest: Double {
    rows.reduce(0) { $1.elements.reduce($0) { max($0, abs($1)) } }
  }
}

// MARK: - Other classes

extension RowClasses {
  /// The same classes with every entry divided by a number.
  ///
  /// Images are scaled by one number, ``largest`` of the training classes: a pixel that is the same in all of
  /// them has no deviation by which it could be standardised.
  public func divided(by number: Double) -> RowClasses {
    RowClasses(column, names, rows.map { $0.map { $0 / number } })
  }

  /// Four classes of each: its images as they are, and turned by 90, 180 and 270 degrees against the clock.
  ///
  /// - Throws: ``TableError`` if a row is no square image.
  /// - Reference: Santoro et al., *Meta-learning with memory-augmented neural networks* (2016), section 4.1.
  public func rotated() throws(TableError) -> RowClasses {
    let side = Int(Double(width).squareRoot())
    guard side * side == width else {
      throw TableError("a row of \(width) numbers is no square image, so it cannot be rotated")
    }
    func turned(_ images: Matrix) -> Matrix {
      Matrix(images.shape) { image, pixel in
        let (row, column) = pixel.quotientAndRemainder(dividingBy: side)
        return images[image, column * side + side - 1 - row]
      }
    }
    var all = RowClasses(column, [], [])
    for (name, images) in zip(names, rows) {
      var images = images
      for turn in 0..<4 {
        let name = turn == 0 ? name : "\(name) turned \(90 * turn)°"
        all = RowClasses(column, all.names + [name], all.rows + [images])
        images = turned(images)
      }
    }
    return all
  }

  /// Sets the named classes apart for testing; the others train.
  ///
  /// Split before you rotate, so that no image is on both sides.
  ///
  /// - Throws: ``TableError`` if a name is unknown or stands twice, or if a side would be empty.
  public func split(
    test: [String]
  ) throws(TableError) -> (training: RowClasses, test: RowClasses) {
    for (index, name) in test.enumerated() {
      if !names.contains(name) {
        throw TableError(
          column: column,
          "there is no class \(name.inQuotes) to test on (\(names.map(\.inQuotes).shortList))")
      }
      if test[..<index].contains(name) {
        throw TableError(column: column, "class \(name.inQuotes) is listed twice")
      }
    }
    if test.isEmpty || test.count == names.count {
      throw TableError(
        column: column,
        "\(test.count) of \(names.count) classes to test on leave a side without one")
    }
    func part(_ isTest: Bool) -> RowClasses {
      let chosen = names.indices.filter { test.contains(names[$0]) == isTest }
      return RowClasses(column, chosen.map { names[$0] }, chosen.map { rows[$0] })
    }
    return (part(false), part(true))
  }

  /// Sets a share of the classes apart for testing, drawn at random, to the next whole number; the others train.
  ///
  /// - Throws: ``TableError`` if a side would be empty.
  public func split(
    testShare share: Double, using generator: inout some RandomNumberGenerator
  ) throws(TableError) -> (training: RowClasses, test: RowClasses) {
    guard share > 0, share < 1 else {
      throw TableError(column: column, "a share of \(share) classes is not between 0 and 1")
    }
    let count = Int((share * Double(names.count)).rounded())
    return try split(test: names.indices.drawn(count, using: &generator).map { names[$0] })
  }
}

extension Range<Int> {
  /// So many different numbers of the range, in the order drawn.
  @inline(__always)
  func drawn(_ count: Int, using generator: inout some RandomNumberGenerator) -> [Int] {
    var all = Array(self)
    for place in 0..<count {
      all.swapAt(place, .random(in: place..<all.count, using: &generator))
    }
    return Array(all.prefix(count))
  }
}
