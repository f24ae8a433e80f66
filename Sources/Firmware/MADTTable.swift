internal import Bits

/// The MADT as its bytes say: the structures in their order.
public struct MADTTable: Equatable, Sendable {
  public let bytes: [UInt8]
  public let header: TableRecord
  public let structures: [TableRecord]
  /// Findings on malformed parts.
  public let findings: [FirmwareFinding]

  /// - Throws: `FirmwareError` when the bytes are no MADT.
  public init(_ file: [UInt8]) throws(FirmwareError) {
    let table = try ACPITable(file, signature: "APIC", layout: MADTLayout.table)
    bytes = table.bytes
    header = table.header
    var found = table.findings
    var structures: [TableRecord] = []
    var offset = MADTLayout.table.size
    while offset < bytes.count {
      let start = TableRecord(MADTLayout.unknown, in: bytes, at: offset)
      let type = MADTType(rawValue: UInt8(start[MADTLayout.type]))
      let length = Int(start[MADTLayout.length])
      if let finding = Self.check(type, length: length, at: offset, end: bytes.count) {
        found.append(finding)
        if length < 2 { break }
      }
      let layout = type.layout
      structures.append(
        TableRecord(layout, in: bytes, at: offset, length: min(length, layout.size)))
      offset += length
    }
    self.structures = structures
    findings = found
  }

  /// The structures of one type.
  public func structures(_ type: MADTType) -> [TableRecord] {
    structures.filter { $0[MADTLayout.type] == UInt64(type.rawValue) }
  }

  private static func check(
    _ type: MADTType, length: Int, at offset: Int, end: Int
  ) -> FirmwareFinding? {
    let name = type.layout == MADTLayout.unknown ? "type \(type.rawValue)" : type.layout.name
    let place = "APIC+\(hex(UInt64(offset))) (\(name))"
    if length < 2 || offset + length > end {
      return FirmwareFinding(
        .error, "madt-length", at: place, "length \(length) does not fit into the table",
        consequence: "the walk of the table ends here: what follows is lost, and an ITS among it "
          + "takes every MSI with it.")
    }
    if type.layout == MADTLayout.unknown {
      return FirmwareFinding(
        .note, "madt-unknown", at: place, "a structure that is not known here",
        consequence: "it is printed and plays no part in the checks.")
    }
    if length < type.smallestSize {
      return FirmwareFinding(
        .error, "madt-length", at: place,
        "length \(length), expected at least \(type.smallestSize)",
        consequence: "the kernel skips the structure; an ITS or MSI frame that is skipped "
          + "delivers no MSI.")
    }
    return nil
  }
}

/// Builds a MADT.
public struct MADTBuilder: Sendable {
  public var revision: UInt8
  public var origin: TableOrigin
  private var body: [UInt8]

  /// An empty table.
  public init(revision: UInt8, origin: TableOrigin) {
    self.revision = revision
    self.origin = origin
    body = Array(TableRecord(MADTLayout.table).bytes[ACPIHeader.size...])
  }

  /// Adds a structure with these fields; the others are zero.
  ///
  /// - Parameter size: its length in bytes, where it is not the newest version's.
  public mutating func add(
    _ type: MADTType, size: Int? = nil, _ values: KeyValuePairs<TableField, UInt64>
  ) {
    var record = TableRecord(type.layout, size: size)
    record[MADTLayout.type] = UInt64(type.rawValue)
    record[MADTLayout.length] = UInt64(record.bytes.count)
    for (field, value) in values { record[field] = value }
    body += record.bytes
  }

  public func build() -> [UInt8] { origin.table("APIC", revision: revision, body: body) }
}
