/// Rows of comma-separated values under a header, as RFC 4180 has them.
struct CSV {
  var header: [String]
  var rows: [[String]] = []

  /// The file.
  var text: String {
    ([header] + rows).map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  /// A number; one that is not finite is no number, and its cell empty.
  static func cell(_ number: Double) -> String { number.isFinite ? "\(number)" : "" }

  private static func quoted(_ cell: String) -> String {
    cell.contains { ",\"\r\n".contains($0) }
      ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
  }
}
