internal import Bits
public import Firmware
internal import HostKernel
internal import IOMMU

extension VMM {
  /// The reserved memory range that advertises the software MSI window; `nil` when the design
  /// advertises nothing.
  var advertisedWindow: ReservedMemoryRange? {
    guard advertisement != .nothing, iommu == .nested else { return nil }
    let isMoved = stageTwoDoorbell == .movedWindow
    return ReservedMemoryRange(
      base: isMoved ? movedWindow : IPA(SoftwareMSIWindow.base.rawValue),
      length: isMoved ? 0x1_0000 : SoftwareMSIWindow.length,
      remapPermitted: advertisement == .rmrRelaxable, streams: streams,
      isMessageAlias: advertisement == .msiDirect)
  }

  /// The doorbell's 64 KiB frame, which an RMR can name and a moved window starts at.
  var movedWindow: IPA { map.doorbell.alignedDown(toBit: 16) }

  /// The requester IDs behind the vSMMU: the expander bus and the bus of its root port.
  private var streams: ClosedRange<UInt32> { (guestID & ~0x1ff)...(guestID | 0x1ff) }

  /// The tables that the guest boots with, as QEMU writes them (hw/arm/virt-acpi-build.c).
  ///
  /// - Throws: `FirmwareError` when they cannot be written.
  public func tables() throws(FirmwareError) -> GuestTables {
    var bridges = HostBridgeBuilder(origin: .qemu)
    let bus = UInt8(truncatingIfNeeded: streams.lowerBound >> 8)
    let preserves = advertisedWindow != nil
    if bus != 0 { bridges.add(bus: bus, preserves: preserves) }
    bridges.add(bus: 0, preserves: preserves)
    return GuestTables(iort: try iort(), madt: madt, dsdt: bridges.build())
  }

  /// `build_iort`, with `build_iort_rmr_nodes` where the window is advertised.
  private func iort() throws(FirmwareError) -> [UInt8] {
    var table = IORTBuilder(revision: 5, origin: .qemu)
    var group = IORTDraft(.itsGroup, revision: 1)
    group.elements = [0]
    let its = table.add(group)
    guard iommu == .nested else {
      table.add(rootComplex(smmu: nil, its: its))
      return try table.build()
    }
    let smmu = table.add(smmuNode(its: its))
    table.add(rootComplex(smmu: smmu, its: its))
    if let window = advertisedWindow { table.add(reservedRange(window, smmu: smmu)) }
    return try table.build()
  }

  private func smmuNode(its: Int) -> IORTDraft {
    var node = IORTDraft(.smmuV3, revision: 4, identifier: 1)
    node[IORTLayout.smmuBase] = map.smmuBase.rawValue
    // COHACC override: the guest may take the tables for coherent.
    node[IORTLayout.smmu3Flags] = 1
    node[IORTLayout.eventInterrupt] = 0x90
    node[IORTLayout.priInterrupt] = 0x91
    node[IORTLayout.syncInterrupt] = 0x92
    node[IORTLayout.errorInterrupt] = 0x93
    node.mappings = [
      .init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: its)
    ]
    return node
  }

  /// Every requester ID maps to itself: the vSMMU's streams to it, the rest to the ITS.
  private func rootComplex(smmu: Int?, its: Int) -> IORTDraft {
    var node = IORTDraft(.rootComplex, revision: 3, identifier: 2)
    node[IORTLayout.cacheCoherency] = 1
    node[IORTLayout.memoryFlags] = 3
    node[IORTLayout.memoryLimit] = 64
    func identity(_ ids: ClosedRange<UInt32>, _ target: Int) -> IORTDraft.Mapping {
      .init(
        inputBase: ids.lowerBound, countMinusOne: ids.upperBound - ids.lowerBound,
        outputBase: ids.lowerBound, target: target)
    }
    let ids = streams
    guard let smmu else {
      node.mappings = [identity(0...0xffff, its)]
      return node
    }
    node.mappings = [identity(ids, smmu)]
    if ids.lowerBound > 0 { node.mappings.append(identity(0...(ids.lowerBound - 1), its)) }
    if ids.upperBound < 0xffff {
      node.mappings.append(identity((ids.upperBound + 1)...0xffff, its))
    }
    return node
  }

  private func reservedRange(_ window: ReservedMemoryRange, smmu: Int) -> IORTDraft {
    var node = IORTDraft(.reservedMemoryRange, revision: 3, identifier: 3)
    node[IORTLayout.rmrFlags] =
      (window.remapPermitted ? 1 : 0) | (window.isMessageAlias ? 1 << 10 : 0)
    let ids = window.streams
    // QEMU flags the mapping as single, with the count of a range; Linux goes by the count.
    node.mappings = [
      .init(
        inputBase: ids.lowerBound, countMinusOne: ids.upperBound - ids.lowerBound,
        outputBase: ids.lowerBound, target: smmu, isSingle: true)
    ]
    node.ranges = [.init(base: window.base.rawValue, length: window.length)]
    return node
  }

  /// `build_madt`, for one CPU.
  private var madt: [UInt8] {
    var table = MADTBuilder(revision: 4, origin: .qemu)
    table.add(
      .gicd, [MADTLayout.distributorBase: map.distributor.rawValue, MADTLayout.version: 3])
    // Enabled, and without a PMU.
    table.add(.gicc, size: 80, [MADTLayout.processorFlags: 1])
    table.add(
      .gicr,
      [
        MADTLayout.redistributorBase: map.redistributors.rawValue,
        MADTLayout.redistributorLength: map.redistributorsSize,
      ])
    table.add(.its, [MADTLayout.itsBase: map.itsBase.rawValue])
    return table.build()
  }
}
