extension GradientTape {
  /// The lines recorded so far as text, each with its derivative level and its source.
  ///
  /// Level 0 is what was written forward, 1 a gradient of that, 2 a gradient of a gradient. Scalar
  /// constants stand where they are used instead of on lines of their own.
  public var listing: String { recording.listing(outputs: []) }

  /// The lines recorded so far as a graph in the DOT language, coloured by derivative level.
  ///
  /// What `stopGradient` cuts is drawn as a dashed edge.
  public var dot: String { recording.dot }
}

extension Program {
  /// The lines of the program as text, each with its derivative level and its source.
  ///
  /// See ``GradientTape/listing``.
  public var listing: String { recording.listing(outputs: outputs) }

  /// The lines of the program as a graph in the DOT language, coloured by derivative level.
  ///
  /// See ``GradientTape/dot``.
  public var dot: String { recording.dot }
}

extension Recording {
  func listing(outputs: [Int], marked: Set<Int> = []) -> String {
    var outputNames: [Int: [String]] = [:]
    for (position, line) in outputs.enumerated() {
      outputNames[line, default: []].append("→ output \(position)")
    }
    let shown = instructions.indices.filter { scalarConstant($0) == nil || outputNames[$0] != nil }
    let rows = shown.map { line in
      // The level is a staircase: the further right the digit, the higher the derivative.
      [
        (marked.isEmpty ? "" : marked.contains(line) ? "✂ " : "  ") + "%\(line)",
        String(repeating: "  ", count: instructions[line].level)
          + "\(instructions[line].level)",
        text(line), instructions[line].shape.description,
        ([source(line)] + outputNames[line, default: []])
          .filter { !$0.isEmpty }.joined(separator: " "),
      ]
    }
    let header = ["line", "level", "instruction", "shape", "source"]
    let widths = header.indices.map { column in
      rows.reduce(header[column].count) { max($0, $1[column].count) }
    }
    var result = ""
    for row in [header] + rows {
      var line = ""
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: width - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      result += line + "\n"
    }
    return result
  }

  /// The operation of a line and what it reads, for instance `multiply %3 0.5`.
  private func text(_ line: Int) -> String {
    let instruction = instructions[line]
    if let number = scalarConstant(line) { return "constant \(number)" }
    let operands = instruction.operands.map { scalarConstant($0)?.description ?? "%\($0)" }
    return ([String(describing: instruction.operation)] + operands).joined(separator: " ")
  }

  fileprivate var dot: String {
    // Told apart by lightness as well as by hue.
    let fills = ["#ffffff", "#bcdcf5", "#f5b95f", "#c9655a"]
    var result = "digraph tape {\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n"
    for (line, instruction) in instructions.enumerated() where scalarConstant(line) == nil {
      let source = source(line).replacing("\\", with: "\\\\")
        .replacing("\"", with: "\\\"")
      let cut = instruction.operation == .stopGradient
      result +=
        "  n\(line) [label=\"%\(line) \(text(line))\\n\(instruction.shape)\\n\(source)\", "
        + "fillcolor=\"\(fills[min(instruction.level, fills.count - 1)])\""
        + (cut ? ", shape=octagon" : "") + "];\n"
      for operand in instruction.operands where scalarConstant(operand) == nil {
        result += "  n\(operand) -> n\(line)" + (cut ? " [style=dashed, color=red]" : "") + ";\n"
      }
    }
    return result + "}\n"
  }
}
