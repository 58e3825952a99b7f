import Foundation
import TestSupport
import Testing

/// Streams that are closed, full or slow, and files without an end, are no reason to stop in the middle.
@Suite struct StreamTests {
  @Test(arguments: ["2>&-", "2>/dev/full"]) func errorsThatCannotBeWritten(_ stream: String) throws
  {
    let help = try Demo(shell: "\"$0\" --help \(stream)")
    #expect(help.status == 0 && help.output.hasSuffix("has --help with an example.\n"))
    let refused = try Demo(shell: "\"$0\" bogus \(stream)")
    #expect(refused.status == 2 && refused.output.isEmpty)
  }

  @Test func closedStreams() throws {
    #expect(try Demo(shell: "\"$0\" --help <&- >&- 2>&-").status == 2)
    let input = try Demo(shell: "\"$0\" compare - <&-")
    #expect(input.status == 2 && input.error.contains("standard input: cannot be read"))
    let output = try Demo(shell: "\"$0\" tape >&-")
    #expect(output.status == 2 && output.error.contains("standard output: cannot be written"))
  }

  /// The next file that is opened would have the number of a closed stream, and what was printed would go into it.
  @Test func nothingIsPrintedIntoAFile() throws {
    let file = StudyCommandTests.temporary(".svg")
    defer { try? FileManager.default.removeItem(atPath: file) }
    _ = try Demo(shell: "\"$0\" dial --svg \(file) <&- >&- 2>&-")
    let text = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
    #expect(text.hasPrefix("<svg") && text.hasSuffix("</svg>\n"))
  }

  /// A pipe that does not wait takes 64 kB, and then says that it takes no more for the moment.
  @Test func aPipeThatDoesNotWaitGetsEverything() throws {
    let words = ["ledger", path("relu-5steps"), "--json"]
    let whole = try Demo(words).output
    #expect(whole.utf8.count > 70_000)
    let process = Process()
    let pipe = Pipe()
    let end = pipe.fileHandleForWriting.fileDescriptor
    #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0)
    process.executableURL = Demo.products.appendingPathComponent("autodiff-demo")
    process.arguments = words
    process.currentDirectoryURL = repository
    process.standardOutput = pipe
    try process.run()
    var data = Data()
    while let part = try pipe.fileHandleForReading.read(upToCount: 1000), !part.isEmpty {
      data += part
    }
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(String(decoding: data, as: UTF8.self) == whole)
  }

  @Test func filesWithoutAnEnd() throws {
    for words in [
      ["compare", "/dev/zero"], ["mdp", "/dev/zero"],
      ["import", "--csv", "/dev/zero", "--task", "a", "--inputs", "b", "--targets", "c"],
    ] { try BadInputTests.expectRefusal(words, "/dev/zero: is longer than") }
    let run = try Demo(shell: "\"$0\" compare - < /dev/zero")
    #expect(run.status == 2 && run.error.contains("standard input: is longer than"))
  }

  /// A limit on the size of files ends in one line, the old file as it was, and nothing beside it.
  @Test(arguments: ["", "old"]) func aLimitOnTheSizeOfFiles(_ old: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a.svg")
    if !old.isEmpty { try Data(old.utf8).write(to: file) }
    let run = try Demo(shell: "ulimit -f 1; \"$0\" dial --svg '\(file.path)'")
    #expect(run.status == 2 && run.output.isEmpty)
    #expect(run.error.contains("--svg \(file.path): cannot be written (file too large)"))
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(left == (old.isEmpty ? [] : ["a.svg"]))
    if !old.isEmpty { #expect(try String(contentsOf: file, encoding: .utf8) == old) }
  }
}
