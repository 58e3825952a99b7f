import Foundation
import TestSupport
import Testing

/// Every exhibit makes its mistake, has the right number, and is caught.
@Suite struct MuseumTests {
  struct Reading: Decodable {
    let value: Number
    let text: String
  }

  /// A number, which may be null.
  struct Number: Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      value = (try? container.decode(Double.self)) ?? .nan
    }
  }

  struct Finding: Decodable {
    let holds: Bool
    let text: String
  }

  struct Exhibit: Decodable {
    let id: String
    let wrong: Reading
    let right: Reading
    let otherwise: Reading?
    let caughtBy: String
    let findings: [Finding]
    let metIn: [String]
  }

  static func exhibits(_ words: String...) throws -> [Exhibit] {
    let run = try Demo(["museum", "--json"] + words)
    #expect(run.status == 0 && run.error.isEmpty)
    return try JSONDecoder().decode([Exhibit].self, from: Data(run.output.utf8))
  }

  /// All exhibits, run once for all tests.
  static let all = Result { try exhibits() }

  /// By exhibit, the wrong and the right number as they follow by hand; nil where they are a machine's.
  static let expected: [(id: String, wrong: Double?, right: Double?)] = [
    // w = 0.6 · 1.5 + 0.2, and its derivative 0.6.
    ("silent-first-order", 1.1, 1.1 * 0.6),
    ("independent-result", 0, 12),
    ("nan-in-second-derivative", .nan, 2),
    ("nan-without-origin", .nan, 1000),
    ("memory-of-the-unroll", nil, nil),
    ("more-than-one-step", 0.716 * 0.6, 0.716 * 0.6 * 0.6 * 0.6),
    ("perturbation-confusion", 2, 1),
    ("deep-graph", 1000, 0),
    ("compile-time", nil, nil),
    ("run-to-run", nil, 1),
    // J = [[½, 1], [½, 1]].
    ("differentiating-a-stop", 0, (0.5 / 2.5).squareRoot()),
    ("frozen-branch", -6, 4),
    // ½ · (5, 1) and (1, 1/3), summed.
    ("cg-residual-not-scaled", 3, 4.0 / 3),
    // 1/3 − 1, and two steps of rate ¼.
    ("indefinite-hessian", -2.0 / 3, 0.25 * 1.25 + 0.25 * 2.25),
    ("forgotten-anchor", 0.25, 0.5),
    ("implicit-initialisation", 0, 0.86 * 0.36),
    ("half-epsilon", 0.5 + 0.2e-4, 0.7),
    ("adam-at-zero", .nan, 0.1),
  ]

  @Test func everyMistakeIsWrongAndCaught() throws {
    let exhibits = try Self.all.get()
    #expect(exhibits.map(\.id) == Self.expected.map(\.id))
    for (exhibit, expected) in zip(exhibits, Self.expected) {
      let (wrong, right) = (exhibit.wrong.value.value, exhibit.right.value.value)
      #expect(right.isFinite, "\(exhibit.id)")
      #expect(!(abs(wrong - right) <= 0.1 * max(abs(wrong), abs(right))), "\(exhibit.id)")
      if let other = exhibit.otherwise?.value.value {
        #expect(abs(right - other) <= 1e-9 * max(1, abs(other)), "\(exhibit.id)")
      }
      if let known = expected.right { #expect(abs(right - known) <= 1e-9, "\(exhibit.id)") }
      if let known = expected.wrong {
        #expect(known.isNaN ? wrong.isNaN : abs(wrong - known) <= 1e-9, "\(exhibit.id)")
      }
      #expect(exhibit.findings.count >= 2 && exhibit.findings.allSatisfy(\.holds), "\(exhibit.id)")
      #expect(!exhibit.caughtBy.isEmpty && !exhibit.metIn.isEmpty, "\(exhibit.id)")
    }
  }

  @Test func theFindingsNameWhatTheyFound() throws {
    let findings = Dictionary(
      uniqueKeysWithValues: try Self.all.get().map { ($0.id, $0.findings.map(\.text)) })
    let parts = [
      ("silent-first-order", "order first-order, cut: inner step 1 / gradient of w"),
      ("silent-first-order", "worth: -0.44"),
      ("independent-result", "2×3 zeros"),
      ("nan-in-second-derivative", "log, level 0 in update, is first not finite: -inf"),
      ("nan-in-second-derivative", "orders 1 to 3: 0, 0, 0 with sqrt, nan, nan, nan"),
      ("nan-without-origin", "exp, level 0 in softmax, is first not finite: inf at [0, 1]"),
      ("nan-without-origin", "inner step 2 / support loss"),
      ("memory-of-the-unroll", "cost, unrolled"), ("memory-of-the-unroll", "cost, adjoint"),
      ("more-than-one-step", "order last step gives 0.4296"),
      ("more-than-one-step", "1, 2, 5 and 10 steps is 2, 2, 2, 2"),
      ("deep-graph", "1 000 003 lines"),
      ("run-to-run", "1, 2, 3, 8 threads"),
      ("differentiating-a-stop", "says 0.447214 for first order"),
      ("frozen-branch", "differ: -6 and 4"),
      ("cg-residual-not-scaled", "0.5, 1.11803, 3.16228, 6.82367"),
      ("indefinite-hessian", "(3 · 4 − 36)/40: -0.6"),
      ("indefinite-hessian", "is indefinite in task 0, smallest eigenvalue -1.0"),
      ("forgotten-anchor", "the optimum does not depend on where it was started from"),
      ("forgotten-anchor", "applies, but damping 4 changes the answer"),
      ("implicit-initialisation", "notSeen is w"),
      ("half-epsilon", "it makes 0.50008 of the wrong one"),
      ("adam-at-zero", "log, level 0 in inner step 1 / update of w, is first not finite"),
    ]
    for (id, part) in parts {
      #expect(findings[id]?.contains { $0.contains(part) } == true, "\(id): \(part)")
    }
  }

  @Test func oneExhibitAlone() throws {
    let run = try Demo("museum", "frozen-branch")
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output.hasPrefix("frozen-branch: "))
    #expect(run.output.contains("\n  wrong   -6\n  right   4\n"))
    #expect(!run.output.contains("caught by") && !run.output.contains("deep-graph"))
    #expect(try Self.exhibits("perturbation-confusion").map(\.id) == ["perturbation-confusion"])
    try BadInputTests.expectRefusal(
      ["museum", "bogus"], "museum: no exhibit 'bogus'; there are silent-first-order, ",
      "frozen-branch")
    try BadInputTests.expectRefusal(["museum", "deep-graph", "x"], "'x' is one operand too many")
  }

  @Test func helpListsTheExhibits() throws {
    let help = try Demo("museum", "--help")
    #expect(help.status == 0 && help.error.isEmpty)
    #expect(help.output.contains("\nexample: autodiff-demo museum silent-first-order\n"))
    for (id, _, _) in Self.expected { #expect(help.output.contains("  \(id)\n")) }
  }

  /// The page shows the table that is printed, and each exhibit with its numbers and its threads; times
  /// agree but for their digits.
  @Test func thePageShowsWhatIsPrinted() throws {
    /// The words of a line, and of a time only that it is one.
    func kind(_ line: Substring) -> [String] {
      let words = line.split { $0.isWhitespace }.map { String($0) }
      return words.first == "compile-time"
        ? words.filter { Double($0) == nil && !["s", "ms", "µs"].contains($0) } : words
    }
    let page = try DocumentTests.text("docs/museum.md")
    func table(_ text: String) -> [[String]] {
      text.split(separator: "\n", omittingEmptySubsequences: false)
        .drop { !$0.hasPrefix("  exhibit ") }.prefix { $0.hasPrefix("  ") }.map { kind($0) }
    }
    let printed = table(try Demo("museum").output)
    #expect(printed.count == Self.expected.count + 1)
    #expect(table(page) == printed)

    let sections = page.components(separatedBy: "\n## ").dropFirst().map { section in
      section.split { $0.isWhitespace }.joined(separator: " ")
    }
    let exhibits = try Self.all.get()
    #expect(sections.count == exhibits.count)
    for (section, exhibit) in zip(sections, exhibits) {
      #expect(section.hasPrefix("\(exhibit.id) "))
      let numbers = "Wrong \(exhibit.wrong.text), right \(exhibit.right.text)."
      #expect(section.contains(numbers) || exhibit.id == "compile-time", "\(exhibit.id)")
      for place in exhibit.metIn { #expect(section.contains(place), "\(exhibit.id): \(place)") }
    }
  }
}
