import Foundation
import Tape

/// What all shards of a run have in common.
struct ShardSetting: Codable, Hashable, Sendable {
  /// The name of the command.
  let command: String
  /// Its words that decide what is computed.
  let words: [String]
  /// Tells what was read from files apart from anything else.
  let data: String
  /// Whether products are added with one rounding, which not all processors do, and which shows in the last digits.
  let isFused: Bool
  /// How many shards there are.
  let count: Int

  init(command: String, words: [String], data: String, count: Int) {
    (self.command, self.words, self.data, self.count) = (command, words, data, count)
    isFused = Self.isFusedHere
  }

  /// What was asked for, as one would type it.
  var text: String { ([command] + words).joined(separator: " ") }

  /// What is different in this setting.
  func difference(from other: ShardSetting) -> String {
    if text != other.text { return text }
    if count != other.count { return "one of \(count) shards" }
    if data != other.data { return "of other data" }
    return isFused ? "with fused multiply-adds" : "without fused multiply-adds"
  }

  private static var isFusedHere: Bool {
    let (tape, x) = (GradientTape(), 1 + 0x1p-30)
    let (row, column) = (Matrix(Shape(1, 2), [1, x]), Matrix(Shape(2, 1), [-1 - 0x1p-29, x]))
    return tape.input(row).matmul(tape.input(column)).value[0, 0] != 0
  }
}

/// What stands in the file of a shard.
struct ShardContents<Record: Codable>: Codable {
  let setting: ShardSetting
  /// From 1.
  let number: Int
  /// The positions of its pieces in the run, and what each has yielded.
  let pieces: [Int]
  let records: [Record]
}

/// What a file of any shard says of it.
struct ShardHeader: Decodable {
  static let format = "tape-shard-1"

  let setting: ShardSetting
  let number: Int

  /// Reads a file; nil if it is damaged, or no file of a shard.
  init?(_ data: Data, named shard: Shard) {
    guard case .whole = Seal(of: data, as: Self.format),
      let header = try? JSONDecoder().decode(ShardHeader.self, from: data),
      header.number == shard.number, header.setting.count == shard.count
    else { return nil }
    self = header
  }
}
