import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Few-shot tasks of a table, as the command line makes them.
@Suite struct EpisodeCommandTests {
  private static let digits = ["--csv", "docs/data/digits.csv", "--classes", "digit"]

  private static func classes() throws -> RowClasses {
    let url = repository.appendingPathComponent("docs/data/digits.csv")
    return try RowClasses(Table(utf8: Array(Data(contentsOf: url))), classes: "digit")
  }

  private static func rows(_ matrix: Matrix) -> Set<[Double]> {
    Set((0..<matrix.rows).map { matrix.rows($0..<$0 + 1).elements })
  }

  private static func temporary() -> String {
    NSTemporaryDirectory() + "episodes-\(UUID().uuidString).json"
  }

  private static func problem(_ path: String) throws -> MetaProblem {
    try JSONDecoder().decode(
      MetaProblem.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test func whatIsImportedIsWhatTheLibraryDraws() throws {
    let out = Self.temporary()
    defer { try? FileManager.default.removeItem(atPath: out) }
    let words =
      Self.digits + ["--rotate", "--ways", "4", "--shots", "2", "--queries", "3"]
      + ["--test-classes", "7, 9", "--tasks", "6", "--seed", "5", "--network", "relu:64-6-4"]
    let run = try Demo(["import"] + words + ["--out", out])
    #expect(run.status == 0 && run.error.isEmpty, "\(run.error)")

    let training = try Self.classes().split(test: ["9", "7"]).training
    #expect(training.largest == 16)
    let episodes = try Episodes(
      of: training.divided(by: 16).rotated(), ways: 4, shots: 2, queries: 3)
    var generator = SeededGenerator(seed: 5)
    let tasks = episodes.tasks(6, support: 8, query: 12, using: &generator)
    let written = try Self.problem(out)
    #expect(written.tasks == tasks)
    #expect(written.loss == .softmaxCrossEntropy)
    // The table in the place of the file is the same problem.
    let direct = try Demo(["metagradient", "--method", "maml"] + words).json()
    let read = try Demo("metagradient", out, "--method", "maml").json()
    #expect(direct["loss"] as? Double == read["loss"] as? Double && direct["loss"] != nil)
  }

  @Test func trainingSeesNoClassOfTheTest() throws {
    let out = Self.temporary()
    defer { try? FileManager.default.removeItem(atPath: out) }
    let words =
      ["train"] + Self.digits + ["--rotate", "--test-classes", "6,7,8,9", "--tasks", "30"]
      + ["--network", "relu:64-8-5", "--rate", "0.1", "--iterations", "6", "--batch", "3"]
    let one = try Demo(words + ["--json", "--out", out])
    #expect(one.status == 0 && one.error.isEmpty, "\(one.error)")
    #expect(try Demo(words + ["--json"]).output == one.output)
    #expect(try Demo(words + ["--json", "--seed", "2"]).output != one.output)
    // The trained file is judged on episodes of the other digits, none like another.
    let split = try Self.classes().split(test: ["6", "7", "8", "9"])
    let sides = try [split.training, split.test].map { side in
      Set(try side.divided(by: 16).rotated().rows.flatMap(Self.rows))
    }
    let tasks = try Self.problem(out).tasks
    #expect(tasks.count == 30)
    let used = tasks.reduce(into: Set<[Double]>()) {
      $0.formUnion(Self.rows($1.support.inputs).union(Self.rows($1.query.inputs)))
    }
    #expect(used.isSubset(of: sides[1]) && used.isDisjoint(with: sides[0]))
    #expect(Set(tasks.map(\.support.inputs.elements)).count == 30)
    // Without a list a share of the digits judges.
    let shared = try Demo(
      ["train"] + Self.digits + ["--ways", "2", "--iterations", "2", "--tasks", "3"]
        + ["--validate", "0.25", "--network", "relu:64-4-2"])
    #expect(shared.output.contains("fresh training, 3 validation, 3 test tasks"), "\(shared)")
  }

  /// The classes that judge do not say by what numbers are divided.
  @Test func theScaleIsThatOfTheTraining() throws {
    let out = Self.temporary()
    defer { try? FileManager.default.removeItem(atPath: out) }
    let rows = [
      ("a", 1), ("a", -2), ("b", 1.5), ("b", 0.5), ("c", 10), ("c", 8), ("d", 6), ("d", 4),
    ]
    let words = ["--classes", "k", "--ways", "2", "--queries", "1", "--test-classes", "c,d"]
    for (raw, largest) in [([], 5.0), (["--raw"], 10)] {
      let run = try Demo(
        ["train", "--csv", "-", "--iterations", "1", "--tasks", "20", "--out", out] + words + raw,
        input: "k,x\n" + rows.map { "\($0),\($1)\n" }.joined())
      #expect(run.status == 0, "\(run.error)")
      let inputs = try Self.problem(out).tasks.flatMap {
        $0.support.inputs.elements + $0.query.inputs.elements
      }
      #expect(inputs.max() == largest && inputs.min() == 0.4 * largest)
    }
  }

  @Test(arguments: [
    (["--ways", "11"], "column 'digit': 11 ways, but 10 classes: '0', '1', '2' and 7 more"),
    (
      ["--shots", "170"],
      "column 'digit': class '0' (and 9 more) has 178 rows, but an episode takes 170 + 15 of each"
    ),
    (["--test-classes", "6,x"], "column 'digit': there is no class 'x' to test on"),
    (["--test-classes", "6,6"], "column 'digit': class '6' is listed twice"),
    (
      ["--test-classes", "0,1,2,3,4,5,6,7,8,9"],
      "column 'digit': 10 of 10 classes to test on leave a side without one"
    ),
    (["--inputs", "p1,p2", "--rotate"], "a row of 2 numbers is no square image"),
    (["--inputs", "p1,q2"], "column 'q2': there is no such column"),
    (["--inputs", "p1,digit"], "column 'digit': it is named twice"),
    (["--task", "p1"], "--task does not go with --classes"),
    (["--shuffle"], "--shuffle does not go with --classes"),
    (["--ways", "1"], "--ways"), (["--tasks", "0"], "--tasks"),
    (["--network", "relu:64-8-4"], "but the table has 64 inputs and 5 targets"),
  ])
  func whatDoesNotFitIsRefusedInALine(_ words: [String], _ message: String) throws {
    for command in ["diagnose", "import"] {
      let run = try Demo([command] + Self.digits + words)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.error.contains(message) && run.error.split(separator: "\n").count == 1, "\(run)")
    }
  }

  @Test func cellsAreRefusedWithRowAndColumn() throws {
    for (text, message) in [
      ("k,x\na,1\nb,\n", "row 3, column 'x': the value is missing"),
      ("k,x\na,1\nb,2;3\n", "row 3, column 'x': '2;3' is not a number"),
    ] {
      let run = try Demo(["diagnose", "--csv", "-", "--classes", "k"], input: text)
      #expect(run.status == 2 && run.error == "autodiff-demo: standard input: \(message)\n")
    }
    let orphan = try Demo("diagnose", "--csv", "docs/data/digits.csv", "--ways", "5")
    #expect(orphan.status == 2 && orphan.error.contains("--ways is for --classes"))
  }
}
