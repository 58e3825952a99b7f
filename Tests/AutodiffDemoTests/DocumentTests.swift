import Foundation
import TestSupport
import Testing

/// What the documents show is what the commands do.
@Suite struct DocumentTests {
  static func text(_ path: String) throws -> String {
    try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
  }

  /// The contents of the fenced blocks of one language.
  static func blocks(_ language: String, in document: String) throws -> [String] {
    try text(document).components(separatedBy: "\n```\(language)\n").dropFirst().map {
      ($0.components(separatedBy: "\n```").first ?? "") + "\n"
    }
  }

  static func exampleProblem() throws -> String {
    try #require(try blocks("json", in: "docs/problem-files.md").first)
  }

  /// The worked example of an added operation is the source, line for line.
  @Test func theAddedOperationIsInTheTable() throws {
    let edits = try Self.blocks("swift", in: "docs/adding-an-operation.md")
    let files = ["Operation", "Operation+Rules", "Variable+Operators"]
    #expect(edits.count == files.count)
    for (edit, file) in zip(edits, files) {
      #expect(try Self.text("Sources/Tape/\(file).swift").contains(edit), "\(file)")
    }
  }

  /// The extensions that are shown are those of the example package, which has tests of its own.
  @Test func theExtensionsShownAreThoseOfTheExamples() throws {
    let shown = try Self.blocks("swift", in: "docs/extending.md")
    let extensions = "Sources/Extensions"
    let whole = [
      "Package.swift", "\(extensions)/TanhNetwork.swift", "\(extensions)/RotatedClusters.swift",
      "\(extensions)/QuasiHyperbolicMomentum.swift",
    ]
    let parts = [
      "\(extensions)/WarmedUpSign.swift", "Tests/ExtensionsTests/MetaGradientTests.swift",
    ]
    #expect(shown.count == whole.count + parts.count)
    for (block, file) in zip(shown, whole + parts) {
      let source = try Self.text("docs/examples/\(file)")
      #expect(whole.contains(file) ? source == block : source.contains(block), "\(file)")
    }
  }

  /// The tables and the sentence of the README are what the demo prints, but for the last digits of
  /// numbers, which are the platform's.
  @Test func theReadmeShowsWhatTheDemoPrints() throws {
    let readme = try Self.text("README.md")
    let shown = try #require(readme.firstRange(of: "```\nsinusoid")).lowerBound
    let end = try #require(readme.firstRange(of: "On real data,")).lowerBound
    let lines = readme[shown..<end].split(separator: "\n").filter {
      $0.hasPrefix("  ") || $0.hasPrefix("sinusoid") || $0.hasPrefix("All parameters")
    }
    let printed = try Demo("compare").output.split(separator: "\n")
    #expect(lines.count > 20)
    for line in lines {
      #expect(printed.contains { isAlike($0, line) }, "\(line)")
      // Instructions and multiply-adds are whole numbers, the same everywhere.
      if line.contains("exact  ") || line.contains("first-order  ") {
        #expect(printed.contains { $0.suffix(50) == line.suffix(50) }, "\(line)")
      }
    }
  }

  /// What the page on the instruments shows is printed, but for the last digits of numbers.
  @Test(arguments: [
    (0, ["diagnose"]), (1, ["diagnose", "--initialisations", "5"]), (2, ["ledger"]),
    (3, ["curl", path("linear-1step")]), (7, ["laws", "--problem", "imaml"]),
  ])
  func theInstrumentsShowWhatTheyPrint(_ block: Int, _ words: [String]) throws {
    let shown = try Self.blocks("text", in: "docs/instruments.md")[block].split(separator: "\n")
    let printed = try Demo(words).output.split(separator: "\n")
    #expect(shown.count >= 6)
    for line in shown { #expect(printed.contains { isAlike($0, line) }, "\(line)") }
  }

  @Test(arguments: [
    (0, ["mdp"]), (1, ["mdp", "--trajectories", "2"]), (2, ["ledger"]),
    (3, ["dial", "--weights", "0,0.5,1"]), (4, ["curl"]),
  ])
  func thePageOnReinforcementLearningShowsWhatIsPrinted(_ block: Int, _ words: [String]) throws {
    let shown = try Self.blocks("text", in: "docs/reinforcement-learning.md")[block]
      .split(separator: "\n")
    let steps = block < 2 ? "1" : "3"
    let problem = try Self.text("Tests/Fixtures/mdp/mdp-3x2.json")
      .replacing("\"steps\": 1", with: "\"steps\": \(steps)")
    let printed = try Demo(words + (block == 1 ? [] : ["-"]), input: problem).output
      .replacing("standard input", with: block == 0 ? "mdp-3x2" : "three-steps")
      .split(separator: "\n")
    // Of the dial the page leaves the last sentences out.
    #expect(shown.count >= 6 && (block == 3 || shown.count == printed.count))
    if block == 0 { #expect(printed.last?.contains("within 1e-10") == true) }
    for (a, b) in zip(printed, shown) { #expect(isAlike(a, b), "\(b)") }
  }

  /// Whether two lines are the same but for the last digits of numbers, and for rounding itself.
  func isAlike(_ one: Substring, _ other: Substring) -> Bool {
    let (a, b) = (one.split(separator: " "), other.split(separator: " "))
    return a.count == b.count
      && zip(a, b).allSatisfy { a, b in
        func number(_ word: Substring) -> Double? {
          Double(word.trimmingCharacters(in: CharacterSet(charactersIn: "°,():;%.")))
        }
        guard let x = number(a), let y = number(b) else { return a == b }
        return abs(x - y) <= 0.02 * abs(y) || max(abs(x), abs(y)) < 1e-12
      }
  }

  @Test func theProblemFileGivesTheAnswerShown() throws {
    let answer = try Self.blocks("json", in: "docs/problem-files.md")[1]
    let run = try Demo(
      "metagradient", "-", "--method", "maml", input: try Self.exampleProblem())
    #expect(run.status == 0)
    #expect(run.output == answer)
  }

  /// The answer with its evidence, which is rounding in part, so that its last digits are the processor's.
  @Test func theProblemFileGivesTheEvidenceShown() throws {
    let blocks = try Self.blocks("json", in: "docs/problem-files.md")
    let run = try Demo(
      "metagradient", "-", "--method", "maml", "--route", "implicit", "--solver", "direct",
      input: blocks[2])
    #expect(run.status == 0)
    func words(_ text: String) -> [Substring] { text.split { "[]{}:,\n".contains($0) } }
    let (shown, printed) = (words(blocks[4]), words(run.output))
    try #require(shown.count == printed.count && shown.contains("\"evidence\""))
    for (shown, printed) in zip(shown, printed) {
      guard let expected = Double(shown), let found = Double(printed) else {
        #expect(shown == printed)
        continue
      }
      #expect(abs(found - expected) < 1e-12 * max(1, abs(expected)), "\(shown)")
    }
  }

  /// Every route as it is printed, but for the column of times and for the last digits.
  @Test(arguments: [("bilevel", "ridge"), ("instruments", "imaml")])
  func thePagesShowEveryRoute(_ page: String, _ problem: String) throws {
    let shown = try #require(
      try Self.blocks("text", in: "docs/\(page).md").first { $0.contains("to optimum") }
    ).split(separator: "\n")
    let printed = try Demo("hypergradients", "--problem", problem).output
      .replacing("  time", with: "").replacing(#/[ ]{2}[0-9.]+[ ](ns|µs|ms|s)(?=\s)/#, with: "")
      .replacing(#/–[ ]+–\n/#, with: "–\n").split(separator: "\n")
    #expect(shown.count > 20)
    for line in shown { #expect(printed.contains { isAlike($0, line) }, "\(line)") }
  }
}
