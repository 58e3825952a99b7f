public import Tape

/// How a column of a table becomes columns of a matrix, and how predictions become cells again.
public struct TableColumn: Equatable, Sendable {
  /// What the cells of a column are.
  public enum Kind: Equatable, Sendable {
    /// Numbers: one column of the matrix, (number − mean) / deviation.
    case number(mean: Double, deviation: Double)
    /// Words: a column of the matrix for each, one where the cell is the word, zero elsewhere.
    case categories([String])
  }

  /// The name in the header.
  public var name: String
  /// What the cells are.
  public var kind: Kind

  /// Describes a column.
  ///
  /// - Precondition: Mean and deviation are finite, the deviation is not zero, and there is at least one category;
  ///   anything else stops with a message.
  public init(name: String, kind: Kind) {
    (self.name, self.kind) = (name, kind)
    if let objection { stop("TableColumn: \(name.inQuotes) \(objection)") }
  }

  /// How many columns of the matrix it takes.
  public var width: Int {
    switch kind {
    case .number: 1
    case .categories(let names): names.count
    }
  }

  /// Why it is no column; nil if it is.
  private var objection: String? {
    switch kind {
    case .number(let mean, let deviation):
      mean.isFinite && deviation.isFinite && deviation > 0
        ? nil : "has a mean of \(mean) and a deviation of \(deviation)"
    case .categories(let names):
      names.isEmpty
        ? "has no category" : Set(names).count < names.count ? "has a category twice" : nil
    }
  }
}

/// As JSON: `name`, and either `mean` and `deviation` or `categories`.
extension TableColumn: Codable {
  /// Reads a column.
  ///
  /// - Throws: ``MetaProblemError`` with the place, or `DecodingError`, if there is none.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: "name")
    kind =
      container.contains("categories")
      ? .categories(try container.decode([String].self, forKey: "categories"))
      : .number(mean: try container.number("mean"), deviation: try container.number("deviation"))
    if let objection { throw MetaProblemError(place(container.codingPath), objection) }
  }

  /// Writes the column.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: "name")
    switch kind {
    case .number(let mean, let deviation):
      try container.encode(mean, forKey: "mean")
      try container.encode(deviation, forKey: "deviation")
    case .categories(let names): try container.encode(names, forKey: "categories")
    }
  }
}

/// How the rows of a table become tasks for a network, and predictions its cells: which column names the task, which
/// are inputs and targets, and their scaling.
public struct TableLayout: Codable, Equatable, Sendable {
  /// The column that names the task of a row.
  public var task: String
  /// The columns that a network reads, from left to right.
  public var inputs: [TableColumn]
  /// The columns that it predicts.
  public var targets: [TableColumn]

  /// Collects the columns.
  public init(task: String, inputs: [TableColumn], targets: [TableColumn]) {
    (self.task, self.inputs, self.targets) = (task, inputs, targets)
  }

  /// The number of columns of the inputs.
  public var inputWidth: Int { inputs.reduce(0) { $0 + $1.width } }

  /// The number of columns of the targets.
  public var targetWidth: Int { targets.reduce(0) { $0 + $1.width } }

  /// Predictions in the units of the table; what stands for categories stays as it is.
  ///
  /// - Shapes: Rows × ``targetWidth``, to the same; another width stops with a message.
  public func unscaled(_ predictions: Matrix) -> Matrix {
    if predictions.columns != targetWidth {
      stop(
        "unscaled: predictions are \(predictions.shape), but targets have \(targetWidth) columns")
    }
    var unscaled = predictions
    var place = 0
    for column in targets {
      if case .number(let mean, let deviation) = column.kind {
        for row in 0..<predictions.rows {
          unscaled[row, place] = predictions[row, place] * deviation + mean
        }
      }
      place += column.width
    }
    return unscaled
  }

  /// Predictions as cells of the table, one for each target column: a number in its units, or the category of the
  /// largest output.
  ///
  /// - Shapes: Rows × ``targetWidth``; another width stops with a message.
  public func cells(of predictions: Matrix) -> [[String]] {
    let unscaled = unscaled(predictions)
    return (0..<unscaled.rows).map { row in
      var place = 0
      return targets.map { column in
        defer { place += column.width }
        switch column.kind {
        case .number: return "\(unscaled[row, place])"
        case .categories(let names):
          let largest = names.indices.max {
            unscaled[row, place + $0] < unscaled[row, place + $1]
          }
          return names[largest ?? 0]
        }
      }
    }
  }
}
