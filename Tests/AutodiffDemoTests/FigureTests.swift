import Foundation
import Nets
import TestSupport
import Testing

@testable import autodiff_demo

/// Whether figures can be read: what they lack is found from the pictures that the commands draw.
@Suite struct FigureTests {
  /// Every command that draws a figure, at settings that are short, and some that leave little to draw.
  static let commands =
    StudyCommandTests.short + [
      StudyCommandTests.navigate,
      [
        "represent", "--dimension", "6", "--rank", "2", "--steps", "2", "--tasks", "3", "--seeds",
        "2",
      ],
      [
        "overparametrize", "--dimension", "8", "--rank", "2", "--width", "6", "--steps", "20",
        "--network", "relu", "--test-tasks", "5",
      ],
      [
        "train", "--csv", "docs/data/elnino.csv", "--task", "year", "--inputs", "month",
        "--targets", "temperature", "--support", "4", "--methods", "all", "--iterations", "6",
        "--diagnose-every", "3",
      ],
      ["dial"], ["dial", path("linear-1step")], ["dial", path("digits-5way-1shot")],
      ["dial", path("linear-1step"), "--weights", "0.5"],
      ["cost", path("relu-5steps")], ["cost", path("linear-1step"), "--steps", "1"],
      ["cost", path("relu-5steps"), "--steps", "3,4"],
      ["hypergradients", "--problem", "ridge"],
      ["hypergradients", path("bilevel/linear-proximal")],
    ]

  private static func draw(_ command: [String]) throws -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).svg")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Demo(command + ["--svg", file.path])
    #expect(run.status == 0, "\(run.error)")
    return try String(contentsOf: file, encoding: .utf8)
  }

  @Test(arguments: commands) func everyFigureCanBeRead(_ command: [String]) throws {
    let drawing = try #require(Drawing(svg: try Self.draw(command)))
    #expect(drawing.faults.isEmpty, "\(drawing.faults.joined(separator: "\n"))")
  }

  /// No command that draws is missing above; `tape` draws blocks, not figures, and `merge` what the others draw.
  @Test func everyCommandThatDrawsIsLookedAt() throws {
    let names = try Demo("--help").output.split(separator: "\n").filter { $0.hasPrefix("  ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(names.count > 15)
    let drawing = try names.filter { try Demo($0, "--help").output.contains("--svg FILE") }
    #expect(Set(drawing).subtracting(["tape", "merge"]) == Set(Self.commands.map { $0[0] }))
  }

  @Test func theFiguresOfTheReportCanBeRead() throws {
    let figures = Drawing.figures(ofPage: try ReportTests.page("linear-5steps"))
    #expect(figures.count == 3)
    for figure in figures {
      #expect(figure.faults.isEmpty, "\(figure.faults.joined(separator: "\n"))")
    }
  }

  @Test func theFiguresOfThePagesCanBeRead() throws {
    let docs = repository.appendingPathComponent("docs")
    // The picture of a tape is no figure with axes.
    let files = try #require(FileManager.default.enumerator(atPath: docs.path))
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".svg") && $0 != "tape.svg" }
    #expect(files.count >= 8)
    for file in files {
      let text = try String(contentsOf: docs.appendingPathComponent(file), encoding: .utf8)
      let faults = try #require(Drawing(svg: text)).faults
      #expect(faults.isEmpty, "\(file): \(faults.joined(separator: "\n"))")
    }
  }

  /// A change to a picture after which it can be read no more, and what is found of it.
  struct Damage: Sendable, CustomTestStringConvertible {
    var pattern: String
    var into: String
    var fault: String
    var testDescription: String { fault }

    init(_ pattern: String, _ into: String, _ fault: String) {
      (self.pattern, self.into, self.fault) = (pattern, into, fault)
    }
  }

  static let damages: [Damage] = [
    Damage(">0\\.25<", ">0.2<", "no scale"), Damage(">0\\.25<", ">0.5<", "read alike"),
    Damage(">0\\.25<", ">a<", "ticks ["),
    Damage("(?s)<g class=\"axis x\">.*?</g>", "<g class=\"axis x\"></g>", "0 ticks"),
    Damage("λ, the weight of the second-order path", "inner steps", "counts"),
    Damage(
      "stroke=\"#D55E00\" stroke-dasharray=\"7 3\" stroke-width=\"2\"",
      "stroke=\"#0072B2\" stroke-dasharray=\"\"", "two meanings"),
    Damage("<g><line x1=\"24\".*?</g>", "", "not in the legend"),
    Damage(
      "<g class=\"legend\">",
      "$0<g><line stroke=\"#009E73\" stroke-dasharray=\"\"/><text x=\"1\">a</text></g>",
      "only in the legend"),
    Damage("last steps differentiated", "second-order path of weight λ", "one name"),
    Damage("class=\"line\" d=\"M[0-9.]+", "class=\"line\" d=\"M60", "cuts line"),
    Damage("cx=\"[0-9.]+\"", "cx=\"73\"", "cuts a dot"),
    Damage("<circle ([^>]*)#0072B2([^>]*)>", "$0<circle $1#D55E00$2>", "a dot hides a dot"),
    Damage(
      "<path class=\"line\"([^>]*)#0072B2([^>]*)>", "$0<path class=\"line\"$1#D55E00$2>",
      "hides #0072B2"),
    Damage(
      "<path class=\"line\"", "<path class=\"band\" d=\"M80 50L90 60\" fill=\"#009E73\"/>$0",
      "of no line"),
    Damage("svg \\[stroke=\"#0072B2\"\\]", "svg [none]", "the same on dark paper"),
    Damage("fill: #ff8040", "fill: #2b1a10", "faint on dark"),
    Damage("fill: #ff8040", "fill: #4a90e2", "one on dark paper"),
    Damage("font-size=\"15\">", "$0" + String(repeating: "first order ", count: 12), "sticks out"),
    Damage("class=\"panel\"", "class=\"panel\"><g class=\"field\"/><g", "0 colour bars"),
  ]

  /// A picture that is damaged is found out, in every way that one has been.
  @Test(arguments: damages) func aDamagedPictureIsFoundOut(_ damage: Damage) throws {
    let picture = try Self.draw(["dial", path("linear-5steps")])
    #expect(try #require(Drawing(svg: picture)).faults.isEmpty)
    let place = try #require(picture.range(of: damage.pattern, options: .regularExpression))
    let damaged = picture.replacingOccurrences(
      of: damage.pattern, with: damage.into, options: .regularExpression, range: place)
    #expect(damaged != picture)
    let faults = try #require(Drawing(svg: damaged)).faults
    #expect(faults.contains { $0.contains(damage.fault) }, "\(faults)")
  }

  /// Any data, of any scale and spread, however near to each other.
  @Test func anyAxisHasThreeMarksThatReadApart() throws {
    var generator = SeededGenerator(seed: 1)
    for trial in 0..<400 {
      let (isLogarithmic, isWhole) = (trial % 2 == 0, trial % 4 < 2)
      var low = pow(10, Double.random(in: isWhole ? 0...6 : -12...6, using: &generator))
      var high = low * (1 + pow(10, Double.random(in: -6...6, using: &generator)))
      if isWhole { (low, high) = (low.rounded(), min(high, 1e9).rounded()) }
      if !isLogarithmic && trial % 3 == 0 { (low, high) = (isWhole ? 0 : -low, high) }
      for values in [[low, high], [low], [high, (low + high) / 2, low], []] {
        let points = values.map { (x: $0, y: $0) }
        let axis = Axis(label: "outer steps", isLogarithmic: isLogarithmic, isWhole: isWhole)
        let style = Figure.Style(0)
        let line = Figure.Line(style: style, points: points, hasMarkers: true)
        let free = Axis(label: "loss", isLogarithmic: isLogarithmic)
        var figure = Figure(
          title: "", panels: [.init(title: "", x: isWhole ? axis : free, y: free, lines: [line])])
        figure.legend = points.isEmpty ? [] : [.init(style: style, name: "line")]
        let faults = try #require(Drawing(svg: figure.svg)).faults
        #expect(faults.isEmpty, "\(values) \(isLogarithmic) \(isWhole): \(faults)")
      }
    }
  }

  /// A grid of few places is drawn where its places are, with marks enough beside it.
  @Test func aFieldOfTwoRowsIsWhereItsRowsAre() throws {
    let updates = Axis(label: "updates", isWhole: true)
    let panel = Figure.Panel(
      title: "", x: updates, y: updates,
      field: .init(x: [0, 2], y: [0, 1], values: [[0, 1], [0, 1]]))
    let figure = Figure(title: "", panels: [panel], colorBar: "share")
    let drawing = try #require(Drawing(svg: figure.svg))
    #expect(drawing.faults.isEmpty, "\(drawing.faults)")
    let frame = try #require(drawing.root.all("frame").first)
    let field = drawing.root.all("field")[0].all(named: "rect")
    // One of two updates: the lower half of the frame, over all its width.
    let top = try #require(field.map { $0.number("y") }.min())
    #expect(abs(top - frame.number("y") - frame.number("height") / 2) < 0.1)
    let left = try #require(field.map { $0.number("x") }.min())
    #expect(left == frame.number("x"))
    #expect(Set(field.map { $0["fill"] }).count == 10)
  }

  /// Seven lines in one place: each shows in the gaps of those above, or as a ring.
  @Test func linesInOnePlaceAreAllSeen() throws {
    let axis = Axis(label: "loss")
    let lines = (0..<7).map {
      Figure.Line(style: .init($0), points: [(0, 0), (1, 1)], hasMarkers: true)
    }
    var figure = Figure(title: "", panels: [.init(title: "", x: axis, y: axis, lines: lines)])
    figure.legend = (0..<7).map { .init(style: .init($0), name: "\($0)") }
    let faults = try #require(Drawing(svg: figure.svg)).faults
    #expect(faults.isEmpty, "\(faults)")
    #expect(Set((0..<49).map { Figure.Style($0) }).count == 49)
  }
}
