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

/// Whether 'doorbell sweep' is a part of 'doorbell', as in a release, and not a program of its own.
let isWhole = Context.environment["DOORBELL_WHOLE"] != nil

/// Whether debug builds optimise the models, too: the suite runs each scenario under each design, and
/// takes a third of the time then. Not for a package that depends on this one, from which SwiftPM
/// takes no unsafe flags, nor for those who step through the models.
let optimisesModels =
  Context.environment["DOORBELL_DEBUG_MODELS"] == nil
  && !Context.packageDirectory.contains("/checkouts/")

/// The targets in which the suite spends its time.
let models: Set = [
  "Bits", "ArmFormats", "Memory", "Simulation", "Timing", "SMMU", "GIC", "PCI", "Machine",
  "RISCVFormats", "RISCV", "VTD", "AMDIOMMU", "Software", "Linux", "IOMMU", "HostKernel", "KVM",
  "VMM", "Guest", "Designs", "Engine", "Attacks", "Files",
]

/// A target under `Sources/`, in dependency order: each may name only targets above it.
func layer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  let optimised: [SwiftSetting] =
    optimisesModels && models.contains(name)
    ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []
  return .target(name: name, dependencies: dependencies, swiftSettings: strict + optimised)
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
    .executable(name: "doorbell", targets: ["doorbell"]),
    // 'doorbell sweep'. A program of its own, since SQLite's wrapper, which sweeps alone need,
    // would double the time of the first build.
    .executable(name: "doorbell-sweep", targets: ["doorbell-sweep"]),
    // The models, for those who build something else on them.
    .library(
      name: "DoorbellModels",
      targets: [
        "Bits", "ArmFormats", "Memory", "Simulation", "Timing", "SMMU", "GIC", "PCI", "Machine",
        "Linux",
        "HostKernel", "KVM", "VMM", "Guest", "Designs", "Engine",
      ]),
  ],
  // Exact versions: the same sources and the same input give the same bytes of output.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    // What the histogram uses, pinned as well.
    .package(url: "https://github.com/apple/swift-numerics", exact: "1.1.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CGLib", pkgConfig: "glib-2.0", providers: [.apt(["libglib2.0-dev"])]),
    .systemLibrary(name: "CMemfd"),
    layer("GLibSupport", ["CGLib"]),
    layer("Bits"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    layer("Files", ["CZlib", "Yams"]),
    layer("ArmFormats", ["Bits"]),
    layer("Memory", ["Bits", "CMemfd"]),
    layer("Simulation", ["GLibSupport"]),
    layer("Timing", ["Simulation", "GLibSupport"]),
    layer("SMMU", ["Bits", "ArmFormats", "Memory"]),
    layer("GIC", ["Bits", "ArmFormats", "Memory"]),
    layer("PCI", ["Bits", "ArmFormats", "Memory"]),
    layer("RISCVFormats", ["Bits", "ArmFormats"]),
    layer("RISCV", ["Bits", "ArmFormats", "Memory", "RISCVFormats"]),
    layer("VTD", ["Bits", "ArmFormats", "Memory"]),
    layer("AMDIOMMU", ["Bits", "ArmFormats", "Memory"]),
    layer("Machine", ["Bits", "ArmFormats", "Memory", "SMMU", "GIC", "PCI"]),
    layer("Platforms", ["Bits", "Memory", "PCI", "Machine", "RISCVFormats", "RISCV", "VTD"]),
    .systemLibrary(name: "CFdt", providers: [.apt(["libfdt-dev"])]),
    layer("Firmware", ["Bits", "CFdt"]),
    layer("Software", ["Bits", "ArmFormats", "Memory"]),
    layer("Linux", ["Bits", "ArmFormats", "Software"]),
    layer("IOMMU", ["Bits", "Software", "Linux", "GLibSupport"]),
    layer("HostKernel", ["Bits", "ArmFormats", "GIC", "Software", "Linux", "IOMMU"]),
    layer("KVM", ["Bits", "ArmFormats", "Memory", "GIC", "Software", "Linux", "HostKernel"]),
    layer(
      "VMM",
      [
        "Machine",
        "Bits", "ArmFormats", "Memory", "SMMU", "Firmware", "Software", "Linux", "IOMMU",
        "HostKernel",
      ]),
    layer("Guest", ["Bits", "ArmFormats", "Firmware", "Software", "Linux", "IOMMU"]),
    layer(
      "Designs",
      [
        "Bits", "ArmFormats", "Memory", "Simulation", "SMMU", "GIC", "PCI", "Machine", "Software",
        "Linux", "HostKernel", "VMM", "Guest", "Timing",
      ]),
    layer(
      "RISCVSystem",
      [
        "Bits", "ArmFormats", "Memory", "Simulation", "PCI", "RISCVFormats", "RISCV", "Machine",
        "Platforms", "Software", "Linux", "HostKernel", "VMM", "Guest", "Timing", "Designs",
      ]),
    layer(
      "Engine",
      [
        "RISCVSystem",
        "Bits", "ArmFormats", "Memory", "Simulation", "SMMU", "GIC", "PCI", "Machine", "Firmware",
        "Software", "Linux", "IOMMU", "HostKernel", "KVM", "VMM", "Guest", "GLibSupport", "Timing",
        "Designs",
      ]),
    layer(
      "Attacks",
      [
        "RISCVSystem",
        "Bits", "ArmFormats", "Memory", "Simulation", "SMMU", "GIC", "PCI", "Machine", "Software",
        "Linux", "IOMMU", "HostKernel", "KVM", "VMM", "Guest", "Timing", "Designs", "Engine",
      ]),
    layer("Facts", ["Files"]),
    layer(
      "Inspect",
      [
        "Bits", "ArmFormats", "Memory", "SMMU", "GIC", "RISCVFormats", "RISCV", "VTD", "AMDIOMMU",
        "Firmware", "IOMMU", "Files", "Software", "Linux", "Guest", "HostKernel", "VMM", "Machine",
      ]),
    layer(
      "Scenarios",
      [
        "Attacks", "Engine",
        "GIC", "PCI", "Machine",
        "Bits", "ArmFormats", "SMMU", "Simulation", "Software", "Linux", "HostKernel", "VMM",
        "Guest",
        "Designs", "GLibSupport", "Files", "Timing",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "Numerics", package: "swift-numerics"),
      ]),
    layer(
      "Scripts",
      [
        "KVM", "Engine",
        "Bits", "ArmFormats", "Memory", "SMMU", "GIC", "PCI", "RISCVFormats", "RISCV", "Machine",
        "Platforms", "VTD", "Software", "Linux", "IOMMU", "HostKernel", "VMM", "Guest", "Designs",
        "Files", "Scenarios",
      ]),
    layer(
      "Published",
      [
        "Bits", "ArmFormats", "Memory", "Simulation", "Timing", "SMMU", "Software", "Linux",
        "GLibSupport", "Files", "Scenarios", "Scripts",
      ]),
    layer(
      "Reports",
      [
        "Engine", "Attacks",
        "ArmFormats", "GIC", "PCI", "Machine",
        "Bits", "Firmware", "Inspect", "Guest", "Linux", "IOMMU", "Simulation", "Software",
        "HostKernel", "VMM", "Designs", "Files", "Scenarios", "Scripts", "Published", "Timing",
      ]),
    layer(
      "Replay",
      [
        "Bits", "ArmFormats", "Memory", "SMMU", "GIC", "Firmware", "Linux", "Guest", "Designs",
        "Files", "GLibSupport", "Inspect", "Scenarios", "Timing",
      ]),
    layer("Diagnosis", ["Bits", "ArmFormats", "Firmware", "Files", "Inspect"]),
    layer(
      "Sweeps",
      ["Engine", "Designs", "Simulation", "Timing", "GLibSupport", "Files", "Scenarios", "Reports"]),
    layer(
      "Fuzz",
      [
        "Bits", "ArmFormats", "Memory", "SMMU", "GIC", "Firmware", "Files", "Inspect", "Scenarios",
        "Scripts", "Replay", "Diagnosis", "Sweeps",
      ]),
    layer(
      "SweepFiles",
      ["Files", "Scenarios", "Sweeps", .product(name: "GRDB", package: "GRDB.swift")]),
    layer(
      "HTMLReports",
      [
        "Attacks",
        "ArmFormats", "PCI", "Machine",
        "Bits", "Files", "SMMU", "Simulation", "Software", "VMM", "Designs", "Scenarios", "Reports",
        .product(name: "Mustache", package: "swift-mustache"),
      ]),
    layer(
      "Console",
      [
        "Files", "Scenarios", "Reports",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    layer(
      "SweepCommands",
      [
        "Console", "Files", "Scenarios", "Reports", "Sweeps", "SweepFiles",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "doorbell-sweep",
      dependencies: [
        "Console", "SweepCommands",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "doorbell",
      dependencies: [
        "Machine", "Timing",
        "Engine", "Attacks",
        "VMM", "Guest", "Linux", "IOMMU", "Firmware", "Designs", "Scenarios", "Scripts", "Software",
        "Published", "Reports", "Inspect", "Diagnosis", "Console", "Sweeps", "HTMLReports", "Files",
        "Replay", "Facts",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + (isWhole ? ["SweepCommands"] : []),
      swiftSettings: strict + (isWhole ? [.define("WHOLE")] : [])),

    .target(name: "TestRandom", path: "Tests/TestRandom", swiftSettings: strict),
    tests("BitsTests", ["Bits"]),
    tests("FactsTests", ["Facts", "Files"]),
    tests("MemoryTests", ["Memory", "Bits"]),
    tests(
      "EngineTests",
      [
        "TestRandom", "ArmFormats", "Attacks", "Bits", "Designs", "Engine", "GIC", "Guest",
        "HostKernel", "KVM", "Linux", "Machine", "Memory", "PCI", "SMMU", "Scenarios", "Simulation",
        "Software", "Timing", "VMM",
      ]),
    tests("SoftwareTests", ["Software", "ArmFormats", "Memory", "Bits"]),
    tests(
      "LinuxTests", ["TestRandom", "Linux", "Software", "ArmFormats", "Memory", "SMMU", "Bits"]),
    tests("GLibSupportTests", ["GLibSupport", "TestRandom"]),
    tests("IOMMUTests", ["TestRandom", "IOMMU", "Linux", "Software", "Bits"]),
    tests(
      "ScriptsTests",
      [
        "Engine", "Attacks",
        "Machine",
        "Scripts", "Designs", "Scenarios", "Reports", "IOMMU", "Files", "Bits", "Simulation",
        "Timing", "GLibSupport", "Software", "SMMU",
      ],
      resources: [.copy("Fixtures")]),
    tests(
      "PlatformsTests",
      [
        "Platforms", "Machine", "SMMU", "GIC", "PCI", "RISCVFormats", "RISCV", "VTD", "Memory",
        "ArmFormats", "Bits", "TestRandom",
      ]),
    .target(
      name: "HostFixtures",
      dependencies: ["HostKernel", "Linux", "Software", "ArmFormats", "Bits"],
      path: "Tests/HostFixtures", swiftSettings: strict),
    tests(
      "RISCVSystemTests",
      [
        "Attacks", "Designs", "Engine", "Guest", "HostKernel", "Linux", "RISCVSystem", "Scenarios",
        "Software", "Timing", "VMM",
      ]),
    tests("VTDTests", ["TestRandom", "VTD", "ArmFormats", "Memory", "Bits"]),
    tests("AMDIOMMUTests", ["TestRandom", "AMDIOMMU", "ArmFormats", "Memory", "Bits"]),
    tests("RISCVFormatsTests", ["RISCVFormats", "ArmFormats", "Bits"]),
    tests(
      "RISCVTests", ["TestRandom", "RISCV", "RISCVFormats", "ArmFormats", "Memory", "Bits"]),
    tests(
      "HostKernelTests",
      [
        "TestRandom", "HostKernel", "HostFixtures", "Linux", "Software", "GIC", "ArmFormats",
        "Memory", "Bits",
      ]),
    tests(
      "KVMTests",
      [
        "TestRandom", "KVM", "HostKernel", "HostFixtures", "Linux", "Software", "GIC", "ArmFormats",
        "Memory", "Bits",
      ]),
    tests(
      "VMMTests",
      [
        "Machine", "TestRandom", "VMM", "HostKernel", "Firmware", "Software", "ArmFormats",
        "Memory", "Bits",
      ]),
    tests(
      "GuestTests",
      ["TestRandom", "Guest", "Firmware", "Linux", "IOMMU", "Software", "ArmFormats", "Bits"],
      resources: [.copy("Fixtures")]),
    tests(
      "MachineTests",
      ["TestRandom", "Machine", "ArmFormats", "Memory", "SMMU", "GIC", "PCI", "Bits"]),
    tests("TimingTests", ["TestRandom", "Timing", "Simulation", "GLibSupport"]),
    tests("SimulationTests", ["TestRandom", "Simulation", "GLibSupport"]),
    .target(
      name: "ResultFixtures",
      dependencies: [
        "SMMU", "Machine", "Timing",
        "Bits", "Simulation", "Software", "Linux", "HostKernel", "VMM", "Guest", "Designs",
        "Scenarios",
      ],
      path: "Tests/ResultFixtures", swiftSettings: strict),
    tests(
      "ScenariosTests",
      [
        "Attacks", "Engine",
        "GIC", "PCI", "Machine",
        "Bits", "ArmFormats", "SMMU", "Simulation", "Software", "Linux", "HostKernel", "VMM",
        "Guest",
        "Designs", "GLibSupport", "Files", "Scenarios", "ResultFixtures", "Timing", "TestRandom",
      ]),
    tests(
      "ReportsTests",
      [
        "Engine", "Attacks",
        "PCI", "Machine",
        "Bits", "Software", "Simulation", "Linux", "VMM", "Guest", "Designs", "Files",
        "Scenarios", "Reports", "ResultFixtures", "Timing", "Published",
      ]),
    tests(
      "PublishedTests",
      [
        "Timing", "TestRandom", "ResultFixtures", "Published", "Scenarios", "Files", "Simulation",
        "SMMU",
      ]),
    tests(
      "HTMLReportsTests",
      [
        "Attacks",
        "Machine",
        "HTMLReports", "Bits", "Files", "SMMU", "Simulation", "Software", "HostKernel", "VMM",
        "Designs", "Scenarios", "ResultFixtures",
      ]),
    tests(
      "SweepsTests",
      [
        "Engine",
        "Sweeps", "Designs", "Simulation", "Timing", "Scenarios", "Reports", "Files",
        "ResultFixtures",
      ]),
    tests(
      "SweepFilesTests", ["SweepFiles", "Sweeps", "Scenarios", "Files", "ResultFixtures"]),
    tests(
      "CommandLineTests",
      [
        "doorbell", "doorbell-sweep", "ResultFixtures", "Attacks", "Designs", "Files", "Scenarios",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    tests("ArmFormatsTests", ["ArmFormats", "Bits"]),
    tests(
      "GICTests", ["KVM", "TestRandom", "GIC", "ArmFormats", "Memory", "Bits"],
      resources: [.copy("Fixtures")]),
    tests(
      "FirmwareTests",
      [
        "Machine", "TestRandom", "Firmware", "Inspect", "Reports", "Bits", "VMM", "HostKernel",
        "Files",
      ],
      resources: [.copy("Fixtures")]),
    tests("PCITests", ["TestRandom", "PCI", "ArmFormats", "Bits"]),
    .target(
      name: "SMMUFixtures", dependencies: ["SMMU", "ArmFormats", "Bits", "Memory"],
      path: "Tests/SMMUFixtures", swiftSettings: strict),
    tests("SMMUTests", ["TestRandom", "SMMU", "ArmFormats", "Bits", "Memory", "SMMUFixtures"]),
    tests(
      "ReplayTests",
      [

        "TestRandom", "Replay", "Files", "ArmFormats", "Bits", "Scenarios", "Designs", "Guest",
        "ResultFixtures", "Timing",
      ],
      resources: [.copy("Fixtures")]),
    tests("FilesTests", ["Files", "ResultFixtures"]),
    tests(
      "InspectTests", ["Inspect", "Files", "Bits", "ArmFormats", "Memory", "SMMU"]),
    tests(
      "DiagnosisTests", ["Diagnosis", "Inspect", "Firmware", "Bits", "Files", "TestRandom"],
      resources: [.copy("Cases")]),
    tests("FuzzTests", ["Fuzz", "Files", "Firmware", "TestRandom"]),
    tests(
      "ConformanceTests",
      [
        "TestRandom", "Inspect", "Machine", "SMMU", "GIC", "PCI", "Memory", "ArmFormats", "Bits",
        "SMMUFixtures", "HostKernel", "Linux", "Software",
      ],
      resources: [.copy("Fixtures")]),
    tests(
      "OracleTests",
      ["TestRandom", "Inspect", "Files", "SMMU", "GIC", "Memory", "Bits", "ArmFormats"],
      resources: [.copy("Fixtures")]),
  ]
)

// Built only on request: it needs the fuzzer's own main function (tools/fuzz/README.md).
if Context.environment["DOORBELL_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "doorbell-fuzz", dependencies: ["Fuzz"], path: "tools/fuzz",
      exclude: ["README.md", "readers", "files", "firmware"],
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
  package.targets.append(
    .executableTarget(
      name: "doorbell-fuzz-readers", dependencies: ["Fuzz"], path: "tools/fuzz/readers",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
  package.targets.append(
    .executableTarget(
      name: "doorbell-fuzz-files", dependencies: ["Fuzz"], path: "tools/fuzz/files",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
  package.targets.append(
    .executableTarget(
      name: "doorbell-fuzz-firmware", dependencies: ["Fuzz"], path: "tools/fuzz/firmware",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}

// Builds only the named test targets, for quick turns:
// DOORBELL_TESTS=FilesTests,InspectTests swift test
if let names = Context.environment["DOORBELL_TESTS"]?.split(separator: ",").map(String.init) {
  package.targets.removeAll { $0.type == .test && !names.contains($0.name) }
}
