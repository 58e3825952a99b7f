import Foundation
import Meta
import Nets
import TestSupport

@testable import autodiff_demo

/// Draws damaged inputs and gives them to the commands, in this process.
final class Fuzzing {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("fuzz-\(UUID().uuidString)")
  private var generator = SeededGenerator(seed: 0)
  private let problems: [JSONNode]
  private let processes: [JSONNode]
  /// A problem that was made from a table.
  private let predictor: JSONNode
  /// By command, a checkpoint, its words, and what the whole run answers.
  private var checkpoints: [(words: [String], data: Data, answer: String)] = []
  /// By kind, how many inputs were answered and how many refused.
  private var counts: [String: (answered: Int, refused: Int)] = [:]

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func tree(_ text: String) throws -> JSONNode {
      try JSONDecoder().decode(JSONNode.self, from: Data(text.utf8))
    }
    func fixture(_ name: String) throws -> JSONNode {
      try tree(String(contentsOf: fixtures.appendingPathComponent(name), encoding: .utf8))
    }
    problems =
      try DocumentTests.blocks("json", in: "docs/problem-files.md").filter {
        $0.contains("\"format\"")
      }.map(tree)
      + ["nesterov-by-step", "rmsprop-by-parameter", "momentum-by-entry"]
      .map { try fixture("bilevel/\($0).json") }
    processes = try ["mdp-3x2", "mdp-bandit-4"].map { try fixture("mdp/\($0).json") }
    let table = folder.appendingPathComponent("firms.csv")
    try Data(Self.firms.utf8).write(to: table)
    predictor = try tree(
      AutodiffDemo.answer(
        to: [
          "import", "--csv", table.path, "--task", "firm", "--inputs", "value,size", "--targets",
          "invest", "--network", "linear:3-2-1",
        ]
      ).text)
    checkpoints = try [
      Self.small["sinusoid"] ?? [], Self.small["navigate"] ?? [],
      (Self.small["train"] ?? []) + [write(problems[0].text, "trained.json")],
    ].map { words in
      let path = folder.appendingPathComponent("run").path
      let answer = try AutodiffDemo.answer(to: words + ["--checkpoint", path]).text
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      try FileManager.default.removeItem(atPath: path)
      return (words, data, answer)
    }
  }

  func removeFiles() { try? FileManager.default.removeItem(at: folder) }

  /// What was tried, for documents.
  var summary: String {
    let total = counts.values.reduce(0) { $0 + $1.answered + $1.refused }
    let parts = counts.sorted { $0.key < $1.key }.map {
      "\($0.key) \($0.value.answered) answered and \($0.value.refused) refused"
    }
    return "\(total) inputs: \(parts.joined(separator: ", "))"
  }

  /// What is wrong with the program by the input of a number; nil if nothing is.
  func finding(_ number: UInt64) throws -> String? {
    // Neighbouring numbers must not give neighbouring streams.
    generator = SeededGenerator(seed: number)
    generator = SeededGenerator(seed: generator.next())
    switch number % 20 {
    case 0...7: return try problem()
    case 8...10: return try process()
    case 11...15: return try table()
    case 16...17: return try checkpoint()
    default: return commandLine()
    }
  }

  // MARK: - Inputs

  private func problem() throws -> String? {
    let path = try write(damaged(problems), "problem.json")
    let quick = [
      ["compare", path], ["compare", path, "--json"], ["check", path], ["ledger", path, "--json"],
      ["tape", path, "--method", pick(["maml", "fo-anil"])],
      ["metagradient", path, "--method", pick(["maml", "anil", "joint"])]
        + pick([
          [], ["--route", "adjoint"], ["--route", "forward"], ["--route", "implicit"],
          ["--route", "differences"], ["--route", "implicit", "--solver", "minres"],
          ["--last-steps", "1"],
        ]),
    ]
    let slow = [
      ["dial", path], ["dial", path, "--json", "--svg", file("dial.svg")],
      ["curl", path, "--json"],
      ["laws", path], ["diagnose", path, "--json"], ["diagnose", path, "--family", "anil"],
      ["cost", path, "--steps", "1", "--json"], ["ledger", path],
      ["train", path, "--iterations", "2", "--validate", "0", "--test", "0", "--json"],
      pick([0, 0, 0, 1]) == 0 ? ["tape", path] : ["hypergradients", path, "--json"],
    ]
    let words = pick([quick, quick, quick, slow]).randomElement(using: &generator) ?? []
    return finding(words, "problems")
  }

  private func process() throws -> String? {
    let path = try write(damaged(processes), "mdp.json")
    return finding(
      pick([
        ["mdp", path], ["mdp", path, "--json"], ["mdp", path, "--trajectories", "1"],
        ["dial", path],
        ["ledger", path, "--json"], ["diagnose", path], ["curl", path],
      ]), "mdps")
  }

  private func table() throws -> String? {
    let path = try write(damagedTable(), "table.csv")
    let (columns, networks) = pick([
      (
        ["--task", "firm", "--inputs", "value,size", "--targets", "invest", "--support", "1"],
        "3-2-1"
      ),
      (["--task", "firm", "--inputs", "value", "--targets", "size", "--drop-missing"], "1-2-2"),
      (
        ["--task", "year", "--inputs", "value", "--targets", "invest", "--raw", "--rate", "0.1"],
        "1-2-1"
      ),
      (
        ["--classes", "size", "--ways", "2", "--queries", "1", "--inputs", "value,invest"], "2-2-2"
      ),
    ])
    let options =
      columns + pick([[], ["--skip-short"], ["--drop-missing"]])
      + ["--network", pick(["linear:", "relu:"]) + pick([networks, networks, networks, "1-1-1"])]
    let command = pick([
      ["import"], ["import"], ["import"], ["compare", "--json"], ["dial"],
      ["train", "--iterations", "2", "--validate", "0", "--test", "0"],
      [
        "predict",
        try write(pick([Array(predictor.text.utf8), damaged([predictor])]), "predictor.json"),
      ],
    ])
    let isPredicted = command[0] == "predict"
    return finding(command + ["--csv", path] + (isPredicted ? [] : options), "tables")
  }

  private func checkpoint() throws -> String? {
    let (words, data, answer) = pick(checkpoints)
    var bytes = Array(data)
    var isWhole = false
    switch Int.random(in: 0..<4, using: &generator) {
    case 0:
      bytes[Int.random(in: bytes.indices, using: &generator)] ^=
        1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: bytes = bytes.mutated(using: &generator)
    case 2: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
    default:
      // A change that the checksum does not show.
      let text = String(decoding: data, as: UTF8.self)
      let start = text.prefix { $0 != "," } + ",\"checksum\":\""
      let tree = try JSONDecoder().decode(JSONNode.self, from: data)
      let fields: [(String, JSONNode)] =
        if case .object(let fields) = tree.mutated(using: &generator) { fields } else { [] }
      let rest =
        "\","
        + fields.filter { $0.0 != "format" && $0.0 != "checksum" }
        .map { "\"\($0.0)\":\($0.1.text)" }.joined(separator: ",") + "}\n"
      bytes = Array("\(start)\(checksum(rest.utf8))\(rest)".utf8)
      isWhole = true
    }
    let path = try write(bytes, "checkpoint")
    return finding(words + ["--checkpoint", path], "checkpoints") {
      // A file that is empty is one that is new.
      isWhole || $0 == answer ? nil : "damaged, but taken, with another answer"
    }
  }

  private func commandLine() -> String? {
    let long = ["bench", "museum", "check", "hypergradients", "report", "cost", "policy-tradeoff"]
    let command = pick(
      AutodiffDemo.commands.filter {
        !long.contains($0.name) || pick([false, false, false, false, true])
      }
      .filter { !["bench", "museum"].contains($0.name) })
    var words = Self.small[command.name] ?? [command.name]
    if command.operandCount.upperBound > 0 { words.append(file("trained.json")) }
    if command.name == "import" || command.takesTables && pick([false, false, true]) {
      words = [command.name, "--csv", file("firms.csv")]
      words += [
        "--task", "firm", "--inputs", "value", "--targets", "invest", "--network", "linear:1-1-1",
      ]
    }
    if command.name == "predict" { words += ["--csv", file("firms.csv")] }
    if command.name == "report" { words += ["--html", file("a.html")] }
    if command.name == "metagradient" { words += ["--method", "maml"] }
    for _ in 0..<pick([0, 1, 1, 2, 3]) {
      guard let option = command.options.randomElement(using: &generator),
        option.needs.map(words.contains) ?? true
      else { continue }
      if let index = words.firstIndex(of: option.name) {
        words.removeSubrange(index...min(index + 1, words.count - 1))
      }
      words.append(option.name)
      guard option.value != nil || pick([false, false, false, true]) else { continue }
      let names = ["a.svg", "a.json", "problem.json", "nowhere/a", "", "a.svg"].map(file)
      words.append(
        option.kind == .none
          ? pick([
            "0", "1", "2", "3", "5", "-1", "0.5", "1e-300", "1e6", "1e300", "nan", "inf", "", "x",
            "1,2",
            "0,1", "1,,2", "maml", "anil", "fo-maml", "joint", "all", "infinite", "random",
            "linear", "relu",
            "adam", "direct", "9223372036854775808", "18446744073709551615", "\u{1B}[1m", "0x10",
            "1e-6",
            "relu:1-1", "linear:1-1-1", "parameters,rule", "é",
          ]) : option.kind == .input ? repository.path + "/docs/data/elnino.csv" : pick(names))
    }
    if pick([false, false, false, true]) {
      words.append(
        pick(["", "--", "-", "-x", "--json", "--json=1", "--seed=3", "nowhere", "\u{0}"]))
    }
    return finding(words, "command lines")
  }

  // MARK: - Whether all is well

  /// What is wrong with what the command says to some words: an error that is not one line for its user, a number that
  /// does not exist, or what `isWrong` says.
  private func finding(
    _ words: [String], _ kind: String, isWrong: (String) -> String? = { _ in nil }
  ) -> String? {
    // Standard input is not that of a user.
    if words.dropFirst().contains("-") { return nil }
    let line = words.joined(separator: " ")
    do {
      let answer = try AutodiffDemo.answer(to: words).text
      counts[kind, default: (0, 0)].answered += 1
      let numbers = ["nan", "inf", "-nan", "-inf", "infinity"]
      let isTable = words.contains("--csv") || words.contains("--help")
      if !isTable,
        answer.split(whereSeparator: { " ,:[]\n\"".contains($0) }).contains(where: {
          numbers.contains(String($0))
        })
      {
        return "\(line): a number that does not exist: \(answer.prefix(3000))"
      }
      return isWrong(answer).map { "\(line): \($0)" }
    } catch {
      counts[kind, default: (0, 0)].refused += 1
      let isForUsers = error is UserError || error is MetaProblemError || error is TableError
      return isForUsers ? nil : "\(line): \(error)"
    }
  }

  private func damaged(_ bases: [JSONNode]) -> [UInt8] {
    var tree = pick(bases)
    for _ in 0..<pick([1, 1, 1, 2, 3]) { tree = tree.mutated(using: &generator) }
    let bytes = Array(tree.text.utf8)
    return Int.random(in: 0..<8, using: &generator) > 0
      ? bytes
      : bytes.mutated(
        with: [
          "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u", "NaN", "-Infinity", "1e999", "//", "'",
        ],
        using: &generator)
  }

  private static let firms = """
    firm,year,value,size,invest
    General Motors,1935,3078.5,large,317.6
    "Steel, US",1935,1362.4,large,209.9
    General Motors,1936,4661.7,large,391.8
    "Steel, US",1936,1807.1,small,355.3
    Diamond,1936,71.2,small,2.0
    General Motors,1937,5387.1,large,410.6
    Diamond,1937,68.9,small,2.1

    """

  /// The table with other cells, or with anything else changed.
  private func damagedTable() -> [UInt8] {
    if pick([false, false, true]) { return Array(Self.firms.utf8).mutated(using: &generator) }
    var rows = Self.firms.split(separator: "\n").map {
      // The comma in quotes is no separator.
      $0.replacing(", ", with: ";").split(separator: ",").map(String.init)
    }
    for _ in 0..<pick([1, 1, 2, 4]) {
      let (row, column) = (
        Int.random(in: 1..<rows.count, using: &generator), Int.random(in: 0..<5, using: &generator)
      )
      rows[row][column] = pick([
        "", "NA", "3,5", "0", "-0", "1e308", "-1e308", "1e150", "1e-320", "1e400", "inf", "nan",
        "large",
        "small", "12.5", "-3", "0.1", "1936", "Diamond", "1937", "x", "\"\"\"\"", "\"a\nb\"", "é",
        "\u{1B}[1m", "+1", "1_000", "0x1p3", "١",
      ])
    }
    return Array(
      rows.map { $0.joined(separator: ",") }.joined(separator: "\n").replacing(";", with: ", ").utf8
    )
  }

  /// Settings by which the commands take no time.
  private static let small: [String: [String]] = [
    "sinusoid": "--iterations 2 --meta-batch 1 --width 2 --test-tasks 2 --points 2 --method maml",
    "navigate":
      "--iterations 2 --meta-batch 1 --trajectories 1 --horizon 2 --width 2 --budgets 1 --updates 1 --rates 0.1 --test-tasks 1 --validation-tasks 1 --seeds 1 --method drs",
    "train": "--iterations 3 --validate 0 --test 0",
    "represent": "--dimension 4 --rank 1 --tasks 1 --steps 2",
    "overparametrize": "--dimension 3 --rank 1 --width 2 --steps 2 --test-tasks 2",
    "tradeoff": "--inner-rates 0.1 --trials 1",
    "policy-tradeoff":
      "--families 2 --tasks 2 --states 2 --actions 2 --horizon 2 --trajectories 2 --budgets 2 --differences 0,1",
    "policy-gradients":
      "--processes 3 --repeats 2 --trajectories 4 --states 2 --actions 2 --horizon 2",
    "cost": "--steps 1",
  ].reduce(into: [:]) { $0[$1.key] = [$1.key] + $1.value.split(separator: " ").map(String.init) }

  private func pick<Value>(_ values: [Value]) -> Value {
    values[Int.random(in: values.indices, using: &generator)]
  }

  private func file(_ name: String) -> String {
    name.isEmpty ? "" : folder.appendingPathComponent(name).path
  }

  @discardableResult private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let url = folder.appendingPathComponent(name)
    try Data(bytes).write(to: url)
    return url.path
  }

  private func write(_ text: String, _ name: String) throws -> String {
    try write(Array(text.utf8), name)
  }
}
