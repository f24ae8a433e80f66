import Firmware
import Testing

/// A flattened device tree in the making (Devicetree Specification 0.4, chapter 5).
struct BlobBuilder {
  private var structure: [UInt8] = []
  private var strings: [UInt8] = []

  private static func cell(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
  }
  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  mutating func node(_ name: String, _ contents: (inout BlobBuilder) -> Void) {
    structure += Self.cell(1) + Self.padded(Array(name.utf8) + [0])
    contents(&self)
    structure += Self.cell(2)
  }

  mutating func cells(_ name: String, _ values: UInt32...) {
    property(name, values.flatMap(Self.cell))
  }

  mutating func string(_ name: String, _ value: String) { property(name, Array(value.utf8) + [0]) }

  private mutating func property(_ name: String, _ value: [UInt8]) {
    structure += Self.cell(3) + Self.cell(UInt32(value.count)) + Self.cell(UInt32(strings.count))
    structure += Self.padded(value)
    strings += Array(name.utf8) + [0]
  }

  func build() -> [UInt8] {
    let structure = self.structure + Self.cell(9)
    let start: UInt32 = 56
    let stringsAt = start + UInt32(structure.count)
    let header: [UInt32] = [
      0xd00d_feed, stringsAt + UInt32(strings.count), start, stringsAt, 40, 17, 16, 0,
      UInt32(strings.count), UInt32(structure.count),
    ]
    let reservations = [UInt8](repeating: 0, count: 16)
    return header.flatMap(Self.cell) + reservations + structure + strings
  }
}

@Suite("DeviceTree")
struct DeviceTreeTests {
  private func facts(_ name: String) throws -> PlatformFacts {
    PlatformFacts(try DeviceTreeBlob(Fixture(name: name).bytes("machine.dtb")))
  }

  @Test("SMMU, ITS, RAM and both maps are read")
  func itsAndSMMU() throws {
    let facts = try facts("its-smmu-1cpu")
    #expect(facts.smmus.map(\.base) == [0x905_0000])
    #expect(facts.smmus.map(\.isVersion3) == [true])
    #expect(facts.itses.map(\.doorbell) == [0x809_0040])
    #expect(facts.areas.filter(\.isMemory).map(\.base) == [0x4000_0000])
    #expect(facts.areas.first { $0.name == "GICR" }?.base == 0x80a_0000)
    let route = facts.route(of: 0x108)
    #expect(route.stream?.id == 0x108)
    #expect(route.device?.id == 0x108)
    #expect(route.hops.count == 2)
    #expect(route.end == nil)
    #expect(facts.bootConfiguration == .notPreserved)
  }

  @Test("a GICv2m frame takes messages without a DeviceID")
  func messageFrame() throws {
    let facts = try facts("gicv2m-smmu")
    #expect(facts.messageFrames.map(\.base) == [0x802_0000])
    let route = facts.route(of: 8)
    #expect(route.controller == 0)
    #expect(route.device == nil)
    #expect(route.stream?.id == 8)
  }

  @Test("without an ITS there is no DeviceID, and nothing is an error")
  func noController() throws {
    let tree = try DeviceTreeBlob(Fixture(name: "noits-nosmmu").bytes("machine.dtb"))
    #expect(PlatformFacts(tree).route(of: 8).device == nil)
    let findings = FirmwareTables(tree: tree).findings(window: window)
    #expect(findings.contains { $0.rule == "no-msi-controller" })
    #expect(!findings.contains { $0.severity == .error })
  }

  @Test("tables and device tree of one machine agree on registers", arguments: Fixture.all)
  func agreement(fixture: Fixture) throws {
    guard fixture.files(".dtb").count == 1 else { return }
    let acpi = try fixture.tables().facts
    let tree = PlatformFacts(try DeviceTreeBlob(fixture.bytes("machine.dtb")))
    #expect(acpi.itses.map(\.base) == tree.itses.map(\.base))
    #expect(acpi.messageFrames.map(\.base) == tree.messageFrames.map(\.base))
    #expect(
      acpi.areas.first { $0.name == "GICD" }?.base == tree.areas.first { $0.name == "GICD" }?.base)
    // QEMU describes SMMUs made with -device in ACPI tables only, but for that of the root bus.
    if !tree.smmus.isEmpty { #expect(acpi.smmus.map(\.base) == tree.smmus.map(\.base)) }
  }

  /// A tree with an SMMU behind a bus that moves addresses, an ITS, a host bridge and a device with
  /// a reserved region.
  private static func tree(
    regionBase: UInt32 = 0x800_0000, probeOnly: UInt32 = 1, smmuPhandle: UInt32 = 1
  ) -> [UInt8] {
    var builder = BlobBuilder()
    builder.node("") { root in
      root.cells("#address-cells", 2)
      root.cells("#size-cells", 2)
      root.node("chosen") { $0.cells("linux,pci-probe-only", probeOnly) }
      root.node("bus@c000000") { bus in
        bus.cells("#address-cells", 1)
        bus.cells("#size-cells", 1)
        bus.cells("ranges", 0, 0, 0xc00_0000, 0x200_0000)
        bus.node("smmu@10000") {
          $0.string("compatible", "arm,smmu-v3")
          $0.cells("reg", 0x1_0000, 0x2_0000)
          $0.cells("#iommu-cells", 1)
          $0.cells("phandle", 1)
        }
      }
      root.node("its@8080000") {
        $0.string("compatible", "arm,gic-v3-its")
        $0.cells("reg", 0, 0x808_0000, 0, 0x2_0000)
        $0.cells("phandle", 2)
      }
      root.node("pcie@10000000") {
        $0.string("device_type", "pci")
        $0.cells("phandle", 3)
        $0.cells("linux,pci-domain", 4)
        $0.cells("bus-range", 0, 0xf)
        $0.cells("iommu-map", 0x100, smmuPhandle, 0x5100, 0x100)
        $0.cells("msi-map", 0, 2, 0x1_0000, 0x1000)
      }
      root.node("dma@9000000") {
        $0.cells("phandle", 4)
        $0.cells("iommus", 1, 0x77)
        $0.cells("memory-region", 5)
      }
      root.node("reserved-memory") { memory in
        memory.cells("#address-cells", 2)
        memory.cells("#size-cells", 2)
        memory.cells("ranges")
        memory.node("window@8000000") {
          $0.cells("reg", 0, 0x800_0000, 0, 0x10_0000)
          $0.cells("phandle", 5)
          $0.cells(
            "iommu-addresses", 3, 0, regionBase, 0, 0x10_0000, 4, 0, regionBase, 0, 0x10_0000)
        }
      }
    }
    return builder.build()
  }

  @Test("IDs are mapped by iommu-map and msi-map apart")
  func maps() throws {
    let facts = PlatformFacts(try DeviceTreeBlob(Self.tree()))
    #expect(facts.smmus.map(\.base) == [0xc01_0000])
    let route = facts.route(of: 0x123, segment: 4)
    #expect(route.stream?.id == 0x5123)
    #expect(route.device?.id == 0x1_0123)
    let past = facts.route(of: 8, segment: 4)
    #expect(past.stream == nil)
    #expect(past.device?.id == 0x1_0008)
    #expect(facts.rootComplexes.first?.requesterIDs == 0...0xfff)
  }

  @Test("iommu-addresses equal to reg are direct, others are kept free")
  func addresses() throws {
    let tree = try DeviceTreeBlob(Self.tree())
    let reserved = PlatformFacts(tree).reserved
    #expect(reserved.map(\.isHeeded) == [false, true])
    #expect(reserved.last?.streams.map(\.ids) == [0x77...0x77])
    let unread = FirmwareTables(tree: tree).findings(window: window)
    #expect(unread.filter { $0.rule == "iommu-addresses-unread" }.count == 1)
    let direct = try #require(reserved.first)
    #expect(direct.isDirect)
    #expect(direct.base == 0x800_0000)
    #expect(direct.length == 0x10_0000)
    #expect(direct.streams.map(\.ids) == [0x5100...0x51ff])
    let elsewhere = try DeviceTreeBlob(Self.tree(regionBase: 0x808_0000))
    #expect(PlatformFacts(elsewhere).reserved.first?.isDirect == false)
    let rules = FirmwareTables(tree: elsewhere).findings(window: window).map(\.rule)
    #expect(rules.contains("rmr-not-direct"))
  }

  @Test("linux,pci-probe-only keeps the boot configuration", arguments: [0, 1] as [UInt32])
  func probeOnly(value: UInt32) throws {
    let facts = PlatformFacts(try DeviceTreeBlob(Self.tree(probeOnly: value)))
    #expect(facts.bootConfiguration == (value == 1 ? .preserved : .notPreserved))
  }

  @Test("a map to a phandle without a node leads nowhere, and is said to")
  func danglingPhandle() throws {
    let tree = try DeviceTreeBlob(Self.tree(smmuPhandle: 77))
    let route = PlatformFacts(tree).route(of: 0x123, segment: 4)
    #expect(route.stream == nil)
    let rules = FirmwareTables(tree: tree).findings(window: window).map(\.rule)
    #expect(rules.contains("dangling-reference"))
  }

  @Test("a tree deeper than 64 levels is refused")
  func depth() {
    func nest(_ builder: inout BlobBuilder, _ levels: Int, _ name: String = "") {
      builder.node(name) { if levels > 1 { nest(&$0, levels - 1, "n") } }
    }
    var fine = BlobBuilder()
    nest(&fine, 64)
    #expect(throws: Never.self) { try DeviceTreeBlob(fine.build()) }
    var deep = BlobBuilder()
    nest(&deep, 65)
    #expect(throws: DeviceTreeBlob.BadBlob.self) { try DeviceTreeBlob(deep.build()) }
  }
}
