// swift-tools-version: 6.2

import PackageDescription

// The kernels are compiled for AVX2 and fused multiply-adds, which x86-64 processors have had since
// about 2013. TAPE_PROCESSOR=x86-64 swift build makes them run on any, x86-64-v4 uses AVX-512. Arm64 has
// all it needs by default.
#if arch(x86_64)
  let target = Context.environment["TAPE_PROCESSOR"] ?? "x86-64-v3"
  let isBaseline = target == "x86-64"
  let kernels: [SwiftSetting] =
    isBaseline ? [] : [.unsafeFlags(["-Xcc", "-march=\(target)"]), .define("FUSED_MULTIPLY_ADD")]
  let demo: [SwiftSetting] = isBaseline ? [] : [.define("AVX2_KERNELS")]
#else
  let kernels: [SwiftSetting] = [.define("FUSED_MULTIPLY_ADD")]
  let demo: [SwiftSetting] = []
#endif

let package = Package(
  name: "tape",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Tape", targets: ["Tape"]),
    .library(name: "Nets", targets: ["Nets"]),
    .library(name: "Meta", targets: ["Meta"]),
    .executable(name: "autodiff-demo", targets: ["autodiff-demo"]),
  ],
  targets: [
    .target(name: "Tape", swiftSettings: kernels),
    .target(name: "Nets", dependencies: ["Tape"]),
    .target(name: "Meta", dependencies: ["Tape", "Nets"]),
    .executableTarget(
      name: "autodiff-demo", dependencies: ["Tape", "Nets", "Meta"], swiftSettings: demo),
    .target(
      name: "TestSupport", dependencies: ["Tape", "Nets", "Meta"], path: "Tests/TestSupport"),
    .testTarget(name: "TapeTests", dependencies: ["Tape", "TestSupport"]),
    .testTarget(name: "NetsTests", dependencies: ["Nets", "TestSupport"]),
    .testTarget(name: "MetaTests", dependencies: ["Meta", "TestSupport"]),
    .testTarget(name: "AutodiffDemoTests", dependencies: ["autodiff-demo", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
