import Firmware
import Testing

/// Nodes of the first revisions of DEN 0049 are shorter, and their mappings start earlier.
@Suite("IORT revisions")
struct IORTRevisionTests {
  /// The little-endian bytes of words.
  private static func words(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
  }

  private static func header(
    _ type: UInt8, _ length: Int, revision: UInt8, mappings: UInt32, at offset: UInt32
  ) -> [UInt8] {
    [type, UInt8(length & 0xff), UInt8(length >> 8), revision] + words([0, mappings, offset])
  }

  /// An ITS group, an SMMUv3 of 60 bytes, a root complex of 32 and a PMCG of 32, each with its
  /// mapping behind.
  private static func table(
    oem: String = "TEST  ", oemTable: String = "EARLY   ", count: UInt32 = 0xffff
  )
    -> [UInt8]
  {
    let group = header(0, 24, revision: 0, mappings: 0, at: 0) + words([1, 0])
    let groupAt: UInt32 = 48
    let smmuAt = groupAt + UInt32(group.count)
    let smmu =
      header(4, 80, revision: 0, mappings: 1, at: 60)
      + words([0x9000_0000, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
      + words([0, count, 0, groupAt, 0])
    let complexAt = smmuAt + UInt32(smmu.count)
    let complex =
      header(2, 52, revision: 0, mappings: 1, at: 32) + words([1, 0x0300_0000, 0, 0])
      + words([0, count, 0x100, smmuAt, 0])
    let counters =
      header(5, 52, revision: 0, mappings: 1, at: 32) + words([0x9001_0000, 0, 0, complexAt])
      + words([0, 0, 9, groupAt, 1])
    let body = words([4, 48, 0]) + group + smmu + complex + counters
    var table =
      Array("IORT".utf8) + words([UInt32(36 + body.count)]) + [0, 0] + Array(oem.utf8)
      + Array(oemTable.utf8) + words([0]) + Array("TEST".utf8) + words([1]) + body
    table[9] = 0 &- table.reduce(0, &+)
    return table
  }

  @Test("revision 0 nodes are whole, and lead to their IDs")
  func early() throws {
    let table = try IORTTable(Self.table())
    #expect(table.findings == [])
    #expect(table.nodes.count == 4)
    let facts = FirmwareTables(iort: table).facts
    let route = facts.route(of: 0x42)
    #expect(route.stream?.id == 0x142)
    #expect(route.device?.id == 0x142)
    #expect(facts.smmus.first?.kernelName == "arm-smmu-v3.0.auto")
    let errors = FirmwareTables(iort: table).findings(window: window).filter {
      $0.severity == .error
    }
    #expect(errors.map(\.rule) == ["no-device-id"])
  }

  @Test(
    "tables of HIP07 count IDs without the minus one",
    arguments: ["HIP07   ", "HIP08   ", "HIP09   "])
  func oldCount(oemTable: String) throws {
    let table = try IORTTable(Self.table(oem: "HISI  ", oemTable: oemTable, count: 0x100))
    let facts = FirmwareTables(iort: table).facts
    let isOld = oemTable != "HIP09   "
    #expect(facts.route(of: 0xff).stream?.id == 0x1ff)
    #expect((facts.route(of: 0x100).stream == nil) == isOld)
  }

  @Test("of a root complex the ATS attribute and PASID bits are facts")
  func attributes() throws {
    var builder = IORTBuilder(revision: 6, origin: .doorbell)
    builder.add(IORTDraft(.itsGroup, revision: 1))
    var complex = IORTDraft(.rootComplex, revision: 4, identifier: 1)
    complex[IORTLayout.atsAttribute] = 1
    complex[IORTLayout.pasid] = 20
    complex[IORTLayout.rootComplexFlags] = 1
    builder.add(complex)
    var second = IORTDraft(.rootComplex, revision: 3, identifier: 2)
    second[IORTLayout.segment] = 1
    builder.add(second)
    let facts = FirmwareTables(iort: try IORTTable(builder.build())).facts
    #expect(facts.rootComplexes.map(\.supportsATS) == [true, false])
    #expect(facts.rootComplexes.map(\.pasidBits) == [20, nil])
  }
}
