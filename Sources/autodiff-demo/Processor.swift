import Foundation

/// What the kernels were compiled to use and a processor lacks, by its description in Linux's
/// `/proc/cpuinfo`; nothing where there is no such description.
package func missingInstructions(_ description: String) -> [String] {
  let flags = description.split(separator: "\n").first { $0.hasPrefix("flags") }
  guard let words = flags?.split(whereSeparator: \.isWhitespace) else { return [] }
  return ["avx2", "fma", "bmi2"].filter { !words.contains(Substring($0)) }
}

/// Refuses a processor on which the kernels would crash, before any of them is called.
func requireProcessor() throws {
  #if AVX2_KERNELS && os(Linux)
    let description = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let missing = missingInstructions(description ?? "")
    if !missing.isEmpty {
      throw UserError(
        "this processor lacks \(missing.list); build with TAPE_PROCESSOR=x86-64 for any x86-64")
    }
  #endif
}
