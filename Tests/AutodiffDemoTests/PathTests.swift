import Foundation
import TestSupport
import Testing

/// A path is what the system takes it for, and no output takes the place of something that is needed.
@Suite final class PathTests {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: fixtures.appendingPathComponent("linear-1step.json"),
      to: folder.appendingPathComponent("in.json"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.appendingPathComponent("link.json").path, withDestinationPath: "in.json")
    try FileManager.default.createSymbolicLink(
      atPath: folder.appendingPathComponent("nothing").path, withDestinationPath: "nowhere")
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
  }

  private func run(_ command: String) throws -> Demo {
    try Demo(shell: "cd '\(folder.path)' && HOME=. \"$0\" \(command)")
  }

  @Test(arguments: [
    ("dial - --svg in.json < in.json", "--svg in.json: is the problem itself"),
    ("dial - --svg link.json < in.json", "--svg link.json: is the problem itself"),
    ("dial link.json --svg in.json", "--svg in.json: is the problem itself"),
    ("dial /dev/stdin --svg in.json < in.json", "--svg in.json: is the problem itself"),
    ("import --csv in.json --task a --inputs b --targets c --out in.json", "is the problem itself"),
    ("predict in.json --csv - --out link.json < in.json", "does not say how it was made"),
    ("represent --csv X --svg ./X", "represent: --svg and --csv are one file, X"),
    ("sinusoid --csv c --checkpoint c", "sinusoid: --checkpoint and --csv are one file, c"),
    ("train in.json --curves c --svg c", "train: --curves and --svg are one file"),
    ("hypergradients --rows a --svg a", "hypergradients: --svg and --rows are one file, a"),
    ("sinusoid --checkpoint nothing", "--checkpoint nothing: is a link to what is not there"),
    ("dial --svg nothing", "--svg nothing: is a link to what is not there"),
  ]) func oneFileForTwoThings(_ command: String, _ message: String) throws {
    let before = try files
    let run = try run(command)
    #expect(run.status == 2 && run.output.isEmpty)
    #expect(run.error.contains(message), "\(run.error)")
    #expect(try files == before)
    #expect(
      FileManager.default.contentsEqual(
        atPath: folder.appendingPathComponent("in.json").path,
        andPath: fixtures.appendingPathComponent("linear-1step.json").path))
  }

  /// Inputs know no home either, so that one name is one file.
  @Test(arguments: ["~", "~x", "~root", "~/a"]) func aTildeIsALetter(_ name: String) throws {
    if name.contains("/") {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("~"), withIntermediateDirectories: true)
    }
    #expect(try run("dial --svg '\(name)'").status == 0)
    #expect(FileManager.default.fileExists(atPath: folder.path + "/" + name))
    let run = try run("compare '\(name)'")
    #expect(run.error.hasPrefix("autodiff-demo: \(name): not valid JSON"))
  }

  @Test func outputsGoThroughLinksAndKeepTheirRights() throws {
    let file = folder.appendingPathComponent("in.json")
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file.path)
    #expect(try run("dial --svg link.json").status == 0)
    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
    #expect(attributes[.posixPermissions] as? Int == 0o640)
    #expect(try String(contentsOf: file, encoding: .utf8).hasPrefix("<svg"))
    #expect(try files == ["in.json", "link.json", "nothing"])
  }
}
