internal import Bits
public import Firmware
internal import HostKernel
internal import IOMMU
internal import Machine

extension VMM {
  /// The reserved memory range that advertises the software MSI window to the devices behind the
  /// first vSMMU that it holds for; `nil` when the design advertises nothing.
  var advertisedWindow: ReservedMemoryRange? {
    smmuIndices.lazy.compactMap { advertisedWindow(behind: $0) }.first
  }

  private func advertisedWindow(behind smmu: Int) -> ReservedMemoryRange? {
    guard advertisement != .nothing, iommu == .nested else { return nil }
    let isMoved = stageTwoDoorbell == .movedWindow
    let own = map.reservedRange
    var ids = streams(behind: smmu)
    if let requesters = own?.requesters {
      let named = UInt32(requesters.lowerBound)...UInt32(requesters.upperBound)
      // What it holds for behind this vSMMU.
      guard named.overlaps(ids) else { return nil }
      ids = named.clamped(to: ids)
    }
    let base = isMoved ? movedWindow : IPA(SoftwareMSIWindow.base.rawValue)
    return ReservedMemoryRange(
      base: own.map { IPA($0.range.base) } ?? base,
      length: own?.range.length ?? (isMoved ? 0x1_0000 : SoftwareMSIWindow.length),
      remapPermitted: own?.remapPermitted ?? (advertisement == .rmrRelaxable), streams: ids,
      isPrivileged: own?.isPrivileged ?? false, attributes: own?.attributes.rawValue ?? 0,
      isMessageAlias: advertisement == .msiDirect)
  }

  /// The doorbell's 64 KiB frame, which an RMR can name and a moved window starts at.
  var movedWindow: IPA { map.doorbell.alignedDown(toBit: 16) }

  /// The requester IDs behind a vSMMU: an expander bus and the bus of its root port.
  func streams(behind smmu: Int) -> ClosedRange<UInt32> {
    let id = devices.first { $0.smmu == smmu }?.guestID ?? 0
    return (id & ~0x1ff)...(id | 0x1ff)
  }

  var smmuIndices: Range<Int> { 0..<(devices.map(\.smmu).max() ?? 0) + 1 }

  /// The tables that the guest boots with, as QEMU writes them (hw/arm/virt-acpi-build.c).
  ///
  /// - Throws: `FirmwareError` when they cannot be written.
  public func tables() throws(FirmwareError) -> GuestTables {
    guard !firmware.isDeviceTree else { return GuestTables(deviceTree: deviceTree) }
    var bridges = HostBridgeBuilder(origin: .qemu)
    let preserves = advertisedWindow != nil && firmware != .noPreservedBoot
    for smmu in smmuIndices {
      let bus = UInt8(truncatingIfNeeded: streams(behind: smmu).lowerBound >> 8)
      if bus != 0 { bridges.add(bus: bus, preserves: preserves) }
    }
    bridges.add(bus: 0, preserves: preserves)
    return GuestTables(iort: try iort(), madt: madt, dsdt: bridges.build())
  }

  /// `build_iort`, with `build_iort_rmr_nodes` where the window is advertised.
  private func iort() throws(FirmwareError) -> [UInt8] {
    var table = IORTBuilder(revision: firmware == .oldIORT ? 3 : 5, origin: .qemu)
    var its: Int?
    if map.messageFrame == nil {
      var group = IORTDraft(.itsGroup, revision: 1)
      group.elements = [0]
      its = table.add(group)
    }
    let smmus = iommu == .nested ? smmuIndices.map { table.add(smmuNode($0, its: its)) } : []
    table.add(rootComplex(smmus: smmus, its: its))
    for (index, smmu) in smmus.enumerated() {
      guard let window = advertisedWindow(behind: index) else { continue }
      table.add(reservedRange(window, smmu: smmu, identifier: UInt32(2 + smmus.count + index)))
    }
    return try table.build()
  }

  private func smmuNode(_ index: Int, its: Int?) -> IORTDraft {
    var node = IORTDraft(.smmuV3, revision: 4, identifier: UInt32(1 + index))
    node[IORTLayout.smmuBase] = map.smmu(index).rawValue
    // COHACC override: the guest may take the tables for coherent.
    node[IORTLayout.smmu3Flags] = 1
    node[IORTLayout.eventInterrupt] = 0x90
    node[IORTLayout.priInterrupt] = 0x91
    node[IORTLayout.syncInterrupt] = 0x92
    node[IORTLayout.errorInterrupt] = 0x93
    node.mappings =
      its.map { [.init(inputBase: 0, countMinusOne: 0xffff, outputBase: 0, target: $0)] } ?? []
    return node
  }

  /// Every requester ID maps to itself: the vSMMUs' streams to them, the rest to the ITS.
  private func rootComplex(smmus: [Int], its: Int?) -> IORTDraft {
    var node = IORTDraft(.rootComplex, revision: 3, identifier: UInt32(max(1, smmus.count) + 1))
    node[IORTLayout.cacheCoherency] = 1
    node[IORTLayout.memoryFlags] = 3
    node[IORTLayout.memoryLimit] = 64
    func identity(_ ids: ClosedRange<UInt32>, _ target: Int) -> IORTDraft.Mapping {
      .init(
        inputBase: ids.lowerBound, countMinusOne: ids.upperBound - ids.lowerBound,
        outputBase: ids.lowerBound, target: target)
    }
    var rest: UInt32 = 0
    var others: [IORTDraft.Mapping] = []
    for (index, smmu) in smmus.enumerated() {
      let ids = streams(behind: index)
      node.mappings.append(identity(ids, smmu))
      if let its, ids.lowerBound > rest {
        others.append(identity(rest...(ids.lowerBound - 1), its))
      }
      rest = ids.upperBound + 1
    }
    if let its, rest <= 0xffff { others.append(identity(rest...0xffff, its)) }
    node.mappings += others
    return node
  }

  private func reservedRange(
    _ window: ReservedMemoryRange, smmu: Int, identifier: UInt32
  ) -> IORTDraft {
    var node = IORTDraft(.reservedMemoryRange, revision: 3, identifier: identifier)
    node[IORTLayout.rmrFlags] =
      (window.remapPermitted ? 1 : 0) | (window.isPrivileged ? 1 << 1 : 0)
      | UInt64(window.attributes) << 2 | (window.isMessageAlias ? 1 << 10 : 0)
    let ids = window.streams
    // QEMU flags the mapping as single, with the count of a range; Linux goes by the count.
    node.mappings = [
      .init(
        inputBase: ids.lowerBound, countMinusOne: ids.upperBound - ids.lowerBound,
        outputBase: ids.lowerBound, target: smmu, isSingle: true)
    ]
    if firmware == .rmrWithoutIDs { node.mappings = [] }
    node.ranges = [.init(base: window.base.rawValue, length: window.length)]
    return node
  }

  /// `build_madt`.
  private var madt: [UInt8] {
    var table = MADTBuilder(revision: 4, origin: .qemu)
    table.add(
      .gicd, [MADTLayout.distributorBase: map.distributor.rawValue, MADTLayout.version: 3])
    // Enabled, and without a PMU.
    for cpu in 0..<UInt64(cpus) {
      table.add(
        .gicc, size: 80,
        [
          MADTLayout.cpuNumber: cpu, MADTLayout.processorUID: cpu, MADTLayout.processorFlags: 1,
          // Clusters of 16 (`arm_build_mp_affinity`).
          MADTLayout.mpidr: cpu / 16 << 8 | cpu % 16,
        ])
    }
    table.add(
      .gicr,
      [
        MADTLayout.redistributorBase: map.redistributors.rawValue,
        MADTLayout.redistributorLength: map.redistributorsSize,
      ])
    if let further = map.furtherRedistributors, cpus > map.firstRedistributors {
      table.add(
        .gicr,
        [
          MADTLayout.redistributorBase: further.base,
          MADTLayout.redistributorLength: further.length,
        ])
    }
    if let frame = map.messageFrame {
      table.add(
        .msiFrame,
        [
          MADTLayout.frameBase: frame.rawValue, MADTLayout.frameFlags: 1,
          MADTLayout.spiCount: UInt64(AddressMap.messageSPIs.count),
          MADTLayout.spiBase: UInt64(AddressMap.messageSPIs.lowerBound),
        ])
    } else {
      table.add(.its, [MADTLayout.itsBase: map.itsBase.rawValue])
    }
    return table.build()
  }
}
