// swift-tools-version: 6.2

import PackageDescription

// Debug builds, and the tests with them, run some forty times faster if the engine is optimised there too.
let engine: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

// As a whole, so that the loops leave no function behind that other modules have too.
let whole: [SwiftSetting] = [
  .unsafeFlags(["-wmo", "-num-threads", "1", "-disable-batch-mode"], .when(configuration: .debug))
]

// The loops are compiled once for each kind of processor, and Tape chooses when the program starts. The folders
// are links to one. Where the target is no x86-64, the extra copies are compiled as the first is, and not used.
let kernels = "Sources/Tape/Kernels"
func loops(_ name: String, _ folder: String, march: String, define: [String]) -> Target {
  let processor = [
    "-Xcc", "-Xarch_x86_64", "-Xcc", "-march=\(march)", "-Xcc", "-Wno-unused-command-line-argument",
  ]
  return .target(
    name: name, dependencies: ["KernelInterface"], path: "\(kernels)/\(folder)",
    swiftSettings: define.map { .define($0) } + [.unsafeFlags(processor)] + engine + whole)
}

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
    .target(name: "Processor", path: "\(kernels)/Processor"),
    .target(name: "KernelInterface", path: "\(kernels)/Interface", swiftSettings: engine),
    loops("BaselineKernels", "Loops", march: "x86-64", define: []),
    loops("AVX2Kernels", "LoopsAVX2", march: "x86-64-v3", define: ["FUSED_MULTIPLY_ADD"]),
    loops(
      "AVX512Kernels", "LoopsAVX512", march: "x86-64-v4",
      define: ["FUSED_MULTIPLY_ADD", "AVX512_KERNELS"]),
    .target(
      name: "Tape",
      dependencies: [
        "Processor", "KernelInterface", "BaselineKernels", "AVX2Kernels", "AVX512Kernels",
      ],
      exclude: ["Processor", "Interface", "Loops", "LoopsAVX2", "LoopsAVX512"].map {
        "Kernels/\($0)"
      },
      swiftSettings: engine),
    .target(name: "Nets", dependencies: ["Tape"]),
    .target(name: "Meta", dependencies: ["Tape", "Nets"], exclude: ["Studies"]),
    // Studies of papers apply the library; who links Meta does not link them.
    .target(name: "Studies", dependencies: ["Tape", "Nets", "Meta"], path: "Sources/Meta/Studies"),
    .executableTarget(
      name: "autodiff-demo", dependencies: ["Tape", "Nets", "Meta", "Studies"]),
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
