/// What the cell of a table says.
enum TableCell: Equatable {
  case number(Double)
  /// It looks like a number, but is none; what to do about it.
  case numeral(String)
  case word

  init(_ bytes: ArraySlice<UInt8>) {
    var text: String { String(decoding: bytes, as: UTF8.self) }
    if isDecimal(bytes, point: UInt8(ascii: ".")) {
      let number = Double(text) ?? .infinity
      self = number.isFinite ? .number(number) : .numeral("\(text.inQuotes) is not finite")
    } else if isDecimal(bytes, point: UInt8(ascii: ",")) {
      let mayGroup = bytes.dropLast(3).last == UInt8(ascii: ",")
      let other = mayGroup ? ", or \(text.replacing(",", with: "")) if thousands are meant" : ""
      self = .numeral(
        "\(text.inQuotes) is not a number: write \(text.replacing(",", with: "."))\(other)")
    } else if ["inf", "infinity"].contains(text.lowercased().drop { "+-".contains($0) }) {
      self = .numeral("\(text.inQuotes) is not finite")
    } else if bytes.contains(where: isDigit),
      bytes.drop(while: { $0 == UInt8(ascii: "-") }).allSatisfy({
        isDigit($0) || marks.contains($0)
      })
    {
      self = .numeral("\(text.inQuotes) is not a number")
    } else {
      self = .word
    }
  }
}

/// What stands in numbers beside digits, as people write them.
///
/// There is no minus after the first digit, so that ranges and dates are words.
private let marks = Array(".,'_ %+eE".utf8)

private func isDigit(_ byte: UInt8) -> Bool {
  byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
}

/// Whether the bytes are a decimal number with the given mark before its fraction.
private func isDecimal(_ bytes: ArraySlice<UInt8>, point: UInt8) -> Bool {
  var index = bytes.startIndex
  func next(is first: Character, or second: Character) -> Bool {
    index < bytes.endIndex
      && (bytes[index] == first.asciiValue || bytes[index] == second.asciiValue)
  }
  func digits() -> Int {
    let start = index
    while index < bytes.endIndex, isDigit(bytes[index]) { index += 1 }
    return index - start
  }
  if next(is: "+", or: "-") { index += 1 }
  var count = digits()
  if index < bytes.endIndex, bytes[index] == point {
    index += 1
    count += digits()
  }
  if count == 0 { return false }
  if next(is: "e", or: "E") {
    index += 1
    if next(is: "+", or: "-") { index += 1 }
    if digits() == 0 { return false }
  }
  return index == bytes.endIndex
}
