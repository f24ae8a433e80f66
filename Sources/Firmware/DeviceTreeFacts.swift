internal import Bits

extension PlatformFacts {
  /// The facts of a device tree: nodes of SMMUs, ITSs and other MSI controllers, host bridges with
  /// `iommu-map`, `msi-map` and `msi-parent` (Documentation/devicetree/bindings/pci/pci-iommu.txt,
  /// pci-msi.txt), devices with `iommus`, RAM, and reserved memory with `iommu-addresses`. Nodes that
  /// are disabled, or below one that is, count as absent (`of_device_is_available`).
  public init(_ tree: DeviceTreeBlob) {
    self.init(source: .deviceTree)
    knowsInterruptControllers = true
    view = MachineView(of: tree.nodes.first)
    var reader = DeviceTreeReader(tree: tree, facts: self)
    reader.read()
    self = reader.facts
  }

  /// RAM of a device tree, for tables that do not say where it is.
  public mutating func addMemory(of tree: DeviceTreeBlob) {
    var reader = DeviceTreeReader(tree: tree, facts: self)
    for index in tree.nodes.indices { reader.readMemory(index) }
    self = reader.facts
  }
}

private struct DeviceTreeReader {
  let tree: DeviceTreeBlob
  var facts: PlatformFacts
  /// Nodes by phandle.
  private let nodes: [UInt32: Int]
  /// Whether each node and all above it are enabled.
  private let isEnabled: [Bool]
  private let chosen: DeviceTreeBlob.Node?
  /// Mapping targets by the index of their node, for maps that name its phandle.
  private var targets: [Int: PlatformFacts.Target] = [:]
  /// The mappings of the requests of bridges and devices, by node.
  private var streamsOfNode: [Int: [PlatformFacts.Mapping]] = [:]
  private var list = FindingList()

  init(tree: DeviceTreeBlob, facts: PlatformFacts) {
    self.tree = tree
    self.facts = facts
    var nodes: [UInt32: Int] = [:]
    var isEnabled: [Bool] = []
    for (index, node) in tree.nodes.enumerated() {
      if let phandle = node.phandle, nodes[phandle] == nil { nodes[phandle] = index }
      let above = node.parent.map { isEnabled[$0] } ?? true
      let status = node.strings("status").first
      isEnabled.append(above && (status == nil || status == "okay" || status == "ok"))
    }
    self.nodes = nodes
    self.isEnabled = isEnabled
    chosen = tree.nodes.first { $0.path == "/chosen" }
  }

  mutating func read() {
    for index in tree.nodes.indices {
      if isEnabled[index] {
        readTranslator(index)
        readController(index)
      }
      readMemory(index)
    }
    // Host bridges, devices and reserved memory refer to what is known now.
    for index in tree.nodes.indices where isEnabled[index] {
      if isHostBridge(index) {
        readBridge(index)
      } else if !hasBridgeAbove(index) {
        readComponent(index)
      }
    }
    numberBridges()
    for index in tree.nodes.indices
    where isEnabled[index] && tree.nodes[index].has("iommu-addresses") { readReserved(index) }
    let configurations = facts.rootComplexes.map(\.bootConfiguration)
    if !configurations.isEmpty {
      facts.bootConfiguration =
        configurations.allSatisfy { $0 == .preserved } ? .preserved : .notPreserved
    }
    facts.findings = list.findings
  }

  // MARK: SMMUs and MSI controllers

  /// Linux's names for SMMUs before version 3 (`arm_smmu_of_match`).
  private static let smmuV2 = [
    "arm,smmu-v1", "arm,smmu-v2", "arm,mmu-400", "arm,mmu-401", "arm,mmu-500",
    "cavium,smmu-v2", "nvidia,smmu-500", "qcom,smmu-v2", "qcom,smmu-500",
  ]
  private static let gicV2 = [
    "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,gic-400", "arm,cortex-a7-gic",
  ]

  /// Older names of Qualcomm's SMMUs stand alone (`qcom_smmu_impl_of_match`).
  private func isVersion2(_ node: DeviceTreeBlob.Node) -> Bool {
    node.isCompatible(with: Self.smmuV2)
      || node.strings("compatible").contains {
        $0.hasPrefix("qcom,") && ($0.hasSuffix("-smmu-v2") || $0.hasSuffix("-smmu-500"))
      }
  }

  private mutating func readTranslator(_ index: Int) {
    let node = tree.nodes[index]
    let base = tree.regions(of: index).first?.base
    let isVersion3 = node.isCompatible(with: ["arm,smmu-v3"])
    if isVersion3 || isVersion2(node) {
      targets[index] = .smmu(facts.smmus.count)
      let name = node.path.split(separator: "/").last?.split(separator: "@").first ?? ""
      facts.smmus.append(
        .init(
          place: node.path, isVersion3: isVersion3, base: base ?? 0, mappings: [],
          isHI161X: node.isCompatible(with: ["hisilicon,hip06-smmu-v3"]),
          model: node.strings("compatible").first ?? "",
          // `of_device_make_bus_id`: the translated address, and the node's name.
          kernelName: base.map { "\(hex($0).dropFirst(2)).\(name)" } ?? ""))
    } else if node.isCompatible(with: ["arm,gic-v3-its"]) {
      readITS(index, base: base ?? 0)
    } else if isTranslateFrame(index) {
      addITS(index, base: base ?? 0, translaterOffset: 0, area: "GICv5 ITS translate frame")
    } else if let kind = MSIControllerKind.of(node) {
      addController(index, kind)
    } else if node.has("msi-controller") || node.has("#msi-cells") {
      readOtherController(index)
    } else if node.has("#iommu-cells") {
      targets[index] = .iommu(facts.otherIOMMUs.count)
      facts.otherIOMMUs.append(
        .init(place: node.path, model: node.strings("compatible").first ?? ""))
    }
  }

  private mutating func readITS(_ index: Int, base: UInt64) {
    var window: ClosedRange<UInt64>?
    let node = tree.nodes[index]
    let cells = node.cells("socionext,synquacer-pre-its")
    if cells.count >= 2, cells[1] > 0 {
      window = UInt64(cells[0])...UInt64(cells[0]) + UInt64(cells[1] - 1)
    }
    addITS(index, base: base, translaterOffset: 0x1_0040, area: "ITS", window: window)
  }

  /// A frame of a GICv5 ITS, to which maps refer (arm,gic-v5.yaml).
  private func isTranslateFrame(_ index: Int) -> Bool {
    guard let parent = tree.nodes[index].parent else { return false }
    return tree.nodes[index].has("msi-controller")
      && tree.nodes[parent].isCompatible(with: ["arm,gic-v5-its"])
  }

  private mutating func addITS(
    _ index: Int, base: UInt64, translaterOffset: UInt64, area: String,
    window: ClosedRange<UInt64>? = nil
  ) {
    let node = tree.nodes[index]
    targets[index] = .itsGroup(facts.itsGroups.count)
    let identifier = node.phandle ?? UInt32(facts.itses.count)
    facts.itsGroups.append(.init(place: node.path, identifiers: [identifier]))
    facts.itses.append(
      .init(
        place: node.path, identifier: identifier, base: base, window: window,
        translaterOffset: translaterOffset))
    addAreas([area], of: index)
  }

  private mutating func addController(_ index: Int, _ kind: MSIControllerKind) {
    let node = tree.nodes[index]
    let regions = tree.regions(of: index)
    let doorbell: UInt64? =
      switch kind.doorbell {
      case .register(let offset): regions.first.map { $0.base &+ offset }
      case .secondRegion: regions.count > 1 ? regions[1].base : nil
      case .unknown: nil
      }
    targets[index] = .controller(facts.controllers.count)
    facts.controllers.append(
      .init(
        place: node.path, name: kind.name, base: regions.first?.base ?? 0, doorbell: doorbell))
    if kind.name == MSIControllerKind.frame.name {
      addAreas([kind.name], of: index)
      if let base = node.cell("arm,msi-base-spi"), let count = node.cell("arm,msi-num-spis") {
        facts.addMessageSPIs(base: UInt64(base), count: UInt64(count))
      }
    }
  }

  /// A controller that is not known by name, or a distributor that takes messages itself. A host
  /// bridge that does is read with the bridge.
  private mutating func readOtherController(_ index: Int) {
    let node = tree.nodes[index]
    guard !isHostBridge(index), !node.isCompatible(with: ["arm,gic-v5-its"]) else { return }
    let base = tree.regions(of: index).first?.base ?? 0
    let isDistributor = node.isCompatible(with: ["arm,gic-v3"])
    // Without ranges the distributor's driver registers no MSI domain (`mbi_init`).
    guard !isDistributor || node.has("mbi-ranges") else { return }
    let alias = tree.address(node.cells("mbi-alias"), of: index)
    targets[index] = .controller(facts.controllers.count)
    facts.controllers.append(
      .init(
        place: node.path,
        name: isDistributor
          ? MSIControllerKind.messageBased.name : node.strings("compatible").first ?? "unknown",
        base: base, doorbell: isDistributor ? (alias ?? base) &+ 0x40 : nil))
  }

  private mutating func readController(_ index: Int) {
    let node = tree.nodes[index]
    if node.isCompatible(with: ["arm,gic-v3"]) {
      let regions = min(Int(node.cell("#redistributor-regions") ?? 1), 64)
      let names = Array(repeating: "GICR", count: regions)
      addAreas(["GICD"] + names + ["GICC", "GICH", "GICV"], of: index)
    } else if node.isCompatible(with: Self.gicV2) {
      addAreas(["GICD", "GICC", "GICH", "GICV"], of: index)
    }
  }

  mutating func readMemory(_ index: Int) {
    guard tree.nodes[index].strings("device_type") == ["memory"] else { return }
    // Boards leave the size to the boot loader, and write 0.
    for region in tree.regions(of: index) where region.size > 0 {
      facts.areas.append(
        .init(
          place: tree.nodes[index].path, name: "RAM", base: region.base, length: region.size,
          isMemory: true))
    }
  }

  private mutating func addAreas(_ names: [String], of index: Int) {
    for (name, region) in zip(names, tree.regions(of: index)) {
      facts.areas.append(
        .init(
          place: tree.nodes[index].path, name: name, base: region.base, length: region.size,
          isMemory: false))
    }
  }

  // MARK: Host bridges

  private func isPCI(_ index: Int) -> Bool {
    let node = tree.nodes[index]
    let type = node.strings("device_type").first
    if type == "pci" || type == "pciex" { return true }
    // `of_node_is_pcie`: the type is often forgotten.
    let name = node.path.split(separator: "/").last?.split(separator: "@").first
    return type == nil && name == "pcie" && node.has("ranges") && node.has("compatible")
  }

  private func hasBridgeAbove(_ index: Int) -> Bool {
    var parent = tree.nodes[index].parent
    while let above = parent {
      if isPCI(above) { return true }
      parent = tree.nodes[above].parent
    }
    return false
  }

  /// A node of type `pci` that is no port below another one.
  private func isHostBridge(_ index: Int) -> Bool { isPCI(index) && !hasBridgeAbove(index) }

  private mutating func readBridge(_ index: Int) {
    let node = tree.nodes[index]
    let buses = node.cells("bus-range")
    let first = buses.first ?? 0
    let last = buses.count > 1 ? buses[1] : 0xff
    let isSound = first <= last && last <= 0xff
    let messages = mappings(index, .msi) + messageParents(of: index, isFunction: true)
    let own = messages.isEmpty ? ownReceiver(index) : []
    let streams = mappings(index, .iommu)
    streamsOfNode[index] = streams
    facts.rootComplexes.append(
      .init(
        place: node.path, segment: node.cell("linux,pci-domain") ?? 0,
        requesterIDs: isSound ? first << 8...(last << 8 | 0xff) : 0...0xffff,
        streams: streams, messages: messages + own,
        bootConfiguration: bootConfiguration(node), isNumbered: node.has("linux,pci-domain"),
        hasUnknownReceiver: messages.isEmpty && own.isEmpty
          && !node.isCompatible(with: MSIControllerKind.genericBridges),
        supportsATS: node.has("ats-supported") ? true : nil))
  }

  /// Returns the mapping of a bridge that takes its functions' messages itself: it is an MSI
  /// controller, has an interrupt for messages, or its driver is known to
  /// (`pci_host_bridge_of_msi_domain` asks for a domain of the bridge's own node last).
  private mutating func ownReceiver(_ index: Int) -> [PlatformFacts.Mapping] {
    let node = tree.nodes[index]
    let receives =
      node.has("msi-controller")
      || node.strings("interrupt-names").contains { $0.hasPrefix("msi") }
      || node.isCompatible(with: MSIControllerKind.receivingBridges)
    guard receives else { return [] }
    return [receiver(index)]
  }

  private mutating func receiver(_ index: Int) -> PlatformFacts.Mapping {
    let node = tree.nodes[index]
    let target =
      targets[index]
      ?? {
        facts.controllers.append(
          .init(
            place: node.path, name: "\(node.strings("compatible").last ?? "bridge") itself",
            base: tree.regions(of: index).first?.base ?? 0, doorbell: nil, isOwnReceiver: true))
        return .controller(facts.controllers.count - 1)
      }()
    targets[index] = target
    return .init(
      place: "\(node.path) itself", input: 0...UInt32.max, outputBase: 0, isSingle: false,
      target: target)
  }

  /// Numbers for bridges without `linux,pci-domain`: Linux gives the lowest that no other node names,
  /// as it probes them (`of_pci_bus_find_domain_nr`).
  private mutating func numberBridges() {
    var taken = Set(facts.rootComplexes.filter(\.isNumbered).map(\.segment))
    let unnumbered = facts.rootComplexes.indices.filter { !facts.rootComplexes[$0].isNumbered }
    var next: UInt32 = 0
    for index in unnumbered {
      while taken.contains(next) { next += 1 }
      let old = facts.rootComplexes[index]
      facts.rootComplexes[index] = .init(
        place: old.place, segment: next, requesterIDs: old.requesterIDs, streams: old.streams,
        messages: old.messages, bootConfiguration: old.bootConfiguration, isNumbered: false,
        hasUnknownReceiver: old.hasUnknownReceiver, supportsATS: old.supportsATS)
      taken.insert(next)
    }
    if unnumbered.count > 1 {
      list.add(
        .note, "unnumbered-bridges", "/",
        "\(unnumbered.count) host bridges have no linux,pci-domain",
        "the kernel numbers them as it probes them: the numbers shown here follow the tree's order, "
          + "and a log's domain may be another bridge.")
    }
  }

  /// `of_pci_preserve_config`: the bridge's own property, else that of `/chosen`.
  private func bootConfiguration(_ node: DeviceTreeBlob.Node) -> BootConfiguration {
    let name = "linux,pci-probe-only"
    return (node.cell(name) ?? chosen?.cell(name) ?? 0) != 0 ? .preserved : .notPreserved
  }

  // MARK: Maps

  private struct MapKind {
    let property: String
    let cells: String
    static let iommu = Self(property: "iommu-map", cells: "#iommu-cells")
    static let msi = Self(property: "msi-map", cells: "#msi-cells")
  }

  private func target(_ phandle: UInt32) -> PlatformFacts.Target {
    guard let index = nodes[phandle] else {
      return .nothing("phandle \(hex(UInt64(phandle))) (no node)")
    }
    if !isEnabled[index] { return .disabled(tree.nodes[index].path) }
    return targets[index] ?? .nothing(tree.nodes[index].path)
  }

  /// Returns the number of cells of an ID at the node with a phandle; `default` if the node does
  /// not say.
  private func cellCount(_ phandle: UInt32, _ name: String, default count: Int) -> Int {
    nodes[phandle].flatMap { tree.nodes[$0].cell(name) }.map { Int(min($0, 16)) } ?? count
  }

  /// A map of IDs: base, phandle, an ID of as many cells as the target says (one before Linux 7.2), and
  /// a length (`of_map_id`).
  private mutating func mappings(_ index: Int, _ kind: MapKind) -> [PlatformFacts.Mapping] {
    let node = tree.nodes[index]
    guard node.has(kind.property) else { return [] }
    let cells = node.cells(kind.property)
    let mask = node.cell("\(kind.property)-mask") ?? .max
    // Entries of one cell at a target of two are read as they were meant (`of_check_bad_map`).
    let first = cells.count > 1 ? cells[1] : 0
    let isFourCells =
      cells.count % 4 == 0
      && stride(from: 0, to: cells.count, by: 4).allSatisfy { nodes[cells[$0 + 1]] != nil }
    let isPlain =
      cells.count % 4 == 0
      && stride(from: 0, to: cells.count, by: 4).allSatisfy {
        cells[$0 + 1] == first && cells[$0 + 3] == 1
      }
    var found: [PlatformFacts.Mapping] = []
    var position = 0
    var entry = 0
    while position < cells.count {
      guard cells.count - position >= 2 else { return badLength(found, node, kind, cells.count) }
      let base = cells[position]
      let phandle = cells[position + 1]
      var width = cellCount(phandle, kind.cells, default: 1)
      if width == 2 && isPlain { width = 1 }
      if width != 1 && cells.count - position < 3 + width && isFourCells { width = 1 }
      guard cells.count - position >= 3 + width else {
        return badLength(found, node, kind, cells.count)
      }
      let length = cells[position + 2 + width]
      let place = "\(node.path) \(kind.property)[\(entry)]"
      if base & ~mask != 0 {
        list.add(
          .error, "map-base-outside-mask", place,
          "base \(hex(UInt64(base))) has bits outside \(kind.property)-mask \(hex(UInt64(mask)))",
          "Linux gives up at this entry (of_map_id, EFAULT): functions that no entry before it maps "
            + "get no ID, and their MSIs or their DMA fail.")
        return found
      }
      if length > 0 {
        found.append(
          .init(
            place: place,
            input: base...(UInt32.max - base < length - 1 ? .max : base + (length - 1)),
            outputBase: width > 0 ? cells[position + 2] : 0, isSingle: false,
            target: target(phandle), mask: mask,
            ignoredStreamBits: width > 1 ? cells[position + 3] : 0))
      }
      position += 3 + width
      entry += 1
    }
    return found
  }

  private mutating func badLength(
    _ found: [PlatformFacts.Mapping], _ node: DeviceTreeBlob.Node, _ kind: MapKind, _ count: Int
  ) -> [PlatformFacts.Mapping] {
    list.add(
      .error, "map-length", "\(node.path) \(kind.property)",
      "\(count) cells are no whole number of entries",
      "Linux refuses the map (EINVAL): functions get no ID from it, and their MSIs or their DMA "
        + "fail.")
    return found
  }

  /// `msi-parent`: each entry a phandle and as many cells as `#msi-cells` says, none without. A
  /// function keeps its requester ID as DeviceID, another device has the entry's (`of_msi_xlate`,
  /// `of_pmsi_get_msi_info`).
  private mutating func messageParents(
    of index: Int, isFunction: Bool
  ) -> [PlatformFacts.Mapping] {
    let node = tree.nodes[index]
    let cells = node.cells("msi-parent")
    var found: [PlatformFacts.Mapping] = []
    var position = 0
    while position < cells.count {
      let phandle = cells[position]
      if phandle == 0 {
        position += 1
        continue
      }
      var width = cellCount(phandle, "#msi-cells", default: 0)
      if cells.count - position - 1 < width {
        // Linux says "needs 1, found 0" and finds no domain by this entry.
        if !node.has("msi-map") {
          list.add(
            .warning, "msi-parent-cells", "\(node.path) msi-parent",
            "\(cells.count - position - 1) cells after the phandle, expected \(width)",
            "Linux reads the property no further (of_phandle_iterator_next): without an msi-map the "
              + "device finds its MSI controller in older kernels alone.")
        }
        width = cells.count - position - 1
      }
      let isOwn = nodes[phandle] == index
      let place = "\(node.path) msi-parent" + (found.isEmpty ? "" : "[\(found.count)]")
      let id = width > 0 ? cells[position + 1] : 0
      found.append(
        isOwn && isFunction
          ? receiver(index)
          : .init(
            place: place, input: 0...UInt32.max, outputBase: isFunction ? 0 : id,
            isSingle: !isFunction, target: target(phandle)))
      position += 1 + width
    }
    return found
  }

  // MARK: Other devices

  private mutating func readComponent(_ index: Int) {
    let node = tree.nodes[index]
    let hasIDs = ["iommus", "iommu-map", "msi-map"].contains(where: node.has)
    guard hasIDs || (node.has("msi-parent") && targets[index] == nil) else { return }
    let messages = mappings(index, .msi) + messageParents(of: index, isFunction: false)
    let streams = specifiers(index) + mappings(index, .iommu)
    guard !streams.isEmpty || !messages.isEmpty else { return }
    streamsOfNode[index] = streams
    facts.components.append(.init(place: node.path, streams: streams, messages: messages))
  }

  /// `iommus`: each entry a phandle and as many cells as `#iommu-cells` says.
  private mutating func specifiers(_ index: Int) -> [PlatformFacts.Mapping] {
    let node = tree.nodes[index]
    let cells = node.cells("iommus")
    var found: [PlatformFacts.Mapping] = []
    var position = 0
    while position < cells.count {
      let phandle = cells[position]
      // An empty entry ends the list (`of_parse_phandle_with_args`).
      guard phandle != 0 else { break }
      let width = cellCount(phandle, "#iommu-cells", default: -1)
      guard width >= 0, cells.count - position - 1 >= width else {
        list.add(
          .error, "iommus-cells", "\(node.path) iommus",
          nodes[phandle] == nil
            ? "phandle \(hex(UInt64(phandle))) is no node's"
            : width < 0
              ? "the node it refers to has no #iommu-cells"
              : "\(cells.count - position - 1) cells after the phandle, expected \(width)",
          "Linux stops here (of_parse_phandle_with_args): the device has no IOMMU, or not all of its "
            + "StreamIDs, and its requests fault.")
        return found
      }
      let entry = found.isEmpty && cells.count == 1 + width ? "" : "[\(found.count)]"
      found.append(
        .init(
          place: "\(node.path) iommus\(entry)", input: 0...UInt32.max,
          outputBase: width > 0 ? cells[position + 1] : 0, isSingle: true,
          target: target(phandle), ignoredStreamBits: width > 1 ? cells[position + 2] : 0))
      position += 1 + width
    }
    return found
  }

  // MARK: Reserved memory

  /// Reserved ranges that are read; a tree made to harm could name one device a million times.
  private static let rangeLimit = 4096

  /// `iommu-addresses`: a device, an IOVA and a length in the cells of the device's bus. With the
  /// same physical range in `reg` it is mapped one to one; without `reg` it is kept free, with
  /// another range translated (`iommu_resv_region_get_type`).
  private mutating func readReserved(_ index: Int) {
    let node = tree.nodes[index]
    let physical = tree.regions(of: index).first
    let cells = node.cells("iommu-addresses")
    var position = 0
    while position < cells.count, let device = nodes[cells[position]] {
      guard facts.reserved.count < Self.rangeLimit else {
        list.add(
          .warning, "iommu-addresses-many", node.path,
          "more than \(Self.rangeLimit) reserved ranges",
          "the others are not read here, and play no part in the checks.")
        return
      }
      let counts = tree.cellCounts(ofChildrenOf: tree.nodes[device].parent)
      let width = counts.address + counts.size
      guard width > 0, position + 1 + width <= cells.count,
        let range = tree.regions(
          Array(cells[(position + 1)..<(position + 1 + width)]), counts: counts
        ).first
      else { return }
      facts.reserved.append(
        .init(
          place: node.path, base: range.base, length: range.size, remapPermitted: false,
          isPrivileged: false, attributes: 0, streams: streams(of: device),
          isDirect: physical?.base == range.base && physical?.size == range.size,
          isHeeded: isHeeded(node, by: device)))
      position += 1 + width
    }
  }

  /// `of_iommu_get_resv_regions` starts from the `memory-region` of the device's own node, which a
  /// function behind a host bridge does not share with it.
  private func isHeeded(_ region: DeviceTreeBlob.Node, by device: Int) -> Bool {
    guard !isPCI(device), let phandle = region.phandle else { return false }
    return tree.nodes[device].cells("memory-region").contains(phandle)
  }

  /// The streams of a device: `iommus`, or for a host bridge all of its `iommu-map`.
  private func streams(of device: Int) -> [PlatformFacts.ReservedRange.Streams] {
    (streamsOfNode[device] ?? []).compactMap {
      guard case .smmu(let smmu) = $0.target else { return nil }
      return .init(smmu: smmu, ids: $0.output)
    }
  }
}
