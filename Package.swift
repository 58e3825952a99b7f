// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "tape",
  products: [
    .library(name: "Tape", targets: ["Tape"]),
    .library(name: "Nets", targets: ["Nets"]),
    .library(name: "Meta", targets: ["Meta"]),
    .executable(name: "autodiff-demo", targets: ["autodiff-demo"]),
  ],
  targets: [
    .target(name: "Tape"),
    .target(name: "Nets", dependencies: ["Tape"]),
    .target(name: "Meta", dependencies: ["Tape", "Nets"]),
    .executableTarget(name: "autodiff-demo", dependencies: ["Tape", "Nets", "Meta"]),
    .target(
      name: "TestSupport", dependencies: ["Tape", "Nets", "Meta"], path: "Tests/TestSupport"),
    .testTarget(name: "TapeTests", dependencies: ["Tape", "TestSupport"]),
    .testTarget(name: "NetsTests", dependencies: ["Nets", "TestSupport"]),
    .testTarget(name: "MetaTests", dependencies: ["Meta", "TestSupport"]),
    .testTarget(name: "AutodiffDemoTests", dependencies: ["autodiff-demo", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
