import Foundation
import Meta

/// Refuses what would not fit in the memory of this machine, before any of it is asked for.
func requireMemory(_ bytes: Int, _ place: String, _ what: String) throws {
  let available = Int(clamping: ProcessInfo.processInfo.physicalMemory)
  if bytes > available {
    throw MetaProblemError(
      place, "\(what) would need \(bytes.bytes), but this machine has \(available.bytes)")
  }
}

extension MetaProblem {
  /// The meta-gradient, refused in one line if it would not fit in memory or is not finite.
  func checkedMetaGradient(_ method: Method, by route: Route) throws -> MetaGradient {
    try requireMemory(
      predictedCost(method, by: route).peakBytes, "adaptation.steps",
      "\(steps) steps by route \(route.rawValue)")
    let result = metaGradient(method, by: route)
    let isFinite = result.gradient.values.allSatisfy { $0.elements.allSatisfy(\.isFinite) }
    if !isFinite || !result.loss.isFinite {
      throw MetaProblemError(
        "adaptation.learningRate",
        "\(method.rawValue) is not finite after \(steps) steps of rate \(learningRate) "
          + "(meta-loss \(result.loss.isNaN ? .nan : result.loss)): the inner loop diverges")
    }
    return result
  }
}
