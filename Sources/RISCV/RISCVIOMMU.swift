internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

/// A RISC-V IOMMU: device and process directories, both stages of translation, MSI page tables,
/// caches, queues, interrupts and registers (RISC-V IOMMU 1.0).
///
/// Software reaches it through `readRegister` and `writeRegister` and through memory; devices
/// reach it through `translate`. What it wants to send waits in `nextOutgoingMessage` and
/// `nextBridgeMessage`.
package struct RISCVIOMMU: ~Copyable {
  package let profile: RISCVIOMMUProfile
  /// The named differences from the manual that are in force.
  package let personality: RISCVIOMMUPersonality

  /// 4 KiB pages whose data the memory system reports as corrupt (poisoned).
  package var corruptPages: ContiguousArray<UInt64> = []

  /// Log of the table reads of requests; `nil` where none is kept.
  package var log: TableReadLog?

  /// The bits that an address can have: `capabilities.PAS`.
  let addressMask: UInt64
  var registers: IOMMURegisterFile
  var devices: DirectoryCache<DeviceContext>
  var processes: DirectoryCache<ProcessContext>
  var pages: AddressTranslationCache
  var invalidations = PendingInvalidations()
  var outgoing = MessageQueue<IOMMUMessage>()
  var bridgeMessages = MessageQueue<IOMMUBridgeMessage>()

  /// An IOMMU after reset: `ddtp.iommu_mode` is Off, queues are off, caches are empty.
  ///
  /// - Parameter caches: how much is cached; `.none` reads everything for every request.
  package init(
    profile: RISCVIOMMUProfile, personality: RISCVIOMMUPersonality = .architecture,
    caches: RISCVIOMMUCacheGeometry = .default
  ) {
    self.profile = profile
    self.personality = personality
    addressMask = lowBits(min(UInt64(profile.capabilities[.physicalBits]), 56))
    registers = IOMMURegisterFile(profile)
    devices = DirectoryCache(entries: caches.devices, empty: DeviceContext())
    processes = DirectoryCache(entries: caches.processes, empty: ProcessContext())
    pages = AddressTranslationCache(entries: caches.pages, ways: caches.ways)
  }

  var capabilities: IOMMUCapabilities { profile.capabilities }
  /// The byte order of directories, second-stage and MSI page tables and queues.
  var isBigEndian: Bool { registers.features[.bigEndian] }
}

/// How much a `RISCVIOMMU` caches, in entries.
package struct RISCVIOMMUCacheGeometry: Sendable, Equatable {
  package var devices: Int
  package var processes: Int
  package var pages: Int
  /// Entries of a set of `pages`.
  package var ways: Int

  package init(devices: Int, processes: Int, pages: Int, ways: Int = 4) {
    self.devices = devices
    self.processes = processes
    self.pages = pages
    self.ways = ways
  }

  package static let `default` = Self(devices: 64, processes: 64, pages: 256)
  package static let none = Self(devices: 0, processes: 0, pages: 0)
}
