import Foundation
import TestSupport

/// One run of the built command line, as a user would start it.
struct Demo {
  let status: Int32
  let output: String
  let error: String

  init(_ words: String..., input: String = "") throws {
    try self.init(words, input: input)
  }

  /// - Parameters:
  ///   - megabytes: The memory that it may write to; nil for any.
  ///   - environment: What is added to that of the tests.
  init(
    _ words: [String], input: String = "", megabytes: Int? = nil,
    environment: [String: String] = [:]
  ) throws {
    let limit = megabytes.map { "ulimit -d \(1000 * $0) && " } ?? ""
    try self.init(
      shell: limit + "exec \"$0\" \"$@\"", words, input: input, environment: environment)
  }

  /// - Parameter script: What the shell does, `$0` being the command line and `$@` the words.
  init(
    shell script: String, _ words: [String] = [], input: String = "",
    environment: [String: String] = [:]
  ) throws {
    let process = Process()
    let program = Self.products.appendingPathComponent("autodiff-demo")
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script, program.path] + words
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.currentDirectoryURL = repository
    // Files rather than pipes, so that no answer is too long for a buffer.
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ name: String, _ contents: String = "") throws -> URL {
      let url = folder.appendingPathComponent(name)
      try Data(contents.utf8).write(to: url)
      return url
    }
    let (outputFile, errorFile) = (try file("output"), try file("error"))
    process.standardInput = try FileHandle(forReadingFrom: try file("input", input))
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
    process.waitUntilExit()
    // A trap is told from an exit of the same number.
    status = process.terminationReason == .exit ? process.terminationStatus : -1
    output = String(decoding: try Data(contentsOf: outputFile), as: UTF8.self)
    error = String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
  }

  /// The answer as JSON.
  func json() throws -> [String: Any] {
    let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
    return value as? [String: Any] ?? [:]
  }

  /// Where the package's products lie: beside the test bundle.
  static var products: URL {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    let tests = bundle?.bundleURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return tests.deletingLastPathComponent()
  }
}

/// The names of the reference files.
let references = [
  "digits-5way-1shot", "linear-1step", "linear-5steps", "linear-overparametrized",
  "relu-5steps", "relu-classify", "relu-sinusoid-1step",
]

/// The path of a fixture, as one would type it.
func path(_ reference: String) -> String { "Tests/Fixtures/\(reference).json" }
