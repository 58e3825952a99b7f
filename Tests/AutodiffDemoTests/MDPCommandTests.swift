import Foundation
import TestSupport
import Testing

/// The command `mdp`, and what files it refuses.
@Suite struct MDPCommandTests {
  private static let keys: Set<String> = [
    "value", "adaptedValue", "policyGradient", "exact", "first-order", "naive",
    "naive-value-baseline", "lvc", "dice",
  ]

  static func text(_ name: String) throws -> String {
    try DocumentTests.text("Tests/Fixtures/mdp/\(name).json")
  }

  /// The numbers of a value of JSON, whatever its lists.
  private static func numbers(_ value: Any?) -> [Double] {
    if let list = value as? [Any] { return list.flatMap(numbers) }
    return (value as? Double).map { [$0] } ?? []
  }

  @Test(
    arguments: ["mdp-3x2", "mdp-bandit-4"], ["unrolled", "adjoint", "checkpointed", "forward"])
  func agreesWithTheReference(_ name: String, _ route: String) throws {
    let file = path("mdp/\(name)")
    let run = try Demo("mdp", file, "--route", route, "--json")
    #expect(run.status == 0 && run.error.isEmpty)
    let answer = try run.json()
    #expect(Set(answer.keys) == Self.keys)
    let content = try JSONSerialization.jsonObject(with: Data(try Self.text(name).utf8))
    let references = try #require((content as? [String: Any])?["references"] as? [String: Any])
    for key in Self.keys {
      let (ours, theirs) = (Self.numbers(answer[key]), Self.numbers(references[key]))
      #expect(ours.count == theirs.count && !ours.isEmpty)
      let size = theirs.map(abs).max() ?? 0
      #expect(zip(ours, theirs).allSatisfy { abs($0 - $1) <= 1e-12 * size }, "\(key)")
    }
    let table = try Demo("mdp", file, "--route", route)
    #expect(table.status == 0 && table.output.contains("within 1e-10"))
  }

  /// Whatever the seed, without a file the rows differ, but for those that are the same in theory.
  @Test(arguments: 1...6)
  func withoutAFileAllDiffer(_ seed: Int) throws {
    let run = try Demo("mdp", "--seed", "\(seed)", "--json")
    let answer = try run.json()
    let rows = ["exact", "first-order", "naive", "lvc"].map { Self.numbers(answer[$0]) }
    for (index, one) in rows.enumerated() {
      for other in rows[..<index] {
        #expect(zip(one, other).contains { abs($0 - $1) > 0.01 * (one.map(abs).max() ?? 0) })
      }
    }
    let text = try Demo("mdp", "--seed", "\(seed)").output
    #expect(text.contains("two MDPs, seed \(seed)\n"))
    #expect(text.contains("Exact here: dice;"))
    #expect(text.contains("naive-value-baseline is first order"))
    #expect(text.hasSuffix(".\n") && text.split(separator: "\n").count == 11)
  }

  @Test func bareFilesAndStandardInputAreRead() throws {
    let wrapped = try Self.text("mdp-3x2")
    let object = try JSONSerialization.jsonObject(with: Data(wrapped.utf8)) as? [String: Any]
    let bare = try JSONSerialization.data(withJSONObject: try #require(object?["problem"]))
    let run = try Demo("mdp", "-", "--json", input: String(decoding: bare, as: UTF8.self))
    #expect(run.status == 0)
    #expect(run.output == (try Demo("mdp", path("mdp/mdp-3x2"), "--json").output))
  }

  @Test func aWrongReferenceFails() throws {
    let text = try Self.text("mdp-3x2").replacing(
      "\"lvc\": [[-0.3114049", with: "\"lvc\": [[-0.3114050")
    let run = try Demo("mdp", "-", input: text)
    #expect(run.status == 1 && run.output.contains("OVER 1e-10"))
  }

  @Test func aHorizonIsRead() throws {
    let text = try Self.text("mdp-3x2")
      .replacing("\"discount\": 0.9", with: "\"discount\": 1, \"horizon\": 4")
    let run = try Demo("mdp", "-", input: text)
    #expect(run.status == 1 && run.output.contains("discount 1, horizon 4, 1 inner step"))
  }

  static let edits: [(from: String, to: String, message: String)] = [
    ("mdp-1", "mdp-2", "format: 'mdp-2' is not mdp-1"),
    (#""states": 3"#, #""states": 0"#, "states: 0 is not at least 1"),
    (#""states": 3"#, #""states": 2"#, "logits: has length 3, but there are 2 states"),
    (#""actions": 2"#, #""actions": 3"#, "logits[0]: has length 2, but there are 3 actions"),
    (#""actions": 2"#, #""actions": 1.5"#, "actions: 1.5 is not a whole number"),
    (#""discount": 0.9"#, #""discount": 1"#, "discount: 1.0 is not at least 0 and below 1"),
    (#""discount": 0.9"#, #""discount": -0.9"#, "discount: -0.9 is not at least 0 and below 1"),
    (#""discount": 0.9"#, #""discount": 0.99999999999999"#, "discount: 0.99999999999999 is too"),
    (#""discount": 0.9"#, #""discount": 1.5, "horizon": 3"#, "discount: 1.5 is not between"),
    (#""discount": 0.9"#, #""discount": 1, "horizon": 0"#, "horizon: 0 is not between 1 and"),
    (#""discount": 0.9"#, #""dis": 0.9"#, "discount: is missing"),
    (#""discount": 0.9"#, #""discount": 0.9, "steps": 3"#, "steps: is not known here"),
    (#""steps": 1"#, #""steps": -1"#, "adaptation.steps: -1 is not between 0 and 1000000"),
    (#""steps": 1"#, #""stpes": 1"#, "adaptation.stpes: is not a key here"),
    (
      #""learningRate": 0.5"#, #""learningRate": NaN"#, "adaptation.learningRate: nan is not finite"
    ),
    ("1.9723534034631014", "1e308", "tasks: the value of the policy"),
    ("[[-0.6158324844573887", "[[NaN", "logits[0][0]: nan is not finite"),
    ("[[0.03052641016428038", "[[0.04052641016428038", "tasks[0].transitions[0][0]: the prob"),
    ("[[0.03052641016428038, ", "[[", "tasks[0].transitions[0][0]: has length 2"),
    ("[[0.03052641016428038", "[[\"x\"", "tasks[0].transitions[0][0][0]: is not a number"),
    (
      "[[0.03052641016428038, 0.7", "[[-0.03052641016428038, 0.7",
      "tasks[0].transitions[0][0][0]: t"
    ),
    ("[0.13302222286507234", "[Infinity", "tasks[1].transitions[2][1][0]: inf is not finite"),
    ("[0.13302222286507234", "[0.14302222286507234", "tasks[1].transitions[2][1]: the prob"),
    (#""start": [0.5539828281477888"#, #""start": [0.4"#, "tasks[0].start: the probabilities sum"),
    (#""start": [0.5539828281477888, "#, #""start": ["#, "tasks[0].start: has length 2"),
    (#""rewards": [[0.5682654605670364, "#, #""rewards": [["#, "tasks[0].rewards[0]: has length"),
    (#""rewards""#, #""reward""#, "tasks[0].reward: is not a key here"),
    (#""tasks": ["#, #""tasks": [], "jobs": ["#, "tasks: there is no task"),
    (#""tasks": ["#, #""tasks": [7, "#, "tasks[0]: is not an object"),
    (#""naive": [["#, #""naive": [[1, "#, "references.naive[0]: has length 3"),
    ("{", "", "not valid JSON"),
  ]

  @Test(arguments: edits.indices)
  func badFilesAreRefused(_ index: Int) throws {
    let (from, to, message) = Self.edits[index]
    let text = try Self.text("mdp-3x2")
    let range = try #require(text.range(of: from))
    let edited = text.replacingCharacters(in: range, with: to)
    try BadInputTests.expectRefusal(["mdp", "-"], input: edited, "standard input: ", message)
  }

  @Test func badWordsAreRefused() throws {
    try BadInputTests.expectRefusal(["mdp", "nowhere.json"], "nowhere.json: cannot be read")
    try BadInputTests.expectRefusal(["mdp", "--route", "implicit"], "'implicit' is not one of")
    try BadInputTests.expectRefusal(["mdp", "-", "--seed", "3"], "--seed is for the problem made")
    try BadInputTests.expectRefusal(["mdp", "a", "b"], "'b' is one operand too many")
    try BadInputTests.expectRefusal(
      ["mdp", path("linear-1step")], "'metagradient-problem-1' is not")
    let far = try Self.text("mdp-3x2").replacing("1.9723534034631014", with: "19000")
      .replacing("\"learningRate\": 0.5", with: "\"learningRate\": 1e307")
    try BadInputTests.expectRefusal(
      ["mdp", "-"], input: far, "adaptation.learningRate: the meta-gradient is not finite")
    let many = try Self.text("mdp-3x2").replacing("\"steps\": 1", with: "\"steps\": 1000000")
    try BadInputTests.expectRefusal(
      ["mdp", "-", "--route", "unrolled"], input: many, "adaptation.steps", "would need")
  }

  // MARK: - Sampled adaptation

  @Test func twoObjectivesAreTakenApart() throws {
    let run = try Demo("mdp", "--trajectories", "2")
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output.hasPrefix("an MDP, seed 1\n  1 task of 2 states and 2 actions"))
    #expect(run.output.contains("on 2 trajectories, 64 data sets"))
    #expect(run.output.contains("The naive path and the score are the gradient of B"))
    let answer = try Demo("mdp", "--trajectories=2", "--route", "forward", "--json").json()
    #expect(answer["dataSets"] as? Int == 64)
    let gradients = try #require(answer["gradients"] as? [String: Any])
    #expect(gradients.count == 14)
    let (sum, whole) = (
      Self.numbers(gradients["naive+score"]), Self.numbers(gradients["sampled"])
    )
    let path = Self.numbers(gradients["naive"])
    #expect(zip(sum, whole).allSatisfy { abs($0 - $1) < 1e-14 })
    #expect(zip(path, whole).contains { abs($0 - $1) > 0.01 })
  }

  @Test func aFileIsAdaptedToByDataSets() throws {
    let text = try Self.text("mdp-3x2")
      .replacing("\"discount\": 0.9", with: "\"discount\": 1, \"horizon\": 2")
    let run = try Demo("mdp", "-", "--trajectories", "1", input: text)
    #expect(run.status == 0)
    #expect(run.output.contains("2 tasks of 3 states") && run.output.contains("72 data sets"))
    // As many would be too many.
    try BadInputTests.expectRefusal(
      ["mdp", "-", "--trajectories", "6"], input: text,
      "standard input: trajectories: 6 of 36 make more than 100000")
    try BadInputTests.expectRefusal(
      ["mdp", path("mdp/mdp-3x2"), "--trajectories", "2"], "horizon: is missing")
    try BadInputTests.expectRefusal(
      ["mdp", "-", "--trajectories", "2"],
      input: text.replacing("\"steps\": 1", with: "\"steps\": 2"),
      "adaptation.steps: 2 is not 1: each step would need data of its own")
    try BadInputTests.expectRefusal(
      ["mdp", "--trajectories", "0"], "--trajectories '0' is not a whole number from 1")
    try BadInputTests.expectRefusal(
      ["mdp", "-", "--trajectories", "1"],
      input: text.replacing("\"learningRate\": 0.5", with: "\"learningRate\": 1e308"),
      "adaptation.learningRate: a meta-gradient is not finite")
  }

  // MARK: - Instruments

  /// Instruments take policies too, from the same files.
  @Test func instrumentsTakePolicies() throws {
    let text = try Self.text("mdp-3x2").replacing("\"steps\": 1", with: "\"steps\": 3")
    func run(_ words: String...) throws -> Demo { try Demo(words + ["-"], input: text) }
    let exact = try run("mdp", "--json").json()["exact"]
    let ledger = try run("ledger")
    #expect(ledger.status == 0 && ledger.output.contains("maml keeps 3 paths"))
    #expect(ledger.output.contains("2 tasks of 3 states and 2 actions, discount 0.9, 3 inner"))
    let dial = try run("dial", "--weights", "0,1", "--json").json()
    let ends = try #require(dial["byWeight"] as? [[String: Any]])
    let norm = Self.numbers(exact).reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(try #require(ends[1]["gradientNorm"] as? Double) / norm - 1) < 1e-12)
    let curls = try #require(try run("curl", "--json").json()["tests"] as? [[String: Any]])
    #expect(curls.map { $0["method"] as? String } == ["maml", "fo-maml"])
    #expect(try #require(curls[0]["curl"] as? Double) < 1e-12)
    #expect(try #require(curls[1]["curl"] as? Double) > 0.1)
    #expect(try run("diagnose").output.contains("The angle is 21.0°."))
    #expect(try run("laws").status == 0)

    for command in ["ledger", "dial", "curl", "diagnose", "laws"] {
      try BadInputTests.expectRefusal(
        [command, "-"], input: text.replacing("[[-0.6158324844573887", with: "[[\"x\""),
        "standard input: logits[0][0]: is not a number")
    }
    try BadInputTests.expectRefusal(
      ["ledger", path("mdp/mdp-3x2"), "--family", "anil"], "--family is for networks")
    try BadInputTests.expectRefusal(
      ["dial", path("mdp/mdp-3x2"), "--seed", "3"], "--seed is for the problem made here")
    let far = text.replacing("1.9723534034631014", with: "19000")
      .replacing("\"learningRate\": 0.5", with: "\"learningRate\": 1e307")
    try BadInputTests.expectRefusal(
      ["curl", "-"], input: far, "adaptation.learningRate: the meta-gradient is not finite")
    let many = text.replacing("\"steps\": 3", with: "\"steps\": 1000000")
    try BadInputTests.expectRefusal(
      ["ledger", "-"], input: many, "adaptation.steps: 1000000 steps", "would need")
  }
}
