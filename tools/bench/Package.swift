// swift-tools-version: 6.2
// Benchmarks stand in a package of their own, so that nobody who builds Doorbell builds them.
import PackageDescription

let package = Package(
  name: "bench",
  dependencies: [.package(name: "doorbell", path: "../..")],
  targets: [
    // Counts every malloc of the process.
    .target(name: "AllocationCount"),
    .executableTarget(
      name: "bench",
      dependencies: [
        "AllocationCount",
        .product(name: "DoorbellModels", package: "doorbell"),
      ]),
  ]
)
