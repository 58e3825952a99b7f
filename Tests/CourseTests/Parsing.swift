/// The fenced blocks of a chapter.
struct Document {
  /// The lines of the Swift blocks, in order.
  private(set) var code: [[String]] = []
  /// The lines of the text blocks, each of which follows a Swift block; empty lines left out.
  private(set) var output: [String] = []
  /// What cannot be understood, each with its line.
  private(set) var faults: [String] = []

  init(_ markdown: String) {
    var block: (language: String, lines: [String])?
    var followsCode = false
    for (number, line) in markdown.lines.enumerated() {
      if let open = block {
        if line != "```" {
          block?.lines.append(line)
          continue
        }
        block = nil
        switch open.language {
        case "swift": code.append(open.lines)
        case "text": output += open.lines.filter { !$0.isEmpty }
        default: break
        }
        followsCode = open.language == "swift"
      } else if line.hasPrefix("```") {
        block = (String(line.dropFirst(3)), [])
        if line == "```text", !followsCode {
          faults.append("line \(number + 1): output that follows no code")
        }
      } else if !line.isEmpty {
        if line.contains("```") { faults.append("line \(number + 1): a fence that is indented") }
        followsCode = false
      }
    }
    if block != nil { faults.append("a block without an end") }
  }
}

/// The marked blocks of a chapter's source file.
struct Source {
  /// The lines between `// begin` and `// end`, without the indentation.
  private(set) var blocks: [[String]] = []
  /// Lines outside of the blocks that a reader would miss: nothing runs that the chapter hides.
  private(set) var strays: [String] = []

  init(_ source: String, _ number: String) {
    let frame = [
      "", "}", "func chapter\(number)(_ print: (Any) -> Void) throws {",
      "import Meta", "import Nets", "import Studies", "import Tape",
    ]
    var block: [String]?
    for line in source.lines {
      switch (line, block) {
      case ("  // begin", nil): block = []
      case ("  // end", let lines?):
        blocks.append(lines)
        block = nil
      case (_, .some): block?.append(line.hasPrefix("  ") ? String(line.dropFirst(2)) : line)
      case (_, nil):
        if !line.hasPrefix("//"), !frame.contains(line) { strays.append(line) }
      }
    }
    if block != nil { strays.append("// begin without // end") }
  }
}

extension String {
  /// The lines, empty ones among them.
  fileprivate var lines: [String] {
    split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}
