import Foundation
import Nets
import TestSupport
import Testing
import autodiff_demo

/// Runs in shards: joined they are the run of one process, and what is wrong with them is named.
@Suite struct ShardTests {
  /// A run with the options by which it writes files.
  struct Run: CustomStringConvertible, Sendable {
    var words: [String]
    var files = ["--csv", "--svg"]
    var description: String { words.joined(separator: " ") }
  }

  private static let table = [
    "--csv", "docs/data/elnino.csv", "--task", "year", "--inputs", "month", "--targets",
    "temperature",
  ]

  /// Studies at other settings than the defaults, one of which diverges, and what else is made of pieces.
  static let runs: [Run] =
    StudyCommandTests.short.map { Run(words: $0 + ["--seed", "3"]) } + [
      Run(words: [
        "represent", "--head-mean", "1.5", "--initial-distance", "0.43", "--steps", "300",
      ]),
      Run(words: [
        "overparametrize", "--network", "relu", "--dimension", "6", "--rank", "2", "--width", "4",
        "--steps", "20", "--test-tasks", "3", "--seeds", "4",
      ]),
      Run(
        words: ["train", "--methods", "all", "--iterations", "12"] + table,
        files: ["--curves", "--svg"]),
      Run(
        words: ["train", "--folds", "3", "--iterations", "12"] + table,
        files: ["--curves", "--svg"]
      ),
      Run(words: ["train", "--iterations", "12"] + table, files: ["--curves", "--svg", "--out"]),
      Run(words: ["diagnose", "--initialisations", "4"], files: []),
      Run(words: ["diagnose", path("relu-5steps"), "--initialisations", "3"], files: []),
    ]

  /// A folder of its own, which need not be there.
  private struct Folder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
    func remove() { try? FileManager.default.removeItem(atPath: path) }
    func text(_ name: String) throws -> String {
      String(
        decoding: try #require(FileManager.default.contents(atPath: self(name))), as: UTF8.self)
    }
    func write(_ text: String, to name: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: self(name)))
    }
  }

  private func shard(_ number: Int, of count: Int, _ words: [String], _ folder: Folder) throws
    -> Demo
  {
    try Demo(words + ["--shard", "\(number)/\(count)", "--out", folder.path])
  }

  @Test(arguments: runs) func mergedShardsAreTheRunOfOneProcess(_ run: Run) throws {
    // What a command prints, and the files that it writes, in a folder that is there.
    func answers(_ words: [String], _ folder: Folder) throws -> [String] {
      let options = run.files.flatMap { [$0, folder("written\($0)")] }
      let text = try Demo(words + options)
      #expect(text.status == 0 && text.error.isEmpty, "\(text.error)")
      return [text.output, try Demo(words + ["--json"]).output]
        + (try run.files.map { try folder.text("written\($0)") })
    }
    let whole = Folder()
    defer { whole.remove() }
    try FileManager.default.createDirectory(atPath: whole.path, withIntermediateDirectories: true)
    let expected = try answers(run.words, whole)
    #expect(expected[1].hasPrefix("{"))
    for count in [1, 2, 3] {
      let folder = Folder()
      defer { folder.remove() }
      for number in (1...count).reversed() {
        let done = try shard(number, of: count, run.words, folder)
        #expect(done.status == 0 && done.error.isEmpty, "\(done.error)")
        #expect(done.output.hasPrefix("shard \(number) of \(count): "))
      }
      #expect(try answers(["merge", folder.path], folder) == expected, "\(count) shards")
    }
  }

  /// Each piece goes to one shard, and no shard takes longer than the best one could by more than a piece.
  @Test func piecesAreDealtEvenly() {
    var generator = SeededGenerator(seed: 2)
    for count in 1...9 {
      let costs = (0..<20).map { _ in Double.random(in: 0.1...4, using: &generator).rounded(.up) }
      let shards = dealt(costs, among: count)
      #expect(shards.count == count && shards.flatMap(\.self).sorted() == Array(costs.indices))
      for pieces in shards {
        #expect(pieces.map { -costs[$0] } == pieces.map { -costs[$0] }.sorted())
      }
      let loads = shards.map { $0.reduce(0) { $0 + costs[$1] } }
      let even = costs.reduce(0, +) / Double(count)
      #expect((loads.max() ?? 0) - even < costs.max() ?? 0)
    }
    #expect(dealt([1, 3, 1, 3, 2], among: 2) == [[1, 4], [3, 0, 2]])
    #expect(dealt([], among: 2) == [[], []])
  }

  /// What JSON has no number for stands in a shard as a text, and is a number again.
  @Test func numbersThatAreNotFiniteArePassedOn() throws {
    let folder = Folder()
    defer { folder.remove() }
    _ = try shard(1, of: 1, Self.short, folder)
    let changed = try folder.text("shard-1-of-1.json").replacingOccurrences(
      of: "\"headDiversity\":\\[[^,]*,[^,]*,[^,]*,",
      with: "\"headDiversity\":[\"nan\",\"-inf\",-0,",
      options: .regularExpression)
    let rest = changed.dropFirst("{'format':'tape-shard-1','checksum':'0123456789abcdef".count)
    let hash = rest.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    try folder.write(
      "{\"format\":\"tape-shard-1\",\"checksum\":\"\(String(format: "%016lx", hash))" + rest,
      to: "shard-1-of-1.json")
    #expect(try Demo("merge", folder.path, "--csv", folder("a.csv")).status == 0)
    let cells = try folder.text("a.csv").components(separatedBy: "\r\n").dropFirst().prefix(3)
      .map { $0.components(separatedBy: ",")[5] }
    // A number that does not exist is an empty cell.
    #expect(cells == ["", "", "-0.0"])
  }

  private static let short = [
    "represent", "--dimension", "6", "--rank", "2", "--steps", "20", "--seeds", "2",
  ]

  @Test func moreShardsThanPiecesLeaveSomeEmpty() throws {
    let folder = Folder()
    defer { folder.remove() }
    for number in 1...12 { _ = try shard(number, of: 12, Self.short, folder) }
    #expect(try Demo("merge", folder.path).output == Demo(Self.short).output)
  }

  @Test func missingAndDamagedAndForeignShardsAreNamed() throws {
    let folder = Folder()
    defer { folder.remove() }
    for number in 1...5 { _ = try shard(number, of: 5, Self.short, folder) }
    let whole = try folder.text("shard-3-of-5.json")
    // One bit in a number of a record.
    let place = try #require(whole.range(of: "\"distance\":[0.")).upperBound
    let digit = try #require(whole[place].wholeNumberValue)
    try folder.write(
      whole.replacingCharacters(in: place..<whole.index(after: place), with: "\(digit ^ 1)"),
      to: "shard-3-of-5.json")
    try FileManager.default.removeItem(atPath: folder("shard-2-of-5.json"))
    try FileManager.default.removeItem(atPath: folder("shard-5-of-5.json"))
    _ = try shard(5, of: 5, Self.short + ["--outer-rate", "0.2"], folder)
    // Neither a file beside the shards nor one that was not finished counts.
    try folder.write("{", to: ".shard-2-of-5.json.partial")
    try folder.write("{", to: "shard-02-of-5.json")
    let refused = try Demo("merge", folder.path)
    #expect(refused.status == 2 && refused.output.isEmpty)
    #expect(
      refused.error.hasSuffix(
        """
        represent --dimension=6 --rank=2 --steps=20 --seeds=2: missing: shard-2-of-5.json; damaged: \
        shard-3-of-5.json; of another setting: shard-5-of-5.json (represent --dimension=6 --rank=2 \
        --outer-rate=0.2 --steps=20 --seeds=2)

        """), "\(refused.error)")

    // The one of another setting is not written over; the others cost no more than themselves.
    let foreign = try shard(5, of: 5, Self.short, folder)
    #expect(
      foreign.status == 2 && foreign.error.contains("shard-5-of-5.json is of another setting"))
    try FileManager.default.removeItem(atPath: folder("shard-5-of-5.json"))
    let said = try (1...5).map { try shard($0, of: 5, Self.short, folder).output }
    #expect(
      said.map { $0.contains("is there already") } == [true, false, false, true, false], "\(said)")
    #expect(try folder.text("shard-3-of-5.json") == whole)
    #expect(try Demo("merge", folder.path).output == Demo(Self.short).output)
  }

  @Test func theOrderOfOptionsIsNoSetting() throws {
    let folder = Folder()
    defer { folder.remove() }
    _ = try shard(1, of: 2, ["represent", "--steps", "5", "--rank=2"], folder)
    let other = try shard(2, of: 2, ["represent", "--rank", "2", "--steps=5"], folder)
    #expect(other.status == 0, "\(other.error)")
    #expect(try Demo("merge", folder.path).status == 0)
  }

  /// A table that has changed in between is no longer what the shards were computed from.
  @Test func otherDataAreNoticed() throws {
    let folder = Folder()
    defer { folder.remove() }
    let table = try String(
      contentsOfFile: repository.appendingPathComponent("docs/data/elnino.csv").path,
      encoding: .utf8)
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    try folder.write(table, to: "table.csv")
    let words =
      ["train", "--iterations", "3", "--csv", folder("table.csv")] + Self.table.dropFirst(2)
    for number in 1...2 { #expect(try shard(number, of: 2, words, folder).status == 0) }
    #expect(try Demo("merge", folder.path).status == 0)
    let lines = table.split(separator: "\n", omittingEmptySubsequences: false)
    try folder.write(lines.dropLast(3).joined(separator: "\n") + "\n", to: "table.csv")
    let merged = try Demo("merge", folder.path)
    #expect(merged.status == 2 && merged.error.contains("of another setting (of other data)"))
    let again = try shard(1, of: 2, words, folder)
    #expect(again.status == 2 && again.error.contains("of another setting (of other data)"))
  }

  /// A shard that is killed leaves nothing, and the others stay.
  @Test func aKilledShardIsDoneAgain() throws {
    let folder = Folder()
    defer { folder.remove() }
    let words = [
      "sinusoid", "--meta-batch", "2", "--width", "4", "--test-tasks", "2", "--seeds", "2",
      "--iterations",
    ]
    let process = Process()
    process.executableURL = Demo.products.appendingPathComponent("autodiff-demo")
    process.arguments = words + ["1000000", "--shard", "2/3", "--out", folder.path]
    process.standardError = FileHandle.nullDevice
    try process.run()
    for _ in 0..<300 where !FileManager.default.fileExists(atPath: folder.path) {
      Thread.sleep(forTimeInterval: 0.1)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)

    for number in [1, 3] { _ = try shard(number, of: 3, words + ["60"], folder) }
    let missing = try Demo("merge", folder.path)
    #expect(missing.status == 2 && missing.error.contains("missing: shard-2-of-3.json"))
    // Where a training stands in a checkpoint is no setting.
    let again = try shard(
      2, of: 3, words + ["60", "--checkpoint", folder("checkpoint.json")], folder)
    #expect(again.output.hasPrefix("shard 2 of 3: "), "\(again.error)")
    #expect(
      try Demo("merge", folder.path, "--json").output == Demo(words + ["60", "--json"]).output)
  }

  /// Times are what was measured; all else is as in one run.
  @Test func shardsOfCostKeepTheirTimes() throws {
    let folder = Folder()
    defer { folder.remove() }
    let words = ["cost", "--steps", "1,3", "--points", "2"]
    for number in 1...2 { #expect(try shard(number, of: 2, words, folder).status == 0) }
    let merged = try Demo("merge", folder.path, "--json")
    #expect(try Demo("merge", folder.path, "--json").output == merged.output)
    func counts(_ demo: Demo) throws -> [NSDictionary] {
      let certificates = try #require(try demo.json()["certificates"] as? [[String: Any]])
      return certificates.map { certificate in
        var rest = certificate
        for key in ["predicted", "measured"] {
          let cost = certificate[key] as? [String: Any] ?? [:]
          #expect((cost["seconds"] as? Double ?? 0) > 0)
          rest[key] = cost.filter { $0.key != "seconds" }
        }
        return rest as NSDictionary
      }
    }
    #expect(try counts(merged) == counts(Demo(words + ["--json"])))
  }

  @Test func badWordsAreRefused() throws {
    let folder = Folder()
    defer { folder.remove() }
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    let out = ["--out", folder.path]
    for (words, part) in [
      (["represent", "--shard", "0/3"] + out, "--shard '0/3' is not I/N"),
      (["represent", "--shard", "4/3"] + out, "--shard '4/3' is not I/N"),
      (["represent", "--shard", "1/1001"] + out, "--shard '1/1001' is not I/N"),
      (["represent", "--shard", "1"] + out, "--shard '1' is not I/N"),
      (["represent", "--shard", "1/2"], "--shard needs --out DIR"),
      (["represent"] + out, "--out is for --shard, which is not given"),
      (["represent", "--shard", "1/2", "--out", "README.md"], "--out README.md: is not a folder"),
      (["represent", "--shard", "1/2", "--json"] + out, "--json is for merge"),
      (
        ["train", "--shard", "1/2", "--curves", "c.csv"] + out + Self.table, "--curves is for merge"
      ),
      (["diagnose", "--shard", "1/2"] + out, "deals out the starts of --initialisations"),
      (["merge", folder("nowhere")], "there is no such folder"),
      (["merge", folder.path], "holds no shards"),
    ] {
      let run = try Demo(words)
      #expect(run.status == 2 && run.output.isEmpty, "\(words)")
      #expect(run.error.filter(\.isNewline).count == 1 && run.error.contains(part), "\(run.error)")
    }
    _ = try shard(1, of: 1, Self.short, folder)
    for (option, name) in [("--curves", "represent"), ("--out", "represent")] {
      let run = try Demo("merge", folder.path, option, folder("file"))
      #expect(run.status == 2 && run.error.contains("\(name) has no \(option) to write"))
    }
  }
}
