internal import Bits
internal import IOMMU
internal import Linux
package import Software

/// What VFIO does with a function's INTx.
enum INTxState {
  /// Not its interrupt: none, or MSIs.
  case off
  case masked
  case unmasked
}

/// A vector that a function has, as the PCI core and VFIO keep it.
struct AssignedVector {
  /// The address of its message as its descriptor has it; `nil` while its event is unmapped.
  var message: IOVA?
  /// The address that the guest has for it, where its VMM passed it on.
  var guestAddress: IOVA?
  /// Who reads the eventfd that its interrupt signals; `nil` while none is requested.
  var signal: VectorSignal?
}

/// What the kernel keeps for one assigned function.
@usableFromInline
package struct AssignedDevice {
  @usableFromInline package let platform: HostKernel.Platform
  /// Its SMMU and its ITS, in the order in which the kernel finds them.
  package let smmu: Int
  package let its: Int
  /// Its stage 2 table among those of its VM.
  let stageTwo: Int
  let msix: MSIXDriver
  var msi: MSIDriver
  /// The function as the IOMMU core has it.
  let group: IOMMUGroup
  /// Its number in the VMM's iommufd file, and that of the nested table that it is attached to.
  var bound: UInt32?
  var nested: UInt32?
  /// The StreamID that the guest knows; `nil` without a vDEVICE.
  var guestStream: UInt32?
  /// The function's LPIs, by EventID; those that the hardware injects keep theirs.
  package var events: [UInt32: UInt32] = [:]
  /// The CPUs of its LPIs, by EventID, where they are spread.
  var cpus: [UInt32: Int] = [:]
  /// The eventfds that VFIO's user reads, by EventID, once they were signalled.
  var eventfds: [UInt32: EventFD] = [:]
  /// The EventIDs whose interrupts are virtual LPIs, as KVM has them.
  package var forwarded: Set<UInt32> = []
  /// The vectors that it has, by number.
  var vectors: [Int: AssignedVector] = [:]
  /// Where KVM injects the eventfds that the VMM has registered with it, by vector.
  package internal(set) var routes: [Int: InjectionRoute] = [:]
  /// The command register as the kernel left it.
  var command: UInt16 = 0
  /// Whether the user has turned INTx off (`virq_disabled`), and what VFIO does with it.
  var hidesINTx = false
  var intx = INTxState.off

  /// Whether the host has turned its ATS on.
  var usesATS = false

  /// Whether KVM has the eventfd of a vector's interrupt.
  package func isReadByKVM(_ vector: Int) -> Bool {
    if case .kvm = vectors[vector]?.signal { true } else { false }
  }

  /// The VM that has it.
  package var vm: VMIndex { platform.vm }

  /// The devices of a kernel. A domain belongs to one SMMU (`arm_smmu_attach_dev`), so devices
  /// behind another SMMU get a stage 2 table of their own.
  ///
  /// - Parameters:
  ///   - separatesITSs: whether devices with different ITSs get tables of their own, too.
  ///   - frame: the doorbell of the GICv2m frame that takes their MSIs, which isolates nothing;
  ///     `nil` for the ITSs.
  ///   - window: the software MSI window of the SMMU's driver.
  static func list(
    _ platforms: [HostKernel.Platform], separatesITSs: Bool, frame: PA?,
    window: AddressRange, kernel: Kernel, pageSize: PageSize
  ) -> [Self] {
    var smmus: [PA] = []
    var itses: [PA] = []
    // For each VM, what its tables are told apart by.
    var tables: [VMIndex: [[Int]]] = [:]
    return platforms.enumerated().map { index, platform in
      let function = IOMMUDevice(
        name: "device \(index)", function: .other, sources: [.softwareMSIWindow(window)],
        doorbell: frame ?? platform.itsBase + 0x1_0040, hasIsolatedMSI: frame == nil)
      let smmu = smmus.number(of: platform.smmuBase)
      let its = itses.number(of: platform.itsBase)
      return Self(
        platform: platform, smmu: smmu, its: its,
        stageTwo: tables[platform.vm, default: []].number(
          of: separatesITSs ? [smmu, its] : [smmu]),
        msix: MSIXDriver(
          agent: .host, kernel: kernel, table: platform.msixTable,
          capability: platform.msixCapability, size: platform.vectors),
        msi: MSIDriver(
          agent: .host, capability: platform.msiCapability, vectors: platform.vectors),
        group: IOMMUGroup([function], kernel: kernel, granule: 1 << pageSize.shift))
    }
  }
}

extension Array where Element: Equatable {
  /// The position of an element, which is added where it is new.
  fileprivate mutating func number(of element: Element) -> Int {
    if let index = firstIndex(of: element) { return index }
    append(element)
    return count - 1
  }
}
