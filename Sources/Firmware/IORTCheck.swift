internal import Bits

/// Rules about an IORT that its facts no longer show: references, identifiers, flags and the
/// shape of RMR nodes.
struct IORTCheck {
  private let table: IORTTable
  /// Nodes by their offsets.
  private let nodes: [Int: IORTNode]
  private var list = FindingList()
  var findings: [FirmwareFinding] { list.findings }

  init(_ table: IORTTable) {
    self.table = table
    nodes = Dictionary(table.nodes.map { ($0.offset, $0) }) { first, _ in first }
    for node in table.nodes {
      for (position, mapping) in node.mappings.enumerated() {
        checkReference(mapping, at: position, of: node)
        checkSingle(mapping, at: position, of: node)
      }
      if let index = node.ownMappingIndex, node.type == .smmuV3, index >= node.mappings.count {
        checkOwnIndex(index, of: node)
      }
      if node.type == .reservedMemoryRange { checkReserved(node) }
    }
    checkDuplicates()
    checkLoops()
  }

  private mutating func add(
    _ severity: FirmwareFinding.Severity, _ rule: String, _ place: String,
    _ text: String, _ consequence: String
  ) {
    list.add(severity, rule, place, text, consequence)
  }

  private func place(_ mapping: TableRecord, of node: IORTNode) -> String {
    "IORT+\(hex(UInt64(mapping.offset))) (ID mapping of \(node.title))"
  }

  // MARK: References

  private mutating func checkReference(
    _ mapping: TableRecord, at position: Int, of node: IORTNode
  ) {
    let reference = mapping[IORTLayout.outputReference]
    let place = place(mapping, of: node)
    guard let target = nodes[Int(reference)] else {
      add(
        .error, "dangling-reference", place,
        "the output reference \(hex(reference)) is no node's offset",
        "its IDs lead nowhere: the devices have no StreamID or DeviceID, and their MSIs are lost.")
      return
    }
    let isOwn = position == node.ownMappingIndex
    let isAllowed =
      switch node.type {
      case .rootComplex, .namedComponent, .iwb: target.type.isSMMU || target.type == .itsGroup
      case .smmuV2, .smmuV3, .pmcg: target.type == .itsGroup
      case .reservedMemoryRange: target.type.isSMMU
      default: true
      }
    guard !isAllowed else { return }
    add(
      .error, "reference-kind", place,
      "the output reference \(hex(reference)) is a \(target.type), which a \(node.type) cannot "
        + "lead to",
      isOwn
        ? "the \(node.type)'s own MSIs have no DeviceID; its interrupts must be wired."
        : "Linux finds no StreamID or DeviceID on this way, and the devices' MSIs are lost.")
  }

  /// Single mappings are for devices with one ID (`iort_id_map`, `iort_node_get_id`).
  private mutating func checkSingle(_ mapping: TableRecord, at position: Int, of node: IORTNode) {
    guard isSet(mapping[IORTLayout.mappingFlags], bit: 0) else { return }
    let count = mapping[IORTLayout.idCount]
    let place = place(mapping, of: node)
    if node.type.isSMMU && position != node.ownMappingIndex {
      add(
        .error, "single-mapping", place, "a single mapping that is not the SMMU's own DeviceID",
        "Linux skips it: the StreamIDs it was meant for have no DeviceID, and their MSIs are lost.")
    } else if node.type == .reservedMemoryRange && count > 0 {
      add(
        .warning, "single-mapping", place,
        "flagged as single mapping, with \(count + 1) IDs",
        "Linux goes by the count and covers all \(count + 1) StreamIDs; a guest that goes by the "
          + "flag covers only \(hex(mapping[IORTLayout.outputBase])), and MSIs of the others fault "
          + "in stage 1.")
    } else if node.type == .rootComplex {
      add(
        .warning, "single-mapping", place,
        "every requester ID becomes \(hex(mapping[IORTLayout.outputBase]))",
        "all functions share one StreamID or DeviceID: the ITS cannot tell their MSIs apart.")
    }
  }

  private mutating func checkOwnIndex(_ index: Int, of node: IORTNode) {
    let wired = node.record[IORTLayout.eventInterrupt] != 0
    add(
      node.mappings.isEmpty && wired ? .note : .warning, "deviceid-index", node.place,
      "the DeviceID mapping index is \(index), the node has \(node.mappings.count) mappings",
      "the SMMU's own MSIs have no DeviceID; it needs wired interrupts, or faults go unseen.")
  }

  // MARK: Duplicates and loops

  private mutating func checkDuplicates() {
    var bases: [UInt64: IORTNode] = [:]
    var identifiers: [UInt32: IORTNode] = [:]
    for node in table.nodes {
      if node.type.isSMMU {
        let base = node.record[IORTLayout.smmuBase]
        if let other = bases[base] {
          add(
            .error, "duplicate-smmu", node.place,
            "the same base address as the node at \(hex(UInt64(other.offset)))",
            "only one of two drivers gets the registers: the devices of the other have no "
              + "translation, and their MSIs fault or bypass.")
        }
        bases[base] = node
      }
      // Before table revision 1 (DEN 0049E) the field is reserved.
      guard table.revision >= 1, node.record.layout != IORTLayout.unknownNode else { continue }
      if let other = identifiers[node.identifier] {
        add(
          .note, "duplicate-identifier", node.place,
          "the same identifier \(hex(UInt64(node.identifier))) as the node at "
            + hex(UInt64(other.offset)),
          "Linux does not use identifiers and MSIs are as before; tools that cross-reference by "
            + "them mix the nodes up.")
      }
      identifiers[node.identifier] = node
    }
  }

  /// A node from which references lead back to itself.
  private mutating func checkLoops() {
    /// 1 while a node's targets are visited, 2 afterwards.
    var state: [Int: Int] = [:]
    for start in table.nodes where state[start.offset] == nil {
      var path = [(node: start, next: 0)]
      state[start.offset] = 1
      while let (node, next) = path.last {
        guard next < node.mappings.count else {
          state[node.offset] = 2
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let reference = Int(node.mappings[next][IORTLayout.outputReference])
        guard let target = nodes[reference] else { continue }
        if state[reference] == 1 {
          add(
            .error, "reference-loop", place(node.mappings[next], of: node),
            "the mappings lead back to the node at \(hex(UInt64(reference)))",
            "a kernel that follows them never reaches an ITS: it hangs at boot, or the devices "
              + "have no DeviceID and their MSIs are lost.")
        } else if state[reference] == nil {
          state[reference] = 1
          path.append((target, 0))
        }
      }
    }
  }

  // MARK: Reserved memory ranges

  private mutating func checkReserved(_ node: IORTNode) {
    if table.revision < 5 {
      add(
        .error, "rmr-revision", node.place,
        "an RMR in a table of revision \(table.revision), expected 5 or later",
        "Linux ignores every RMR of the table (iort_find_rmrs): a window meant for MSIs is not "
          + "mapped, and they fault in stage 1.")
    }
    if node.revision < 3 {
      add(
        .warning, "rmr-node-revision", node.place,
        "node revision \(node.revision), expected 3 or later",
        "its flags have no agreed meaning before DEN 0049E.d: whether the window is `direct` or "
          + "`direct-relaxable`, and so mapped for MSIs of assigned devices, is up to the reader.")
    }
    if node.record[IORTLayout.mappingCount] == 0 {
      add(
        .error, "rmr-no-mapping", node.place, "an RMR without ID mappings",
        "Linux skips it with a firmware bug message: no stream gets the range mapped, and MSIs "
          + "into it fault in stage 1.")
    }
    if node.record[IORTLayout.rmrCount] == 0 {
      add(
        .error, "rmr-no-range", node.place, "an RMR without memory ranges",
        "it reserves nothing: MSIs that were to pass through it fault in stage 1.")
    }
    checkSwappedOffsets(node)
    checkFlags(node)
  }

  /// Whether ID mappings and memory ranges stand at each other's offsets: as written the
  /// references lead nowhere, the other way around they all lead to SMMUs.
  private mutating func checkSwappedOffsets(_ node: IORTNode) {
    let count = Int(node.record[IORTLayout.mappingCount])
    guard count > 0, node.record[IORTLayout.rmrCount] > 0, !leadToSMMUs(node.mappings, count)
    else { return }
    let start = node.offset + Int(node.record[IORTLayout.rmrOffset])
    let size = IORTLayout.idMapping.size
    guard start + size <= node.offset + node.bytes.count else { return }
    let fitting = min(count, (node.offset + node.bytes.count - start) / size)
    let other = (0..<fitting).map {
      TableRecord(IORTLayout.idMapping, in: table.bytes, at: start + $0 * size)
    }
    guard leadToSMMUs(other, count) else { return }
    add(
      .error, "rmr-swapped-offsets", node.place,
      "the ID mappings stand at the memory range offset "
        + "\(hex(node.record[IORTLayout.rmrOffset])), and the other way around",
      "the kernel reads addresses as StreamIDs: the window is reserved for no device, and MSIs "
        + "fault in stage 1.")
  }

  private func leadToSMMUs(_ mappings: [TableRecord], _ count: Int) -> Bool {
    mappings.count == count
      && mappings.allSatisfy {
        nodes[Int($0[IORTLayout.outputReference])]?.type.isSMMU == true
      }
  }

  private mutating func checkFlags(_ node: IORTNode) {
    let flags = node.record[IORTLayout.rmrFlags]
    if flags & ~0x3ff != 0 {
      add(
        .warning, "rmr-flags", node.place, "reserved flag bits \(hex(flags & ~0x3ff)) are set",
        "a later revision may give them a meaning that keeps the range from being mapped.")
    }
    if bits(flags, 9, 2) > 5 {
      add(
        .warning, "rmr-attributes", node.place,
        "access attributes \(bits(flags, 9, 2)), expected 0 to 5",
        "Linux maps the range as normal non-cacheable memory: a write to a doorbell behind it "
          + "may be merged or delayed.")
    }
  }
}
