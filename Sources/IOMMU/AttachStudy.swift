internal import Bits
internal import Linux
public import Software

/// A device whose firmware wants regions one to one, and who wants it.
public struct AttachCase: Sendable {
  /// Device and the source of its regions: the cases that the policy question of April 2023 turned
  /// on.
  public let name: String
  let function: FunctionClass
  let sources: [RegionSource]
  /// Whether the driver has a blocked domain of its own: Intel's had; for others the core takes an
  /// empty unmanaged one (`__iommu_group_alloc_blocking_domain`).
  let hasBlockedDomain: Bool
  let defaultKind: IOMMUDomain.Kind
  /// A kernel driver that maps the regions in its own domain; otherwise VFIO.
  let isKernelUser: Bool

  /// The devices of the thread.
  public static let all: [AttachCase] = [
    .init(
      name: "Intel NIC, RMRR", function: .network,
      sources: [.intelRMRR(base: 0x7a00_0000, length: 0x1_0000), .x86Interrupts],
      hasBlockedDomain: true, defaultKind: .dma, isKernelUser: false),
    .init(
      name: "Intel USB, RMRR", function: .usb,
      sources: [.intelRMRR(base: 0x7b00_0000, length: 0x1_0000), .x86Interrupts],
      hasBlockedDomain: true, defaultKind: .dma, isKernelUser: false),
    .init(
      name: "Intel GPU, RMRR", function: .display,
      sources: [.intelRMRR(base: 0x7c00_0000, length: 0x40_0000), .x86Interrupts],
      hasBlockedDomain: true, defaultKind: .identity, isKernelUser: false),
    .init(
      name: "AMD device, IVMD unity", function: .other,
      sources: [
        .amdIVMD(base: 0x7d00_0000, length: 0x1_0000, isExclusion: false), .x86Interrupts,
        .amdHyperTransport,
      ], hasBlockedDomain: false, defaultKind: .dma, isKernelUser: false),
    .init(
      name: "Arm RAID, RMR", function: .storage,
      sources: [.armRMR(base: 0x8000_0000, length: 0x10_0000, flags: []), .softwareMSI],
      hasBlockedDomain: false, defaultKind: .identity, isKernelUser: false),
    .init(
      name: "Arm RAID, kernel user that maps the RMR", function: .storage,
      sources: [.armRMR(base: 0x8000_0000, length: 0x10_0000, flags: []), .softwareMSI],
      hasBlockedDomain: false, defaultKind: .identity, isKernelUser: true),
  ]
}

/// Outcome of one policy in one case.
public struct AttachOutcome: Sendable {
  public let policy: AttachPolicy
  public let subject: AttachCase
  /// Refusal of the attach; `nil` if the device was attached.
  public let refusal: Refusal?
  /// Whether the firmware could reach its regions in every domain that the device went through:
  /// those that it asked to have at all times.
  public let firmwareSurvives: Bool
  /// Whether it can when all is over.
  public let firmwareRecovers: Bool
  /// Chain of events, in order.
  public let chain: [String]
}

extension AttachPolicy {
  /// Assigns the device by type 1, or attaches a kernel user's domain to it.
  public func attach(_ subject: AttachCase) -> AttachOutcome {
    let device = IOMMUDevice(
      name: subject.name, function: subject.function, sources: subject.sources, doorbell: 0)
    let group = IOMMUGroup(
      [device], kernel: Kernel(6, 4), policy: self, defaultKind: subject.defaultKind,
      hasBlockedDomain: subject.hasBlockedDomain)
    var refusal: Refusal?
    do throws(Refusal) {
      if subject.isKernelUser {
        try group.attach(group.domainWithRegions())
      } else {
        try Type1Container().attach(group)
      }
    } catch { refusal = error }
    return AttachOutcome(
      policy: self, subject: subject, refusal: refusal,
      firmwareSurvives: !group.hasInterruptedFirmware, firmwareRecovers: group.firmwareCanAccess,
      chain: group.log)
  }
}

extension IOMMUGroup {
  /// A kernel driver's own domain, with the firmware's regions in it.
  func domainWithRegions() -> IOMMUDomain {
    let domain = IOMMUDomain(.unmanaged, name: "kernel user's", granule: defaultDomain.granule)
    for region in regions where region.kind.isMappedDirectly {
      domain.map(
        region.addresses, to: .init(region.base.rawValue), region.attributes, by: "iommu_map")
    }
    return domain
  }
}
