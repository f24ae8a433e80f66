internal import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
public import Software

// The IOMMU core and the SMMU driver's domains: drivers/iommu/iommu.c, arm-smmu-v3.c.
extension GuestKernel {
  /// The default domain of the DMA API, with firmware's direct regions in it
  /// (`iommu_setup_default_domain`).
  mutating func attachDMADomain(_ device: Int) throws(Refusal) -> [Step<Never>] {
    guard let group = probe(device, .dma) else { return withoutIOMMU() }
    return try
      (newTables(of: device, for: group) + mapDirectRegions(of: device, in: group)
      + installContext(of: device, isNew: true)).during(.domainAttach)
  }

  /// `iommu.passthrough=1`: every transaction bypasses stage 1.
  mutating func attachIdentityDomain(_ device: Int) -> [Step<Never>] {
    guard probe(device, .identity) != nil else { return withoutIOMMU() }
    let stream = devices[device].function.requesterID
    return
      (smmus[devices[device].smmu]?.write(
        .bypass, of: stream, function: "arm_smmu_attach_dev_identity", text: "bypass")
      ?? []).during(.domainAttach)
  }

  /// The user gives a function that no driver has another type of default domain
  /// (`iommu_group_store_type`).
  package mutating func changeDomain(
    of device: Int, to policy: UnmapPolicy?
  ) throws(Refusal) -> [Step<Never>] {
    let wasPaging = devices[device].group?.domain.kind == .dma
    let oldASID = devices[device].context[.asid]
    var steps: [Step<Never>]
    if let policy {
      unmapPolicy = policy
      guard let group = probe(device, .dma) else { return withoutIOMMU() }
      devices[device].generation += 1
      steps = try newTables(of: device, for: group) + mapDirectRegions(of: device, in: group)
      steps += try installContext(of: device, isNew: true)
    } else {
      guard probe(device, .identity) != nil else { return withoutIOMMU() }
      steps = leaveTables(of: device, for: .bypass, "arm_smmu_attach_dev_identity", "bypass")
    }
    // The old domain is freed with its ASID (`arm_smmu_domain_free_paging`), unless its leaving has
    // invalidated that already.
    if wasPaging, policy != nil || !kernel.has(.invalidationArray) {
      steps += invalidate(asid: oldASID, of: device, "arm_smmu_domain_free_paging")
    }
    return steps.during(.domainChange)
  }

  /// The function leaves a paging domain for an entry without tables: its entry first, then its CD
  /// goes (`arm_smmu_attach_dev_ste`).
  mutating func leaveTables(
    of device: Int, for entry: StreamTableEntry, _ function: String, _ text: String
  ) -> [Step<Never>] {
    let stream = devices[device].function.requesterID
    let smmu = devices[device].smmu
    var steps: [Step<Never>] = []
    if !kernel.has(.contextBeforeEntry) {
      // `arm_smmu_detach_dev` comes first.
      steps +=
        smmus[smmu]?.write(.abort, of: stream, function: "arm_smmu_detach_dev", text: "abort") ?? []
    }
    steps += smmus[smmu]?.write(entry, of: stream, function: function, text: text) ?? []
    guard kernel.has(.contextBeforeEntry), let place = devices[device].contextTable,
      devices[device].smmuContext[.valid]
    else { return steps }
    if kernel.has(.invalidationArray) {
      steps += invalidate(
        asid: devices[device].smmuContext[.asid], of: device, "arm_smmu_domain_inv")
    }
    return steps + writeContext(ContextDescriptor(), of: device, at: place)
  }

  /// One batch of TLBI_NH_VA for ranges of a device's present tables (`arm_smmu_iotlb_sync`).
  package mutating func invalidate(ranges: Int, of device: Int) -> [Step<Never>] {
    var command = SMMUCommand(.tlbiNHVA)
    command[.asid] = devices[device].context[.asid]
    command[.leaf] = true
    return smmus[devices[device].smmu]?.send(
      Array(repeating: command, count: max(0, ranges)), "arm_smmu_iotlb_sync", "TLBI_NH_VA") ?? []
  }

  /// The SMMU's handler takes as many events as came (`arm_smmu_evtq_thread`).
  package mutating func takeEvents(_ count: Int, of device: Int) -> [Step<Never>] {
    smmus[devices[device].smmu]?.takeEvents(count) ?? []
  }

  /// TLBI_NH_ASID.
  func command(invalidating asid: UInt16) -> SMMUCommand {
    var command = SMMUCommand(.tlbiNHASID)
    command[.asid] = asid
    return command
  }

  mutating func invalidate(asid: UInt16, of device: Int, _ function: String) -> [Step<Never>] {
    let command = command(invalidating: asid)
    return smmus[devices[device].smmu]?.post(command, function, "TLBI_NH_ASID \(asid)") ?? []
  }

  /// Gives the device a group with a default domain (`iommu_setup_default_domain`); `nil` for a
  /// guest without an SMMU.
  private mutating func probe(_ device: Int, _ kind: IOMMUDomain.Kind) -> IOMMUGroup? {
    guard smmus[devices[device].smmu] != nil else { return nil }
    let function = IOMMUDevice(
      name: "device \(device)", function: .other,
      sources: firmware.regionSources(of: devices[device].function.requesterID), doorbell: doorbell,
      hasIsolatedMSI: its != nil, dmaBits: devices[device].function.dmaBits)
    let group = IOMMUGroup(
      [function], agent: .guest, kernel: kernel, defaultKind: kind, granule: 1 << pageShift)
    devices[device].group = group
    return group
  }

  /// `dma_direct_map_page`: the device's addresses are the guest's.
  private func withoutIOMMU() -> [Step<Never>] {
    [Step(.guest, "dma_direct_map_page", "no IOMMU: IOVAs are the guest's own addresses", .decide)]
  }

  /// Tables for the group's present domain.
  mutating func newTables(
    of device: Int, for group: IOMMUGroup
  ) throws(Refusal) -> [Step<Never>] {
    let isDefault = group.domain === group.defaultDomain
    // Two for each device: the default domain's, then that of a domain of the user.
    let generation = 2 * devices.count * devices[device].generation
    let asid = UInt16(truncatingIfNeeded: (isDefault ? 2 : 3) + 2 * device + generation)
    let table: PageTable
    do {
      table =
        isDefault
        ? try PageTable(stage: .one, granule: pageShift, inputBits: 48, frames: &tableFrames)
        : try PageTable(stage: .one, granule: pageShift, inputBits: 48, frames: &frames)
    } catch {
      throw .outOfMemory("arm_64_lpae_alloc_pgtable_s1")
    }
    devices[device].tables = table
    devices[device].context = .paging(table, asid: asid, outputSize: outputSize)
    if isDefault { devices[device].defaultContext = devices[device].context }
    return [
      Step(
        .guest, "arm_smmu_domain_finalise_s1", "stage 1 tables at \(table.root), ASID \(asid)",
        .decide)
    ]
  }

  /// What a new domain has in it already: the regions that firmware wants one to one.
  mutating func mapDirectRegions(
    of device: Int, in group: IOMMUGroup
  ) throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for (range, mapping) in group.domain.ranges {
      steps.append(
        try map(
          device, IOVA(range.lowerBound), to: IPA(mapping.output.rawValue),
          size: range.upperBound - range.lowerBound &+ 1, mapping.attributes,
          function: mapping.function))
    }
    return steps
  }

  /// Writes the CD of the present domain, and the STE that points to it.
  ///
  /// - Parameter isNew: whether the domain has never been attached.
  mutating func installContext(of device: Int, isNew: Bool) throws(Refusal) -> [Step<Never>] {
    guard
      let place = devices[device].contextTable
        ?? (device == devices.startIndex ? recordedContextTable : nil)
        ?? frames.allocate(size: 4096)
    else {
      throw .outOfMemory("arm_smmu_alloc_cd_tables")
    }
    let isFirst = devices[device].contextTable == nil
    let isDefault = devices[device].group.map { $0.domain === $0.defaultDomain } ?? true
    devices[device].contextTable = place
    let stream = devices[device].function.requesterID
    let smmu = devices[device].smmu
    let asid = devices[device].context[.asid]
    var steps: [Step<Never>] = []
    if kernel.has(.contextBeforeEntry) {
      // `iommu_create_device_direct_mappings` flushes a new default domain.
      if isNew, isDefault, !kernel.has(.attachKeepsASID) {
        steps += invalidate(asid: asid, of: device, "arm_smmu_flush_iotlb_all")
      }
      steps += writeContext(devices[device].context, of: device, at: place)
    } else {
      if !isFirst {
        steps +=
          smmus[smmu]?.write(
            .abort, of: stream, function: "arm_smmu_detach_dev", text: "abort") ?? []
      }
      if isNew { steps += writeContext(devices[device].context, of: device, at: place) }
      devices[device].smmuContext = devices[device].context
    }
    steps +=
      smmus[smmu]?.write(
        .stage1(context: place), of: stream, function: "arm_smmu_attach_dev",
        text: "stage 1, CD at \(place)") ?? []
    if isFirst, !kernel.has(.contextBeforeEntry) {
      steps += invalidate(asid: asid, of: device, "arm_smmu_flush_iotlb_all")
    }
    return steps
  }

  /// Rewrites a device's CD. Before `context-before-entry` no stream uses it yet when it is written, so
  /// that CMD_SYNC goes out alone (`arm_smmu_sync_cd`).
  private mutating func writeContext(
    _ context: ContextDescriptor, of device: Int, at place: PA
  ) -> [Step<Never>] {
    var current = devices[device].smmuContext
    devices[device].smmuContext = context
    var batches = EntryUpdate(from: current, to: context, used: { $0.used }).batches
    var commands = [contextInvalidation(of: device)]
    if !kernel.has(.contextBeforeEntry) {
      var rest = context
      rest[word: 0] = 0
      (batches, commands) = ([rest, context], [])
    }
    var steps: [Step<Never>] = []
    for batch in batches {
      let changed = (0..<ContextDescriptor.wordCount).filter {
        current[word: $0] != batch[word: $0]
      }
      let text =
        batch[.valid]
        ? "TTB0 \(PA(batch.table0Address)), ASID \(batch[.asid])" : "invalid"
      steps.append(
        Step(
          .guest, "arm_smmu_write_cd_entry", "CD at \(place): \(text)",
          .write(changed.map { MemoryWrite(place + UInt64($0) * 8, batch[word: $0]) })))
      steps +=
        smmus[devices[device].smmu]?.send(
          commands, "arm_smmu_cd_writer_sync_entry",
          commands.isEmpty ? "CMD_SYNC" : "CFGI_CD") ?? []
      current = batch
    }
    return steps
  }

  private func contextInvalidation(of device: Int) -> SMMUCommand {
    var command = SMMUCommand(.invalidateContext)
    command[.stream] = devices[device].function.requesterID
    command[.leaf] = true
    return command
  }

  /// Maps a range in the present domain.
  mutating func map(
    _ device: Int, _ input: IOVA, to output: IPA, size: UInt64, _ attributes: MappingAttributes,
    function: String
  ) throws(Refusal) -> Step<Never> {
    guard var table = devices[device].tables else {
      throw Refusal(by: .guest, in: function, errno: "EINVAL", message: "no paging domain")
    }
    // The table is taken out while it changes, so that it is not copied.
    devices[device].tables = nil
    defer { devices[device].tables = table }
    do {
      let usesRecordedTables = !isOfUser(device)
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
  /// (`__iommu_dma_unmap`).
  mutating func unmap(_ device: Int, _ input: IOVA, size: UInt64) -> [Step<Never>] {
    guard var table = devices[device].tables else { return [] }
    devices[device].tables = nil
    defer { devices[device].tables = table }
    var steps: [Step<Never>] = []
    var commands: [SMMUCommand] = []
    for page in stride(from: 0, to: size, by: 1 << pageShift) {
      guard let write = table.unmap(input.rawValue &+ page) else { continue }
      steps.append(Step(.guest, "arm_lpae_unmap", "S1: \(input + page) unmapped", .write([write])))
      var command = SMMUCommand(.tlbiNHVA)
      command[.asid] = devices[device].context[.asid]
      command[.leaf] = true
      command[.page] = (input.rawValue &+ page) >> 12
      commands.append(command)
    }
    guard !commands.isEmpty else { return [] }
    if isLazy(device) { return steps + queueFlush(device, input) }
    return steps
      + (smmus[devices[device].smmu]?.send(commands, "arm_smmu_iotlb_sync", "TLBI_NH_VA \(input)")
      ?? []).during(isOfUser(device) ? .vfioUnmap : .dmaUnmap)
  }

  /// Whether what is unmapped now waits for its invalidation. A user's domain has no flush queue.
  func isLazy(_ device: Int) -> Bool { unmapPolicy == .lazy && !isOfUser(device) }

  /// One more range waits; those that fill the queue are invalidated first (`queue_iova`).
  private mutating func queueFlush(_ device: Int, _ range: IOVA) -> [Step<Never>] {
    let steps = devices[device].flushQueue.isFull ? flush(device, "the flush queue is full") : []
    if devices[device].flushQueue.add(range) { startedTimers.append(device) }
    return steps
  }

  /// Everything of the domain goes (`fq_flush_iotlb`, `arm_smmu_tlb_inv_context`).
  private mutating func flush(_ device: Int, _ reason: String) -> [Step<Never>] {
    for range in devices[device].flushQueue.takeAll() {
      devices[device].group?.defaultDomain.allocator?.free(range)
    }
    let command = command(invalidating: devices[device].context[.asid])
    return
      (smmus[devices[device].smmu]?.send([command], "fq_flush_iotlb", "TLBI_NH_ASID: \(reason)")
      ?? []).during(.dmaUnmap)
  }

  /// The devices whose flush timers have been started since the last time: each runs down
  /// `FlushQueue.timeout` later.
  public mutating func takeStartedTimers() -> [Int] {
    guard !startedTimers.isEmpty else { return [] }
    defer { startedTimers = [] }
    return startedTimers
  }

  /// A device's flush timer has run down (`fq_flush_timeout`).
  public mutating func flushTimeout(of device: Int) -> [Step<Never>] {
    devices[device].flushQueue.stopTimer()
    // The kernel flushes an empty queue as well.
    return flush(device, "\(FlushQueue.timeout) ms have passed").map { $0.about(device) }
  }
}
