import Meta
import Tape

/// `museum`: mistakes that people make with automatic differentiation, made, and caught.
let museumCommand = Command(
  name: "museum",
  summary:
    "Shows mistakes of differentiation really made, their wrong numbers, and what catches them",
  operands: "[EXHIBIT]", operandCount: 0...1,
  options: [.json],
  details: """
    Every number is computed when you ask, but for figures of other systems, which are named as such.
    Ends with status 1 if something that should catch a mistake does not. Exhibits:
    \(Trap.allCases.map { "  \($0.rawValue)" }.joined(separator: "\n"))
    docs/museum.md tells where people met each.
    """,
  example: "autodiff-demo museum silent-first-order"
) { arguments in
  var traps = Trap.allCases
  if let name = arguments.operands.first {
    guard let trap = Trap(rawValue: name) else {
      throw UserError("museum: no exhibit '\(name)'; there are \(names(Trap.self))")
    }
    traps = [trap]
  }
  let progress = Progress(total: Double(traps.count))
  let exhibits = try traps.map { trap in
    defer { progress.advance(trap.rawValue) }
    return try trap.exhibit()
  }
  let status: Int32 = exhibits.allSatisfy(\.isCaught) ? 0 : 1
  if arguments.has("--json") {
    return Answer(try json(exhibits), status: status)
  }
  let pages = exhibits.map(\.page).joined(separator: "\n")
  return Answer(traps.count > 1 ? "\(overview(exhibits))\n\(pages)" : pages, status: status)
}

private func overview(_ exhibits: [Exhibit]) -> String {
  var table = TextTable(header: ["exhibit", "wrong", "right", "caught by"])
  table.leftAligned = [0, 3]
  table.rows = exhibits.map {
    [$0.id, $0.wrong.text, $0.right.text, $0.isCaught ? $0.caughtBy : "NOT CAUGHT"]
  }
  return "Mistakes, the numbers they give, and what catches them\n\n\(table.text)"
}

extension Exhibit {
  /// The exhibit as a paragraph.
  fileprivate var page: String {
    var rows = [
      ("mistake", mistake), ("number", quantity), ("wrong", wrong.text), ("right", right.text),
    ]
    if let otherwise { rows.append(("check", otherwise.text)) }
    rows += findings.enumerated().map { index, finding in
      (index == 0 ? "found" : "", (finding.holds ? "" : "DOES NOT HOLD: ") + finding.text)
    }
    rows.append(("met in", metIn.joined(separator: "; ")))
    return "\(id): \(title)\n"
      + rows.map { name, text in
        let lines = text.wrapped(to: 88).enumerated().map { index, line in
          "  \((index == 0 ? name : "").padded(to: 8))\(line)\n"
        }
        return lines.joined()
      }.joined()
  }
}

extension String {
  /// The text in lines of at most so many characters, where its words allow.
  fileprivate func wrapped(to width: Int) -> [String] {
    split(separator: " ").reduce(into: []) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
  }
}
