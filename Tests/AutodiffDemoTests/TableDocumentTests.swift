import Foundation
import Meta
import Nets
import TestSupport
import Testing

/// What docs/tables.md shows is what is printed.
@Suite struct TableDocumentTests {
  static let page = "docs/tables.md"

  @Test(arguments: [(0, TableCommandTests.elNino), (1, TableCommandTests.grunfeld)])
  func verdicts(_ block: Int, _ words: [String]) throws {
    let shown = try DocumentTests.blocks("text", in: Self.page)[block].split(separator: "\n")
    let command = "$ autodiff-demo diagnose " + words.joined(separator: " ") + "\n"
    #expect(try DocumentTests.blocks("console", in: Self.page)[block] == command)
    let start = Date()
    let printed = try Demo(["diagnose"] + words).output.split(separator: "\n")
    #expect(Date().timeIntervalSince(start) < 60)
    #expect(shown.count == printed.count)
    for (a, b) in zip(printed, shown) { #expect(DocumentTests().isAlike(a, b), "\(b)") }
  }

  @Test func messages() throws {
    let rows = (2...11).map { "north,\($0).1\n" }.joined()
    let shown = try DocumentTests.blocks("text", in: Self.page)[2].split(separator: "\n")
    let ends = [
      "north,\"3,5\"\n", "north,n/a\n", "north,\n", "north,3,5\n", "west,1\n",
    ]
    #expect(shown.count == ends.count)
    for (line, end) in zip(shown, ends) {
      let text =
        "shop,value,y\n" + (rows + end).replacing("\n", with: ",1\n")
      let isShort = end.hasPrefix("north,3,5")
      let run = try Demo(
        ["compare", "--csv", "-", "--task", "shop", "--inputs", "value", "--support", "4"]
          + ["--targets", isShort ? "value" : "y"],
        input: isShort ? "shop,value\n" + rows + end : text)
      #expect(run.error == line.replacing("prices.csv", with: "standard input") + "\n")
    }
  }

  @Test func theKeyInTheFile() throws {
    let json = try TableCommandTests.imported(TableCommandTests.elNino)
    let shown = try #require(try DocumentTests.blocks("json", in: Self.page).first)
    #expect(json.contains(shown.trimmingCharacters(in: .newlines)))
  }
}
