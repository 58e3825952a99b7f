import Foundation
import TestSupport
import Testing

/// Damaged input of every kind ends in an answer or in one line, and never in a stop.
@Suite struct FuzzTests {
  /// Tries 10 000 inputs, or as many as `FUZZ_INPUTS` says, in a process of their own.
  ///
  /// Each depends on its number alone: `FUZZ_FIRST=4711 FUZZ_INPUTS=1` tries one again, in this process, where its
  /// stop can be seen.
  @Test func noInputStopsTheProgram() async throws {
    try? FileManager.default.removeItem(at: Self.log)
    if ProcessInfo.processInfo.environment["FUZZ_FIRST"] == nil {
      await #expect(processExitsWith: .success) { try FuzzTests.run() }
    } else {
      try Self.run()
    }
    let lines = try String(contentsOf: Self.log, encoding: .utf8).split(separator: "\n")
    let findings = lines.filter { $0.hasPrefix("finding") }
    for line in findings.prefix(20) { Issue.record("\(line)") }
    #expect(findings.isEmpty, "\(findings.count) findings")
    #expect(lines.last?.contains("inputs") == true, "stopped at input \(lines.last ?? "")")
    print(lines.last ?? "")
  }

  /// What was tried, line by line; the last one is of the input that stopped the process, if one did.
  private static let log = FileManager.default.temporaryDirectory
    .appendingPathComponent(
      "fuzzing-\(ProcessInfo.processInfo.environment["FUZZ_FIRST"] ?? "ci").log")

  private static func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let first = Int(environment["FUZZ_FIRST"] ?? "") ?? 0
    let count = Int(environment["FUZZ_INPUTS"] ?? "") ?? 10_000
    try Data().write(to: log)
    let file = try FileHandle(forWritingTo: log)
    func note(_ line: String) throws { try file.write(contentsOf: Data("\(line)\n".utf8)) }
    let fuzzing = try Fuzzing()
    defer { fuzzing.removeFiles() }
    for number in first..<first + count {
      try note("\(number)")
      #if os(Linux)
        // What takes a minute of computing has hung.
        var timer = itimerval()
        timer.it_value.tv_sec = 60
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
      #endif
      if let finding = try fuzzing.finding(UInt64(number)) {
        try note("finding \(number): \(finding)")
      }
    }
    try note(fuzzing.summary)
  }
}
