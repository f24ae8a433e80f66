extension DeviceTreeBlob.Node {
  /// A property's bytes; `nil` when the node has none of that name.
  public func bytes(_ name: String) -> [UInt8]? {
    properties.first { $0.name == name }?.bytes
  }

  public func has(_ name: String) -> Bool { bytes(name) != nil }

  /// A property as big-endian 32-bit cells; bytes after the last whole cell are dropped.
  public func cells(_ name: String) -> [UInt32] {
    let bytes = bytes(name) ?? []
    return stride(from: 0, to: bytes.count / 4 * 4, by: 4).map { start in
      bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
  }

  /// A property's first cell.
  public func cell(_ name: String) -> UInt32? { cells(name).first }

  /// A property as zero-terminated strings, without what a terminal might obey.
  public func strings(_ name: String) -> [String] {
    (bytes(name) ?? []).split(separator: 0).map { printable(String(decoding: $0, as: UTF8.self)) }
  }

  /// Whether `compatible` names one of these.
  public func isCompatible(with names: [String]) -> Bool {
    strings("compatible").contains { names.contains($0) }
  }

  public var phandle: UInt32? { cell("phandle") ?? cell("linux,phandle") }
}

extension DeviceTreeBlob {
  /// An address and a size, in the parent's address space or after translation.
  public struct Region: Equatable, Sendable {
    public let base: UInt64
    public let size: UInt64
  }

  /// The position of the node with a phandle.
  public func node(withPhandle phandle: UInt32) -> Int? {
    nodes.firstIndex { $0.phandle == phandle }
  }

  /// Returns the number of cells that the children of a node use for addresses and sizes; 2 and 1
  /// by default.
  public func cellCounts(ofChildrenOf parent: Int?) -> (address: Int, size: Int) {
    guard let parent else { return (2, 1) }
    return (
      Int(nodes[parent].cell("#address-cells") ?? 2), Int(nodes[parent].cell("#size-cells") ?? 1)
    )
  }

  /// A node's `reg`, as the CPU sees it. Regions of buses without 64-bit addresses are left out,
  /// and so are those that no `ranges` translates.
  public func regions(of node: Int) -> [Region] {
    let parent = nodes[node].parent
    let counts = cellCounts(ofChildrenOf: parent)
    return regions(nodes[node].cells("reg"), counts: counts).compactMap {
      translate($0, from: parent)
    }
  }

  /// An address without a size, in the cells of a node's parent, as the CPU sees it
  /// (`of_translate_address`).
  public func address(_ cells: [UInt32], of node: Int) -> UInt64? {
    let parent = nodes[node].parent
    let count = cellCounts(ofChildrenOf: parent).address
    guard (1...2).contains(count), cells.count >= count else { return nil }
    return translate(Region(base: number(cells, at: 0, count: count), size: 0), from: parent)?.base
  }

  /// Cells as addresses with sizes.
  public func regions(_ cells: [UInt32], counts: (address: Int, size: Int)) -> [Region] {
    guard (1...2).contains(counts.address), (1...2).contains(counts.size) else { return [] }
    let width = counts.address + counts.size
    return stride(from: 0, to: cells.count / width * width, by: width).map {
      Region(
        base: number(cells, at: $0, count: counts.address),
        size: number(cells, at: $0 + counts.address, count: counts.size))
    }
  }

  private func number(_ cells: [UInt32], at start: Int, count: Int) -> UInt64 {
    cells[start..<start + count].reduce(0) { $0 << 32 | UInt64($1) }
  }

  /// A region in the address space of `bus`'s children, seen from the root.
  private func translate(_ region: Region, from bus: Int?) -> Region? {
    var region = region
    var bus = bus
    while let here = bus, let parent = nodes[here].parent {
      guard let ranges = nodes[here].bytes("ranges") else { return nil }
      if !ranges.isEmpty {
        guard let moved = translate(region, through: here, parent: parent) else { return nil }
        region = moved
      }
      bus = parent
    }
    return region
  }

  private func translate(_ region: Region, through bus: Int, parent: Int) -> Region? {
    let child = cellCounts(ofChildrenOf: bus)
    let outer = cellCounts(ofChildrenOf: parent).address
    guard (1...2).contains(child.address), (1...2).contains(child.size), (1...2).contains(outer)
    else { return nil }
    let cells = nodes[bus].cells("ranges")
    let width = child.address + outer + child.size
    for start in stride(from: 0, to: cells.count / width * width, by: width) {
      let from = number(cells, at: start, count: child.address)
      let to = number(cells, at: start + child.address, count: outer)
      let size = number(cells, at: start + child.address + outer, count: child.size)
      if region.base >= from, region.base - from < size {
        return Region(base: to &+ (region.base - from), size: region.size)
      }
    }
    return nil
  }
}
