extension [UInt8] {
  /// Text with one to four changes by chance: what a table may suffer from editors, programs and transport.
  package func mutated(using generator: inout some RandomNumberGenerator) -> [UInt8] {
    let pieces = [
      "\"", ",", ";", "\t", "\n", "\r", "NA", "3,5", "inf", "-", "\"\"", "x", "", "é", "\u{0}",
    ]
    return mutated(with: pieces, using: &generator)
  }

  /// Text with one to four changes by chance, for which there are pieces to put in.
  package func mutated(
    with pieces: [String], using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    var bytes = self
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let start = Int.random(in: 0...bytes.count, using: &generator)
      let length = Swift.min(
        bytes.count - start,
        [0, 1, 1, 3, 40, 1000].randomElement(using: &generator) ?? 0)
      let part = bytes[start..<start + length]
      let piece = Array((pieces.randomElement(using: &generator) ?? "").utf8)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes.replaceSubrange(start..<start + length, with: piece)
      case 1: bytes.insert(contentsOf: piece, at: start)
      case 2: bytes.insert(contentsOf: part, at: Int.random(in: 0...bytes.count, using: &generator))
      default:
        if start < bytes.count { bytes[start] = UInt8.random(in: 0...255, using: &generator) }
      }
    }
    return bytes
  }
}
