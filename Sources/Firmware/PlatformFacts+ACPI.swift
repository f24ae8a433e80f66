internal import Bits

extension PlatformFacts {
  /// The facts of an IORT, with those of the other tables as far as they are given.
  public init(iort: IORTTable?, madt: MADTTable?, mcfg: MCFGTable?, bridges: HostBridgeScan?) {
    self.init(source: .acpi)
    bootConfiguration = bridges?.bootConfiguration ?? .unknown
    view = (iort?.header ?? madt?.header).map { MachineView(of: TableOrigin(of: $0)) } ?? .unknown
    if let madt { addControllers(madt) }
    guard let iort else { return }
    // Linux makes a platform device of each SMMU and PMCG, in order (`iort_init_platform_devices`).
    var devices = 0
    let index = NodeIndex(iort)
    for node in iort.nodes {
      switch node.type {
      case .itsGroup:
        itsGroups.append(ITSGroup(place: node.place, identifiers: node.itsIdentifiers))
      case .smmuV2, .smmuV3:
        smmus.append(Self.smmu(node, index, number: devices))
        devices += 1
      case .pmcg: devices += 1
      case .rootComplex:
        let segment = node.record.word(IORTLayout.segment)
        rootComplexes.append(
          RootComplex(
            place: node.place, segment: segment,
            requesterIDs: mcfg?.requesterIDs(ofSegment: segment) ?? 0...0xffff,
            streams: Self.mappings(node, index), messages: nil,
            bootConfiguration: bootConfiguration,
            supportsATS: isSet(node.record[IORTLayout.atsAttribute], bit: 0),
            pasidBits: Self.pasidBits(node)))
      case .namedComponent:
        components.append(Component(place: node.place, streams: Self.mappings(node, index)))
      case .reservedMemoryRange: reserved += Self.reserved(node, index, table: iort)
      default: break
      }
    }
  }

  /// Which list position each node of an IORT will have.
  private struct NodeIndex {
    /// Whether the table counts IDs without the minus one: those of HIP07 and HIP08 do. Linux knew them
    /// by name once (`iort_check_id_count_workaround`); now the last ID of a range gives way to the
    /// next range (`iort_id_map`).
    let countsAll: Bool
    private var targets: [Int: Target] = [:]
    private var kinds: [Int: String] = [:]

    init(_ iort: IORTTable) {
      let origin = TableOrigin(of: iort.header)
      countsAll =
        origin.oemID == "HISI" && ["HIP07", "HIP08"].contains(origin.oemTableID)
        && origin.oemRevision == 0
      var smmus = 0
      var groups = 0
      for node in iort.nodes {
        kinds[node.offset] = "\(node.type)"
        if node.type.isSMMU {
          targets[node.offset] = .smmu(smmus)
          smmus += 1
        } else if node.type == .itsGroup {
          targets[node.offset] = .itsGroup(groups)
          groups += 1
        }
      }
    }

    func target(_ reference: UInt32) -> Target {
      if let target = targets[Int(reference)] { return target }
      let at = "IORT+\(hex(UInt64(reference)))"
      return .nothing(kinds[Int(reference)].map { "\(at) (\($0))" } ?? "\(at) (no node)")
    }
  }

  private static func mappings(_ node: IORTNode, _ index: NodeIndex) -> [Mapping] {
    node.mappings.enumerated().compactMap { position, record in
      guard position != node.ownMappingIndex else { return nil }
      let base = record.word(IORTLayout.inputBase)
      let field = record.word(IORTLayout.idCount)
      let count = index.countsAll && field > 0 ? field - 1 : field
      return Mapping(
        place: "IORT+\(hex(UInt64(record.offset)))",
        input: base...(UInt32.max - base < count ? .max : base + count),
        outputBase: record.word(IORTLayout.outputBase),
        isSingle: isSet(record[IORTLayout.mappingFlags], bit: 0),
        target: index.target(record.word(IORTLayout.outputReference)))
    }
  }

  /// The PASID capabilities count where the node says that PASIDs are supported (revision 4).
  private static func pasidBits(_ node: IORTNode) -> Int? {
    guard node.revision >= 4 else { return nil }
    guard isSet(node.record[IORTLayout.rootComplexFlags], bit: 0) else { return 0 }
    return Int(bits(node.record[IORTLayout.pasid], 4, 0))
  }

  private static func smmu(_ node: IORTNode, _ index: NodeIndex, number: Int) -> SMMU {
    SMMU(
      place: node.place, isVersion3: node.type == .smmuV3, base: node.record[IORTLayout.smmuBase],
      // An SMMU has no use for the single mapping flag: Linux skips the mapping (`iort_id_map`).
      mappings: mappings(node, index).filter { !$0.isSingle },
      isHI161X: node.type == .smmuV3 && node.record[IORTLayout.smmu3Model] == 1,
      kernelName: "arm-smmu\(node.type == .smmuV3 ? "-v3" : "").\(number).auto")
  }

  private static func reserved(
    _ node: IORTNode, _ index: NodeIndex, table: IORTTable
  ) -> [ReservedRange] {
    let flags = node.record[IORTLayout.rmrFlags]
    let streams: [ReservedRange.Streams] = mappings(node, index).compactMap { mapping in
      guard case .smmu(let smmu) = mapping.target else { return nil }
      // Linux takes count and output base alone (`iort_rmr_alloc_sids`).
      let size = mapping.input.upperBound - mapping.input.lowerBound
      let first = mapping.outputBase
      return .init(smmu: smmu, ids: first...(UInt32.max - first < size ? .max : first + size))
    }
    return node.ranges.map { range in
      var reserved = ReservedRange(
        place: node.place, base: range[IORTLayout.rangeBase],
        length: range[IORTLayout.rangeLength], remapPermitted: isSet(flags, bit: 0),
        isPrivileged: isSet(flags, bit: 1),
        attributes: UInt8(truncatingIfNeeded: bits(flags, 9, 2)), streams: streams,
        isDirect: true, isHeeded: table.revision >= 5)
      reserved.isMessageAlias = isSet(flags, bit: 10)
      return reserved
    }
  }

  private mutating func addControllers(_ madt: MADTTable) {
    knowsInterruptControllers = true
    func place(_ record: TableRecord) -> String {
      "APIC+\(hex(UInt64(record.offset))) (\(record.layout.name))"
    }
    func area(_ record: TableRecord, _ name: String, _ base: TableField, _ length: UInt64) -> Area {
      Area(
        place: place(record), name: name, base: record[base], length: length, isMemory: false)
    }
    for record in madt.structures {
      switch MADTType(rawValue: UInt8(record[MADTLayout.type])) {
      case .gicd: areas.append(area(record, "GICD", MADTLayout.distributorBase, 0x1_0000))
      case .gicr:
        areas.append(
          area(
            record, "GICR", MADTLayout.redistributorBase, record[MADTLayout.redistributorLength]))
      case .gicc: addCPU(record, place: place(record))
      case .msiFrame:
        let frame = area(record, MSIControllerKind.frame.name, MADTLayout.frameBase, 0x1000)
        controllers.append(
          MessageController(
            place: frame.place, name: frame.name, base: frame.base,
            doorbell: frame.base &+ 0x40))
        if record[MADTLayout.frameFlags] & 1 == 1 {
          addMessageSPIs(
            base: record[MADTLayout.spiBase], count: record[MADTLayout.spiCount])
        }
        areas.append(frame)
      case .its:
        itses.append(
          ITS(
            place: place(record), identifier: record.word(MADTLayout.itsIdentifier),
            base: record[MADTLayout.itsBase]))
        areas.append(area(record, "ITS", MADTLayout.itsBase, 0x2_0000))
      case .its5:
        areas.append(area(record, "GICv5 ITS", MADTLayout.itsBase, 0x1_0000))
      default: break
      }
    }
  }

  /// The CPU's own view of the GIC, once for CPUs that share it.
  private mutating func addCPU(_ record: TableRecord, place: String) {
    let parts = [
      ("GICC", record[MADTLayout.interfaceBase], 0x1_0000 as UInt64),
      ("GICV", record[MADTLayout.virtualBase], 0x1_0000),
      ("GICH", record[MADTLayout.hypervisorBase], 0x1_0000),
      ("GICR", record[MADTLayout.redistributorOfCPU], 0x2_0000),
    ]
    for (name, base, length) in parts where base != 0 {
      guard !areas.contains(where: { $0.name == name && $0.base == base }) else { continue }
      areas.append(Area(place: place, name: name, base: base, length: length, isMemory: false))
    }
  }
}
