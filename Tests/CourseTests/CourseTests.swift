import Foundation
import TestSupport
import Testing

/// The chapters of `docs/course` that run, by the number with which their file begins.
///
/// To add one: `docs/course/NN-title.md`, `ChapterNN.swift` with a function `chapterNN` like the
/// others, and a line here.
let chapters: [String: @Sendable ((Any) -> Void) throws -> Void] = [
  "01": chapter01,
  "02": chapter02,
  "03": chapter03,
  "04": chapter04,
  "05": chapter05,
  "06": chapter06,
  "07": chapter07,
  "08": chapter08,
  "09": chapter09,
  "10": chapter10,
  "11": chapter11,
  "12": chapter12,
  "13": chapter13,
  "14": chapter14,
  "15": chapter15,
]

/// What the course shows is what compiles, and what it says is printed is printed.
@Suite struct CourseTests {
  static let folder = repository.appendingPathComponent("docs/course")

  /// The names of the chapters on disk, in order.
  static var files: [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    return (names ?? []).filter { $0.hasSuffix(".md") && $0.first?.isNumber == true }.sorted()
  }

  static func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

  @Test func everyChapterIsRunAndListed() throws {
    #expect(Self.files.map { String($0.prefix(2)) } == chapters.keys.sorted())
    let contents = try Self.text(Self.folder.appendingPathComponent("README.md"))
    for file in Self.files { #expect(contents.contains("](\(file))"), "README.md: no \(file)") }
  }

  @Test(arguments: files) func itsBlocksAreTheSource(file: String) throws {
    let chapter = Document(try Self.text(Self.folder.appendingPathComponent(file)))
    #expect(chapter.faults.isEmpty, "\(file)")
    let number = String(file.prefix(2))
    let path = "Tests/CourseTests/Chapter\(number).swift"
    let source = Source(try Self.text(repository.appendingPathComponent(path)), number)
    #expect(source.strays.isEmpty, "\(path)")
    expectSame(chapter.code.flatMap { ["```"] + $0 }, source.blocks.flatMap { ["```"] + $0 }, file)
  }

  @Test(arguments: files) func itPrintsWhatItSays(file: String) throws {
    let chapter = Document(try Self.text(Self.folder.appendingPathComponent(file)))
    let run = try #require(chapters[String(file.prefix(2))], "no function for \(file)")
    var printed = ""
    try run { print($0, to: &printed) }
    // Empty lines do not count: a listing ends with a line break, to which `print` adds another.
    let lines = printed.split(separator: "\n").map(String.init)
    expectSame(chapter.output, lines, file)
  }
}

/// Reports the first line in which a chapter and what was compiled or printed differ.
private func expectSame(_ chapter: [String], _ real: [String], _ file: String) {
  for line in 0..<max(chapter.count, real.count) {
    let said = line < chapter.count ? chapter[line] : "(nothing more)"
    let found = line < real.count ? real[line] : "(nothing more)"
    if said != found {
      Issue.record("\(file) has\n  \(said)\nbut should have\n  \(found)")
      return
    }
  }
}
