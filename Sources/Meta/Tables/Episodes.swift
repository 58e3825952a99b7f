public import Nets
import Tape

/// Few-shot classification: a task is some of the classes, and of each some rows to adapt to and others to be
/// judged on.
///
/// Inputs are rows as they are in ``classes``; targets are one-hot rows, a column a class, in the order in which
/// the classes were drawn. So a network can know a class by its support alone.
///
/// ```swift
/// let digits = try RowClasses(Table(text), classes: "digit")
/// let (training, test) = try digits.split(test: ["6", "7", "8", "9"])
/// let scaled = try training.divided(by: training.largest).rotated()
/// let episodes = try Episodes(of: scaled, ways: 5, shots: 1, queries: 15)
/// let task = episodes.task(using: &generator)
/// ```
///
/// - Reference: Vinyals et al., *Matching networks for one shot learning* (2016).
public struct Episodes: TaskDistribution {
  /// Where the rows come from.
  public let classes: RowClasses
  /// The number of classes of a task.
  public let ways: Int
  /// The number of rows of each class to adapt to.
  public let shots: Int
  /// The number of other rows of each class to be judged on.
  public let queries: Int

  /// Describes the tasks.
  ///
  /// - Throws: ``TableError`` if a number is out of range, if there are fewer classes than ways, or if a class
  ///   has fewer rows than shots and queries.
  public init(of classes: RowClasses, ways: Int, shots: Int, queries: Int) throws(TableError) {
    if let (name, number, least) = [
      ("ways", ways, 2), ("shots", shots, 1), ("queries", queries, 1),
    ]
    .first(where: { $0.1 < $0.2 }) {
      throw TableError(
        column: classes.column, "\(number) \(name), but an episode has at least \(least)")
    }
    if classes.names.count < ways {
      throw TableError(
        column: classes.column,
        "\(ways) ways, but \(classes.names.count == 1 ? "1 class" : "\(classes.names.count) classes"): "
          + classes.names.map(\.inQuotes).shortList
      )
    }
    let (needed, overflows) = shots.addingReportingOverflow(queries)
    let short = classes.rows.indices.filter { overflows || classes.rows[$0].rows < needed }
    if let first = short.first {
      let others = short.count == 1 ? "" : " (and \(short.count - 1) more)"
      throw TableError(
        column: classes.column,
        "class \(classes.names[first].inQuotes)\(others) has \("row".counted(classes.rows[first].rows)), "
          + "but an episode takes \(shots) + \(queries) of each")
    }
    (self.classes, self.ways, self.shots, self.queries) = (classes, ways, shots, queries)
  }

  /// Draws a task.
  public func task(using generator: inout some RandomNumberGenerator) -> LearningTask {
    draw(shots, queries, using: &generator)
  }

  /// Draws a task, the same as by any generator, but compiled for this one.
  public func task(using generator: inout SeededGenerator) -> LearningTask {
    draw(shots, queries, using: &generator)
  }

  /// Draws a task of other sizes, as many rows of each class.
  ///
  /// - Precondition: Both sizes are multiples of ``ways``, and each class has so many rows; anything else stops
  ///   with a message.
  /// - Complexity: O(classes + rows of the classes drawn).
  public func task(
    support: Int, query: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    if support < ways || query < ways || support % ways != 0 || query % ways != 0 {
      stop("Episodes: \(support) + \(query) points do not fit \(ways) ways")
    }
    return draw(support / ways, query / ways, using: &generator)
  }

  @inline(__always)
  private func draw(
    _ shots: Int, _ queries: Int, using generator: inout some RandomNumberGenerator
  ) -> LearningTask {
    let drawn = classes.names.indices.drawn(ways, using: &generator)
    let rows = drawn.map { index in
      let there = classes.rows[index].rows
      if there < shots + queries {
        stop("Episodes: \(shots) + \(queries) rows of a class that has \(there)")
      }
      return (0..<there).drawn(shots + queries, using: &generator)
    }
    func points(_ part: Range<Int>) -> LabelledPoints<Matrix> {
      var inputs: [Double] = []
      inputs.reserveCapacity(ways * part.count * classes.width)
      for (index, rows) in zip(drawn, rows) {
        let (entries, width) = (classes.rows[index].elements, classes.width)
        for row in rows[part] { inputs += entries[row * width..<(row + 1) * width] }
      }
      return LabelledPoints(
        inputs: Matrix(Shape(ways * part.count, classes.width), inputs),
        targets: Matrix(Shape(ways * part.count, ways)) { $0 / part.count == $1 ? 1 : 0 })
    }
    return LearningTask(support: points(0..<shots), query: points(shots..<shots + queries))
  }
}
