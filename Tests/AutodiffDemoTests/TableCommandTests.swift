import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Every command that takes a FILE takes a table, and both ways give the same bits.
@Suite struct TableCommandTests {
  static let elNino = [
    "--csv", "docs/data/elnino.csv", "--task", "year", "--inputs", "month", "--targets",
    "temperature", "--support", "4",
  ]
  static let grunfeld = [
    "--csv", "docs/data/grunfeld.csv", "--task", "firm", "--inputs", "value,capital", "--targets",
    "invest",
  ]

  static func imported(_ words: [String], input: String = "") throws -> String {
    let run = try Demo(["import"] + words, input: input)
    try #require(run.status == 0, "\(run.error)")
    return run.output
  }

  static func file(_ json: String) throws -> ProblemFile {
    try JSONDecoder().decode(ProblemFile.self, from: Data(json.utf8))
  }

  /// The file keeps every bit of the problem, whatever the route, rate and seed.
  @Test func theFileGivesTheSameBits() throws {
    for words in [Self.elNino + ["--seed", "7"], Self.grunfeld + ["--rule", "adam", "--raw"]] {
      let file = try Self.imported(
        words + [
          "--network", words[3] == "year" ? "relu:1-5-1" : "linear:2-2-1", "--rate", "0.001",
        ])
      let options = [
        "--network", words[3] == "year" ? "relu:1-5-1" : "linear:2-2-1", "--rate", "0.001",
      ]
      let direct = try Demo(["metagradient", "--method", "maml"] + words + options)
      let read = try Demo(["metagradient", "--method", "maml", "-"], input: file)
      #expect(direct.status == 0 && direct.output == read.output, "\(direct.error)")
    }
  }

  /// A table and the problem written down by hand are one problem.
  @Test func asWrittenByHand() throws {
    let table = "task;kind;x;y\n1;a;1;2\n2;b;3;4.5\n1;b;-1;0.1\n2;a;2;1e-3\n1;a;0.3;7\n"
    let json = try Self.imported(
      ["--csv", "-", "--task", "task", "--inputs", "x,kind", "--targets", "y", "--raw"]
        + ["--support", "1", "--network", "relu:3-4-1", "--rate", "0.05", "--steps", "2"]
        + ["--rule", "momentum:0.5", "--loss", "half-mean-squared-error", "--seed", "9"],
      input: table)
    let read = try Self.file(json)
    func points(_ rows: [[Double]], _ targets: [Double]) throws -> LabelledPoints<Matrix> {
      LabelledPoints(inputs: try Matrix(rows), targets: try Matrix(targets.map { [$0] }))
    }
    var generator = SeededGenerator(seed: 9)
    let network = ReLUNetwork(sizes: [3, 4, 1])
    let problem = try MetaProblem(
      network: network, loss: .halfMeanSquaredError,
      parameters: network.initialParameters(using: &generator).values, steps: 2,
      learningRate: 0.05, rule: Momentum(decay: 0.5),
      tasks: [
        LearningTask(
          support: points([[1, 1, 0]], [2]), query: points([[-1, 0, 1], [0.3, 1, 0]], [0.1, 7])),
        LearningTask(support: points([[3, 0, 1]], [4.5]), query: points([[2, 1, 0]], [1e-3])),
      ])
    #expect(read.problem.tasks == problem.tasks)
    for method in Method.allCases {
      let (a, b) = (read.problem.metaGradient(method), problem.metaGradient(method))
      #expect(a.loss.bitPattern == b.loss.bitPattern)
      #expect(bits(a.gradient.values) == bits(b.gradient.values))
    }
  }

  /// The layout is read back, and takes predictions back to the units of the table.
  @Test func theLayoutIsInTheFile() throws {
    let json = try Self.imported(Self.elNino)
    let file = try Self.file(json)
    let layout = try #require(file.table)
    #expect(layout.task == "year" && layout.inputs.map(\.name) == ["month"])
    // numpy: 6.5, 3.452052529534663, 23.09262295081967, 2.2443681683984584.
    guard case .number(let mean, let deviation) = layout.targets[0].kind else {
      Issue.record("temperature is a number")
      return
    }
    #expect(abs(mean - 23.09262295081967) < 1e-13)
    #expect(abs(deviation - 2.2443681683984584) < 1e-13)
    let first = layout.unscaled(file.problem.tasks[0].support.targets)
    let expected = [23.11, 24.2, 25.37, 23.86]
    #expect(zip(first.elements, expected).allSatisfy { abs($0 - $1) < 1e-13 })

    let spoiled = json.replacing("\"name\":\"month\"", with: "\"name\":7")
    try BadInputTests.expectRefusal(
      ["compare", "-"], input: spoiled, "table.inputs[0].name: is not text")
    let constant = json.replacing(#/"deviation":[0-9.]+/#, with: "\"deviation\":0")
    try BadInputTests.expectRefusal(
      ["compare", "-"], input: constant, "table.inputs[0]: has a mean of 6.5 and a deviation of 0.0"
    )
  }

  /// What is left out is counted.
  @Test func countsOfWhatIsLeftOut() throws {
    let words = ["--csv", "-", "--task", "t", "--inputs", "x", "--targets", "y", "--support", "2"]
    let table = "t,x,y\na,1,1\na,2,2\na,3,1\na,,4\nb,1,1\n"
    let run = try Demo(
      ["compare"] + words + ["--drop-missing", "--skip-short", "--network", "relu:1-3-1"],
      input: table)
    #expect(
      run.output.contains("standard input, 1 row dropped, 1 short task skipped\n"), "\(run.error)")
    #expect(run.output.contains("1 task of 2 + 1 points"))
    try BadInputTests.expectRefusal(
      ["compare"] + words + ["--drop-missing"], input: table, "row 6, column 't'", "'b' has 1")
  }

  @Test(arguments: [
    ["compare"], ["diagnose"], ["ledger"], ["dial", "--weights", "0,1"], ["curl"],
    ["cost", "--steps", "1"], ["laws"], ["hypergradients"], ["tape"],
    ["metagradient", "--method", "fo-anil"],
  ]) func everyCommand(_ words: [String]) throws {
    let table = "t,x,y\na,1,1\na,2,2\na,3,1\nb,2,4\nb,1,1\n"
    let run = try Demo(
      words + ["--csv", "-", "--task", "t", "--inputs", "x", "--targets", "y"]
        + ["--network", "linear:1-2-1"], input: table)
    #expect(run.status == 0, "\(run.error)")
    #expect(!run.output.isEmpty)
  }

  @Test func wordsToTellApart() throws {
    let json = try Self.imported(
      ["--csv", "-", "--task", "t", "--inputs", "x", "--targets", "k", "--network", "relu:1-2-3"],
      input: "t,x,k\na,1,red\na,2,blue\na,3,green\na,4,red\n")
    let file = try Self.file(json)
    #expect(file.problem.loss == .softmaxCrossEntropy)
    #expect(file.problem.tasks[0].support.targets == (try Matrix([[0, 0, 1], [1, 0, 0]])))
  }

  /// The rate is one that descent bears.
  @Test func theRateFollowsTheCurvature() throws {
    for words in [Self.elNino, Self.grunfeld] {
      let problem = try Self.file(Self.imported(words)).problem
      var generator = SeededGenerator(seed: 1)
      let curvature = try problem.with(steps: 1).supportCurvature(using: &generator).largest
      let product = problem.learningRate * curvature
      #expect(product <= 1.001 && (product > 0.39 || problem.learningRate == 0.1))
    }
  }
}
