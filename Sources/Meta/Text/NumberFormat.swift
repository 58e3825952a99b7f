import Tape

/// What is not finite is no number, and a dash stands in its place.
extension Double {
  /// The number with so many decimals.
  package func fixed(_ decimals: Int) -> String { text("%.\(decimals)f") }

  /// The number with so many significant digits, with an exponent where it is long.
  package func significant(_ digits: Int) -> String {
    let text = text("%#.\(digits)g")
    return text.hasSuffix(".") ? String(text.dropLast()) : text.replacing(".e", with: "e")
  }

  /// The number with at most so many significant digits, without zeros that say nothing.
  package func upTo(_ digits: Int) -> String { (self == 0 ? 0 : self).text("%.\(digits)g") }

  private func text(_ format: String) -> String { isFinite ? printed(self, as: format) : "–" }

  /// The number with up to six digits, without zeros that say nothing.
  package var upToSixDigits: String { upTo(6) }

  /// A number of microseconds in the unit that suits it.
  package var duration: String {
    if self < 1000 { return "\(fixed(self < 100 ? 1 : 0)) µs" }
    return self < 1e6 ? "\((self / 1000).fixed(2)) ms" : "\((self / 1e6).fixed(2)) s"
  }
}

extension Int {
  /// The number with its thousands apart.
  package var grouped: String {
    var digits = String(magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (self < 0 ? "-" : "") + ([digits] + groups).joined(separator: " ")
  }

  /// A number of bytes in the unit that suits it.
  package var bytes: String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var (value, unit) = (Double(self), 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return unit == 0 ? "\(self) B" : "\(value.fixed(value < 100 ? 1 : 0)) \(units[unit])"
  }
}
