// swift-tools-version: 6.2
// Benchmarks stand in a package of their own, so that nobody who builds Doorbell builds them.
import PackageDescription

let package = Package(
  name: "bench",
  dependencies: [.package(name: "doorbell", path: "../..")],
  targets: [
    .executableTarget(
      name: "bench",
      dependencies: [
        .product(name: "DoorbellModels", package: "doorbell")
      ])
  ]
)
