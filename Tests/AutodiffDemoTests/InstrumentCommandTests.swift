import Foundation
import TestSupport
import Testing

@Suite struct InstrumentCommandTests {
  @Test func theLedgerAddsUp() throws {
    let run = try Demo("ledger", path("relu-5steps"))
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output.contains("maml keeps 30 paths through inner gradients, fo-maml cuts 30"))
    let json = try Demo("ledger", path("relu-5steps"), "--family", "anil", "--json").json()
    let entries = try #require(json["entries"] as? [[String: Any]])
    #expect(entries.count == 10)
    #expect((json["remainder"] as? Double ?? 1) < 1e-13)
    // The terms themselves, entry by entry: their sum is as long as the difference is.
    let terms = entries.compactMap { ($0["term"] as? [[Double]])?.flatMap(\.self) }
    let sum = terms.reduce(Array(repeating: 0, count: terms[0].count)) {
      zip($0, $1).map { $0 + $1 }
    }
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(length / (json["differenceNorm"] as? Double ?? 0) - 1) < 1e-12)
  }

  @Test func theDialRunsFromFirstOrderToExact() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).svg")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Demo("dial", path("digits-5way-1shot"), "--json", "--svg", file.path)
    #expect(run.status == 0 && run.error.isEmpty)
    let json = try run.json()
    let compared = try Demo("compare", path("digits-5way-1shot"), "--json").json()
    let gap = ((compared["problems"] as? [[String: Any]])?[0]["gaps"] as? [String: [String: Any]])?[
      "maml"]
    for (list, count) in [("byWeight", 11), ("byLastSteps", 3)] {
      let settings = try #require(json[list] as? [[String: Any]])
      #expect(settings.count == count)
      #expect(settings[0]["cosine"] as? Double == gap?["cosine"] as? Double)
      #expect(settings[count - 1]["relativeError"] as? Double == 0)
    }
    let picture = try String(contentsOf: file, encoding: .utf8)
    #expect(picture.components(separatedBy: "<circle").count - 1 == 3 * (11 + 3))
    let weights = try Demo("dial", path("linear-1step"), "--weights", "0,0.3", "--json").json()
    #expect((weights["byWeight"] as? [Any])?.count == 2)
  }

  @Test func curlTellsGradientsFromOtherFields() throws {
    let run = try Demo("curl", path("linear-1step"), "--directions", "1000")
    #expect(run.output.contains("To rounding, maml, anil, joint follow a gradient."))
    let json = try Demo("curl", path("linear-1step"), "--directions", "1000", "--json").json()
    let tests = try #require(json["tests"] as? [[String: Any]])
    for test in tests {
      let curl = test["curl"] as? Double ?? -1
      #expect((test["method"] as? String)?.hasPrefix("fo-") == true ? curl > 1e-3 : curl < 1e-12)
      #expect(test["isComplete"] as? Bool == true)
    }
    #expect(tests.count == 5)
  }

  @Test func costsAreForetoldAndWarnedOf() throws {
    let json = try Demo("cost", path("relu-5steps"), "--steps", "1,7", "--json").json()
    let certificates = try #require(json["certificates"] as? [[String: Any]])
    #expect(certificates.count == 8)
    for one in certificates {
      let said = try #require(one["predicted"] as? [String: Double])
      let counted = try #require(one["measured"] as? [String: Double])
      for key in ["instructions", "multiplyAdds"] { #expect(said[key] == counted[key]) }
      #expect((counted["seconds"] ?? 0) > 0)
    }
    let warned = try Demo("cost", path("relu-5steps"), "--steps", "3,100000", "--memory", "2")
    #expect(warned.status == 0)
    #expect(
      warned.output.contains("warning: maml unrolled, 100000 steps: not run; with its program"))
    #expect(warned.output.contains("of 2.0 MB"))
  }

  @Test func diagnosesHaveReasons() throws {
    func problem(_ reference: String, copies: Int) throws -> String {
      let text = try DocumentTests.text(path(reference))
      let data = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      var problem = data?["problem"] as? [String: Any] ?? data ?? [:]
      let tasks = problem["tasks"] as? [Any] ?? []
      problem["tasks"] = Array(repeating: tasks, count: copies).flatMap(\.self)
      return String(
        decoding: try JSONSerialization.data(withJSONObject: problem), as: UTF8.self)
    }
    let near = try Demo(["diagnose", "-"], input: problem("relu-sinusoid-1step", copies: 4))
    #expect(near.output.contains("Trust first order here: fo-maml goes where maml goes."))
    #expect(near.output.contains("with 95 % confidence between"))
    let far = try Demo(["diagnose", "-"], input: problem("digits-5way-1shot", copies: 2))
    #expect(far.output.contains("Do not trust first order here"))
    #expect(far.output.contains("Intervals of 6 tasks are wide, and cover less often than 95 %"))
    #expect(far.output.contains("with some 85 % confidence between"))
    let few = try Demo("diagnose", path("digits-5way-1shot"))
    #expect(few.output.contains("Doubt first order here"))
    #expect(few.output.contains("3 tasks say too little of others of the kind"))
    #expect(few.output == (try Demo("diagnose", path("digits-5way-1shot"))).output)
    let json = try Demo("diagnose", path("linear-1step"), "--family", "anil", "--json").json()
    #expect((json["reasons"] as? [String])?.count ?? 0 >= 4)
    #expect((json["rateTimesCurvature"] as? Double ?? 0) > 0)
  }

  @Test func diagnosesCoverStartsWhereTheyAreAsked() throws {
    let few = try Demo("diagnose", path("digits-5way-1shot"))
    #expect(few.output.contains("Intervals are over tasks, at this one start"))
    let one = try Demo("diagnose", path("relu-5steps"))
    let text = try Demo("diagnose", path("relu-5steps"), "--initialisations", "3").output
    #expect(text.hasPrefix(one.output) && text.contains("Over 3 initialisations, from seed 1 on"))
    #expect(text.contains("Of 3 starts, "))
    let run = try Demo(
      "diagnose", path("relu-5steps"), "--initialisations", "3", "--seed", "8", "--json")
    let over = try #require(try run.json()["initialisations"] as? [String: Any])
    #expect((over["starts"] as? [Any])?.count == 3)
    #expect((over["verdicts"] as? [String: Int])?.values.reduce(0, +) == 3)
    #expect(over["verdict"] is String && (over["angle"] as? [String: Any])?["overStarts"] != nil)
    for (words, message) in [
      (["--initialisations", "2"], "'2' is not a whole number from 3 to 10000"),
      (["--gain", "1"], "--gain is for the starts that --initialisations draws"),
    ] {
      let refused = try Demo(["diagnose", path("relu-5steps")] + words)
      #expect(refused.status == 2 && refused.error.contains(message), "\(refused.error)")
    }
    let policies = try Demo(
      "diagnose", path("mdp/mdp-3x2"), "--initialisations", "3")
    #expect(policies.status == 2 && policies.error.contains("--initialisations is for networks"))
  }

  /// The gradients of 5000 tasks, of 1201 numbers each, would take some 700 MB if they were kept.
  @Test func manyTasksKeepNoGradients() throws {
    let width = 400
    func matrix(_ rows: Int, _ columns: Int, _ value: (Int) -> Double) -> [String: Any] {
      ["rows": rows, "columns": columns, "values": (0..<rows * columns).map(value)]
    }
    func points(_ task: Int, _ start: Double) -> [String: Any] {
      [
        "inputs": matrix(2, 1) { start + Double($0) },
        "targets": matrix(2, 1) { Double((task * 7 + $0 * 3) % 11) - 5 },
      ]
    }
    let parameters: [[String: Any]] = [
      ("W1", 1, width), ("b1", 1, width), ("W2", width, 1), ("b2", 1, 1),
    ]
    .map { name, rows, columns in
      matrix(rows, columns) { Double($0 * 37 % 19 - 9) / 90 }
        .merging(["name": name]) { $1 }
    }
    let problem: [String: Any] = [
      "format": "metagradient-problem-2", "network": ["kind": "relu", "sizes": [1, width, 1]],
      "loss": "mean-squared-error", "parameters": parameters,
      "adaptation": ["steps": 1, "learningRate": 0.01],
      "tasks": (0..<5000).map { ["support": points($0, -1), "query": points($0, 1)] },
    ]
    let text = String(
      decoding: try JSONSerialization.data(withJSONObject: problem), as: UTF8.self)
    let run = try Demo(["diagnose", "-"], input: text, megabytes: 300)
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("5000 tasks"))
  }

  @Test func theTapeIsMarkedAndDrawn() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).svg")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Demo("tape", "--svg", file.path)
    let marked = run.output.split(separator: "\n").filter { $0.hasPrefix("✂") }
    // What first order leaves out, by the count of both programs: all of level 2, and two of level 1.
    #expect(marked.count == 17)
    #expect(marked.filter { $0.contains("    2  ") || $0.contains("     2  ") }.count == 15)
    // The picture in the documents is the one that the command draws.
    let picture = try String(contentsOf: file, encoding: .utf8)
    #expect(try picture == DocumentTests.text("docs/tape.svg"))
  }

  /// What is not finite on the way is said or named, never taken for an answer.
  @Test func stepsThatOvershootAreSaid() throws {
    let run = try Demo("dial", path("relu-5steps"), "--step-length", "1e6", "--json")
    #expect(run.status == 0 && run.error.isEmpty)
    let last = (try run.json()["byWeight"] as? [[String: Any]])?.last
    #expect(last?["decrease"] is NSNull || (last?["decrease"] as? Double ?? 0) < -1e6)
  }

  /// A problem without inner steps has nothing to take apart, and says so.
  @Test func withoutAStepTheyStillAnswer() throws {
    let problem = try DocumentTests.exampleProblem()
    let still = problem.replacing(#/"steps": *\d+/#, with: "\"steps\": 0")
    for command in ["ledger", "dial", "curl", "diagnose", "compare", "cost", "tape"] {
      let run = try Demo([command, "-"], input: still)
      #expect(run.status == 0 && run.error.isEmpty, "\(command): \(run.error)")
    }
    #expect(try Demo(["ledger", "-"], input: still).output.contains("first order is exact"))
    #expect(try Demo(["diagnose", "-"], input: still).output.contains("first order is exact"))
  }

  @Test(arguments: [
    (["ledger", "--family", "joint"], "'joint' is not one of maml, anil"),
    (["ledger", "a", "b"], "'b' is one operand too many"),
    (["dial", "--weights", "0,x"], "--weights has 'x'"),
    (["dial", "--step-length", "-1"], "--step-length '-1'"),
    (["dial", "--svg", "/nowhere/x.svg"], "--svg /nowhere/x.svg"),
    (["curl", "--directions", "0"], "--directions '0'"),
    (["cost", "--steps", "1.5"], "1.5 is not a whole number"),
    (["cost", "--steps", "-1"], "--steps has '-1'"),
    (["cost", "--memory", "x"], "--memory 'x'"),
    (["diagnose", "missing.json"], "missing.json"),
    (["tape", "--svg", "/nowhere/x.svg"], "--svg /nowhere/x.svg"),
    (["ledger", "Tests/Fixtures/linear-1step.json", "--seed", "1"], "ledger: --seed"),
  ])
  func badSettingsAreRefused(_ words: [String], _ message: String) throws {
    try BadInputTests.expectRefusal(words, message)
  }

  /// A problem that diverges is refused with the line of the tape where it does.
  @Test func divergenceIsNamed() throws {
    let problem = try DocumentTests.text("Tests/Fixtures/relu-5steps.json")
      .replacing(#/"learningRate": *[0-9.e-]+/#, with: "\"learningRate\": 1e60")
    for command in ["compare", "ledger", "dial", "curl", "diagnose"] {
      try BadInputTests.expectRefusal(
        [command, "-"], input: problem, "adaptation.learningRate", "is first not finite")
    }
  }
}
