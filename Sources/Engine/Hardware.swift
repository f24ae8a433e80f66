internal import ArmFormats
internal import Bits
internal import Designs
internal import GIC
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Software
internal import Timing
internal import VMM

// The hardware of a run: memory, and the units on the bus.
extension Engine {
  /// The machine's memory.
  static func memory(
    _ specification: RunSpecification, _ host: MachineDescription.Host
  ) throws(RunFailure) -> PhysicalMemory {
    do {
      return try PhysicalMemory(
        regions: specification.mutation.memoryRegions(of: host), isShareable: true)
    } catch {
      throw RunFailure("the machine's memory cannot be set up: \(error)")
    }
  }

  /// A guest's RAM at its IPAs, which is a part of the machine's memory.
  static func window(
    _ map: AddressMap, _ extents: [HostCall.RAMExtent], of memory: PhysicalMemory
  ) throws(RunFailure) -> PhysicalMemory {
    do {
      return try memory.window(
        map.ram.map { .init(base: PA($0.base), size: $0.length) },
        onto: extents.map { .init(base: PA($0.ipa.rawValue), source: $0.pa, size: $0.size) })
    } catch {
      throw RunFailure("the machine's memory cannot be set up: \(error)")
    }
  }

  static func machine(
    _ specification: RunSpecification, _ description: MachineDescription,
    memory: PhysicalMemory, functions: [PCIFunction]
  ) -> Machine {
    let host = description.host
    let topology = specification.topology
    let version = specification.design.delivery.version
    let mutation = specification.mutation
    // A journey shows every descriptor, so nothing may be cached.
    let isCached = specification.journeyOf == nil
    return Machine(
      memory: memory,
      layout: Machine.Layout(description, usesMessageFrame: topology.controller != .its),
      smmus: UnitList(count: host.smmus.count) { _ in
        SMMU(
          profile: host.smmuProfile, personality: mutation?.ofSMMU ?? .architecture,
          caches: isCached ? specification.caches.ofSMMU : .none)
      },
      itses: UnitList(count: host.itses.count) { number in
        ITS(
          profile: physicalITS(
            host, version, number: topology.vmovp == .listed ? number : nil,
            routes: isCached ? specification.caches.routes : 0),
          personality: mutation?.applied(to: .architectureSkippingErrors)
            ?? .architectureSkippingErrors)
      },
      redistributors: Redistributors(
        profile: RedistributorProfile(
          count: host.cpus, version: version, base: host.redistributors,
          hasDirectLPIs: version >= .v4)),
      functions: functions)
  }

  static func function(
    _ described: MachineDescription.Device, store: MessageStore, hasATS: Bool
  ) throws(RunFailure) -> PCIFunction {
    guard store != .msi || described.vectors <= 32 else {
      throw RunFailure("a function has 1 to 32 MSI vectors, not \(described.vectors)")
    }
    let msi = PCIFunctionProfile.MSI(logVectors: MSIDriver.exponent(of: described.vectors))
    let msix = PCIFunctionProfile.MSIX(
      vectors: described.vectors, bar: 0,
      tableOffset: UInt32(MachineDescription.Device.tableOffset),
      pendingOffset: UInt32(MachineDescription.Device.pendingOffset),
      store: store == .device ? .device : .table)
    var profile = PCIFunctionProfile(
      requesterID: described.requester, msi: store == .msi ? msi : nil,
      msix: store == .msi ? nil : msix, barSize: described.bar.length)
    profile.hasATS = hasATS
    return PCIFunction(profile: profile)
  }

  /// The physical ITS; without a cache it reads its tables for every message.
  ///
  /// - Parameter number: which of the ITS list it is; `nil` where there is no list.
  private static func physicalITS(
    _ host: MachineDescription.Host, _ version: GICVersion, number: Int?, routes: Int
  ) -> ITSProfile {
    var profile = ITSProfile.qemu11(version: version)
    profile.type[.deviceBits] = UInt8(truncatingIfNeeded: host.deviceBits - 1)
    profile.hasTwoLevelTables = host.deviceTable == .twoLevel
    if let number, version >= .v4 {
      profile.type[.singleVMOVP] = false
      profile.number = UInt8(truncatingIfNeeded: number)
    }
    profile.routeCache = routes > 0 ? .limited(routes) : .none
    return profile
  }

  /// A VM's RAM: one after the other in the host's memory for VMs, with the pages that a recording names where it saw them.
  static func extents(
    of map: AddressMap, in host: MachineDescription.Host, _ vm: VMIndex,
    placement: Workload.Placement
  ) -> [HostCall.RAMExtent] {
    let total = map.ram.reduce(0) { $0 &+ $1.length }
    let bank = PA(host.guestMemory.base &+ UInt64(vm.rawValue) &* total)
    let start = map.ramBase.rawValue
    let inRAM = placement.pages
      .filter { $0.0.rawValue &- start < map.ramSize }
      .sorted { $0.0 < $1.0 }
    var extents: [HostCall.RAMExtent] = []
    var cursor = start
    func fill(to end: UInt64) {
      guard end > cursor else { return }
      extents.append(
        .init(
          ipa: IPA(cursor), pa: bank + (cursor - start),
          size: end - cursor))
      cursor = end
    }
    for (ipa, pa) in inRAM where ipa.rawValue >= cursor {
      fill(to: ipa.rawValue)
      extents.append(.init(ipa: ipa, pa: pa, size: 4096))
      cursor = ipa.rawValue + 4096
    }
    fill(to: start + map.ramSize)
    var place = bank + map.ramSize
    for range in map.furtherRAM {
      extents.append(.init(ipa: IPA(range.base), pa: place, size: range.length))
      place = place + range.length
    }
    return extents
  }
}

extension CacheSizes {
  /// The SMMU's caches: these, and the model's own for what they don't say.
  fileprivate var ofSMMU: SMMUCacheGeometry {
    var geometry = SMMUCacheGeometry.default
    geometry.pages = pages
    geometry.stage1Tables = walks
    geometry.stage2Tables = walks
    geometry.ways = ways
    // The micro-TLB stands for the pages that it was filled from.
    if pages == 0 { geometry.recent = 0 }
    return geometry
  }
}

extension MachineDescription.Host {
  /// QEMU's SMMU with the host's features.
  fileprivate var smmuProfile: SMMUProfile {
    var profile = SMMUProfile.qemu
    profile.idr1[.streamBits] = UInt8(truncatingIfNeeded: streamBits)
    profile.idr3[.forceWriteBack] = smmuFeatures.contains(.forceWriteBack)
    profile.idr3[.rangeInvalidation] = smmuFeatures.contains(.rangeInvalidation)
    profile.idr0[.ats] = smmuFeatures.contains(.ats)
    return profile
  }

  /// The ITSs' device table as the kernel's driver finds it.
  var driverDeviceTable: ITSDriver.DeviceTable {
    ITSDriver.DeviceTable(bits: UInt64(deviceBits), isTwoLevel: deviceTable == .twoLevel)
  }
}
