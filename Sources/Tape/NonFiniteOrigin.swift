/// The first line of a tape whose value is not finite: where a NaN or an infinity came from.
public struct NonFiniteOrigin: Equatable, Sendable, CustomStringConvertible {
  /// The number of the line.
  public let line: Int
  /// What it computes.
  public let operation: Operation
  /// The derivative level: 0 forward, 1 a gradient, 2 a gradient of a gradient.
  public let level: Int
  /// Where the line comes from, or the name of an input; may be empty.
  public let source: String
  /// The row and column of the first entry that is not finite, from 0.
  public let row, column: Int
  /// That entry: NaN or an infinity.
  public let value: Double
  /// The lines that it reads, each with the range of its entries, all of them finite.
  public let operands: [String]

  /// The origin in one line.
  public var description: String {
    let place = source.isEmpty ? "" : " in \(source)"
    let reads = operands.isEmpty ? "" : ", from " + operands.joined(separator: " and ")
    return "%\(line) \(operation), level \(level)\(place), is first not finite: "
      + "\(value.isNaN ? "nan" : "\(value)") at [\(row), \(column)]\(reads)"
  }
}

extension GradientTape {
  /// The first line, of those up to `variable`, whose value is not finite; nil if all are finite.
  ///
  /// - Precondition: The variable is on this tape; anything else stops with a message.
  /// - Complexity: O(entries of the lines), and the arithmetic of lines not computed before.
  public func nonFiniteOrigin(through variable: Variable) -> NonFiniteOrigin? {
    check([variable], for: "nonFiniteOrigin(through:)")
    return nonFiniteOrigin(in: 0...variable.index)
  }

  /// The first of some lines whose value is not finite.
  func nonFiniteOrigin(in lines: ClosedRange<Int>) -> NonFiniteOrigin? {
    for line in lines {
      let value = computedValue(line)
      guard let entry = value.elements.firstIndex(where: { !$0.isFinite }) else { continue }
      let instruction = recording.instructions[line]
      return NonFiniteOrigin(
        line: line, operation: instruction.operation, level: instruction.level,
        source: recording.source(line), row: entry / value.columns,
        column: entry % value.columns, value: value.elements[entry],
        operands: instruction.operands.map { operand in
          let entries = computedValue(operand).elements
          let (low, high) = (entries.min() ?? 0, entries.max() ?? 0)
          let range = low == high ? "\(low)" : "\(low)…\(high)"
          return "%\(operand) \(recording.instructions[operand].operation) (\(range))"
        })
    }
    return nil
  }
}
