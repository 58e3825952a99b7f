/// The I-th of N parts of a run.
struct Shard: Sendable {
  let number: Int
  let count: Int

  /// Enough for any array of jobs.
  static let maximumCount = 1000

  var name: String { "shard \(number) of \(count)" }
  /// What its file is called.
  var fileName: String { "shard-\(number)-of-\(count).json" }

  init(number: Int, count: Int) { (self.number, self.count) = (number, count) }

  /// Reads `3/8`; nil for anything else.
  init?(_ text: String) {
    self.init(text.split(separator: "/", omittingEmptySubsequences: false))
  }

  /// Reads the name of a file; nil if it is not that of a shard.
  init?(fileName: String) {
    let words = fileName.split(separator: "-", omittingEmptySubsequences: false)
    guard words.count == 4, words[3].hasSuffix(".json") else { return nil }
    self.init([words[1], words[3].dropLast(5)])
    if self.fileName != fileName { return nil }
  }

  private init?(_ numbers: [Substring]) {
    guard numbers.count == 2, let number = Int(numbers[0]), let count = Int(numbers[1]),
      (1...Self.maximumCount).contains(count), (1...count).contains(number)
    else { return nil }
    self.init(number: number, count: count)
  }
}
