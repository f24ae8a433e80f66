internal import Bits

/// An IORT as its bytes say, revisions 0 to 7.
///
/// Reading never fails for what is inside the table: what does not fit becomes a finding, and the
/// rest is kept.
public struct IORTTable: Equatable, Sendable {
  public let bytes: [UInt8]
  public let header: TableRecord
  public let nodes: [IORTNode]
  /// Findings on malformed parts.
  public let findings: [FirmwareFinding]

  public var revision: UInt8 { UInt8(header[ACPIHeader.revision]) }

  /// - Throws: `FirmwareError` when the bytes are no IORT.
  public init(_ file: [UInt8]) throws(FirmwareError) {
    let table = try ACPITable(file, signature: "IORT", layout: IORTLayout.table)
    bytes = table.bytes
    header = table.header
    var reader = IORTReader(table: table.bytes, list: FindingList(table.findings))
    nodes = reader.nodes(header)
    findings = reader.list.findings
  }

  /// The node that starts at an offset, which is what an output reference says.
  public func node(at offset: UInt32) -> IORTNode? { nodes.first { $0.offset == Int(offset) } }
}

/// Reads nodes, and notes what does not fit.
struct IORTReader {
  let table: [UInt8]
  var list: FindingList

  /// The nodes in their order. At most as many as fit, so that the loop ends whatever the count.
  mutating func nodes(_ header: TableRecord) -> [IORTNode] {
    let count = Int(header[IORTLayout.nodeCount])
    var offset = Int(header[IORTLayout.nodeOffset])
    var nodes: [IORTNode] = []
    if header[ACPIHeader.revision] > 7 {
      add(
        .note, "table-revision", "IORT+0x8",
        "revision \(header[ACPIHeader.revision]) is newer than 7, the last one known here",
        "what later revisions add is printed as unknown and plays no part in the checks.")
    }
    if count > 0 && offset < IORTLayout.table.size {
      add(
        .error, "node-offset", "IORT+0x28",
        "the nodes start at \(hex(UInt64(offset))), inside the header",
        "the header is read as a node: no device has a known path for its MSIs.")
    }
    while nodes.count < count {
      guard offset + IORTLayout.nodeHeaderSize <= table.count else {
        add(
          .error, "node-count", "IORT+0x24",
          "the table says \(count) nodes and ends after \(nodes.count)",
          "the devices of the missing nodes have no path for their MSIs.")
        break
      }
      guard let node = node(at: offset) else { break }
      nodes.append(node)
      offset += node.length
    }
    return nodes
  }

  /// The node at an offset; `nil` where none can follow it.
  private mutating func node(at offset: Int) -> IORTNode? {
    let start = TableRecord(IORTLayout.unknownNode, in: table, at: offset)
    let type = IORTNodeType(rawValue: UInt8(start[IORTLayout.type]))
    let length = Int(start[IORTLayout.length])
    let place = "IORT+\(hex(UInt64(offset))) (\(type))"
    guard length >= IORTLayout.nodeHeaderSize else {
      add(
        .error, "node-length", place, "length \(length), expected at least 16",
        "the next node cannot be found: Linux reads this one again or something between two, and "
          + "the devices of all after it have no path for their MSIs.")
      return nil
    }
    if offset + length > table.count {
      add(
        .error, "node-length", place,
        "length \(length) reaches past the end of the table at \(hex(UInt64(table.count)))",
        "Linux checks only where a node starts, and takes what lies behind the table for the rest: "
          + "the path of its devices' MSIs is undefined.")
    }
    let mappingStart = Int(start[IORTLayout.mappingOffset])
    let layout = type.layout(
      revision: UInt8(start[IORTLayout.revision]),
      end: start[IORTLayout.mappingCount] > 0 && mappingStart >= IORTLayout.nodeHeaderSize
        ? mappingStart : length)
    let record = TableRecord(layout, in: table, at: offset, length: min(length, layout.size))
    checkFixedPart(record, type: type, place: place)
    return IORTNode(
      record: record,
      bytes: TableRecord(IORTLayout.unknownNode, in: table, at: offset, length: length).bytes,
      mappings: mappings(record, type: type, length: length, place: place),
      ranges: type == .reservedMemoryRange ? ranges(record, length: length, place: place) : [],
      elements: elements(record, type: type, length: length, place: place),
      name: type.nameOffset.map { name(at: offset + $0, end: offset + length) })
  }

  private mutating func checkFixedPart(_ record: TableRecord, type: IORTNodeType, place: String) {
    if record.layout == IORTLayout.unknownNode {
      add(
        .note, "unknown-node", place, "a node type that is not known here",
        "it is printed and plays no part in the checks.")
    } else if !record.isComplete {
      add(
        .error, "node-short", place,
        "\(record.bytes.count) bytes, expected at least \(record.layout.size)",
        "fields read beyond its end belong to something else: the path of its MSIs is undefined.")
    }
  }

  private mutating func mappings(
    _ record: TableRecord, type: IORTNodeType, length: Int, place: String
  ) -> [TableRecord] {
    guard type != .itsGroup, record.layout != IORTLayout.unknownNode else { return [] }
    return array(
      IORTLayout.idMapping, count: Int(record[IORTLayout.mappingCount]),
      at: Int(record[IORTLayout.mappingOffset]), of: record, length: length, place: place,
      rule: "mapping-bounds", what: "ID mappings")
  }

  private mutating func ranges(_ record: TableRecord, length: Int, place: String) -> [TableRecord] {
    array(
      IORTLayout.memoryRange, count: Int(record[IORTLayout.rmrCount]),
      at: Int(record[IORTLayout.rmrOffset]), of: record, length: length, place: place,
      rule: "range-bounds", what: "memory ranges")
  }

  private mutating func elements(
    _ record: TableRecord, type: IORTNodeType, length: Int, place: String
  ) -> [TableRecord] {
    switch type {
    case .itsGroup:
      return array(
        RecordLayout("identifier", [IORTLayout.itsIdentifier]),
        count: Int(record[IORTLayout.itsCount]), at: 20, of: record, length: length, place: place,
        rule: "its-bounds", what: "ITS identifiers")
    case .smmuV2:
      let layout = RecordLayout("interrupt", [IORTLayout.interrupt])
      let pairs = [
        (IORTLayout.contextInterruptCount, IORTLayout.contextInterruptOffset),
        (IORTLayout.pmuInterruptCount, IORTLayout.pmuInterruptOffset),
      ]
      return pairs.flatMap { count, start in
        array(
          layout, count: Int(record[count]), at: Int(record[start]), of: record, length: length,
          place: place, rule: "interrupt-bounds", what: "interrupts")
      }
    default: return []
    }
  }

  /// The elements of an array in a node, as far as they lie inside the node and the table.
  private mutating func array(
    _ layout: RecordLayout, count: Int, at start: Int, of node: TableRecord, length: Int,
    place: String, rule: String, what: String
  ) -> [TableRecord] {
    guard count > 0 else { return [] }
    let end = min(length, table.count - node.offset)
    let room = start <= end ? (end - start) / layout.size : 0
    let isInside = start >= IORTLayout.nodeHeaderSize && count <= room
    if !isInside {
      add(
        .error, rule, place,
        "\(count) \(what) at node offset \(hex(UInt64(start))) do not fit into "
          + "\(length) bytes",
        "whatever lies there is read as \(what): the node's devices get wrong IDs or none, and "
          + "their MSIs are lost or raised under another device's ID.")
    }
    return (0..<min(count, room)).map {
      TableRecord(layout, in: table, at: node.offset + start + $0 * layout.size)
    }
  }

  private func name(at start: Int, end: Int) -> String {
    guard start < min(end, table.count) else { return "" }
    return printable(table[start..<min(end, table.count)])
  }

  private mutating func add(
    _ severity: FirmwareFinding.Severity, _ rule: String, _ place: String,
    _ text: String, _ consequence: String
  ) {
    list.add(severity, rule, place, text, consequence)
  }
}
