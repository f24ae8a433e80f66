/// A structure of a table as it is listed: its fields, and what fields cannot show.
public struct ListedRecord: Equatable, Sendable {
  public let title: String
  public let record: TableRecord
  /// A name of variable length, or the bytes of a node of an unknown type.
  public let name: String?
  public let raw: [UInt8]

  init(_ title: String, _ record: TableRecord, name: String? = nil, raw: [UInt8] = []) {
    self.title = title
    self.record = record
    self.name = name
    self.raw = raw
  }
}

/// A table as it is listed.
public struct TableListing: Equatable, Sendable {
  public let signature: String
  public let bytes: [UInt8]
  public let records: [ListedRecord]
}

extension FirmwareTables {
  /// The tables with fields, each with all of its structures in their order.
  public var listings: [TableListing] {
    var listings: [TableListing] = []
    if let iort {
      listings.append(
        .init(signature: "IORT", bytes: iort.bytes, records: Self.records(of: iort)))
    }
    if let madt {
      let records = [ListedRecord(madt.header.layout.name, madt.header)]
      listings.append(
        .init(
          signature: "APIC", bytes: madt.bytes,
          records: records + madt.structures.map { ListedRecord($0.layout.name, $0) }))
    }
    if let mcfg {
      let records = [ListedRecord(mcfg.header.layout.name, mcfg.header)]
      listings.append(
        .init(
          signature: "MCFG", bytes: mcfg.bytes,
          records: records + mcfg.allocations.map { ListedRecord($0.layout.name, $0) }))
    }
    return listings
  }

  private static func records(of iort: IORTTable) -> [ListedRecord] {
    var records = [ListedRecord(iort.header.layout.name, iort.header)]
    for node in iort.nodes {
      let isUnknown = node.record.layout == IORTLayout.unknownNode
      let raw = isUnknown ? Array(node.bytes.dropFirst(node.record.bytes.count)) : []
      records.append(ListedRecord(node.title, node.record, name: node.name, raw: raw))
      let parts = (node.elements + node.mappings + node.ranges).sorted { $0.offset < $1.offset }
      records += parts.map { ListedRecord($0.layout.name, $0) }
    }
    return records
  }
}
