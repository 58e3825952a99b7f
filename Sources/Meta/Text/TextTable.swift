/// Rows of cells with aligned columns.
package struct TextTable {
  /// The first row; its cells are left-aligned where `leftAligned` says so.
  package var header: [String]
  /// The columns of words rather than numbers.
  package var leftAligned: Set<Int>
  package var rows: [[String]]

  package init(header: [String], leftAligned: Set<Int> = [0], rows: [[String]] = []) {
    (self.header, self.leftAligned, self.rows) = (header, leftAligned, rows)
  }

  /// The table as text, each line indented by two spaces.
  package var text: String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      let cells = row.indices.map { column in
        row[column].padded(to: widths[column], right: !leftAligned.contains(column))
      }
      let line = "  " + cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}

extension String {
  /// The text in one line that a terminal shows and does not obey: what controls it is �.
  package var printable: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case _ where Character(scalar).isNewline: text += " "
      case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned: text += "\u{FFFD}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The word with a count before it, in the plural where that is not one.
  package func counted(_ count: Int) -> String { "\(count) \(self)\(count == 1 ? "" : "s")" }

  /// The text with spaces after it, or before it if it is to stand on the right.
  package func padded(to width: Int, right: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - count))
    return right ? spaces + self : self + spaces
  }
}

extension [String] {
  /// The words, separated by commas.
  package var list: String { joined(separator: ", ") }

  /// The first words where there are many, and how many more there are.
  package var shortList: String {
    count > 5 ? "\(prefix(3).joined(separator: ", ")) and \(count - 3) more" : list
  }
}
