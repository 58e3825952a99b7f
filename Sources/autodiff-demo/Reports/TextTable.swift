import Foundation

/// Rows of cells with aligned columns.
struct TextTable {
  /// The first row; its cells are left-aligned where `leftAligned` says so.
  var header: [String]
  /// The columns of words rather than numbers.
  var leftAligned: Set<Int> = [0]
  var rows: [[String]] = []

  /// The table as text, each line indented by two spaces.
  var text: String {
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
  /// The word with a count before it, in the plural where that is not one.
  func counted(_ count: Int) -> String { "\(count) \(self)\(count == 1 ? "" : "s")" }

  /// The text with spaces after it, or before it if it is to stand on the right.
  func padded(to width: Int, right: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - count))
    return right ? spaces + self : self + spaces
  }
}

extension Double {
  /// The number with so many decimals.
  func fixed(_ decimals: Int) -> String { String(format: "%.\(decimals)f", self) }

  /// A number of microseconds in the unit that suits it.
  var duration: String {
    if self < 1000 { return "\(fixed(self < 100 ? 1 : 0)) µs" }
    return self < 1e6 ? "\((self / 1000).fixed(2)) ms" : "\((self / 1e6).fixed(2)) s"
  }

  /// The number with so many significant digits, with an exponent where it is long.
  func significant(_ digits: Int) -> String {
    if isNaN { return "nan" }
    let text = String(format: "%#.\(digits)g", self)
    return text.hasSuffix(".")
      ? String(text.dropLast()) : text.replacingOccurrences(of: ".e", with: "e")
  }
}

extension Int {
  /// The number with its thousands apart.
  var grouped: String {
    var digits = String(magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (self < 0 ? "-" : "") + ([digits] + groups).joined(separator: " ")
  }

  /// A number of bytes in the unit that suits it.
  var bytes: String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var (value, unit) = (Double(self), 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return unit == 0 ? "\(self) B" : "\(value.fixed(value < 100 ? 1 : 0)) \(units[unit])"
  }
}
