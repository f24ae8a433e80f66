import Firmware
import TestRandom
import Testing

@Suite("IORTBuilder")
struct IORTBuilderTests {
  @Test("a table that was read is built again byte for byte", arguments: Fixture.all)
  func rebuild(fixture: Fixture) throws {
    let table = try fixture.iort()
    #expect(table.findings == [])
    // The hand-made tables have an OEM revision of their own, which the builder keeps.
    #expect(try IORTBuilder(rebuilding: table).build() == table.bytes)
  }

  @Test("every field of every node type survives building and reading")
  func everyField() throws {
    var builder = IORTBuilder(revision: 7, origin: .doorbell)
    var group = IORTDraft(.itsGroup, revision: 1, identifier: 1)
    group.elements = [4, 9]
    let its = builder.add(group)
    var random = SplitMix(state: 12)
    var drafts: [IORTDraft] = []
    let types: [IORTNodeType] = [
      .smmuV3, .smmuV2, .namedComponent, .rootComplex, .pmcg, .reservedMemoryRange, .iwb,
    ]
    for (index, type) in types.enumerated() {
      var draft = IORTDraft(type, revision: 5, identifier: UInt32(index))
      // Behind the node header; counts and offsets are the builder's.
      for field in draft.record.layout.fields where field.offset >= 16 {
        draft[field] = random.next()
      }
      draft.mappings = [
        .init(inputBase: 1, countMinusOne: 2, outputBase: 3, target: its),
        .init(inputBase: 7, countMinusOne: 0, outputBase: 8, target: its, isSingle: true),
      ]
      if type == .reservedMemoryRange { draft.ranges = [.init(base: 1 << 40, length: 1 << 16)] }
      if type == .namedComponent || type == .iwb { draft.name = "\\_SB.DEV\(index)" }
      if type == .smmuV2 {
        draft.elements = [34, 35]
        draft.pmuInterrupts = [99]
      }
      builder.add(draft)
      drafts.append(draft)
    }
    let table = try IORTTable(builder.build())
    #expect(table.findings == [])
    #expect(table.nodes.map(\.type) == [.itsGroup] + types)
    #expect(table.nodes[0].itsIdentifiers == [4, 9])
    let owned: Set = [
      "Length", "Mapping Count", "Mapping Offset", "Number of Memory Ranges",
      "Memory Range Offset", "Context Interrupt Count", "Context Interrupt Offset",
      "PMU Interrupt Count", "PMU Interrupt Offset",
    ]
    for (draft, node) in zip(drafts, table.nodes.dropFirst()) {
      for field in draft.record.layout.fields where !owned.contains(field.name) {
        #expect(node.record[field] == draft[field], "\(draft.type) \(field.name)")
      }
      #expect(node.mappings.count == 2)
      #expect(node.mappings.last?[IORTLayout.mappingFlags] == 1)
      #expect(node.ranges.count == draft.ranges.count)
      #expect(node.elements.count == draft.elements.count + draft.pmuInterrupts.count)
      #expect(node.name == draft.name)
    }
    #expect(try IORTBuilder(rebuilding: table).build() == table.bytes)
  }

  @Test("a mapping to a node that does not exist is refused")
  func badTarget() {
    var builder = IORTBuilder(revision: 5, origin: .doorbell)
    var node = IORTDraft(.rootComplex, revision: 3)
    node.mappings = [.init(inputBase: 0, countMinusOne: 0, outputBase: 0, target: 1)]
    builder.add(node)
    #expect(throws: FirmwareError.self) { try builder.build() }
  }
}

/// Tables that QEMU's own test suite expects (tests/data/acpi/aarch64/virt/IORT*), by size,
/// offset and checksum.
@Suite("QEMU's expected tables")
struct ExpectedTableTests {
  typealias Mapping = IORTDraft.Mapping

  private static func group() -> IORTDraft {
    var node = IORTDraft(.itsGroup, revision: 1)
    node.elements = [0]
    return node
  }

  private static func rootComplex(identifier: UInt32, _ mappings: [Mapping]) -> IORTDraft {
    var node = IORTDraft(.rootComplex, revision: 3, identifier: identifier)
    node[IORTLayout.cacheCoherency] = 1
    node[IORTLayout.memoryFlags] = 3
    node[IORTLayout.memoryLimit] = 64
    node.mappings = mappings
    return node
  }

  private static func legacySMMU(identifier: UInt32) -> IORTDraft {
    var node = IORTDraft(.smmuV3, revision: 4, identifier: identifier)
    node[IORTLayout.smmuBase] = 0x905_0000
    node[IORTLayout.smmu3Flags] = 1
    node[IORTLayout.eventInterrupt] = 0x6a
    node[IORTLayout.priInterrupt] = 0x6b
    node[IORTLayout.errorInterrupt] = 0x6d
    node[IORTLayout.syncInterrupt] = 0x6c
    node.mappings = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 0)]
    return node
  }

  @Test("QI-03: without an SMMU, 128 bytes, one mapping", arguments: [(3, 0xb3), (5, 0xb1)])
  func noSMMU(revision: UInt8, checksum: UInt64) throws {
    var builder = IORTBuilder(revision: revision, origin: .qemu)
    builder.add(Self.group())
    builder.add(
      Self.rootComplex(
        identifier: 1, [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 0)]))
    let table = try IORTTable(builder.build())
    #expect(table.bytes.count == 128)
    #expect(table.header[ACPIHeader.checksum] == checksum)
    #expect(table.nodes.map(\.offset) == [0x30, 0x48])
  }

  private static func bypassTable() throws -> IORTTable {
    var builder = IORTBuilder(revision: 3, origin: .qemu)
    builder.add(group())
    // QEMU gives the machine's own SMMU the identifier 1.
    builder.add(legacySMMU(identifier: 1))
    builder.add(
      rootComplex(
        identifier: 2,
        [
          .init(inputBase: 0, countMinusOne: 0x1ff, outputBase: 0, target: 1),
          .init(inputBase: 0x1000, countMinusOne: 0xff, outputBase: 0x1000, target: 1),
          .init(inputBase: 0x200, countMinusOne: 0xdff, outputBase: 0x200, target: 0),
          .init(inputBase: 0x1100, countMinusOne: 0xeeff, outputBase: 0x1100, target: 0),
        ]))
    return try IORTTable(builder.build())
  }

  @Test("QI-01: an SMMU, a bus behind it and one past it, 276 bytes")
  func bypass() throws {
    let table = try Self.bypassTable()
    #expect(table.bytes.count == 276)
    #expect(table.header[ACPIHeader.checksum] == 0x4c)
    #expect(table.nodes.map(\.offset) == [0x30, 0x48, 0xa0])
    let references = table.nodes[2].mappings.map { $0[IORTLayout.outputReference] }
    #expect(references == [0x48, 0x48, 0x30, 0x30])
  }

  @Test("QI-06: a DeviceID is the map of the map, for every requester ID", arguments: Fixture.all)
  func everyRequesterID(fixture: Fixture) throws {
    let iort = try fixture.iort()
    let facts = try fixture.tables().facts
    for requester in stride(from: UInt32(0), through: 0xffff, by: 0x55) {
      let expected = Self.slowRoute(of: requester, iort)
      let route = facts.route(of: requester)
      guard route.device?.id != expected.device || route.stream?.id != expected.stream else {
        continue
      }
      Issue.record("\(requester): \(route), expected \(expected)")
    }
  }

  /// The definition, straight from the tables: the first mapping with the ID, until an ITS.
  private static func slowRoute(
    of requester: UInt32, _ iort: IORTTable
  ) -> (stream: UInt32?, device: UInt32?) {
    guard var node = iort.nodes.first(where: { $0.type == .rootComplex }) else { return (nil, nil) }
    var (id, stream) = (UInt64(requester), UInt32?.none)
    for _ in 0..<3 {
      let mapping = node.mappings.first {
        id >= $0[IORTLayout.inputBase] && id - $0[IORTLayout.inputBase] <= $0[IORTLayout.idCount]
      }
      guard let mapping, let next = iort.node(at: mapping.word(IORTLayout.outputReference)) else {
        return (stream, nil)
      }
      id = id - mapping[IORTLayout.inputBase] + mapping[IORTLayout.outputBase]
      if next.type == .itsGroup { return (stream, UInt32(id)) }
      stream = UInt32(id)
      node = next
    }
    return (stream, nil)
  }

  @Test("without an ITS, the tables' GICv2m frame takes every device's messages")
  func messageFrame() throws {
    let route = try Fixture(name: "gicv2m-smmu").tables().facts.route(of: 8)
    #expect(route.controller == 0)
    #expect(route.stream?.id == 8)
    #expect(route.end == nil)
  }

  @Test("the tables of HIP07 and HIP08 that count one too many are read as Linux reads them")
  func countWorkaround() throws {
    let origin = TableOrigin(
      oemID: "HISI", oemTableID: "HIP08", oemRevision: 0, creatorID: "INTL", creatorRevision: 1)
    var builder = IORTBuilder(revision: 0, origin: origin)
    builder.add(Self.group())
    builder.add(
      Self.rootComplex(
        identifier: 0, [.init(inputBase: 0, countMinusOne: 0x100, outputBase: 0, target: 0)]))
    let facts = FirmwareTables(iort: try IORTTable(builder.build())).facts
    #expect(facts.route(of: 0xff).device?.id == 0xff)
    #expect(facts.route(of: 0x100).device == nil)
  }

  @Test("QI-06: a requester ID past the SMMU reaches the ITS, one in no range has no DeviceID")
  func routes() throws {
    let facts = FirmwareTables(iort: try Self.bypassTable()).facts
    let behind = facts.route(of: 0x1000)
    #expect(behind.stream?.id == 0x1000)
    #expect(behind.device?.id == 0x1000)
    #expect(behind.hops.count == 2)
    let past = facts.route(of: 0x200)
    #expect(past.stream == nil)
    #expect(past.device?.id == 0x200)
    #expect(past.hops.count == 1)
    let none = facts.route(of: 0x1_0000)
    #expect(none.device == nil)
    #expect(none.end != nil)
  }
}
