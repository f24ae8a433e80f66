import Firmware
import Testing

/// The rows of Arm's architecture compliance suite on topology tables: ITS_01, ITS_02, ITS_DEV_2,
/// ITS_DEV_5, ITS_DEV_7 and ITS_DEV_8.
@Suite("Topology rows")
struct TopologyRowTests {
  private typealias Map = IORTDraft.Mapping

  /// Two ITS groups, an SMMU before each, and a root complex behind each.
  private struct Board {
    var groups: [[UInt32]] = [[0], [1]]
    /// What the first SMMU does with StreamIDs.
    var onward: [Map] = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 0)]
    /// What the first root complex does with requester IDs.
    var inward: [Map] = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 2)]
    /// What the second root complex does.
    var second: [Map] = [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 3)]

    func findings() throws -> [FirmwareFinding] {
      var builder = IORTBuilder(revision: 5, origin: .doorbell)
      for (index, identifiers) in groups.enumerated() {
        var group = IORTDraft(.itsGroup, revision: 1, identifier: UInt32(index))
        group.elements = identifiers.map(UInt64.init)
        builder.add(group)
      }
      for index in 0..<2 {
        var smmu = IORTDraft(.smmuV3, revision: 5, identifier: UInt32(2 + index))
        smmu[IORTLayout.smmuBase] = 0xc00_0000 + UInt64(index) * 0x100_0000
        smmu.mappings =
          index == 0
          ? onward : [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: 1)]
        builder.add(smmu)
      }
      for (index, mappings) in [inward, second].enumerated() {
        var complex = IORTDraft(.rootComplex, revision: 3, identifier: UInt32(4 + index))
        complex[IORTLayout.segment] = UInt64(index)
        complex.mappings = mappings
        builder.add(complex)
      }
      var tables = FirmwareTables()
      tables.iort = try IORTTable(builder.build())
      return tables.findings(window: window)
    }

    func finds(_ rule: String) throws -> Bool { try findings().contains { $0.rule == rule } }
  }

  private static let rules = [
    "its-group-empty", "its-in-two-groups", "duplicate-stream-id", "duplicate-device-id",
    "varying-offset", "unmapped-ids", "no-device-id",
  ]

  @Test("a sound topology breaks none of the rules", arguments: rules)
  func sound(rule: String) throws {
    #expect(try !Board().finds(rule))
  }

  @Test("ACS-01: each ITS group has an ITS, and an ITS is in one group only")
  func groups() throws {
    #expect(try Board(groups: [[0], []]).finds("its-group-empty"))
    #expect(try Board(groups: [[0, 1], [1]]).finds("its-in-two-groups"))
    #expect(try !Board(groups: [[0, 2], [1]]).finds("its-in-two-groups"))
  }

  @Test("ACS-02: StreamIDs behind one SMMU are unique, for each ITS group")
  func uniqueStreams() throws {
    // Both root complexes behind the first SMMU, with the same StreamIDs, then side by side.
    var board = Board()
    board.second = [.init(inputBase: 0, countMinusOne: 0xff, outputBase: 0, target: 2)]
    #expect(try board.finds("duplicate-stream-id"))
    board.inward = [.init(inputBase: 0, countMinusOne: 0x7fff, outputBase: 0, target: 2)]
    board.second = [.init(inputBase: 0, countMinusOne: 0x7fff, outputBase: 0x8000, target: 2)]
    #expect(try !board.finds("duplicate-stream-id"))
  }

  @Test("ACS-03: the offsets between requester IDs, StreamIDs and DeviceIDs are constants")
  func constantOffsets() throws {
    // Every device is looked at: the first and the last mapping agree, one between does not.
    var board = Board()
    board.inward = [
      .init(inputBase: 0, countMinusOne: 0xff, outputBase: 0x1000, target: 2),
      .init(inputBase: 0x100, countMinusOne: 0xff, outputBase: 0x2000, target: 2),
      .init(inputBase: 0x200, countMinusOne: 0xff, outputBase: 0x1200, target: 2),
    ]
    #expect(try board.findings().count { $0.rule == "varying-offset" } == 1)
    board = Board()
    board.onward = [
      .init(inputBase: 0, countMinusOne: 0xff, outputBase: 0x1_0000, target: 0),
      .init(inputBase: 0x100, countMinusOne: 0xfeff, outputBase: 0x100, target: 0),
    ]
    #expect(try board.finds("varying-offset"))
    // Ranges that follow each other are one range in two parts.
    board.onward = [
      .init(inputBase: 0, countMinusOne: 0xff, outputBase: 0x1_0000, target: 0),
      .init(inputBase: 0x100, countMinusOne: 0xfeff, outputBase: 0x1_0100, target: 0),
    ]
    #expect(try !board.finds("varying-offset"))
    // IDs behind an SMMU and IDs past it may differ: the rule is for each of the two ways.
    board = Board()
    board.inward = [
      .init(inputBase: 0, countMinusOne: 0xff, outputBase: 0x100, target: 2),
      .init(inputBase: 0x100, countMinusOne: 0xfeff, outputBase: 0x2_0000, target: 0),
    ]
    #expect(try !board.finds("varying-offset"))
  }

  @Test("ACS-04: each function that can send an MSI has a DeviceID")
  func everyFunction() throws {
    var board = Board()
    board.inward = [.init(inputBase: 0, countMinusOne: 0xfeff, outputBase: 0, target: 2)]
    #expect(try board.finds("unmapped-ids"))
    board = Board()
    board.onward = [.init(inputBase: 0x100, countMinusOne: 0xfeff, outputBase: 0x100, target: 0)]
    #expect(try board.finds("no-device-id"))
  }
}
