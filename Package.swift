// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of the package is compiled with.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A target under `Sources/`, in dependency order: each may name only targets above it.
func layer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of one target, or of one subject.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
  name: "doorbell",
  products: [
    .executable(name: "doorbell", targets: ["doorbell"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CGLib", pkgConfig: "glib-2.0", providers: [.apt(["libglib2.0-dev"])]),
    layer("GLibSupport", ["CGLib"]),
    layer("Bits"),
    layer("ArmFormats", ["Bits"]),
    layer("Memory", ["Bits"]),
    layer("Simulation", ["GLibSupport"]),
    layer("SMMU", ["Bits", "ArmFormats", "Memory"]),
    layer("GIC", ["Bits", "ArmFormats", "Memory"]),
    layer("PCI", ["Bits", "ArmFormats", "Memory"]),
    layer("HostKernel", ["Bits", "ArmFormats", "Memory", "SMMU", "GIC", "PCI"]),
    layer("VMM", ["Bits", "ArmFormats", "Memory", "PCI", "HostKernel"]),
    layer("Guest", ["Bits", "ArmFormats", "Memory", "PCI"]),
    layer(
      "Designs",
      [
        "Bits", "ArmFormats", "Memory", "Simulation", "SMMU", "GIC", "PCI", "HostKernel", "VMM",
        "Guest",
      ]),
    layer(
      "Scenarios",
      [
        "Bits", "Simulation", "Designs", "GLibSupport", "Yams",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    layer("Gzip", ["CZlib"]),
    layer("JSON"),
    layer("InputFiles", ["Gzip", "JSON"]),
    layer("Decode", ["Bits", "ArmFormats", "JSON"]),
    layer("Images", ["Bits", "ArmFormats", "Memory", "SMMU", "JSON", "InputFiles", "Decode"]),
    layer("Vectors", ["Bits", "ArmFormats", "Memory", "SMMU", "GIC", "JSON", "InputFiles"]),
    layer("Reports", ["Bits", "Designs", "Scenarios"]),
    layer("Fuzz", ["Bits", "ArmFormats", "Memory", "SMMU", "GIC"]),
    .executableTarget(
      name: "doorbell",
      dependencies: [
        "Scenarios", "Reports", "Vectors", "Images", "Decode", "InputFiles", "JSON",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    tests("BitsTests", ["Bits"]),
    tests("MemoryTests", ["Memory", "Bits"]),
    tests("SimulationTests", ["Simulation"]),
    tests("GzipTests", ["Gzip"]),
    tests("FuzzTests", ["Fuzz"]),
    tests("JSONTests", ["JSON"]),
    tests("ConformanceTests", ["Decode", "ArmFormats", "Bits"]),
    tests("DecodeTests", ["Decode", "Bits", "ArmFormats", "JSON"]),
    tests("ImagesTests", ["Images", "InputFiles", "JSON", "Bits", "ArmFormats", "Memory", "SMMU"]),
    tests("VectorsTests", ["Vectors", "InputFiles", "JSON"]),
    tests(
      "OracleTests",
      ["Vectors", "Images", "InputFiles", "SMMU", "GIC", "Memory", "Bits", "ArmFormats"],
      resources: [.copy("Fixtures")]),
    tests("ArmFormatsTests", ["ArmFormats", "Bits"]),
    tests("SMMUTests", ["SMMU", "ArmFormats", "Bits", "Memory"]),
    tests("GICTests", ["GIC", "ArmFormats", "Memory", "Bits"], resources: [.copy("Fixtures")]),
    tests("PCITests", ["PCI", "ArmFormats", "Bits"]),
  ]
)

// Built only on request: it needs the fuzzer's own main function (tools/fuzz/README.md).
if Context.environment["DOORBELL_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "doorbell-fuzz", dependencies: ["Fuzz"], path: "tools/fuzz",
      exclude: ["README.md"],
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
