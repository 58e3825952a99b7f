import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The studies as one runs them: shortened, their claims and their files.
@Suite struct StudyCommandTests {
  /// Commands short enough for a test, at settings other than the defaults.
  static let short: [[String]] = [
    ["represent", "--dimension", "8", "--rank", "2", "--steps", "400", "--tasks", "4"],
    [
      "overparametrize", "--dimension", "8", "--rank", "2", "--width", "6", "--steps", "300",
      "--test-tasks", "20", "--noise-variance", "0.5",
    ],
    ["tradeoff", "--trials", "2", "--inner-rates", "0.6", "--scale", "1.5"],
    [
      "policy-tradeoff", "--families", "2", "--tasks", "2", "--states", "2", "--actions", "2",
      "--horizon", "2", "--budgets", "3", "--differences", "0,1",
    ],
    [
      "sinusoid", "--iterations", "30", "--meta-batch", "3", "--width", "6", "--test-tasks", "2",
    ],
    [
      "policy-gradients", "--processes", "3", "--repeats", "3", "--trajectories", "8", "--states",
      "3", "--horizon", "4",
    ],
    navigate + ["--seeds", "2"],
  ]
  static let navigate = [
    "navigate", "--iterations", "11", "--budgets", "2", "--meta-batch", "2", "--trajectories", "2",
    "--horizon", "8", "--width", "5", "--updates", "2", "--rates", "0,0.5", "--test-tasks", "3",
    "--validation-tasks", "2",
  ]

  static func temporary(_ name: String) -> String {
    FileManager.default.temporaryDirectory
      .appendingPathComponent(UUID().uuidString + name).path
  }

  @Test(arguments: short) func answersAsTableAndAsFiles(_ command: [String]) throws {
    let (svg, csv) = (Self.temporary(".svg"), Self.temporary(".csv"))
    defer { for path in [svg, csv] { try? FileManager.default.removeItem(atPath: path) } }
    let run = try Demo(command + ["--svg", svg, "--csv", csv])
    #expect(run.status == 0, "\(run.error)")
    #expect(run.error.isEmpty)
    let last = try #require(run.output.split(separator: "\n").last)
    #expect(last.hasPrefix("The ") && last.hasSuffix("."), "\(last)")

    let picture = try #require(FileManager.default.contents(atPath: svg))
    let parser = XMLParser(data: picture)
    #expect(parser.parse())
    let text = String(decoding: picture, as: UTF8.self)
    #expect(text.contains("<title>") && text.contains("<path class=\"line\" d=\"M"))
    #expect(!text.contains("nan") && !text.contains("inf\""))

    let table = String(
      decoding: try #require(FileManager.default.contents(atPath: csv)), as: UTF8.self)
    let rows = table.components(separatedBy: "\r\n").dropLast()
      .map { $0.components(separatedBy: ",") }
    #expect(rows.count > 20)
    #expect(rows.allSatisfy { $0.count == rows[0].count })
  }

  @Test(arguments: short) func theSameSeedGivesTheSameBytes(_ command: [String]) throws {
    let first = try Demo(command + ["--json", "--seed", "7"])
    #expect(first.status == 0, "\(first.error)")
    #expect(try Demo(command + ["--json", "--seed", "7"]).output == first.output)
    let value = try JSONSerialization.jsonObject(with: Data(first.output.utf8))
    let object = try #require(value as? [String: Any])
    #expect(object["settings"] is [String: Any])
    let fields = [
      "represent": ["curves"],
      "overparametrize": ["limit", "steps", "signal", "orthogonal", "headNorm", "risk"],
      "tradeoff": ["population", "map", "training"], "sinusoid": ["curves"],
      "policy-gradients": ["limits", "estimates", "claims"],
      "navigate": ["seeds", "curves", "map"],
      "policy-tradeoff": ["families", "seeds"],
    ]
    for field in try #require(fields[command[0]]) { #expect(object[field] is [Any], "\(field)") }
  }

  @Test func verdictsFollowTheRun() throws {
    let learnt = try Demo(
      "represent", "--dimension", "6", "--rank", "2", "--steps", "700", "--seeds", "2")
    #expect(learnt.output.contains("The claim held in this run"), "\(learnt.output)")
    let short = try Demo("represent", "--dimension", "8", "--rank", "2", "--steps", "5")
    #expect(short.output.contains("did not hold"))
    let mean = try Demo(
      "represent", "--head-mean", "1.5", "--initial-distance", "0.43", "--steps", "300")
    #expect(mean.output.contains("diverged at step"))
    let wide = try Demo(
      "overparametrize", "--dimension", "8", "--width", "8", "--steps", "20", "--test-tasks", "2")
    #expect(wide.output.contains("did not hold"))
    let scatter = try Demo(
      "overparametrize", "--tasks", "20", "--steps", "5", "--dimension", "6", "--rank", "2",
      "--width", "4", "--method", "maml", "--test-tasks", "5")
    #expect(scatter.status == 0)
  }

  /// Small MDPs with trajectories enough for the limits, and too few.
  @Test func policyGradientsReachTheirLimits() throws {
    let words = [
      "policy-gradients", "--states", "3", "--actions", "3", "--horizon", "5", "--processes", "6",
      "--concentration", "0.1", "--inner-rate", "2", "--seed", "2", "--repeats", "5",
      "--trajectories",
    ]
    let run = try Demo(words + ["128"])
    let lines = run.output.split(separator: "\n").map(String.init)
    func verdict(_ claim: String) -> Bool? {
      lines.first { $0.contains(claim) }.map { !$0.hasSuffix("not seen") && $0.hasSuffix("seen") }
    }
    #expect(verdict("DiCE's second derivative is unbiased") == true, "\(run.output)")
    #expect(verdict("naive's is biased") == true)
    #expect(verdict("a good baseline makes naive first order") == true)
    let short = try Demo(words + ["4"])
    #expect(short.output.contains(", not: DiCE's second derivative is unbiased"))
  }

  /// Without noise the penalty is far below what large heads leave of rounding.
  @Test func aRidgeWithoutNoiseIsSolved() throws {
    let run = try Demo(
      "overparametrize", "--spectrum", "1e6", "--rank", "1", "--noise-variance", "0", "--steps",
      "1",
      "--test-tasks", "2")
    #expect(run.status == 0, "\(run.error)")
    // One who knows the representation makes no error then.
    let line = run.output.split(separator: "\n").first { $0.contains("ridge knowing") }
    #expect(line?.contains("0.00 ± 0.00") == true, "\(run.output)")
  }

  @Test func navigateSaysWhatItLacks() throws {
    for (words, part) in [
      (["--seeds", "1"], "one seed gives no confidence."),
      (["--method", "drs", "--seeds", "2"], "it lacks maml-lvc or drs."),
    ] {
      let run = try Demo(Self.navigate + words)
      #expect(run.status == 0 && run.output.hasSuffix(part + "\n"), "\(run.output)\(run.error)")
    }
  }

  @Test func badSettingsAreRefused() throws {
    for (words, parts) in [
      (["represent", "--rank", "30"], ["--rank 30 is over --dimension 20"]),
      (["represent", "--steps", "0"], ["--steps '0' is not a whole number from 1"]),
      (["represent", "--inner-rate", "nan"], ["--inner-rate 'nan' is not a number"]),
      (["represent", "--outer-rate", "inf"], ["--outer-rate 'inf' is not a number"]),
      (["represent", "--noise", "1"], ["--noise needs --inner-samples"]),
      (["represent", "--inner-samples", "5"], ["go together"]),
      (["represent", "--rank", "12", "--initial-distance", "0.5"], ["at least twice --rank"]),
      (["represent", "--initial-distance", "2"], ["--initial-distance '2'"]),
      (["represent", "--seeds", "0"], ["--seeds '0'"]),
      (["represent", "--svg", "nowhere/a.svg"], ["--svg nowhere/a.svg: there is no folder"]),
      (["represent", "--csv", "docs"], ["--csv docs: is a folder"]),
      (["overparametrize", "--width", "3"], ["--width 3 is under the rank 5"]),
      (["overparametrize", "--dimension", "4"], ["rank 5 is over --dimension 4"]),
      (["overparametrize", "--spectrum", "1,x"], ["--spectrum has 'x'"]),
      (["overparametrize", "--spectrum", "1,-1"], ["--spectrum has '-1'"]),
      (["overparametrize", "--spectrum", "1,2", "--rank", "3"], ["2 values, but --rank is 3"]),
      (["overparametrize", "--method", "maml"], ["maml needs --tasks N"]),
      (["overparametrize", "--tasks", "0"], ["--tasks '0'"]),
      (["overparametrize", "--hidden-layers", "2"], ["go with --network relu"]),
      (["tradeoff", "--dimension", "21"], ["--dimension '21'"]),
      (["tradeoff", "--inner-rates", "0.1,,1"], ["--inner-rates has ''"]),
      (["tradeoff", "--trials", "-1"], ["--trials '-1'"]),
      (["policy-gradients", "--trajectories", "2"], ["--trajectories '2'"]),
      (["policy-gradients", "--concentration", "0"], ["--concentration '0'"]),
      (["policy-gradients", "--processes", "2"], ["--processes '2'"]),
      (["policy-tradeoff", "--families", "1"], ["--families '1' is not a whole number from 2"]),
      (["policy-tradeoff", "--differences", "0,1.5"], ["--differences has '1.5'"]),
      (["policy-tradeoff", "--budgets", "21"], ["--budgets '21'"]),
      (["sinusoid", "--iterations", "1.5"], ["--iterations '1.5'"]),
      (["sinusoid", "--meta-batch", "0"], ["--meta-batch '0'"]),
      (["sinusoid", "--checkpoint", "README.md"], ["README.md: is not a checkpoint"]),
      (["sinusoid", "--checkpoint", "nowhere/a"], ["there is no folder"]),
      (["navigate", "--iterations", "0"], ["--iterations '0'"]),
      (["navigate", "--rates", "0,-1"], ["--rates has '-1'"]),
      (["navigate", "--method", "maml"], ["--method 'maml' is not one of maml-lvc"]),
      (["navigate", "--horizon", "1"], ["--horizon '1'"]),
      (["navigate", "--checkpoint", "README.md"], ["is not a checkpoint of navigate"]),
    ] {
      let run = try Demo(words)
      #expect(run.status == 2 && run.output.isEmpty, "\(words)")
      #expect(run.error.filter(\.isNewline).count == 1)
      for part in parts { #expect(run.error.contains(part), "\(run.error)") }
    }
  }

  /// Studies with checkpoints: a short run, a method, and the name of another long study.
  static let long: [(command: [String], method: String, other: String)] = [
    (
      [
        "sinusoid", "--iterations", "200", "--meta-batch", "3", "--width", "6", "--test-tasks", "2",
      ], "anil", "navigate"
    ),
    (navigate, "maml-lvc", "sinusoid"),
  ]

  @Test(arguments: long) func anInterruptedRunGoesOnFromItsCheckpoint(
    _ study: (command: [String], method: String, other: String)
  ) throws {
    let command = study.command + ["--method", study.method, "--json"]
    let file = Self.temporary(".json")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let whole = try Demo(command + ["--seeds", "2"])
    #expect(whole.status == 0, "\(whole.error)")
    // Half of the run is done before; then a later one finds everything done.
    #expect(try Demo(command + ["--seeds", "1", "--checkpoint", file]).status == 0)
    for _ in 0..<2 {
      let resumed = try Demo(command + ["--seeds", "2", "--checkpoint", file])
      #expect(resumed.output == whole.output)
    }
    // A run with other settings does not touch it, nor does another study.
    let saved = FileManager.default.contents(atPath: file)
    let other = try Demo(command + ["--inner-rate", "0.02", "--checkpoint", file])
    #expect(other.status == 2)
    #expect(other.error.contains("is of a run with other settings"))
    let foreign = try Demo(study.other, "--checkpoint", file)
    #expect(foreign.status == 2 && foreign.error.contains("not a checkpoint of \(study.other)"))
    #expect(FileManager.default.contents(atPath: file) == saved)
    let text = String(decoding: try #require(saved), as: UTF8.self)
    // What was changed by hand would go on as something else, or stop in the middle.
    let damages = [
      (#""seed"\s*:\s*\d+"#, #""seed":77"#), (#""iteration"\s*:\s*\d+"#, #""iteration":-5"#),
      (#""parameters"\s*:\s*\["#, #""parameters":[1,"#),
    ]
    for (pattern, damaged) in damages {
      let changed = text.replacingOccurrences(
        of: pattern, with: damaged, options: .regularExpression)
      #expect(changed != text)
      try Data(changed.utf8).write(to: URL(fileURLWithPath: file))
      let refused = try Demo(command + ["--checkpoint", file])
      #expect(refused.status == 2 && refused.output.isEmpty, "\(damaged)")
      #expect(refused.error.contains("is damaged"), "\(refused.error)")
    }
  }

  @Test func interruptingLeavesAWholeFile() throws {
    let file = Self.temporary(".json")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let process = Process()
    process.executableURL = Demo.products.appendingPathComponent("autodiff-demo")
    process.arguments = [
      "sinusoid", "--iterations", "1000000", "--meta-batch", "2", "--width", "4", "--checkpoint",
      file,
    ]
    process.standardError = FileHandle.nullDevice
    try process.run()
    var data: Data?
    for _ in 0..<300 where data?.isEmpty ?? true {
      Thread.sleep(forTimeInterval: 0.1)
      data = FileManager.default.contents(atPath: file)
    }
    // Harder than Ctrl-C, which a child of a test runner may have blocked.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let contents = try #require(FileManager.default.contents(atPath: file))
    let object = try JSONSerialization.jsonObject(with: contents) as? [String: Any]
    #expect(object?["format"] as? String == "sinusoid-checkpoint-2")
  }
}
