internal import ArmFormats
internal import Bits
internal import Firmware
public import Flows
public import HostKernel
public import Memory

/// The virtual machine monitor, as far as an assigned device's MSIs depend on it: its address
/// map, the firmware tables that it writes, its virtual SMMU and its MSI-X emulation.
public struct VMM: Sendable {
  public let map: AddressMap
  let advertisement: DoorbellAdvertisement
  let stageTwoDoorbell: StageTwoDoorbell
  let iommu: VirtualIOMMU
  let guestID: UInt32
  let firmware: FirmwareVariant
  private var smmu: VirtualSMMU
  private var msix: MSIXEmulation

  /// - Parameters:
  ///   - guestID: the device's requester ID in the guest.
  ///   - vectors: the size of its MSI-X table.
  public init(
    map: AddressMap, advertisement: DoorbellAdvertisement, stageTwoDoorbell: StageTwoDoorbell,
    msixEntry: MSIXEntryPolicy, guestID: UInt32, vectors: Int, iommu: VirtualIOMMU = .nested,
    route: RouteAddress = .machineDoorbell, firmware: FirmwareVariant = .complete
  ) {
    self.map = map
    self.firmware = firmware
    self.advertisement = advertisement
    self.stageTwoDoorbell = stageTwoDoorbell
    self.guestID = guestID
    self.iommu = iommu
    smmu = VirtualSMMU(guestStream: guestID)
    msix = MSIXEmulation(
      policy: msixEntry, doorbell: map.doorbell, route: route, guestID: guestID, vectors: vectors)
  }

  /// Builds the virtual machine: stage 2 with the guest's RAM, the vIOMMU, and whatever the
  /// design puts into stage 2 before the guest runs.
  public func start(ram: [HostCall.RAMExtent]) -> [Step<HostCall>] {
    var steps: [Step<HostCall>] = [
      Step(
        .vmm, "iommufd_backend_alloc_hwpt", "a nest parent with the guest's RAM",
        .call(.createStageTwo(ram)))
    ]
    if iommu == .nested {
      steps.append(
        Step(
          .vmm, "smmuv3_accel_alloc_viommu", "vSID \(hex(UInt64(guestID)))",
          .call(.createVirtualSMMU(guestStream: guestID))))
    }
    if stageTwoDoorbell == .movedWindow {
      steps.append(
        Step(
          .vmm, "(proposed)", "move the software MSI window to the guest's doorbell",
          .call(.moveWindow(IOVA(movedWindow.rawValue)))))
    }
    if stageTwoDoorbell == .guestDoorbell {
      let page = map.doorbell.alignedDown(toBit: 12)
      steps.append(
        Step(
          .vmm, "(proposed)", "tell the host where the guest's doorbell is: IPA \(page)",
          .call(.mapGuestDoorbell(page))
        ).believing(DoorbellBelief("address map", .ipa(map.doorbell))))
    }
    guard iommu == .nested else {
      return steps + [
        Step(
          .vmm, "iommufd_cdev_attach_ioas_hwpt", "no vIOMMU: the one stage of the host",
          .call(.attachStageTwo))
      ]
    }
    steps.append(
      Step(
        .vmm, "smmuv3_accel_set_iommu_device", "the guest's SMMU is off: stage 2 only",
        .call(.attach(guestEntry: .passThrough))))
    if let window = advertisedWindow {
      steps.append(
        Step(
          .vmm, "build_iort_rmr_nodes",
          "IORT RMR \(window.base) + \(hex(window.length)), remapping "
            + "\(window.remapPermitted ? "" : "not ")permitted; _DSM 5 preserves the boot "
            + "configuration",
          .decide))
    }
    return steps
  }

  /// The guest writes a register of its SMMU, at an offset from the register page 0.
  public mutating func smmuWrite(
    _ value: UInt64, at offset: UInt64, width: Int, memory: PhysicalMemory
  ) -> [Step<HostCall>] {
    smmu.write(value, at: offset, width: width, memory: memory)
  }

  /// The guest writes 32 bits of the trapped MSI-X table, at an offset in it; `memory` is the
  /// guest's RAM, for a VMM that walks the guest's tables.
  public mutating func msixWrite(
    _ value: UInt32, at offset: UInt64, memory: PhysicalMemory? = nil
  ) -> [Step<HostCall>] {
    let smmu = smmu
    return msix.write(value, at: offset) { smmu.translate($0, memory) }
  }

  /// A vector that the guest masks was signalled: its pending bit is set.
  public mutating func keepPending(_ vector: Int) { msix.keepPending(vector) }

  /// The guest writes the command register (`vfio_pci_write_config`).
  public func commandWrite(_ value: UInt16) -> [Step<HostCall>] {
    [
      Step(
        .vmm, "vfio_pci_write_config", "pass the command register on", .call(.command(value)))
    ]
  }

  /// The guest writes the MSI-X message control register.
  public mutating func msixControlWrite(
    _ value: UInt16, memory: PhysicalMemory? = nil
  ) -> [Step<HostCall>] {
    let smmu = smmu
    return msix.write(control: value) { smmu.translate($0, memory) }
  }
}
