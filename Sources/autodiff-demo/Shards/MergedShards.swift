import Foundation
import Meta

/// All shards of a run, read from the folder where they lie.
struct MergedShards: Sendable {
  let setting: ShardSetting
  private let files: [Data]

  /// Reads a folder.
  ///
  /// - Throws: ``UserError`` if it is not there or has no shards, or with the names of those that are missing, damaged or
  ///   of another setting than most.
  init(folder: String) throws {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw UserError("there is no such folder, or it cannot be read")
    }
    let shards = names.compactMap(Shard.init(fileName:))
      .sorted { ($0.count, $0.number) < ($1.count, $1.number) }
    let files = try shards.map { shard in
      try naming(shard.fileName) { try contents(of: "\(folder)/\(shard.fileName)") }
    }
    let headers = zip(files, shards).map { ShardHeader($0, named: $1) }
    let settings = headers.compactMap { $0?.setting }
    let counts = Dictionary(settings.map { ($0, 1) }, uniquingKeysWith: +)
    // The first of those that most shards have.
    guard let setting = settings.max(by: { (counts[$0] ?? 0) < (counts[$1] ?? 0) }) else {
      throw UserError(shards.isEmpty ? "holds no shards" : "all shards are damaged")
    }
    var own: [Int: Data] = [:]
    var (damaged, foreign): ([String], [String]) = ([], [])
    for ((shard, header), file) in zip(zip(shards, headers), files) {
      guard let header else {
        damaged.append(shard.fileName)
        continue
      }
      if header.setting == setting {
        own[shard.number] = file
      } else {
        foreign.append("\(shard.fileName) (\(header.setting.difference(from: setting)))")
      }
    }
    let known = Set(shards.filter { $0.count == setting.count }.map(\.number))
    let missing = (1...setting.count).filter { !known.contains($0) }
      .map { Shard(number: $0, count: setting.count).fileName }
    let faults = [
      ("missing", missing), ("damaged", damaged), ("of another setting", foreign),
    ].filter { !$0.1.isEmpty }.map { "\($0): \($1.joined(separator: ", "))" }
    if !faults.isEmpty {
      throw UserError("of \(setting.text): \(faults.joined(separator: "; "))")
    }
    self.setting = setting
    self.files = (1...setting.count).compactMap { own[$0] }
  }

  /// What so many pieces have yielded, in their order; nil if the shards do not hold each of them once.
  func records<Record: Codable>(of count: Int) -> [Record]? {
    var records: [Record?] = Array(repeating: nil, count: count)
    for file in files {
      guard
        let contents = try? decoderOfNamedInfinity.decode(ShardContents<Record>.self, from: file),
        contents.pieces.count == contents.records.count
      else { return nil }
      for (piece, record) in zip(contents.pieces, contents.records) {
        guard records.indices.contains(piece), records[piece] == nil else { return nil }
        records[piece] = record
      }
    }
    let found = records.compactMap(\.self)
    return found.count == count ? found : nil
  }
}
