import Firmware
import Testing

@Suite("FirmwareFinding")
struct FirmwareFindingTests {
  /// A sound table with an RMR, to be broken: ITS group @0x30, SMMUv3 @0x48, root complex @0xa0,
  /// RMR @0x100 with its mapping at 0x11c and its range at 0x130.
  private static func sound() throws -> [UInt8] {
    try Fixture(name: "qemu-accel-rmr-l2").bytes("IORT.aml")
  }

  /// Writes 32 bits.
  private static func poke(_ table: inout [UInt8], _ offset: Int, _ value: UInt32) {
    for index in 0..<4 {
      table[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
    }
  }

  private static func findings(_ table: [UInt8], with rest: FirmwareTables = FirmwareTables())
    throws -> [FirmwareFinding]
  {
    var tables = rest
    tables.iort = try IORTTable(table)
    return tables.findings(window: window)
  }

  struct Break: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let rule: String
    let severity: FirmwareFinding.Severity
    let pokes: [(Int, UInt32)]

    init(
      _ name: String, _ severity: FirmwareFinding.Severity, _ rule: String,
      _ pokes: [(Int, UInt32)]
    ) {
      testDescription = name
      self.rule = rule
      self.severity = severity
      self.pokes = pokes
    }
  }

  static let breaks: [Break] = [
    .init("a wrong checksum", .warning, "checksum", [(0x18, 7)]),
    .init("a length past the file", .error, "table-length", [(4, 0x200)]),
    .init("too many nodes", .error, "node-count", [(0x24, 9)]),
    .init("nodes inside the header", .error, "node-offset", [(0x28, 0)]),
    .init("a node of length 0", .error, "node-length", [(0x30, 0)]),
    .init("a node past the table", .error, "node-length", [(0x100, 0x0300_4506)]),
    .init("a node that is too short", .error, "node-short", [(0x48, 0x0400_3004)]),
    .init("an unknown node", .note, "unknown-node", [(0x100, 0x0300_4409)]),
    .init("mappings past the node", .error, "mapping-bounds", [(0x50, 2)]),
    .init("a range past the node", .error, "range-bounds", [(0x114, 2)]),
    .init("more ITSs than fit", .error, "its-bounds", [(0x40, 2)]),
    .init("a reference to nothing", .error, "dangling-reference", [(0x98, 0x34)]),
    .init("an SMMU behind a root complex", .error, "reference-kind", [(0x98, 0xa0)]),
    .init("a loop", .error, "reference-loop", [(0x98, 0x48)]),
    .init("a longer loop", .error, "reference-loop", [(0x98, 0xa0)]),
    .init("a single mapping at an SMMU", .error, "single-mapping", [(0x9c, 1)]),
    .init("a single mapping with a count", .warning, "single-mapping", []),
    .init("a single mapping at a root complex", .warning, "single-mapping", [(0xd4, 1)]),
    .init("two nodes with one identifier", .note, "duplicate-identifier", [(0x4c, 0)]),
    .init("overlapping requester IDs", .error, "overlapping-ids", [(0xdc, 0x10ff)]),
    .init("one ID too many", .warning, "count-off-by-one", [(0xdc, 0x1000)]),
    .init("requester IDs in no mapping", .warning, "unmapped-ids", [(0xdc, 0xeff)]),
    .init("no requester ID mapped", .error, "unmapped-ids", [(0xa8, 0)]),
    .init("streams without DeviceIDs", .error, "no-device-id", [(0x90, 0x10ff)]),
    .init("two streams with one ID", .error, "duplicate-device-id", [(0xe0, 0x1000)]),
    .init("a group without an ITS", .error, "its-group-empty", [(0x40, 0)]),
    .init("an RMR before revision 5", .error, "rmr-revision", [(8, 0x4f42_c104)]),
    .init("an RMR of an old node revision", .warning, "rmr-node-revision", [(0x100, 0x0100_4406)]),
    .init("an RMR without mapping", .error, "rmr-no-mapping", [(0x108, 0)]),
    .init("an RMR without range", .error, "rmr-no-range", [(0x114, 0)]),
    .init(
      "swapped offsets", .error, "rmr-swapped-offsets", [(0x10c, 0x30), (0x118, 0x1c)]),
    .init("an RMR for the ITS", .error, "reference-kind", [(0x128, 0x30)]),
    .init("an RMR that is not aligned", .warning, "rmr-alignment", [(0x138, 0xff000)]),
    .init("an RMR without length", .error, "rmr-length", [(0x138, 0)]),
    .init("an RMR that wraps around", .error, "rmr-length", [(0x134, 0xffff_ffff), (0x13c, 1)]),
    .init("an RMR with reserved flags", .warning, "rmr-flags", [(0x110, 0x400)]),
    .init("an RMR with unknown attributes", .warning, "rmr-attributes", [(0x110, 6 << 2)]),
    .init("a window for privileged access", .error, "rmr-privileged", [(0x110, 2)]),
    .init("a window of normal memory", .warning, "rmr-window-attributes", [(0x110, 5 << 2)]),
    .init("a window that may be remapped", .note, "rmr-relaxable", [(0x110, 1)]),
    .init("half a window", .warning, "rmr-window-part", [(0x138, 0x8_0000)]),
    .init("no window at all", .note, "window-not-reserved", [(0x130, 0x900_0000)]),
    .init("a window for nobody", .warning, "window-not-reserved", [(0x108, 0)]),
    .init("an RMR for nobody", .warning, "rmr-no-device", [(0x124, 0x4000)]),
    .init("a HiSilicon SMMU", .note, "hi161x", [(0x70, 1)]),
    .init("a _DSM that nobody gave", .note, "preserve-boot-config-unknown", []),
    .init(
      "an own DeviceID that does not exist", .warning, "deviceid-index", [(0x74, 0), (0x88, 4)]),
  ]

  @Test("each defect has its finding", arguments: breaks)
  func defect(_ broken: Break) throws {
    var table = try Self.sound()
    for (offset, value) in broken.pokes { Self.poke(&table, offset, value) }
    let found = try Self.findings(table).filter { $0.rule == broken.rule }
    let finding = try #require(found.first, "no \(broken.rule)")
    #expect(finding.severity == broken.severity)
    #expect(!finding.consequence.isEmpty)
  }

  @Test("a sound table has no errors, and warnings only where QEMU's flag contradicts its count")
  func soundTable() throws {
    let fixture = Fixture(name: "qemu-accel-rmr-l2")
    let found = try fixture.tables().findings(window: window)
    #expect(found.filter { $0.severity == .error } == [])
    #expect(found.filter { $0.severity == .warning }.map(\.rule) == ["single-mapping"])
    #expect(!found.contains { $0.rule == "preserve-boot-config-unknown" })
  }

  @Test("of the shipped tables, only the one from before enumeration has errors")
  func shipped() throws {
    for fixture in Fixture.all {
      let errors = try fixture.tables().findings(window: window).filter { $0.severity == .error }
      let expected = fixture.name == "smmudev-2pxb-unenumerated" ? ["overlapping-ids"] : []
      #expect(Array(Set(errors.map(\.rule))) == expected, "\(fixture.name)")
    }
  }

  @Test("without _DSM function 5 the kernel ignores the range")
  func noBootConfiguration() throws {
    var rest = FirmwareTables()
    rest.bridges = try HostBridgeScan(Fixture(name: "its-smmu-1cpu").bytes("DSDT.aml"))
    let found = try Self.findings(Self.sound(), with: rest)
    #expect(found.first?.rule == "no-preserve-boot-config")
    #expect(found.first?.severity == .error)
  }

  @Test("a group's ITS must be in the MADT, and once")
  func unknownITS() throws {
    var builder = MADTBuilder(revision: 4, origin: .doorbell)
    builder.add(.its, [MADTLayout.itsIdentifier: 3, MADTLayout.itsBase: 0x808_0000])
    builder.add(.its, [MADTLayout.itsIdentifier: 3, MADTLayout.itsBase: 0x808_0000])
    let rest = FirmwareTables(madt: try MADTTable(builder.build()))
    let rules = try Self.findings(Self.sound(), with: rest).map(\.rule)
    for rule in ["its-unknown", "its-duplicate-id", "its-duplicate-base", "its-unused"] {
      #expect(rules.contains(rule), "\(rule)")
    }
  }

  @Test("RAM under the window is an error, GIC registers are not")
  func windowOverRAM() throws {
    let tree = try DeviceTreeBlob(Fixture(name: "its-smmu-1cpu").bytes("machine.dtb"))
    let tables = FirmwareTables(tree: tree)
    #expect(!tables.findings(window: window).contains { $0.rule == "window-ram" })
    #expect(tables.findings(window: window).contains { $0.rule == "window-doorbell" })
    let moved = tables.findings(window: 0x4000_0000...0x400f_ffff)
    #expect(moved.first?.rule == "window-ram")
    #expect(moved.first?.severity == .error)
  }

  @Test("two segments whose devices meet in one StreamID are found")
  func sharedStream() throws {
    var builder = IORTBuilder(rebuilding: try IORTTable(Self.sound()))
    var second = IORTDraft(.rootComplex, revision: 3, identifier: 9)
    second[IORTLayout.segment] = 1
    second.mappings = [
      .init(inputBase: 0, countMinusOne: 0xff, outputBase: 0x1100, target: 1)
    ]
    builder.add(second)
    let rules = try Self.findings(builder.build()).map(\.rule)
    #expect(rules.contains("duplicate-stream-id"))
    #expect(rules.contains("duplicate-device-id"))
  }

  @Test("two ranges of one RMR that overlap are found")
  func overlappingRanges() throws {
    var builder = IORTBuilder(revision: 5, origin: .doorbell)
    var smmu = IORTDraft(.smmuV3, revision: 4)
    smmu[IORTLayout.smmuBase] = 0xc00_0000
    builder.add(smmu)
    var node = IORTDraft(.reservedMemoryRange, revision: 3, identifier: 1)
    node.mappings = [.init(inputBase: 0, countMinusOne: 0, outputBase: 0, target: 0)]
    node.ranges = [
      .init(base: 0x9000_0000, length: 0x2_0000), .init(base: 0x9001_0000, length: 0x1_0000),
      .init(base: 0x9002_0000, length: 0x1_0000),
    ]
    builder.add(node)
    let found = try Self.findings(builder.build()).filter { $0.rule == "rmr-overlap" }
    #expect(found.count == 1)
  }

  @Test("the MADT's structures must fit")
  func madt() throws {
    var table = try Fixture(name: "its-smmu-1cpu").bytes("APIC.aml")
    table[0x2d] = 0
    #expect(try MADTTable(table).findings.contains { $0.rule == "madt-length" })
    table[0x2d] = 0x10
    #expect(try MADTTable(table).findings.contains { $0.rule == "madt-length" })
    table[0x2c] = 0x40
    table[0x2d] = 0x18
    #expect(try MADTTable(table).findings.contains { $0.rule == "madt-unknown" })
  }

  @Test("GICv5 structures are read by name")
  func gicv5() throws {
    var builder = MADTBuilder(revision: 7, origin: .doorbell)
    builder.add(.irs, [:])
    builder.add(.its5, [MADTLayout.itsIdentifier: 1, MADTLayout.itsBase: 0x808_0000])
    builder.add(.translate5, [:])
    let table = try MADTTable(builder.build())
    #expect(table.findings == [])
    #expect(
      table.structures.map(\.layout.name) == [
        "GICv5 IRS", "GICv5 ITS configuration frame", "GICv5 ITS translate frame",
      ])
    #expect(table.structures.allSatisfy { $0.isComplete })
  }
}
