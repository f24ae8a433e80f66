internal import ArmFormats
internal import Bits
internal import Flows
internal import IOMMU
internal import Linux

// The IOMMU core and the SMMU driver's domains: drivers/iommu/iommu.c, arm-smmu-v3.c.
extension GuestKernel {
  /// The default domain of the DMA API, with firmware's direct regions in it
  /// (`iommu_setup_default_domain`).
  mutating func attachDMADomain() throws(Refusal) -> [Step<Never>] {
    guard smmu != nil else { return withoutIOMMU() }
    var steps = try newTables(for: .dma)
    domain = .dma
    steps += try mapDirectRegions()
    steps += try installContext()
    return steps
  }

  /// `iommu.passthrough=1`: every transaction bypasses stage 1.
  mutating func attachIdentityDomain() -> [Step<Never>] {
    guard smmu != nil else { return withoutIOMMU() }
    domain = .identity
    doorbellIOVA = nil
    let stream = device.requesterID
    return smmu?.write(
      .bypass, of: stream, function: "arm_smmu_attach_dev_identity", text: "bypass")
      ?? []
  }

  /// `dma_direct_map_page`: the device's addresses are the guest's.
  private func withoutIOMMU() -> [Step<Never>] {
    [Step(.guest, "dma_direct_map_page", "no IOMMU: IOVAs are the guest's own addresses", .decide)]
  }

  /// The group is taken from its driver and blocked (`iommu_device_claim_dma_owner`).
  mutating func claimForVFIO() throws(Refusal) -> [Step<Never>] {
    guard smmu != nil else {
      throw Refusal(
        by: .guest, in: "vfio_group_find_or_alloc", errno: "EINVAL",
        message: "the device has no IOMMU group: VFIO needs an IOMMU in the guest")
    }
    let requiresDirect = reservedRegions.contains { $0.kind == .direct }
    let refusal = AttachPolicy(of: version).refusal(
      by: .guest, attaching: .blocked, isBlocking: true, requiresDirect: requiresDirect,
      isIntel: false)
    if let refusal { throw explained(refusal) }
    domain = .none
    doorbellIOVA = nil
    let reason =
      requiresDirect
      ? "the direct region is not kept: kernels before 6.6 do not ask for it" : "blocked domain"
    let stream = device.requesterID
    return [Step(.guest, "iommu_device_claim_dma_owner", reason, .decide)]
      + (smmu?.write(
        .abort, of: stream, function: "arm_smmu_attach_dev_blocked", text: "abort")
        ?? [])
  }

  /// The refusal with the region, the flag and the domain that led to it.
  private func explained(_ refusal: Refusal) -> Refusal {
    let regions = reservedRegions.filter { $0.kind == .direct }.map {
      "\($0.origin) [\($0.sysfsLine)] is \($0.kind.constant): require_direct is set "
        + "(iommu_create_device_direct_mappings)"
    }
    return Refusal(
      by: refusal.agent, in: refusal.function, errno: refusal.errno, message: refusal.message,
      chain: regions + [
        "VFIO claims the device: its group is to get the blocking domain "
          + "(iommu_device_claim_dma_owner)",
        "the blocking domain would break the direct mapping -> -\(refusal.errno) "
          + "(\(refusal.function))",
      ])
  }

  /// VFIO's own paging domain, empty but for what its user maps (`vfio_iommu_type1_attach_group`).
  mutating func attachUserDomain() throws(Refusal) -> [Step<Never>] {
    guard its != nil else { throw Self.unsafeInterrupts }
    var steps = try newTables(for: .user)
    domain = .user
    steps += try mapDirectRegions()
    steps += try installContext()
    return steps
  }

  /// A GICv2m frame takes no DeviceID, so its domain is not flagged as isolated
  /// (`iommu_group_has_isolated_msi`).
  static var unsafeInterrupts: Refusal {
    Refusal(
      by: .guest, in: "vfio_iommu_type1_attach_group", errno: "EPERM",
      message: "No interrupt remapping support. Use the module param "
        + "\"allow_unsafe_interrupts\" to enable VFIO IOMMU support on this platform")
  }

  private mutating func newTables(for domain: Domain) throws(Refusal) -> [Step<Never>] {
    // Two for each device: the default domain's, then that of a domain of the user.
    let asid = UInt16(truncatingIfNeeded: (domain == .dma ? 2 : 3) + 2 * current)
    let table: PageTable
    do {
      table =
        domain == .dma
        ? try PageTable(stage: .one, granule: pageShift, inputBits: 48, frames: &tableFrames)
        : try PageTable(stage: .one, granule: pageShift, inputBits: 48, frames: &frames)
    } catch {
      throw .outOfMemory("arm_64_lpae_alloc_pgtable_s1")
    }
    tables = table
    doorbellIOVA = nil
    context = .paging(table, asid: asid, outputSize: outputSize)
    return [
      Step(
        .guest, "arm_smmu_domain_finalise_s1", "stage 1 tables at \(table.root), ASID \(asid)",
        .decide)
    ]
  }

  /// `iommu_create_device_direct_mappings`; a user's domain takes the doorbell's alias alone.
  private mutating func mapDirectRegions() throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for region in reservedRegions
    where region.kind == .msiDirect || (domain == .dma && region.kind.isMappedDirectly) {
      steps.append(
        try map(
          region.base, to: IPA(region.base.rawValue), size: region.length, region.attributes,
          function: "iommu_create_device_direct_mappings"))
    }
    return steps
  }

  /// Writes the CD, then the STE that points to it.
  private mutating func installContext() throws(Refusal) -> [Step<Never>] {
    guard
      let place = contextTable ?? (current == 0 ? recordedContextTable : nil)
        ?? frames.allocate(size: 4096)
    else {
      throw .outOfMemory("arm_smmu_alloc_cd_tables")
    }
    let old = contextTable == nil ? ContextDescriptor() : smmuContext
    contextTable = place
    smmuContext = context
    var steps: [Step<Never>] = []
    var current = old
    let invalidation = contextInvalidation
    for batch in EntryUpdate(from: old, to: context, used: { $0.used }).batches {
      let changed = (0..<ContextDescriptor.wordCount).filter {
        current[word: $0] != batch[word: $0]
      }
      steps.append(
        Step(
          .guest, "arm_smmu_write_cd_entry",
          "CD at \(place): TTB0 \(PA(batch.table0Address)), ASID \(batch[.asid])",
          .write(changed.map { MemoryWrite(place + UInt64($0) * 8, batch[word: $0]) })))
      steps +=
        smmu?.send([invalidation], "arm_smmu_cd_writer_sync_entry", "CFGI_CD") ?? []
      current = batch
    }
    let stream = device.requesterID
    return steps
      + (smmu?.write(
        .stage1(context: place), of: stream, function: "arm_smmu_attach_dev",
        text: "stage 1, CD at \(place)") ?? [])
  }

  private var contextInvalidation: SMMUCommand {
    var command = SMMUCommand(.invalidateContext)
    command[.stream] = device.requesterID
    command[.leaf] = true
    return command
  }

  /// Maps a range in the present domain.
  mutating func map(
    _ input: IOVA, to output: IPA, size: UInt64, _ attributes: MappingAttributes, function: String
  ) throws(Refusal) -> Step<Never> {
    guard var table = tables else {
      throw Refusal(by: .guest, in: function, errno: "EINVAL", message: "no paging domain")
    }
    // The table is taken out while it changes, so that it is not copied.
    tables = nil
    defer { tables = table }
    do {
      let usesRecordedTables = domain != .user
      let writes =
        usesRecordedTables
        ? try table.map(
          input.rawValue, to: output.rawValue, size: size, attributes, frames: &tableFrames)
        : try table.map(
          input.rawValue, to: output.rawValue, size: size, attributes, frames: &frames)
      return Step(
        .guest, function, "S1: \(input) + \(hex(size)) -> IPA \(output)", .write(writes))
    } catch {
      let errno =
        switch error {
        case .noMemory: "ENOMEM"
        case .alreadyMapped: "EEXIST"
        case .misalignedOrOutOfRange: "EINVAL"
        }
      throw Refusal(
        by: .guest, in: function, errno: errno,
        message: "cannot map \(input) + \(hex(size))")
    }
  }

  /// Unmaps a range page by page, and invalidates it at once or leaves it to the flush queue
  /// (`__iommu_dma_unmap`, `queue_iova`). A user's domain has no flush queue.
  mutating func unmap(_ input: IOVA, size: UInt64) -> [Step<Never>] {
    guard var table = tables else { return [] }
    tables = nil
    defer { tables = table }
    var steps: [Step<Never>] = []
    var commands: [SMMUCommand] = []
    for page in stride(from: 0, to: size, by: 1 << pageShift) {
      guard let write = table.unmap(input.rawValue &+ page) else { continue }
      steps.append(Step(.guest, "arm_lpae_unmap", "S1: \(input + page) unmapped", .write([write])))
      var command = SMMUCommand(.invalidateEL1Address)
      command[.asid] = context[.asid]
      command[.leaf] = true
      command[.page] = (input.rawValue &+ page) >> 12
      commands.append(command)
    }
    guard !commands.isEmpty else { return [] }
    if unmapPolicy == .lazy, domain == .dma { return steps + queueFlush() }
    return steps
      + (smmu?.send(commands, "arm_smmu_iotlb_sync", "TLBI_NH_VA \(input)") ?? [])
  }

  /// One more range waits for the flush; when the queue is full, everything of the domain goes
  /// (`fq_flush_iotlb`, `arm_smmu_tlb_inv_context`).
  private mutating func queueFlush() -> [Step<Never>] {
    devices[current].unflushedRanges += 1
    guard devices[current].unflushedRanges == UnmapPolicy.queueSize else { return [] }
    devices[current].unflushedRanges = 0
    var command = SMMUCommand(.invalidateEL1ASID)
    command[.asid] = context[.asid]
    return smmu?.send([command], "fq_flush_iotlb", "TLBI_NH_ASID: the flush queue is full") ?? []
  }
}
