// swift-tools-version: 6.2

import Foundation
import PackageDescription

// The kernels are compiled for the widest registers of the processor that builds them: AVX-512
// (x86-64-v4), AVX2 with fused multiply-adds (x86-64-v3), or what any x86-64 has. For another machine
// than this one, say which: TAPE_PROCESSOR=x86-64-v3 swift build. Arm64 has all it needs by default.
#if arch(x86_64)
  func buildProcessor() -> String {
    let description = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let flags = description?.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    let has = Set(flags.split(separator: " "))
    if !has.isSuperset(of: ["avx2", "fma", "bmi2"]) && description != nil { return "x86-64" }
    return has.isSuperset(of: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
      ? "x86-64-v4" : "x86-64-v3"
  }
  let processor = Context.environment["TAPE_PROCESSOR"] ?? buildProcessor()
  let kernels: [SwiftSetting] =
    switch processor {
    case "x86-64": []
    case "x86-64-v4": [.define("FUSED_MULTIPLY_ADD"), .define("AVX512_KERNELS")]
    default: [.define("FUSED_MULTIPLY_ADD"), .define("AVX2_KERNELS")]
    }
  let target: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=\(processor)"])]
#else
  let kernels: [SwiftSetting] = [.define("FUSED_MULTIPLY_ADD")]
  let target: [SwiftSetting] = []
#endif

// Debug builds, and the tests with them, run some forty times faster if the engine is optimised there too.
let engine: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let package = Package(
  name: "tape",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Tape", targets: ["Tape"]),
    .library(name: "Nets", targets: ["Nets"]),
    .library(name: "Meta", targets: ["Meta"]),
    .library(name: "Studies", targets: ["Studies"]),
    .executable(name: "autodiff-demo", targets: ["autodiff-demo"]),
  ],
  targets: [
    .target(name: "Tape", swiftSettings: kernels + target + engine),
    .target(name: "Nets", dependencies: ["Tape"]),
    .target(name: "Meta", dependencies: ["Tape", "Nets"], exclude: ["Studies"]),
    // Studies of papers apply the library; who links Meta does not link them.
    .target(name: "Studies", dependencies: ["Tape", "Nets", "Meta"], path: "Sources/Meta/Studies"),
    .executableTarget(
      name: "autodiff-demo", dependencies: ["Tape", "Nets", "Meta", "Studies"],
      swiftSettings: kernels),
    .target(
      name: "TestSupport", dependencies: ["Tape", "Nets", "Meta"], path: "Tests/TestSupport"),
    .testTarget(name: "TapeTests", dependencies: ["Tape", "TestSupport"]),
    .testTarget(name: "NetsTests", dependencies: ["Nets", "TestSupport"]),
    .testTarget(name: "MetaTests", dependencies: ["Meta", "Studies", "TestSupport"]),
    .testTarget(name: "AutodiffDemoTests", dependencies: ["autodiff-demo", "TestSupport"]),
    .testTarget(
      name: "CourseTests", dependencies: ["Tape", "Nets", "Meta", "Studies", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
