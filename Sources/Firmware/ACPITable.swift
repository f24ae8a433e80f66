internal import Bits

/// The header that every ACPI table starts with (ACPI 6.5, 5.2.6).
public enum ACPIHeader {
  public static let signature = TableField("Signature", at: 0, 4, .text)
  public static let length = TableField("Table Length", at: 4, 4)
  public static let revision = TableField("Revision", at: 8, 1, .decimal)
  public static let checksum = TableField("Checksum", at: 9, 1)
  public static let oemID = TableField("OEM ID", at: 10, 6, .text)
  public static let oemTableID = TableField("OEM Table ID", at: 16, 8, .text)
  public static let oemRevision = TableField("OEM Revision", at: 24, 4)
  public static let creatorID = TableField("Creator ID", at: 28, 4, .text)
  public static let creatorRevision = TableField("Creator Revision", at: 32, 4)
  public static let size = 36

  static let fields = [
    signature, length, revision, checksum, oemID, oemTableID, oemRevision, creatorID,
    creatorRevision,
  ]
}

/// Thrown when a file is not the firmware table it was taken for.
public struct FirmwareError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The bytes of an ACPI table with a sound header.
struct ACPITable {
  let bytes: [UInt8]
  let header: TableRecord
  /// Findings on the header that leave the table readable.
  let findings: [FirmwareFinding]

  /// - Parameter layout: the header and the fields that follow it.
  /// - Throws: `FirmwareError` when there is no header, or it is another table's.
  init(_ file: [UInt8], signature: String, layout: RecordLayout) throws(FirmwareError) {
    guard file.count >= ACPIHeader.size else {
      throw FirmwareError(
        "expected an ACPI table of at least \(ACPIHeader.size) bytes, found \(file.count)")
    }
    let header = TableRecord(layout, in: file, at: 0)
    guard header.text(ACPIHeader.signature) == signature else {
      throw FirmwareError(
        "expected the signature \"\(signature)\", found \"\(header.text(ACPIHeader.signature))\"")
    }
    let length = Int(header[ACPIHeader.length])
    guard length >= layout.size, file.count >= layout.size else {
      throw FirmwareError(
        "expected a table length of at least \(layout.size) bytes, found \(length) in a file of "
          + "\(file.count)")
    }
    bytes = Array(file.prefix(length))
    self.header = header
    findings = Self.check(header, length: length, file: file, table: bytes)
  }

  private static func check(
    _ header: TableRecord, length: Int, file: [UInt8], table: [UInt8]
  ) -> [FirmwareFinding] {
    let name = header.text(ACPIHeader.signature)
    if file.count < length {
      return [
        FirmwareFinding(
          .error, "table-length", at: "\(name)+0x4",
          "the header says \(length) bytes, the file has \(file.count)",
          consequence: "the kernel maps \(length) bytes and reads whatever follows as nodes, or "
            + "refuses the table: no device behind it has a known path for its MSIs.")
      ]
    }
    let sum = checksum(of: table)
    guard sum == header[ACPIHeader.checksum] else {
      return [
        FirmwareFinding(
          .warning, "checksum", at: "\(name)+0x9",
          "the checksum is \(hex(header[ACPIHeader.checksum], digits: 2)), the bytes need "
            + hex(UInt64(sum), digits: 2),
          consequence: "Linux warns and uses the table, stricter loaders drop it and every MSI "
            + "path it describes.")
      ]
    }
    return []
  }

  /// The value of the checksum byte with which the table's bytes add up to zero.
  static func checksum(of table: [UInt8]) -> UInt8 {
    var sum: UInt8 = 0
    for byte in table { sum &+= byte }
    guard table.count > ACPIHeader.checksum.offset else { return 0 }
    return table[ACPIHeader.checksum.offset] &- sum
  }
}

/// Origin of a table: the fields of its header besides signature, length and checksum.
public struct TableOrigin: Equatable, Sendable {
  public var oemID: String
  public var oemTableID: String
  public var oemRevision: UInt32
  public var creatorID: String
  public var creatorRevision: UInt32

  public init(
    oemID: String, oemTableID: String, oemRevision: UInt32, creatorID: String,
    creatorRevision: UInt32
  ) {
    self.oemID = oemID
    self.oemTableID = oemTableID
    self.oemRevision = oemRevision
    self.creatorID = creatorID
    self.creatorRevision = creatorRevision
  }

  /// Creates the origin that the header of a table states.
  public init(of header: TableRecord) {
    oemID = header.text(ACPIHeader.oemID)
    oemTableID = header.text(ACPIHeader.oemTableID)
    oemRevision = header.word(ACPIHeader.oemRevision)
    creatorID = header.text(ACPIHeader.creatorID)
    creatorRevision = header.word(ACPIHeader.creatorRevision)
  }

  /// QEMU's (include/hw/acpi/aml-build.h).
  public static let qemu = Self(
    oemID: "BOCHS", oemTableID: "BXPC", oemRevision: 1, creatorID: "BXPC", creatorRevision: 1)
  /// This program's own.
  public static let doorbell = Self(
    oemID: "DRBELL", oemTableID: "DOORBELL", oemRevision: 1, creatorID: "DBEL",
    creatorRevision: 1)

  /// The table with this header in front of `body`, its length and its checksum.
  func table(_ signature: String, revision: UInt8, body: [UInt8]) -> [UInt8] {
    var header = TableRecord(RecordLayout(signature, ACPIHeader.fields))
    header.set(ACPIHeader.signature, text: signature)
    header[ACPIHeader.length] = UInt64(ACPIHeader.size + body.count)
    header[ACPIHeader.revision] = UInt64(revision)
    header.set(ACPIHeader.oemID, text: oemID, padding: 0x20)
    header.set(ACPIHeader.oemTableID, text: oemTableID, padding: 0x20)
    header[ACPIHeader.oemRevision] = UInt64(oemRevision)
    header.set(ACPIHeader.creatorID, text: creatorID, padding: 0x20)
    header[ACPIHeader.creatorRevision] = UInt64(creatorRevision)
    var bytes = header.bytes + body
    bytes[ACPIHeader.checksum.offset] = ACPITable.checksum(of: bytes)
    return bytes
  }
}
