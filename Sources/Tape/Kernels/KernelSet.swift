import AVX2Kernels
import AVX512Kernels
import BaselineKernels
import KernelInterface
import Processor

/// The loops of `Loop`, compiled for one kind of processor.
///
/// Those with fused multiply-adds give the same bits.
package enum KernelSet: String, CaseIterable, Sendable {
  /// For any x86-64, or for arm64, all of which fuse.
  case baseline
  /// For x86-64-v3: since 2013 or so.
  case avx2
  /// For x86-64-v4.
  case avx512

  /// The sets that this processor can run, the fastest last.
  package static var available: [KernelSet] {
    [.baseline] + (processorHasAVX2() ? [.avx2] : []) + (processorHasAVX512() ? [.avx512] : [])
  }

  /// Why a name is not that of a set which this processor can run; nil if it is.
  package static func objection(to name: String) -> String? {
    guard let set = KernelSet(rawValue: name) else {
      return "TAPE_KERNELS: there are no kernels '\(name)', but "
        + allCases.map(\.rawValue).joined(separator: ", ")
    }
    if available.contains(set) { return nil }
    return "TAPE_KERNELS: this processor cannot run the kernels '\(name)', but "
      + available.map(\.rawValue).joined(separator: ", ")
  }

  /// The one that `TAPE_KERNELS` names in the environment, or the fastest; asked for once.
  ///
  /// A name that is wrong stops with a message.
  package static let chosen: KernelSet = {
    let fastest = available[available.count - 1]
    guard let name = requested else { return fastest }
    if let objection = objection(to: name) { stop(objection) }
    return KernelSet(rawValue: name) ?? fastest
  }()

  /// The value of `TAPE_KERNELS`; nil where there is none, or an empty one.
  package static var requested: String? {
    environment("TAPE_KERNELS").flatMap { $0.isEmpty ? nil : $0 }
  }

  func kernel(_ loop: Loop) -> Kernel {
    switch self {
    case .baseline: BaselineKernels.kernel(loop)
    case .avx2: AVX2Kernels.kernel(loop)
    case .avx512: AVX512Kernels.kernel(loop)
    }
  }
}
