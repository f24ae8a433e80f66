public import Bits
public import Linux
public import Software

/// A device behind an IOMMU, as the core sees it.
public final class IOMMUDevice {
  public let name: String
  public let function: FunctionClass
  /// In order of address (`iommu_get_resv_regions`).
  public let regions: [ReservedRegion]
  /// The physical doorbell that its MSIs go to.
  public let doorbell: PA
  /// Whether nothing but the device can send its interrupts (`msi_device_has_isolated_msi`).
  public let hasIsolatedMSI: Bool
  public let isIntel: Bool
  /// Bits of the addresses that its driver says it can master (`dma_set_mask`), 1 to 64.
  public let dmaBits: Int
  /// `dev->iommu->require_direct`: the firmware asked for a direct region.
  public internal(set) var requiresDirect = false

  public init(
    name: String, function: FunctionClass, sources: [RegionSource], doorbell: PA,
    hasIsolatedMSI: Bool = true, dmaBits: Int = 64
  ) {
    self.dmaBits = dmaBits
    self.name = name
    self.function = function
    regions = sources.compactMap { $0.region(for: function) }.reduce([]) { $0.inserting($1) }
    self.doorbell = doorbell
    self.hasIsolatedMSI = hasIsolatedMSI
    isIntel = sources.contains { if case .intelRMRR = $0 { true } else { false } }
  }
}

/// Devices that can only be used together, with the domain that they are attached to
/// (`struct iommu_group`, drivers/iommu/iommu.c).
public final class IOMMUGroup {
  public let devices: [IOMMUDevice]
  public let agent: Agent
  public let kernel: Kernel
  public let policy: AttachPolicy
  /// The domain of the DMA API, or identity.
  public private(set) var defaultDomain: IOMMUDomain
  public private(set) var domain: IOMMUDomain
  /// Domain that an owner's devices are attached to before it attaches them itself.
  public private(set) var blockingDomain: IOMMUDomain?
  public private(set) var owner: String?
  /// The doorbell pages that the group's devices use (`required_sw_msi`).
  var requiredDoorbells: [PA] = []
  /// Start of iommufd's doorbell IOVAs; `nil` if no region states it (`sw_msi_start`).
  public internal(set) var softwareMSIStart: IOVA?
  /// The length of the window that the SMMU's driver declares.
  var softwareMSILength: UInt64 {
    regions.first { $0.kind == .softwareMSI }?.length ?? SoftwareMSIWindow.length
  }
  /// Whether the driver has a blocked domain; else the core takes an empty unmanaged one.
  let hasBlockedDomain: Bool
  /// Whether the firmware was ever cut off from its regions.
  public private(set) var hasInterruptedFirmware = false
  /// Log of events, one fact a line.
  public private(set) var log: [String] = []

  /// Probes the devices and attaches them to the default domain
  /// (`iommu_setup_default_domain`, `iommu_create_device_direct_mappings`).
  public init(
    _ devices: [IOMMUDevice], agent: Agent = .host, kernel: Kernel,
    policy: AttachPolicy? = nil, defaultKind: IOMMUDomain.Kind = .dma, granule: UInt64 = 4096,
    hasBlockedDomain: Bool = true
  ) {
    self.devices = devices
    regions = devices.flatMap(\.regions).reduce([]) { $0.inserting($1) }
    self.agent = agent
    self.kernel = kernel
    self.policy = policy ?? AttachPolicy(of: kernel, isIntel: devices.contains(where: \.isIntel))
    self.hasBlockedDomain = hasBlockedDomain
    let domain = IOMMUDomain(
      defaultKind, name: "default (\(defaultKind.rawValue))",
      cookie: defaultKind == .dma ? .dma : .none, granule: granule)
    defaultDomain = domain
    self.domain = domain
    for device in devices { prepare(device) }
    if defaultKind == .dma { reserveIOVAs() }
  }

  /// The regions of all devices: what sysfs lists (`iommu_get_group_resv_regions`).
  public let regions: [ReservedRegion]

  /// Maps what firmware wants one to one, and remembers whether it insists.
  private func prepare(_ device: IOMMUDevice) {
    for region in device.regions where region.kind.isMappedDirectly {
      if region.kind == .direct {
        // Even when the default domain is identity.
        device.requiresDirect = true
        log.append(
          "\(device.name): \(region.origin) [\(region.sysfsLine)] is \(region.kind.constant); "
            + "require_direct is set")
      }
      if defaultDomain.kind == .dma { mapDirectly(region, in: defaultDomain) }
    }
  }

  /// Both ends are rounded up to a page; pages that are mapped already are left alone, and the
  /// others are mapped in runs.
  private func mapDirectly(_ region: ReservedRegion, in domain: IOMMUDomain) {
    let mask = domain.granule - 1
    let end = region.last.addingReportingOverflow(1)
    guard !end.overflow, region.base.rawValue <= .max - mask, end.partialValue <= .max - mask
    else { return }
    var page = (region.base.rawValue + mask) & ~mask
    let limit = (end.partialValue + mask) & ~mask
    while page < limit {
      if let known = domain.mapping(at: IOVA(page)) {
        page = (known.range.upperBound | mask) &+ 1
        if page == 0 { return }
        continue
      }
      let next = domain.firstMapped(in: page...limit - 1) ?? limit
      domain.map(
        page...next - 1, to: PA(page), region.attributes,
        by: "iommu_create_device_direct_mappings")
      page = next
    }
  }

  /// The doorbell's alias that firmware asks to have in every domain; proposed in April 2023.
  public var doorbellAlias: ReservedRegion? { regions.first { $0.kind == .msiDirect } }

  /// Reserves the IOVAs that the DMA API's allocator must not hand out
  /// (`iova_reserve_iommu_regions`): all but the software window, since this code is the software
  /// that manages it. Doorbells that the hardware does not translate get identity entries.
  private func reserveIOVAs() {
    let shift = UInt64(defaultDomain.granule.trailingZeroBitCount)
    var reserved: [Range<UInt64>] = []
    for region in regions where region.kind != .softwareMSI {
      reserved.append(region.base.rawValue..<(region.last == .max ? .max : region.last + 1))
      guard region.kind == .hardwareMSI else { continue }
      defaultDomain.rememberIdentity(
        region.base.rawValue & ~(defaultDomain.granule - 1)...region.last)
    }
    defaultDomain.allocator = IOVAAllocator(
      granule: shift, reserved: reserved, dmaBits: devices.map(\.dmaBits).min() ?? 64)
  }

  // MARK: Ownership

  /// Takes the group from the DMA API for a user (`iommu_group_claim_dma_owner`).
  public func claim(for owner: String) throws(Refusal) {
    guard self.owner == nil else {
      throw Refusal(
        by: agent, in: "iommu_group_claim_dma_owner", errno: "EPERM",
        message: "the group belongs to \(self.owner ?? "another owner")")
    }
    if let refusal = policy.claimRefusal(by: agent, requiresDirect: requiresDirect) {
      throw refuse(refusal)
    }
    let blocking =
      blockingDomain
      ?? IOMMUDomain(hasBlockedDomain ? .blocked : .unmanaged, name: "blocking")
    blockingDomain = blocking
    try set(blocking)
    self.owner = owner
  }

  /// Gives the group back to the DMA API (`iommu_group_release_dma_owner`).
  public func release() throws(Refusal) {
    owner = nil
    try set(defaultDomain)
  }

  /// Attaches the group, or replaces what it is attached to: one step without a gap.
  public func attach(_ domain: IOMMUDomain) throws(Refusal) {
    guard self.domain === defaultDomain || self.domain === blockingDomain else {
      throw Refusal(
        by: agent, in: "iommu_attach_group", errno: "EBUSY",
        message: "the group is attached to \(self.domain.name)")
    }
    try set(domain)
  }

  public func replace(_ domain: IOMMUDomain) throws(Refusal) { try set(domain) }

  /// Back to the owner's blocking domain, or to the default one.
  public func detach() throws(Refusal) {
    try set(owner == nil ? defaultDomain : blockingDomain ?? defaultDomain)
  }

  private var requiresDirect: Bool { devices.contains(where: \.requiresDirect) }

  private func set(_ new: IOMMUDomain) throws(Refusal) {
    for device in devices {
      let refusal = policy.refusal(
        by: agent, attaching: new.kind, isBlocking: new === blockingDomain,
        requiresDirect: device.requiresDirect, isIntel: device.isIntel)
      if let refusal, new !== defaultDomain { throw refuse(refusal, attaching: new) }
    }
    domain = new
    if let alias = doorbellAlias, new.kind == .unmanaged, new !== blockingDomain {
      mapDirectly(alias, in: new)
    }
    let isCutOff = !firmwareCanAccess
    if isCutOff { hasInterruptedFirmware = true }
    log.append(
      "the group is attached to the \(new.name) domain"
        + (isCutOff ? ": the firmware's DMA is aborted" : ""))
  }

  private func refuse(_ refusal: Refusal, attaching domain: IOMMUDomain? = nil) -> Refusal {
    if let domain {
      log.append(
        "the \(domain.name) domain (\(domain.kind.rawValue)) would break the direct mapping")
    }
    log.append("\(refusal.function): \(refusal.message) -> -\(refusal.errno)")
    return refusal
  }

  // MARK: Firmware's own DMA

  /// Whether a device's firmware can go on with DMA to all its direct regions in the present
  /// domain.
  public var firmwareCanAccess: Bool {
    devices.allSatisfy { device in
      device.regions.filter { $0.kind == .direct || $0.kind == .directRelaxable }
        .allSatisfy { domain.mapsDirectly($0.addresses) }
    }
  }
}
