import Foundation
import Meta

/// What the kernels were compiled to use.
#if AVX512_KERNELS
  private let requiredInstructions = [
    "avx2", "fma", "bmi2", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl",
  ]
#elseif AVX2_KERNELS
  private let requiredInstructions = ["avx2", "fma", "bmi2"]
#else
  private let requiredInstructions: [String] = []
#endif

/// Which of the required instructions a processor lacks, by its description in Linux's
/// `/proc/cpuinfo`; none where there is no such description.
package func missingInstructions(_ required: [String], _ description: String) -> [String] {
  let flags = description.split(separator: "\n").first { $0.hasPrefix("flags") }
  guard let words = flags?.split(whereSeparator: \.isWhitespace) else { return [] }
  return required.filter { !words.contains(Substring($0)) }
}

/// Refuses a processor on which the kernels would crash, before any of them is called.
func requireProcessor() throws {
  #if os(Linux)
    if requiredInstructions.isEmpty { return }
    let description = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let missing = missingInstructions(requiredInstructions, description ?? "")
    if !missing.isEmpty {
      throw UserError(
        "this processor lacks \(missing.list), for which the program was built; build it here, or "
          + "with TAPE_PROCESSOR=x86-64 for any x86-64")
    }
  #endif
}
