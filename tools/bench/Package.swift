// swift-tools-version: 6.2
// Benchmarks stand in a package of their own, so that a build of Doorbell leaves them out.
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
