internal import Bits

extension PlatformFacts {
  /// The facts of a device tree: nodes of SMMUs, ITSs and GICv2m frames, `iommu-map` and `msi-map`
  /// of host bridges (Documentation/devicetree/bindings/pci/pci-iommu.txt and pci-msi.txt), RAM, and
  /// reserved memory with `iommu-addresses`.
  public init(_ tree: DeviceTreeBlob) {
    self.init(source: .deviceTree)
    knowsInterruptControllers = true
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
  private var targets: [UInt32: PlatformFacts.Target] = [:]

  init(tree: DeviceTreeBlob, facts: PlatformFacts) {
    self.tree = tree
    self.facts = facts
  }

  private static let smmuV2 = [
    "arm,smmu-v1", "arm,smmu-v2", "arm,mmu-400", "arm,mmu-401", "arm,mmu-500",
    "cavium,smmu-v2",
  ]
  private static let gicV2 = [
    "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,gic-400", "arm,cortex-a7-gic",
  ]

  mutating func read() {
    for index in tree.nodes.indices {
      readTranslator(index)
      readController(index)
      readMemory(index)
    }
    // Host bridges and reserved memory refer to what is known now.
    for index in tree.nodes.indices where tree.nodes[index].strings("device_type") == ["pci"] {
      readBridge(index)
    }
    for index in tree.nodes.indices where tree.nodes[index].has("iommu-addresses") {
      readReserved(index)
    }
    let configurations = facts.rootComplexes.map(\.bootConfiguration)
    if !configurations.isEmpty {
      facts.bootConfiguration =
        configurations.allSatisfy { $0 == .preserved } ? .preserved : .notPreserved
    }
  }

  private mutating func readTranslator(_ index: Int) {
    let node = tree.nodes[index]
    let isVersion3 = node.isCompatible(with: ["arm,smmu-v3"])
    let base = tree.regions(of: index).first?.base
    if isVersion3 || node.isCompatible(with: Self.smmuV2) {
      if let phandle = node.phandle { targets[phandle] = .smmu(facts.smmus.count) }
      facts.smmus.append(
        .init(
          place: node.path, isVersion3: isVersion3, base: base ?? 0, mappings: [],
          isHI161X: node.isCompatible(with: ["hisilicon,hip06-smmu-v3"])))
    } else if node.isCompatible(with: ["arm,gic-v3-its"]) {
      if let phandle = node.phandle { targets[phandle] = .itsGroup(facts.itsGroups.count) }
      let identifier = node.phandle ?? UInt32(facts.itses.count)
      facts.itsGroups.append(.init(place: node.path, identifiers: [identifier]))
      facts.itses.append(.init(place: node.path, identifier: identifier, base: base ?? 0))
      addAreas(["ITS"], of: index)
    } else if node.isCompatible(with: ["arm,gic-v2m-frame"]) {
      if let phandle = node.phandle { targets[phandle] = .messageFrame(facts.messageFrames.count) }
      facts.messageFrames.append(
        .init(
          place: node.path, name: "GICv2m frame", base: base ?? 0, length: 0x1000,
          isMemory: false))
      addAreas(["GICv2m frame"], of: index)
      if let base = node.cell("arm,msi-base-spi"), let count = node.cell("arm,msi-num-spis") {
        facts.addMessageSPIs(base: UInt64(base), count: UInt64(count))
      }
    }
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
    for region in tree.regions(of: index) {
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

  private mutating func readBridge(_ index: Int) {
    let node = tree.nodes[index]
    let buses = node.cells("bus-range")
    let first = buses.first ?? 0
    let last = buses.count > 1 ? buses[1] : 0xff
    let isSound = first <= last && last <= 0xff
    let messages = mappings(node, "msi-map") + messageParent(node)
    facts.rootComplexes.append(
      .init(
        place: node.path, segment: node.cell("linux,pci-domain") ?? 0,
        requesterIDs: isSound ? first << 8...(last << 8 | 0xff) : 0...0xffff,
        streams: mappings(node, "iommu-map"), messages: messages,
        bootConfiguration: bootConfiguration(node)))
  }

  /// `of_pci_preserve_config`: the bridge's own property, else that of `/chosen`.
  private func bootConfiguration(_ node: DeviceTreeBlob.Node) -> BootConfiguration {
    let name = "linux,pci-probe-only"
    let chosen = tree.nodes.first { $0.path == "/chosen" }
    return (node.cell(name) ?? chosen?.cell(name) ?? 0) != 0 ? .preserved : .notPreserved
  }

  private func target(_ phandle: UInt32) -> PlatformFacts.Target {
    if let target = targets[phandle] { return target }
    guard let node = tree.node(withPhandle: phandle) else {
      return .nothing("phandle \(hex(UInt64(phandle))) (no node)")
    }
    return .nothing(tree.nodes[node].path)
  }

  /// A map of requester IDs: base, phandle, output base, length (`of_map_id`).
  private func mappings(
    _ node: DeviceTreeBlob.Node, _ property: String
  ) -> [PlatformFacts.Mapping] {
    let cells = node.cells(property)
    return stride(from: 0, to: cells.count / 4 * 4, by: 4).compactMap { start in
      let length = cells[start + 3]
      let base = cells[start]
      guard length > 0 else { return nil }
      return .init(
        place: "\(node.path) \(property)[\(start / 4)]",
        input: base...(UInt32.max - base < length - 1 ? .max : base + (length - 1)),
        outputBase: cells[start + 2], isSingle: false, target: target(cells[start + 1]))
    }
  }

  /// `msi-parent` without `msi-map`: requester IDs are DeviceIDs.
  private func messageParent(_ node: DeviceTreeBlob.Node) -> [PlatformFacts.Mapping] {
    guard !node.has("msi-map"), let parent = node.cell("msi-parent") else { return [] }
    return [
      .init(
        place: "\(node.path) msi-parent", input: 0...0xffff, outputBase: 0, isSingle: false,
        target: target(parent))
    ]
  }

  /// `iommu-addresses`: a device, an IOVA and a length in the cells of the device's bus. With the
  /// same physical range in `reg` it is mapped one to one; without `reg` it is kept free, with
  /// another range translated (`iommu_resv_region_get_type`).
  private mutating func readReserved(_ index: Int) {
    let node = tree.nodes[index]
    let physical = tree.regions(of: index).first
    let cells = node.cells("iommu-addresses")
    var position = 0
    while position < cells.count, let device = tree.node(withPhandle: cells[position]) {
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
          isHeeded: isHeeded(node, by: tree.nodes[device])))
      position += 1 + width
    }
  }

  /// `of_iommu_get_resv_regions` starts from the `memory-region` of the device's own node, which a
  /// function behind a host bridge does not share with it.
  private func isHeeded(_ region: DeviceTreeBlob.Node, by device: DeviceTreeBlob.Node) -> Bool {
    guard device.strings("device_type") != ["pci"], let phandle = region.phandle else {
      return false
    }
    return device.cells("memory-region").contains(phandle)
  }

  /// The streams of a device: `iommus`, or for a host bridge all of its `iommu-map`.
  private func streams(of device: Int) -> [PlatformFacts.ReservedRange.Streams] {
    let node = tree.nodes[device]
    let cells = node.cells("iommus")
    let own: [PlatformFacts.ReservedRange.Streams] = stride(
      from: 0, to: cells.count / 2 * 2, by: 2
    ).compactMap {
      guard case .smmu(let smmu) = target(cells[$0]) else { return nil }
      return .init(smmu: smmu, ids: cells[$0 + 1]...cells[$0 + 1])
    }
    return own
      + mappings(node, "iommu-map").compactMap {
        guard case .smmu(let smmu) = $0.target else { return nil }
        return .init(smmu: smmu, ids: $0.output)
      }
  }
}
