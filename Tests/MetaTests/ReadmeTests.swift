import Foundation
import TestSupport
import Testing

@Suite struct ReadmeTests {
  @Test func theExampleCompilesAndPrintsWhatTheReadmeSays() throws {
    func text(_ path: String) throws -> String {
      try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
    }
    let readme = try text("README.md")
    let source = try text("Tests/MetaTests/ReadmeExample.swift")
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    let begin = try #require(lines.firstIndex(of: "  // begin"))
    let end = try #require(lines.firstIndex(of: "  // end"))
    let example = lines[(begin + 1)..<end].map { $0.hasPrefix("  ") ? $0.dropFirst(2) : $0 }
      .joined(separator: "\n").replacing("show(", with: "print(")
    let imports = "import Meta\nimport Nets\nimport Tape\n\n"
    #expect(readme.contains("```swift\n\(imports)\(example)\n```"))

    var printed = ""
    try readmeExample { print($0, to: &printed) }
    let shown = try #require(
      readme.components(separatedBy: "prints\n\n```\n").last?.components(separatedBy: "```").first)
    #expect(printed.trimmingCharacters(in: .newlines) == shown.trimmingCharacters(in: .newlines))
  }
}
