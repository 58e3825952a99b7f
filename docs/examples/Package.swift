// swift-tools-version: 6.2

import PackageDescription

// The name is given because the folder of a checkout may be called anything.
let tape: [Target.Dependency] = ["Tape", "Nets", "Meta"].map {
  .product(name: $0, package: "tape")
}

let package = Package(
  name: "extensions",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "tape", path: "../..")],
  targets: [
    .target(name: "Extensions", dependencies: tape),
    .executableTarget(name: "compare-extensions", dependencies: tape + ["Extensions"]),
    .target(name: "BilevelTable", dependencies: tape + ["Extensions"]),
    .executableTarget(name: "bilevel-table", dependencies: ["BilevelTable"]),
    .testTarget(name: "ExtensionsTests", dependencies: tape + ["Extensions", "BilevelTable"]),
  ],
  swiftLanguageModes: [.v6]
)
