public import ArmFormats
public import Bits
internal import IOMMU
internal import Linux
public import Software

/// A function that the host gives to another VM than the one that is modelled in full: with a nested
/// table over a stage 2 of its own, and the window's first page for its doorbell.
public struct OtherAssignment: Sendable {
  public var requesterID: UInt32
  public var virtualMachineID: UInt16
  public var ram: [HostCall.RAMExtent]
  /// The other guest's STE.
  public var guestEntry: StreamTableEntry
  public var window: IPA
  public var vectors: Int

  public init(
    requesterID: UInt32, virtualMachineID: UInt16, ram: [HostCall.RAMExtent],
    guestEntry: StreamTableEntry, window: IPA, vectors: Int
  ) {
    self.requesterID = requesterID
    self.virtualMachineID = virtualMachineID
    self.ram = ram
    self.guestEntry = guestEntry
    self.window = window
    self.vectors = vectors
  }
}

extension HostKernel {
  /// Gives a function to another VM: stage 2, STE, translation table, events.
  ///
  /// - Throws: `Refusal` as the calls of the VM's VMM would be refused.
  public mutating func assign(_ other: OtherAssignment) throws(Refusal) -> [Step<Never>] {
    let own = devices[current].smmu
    var steps = try outOfMemory("arm_smmu_init_sid_strtab") { () throws(SMMUDriver.Failure) in
      try smmus[own].prepareLeaf(of: other.requesterID, frames: &frames)
    }
    var table = try outOfMemory("arm_64_lpae_alloc_pgtable_s2") { () throws(PageTable.Failure) in
      try PageTable(
        stage: .two, granule: pageShift, inputBits: 44, outputBits: 44, frames: &frames)
    }
    let ranges = other.ram.map { ($0.ipa, $0.pa, $0.size, MappingAttributes.buffer) }
    let window = [
      (
        other.window, doorbellPage, UInt64(1) << pageShift,
        MappingAttributes([.read, .write, .mmio])
      )
    ]
    for (ipa, place, size, attributes) in ranges + window {
      let writes = try mapped("iopt_map_pages") { () throws(PageTable.Failure) in
        try table.map(
          ipa.rawValue, to: place.rawValue, size: size, attributes, frames: &frames)
      }
      steps.append(
        Step(.host, "iopt_map_pages", "S2 of another VM: \(ipa) -> \(place)", .write(writes)))
    }
    let parent = StreamTableEntry.stage2(
      table, vmid: other.virtualMachineID, outputSize: outputSize)
    steps += smmu.write(
      nested(other.guestEntry, parent), of: other.requesterID,
      function: "arm_smmu_attach_dev_nested",
      text: "another VM, VMID \(other.virtualMachineID)")
    return steps + (try events(of: other))
  }

  private mutating func events(of other: OtherAssignment) throws(Refusal) -> [Step<Never>] {
    var steps = try createEvents(other.vectors, of: other.requesterID)
    for event in 0..<UInt32(clamping: other.vectors) {
      guard let lpi = interrupt(ofEvent: event, device: other.requesterID) else { continue }
      steps += activate(event, lpi, of: other.requesterID, cpu: 0)
      steps += configure(event, lpi, of: other.requesterID, cpu: 0, enabled: true)
    }
    return steps
  }

  /// The LPI or SPI of an event of any function; `nil` where there is none.
  public func lpi(ofEvent event: UInt32, device: UInt32) -> UInt32? {
    interrupt(ofEvent: event, device: device)
  }

  /// The STE of any stream, as last written; `nil` for one whose leaf of the table is not there.
  public func entry(of stream: UInt32) -> StreamTableEntry? {
    smmu.address(of: stream).map { _ in smmu.entry(of: stream) }
  }

  /// Takes the function from its VM, and ends the VM: vectors, translation table, STE, stage 2
  /// (`vfio_df_close`, `vfio_msi_disable`, `its_free_device`, `iommufd_device_detach`,
  /// `free_io_pgtable_ops`).
  public mutating func endMachine() -> [Step<Never>] {
    var steps = disableVectors() + removeEvents(of: platform.deviceID.rawValue)
    steps += smmu.write(
      .abort, of: platform.streamID.rawValue, function: "arm_smmu_attach_dev_blocked", text: "abort"
    )
    var command = SMMUCommand(.invalidateMachine)
    command[.vmid] = virtualMachineID
    steps += smmu.send(
      [command], "arm_smmu_tlb_inv_context", "TLBI_S12_VMALL, VMID \(virtualMachineID)")
    closeFile()
    return steps
  }

  /// The VMM's file is closed, with all that it had (`iommufd_fops_release`).
  private mutating func closeFile() {
    for index in devices.indices {
      // The default domain is never refused.
      try? devices[index].group.release()
      devices[index].bound = nil
      devices[index].nested = nil
      devices[index].guestStream = nil
    }
    stageTwos = Array(repeating: StageTwo(), count: stageTwos.count)
    iommufd = IOMMUFD(
      kernel: kernel, pageSize: 1 << pageShift, allowsUnsafeInterrupts: allowsUnsafeInterrupts)
  }
}
