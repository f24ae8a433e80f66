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
    .systemLibrary(name: "CMemfd"),
    layer("GLibSupport", ["CGLib"]),
    layer("Bits"),
    layer("ArmFormats", ["Bits"]),
    layer("Memory", ["Bits", "CMemfd"]),
    layer("Simulation", ["GLibSupport"]),
    layer("SMMU", ["Bits", "ArmFormats", "Memory"]),
    layer("GIC", ["Bits", "ArmFormats", "Memory"]),
    layer("PCI", ["Bits", "ArmFormats", "Memory"]),
    layer("Machine", ["Bits", "ArmFormats", "Memory", "SMMU", "GIC", "PCI"]),
    .systemLibrary(name: "CFdt", providers: [.apt(["libfdt-dev"])]),
    layer("DeviceTree", ["CFdt"]),
    layer("Firmware", ["Bits", "DeviceTree"]),
    layer("Flows", ["Bits"]),
    layer("Linux", ["Bits", "ArmFormats", "Flows"]),
    layer("HostKernel", ["Bits", "ArmFormats", "Flows", "Linux"]),
    layer("VMM", ["Bits", "ArmFormats", "Memory", "Firmware", "Flows", "HostKernel"]),
    layer("Guest", ["Bits", "ArmFormats", "Firmware", "Flows", "Linux"]),
    layer(
      "Designs",
      [
        "Bits", "ArmFormats", "Memory", "Simulation", "SMMU", "GIC", "PCI", "Machine", "Firmware",
        "Flows", "Linux", "HostKernel", "VMM", "Guest",
      ]),
    layer(
      "Scenarios",
      [
        "Bits", "ArmFormats", "Simulation", "Flows", "Linux", "HostKernel", "VMM", "Guest",
        "Designs",
        "GLibSupport", "Yams",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    layer("Gzip", ["CZlib"]),
    layer("JSON"),
    layer("InputFiles", ["Gzip", "JSON"]),
    layer(
      "FirmwareReports", ["Bits", "Firmware", "DeviceTree", "HostKernel", "JSON", "InputFiles"]),
    layer("Decode", ["Bits", "ArmFormats", "JSON"]),
    layer("Images", ["Bits", "ArmFormats", "Memory", "SMMU", "JSON", "InputFiles", "Decode"]),
    layer("Vectors", ["Bits", "ArmFormats", "Memory", "SMMU", "GIC", "JSON", "InputFiles"]),
    layer(
      "Reports",
      [
        "Bits", "Guest", "Linux", "Simulation", "Flows", "HostKernel", "VMM", "Designs",
        "Scenarios",
      ]),
    .executableTarget(
      name: "doorbell",
      dependencies: [
        "Guest", "Linux", "Designs", "Scenarios", "Reports", "Vectors", "Images", "Decode",
        "InputFiles", "JSON", "FirmwareReports",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    tests("BitsTests", ["Bits"]),
    tests("MemoryTests", ["Memory", "Bits"]),
    tests(
      "DesignsTests", ["Bits", "Designs", "Guest", "HostKernel", "Linux", "Scenarios", "VMM"]),
    tests("SimulationTests", ["Simulation"]),
    tests("ArmFormatsTests", ["ArmFormats", "Bits"]),
    tests("GICTests", ["GIC", "ArmFormats", "Memory", "Bits"], resources: [.copy("Fixtures")]),
    tests(
      "FirmwareTests",
      [
        "Firmware", "FirmwareReports", "DeviceTree", "Bits", "VMM", "HostKernel", "InputFiles",
        "JSON",
      ],
      resources: [.copy("Fixtures")]),
    tests("PCITests", ["PCI", "ArmFormats", "Bits"]),
  ]
)
