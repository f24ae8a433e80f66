internal import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
package import Software

/// By which interface a user of the guest's VFIO has its device.
public enum DeviceInterface: Sendable {
  /// A type 1 container (drivers/vfio/vfio_iommu_type1.c).
  case type1
  /// An iommufd (drivers/iommu/iommufd).
  case iommufd
}

/// The user that has a device, by what its interface keeps. Each has a device of its own.
enum DeviceUser {
  case container(Type1Container)
  /// The device in the guest's iommufd file, and the address space that it is attached to.
  case file(IOMMUFD, device: UInt32, addressSpace: UInt32)
}

// VFIO inside the guest: drivers/vfio, drivers/iommu/iommufd. The models of the IOMMU core decide;
// here their decisions become tables of the SMMU.
extension GuestKernel {
  /// The group is taken from its driver and blocked (`__iommu_take_dma_ownership`).
  mutating func claim(_ device: Int, by interface: DeviceInterface) throws(Refusal) -> [Step<Never>]
  {
    guard let group = devices[device].group else {
      throw Refusal(
        by: .guest, in: "vfio_group_find_or_alloc", errno: "EINVAL",
        message: "the device has no IOMMU group: VFIO needs an IOMMU in the guest")
    }
    do throws(Refusal) {
      devices[device].user = try user(by: interface, of: group)
    } catch {
      throw explained(error, interface, group)
    }
    let isBroken = group.regions.contains { $0.kind == .direct }
    let reason =
      isBroken
      ? "the direct region is not kept: kernels before 6.6 do not ask for it" : "blocked domain"
    let step = Step<Never>(
      .guest, interface.claim, "\(interface.request(in: kernel)): \(reason)", .decide)
    return ([step] + block(device)).during(.vfioAttach)
  }

  /// The group gets the blocking domain: an entry that aborts, or an empty paging domain before
  /// `context-before-entry`; none at all before `blocked-at-claim`.
  private mutating func block(_ device: Int) -> [Step<Never>] {
    guard kernel.has(.blockedAtClaim) else { return [] }
    guard kernel.has(.contextBeforeEntry) else {
      return (try? installContext(of: device, isNew: true)) ?? []
    }
    return leaveTables(of: device, for: .abort, "arm_smmu_attach_dev_blocked", "abort")
  }

  private mutating func user(
    by interface: DeviceInterface, of group: IOMMUGroup
  ) throws(Refusal) -> DeviceUser {
    switch interface {
    case .type1:
      let container = Type1Container(by: .guest)
      try container.claim(group)
      return .container(container)
    case .iommufd:
      let file = try openFile()
      let id = try file.bind(group.devices[0], of: group)
      return .file(file, device: id, addressSpace: file.allocateAddressSpace())
    }
  }

  private mutating func openFile() throws(Refusal) -> IOMMUFD {
    if let iommufd { return iommufd }
    let file = try IOMMUFD.open(by: .guest, kernel: kernel, pageSize: 1 << pageShift)
    iommufd = file
    return file
  }

  /// The refusal with the region, the flag and the domain that led to it.
  private func explained(
    _ refusal: Refusal, _ interface: DeviceInterface, _ group: IOMMUGroup
  ) -> Refusal {
    let direct = group.regions.filter { $0.kind == .direct }
    guard !direct.isEmpty, refusal == AttachPolicy.directRequired(by: .guest) else {
      return refusal
    }
    let regions = direct.map {
      "\($0.origin) [\($0.sysfsLine)] is \($0.kind.constant): require_direct is set "
        + "(iommu_create_device_direct_mappings)"
    }
    return Refusal(
      by: refusal.agent, in: refusal.function, errno: refusal.errno, message: refusal.message,
      chain: regions + [
        "\(interface.request(in: kernel)) claims the device: its group is to get the blocking "
          + "domain (\(interface.claim))",
        "the blocking domain would break the direct mapping -> -\(refusal.errno) "
          + "(\(refusal.function))",
      ])
  }

  /// A paging domain of the user's own, empty but for what firmware has in every domain.
  mutating func attachUserDomain(_ device: Int) throws(Refusal) -> [Step<Never>] {
    guard let group = devices[device].group, let user = devices[device].user else {
      throw Refusal(
        by: .guest, in: "vfio_device_fops_unl_ioctl", errno: "EINVAL",
        message: "no user has claimed the device")
    }
    // Type 1 attaches the group before it looks at the regions; iommufd looks first.
    switch user {
    case .container(let container):
      try container.attach(group)
      return try attachSteps(of: device, to: group) + testPages(of: device)
        + reservationSteps(group, user)
    case .file(let file, let id, let space):
      try file.attach(device: id, to: space)
      return try reservationSteps(group, user) + attachSteps(of: device, to: group)
    }
  }

  /// The user closes the device: its domain is left and freed, and the group gets its default domain
  /// back (`iommu_group_release_dma_owner`).
  ///
  /// - Parameter unmapped: what the user left mapped is invalidated in batches of so many ranges.
  package mutating func release(_ device: Int, unmapped: [Int]) throws(Refusal) -> [Step<Never>] {
    guard devices[device].user != nil else { return [] }
    let asid = devices[device].context[.asid]
    var steps: [Step<Never>] = []
    let isModern = kernel.has(.contextBeforeEntry)
    if isModern { steps += block(device) }
    devices[device].user = nil
    if !isModern {
      // The group goes to the blocking domain, or straight to its default one: either has its CD.
      steps += try restoreDefault(device)
    }
    if !kernel.has(.invalidationArray) {
      for ranges in unmapped {
        steps += invalidate(ranges: ranges, of: device)
      }
      steps += invalidate(asid: asid, of: device, "arm_smmu_domain_free_paging")
    }
    if isModern {
      steps += try restoreDefault(device)
    } else if kernel.has(.blockedAtClaim) {
      steps += try restoreDefault(device)
    }
    return steps.during(.vfioDetach)
  }

  /// The user has left its domain and gives the group back, which gets its default domain.
  package mutating func giveBack(_ device: Int) throws(Refusal) -> [Step<Never>] {
    guard devices[device].user != nil else { return [] }
    devices[device].user = nil
    return try restoreDefault(device).during(.domainAttach)
  }

  /// A VMM asks what the SMMU of a device can do (`IOMMU_GET_HW_INFO`).
  package func hardwareInfo(of device: Int) -> [Step<Never>] {
    smmus[devices[device].smmu].map { [$0.hardwareInfo] } ?? []
  }

  /// Two ranges are mapped and unmapped to see whether pages grow together
  /// (`vfio_test_domain_fgsp`).
  private mutating func testPages(of device: Int) -> [Step<Never>] {
    guard !kernel.has(.type1WithoutPageTest) else { return [] }
    return (invalidate(ranges: 1, of: device) + invalidate(ranges: 1, of: device))
      .during(.vfioAttach)
  }

  private mutating func restoreDefault(_ device: Int) throws(Refusal) -> [Step<Never>] {
    devices[device].context = devices[device].defaultContext
    return try installContext(of: device, isNew: false)
  }

  private mutating func attachSteps(
    of device: Int, to group: IOMMUGroup
  ) throws(Refusal) -> [Step<Never>] {
    try
      (newTables(of: device, for: group) + mapDirectRegions(of: device, in: group)
      + installContext(of: device, isNew: true)).during(.vfioAttach)
  }

  /// What the user may not map, and where its doorbells go.
  private func reservationSteps(_ group: IOMMUGroup, _ user: DeviceUser) -> [Step<Never>] {
    let holes = group.regions.filter { $0.kind != .directRelaxable }
    let ranges = holes.map { "[\($0.sysfsLine)]" }.joined(separator: ", ")
    let reservation = Step<Never>(
      .guest, user.reservation, "the user may not map \(ranges)", .decide)
    return (holes.isEmpty ? [] : [reservation]) + doorbellSteps(group)
  }

  private func doorbellSteps(_ group: IOMMUGroup) -> [Step<Never>] {
    switch group.domain.cookie {
    case .msi(let base):
      let text = "the domain's doorbells go to \(base) and up"
      return [Step(.guest, "iommu_get_msi_cookie", text, .decide)]
    case .iommufd:
      let start = group.softwareMSIStart.map { "go to \($0) and up" } ?? "have no window"
      let text = "the file's doorbells \(start), in order of first use"
      return [Step(.guest, "iommufd_group_setup_msi", text, .decide)]
    case .none, .dma: return []
    }
  }

  /// Lets a user's mapping into what its interface keeps, which refuses what is reserved.
  func mapForUser(
    _ device: Int, _ input: IOVA, to output: IPA, size: UInt64
  ) throws(Refusal) {
    // What no range can be is for the tables to refuse.
    guard let range = Self.range(input, size: size) else { return }
    switch devices[device].user {
    case .container(let container): try container.map(range, to: PA(output.rawValue))
    case .file(let file, _, let space):
      try file.addressSpace(space).map(at: input, length: size, to: PA(output.rawValue))
    case nil: break
    }
  }

  func unmapForUser(_ device: Int, _ input: IOVA, size: UInt64) throws(Refusal) {
    guard let range = Self.range(input, size: size) else { return }
    switch devices[device].user {
    case .container(let container): try container.unmap(range)
    case .file(let file, _, let space): try file.addressSpace(space).unmap(range)
    case nil: break
    }
  }

  private static func range(_ start: IOVA, size: UInt64) -> ClosedRange<UInt64>? {
    let last = start.rawValue.addingReportingOverflow(size &- 1)
    return size == 0 || last.overflow ? nil : start.rawValue...last.partialValue
  }
}

extension DeviceInterface {
  /// The function that takes the group.
  fileprivate var claim: String {
    switch self {
    case .type1: "iommu_group_claim_dma_owner"
    case .iommufd: "iommu_device_claim_dma_owner"
    }
  }

  /// The system call that leads there.
  fileprivate func request(in kernel: Kernel) -> String {
    switch self {
    case .type1: "VFIO_GROUP_SET_CONTAINER"
    case .iommufd where !kernel.has(.deviceFiles): "VFIO_GROUP_SET_CONTAINER with an iommufd"
    case .iommufd: "VFIO_DEVICE_BIND_IOMMUFD"
    }
  }
}

extension DeviceUser {
  /// The function that keeps the reserved regions out of the user's reach.
  fileprivate var reservation: String {
    switch self {
    case .container: "vfio_iommu_resv_exclude"
    case .file: "iopt_table_enforce_dev_resv_regions"
    }
  }

  /// The function that maps for the user.
  var mapping: String {
    switch self {
    case .container: "vfio_dma_do_map"
    case .file: "iopt_map_pages"
    }
  }
}
