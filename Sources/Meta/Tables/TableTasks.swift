public import Tape

/// The rows of a table by the task that they belong to, as data for a network.
///
/// A task is all rows with the same cell in one column, wherever they stand; tasks come in the order of their first
/// rows. A column of words becomes a column of zeros and ones for each word. A column of numbers is standardised, on the
/// tasks that ``fitted(on:standardised:)`` is given: choose those to train on before.
public struct TableTasks: Sendable {
  /// How cells become entries of matrices.
  public private(set) var layout: TableLayout
  /// The tasks, by the cells that name them.
  public private(set) var names: [String]
  /// How many rows were left out, since a cell was missing.
  public let droppedRows: Int

  private var rows: [[Int]]
  let inputs: [TableCells]
  let targets: [TableCells]
  /// The line in the file of each row.
  private let lines: [Int]

  /// Reads the columns of a table, and scales them on all tasks.
  ///
  /// A column is of words if no cell of it is a number; a column of numbers with a few other cells is refused.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - task: The column that names the task of a row.
  ///   - inputs: The columns that a network reads.
  ///   - targets: The columns that it predicts.
  ///   - categories: Columns of numbers that are names, such as digits to be told apart.
  ///   - droppingMissing: Whether rows with a missing cell in one of these columns are left out, and not refused.
  ///   - standardised: Whether numbers are scaled to mean zero and deviation one.
  /// - Throws: ``TableError`` with row and column if a column is unknown or named twice, if a cell is missing, is no
  ///   number among numbers, or is not finite, or if a column has more than 256 words.
  /// - Complexity: O(cells); eight bytes a number.
  public init(
    _ table: Table, task: String, inputs: [String], targets: [String],
    categories: Set<String> = [], droppingMissing: Bool = false, standardised: Bool = true
  ) throws(TableError) {
    for name in categories.sorted() where !(inputs + targets).contains(name) {
      throw TableError(
        column: name, "it is said to hold categories, but is neither input nor target")
    }
    func kind(_ name: String) -> TableCells.Kind { categories.contains(name) ? .words : .any }
    try self.init(
      table, task: task, inputs: inputs.map { ($0, kind($0)) },
      targets: targets.map { ($0, kind($0)) }, droppingMissing: droppingMissing,
      missingTargets: false)
    self = try fitted(standardised: standardised)
  }

  /// Reads the columns of another table in the layout of an earlier one, for instance tasks to predict.
  ///
  /// - Parameters:
  ///   - table: The table; it may have further columns.
  ///   - layout: The columns and their scaling, which stay.
  ///   - droppingMissing: Whether rows with a missing cell are left out, and not refused.
  ///   - missingTargets: Whether targets may be missing, as those that are to be predicted: ``hasTargets(_:)``.
  /// - Throws: ``TableError`` as ``init(_:task:inputs:targets:categories:droppingMissing:standardised:)``.
  public init(
    _ table: Table, layout: TableLayout, droppingMissing: Bool = false, missingTargets: Bool = false
  ) throws(TableError) {
    func named(_ columns: [TableColumn]) -> [(String, TableCells.Kind)] {
      columns.map { column in
        if case .number = column.kind { return (column.name, .numbers) }
        return (column.name, .words)
      }
    }
    try self.init(
      table, task: layout.task, inputs: named(layout.inputs), targets: named(layout.targets),
      droppingMissing: droppingMissing, missingTargets: missingTargets)
    self.layout = layout
  }

  private init(
    _ table: Table, task: String, inputs: [(String, TableCells.Kind)],
    targets: [(String, TableCells.Kind)], droppingMissing: Bool, missingTargets: Bool
  ) throws(TableError) {
    if inputs.isEmpty { throw TableError("no column is an input") }
    if targets.isEmpty { throw TableError("no column is a target") }
    let names = [task] + (inputs + targets).map(\.0)
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw TableError(
        column: names[twice], "it is named twice: a column is the task, an input or a target")
    }
    var columns: [Int] = []
    for name in names { columns.append(try table.index(of: name)) }
    let needed = missingTargets ? columns.prefix(1 + inputs.count) : columns[...]
    var kept: [Int] = []
    kept.reserveCapacity(table.rowCount)
    for row in 0..<table.rowCount {
      if let missing = needed.first(where: { table.isMissing(row: row, column: $0) }) {
        if droppingMissing { continue }
        throw table.error(row: row, column: missing, "the value is missing")
      }
      kept.append(row)
    }
    if kept.isEmpty { throw TableError("no row is left: a value is missing in each") }
    droppedRows = table.rowCount - kept.count
    lines = kept.map(table.line)

    (self.names, rows) = ([], [])
    var places: [String: Int] = [:]
    for (index, row) in kept.enumerated() {
      let name = table.text(row: row, column: columns[0])
      if let place = places[name] {
        rows[place].append(index)
      } else {
        places[name] = self.names.count
        self.names.append(name)
        rows.append([index])
      }
    }
    var cells: [TableCells] = []
    for ((name, kind), column) in zip(inputs + targets, columns.dropFirst()) {
      cells.append(try TableCells(name, table, column, rows: kept, kind))
    }
    self.inputs = Array(cells.prefix(inputs.count))
    self.targets = Array(cells.dropFirst(inputs.count))
    layout = TableLayout(task: task, inputs: [], targets: [])
  }

  /// The number of tasks.
  public var count: Int { names.count }

  /// The rows of a task, in the order of the table; they are counted from 0, without those that were left out.
  public func rows(of task: Int) -> [Int] { rows[task] }

  /// The line of the file on which a row begins.
  public func line(of row: Int) -> Int { lines[row] }

  /// Whether all targets of a row are there.
  public func hasTargets(_ row: Int) -> Bool {
    targets.allSatisfy { !$0.isMissing(row) }
  }
}

// MARK: - Other tasks, other scaling

extension TableTasks {
  /// The given tasks alone, in the given order, scaled as before.
  ///
  /// - Precondition: Tasks are counted from 0; anything else stops with a message.
  public func selecting(_ tasks: [Int]) -> TableTasks {
    if let other = tasks.first(where: { !names.indices.contains($0) }) {
      stop("selecting: no task \(other) among \(count)")
    }
    var selected = self
    selected.names = tasks.map { names[$0] }
    selected.rows = tasks.map { rows[$0] }
    return selected
  }

  /// The tasks that have so many rows at least.
  public func withAtLeast(rows least: Int) -> TableTasks {
    selecting(names.indices.filter { rows[$0].count >= least })
  }

  /// The same with the rows of each task in random order.
  public func shuffled(using generator: inout some RandomNumberGenerator) -> TableTasks {
    var shuffled = self
    for task in rows.indices { shuffled.rows[task].shuffle(using: &generator) }
    return shuffled
  }

  /// The same, scaled on some tasks: by the mean and the deviation of their numbers, and with their words as categories.
  ///
  /// The deviation is that of the numbers themselves, √(Σ(x − mean)²/n). A column whose numbers are all the same gets a
  /// deviation of one, so that its entries are zero.
  ///
  /// - Parameters:
  ///   - tasks: The tasks, counted from 0; by default all.
  ///   - standardised: Whether numbers are scaled at all.
  /// - Throws: ``TableError`` with the column if its mean or its deviation is not a finite number.
  public func fitted(
    on tasks: [Int]? = nil, standardised: Bool = true
  ) throws(TableError) -> TableTasks {
    let rows = tasks.map { selecting($0).rows } ?? rows
    if rows.isEmpty { stop("fitted: there is no task") }
    func columns(_ cells: [TableCells]) throws(TableError) -> [TableColumn] {
      var columns: [TableColumn] = []
      for column in cells { columns.append(try column.fitted(on: rows, standardised)) }
      return columns
    }
    var fitted = self
    fitted.layout.inputs = try columns(inputs)
    fitted.layout.targets = try columns(targets)
    return fitted
  }
}

// MARK: - As tasks

extension TableTasks {
  /// Each task with its first rows to adapt to, and the others to be judged on.
  ///
  /// - Throws: ``TableError`` if there is no task, if tasks have no row left to be judged on, with the names of the
  ///   first, or as ``points(_:)``.
  public func tasks(support: Int) throws(TableError) -> [LearningTask] {
    if support < 1 { stop("tasks: support is at least 1, but is \(support)") }
    let short = names.indices.filter { rows[$0].count <= support }
    if let first = short.first {
      let list = short.map { "\(names[$0].inQuotes) has \(rows[$0].count)" }.shortList
      throw TableError(
        row: rows[first].first.map(line), column: layout.task,
        "\(support + 1) rows are needed, \(support) to adapt to and one to be judged on, but \(list)"
      )
    }
    if names.isEmpty {
      throw TableError(column: layout.task, "no task has \(support + 1) rows")
    }
    var tasks: [LearningTask] = []
    tasks.reserveCapacity(count)
    for rows in rows {
      tasks.append(
        LearningTask(
          support: try points(rows[..<support]), query: try points(rows[support...])))
    }
    return tasks
  }

  /// Inputs and targets of some rows.
  ///
  /// - Throws: ``TableError`` with row and column if a word is not among the categories, if a number is not finite once
  ///   it is scaled, or if a target is missing.
  public func points(
    _ rows: some Collection<Int>
  ) throws(TableError) -> LabelledPoints<Matrix> {
    LabelledPoints(
      inputs: try inputMatrix(rows),
      targets: try matrix(targets, layout.targets, layout.targetWidth, rows))
  }

  /// The inputs of some rows alone, where targets may be missing.
  ///
  /// - Throws: As ``points(_:)``.
  public func inputMatrix(_ rows: some Collection<Int>) throws(TableError) -> Matrix {
    try matrix(inputs, layout.inputs, layout.inputWidth, rows)
  }

  private func matrix(
    _ cells: [TableCells], _ columns: [TableColumn], _ width: Int, _ rows: some Collection<Int>
  ) throws(TableError) -> Matrix {
    var elements: [Double] = []
    elements.reserveCapacity(rows.count * width)
    for row in rows {
      for (cells, column) in zip(cells, columns) {
        if let objection = cells.append(row, as: column, to: &elements) {
          throw TableError(row: lines[row], column: column.name, objection)
        }
      }
    }
    return Matrix(Shape(rows.count, width), elements)
  }
}

extension TableTasks: TaskDistribution {
  /// Draws one of the tasks, and rows of it, without repetition.
  ///
  /// - Precondition: There is a task, the one that is drawn has so many rows, see ``withAtLeast(rows:)``, and
  ///   ``points(_:)`` takes them; anything else stops with a message.
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    guard let task = names.indices.randomElement(using: &generator) else {
      stop("TableTasks: there is no task to draw")
    }
    let rows = rows[task].shuffled(using: &generator)
    if min(support, query) < 1 || rows.count < support + query {
      stop(
        "TableTasks: \(names[task].inQuotes) has \(rows.count) rows, but \(support) + \(query) are to be drawn"
      )
    }
    do {
      return LearningTask(
        support: try points(rows[..<support]), query: try points(rows[support..<support + query]))
    } catch {
      stop("TableTasks: \(error)")
    }
  }
}
