import Foundation
import TestSupport
import Testing
import autodiff_demo

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Bad input ends in one line on standard error, status 2, and nothing on standard output.
@Suite struct BadInputTests {
  static func expectRefusal(
    _ words: [String], input: String = "", _ parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Demo(words, input: input)
    #expect(run.status == 2, "\(words)", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
    #expect(run.error.hasPrefix("autodiff-demo: "), sourceLocation: sourceLocation)
    #expect(
      run.error.filter(\.isNewline).count == 1 && run.error.hasSuffix("\n"),
      sourceLocation: sourceLocation)
    for part in parts {
      #expect(
        run.error.contains(part), "'\(part)' in: \(run.error)", sourceLocation: sourceLocation)
    }
  }

  @Test func words() throws {
    try Self.expectRefusal(
      ["bogus"], "no command 'bogus'", "compare, metagradient, check, tape, bench")
    try Self.expectRefusal(["compare", "--bogus"], "compare: no option '--bogus'")
    try Self.expectRefusal(["--bogus"], "no option '--bogus'")
    try Self.expectRefusal(["compare", "--seed"], "--seed needs a value")
    try Self.expectRefusal(["compare", "--seed", "x"], "--seed 'x' is not a whole number")
    try Self.expectRefusal(["compare", "--seed", "-1"], "--seed '-1'")
    try Self.expectRefusal(["compare", "--seed", "1", "--seed=2"], "--seed is given twice")
    try Self.expectRefusal(["compare", "--json=yes"], "--json takes no value")
    try Self.expectRefusal(["compare", "a.json", "b.json"], "'b.json' is one operand too many")
    try Self.expectRefusal(["compare", path("linear-1step"), "--seed", "3"], "--seed", "FILE")
    try Self.expectRefusal(["bench", "--workload", "x"], "bench: no workload 'x'", "linear-20x3")
    try Self.expectRefusal(["bench", "--seconds", "nan"], "--seconds 'nan' is not a number from")
    try Self.expectRefusal(
      ["bench", "--threads", "0"], "--threads '0' is not a whole number from 1")
    try Self.expectRefusal(["bench", "file"], "'file' is one operand too many")
    try Self.expectRefusal(["metagradient", "--method", "maml"], "metagradient: FILE is missing")
    try Self.expectRefusal(["metagradient", path("linear-1step")], "--method is missing")
    try Self.expectRefusal(
      ["metagradient", path("linear-1step"), "--method"], "--method needs a value")
    try Self.expectRefusal(
      ["metagradient", path("linear-1step"), "--method", "reptile"],
      "--method 'reptile' is not one of maml, fo-maml, anil, fo-anil, joint")
    try Self.expectRefusal(
      ["metagradient", path("linear-1step"), "--method", "maml", "--route", "implicit"],
      "maml by route implicit", "says nothing of B, W", "an anchor in the inner loss")
    try Self.expectRefusal(
      ["metagradient", path("linear-1step"), "--method", "maml", "--route", "backward"],
      "--route 'backward' is not one of unrolled, adjoint, checkpointed, forward, implicit")
  }

  @Test func files() throws {
    for command in [["compare"], ["check"], ["tape"], ["metagradient", "--method", "maml"]] {
      try Self.expectRefusal(command + ["nowhere.json"], "nowhere.json: cannot be read", "no such")
      try Self.expectRefusal(command + ["Tests"], "Tests: cannot be read", "is a directory")
    }
    try Self.expectRefusal(
      ["check", "-"], input: DocumentTests.exampleProblem(), "standard input: references: there are"
    )
    try Self.expectRefusal(["compare", ""], "'': cannot be read")
    try Self.expectRefusal(["compare", "--", "--json"], "--json: cannot be read")
    try Self.expectRefusal(["check", path("linear-1step"), "--seed", "1"], "check: --seed")
    // Standard input that is no stream.
    let process = Process()
    let error = Pipe()
    process.executableURL = Demo.products.appendingPathComponent("autodiff-demo")
    process.arguments = ["compare", "-"]
    process.standardInput = FileHandle(forReadingAtPath: "/")
    process.standardError = error
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 2)
    let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(message.hasPrefix("autodiff-demo: standard input: cannot be read"))
  }

  /// A valid problem with one piece of its text replaced, and what the message must say.
  static let edits: [(from: String, to: String, message: String)] = [
    ("metagradient-problem-1", "metagradient-problem-3", "format: 'metagradient-problem-3' is not"),
    (#""format""#, #""formal""#, "format: is missing"),
    (#""kind": "linear""#, #""kind": "tanh""#, "network.kind: 'tanh' is not one of linear, relu"),
    (#""width": 1"#, #""width": 0"#, "network.width: 0 is not at least 1"),
    (#""width": 1"#, #""width": 1.5"#, "network.width: 1.5 is not a whole number"),
    (#""width": 1"#, #""width": "1""#, "network.width: is not a number"),
    (#""width": 1"#, #""width": null"#, "network.width: is null"),
    (#""width": 1"#, #""width": 1000000000000"#, "network: a weight matrix of these sizes would"),
    (#""width": 1"#, #""width": 1e300"#, "network.width: 1e+300 is not a whole number"),
    (#""width": 1"#, #""width": 2"#, "parameters[0]: B is 2×1, but the network needs 2×2"),
    ("half-mean-squared-error", "hinge", "loss: 'hinge' is not one of half-mean-squared-error"),
    (#""name": "W""#, #""name": "V""#, "parameters[1]: 'V' is not a parameter of the network"),
    (#""name": "W""#, #""name": "B""#, "parameters[1]: 'B' is given twice"),
    (#""steps": 1"#, #""steps": -1"#, "adaptation.steps: -1 is not between 0 and 1000000"),
    (#""steps": 1"#, #""steps": 1e12"#, "adaptation.steps: 1000000000000 is not between"),
    (#""steps": 1"#, #""steps": 1.5"#, "adaptation.steps: 1.5 is not a whole number"),
    (#""steps": 1"#, #""steps": "1""#, "adaptation.steps: is not a number"),
    (#""learningRate": 0.1"#, #""learningRate": 1e999"#, "1e999 is not representable"),
    (
      #""learningRate": 0.1"#, #""learningRate": NaN"#, "adaptation.learningRate: nan is not finite"
    ),
    (#""learningRate": 0.1"#, #""learningRate": 1e300"#, "is not finite after 1 inner step of"),
    ("[0.5, -0.25]", "[0.5, Infinity]", "parameters[0].values[1]: inf is not finite"),
    ("[0.5, -0.25]", "[0.5, 1e999]", "1e999 is not representable"),
    ("[0.5, -0.25]", "[0.5]", "parameters[0]: 1 values, but 2×1 need 2"),
    ("[0.5, -0.25]", "[0.5, \"x\"]", "parameters[0].values[1]: is not a number"),
    ("[0.5, -0.25]", "[0.5, null]", "parameters[0].values[1]"),
    ("[2, 1, 1, -1]", "[2, 1, 1]", "tasks[0].query.inputs: 3 values, but 2×2 need 4"),
    (
      #""rows": 3, "columns": 1"#, #""rows": -3, "columns": 1"#,
      "tasks[0].support.targets: rows and"
    ),
    (
      #""rows": 3, "columns": 1, "values": [1, 0, -1]"#,
      #""rows": 2, "columns": 1, "values": [1, 0]"#,
      "tasks[0].support.targets: 2 rows, but inputs have 3"
    ),
    (
      #""rows": 3, "columns": 1, "values": [1, 0, -1]"#,
      #""rows": 1, "columns": 3, "values": [1, 0, -1]"#,
      "tasks[0].support.targets: 3 columns, but the network has 1 outputs"
    ),
    (
      #""rows": 3, "columns": 2"#, #""rows": 9223372036854775807, "columns": 2"#,
      "tasks[0].support.inputs"
    ),
    (#""query""#, #""quarry""#, "tasks[0].query: is missing"),
    (#""tasks": ["#, #""tasks": [], "jobs": ["#, "tasks: there is no task"),
    (#""tasks": ["#, #""tasks": [3, "#, "tasks[0]: is not an object"),
    (#""adaptation": {"#, #""adaptation": 3, "x": {"#, "adaptation: is not an object"),
    (#""parameters": ["#, #""parameters": [], "x": ["#, "parameters: 'B' of the network (B, W)"),
    ("}", "", "not valid JSON"),
    (",", ",,", "not valid JSON"),
  ]

  @Test(arguments: edits.indices)
  func problems(_ index: Int) throws {
    let (from, to, message) = Self.edits[index]
    let problem = try DocumentTests.exampleProblem()
    let range = try #require(problem.range(of: from))
    let edited = problem.replacingCharacters(in: range, with: to)
    try Self.expectRefusal(["compare", "-"], input: edited, "standard input: ", message)
    try Self.expectRefusal(
      ["metagradient", "-", "--method", "maml"], input: edited, "standard input: ", message)
    // Wrapped, the place is named alike.
    try Self.expectRefusal(["compare", "-"], input: "{\"problem\": \(edited)}", message)
  }

  @Test func texts() throws {
    for text in [
      "", " ", "{", "[]", "3", "\"x\"", "null", "{}", "\u{0}", "[[[[", "{\"problem\": 3}",
    ] {
      try Self.expectRefusal(["compare", "-"], input: text, "standard input: ")
    }
    try Self.expectRefusal(
      ["compare", "-"], input: String(repeating: "[", count: 100_000), "not valid JSON")
  }

  /// Where a key is expected, Foundation's reader of JSON5 stops the program at bytes F8 to FF.
  @Test(arguments: [0x80, 0xC0, 0xF0, 0xF8, 0xFF] as [UInt8]) func bytesThatAreNotText(
    _ byte: UInt8
  ) throws {
    for start in ["{", "{\"a\": NaN, "] {
      let run = try Demo(
        shell: "printf '\(start)\\\(String(byte, radix: 8))aaaa' | \"$0\" compare -")
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.error.contains("standard input: not valid JSON: the text is not UTF-8"))
    }
  }

  /// What a name holds neither reaches the terminal nor fills it.
  @Test func namesAreShownAndNotObeyed() throws {
    let name = "\u{1B}[31m\u{7}\u{202E}\nx\u{9B}"
    for words in [
      [name], ["compare", name], ["compare", "--\(name)"], ["compare", "--seed", name],
      ["bench", "--workload", name], ["dial", "--svg", "\(name)/\(name)"], ["museum", name],
      ["import", "--csv", path("linear-1step"), "--task", name, "--inputs", "a", "--targets", "b"],
    ] {
      let run = try Demo(words)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(
        run.error.dropLast().unicodeScalars.allSatisfy {
          ![.control, .format].contains($0.properties.generalCategory)
        }, "\(words)")
    }
    let problem = try DocumentTests.exampleProblem()
    for (from, to) in [("linear", name), ("\"W\"", "\"\(name)\""), ("\"query\"", "\"\(name)\"")] {
      let escaped = to.replacing("\u{1B}", with: "\\u001b").replacing("\u{7}", with: "\\u0007")
        .replacing("\n", with: "\\n")
      try Self.expectRefusal(["compare", "-"], input: problem.replacing(from, with: escaped))
    }
    let long = try Demo(
      "compare", "-",
      input: problem.replacing("linear", with: String(repeating: "x", count: 1_000_000)))
    #expect(long.status == 2 && long.error.utf8.count < 1000)
    #expect(long.error.contains("standard input: network.kind: 'xxx") && long.error.contains(" … "))
    #expect(long.error.hasSuffix("is not one of linear, relu\n"))
  }

  @Test func picturesOfAnyNameAreWellFormed() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a\u{1B}[1m<&>\"'\u{1}\u{FFFE}.json")
    try FileManager.default.copyItem(
      at: fixtures.appendingPathComponent("linear-1step.json"), to: file)
    let picture = folder.appendingPathComponent("a.svg")
    let run = try Demo("dial", file.path, "--svg", picture.path)
    #expect(run.status == 0 && !run.output.contains("\u{1B}"))
    #expect(XMLParser(data: try Data(contentsOf: picture)).parse())
    let page = folder.appendingPathComponent("\u{1B}page.html")
    let report = try Demo("report", file.path, "--html", page.path)
    #expect(report.status == 0 && !report.output.contains("\u{1B}"), "\(report.error)")
    #expect(try !String(contentsOf: page, encoding: .utf8).contains("\u{1B}"))
  }

  @Test func reluSizes() throws {
    for (sizes, message) in [
      ("[3]", "network.sizes: 1 sizes, but at least 2 are needed"),
      ("[1, 0, 1]", "network.sizes[1]: 0 is not at least 1"),
      ("[1, 2.5]", "network.sizes[1]: 2.5 is not a whole number"),
      (
        "[1, 5000000000, 5000000000, 1]", "network.sizes: a weight matrix of these sizes would need"
      ),
      ("[1, 2]", "parameters[0]: W1 is 1×1, but the network needs 1×2"),
    ] {
      let problem = """
        {"format": "metagradient-problem-1", "network": {"kind": "relu", "sizes": \(sizes)},
         "loss": "mean-squared-error", "adaptation": {"steps": 1, "learningRate": 0.1},
         "parameters": [{"name": "W1", "rows": 1, "columns": 1, "values": [1]}], "tasks": []}
        """
      try Self.expectRefusal(["compare", "-"], input: problem, message)
    }
  }

  @Test func stepsWhoseMemoryWouldNotFit() throws {
    let problem = try String(
      contentsOf: fixtures.appendingPathComponent("digits-5way-1shot.json"), encoding: .utf8)
    let many = problem.replacing("\"steps\": 2", with: "\"steps\": 1000000")
    try Self.expectRefusal(
      ["metagradient", "-", "--method", "maml"], input: many, "adaptation.steps: 1000000 steps",
      "would need", "but this machine has")
    try Self.expectRefusal(["tape", "-"], input: many, "adaptation.steps", "would need")
  }

  @Test func kernelsThatAreNotThere() throws {
    let demo = try Demo(["bench"], environment: ["TAPE_KERNELS": "sse9"])
    #expect(demo.status == 2 && demo.output.isEmpty)
    #expect(demo.error.hasPrefix("autodiff-demo: TAPE_KERNELS: there are no kernels 'sse9'"))
    #expect(demo.error.split(separator: "\n").count == 1)
  }

  @Test func outputThatCannotBeWritten() throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    let process = Process()
    let error = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "\"$0\" tape > /dev/full", Demo.products.path + "/autodiff-demo"]
    process.standardError = error
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 2)
    let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(message.contains("standard output: cannot be written"))
  }
}
