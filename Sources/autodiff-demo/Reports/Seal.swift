import Foundation

/// What a file of JSON says of itself: its format, and a checksum over all that follows.
enum Seal {
  /// It is of the format, and as it was written.
  case whole
  /// It is of the format, but not as it was written.
  case broken
  /// It is of another format, or of none.
  case foreign

  /// Looks at the seal of a file.
  init(of data: Data, as format: String) {
    let start = Data(Self.start(format).utf8)
    guard data.starts(with: start) else {
      self = .foreign
      return
    }
    let rest = data.dropFirst(start.count)
    let isWhole = rest.prefix(16).elementsEqual(checksum(rest.dropFirst(16)).utf8)
    self = isWhole ? .whole : .broken
  }

  /// An object of JSON that is not empty, with the seal as its first fields.
  static func sealed(_ object: String, as format: String) -> String {
    let rest = "\"," + object.dropFirst()
    return start(format) + checksum(rest.utf8) + rest
  }

  private static func start(_ format: String) -> String {
    "{\"format\":\"\(format)\",\"checksum\":\""
  }
}

/// Sixteen digits that tell bytes apart from damaged ones.
///
/// - Reference: Fowler, Noll and Vo, FNV-1a in 64 bits.
func checksum(_ bytes: some Sequence<UInt8>) -> String {
  let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  let digits = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
