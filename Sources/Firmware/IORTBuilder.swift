/// A node to be put into an IORT: its fixed part, and what follows it.
///
/// Counts, lengths, offsets and output references are filled in by `IORTBuilder`.
public struct IORTDraft: Equatable, Sendable {
  /// An ID mapping to another node of the table.
  public struct Mapping: Equatable, Sendable {
    public var inputBase: UInt32
    /// The number of IDs minus one, as the table has it.
    public var countMinusOne: UInt32
    public var outputBase: UInt32
    /// The position of the target among the table's nodes.
    public var target: Int
    public var flags: UInt32

    public init(
      inputBase: UInt32, countMinusOne: UInt32, outputBase: UInt32, target: Int,
      isSingle: Bool = false
    ) {
      self.inputBase = inputBase
      self.countMinusOne = countMinusOne
      self.outputBase = outputBase
      self.target = target
      flags = isSingle ? 1 : 0
    }
  }

  /// A memory range of an RMR node.
  public struct Range: Equatable, Sendable {
    public var base: UInt64
    public var length: UInt64

    public init(base: UInt64, length: UInt64) {
      self.base = base
      self.length = length
    }
  }

  public let type: IORTNodeType
  public var record: TableRecord
  public var mappings: [Mapping] = []
  public var ranges: [Range] = []
  /// An ITS group's identifiers, or an SMMUv2's context interrupts.
  public var elements: [UInt64] = []
  /// An SMMUv2's PMU interrupts.
  public var pmuInterrupts: [UInt64] = []
  public var name: String?
  /// Whether an RMR's memory ranges stand before its ID mappings; QEMU puts them after.
  public var rangesFirst = false

  public init(_ type: IORTNodeType, revision: UInt8, identifier: UInt32 = 0) {
    self.type = type
    record = TableRecord(type.layout(revision: revision))
    record[IORTLayout.type] = UInt64(type.rawValue)
    record[IORTLayout.revision] = UInt64(revision)
    record[IORTLayout.identifier] = UInt64(identifier)
  }

  /// A field of the fixed part.
  public subscript(field: TableField) -> UInt64 {
    get { record[field] }
    set { record[field] = newValue }
  }
}

/// Builds an IORT from drafts of its nodes.
public struct IORTBuilder: Sendable {
  public var revision: UInt8
  public var origin: TableOrigin
  public private(set) var nodes: [IORTDraft] = []

  public init(revision: UInt8, origin: TableOrigin) {
    self.revision = revision
    self.origin = origin
  }

  /// Adds a node and says its position, for mappings.
  @discardableResult
  public mutating func add(_ node: IORTDraft) -> Int {
    nodes.append(node)
    return nodes.count - 1
  }

  /// The table.
  ///
  /// - Throws: `FirmwareError` when a mapping names no node, or a node is over 65,535 bytes.
  public func build() throws(FirmwareError) -> [UInt8] {
    var offsets: [UInt32] = []
    var next = IORTLayout.table.size
    for node in nodes {
      offsets.append(UInt32(truncatingIfNeeded: next))
      let size = node.size
      guard size <= 0xffff, next + size <= UInt32.max else {
        throw FirmwareError("a node of type \(node.type) has \(size) bytes, expected 65535 or less")
      }
      next += size
    }
    var fixed = TableRecord(IORTLayout.table)
    fixed[IORTLayout.nodeCount] = UInt64(nodes.count)
    fixed[IORTLayout.nodeOffset] = UInt64(IORTLayout.table.size)
    var body = Array(fixed.bytes[ACPIHeader.size...])
    for node in nodes { body += try node.bytes(offsets: offsets) }
    return origin.table("IORT", revision: revision, body: body)
  }
}

extension IORTDraft {
  private var nameBytes: [UInt8] { name.map { Array($0.utf8) + [0] } ?? [] }
  private var elementSize: Int { type == .itsGroup ? 4 : 8 }
  /// The fixed part with the name, padded to four bytes.
  private var headSize: Int {
    let size = (type.nameOffset ?? record.bytes.count) + nameBytes.count
    return (size + 3) / 4 * 4
  }

  var size: Int {
    headSize + (elements.count + pmuInterrupts.count) * elementSize + mappings.count
      * IORTLayout.idMapping.size
      + ranges.count * IORTLayout.memoryRange.size
  }

  fileprivate func bytes(offsets: [UInt32]) throws(FirmwareError) -> [UInt8] {
    var fixed = record
    fixed[IORTLayout.length] = UInt64(size)
    let elementsAt = headSize
    let first = elementsAt + (elements.count + pmuInterrupts.count) * elementSize
    let mappingsAt = rangesFirst ? first + ranges.count * IORTLayout.memoryRange.size : first
    let rangesAt = rangesFirst ? first : first + mappings.count * IORTLayout.idMapping.size
    fixed[IORTLayout.mappingCount] = UInt64(mappings.count)
    // Without mappings the offset means nothing, and the draft's stays.
    if !mappings.isEmpty { fixed[IORTLayout.mappingOffset] = UInt64(mappingsAt) }
    switch type {
    case .itsGroup: fixed[IORTLayout.itsCount] = UInt64(elements.count)
    case .smmuV2:
      fixed[IORTLayout.contextInterruptCount] = UInt64(elements.count)
      fixed[IORTLayout.contextInterruptOffset] = UInt64(elementsAt)
      fixed[IORTLayout.pmuInterruptCount] = UInt64(pmuInterrupts.count)
      fixed[IORTLayout.pmuInterruptOffset] = UInt64(elementsAt + elements.count * elementSize)
    case .reservedMemoryRange:
      fixed[IORTLayout.rmrCount] = UInt64(ranges.count)
      fixed[IORTLayout.rmrOffset] = UInt64(ranges.isEmpty ? 0 : rangesAt)
    default: break
    }
    var bytes = Array(fixed.bytes.prefix(type.nameOffset ?? fixed.bytes.count)) + nameBytes
    bytes += Array(repeating: 0, count: headSize - bytes.count)
    for element in elements + pmuInterrupts {
      for index in 0..<elementSize {
        bytes.append(UInt8(truncatingIfNeeded: element >> UInt64(8 * index)))
      }
    }
    let mappingBytes = try mappingBytes(offsets: offsets)
    return bytes + (rangesFirst ? rangeBytes + mappingBytes : mappingBytes + rangeBytes)
  }

  private var rangeBytes: [UInt8] {
    ranges.flatMap { range in
      var record = TableRecord(IORTLayout.memoryRange)
      record[IORTLayout.rangeBase] = range.base
      record[IORTLayout.rangeLength] = range.length
      return record.bytes
    }
  }

  private func mappingBytes(offsets: [UInt32]) throws(FirmwareError) -> [UInt8] {
    var bytes: [UInt8] = []
    for mapping in mappings {
      guard offsets.indices.contains(mapping.target) else {
        throw FirmwareError(
          "a mapping of a \(type) names node \(mapping.target) of \(offsets.count)")
      }
      var record = TableRecord(IORTLayout.idMapping)
      record[IORTLayout.inputBase] = UInt64(mapping.inputBase)
      record[IORTLayout.idCount] = UInt64(mapping.countMinusOne)
      record[IORTLayout.outputBase] = UInt64(mapping.outputBase)
      record[IORTLayout.outputReference] = UInt64(offsets[mapping.target])
      record[IORTLayout.mappingFlags] = UInt64(mapping.flags)
      bytes += record.bytes
    }
    return bytes
  }
}

extension IORTBuilder {
  /// Creates a builder that builds again a table that was read. Nodes of unknown types and mappings
  /// to nothing are left out.
  public init(rebuilding table: IORTTable) {
    self.init(revision: table.revision, origin: TableOrigin(of: table.header))
    let known = table.nodes.filter { $0.record.layout != IORTLayout.unknownNode }
    for node in known {
      var draft = IORTDraft(node.type, revision: node.revision, identifier: node.identifier)
      for field in node.record.layout.fields { draft[field] = node.record[field] }
      draft.name = node.name
      let elements = node.elements.map {
        node.type == .itsGroup ? $0[IORTLayout.itsIdentifier] : $0[IORTLayout.interrupt]
      }
      let pmuCount = node.type == .smmuV2 ? Int(node.record[IORTLayout.pmuInterruptCount]) : 0
      draft.elements = elements.dropLast(pmuCount)
      draft.pmuInterrupts = elements.suffix(pmuCount)
      draft.ranges = node.ranges.map {
        .init(base: $0[IORTLayout.rangeBase], length: $0[IORTLayout.rangeLength])
      }
      draft.rangesFirst =
        node.record[IORTLayout.rmrOffset] < node.record[IORTLayout.mappingOffset]
      draft.mappings = node.mappings.compactMap { mapping in
        let target = known.firstIndex {
          $0.offset == Int(mapping[IORTLayout.outputReference])
        }
        guard let target else { return nil }
        var draft = IORTDraft.Mapping(
          inputBase: mapping.word(IORTLayout.inputBase),
          countMinusOne: mapping.word(IORTLayout.idCount),
          outputBase: mapping.word(IORTLayout.outputBase), target: target)
        draft.flags = mapping.word(IORTLayout.mappingFlags)
        return draft
      }
      add(draft)
    }
  }
}
