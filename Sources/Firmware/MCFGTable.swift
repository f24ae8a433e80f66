/// The PCI Express memory mapped configuration table (PCI Firmware Specification, 4.1.2): which
/// segments and buses exist.
public struct MCFGTable: Equatable, Sendable {
  public static let base = TableField("Base Address", at: 0, 8)
  public static let segment = TableField("Segment Group Number", at: 8, 2)
  public static let firstBus = TableField("Start Bus Number", at: 10, 1)
  public static let lastBus = TableField("End Bus Number", at: 11, 1)
  static let table = RecordLayout(
    "PCI Express configuration table",
    ACPIHeader.fields + [TableField("Reserved", at: 36, 8, .reserved)])
  static let allocation = RecordLayout(
    "configuration space",
    [base, segment, firstBus, lastBus, TableField("Reserved", at: 12, 4, .reserved)])

  public let bytes: [UInt8]
  public let header: TableRecord
  public let allocations: [TableRecord]
  public let findings: [FirmwareFinding]

  /// - Throws: `FirmwareError` when the bytes are no MCFG.
  public init(_ file: [UInt8]) throws(FirmwareError) {
    let table = try ACPITable(file, signature: "MCFG", layout: Self.table)
    bytes = table.bytes
    header = table.header
    let size = Self.allocation.size
    let count = (table.bytes.count - Self.table.size) / size
    allocations = (0..<count).map {
      TableRecord(Self.allocation, in: table.bytes, at: Self.table.size + $0 * size)
    }
    let rest = (table.bytes.count - Self.table.size) % size
    let partial = FirmwareFinding(
      .warning, "mcfg-length", at: "MCFG+0x4", "\(rest) bytes follow the last whole entry",
      consequence: "Linux ignores them: functions on buses that they were to describe are not "
        + "found, and send no MSIs.")
    findings = table.findings + (rest == 0 ? [] : [partial])
  }

  /// The requester IDs that exist in a segment; all of them when the table does not name it.
  public func requesterIDs(ofSegment segment: UInt32) -> ClosedRange<UInt32> {
    let entry = allocations.first { $0.word(Self.segment) == segment }
    guard let entry, entry[Self.firstBus] <= entry[Self.lastBus] else { return 0...0xffff }
    return entry.word(Self.firstBus) << 8...(entry.word(Self.lastBus) << 8 | 0xff)
  }
}
