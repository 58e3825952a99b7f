import Foundation
import Meta
import Synchronization

/// What is computed of a run, if not all of it.
enum RunPart: Sendable {
  /// The pieces of one shard, to be written.
  case shard(Shard)
  /// None: shards have done so.
  case merged(MergedShards)
}

extension Command.Option {
  /// What every run takes that is made of independent pieces.
  static let shards = [
    Command.Option(
      name: "--shard", value: "I/N", help: "only part I of N, from 1 on, for merge to join",
      role: .conduct),
    Command.Option(
      name: "--out", value: "DIR",
      help: "where shards are kept; one that is there is not done again",
      needs: "--shard", role: .conduct),
  ]
}

extension Arguments {
  /// The shard that is asked for, or nil.
  func shard() throws -> Shard? {
    guard let text = value("--shard") else { return nil }
    guard let shard = Shard(text) else {
      throw UserError(
        "\(name): --shard '\(text)' is not I/N with I from 1 to N, and N up to \(Shard.maximumCount)"
      )
    }
    if !has("--out") { throw UserError("\(name): --shard needs --out DIR, a folder for shards") }
    if let option = outputsGiven.first(where: { $0.name != "--out" }) {
      throw UserError("\(name): \(option.name) is for merge, and not for a shard")
    }
    return shard
  }

  /// Answers with a run of independent pieces: computes all of them, or one shard of them, or none if shards have.
  ///
  /// - Parameters:
  ///   - pieces: In the order in which the report takes their records.
  ///   - data: Tells what was read from files apart from anything else.
  ///   - isTimed: Whether a piece measures time, so that nothing else may run beside it.
  ///   - cost: How long a piece takes, relative to others: by it pieces are dealt, and the dearest comes first.
  ///   - compute: What a piece yields.
  ///   - report: The answer, once all records are there.
  /// - Throws: What the first piece throws that throws.
  func answer<Piece: Sendable, Record: Codable & Sendable>(
    _ pieces: [Piece], data: String = "", isTimed: Bool = false,
    cost: (Piece) -> Double = { _ in 1 },
    compute: @Sendable (Piece, PieceRun) throws -> Record, report: ([Record]) throws -> Answer
  ) throws -> Answer {
    let costs = pieces.map(cost)
    func records(_ dearestFirst: [Int]) throws -> [Record] {
      let chosen = dearestFirst.sorted()
      let threads = isTimed ? 1 : ProcessInfo.processInfo.activeProcessorCount
      let progress = Progress(total: chosen.reduce(0) { $0 + costs[$1] })
      defer { progress.finish() }
      @Sendable func record(_ index: Int) throws -> Record {
        let run = PieceRun(
          threads: max(1, threads / chosen.count), cost: costs[index], progress: progress)
        defer { run.finish() }
        return try compute(pieces[index], run)
      }
      if isTimed { return try chosen.map(record) }
      let found = try concurrentMap(dearestFirst) { index in Result { try record(index) } }
      let byPiece = Dictionary(uniqueKeysWithValues: zip(dearestFirst, found))
      return try chosen.compactMap { try byPiece[$0]?.get() }
    }
    switch part {
    case nil:
      return try report(records(dealt(costs, among: 1)[0]))
    case .shard(let shard):
      let folder = try ShardFolder(value("--out") ?? "")
      let setting = ShardSetting(
        command: name, words: settingWords, data: data, count: shard.count)
      if try folder.has(shard, of: setting) { return Answer("\(shard.name) is there already\n") }
      let own = dealt(costs, among: shard.count)[shard.number - 1]
      try folder.write(
        ShardContents(
          setting: setting, number: shard.number, pieces: own.sorted(), records: records(own)),
        of: shard)
      return Answer("\(shard.name): \(own.count) of \("piece".counted(pieces.count))\n")
    case .merged(let shards):
      let setting = ShardSetting(
        command: name, words: settingWords, data: data, count: shards.setting.count)
      if shards.setting != setting {
        throw UserError(
          "\(name): the shards are of another setting (\(shards.setting.difference(from: setting)))"
        )
      }
      guard let records: [Record] = shards.records(of: pieces.count) else {
        throw UserError("\(name): the shards do not hold each of its pieces once")
      }
      return try report(records)
    }
  }
}

/// By shard, the pieces that it computes, dearest first: each goes to the shard that has the least so far.
///
/// - Reference: Graham, *Bounds on multiprocessing timing anomalies* (1969): no shard takes more than 4/3 of the least
///   time in which all can be done.
package func dealt(_ costs: [Double], among count: Int) -> [[Int]] {
  var shards = Array(repeating: (pieces: [Int](), load: 0.0), count: count)
  for piece in costs.indices.sorted(by: { (-costs[$0], $0) < (-costs[$1], $1) }) {
    let least = shards.indices.min { shards[$0].load < shards[$1].load } ?? 0
    shards[least].pieces.append(piece)
    shards[least].load += costs[piece]
  }
  return shards.map(\.pieces)
}

/// What a piece is told as it is computed, and whom it tells how far it has come.
final class PieceRun: Sendable {
  /// How many threads it may take.
  let threads: Int
  private let cost: Double
  private let progress: Progress
  private let told = Mutex(0.0)

  fileprivate init(threads: Int, cost: Double, progress: Progress) {
    (self.threads, self.cost, self.progress) = (threads, cost, progress)
  }

  /// Says that a share of the piece is done, with a word on what it was.
  func advance(_ what: String = "", by share: Double) {
    told.withLock { $0 += share }
    progress.advance(what, by: share * cost)
  }

  fileprivate func finish() { advance(by: 1 - told.withLock(\.self)) }
}

extension Method {
  /// How long a training takes, relative to a joint one: about.
  var relativeCost: Double {
    switch self {
    case .maml: 2
    case .firstOrderMAML, .anil: 1.4
    case .firstOrderANIL, .joint: 1
    }
  }
}
