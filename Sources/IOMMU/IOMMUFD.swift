public import Bits
public import Linux
public import Software

/// One open file of iommufd, with its objects by ID (drivers/iommu/iommufd/main.c).
public final class IOMMUFD {
  /// Object that an ID names. Objects that others use cannot be destroyed.
  public enum Object {
    case addressSpace(IOAddressSpace)
    case device(IOMMUGroup, IOMMUDevice)
    case pageTable(PageTableObject)
    case virtualIOMMU(VirtualIOMMUObject)
    case virtualDevice(VirtualDeviceObject)
    case eventQueue(viommu: UInt32, kind: UInt32)
    case hardwareQueue(HardwareQueueObject)
    case faultQueue(FaultQueue)
  }

  /// The flags of `IOMMU_HWPT_ALLOC` (`enum iommufd_hwpt_alloc_flags`).
  public struct TableFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let nestParent = Self(rawValue: 1 << 0)
    public static let dirtyTracking = Self(rawValue: 1 << 1)
    /// The call names an object for page requests.
    public static let faultIDValid = Self(rawValue: 1 << 2)
    /// The table can be attached to a PASID, or beside one.
    public static let pasid = Self(rawValue: 1 << 3)

    static let known: Self = [.nestParent, .dirtyTracking, .faultIDValid, .pasid]
  }

  /// A hardware page table (HWPT).
  public struct PageTableObject {
    public enum Kind: Equatable, Sendable {
      /// An IOAS' mappings.
      case paging(addressSpace: UInt32, isNestParent: Bool)
      /// A user's stage 1 over a nest parent, or over a vIOMMU's.
      case nested(parent: UInt32, viommu: UInt32?)
    }
    public let kind: Kind
    public let domain: IOMMUDomain
    public var flags: TableFlags = []
    /// ID of the fault queue that gets the page requests of its devices.
    public var faultQueue: UInt32?
  }

  public struct VirtualIOMMUObject: Equatable, Sendable {
    public let parent: UInt32
    /// Number of times that user space has the register pages mapped (`struct iommufd_mmap`).
    public internal(set) var mappings = 0
  }

  public struct VirtualDeviceObject: Equatable, Sendable {
    public let viommu: UInt32
    public let device: UInt32
    public let virtualID: UInt64
  }

  let kernel: Kernel
  let pageSize: UInt64
  private let agent: Agent
  private let allowsUnsafeInterrupts: Bool
  /// The doorbells of the file.
  public let doorbells: DoorbellList
  var objects: [UInt32: Object] = [:]
  private var nextID: UInt32 = 1
  /// ID of the page table that each bound device is attached to.
  var attachments: [UInt32: UInt32] = [:]
  /// IDs of the page tables that the PASIDs of each bound device are attached to.
  var pasidAttachments: [UInt32: [UInt32: UInt32]] = [:]
  /// Start of the software MSI window of each device for which the user placed it.
  private var windowStarts: [UInt32: IOVA] = [:]

  /// - Parameters:
  ///   - agent: owner of the kernel.
  ///   - pageSize: the bytes of a page of that kernel's.
  public init(
    by agent: Agent = .host, kernel: Kernel, pageSize: UInt64 = 4096,
    allowsUnsafeInterrupts: Bool = false
  ) {
    self.agent = agent
    self.kernel = kernel
    self.pageSize = pageSize
    self.allowsUnsafeInterrupts = allowsUnsafeInterrupts
    doorbells = DoorbellList(
      pageShift: UInt64(pageSize.trailingZeroBitCount), agent: agent,
      isBounded: kernel.has(.softwareMSIBounded))
  }

  /// Opens `/dev/iommu`.
  ///
  /// - Throws: `Refusal` with `ENOENT` by a kernel that has no such device.
  public static func open(
    by agent: Agent, kernel: Kernel, pageSize: UInt64
  ) throws(Refusal) -> IOMMUFD {
    guard kernel.has(.iommufd) else {
      throw Refusal(
        by: agent, in: "openat (/dev/iommu)", errno: "ENOENT",
        message:
          "there is no such device: iommufd is new in 6.2")
    }
    return IOMMUFD(by: agent, kernel: kernel, pageSize: pageSize)
  }

  func add(_ object: Object) -> UInt32 {
    defer { nextID += 1 }
    objects[nextID] = object
    return nextID
  }

  func refusal(_ function: String, _ errno: String, _ message: String) -> Refusal {
    Refusal(by: agent, in: function, errno: errno, message: message)
  }

  // MARK: Address spaces

  public func allocateAddressSpace() -> UInt32 {
    add(.addressSpace(IOAddressSpace(pageSize: pageSize, agent: agent)))
  }

  public func addressSpace(_ id: UInt32) throws(Refusal) -> IOAddressSpace {
    guard case .addressSpace(let space) = objects[id] else {
      throw refusal("iommufd_get_ioas", "ENOENT", "object \(id) is no IOAS")
    }
    return space
  }

  // MARK: Devices

  /// Takes a device (`iommufd_device_bind`).
  public func bind(_ device: IOMMUDevice, of group: IOMMUGroup) throws(Refusal) -> UInt32 {
    if kernel.has(.isolationAtBind) {
      try requireIsolation(of: group, device, by: "iommufd_device_bind")
    }
    let isBound = objects.values.contains {
      if case .device(_, let other) = $0 { other === device } else { false }
    }
    guard !isBound else {
      throw refusal("vfio_df_ioctl_bind_iommufd", "EINVAL", "\(device.name) is bound already")
    }
    let owner = "iommufd"
    if group.owner == nil { try group.claim(for: owner) }
    return add(.device(group, device))
  }

  private func requireIsolation(
    of group: IOMMUGroup, _ device: IOMMUDevice, by function: String
  ) throws(Refusal) {
    guard allowsUnsafeInterrupts || group.devices.allSatisfy(\.hasIsolatedMSI) else {
      throw refusal(
        function, "EPERM", "\(device.name) has no isolated MSI; allow_unsafe_interrupts is off")
    }
  }

  func device(_ id: UInt32) throws(Refusal) -> (IOMMUGroup, IOMMUDevice) {
    guard case .device(let group, let device) = objects[id] else {
      throw refusal("iommufd_get_device", "ENOENT", "object \(id) is no device")
    }
    return (group, device)
  }

  // MARK: Page tables

  /// `IOMMU_HWPT_ALLOC` over an IOAS.
  public func allocatePaging(
    device id: UInt32, addressSpace spaceID: UInt32, flags: TableFlags = []
  ) throws(Refusal) -> UInt32 {
    _ = try device(id)
    try check(flags)
    let space = try addressSpace(spaceID)
    return add(.pageTable(makePaging(space, spaceID, flags)))
  }

  private func check(_ flags: TableFlags) throws(Refusal) {
    guard flags.isSubset(of: .known) else {
      throw refusal("iommufd_hwpt_alloc", "EOPNOTSUPP", "an unknown flag is set")
    }
  }

  private func makePaging(
    _ space: IOAddressSpace, _ spaceID: UInt32, _ flags: TableFlags
  ) -> PageTableObject {
    let domain = IOMMUDomain(.unmanaged, name: "HWPT", granule: pageSize)
    if kernel.has(.softwareMSINative) { domain.cookie = .iommufd }
    space.add(domain)
    return PageTableObject(
      kind: .paging(addressSpace: spaceID, isNestParent: flags.contains(.nestParent)),
      domain: domain, flags: flags)
  }

  /// `IOMMU_HWPT_ALLOC` of a user's stage 1.
  public func allocateNested(
    device id: UInt32, parent: UInt32, hasData: Bool = true, isKnownType: Bool = true,
    flags: TableFlags = [], faultQueue: UInt32? = nil
  ) throws(Refusal) -> UInt32 {
    _ = try device(id)
    let function = "iommufd_hwpt_alloc"
    try check(flags)
    let faultQueue = try checkedFaultQueue(faultQueue, flags)
    guard hasData else { throw refusal(function, "EINVAL", "no data describes the stage 1") }
    guard isKnownType else {
      throw refusal(function, "EOPNOTSUPP", "the driver does not know the type of the data")
    }
    guard !flags.contains(.nestParent) else {
      throw refusal(function, "EOPNOTSUPP", "a nested table cannot be a nest parent")
    }
    switch objects[parent] {
    case .pageTable(let table):
      guard case .paging(_, true) = table.kind else {
        throw refusal(function, "EINVAL", "object \(parent) is no nest parent")
      }
      // Doorbells go into the parent (`find_hwpt_paging`).
      return add(
        .pageTable(
          .init(
            kind: .nested(parent: parent, viommu: nil),
            domain: IOMMUDomain(over: table.domain), flags: flags, faultQueue: faultQueue)))
    case .virtualIOMMU(let viommu):
      guard case .pageTable(let table) = objects[viommu.parent] else {
        throw refusal(function, "ENOENT", "the vIOMMU's parent is gone")
      }
      return add(
        .pageTable(
          .init(
            kind: .nested(parent: viommu.parent, viommu: parent),
            domain: IOMMUDomain(over: table.domain), flags: flags, faultQueue: faultQueue)))
    default: throw refusal(function, "EINVAL", "object \(parent) cannot be a parent")
    }
  }

  /// The domain of a page table; `nil` for an object that is none.
  public func domain(ofTable id: UInt32) -> IOMMUDomain? {
    if case .pageTable(let table) = objects[id] { table.domain } else { nil }
  }

  // MARK: Attaching

  /// Attaches a device to an IOAS or a page table (`iommufd_device_attach`).
  public func attach(device id: UInt32, to target: UInt32) throws(Refusal) {
    let (group, device) = try device(id)
    guard attachments[id] == nil else {
      throw refusal("iommufd_hw_pagetable_attach", "EINVAL", "\(device.name) is attached already")
    }
    try move(id, group, device, to: target, isReplacement: false)
  }

  /// Moves a device to another table without a gap (`iommufd_device_replace`).
  public func replace(device id: UInt32, by target: UInt32) throws(Refusal) {
    let (group, device) = try device(id)
    guard attachments[id] != nil else {
      throw refusal("iommufd_device_do_replace", "EINVAL", "\(device.name) is not attached")
    }
    try move(id, group, device, to: target, isReplacement: true)
  }

  private func move(
    _ id: UInt32, _ group: IOMMUGroup, _ device: IOMMUDevice, to target: UInt32, isReplacement: Bool
  ) throws(Refusal) {
    let (tableID, table) = try table(for: target)
    try checkPASIDs(of: id, device, under: table)
    let space = try space(of: table)
    space.removeReservations(of: device.name)
    let regions = device.regions.map { windowStarts[id].map($0.moved(to:)) ?? $0 }
    group.softwareMSIStart = try space.enforce(regions, of: device.name, by: group.agent)
    if !kernel.has(.isolationAtBind) {
      try requireIsolation(of: group, device, by: "iommufd_device_setup_msi")
    }
    try setUpDoorbells(of: group, in: table.domain.paging)
    if isReplacement || group.domain === table.domain {
      try group.replace(table.domain)
    } else {
      try group.attach(table.domain)
    }
    attachments[id] = tableID
  }

  /// The address space whose mappings a table has, its parent's for a nested one.
  private func space(of table: PageTableObject) throws(Refusal) -> IOAddressSpace {
    switch table.kind {
    case .paging(let space, _): return try addressSpace(space)
    case .nested(let parent, _):
      guard case .pageTable(let table) = objects[parent],
        case .paging(let space, _) = table.kind
      else { throw refusal("iommufd_hw_pagetable_attach", "ENOENT", "the nest parent is gone") }
      return try addressSpace(space)
    }
  }

  /// Whether a device is attached to anything.
  public func isAttached(device id: UInt32) -> Bool { attachments[id] != nil }

  /// `iommufd_group_setup_msi`. Before 6.15 a table got a cookie of its own, once, and a page
  /// that an earlier table had mapped was lost.
  private func setUpDoorbells(of group: IOMMUGroup, in domain: IOMMUDomain) throws(Refusal) {
    guard let start = group.softwareMSIStart else { return }
    if kernel.has(.softwareMSINative) {
      try doorbells.installRequired(of: group, in: domain)
    } else if domain.cookie == .none {
      domain.startWindow(at: start)
    }
  }

  /// An IOAS stands for the table that iommufd makes for it by itself.
  func table(for target: UInt32) throws(Refusal) -> (UInt32, PageTableObject) {
    switch objects[target] {
    case .pageTable(let table): return (target, table)
    case .addressSpace(let space):
      let made = makePaging(space, target, [])
      return (add(.pageTable(made)), made)
    default:
      throw refusal(
        "iommufd_device_change_pt", "ENOENT", "object \(target) is neither an IOAS nor a table")
    }
  }

  public func detach(device id: UInt32) throws(Refusal) {
    let (group, device) = try device(id)
    guard let tableID = attachments.removeValue(forKey: id) else {
      throw refusal("iommufd_device_detach", "EINVAL", "\(device.name) is not attached")
    }
    if case .pageTable(let table) = objects[tableID] {
      try space(of: table).removeReservations(of: device.name)
    }
    try group.detach()
  }

  /// `IOMMU_OPTION_SW_MSI_START` of a device: where its software MSI window starts, from the next
  /// attach on. Proposed on 14 October 2025 and not merged.
  ///
  /// - Parameter start: a multiple of 1 MiB.
  public func moveWindow(ofDevice id: UInt32, to start: IOVA) throws(Refusal) {
    _ = try device(id)
    guard start.rawValue % SoftwareMSIWindow.length == 0 else {
      throw refusal(
        "iommufd_option_sw_msi (proposed)", "EINVAL", "the start is no multiple of 1 MiB")
    }
    try placeWindow(ofDevice: id, at: start)
  }

  /// The same at any page: a design may ask for more than was proposed.
  public func placeWindow(ofDevice id: UInt32, at start: IOVA) throws(Refusal) {
    _ = try device(id)
    windowStarts[id] = start
  }

  /// Returns the start of a device's window that the user placed; `nil` if the user moved none.
  public func windowStart(ofDevice id: UInt32) -> IOVA? { windowStarts[id] }

  // MARK: Virtual IOMMUs

  /// `IOMMU_VIOMMU_ALLOC`.
  public func allocateVirtualIOMMU(
    device id: UInt32, parent: UInt32, isKnownType: Bool = true
  ) throws(Refusal) -> UInt32 {
    _ = try device(id)
    let function = "iommufd_viommu_alloc_ioctl"
    guard kernel.has(.virtualSMMU) else {
      throw refusal(
        "iommufd_fops_ioctl", "ENOTTY",
        "there is no IOMMU_VIOMMU_ALLOC: nested SMMUv3 is new in 6.13")
    }
    guard isKnownType else { throw refusal(function, "EOPNOTSUPP", "an unknown type of vIOMMU") }
    guard case .pageTable(let table) = objects[parent] else {
      throw refusal(function, "ENOENT", "object \(parent) is no page table")
    }
    guard case .paging(_, true) = table.kind else {
      throw refusal(function, "EINVAL", "object \(parent) is no nest parent")
    }
    return add(.virtualIOMMU(VirtualIOMMUObject(parent: parent)))
  }

  /// `IOMMU_VDEVICE_ALLOC`.
  public func allocateVirtualDevice(
    viommu: UInt32, device id: UInt32, virtualID: UInt64
  ) throws(Refusal) -> UInt32 {
    let function = "iommufd_vdevice_alloc_ioctl"
    guard case .virtualIOMMU = objects[viommu] else {
      throw refusal(function, "ENOENT", "object \(viommu) is no vIOMMU")
    }
    _ = try device(id)
    let isTaken = objects.values.contains {
      if case .virtualDevice(let other) = $0 {
        other.viommu == viommu && other.virtualID == virtualID
      } else {
        false
      }
    }
    guard !isTaken else {
      throw refusal(function, "EEXIST", "virtual ID \(hex(virtualID)) is taken")
    }
    return add(.virtualDevice(.init(viommu: viommu, device: id, virtualID: virtualID)))
  }

  /// `IOMMU_VEVENTQ_ALLOC`: one queue of a kind for each vIOMMU.
  public func allocateEventQueue(viommu: UInt32, kind: UInt32) throws(Refusal) -> UInt32 {
    let function = "iommufd_veventq_alloc"
    guard kernel.has(.virtualEventQueue) else {
      throw refusal(
        "iommufd_fops_ioctl", "ENOTTY",
        "there is no IOMMU_VEVENTQ_ALLOC: it is new in 6.15")
    }
    guard case .virtualIOMMU = objects[viommu] else {
      throw refusal(function, "ENOENT", "object \(viommu) is no vIOMMU")
    }
    let isTaken = objects.values.contains {
      if case .eventQueue(viommu, kind) = $0 { true } else { false }
    }
    guard !isTaken else { throw refusal(function, "EEXIST", "the vIOMMU has such a queue") }
    return add(.eventQueue(viommu: viommu, kind: kind))
  }

  // MARK: Destroying

  /// `IOMMU_DESTROY`.
  public func destroy(_ id: UInt32) throws(Refusal) {
    guard let object = objects[id] else {
      throw refusal("iommufd_destroy", "ENOENT", "there is no object \(id)")
    }
    guard !isUsed(id) else {
      throw refusal("iommufd_object_remove", "EBUSY", "others use object \(id)")
    }
    if case .device(let group, _) = object { try group.release() }
    if case .hardwareQueue(let queue) = object { unlock(queue) }
    objects[id] = nil
  }

  private func isUsed(_ id: UInt32) -> Bool {
    attachments.contains { $0.value == id || $0.key == id }
      || pasidAttachments.values.contains { $0.values.contains(id) }
      || objects.values.contains { object in
        switch object {
        case .pageTable(let table):
          switch table.kind {
          case .paging(let space, _): space == id
          case .nested(let parent, let viommu):
            parent == id || viommu == id || table.faultQueue == id
          }
        case .virtualIOMMU(let viommu): viommu.parent == id
        case .virtualDevice(let device): device.viommu == id || device.device == id
        case .eventQueue(let viommu, _): viommu == id
        case .hardwareQueue(let queue): queue.viommu == id
        case .addressSpace, .device, .faultQueue: false
        }
      } || isMapped(id)
  }
}
