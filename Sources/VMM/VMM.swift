internal import ArmFormats
internal import Bits
internal import Firmware
public import HostKernel
public import Machine
public import Memory
public import Software

/// The virtual machine monitor, as far as an assigned device's MSIs depend on it: its address
/// map, the firmware tables that it writes, its virtual SMMU and its MSI-X emulation.
public struct VMM: Sendable {
  public let map: AddressMap
  let advertisement: DoorbellAdvertisement
  let stageTwoDoorbell: StageTwoDoorbell
  let iommu: VirtualIOMMU
  let devices: [Device]
  /// Virtual CPUs.
  let cpus: Int
  let firmware: FirmwareVariant
  /// Whether a device gets its vDEVICE at the first look at its entry, behind its first attach.
  private let makesDevicesLate: Bool
  private var smmus: [VirtualSMMU]
  private var msix: [MSIXEmulation]
  private var msi: [MSIEmulation]

  /// An assigned function as the VMM presents it.
  public struct Device: Equatable, Sendable {
    /// Its requester ID in the guest.
    public let guestID: UInt32
    /// The size of its MSI-X table.
    public let vectors: Int
    /// Its vSMMU: one for each physical SMMU.
    public let smmu: Int
    /// The host's stage 2 table below it.
    public let stageTwo: Int
    /// Whether it has an INTx pin, which the VMM takes in while no MSI is in use.
    public let hasINTx: Bool

    public init(
      guestID: UInt32, vectors: Int, smmu: Int = 0, stageTwo: Int = 0, hasINTx: Bool = false
    ) {
      self.hasINTx = hasINTx
      self.guestID = guestID
      self.vectors = vectors
      self.smmu = smmu
      self.stageTwo = stageTwo
    }
  }

  /// - Parameters:
  ///   - devices: at least one; vSMMUs and stage 2 tables are numbered from 0.
  ///   - makesDevicesLate: as QEMU does (`smmuv3_accel_alloc_vdev` in `smmuv3_accel_install_ste`).
  ///   - vectorSequence: by which calls it sets vectors up; by default QEMU's, on a host that can add
  ///     vectors.
  public init(
    map: AddressMap, advertisement: DoorbellAdvertisement, stageTwoDoorbell: StageTwoDoorbell,
    msixEntry: MSIXEntryPolicy, devices: [Device], cpus: Int = 1, iommu: VirtualIOMMU = .nested,
    route: RouteAddress = .machineDoorbell, firmware: FirmwareVariant = .complete,
    makesDevicesLate: Bool = false, vectorSequence: VectorSequence = .asUnmasked(addsVectors: true)
  ) {
    self.makesDevicesLate = makesDevicesLate
    self.map = map
    self.firmware = firmware
    self.advertisement = advertisement
    self.stageTwoDoorbell = stageTwoDoorbell
    self.devices = devices
    self.cpus = cpus
    self.iommu = iommu
    smmus = (0...(devices.map(\.smmu).max() ?? 0)).map { smmu in
      VirtualSMMU(
        streams: devices.enumerated().filter { $1.smmu == smmu }.map {
          .init(
            id: $1.guestID, device: $0, stageTwo: $1.stageTwo, hasDevice: !makesDevicesLate)
        })
    }
    let routings = devices.map {
      VectorRouting(
        doorbell: map.doorbell, namesSPIs: map.messageFrame != nil, route: route,
        guestID: $0.guestID)
    }
    msix = zip(devices, routings).map {
      MSIXEmulation(
        policy: msixEntry, routing: $1, sequence: vectorSequence, vectors: $0.vectors,
        hasINTx: $0.hasINTx)
    }
    msi = routings.map { MSIEmulation(policy: msixEntry, routing: $0) }
  }

  /// Builds the virtual machine: stage 2 with the guest's RAM, the vIOMMU, and whatever the
  /// design puts into stage 2 before the guest runs.
  public func start(ram: [HostCall.RAMExtent]) -> [Step<HostCall>] {
    var steps: [Step<HostCall>] = []
    for (index, device) in devices.enumerated() {
      if isFirst(index, on: \.stageTwo) {
        steps.append(
          Step(
            .vmm, "iommufd_backend_alloc_hwpt", "a nest parent with the guest's RAM",
            .call(.createStageTwo(ram))
          ).about(index))
      }
      guard iommu == .nested else { continue }
      steps.append(
        Step(
          .vmm, "smmuv3_accel_alloc_viommu",
          makesDevicesLate ? "a vIOMMU" : "vSID \(hex(UInt64(device.guestID)))",
          .call(.createVirtualSMMU(guestStream: makesDevicesLate ? nil : device.guestID))
        ).about(index))
    }
    return steps + placeDoorbell() + attachDevices() + advertise()
  }

  /// Whether no earlier device has the same of what `part` names.
  private func isFirst(_ index: Int, on part: KeyPath<Device, Int>) -> Bool {
    devices[..<index].allSatisfy { $0[keyPath: part] != devices[index][keyPath: part] }
  }

  /// Tells the host where the guest's doorbell is, where the design has the VMM do that.
  private func placeDoorbell() -> [Step<HostCall>] {
    var steps: [Step<HostCall>] = []
    if stageTwoDoorbell == .movedWindow {
      steps.append(
        Step(
          .vmm, "(proposed)", "move the software MSI window to the guest's doorbell",
          .call(.moveWindow(IOVA(movedWindow.rawValue)))))
    }
    if stageTwoDoorbell == .guestDoorbell || stageTwoDoorbell == .guestDoorbellPerITS {
      let page = map.doorbell.alignedDown(toBit: 12)
      for index in devices.indices where isFirst(index, on: \.stageTwo) {
        steps.append(
          Step(
            .vmm, "(proposed)", "tell the host where the guest's doorbell is: IPA \(page)",
            .call(.mapGuestDoorbell(page))
          ).about(index).believing(DoorbellBelief("address map", .ipa(map.doorbell))))
      }
    }
    return steps
  }

  private func attachDevices() -> [Step<HostCall>] {
    devices.indices.map { index in
      let step: Step<HostCall> =
        iommu == .nested
        ? Step(
          .vmm, "smmuv3_accel_set_iommu_device", "the guest's SMMU is off: stage 2 only",
          .call(.attach(guestEntry: .passThrough)))
        : Step(
          .vmm, "iommufd_cdev_attach_ioas_hwpt", "no vIOMMU: the one stage of the host",
          .call(.attachStageTwo))
      return step.about(index)
    }
  }

  private func advertise() -> [Step<HostCall>] {
    guard let window = advertisedWindow else { return [] }
    guard !firmware.isDeviceTree else {
      let text =
        firmware == .deviceTree
        ? "a device tree: nothing in it says what an RMR would"
        : "a device tree: iommu-addresses \(window.base) + \(hex(window.length)) of the host bridge"
      return [Step(.vmm, "create_fdt", text, .decide)]
    }
    return [
      Step(
        .vmm, "build_iort_rmr_nodes",
        "IORT RMR \(window.base) + \(hex(window.length)), remapping "
          + "\(window.remapPermitted ? "" : "not ")permitted; _DSM 5 preserves the boot "
          + "configuration",
        .decide)
    ]
  }

  /// How many vSMMUs the guest has register pages of.
  public var smmuCount: Int { smmus.count }

  /// The guest writes a register of one of its SMMUs, at an offset from the register page 0.
  public mutating func smmuWrite(
    _ value: UInt64, at offset: UInt64, width: Int, of index: Int = 0, memory: PhysicalMemory
  ) -> [Step<HostCall>] {
    smmus[index].write(value, at: offset, width: width, memory: memory)
  }

  /// The guest writes 32 bits of a device's trapped MSI-X table, at an offset in it; `memory` is
  /// the guest's RAM, for a VMM that walks the guest's tables.
  public mutating func msixWrite(
    _ value: UInt32, at offset: UInt64, of device: Int = 0, memory: PhysicalMemory? = nil
  ) -> [Step<HostCall>] {
    let walk = walk(device, memory)
    return msix[device].write(value, at: offset, walk: walk).map { $0.about(device) }
  }

  /// Where the guest's stage 1 sends a device's address.
  private func walk(_ device: Int, _ memory: PhysicalMemory?) -> (IOVA) -> IPA? {
    let smmu = smmus[devices[device].smmu]
    let stream = devices[device].guestID
    return { smmu.translate($0, of: stream, memory) }
  }

  /// A vector that the guest masks was signalled: its pending bit is set.
  public mutating func keepPending(_ vector: Int, of device: Int = 0) {
    msix[device].keepPending(vector)
  }

  /// The guest writes the command register (`vfio_pci_write_config`).
  public func commandWrite(_ value: UInt16) -> [Step<HostCall>] {
    [
      Step(
        .vmm, "vfio_pci_write_config", "pass the command register on", .call(.command(value)))
    ]
  }

  /// The guest writes a register of a device's MSI capability, at an offset in it.
  public mutating func msiWrite(
    _ value: UInt32, at offset: UInt16, of device: Int = 0, memory: PhysicalMemory? = nil
  ) -> [Step<HostCall>] {
    let walk = walk(device, memory)
    return msi[device].write(value, at: offset, walk: walk).map { $0.about(device) }
  }

  /// The guest writes a device's MSI-X message control register.
  public mutating func msixControlWrite(
    _ value: UInt16, of device: Int = 0, memory: PhysicalMemory? = nil
  ) -> [Step<HostCall>] {
    let walk = walk(device, memory)
    return msix[device].write(control: value, walk: walk).map { $0.about(device) }
  }
}
