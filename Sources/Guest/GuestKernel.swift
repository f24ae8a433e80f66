internal import ArmFormats
public import Bits
public import Firmware
public import IOMMU
public import Linux
public import Software

/// A Linux guest, as far as its assigned device's MSIs depend on it: SMMU and ITS drivers, DMA
/// API, IOMMU core and VFIO.
///
/// Each operation becomes a flow of steps that act on the guest's machine; its physical addresses
/// are IPAs.
public struct GuestKernel {
  /// Where the guest finds its device.
  public struct Device: Equatable, Sendable {
    /// StreamID and DeviceID: the requester ID on the guest's bus.
    public let requesterID: UInt32
    public let vectors: Int
    /// The MSI-X table, behind a BAR.
    public let msixTable: IPA
    /// Offset of the MSI-X capability in configuration space.
    public let msixCapability: UInt16
    /// Where the device keeps its messages, and for MSI the offset of that capability.
    public let store: MessageStore
    public let msiCapability: UInt16
    /// The CPU that each vector goes to, over and over; empty for Linux's own spread.
    public let cpus: [Int]
    /// Bits of the addresses that it can master (`dma_set_mask`), 1 to 64.
    public let dmaBits: Int
    /// Offset of the power management capability; `nil` without one.
    public var powerCapability: UInt16? = 0x60
    /// Whether it is a PCI Express function; another one has a latency timer.
    public var isExpress = true
    /// The command register's bits for the spaces that it decodes: 1 I/O, 2 memory.
    public var decodes: UInt16 = 2

    public init(
      requesterID: UInt32, vectors: Int, msixTable: IPA, msixCapability: UInt16,
      store: MessageStore = .msiX, msiCapability: UInt16 = 0x40, dmaBits: Int = 64,
      cpus: [Int] = []
    ) {
      self.cpus = cpus
      self.dmaBits = dmaBits
      self.store = store
      self.msiCapability = msiCapability
      self.requesterID = requesterID
      self.vectors = vectors
      self.msixTable = msixTable
      self.msixCapability = msixCapability
    }
  }

  /// What the kernel keeps for one assigned device.
  struct DeviceState {
    let function: Device
    /// Its SMMU, by its position in the tables.
    let smmu: Int
    let msix: MSIXDriver
    var msi: MSIDriver
    /// The driver that has it, and how many vectors it was to have; `nil` while none has.
    var driver: DeviceDriver?
    var driverVectors = 0
    /// The vectors that its driver has.
    var vectors: [GuestVector] = []
    /// The command register, as it was written last.
    var command: UInt16 = 0
    /// Whether its driver has gone, while what it left to be freed is freed.
    var isLeft = false
    /// The device as the IOMMU core has it, with the domain that it is attached to; `nil` before it
    /// is probed, and without an SMMU.
    var group: IOMMUGroup?
    /// The user of VFIO that has it.
    var user: DeviceUser?
    var tables: PageTable?
    var contextTable: PA?
    var context = ContextDescriptor()
    /// That of its default domain.
    var defaultContext = ContextDescriptor()
    /// How often its default domain was replaced.
    var generation = 0
    /// The CD as last written.
    var smmuContext = ContextDescriptor()
    /// The device's LPIs by EventID, or its SPIs by vector.
    var lpis: [UInt32: UInt32] = [:]
    /// The CPU of each vector's interrupt (`its_device.event_map.col_map`).
    var affinities: [UInt32: Int] = [:]
    /// The addresses in the vectors' messages; none for a vector that is not mapped.
    var messages: [Int: IOVA] = [:]
    /// What its default domain has yet to invalidate.
    var flushQueue = FlushQueue()
  }

  public let kernel: Kernel
  /// When unmapped ranges of the DMA API's domains are invalidated.
  public var unmapPolicy = UnmapPolicy.strict
  let firmware: GuestFirmware
  let pageShift: UInt64
  let outputSize: AddressSizeField = .bits44
  /// The CPUs that are on line.
  var online: [Bool]
  /// How many mapped vectors each CPU has.
  var loads: [InterruptLoad]

  var frames: BumpFrames
  var tableFrames: PlacedFrames
  /// In the order of the tables; `nil` alone for a guest without an SMMU.
  var smmus: [SMMUDriver?]
  /// `nil` for a guest with a GICv2m frame.
  var its: ITSDriver?
  var messageFrame: GICv2mDriver?
  var devices: [DeviceState]
  /// Devices whose flush timers started and were not yet returned to the engine.
  var startedTimers: [Int] = []
  /// The file that users of iommufd have open; `nil` before its first use.
  var iommufd: IOMMUFD?
  let recordedContextTable: PA?

  /// - Parameters:
  ///   - tables: what the guest boots with; it reads them as the kernel's early ACPI code does.
  ///   - devices: at least one.
  ///   - cpus: 1 to 512.
  ///   - frames: where the kernel's structures go.
  ///   - tableFrames: where the default domains' translation tables go.
  ///   - contextTable: where a recording saw the first device's CD.
  /// - Throws: `Refusal` with `ENOMEM` when memory is exhausted, and with `ENODEV` when the tables
  ///   describe no ITS.
  public init(
    kernel: Kernel, tables: GuestTables, devices: [Device], cpus: Int = 1,
    pageSize: PageSize = .kib4,
    frames: BumpFrames, tableFrames: PlacedFrames, contextTable: PA?
  ) throws(Refusal) {
    let firmware: GuestFirmware
    do {
      firmware = try GuestFirmware(reading: tables)
    } catch {
      throw Refusal(
        by: .guest, in: "acpi_iort_init", errno: "ENODEV", message: error.description)
    }
    try self.init(
      kernel: kernel, firmware: firmware, devices: devices, cpus: cpus, pageSize: pageSize,
      frames: frames, tableFrames: tableFrames, contextTable: contextTable)
  }

  /// A guest that has read its tables already.
  ///
  /// - Parameters:
  ///   - queues: how large the queues of its SMMUs are.
  ///   - invalidatesByRedistributor: GICR_CTLR.IR, which KVM's redistributors have
  ///     (`vgic_mmio_read_v3r_ctlr`) and QEMU's own have not.
  ///   - virtualLPIs: of the machine's interrupt controller, where this kernel is itself a host's.
  public init(
    kernel: Kernel, firmware: GuestFirmware, devices: [Device], cpus: Int = 1,
    pageSize: PageSize = .kib4, queues: SMMUDriver.QueueBits = .small,
    invalidatesByRedistributor: Bool = true, virtualLPIs: VirtualLPISupport? = nil,
    frames: BumpFrames, tableFrames: PlacedFrames,
    contextTable: PA?
  ) throws(Refusal) {
    let firmware = firmware.asRead(by: kernel)
    var frames = frames
    let cpus = max(1, cpus)
    online = Array(repeating: true, count: cpus)
    loads = Array(repeating: InterruptLoad(), count: cpus)
    its = try Self.itsDriver(firmware, kernel, cpus: cpus, virtualLPIs, &frames)
    its?.invalidatesByRedistributor = invalidatesByRedistributor
    messageFrame = firmware.messageFrame.map {
      GICv2mDriver(
        agent: .guest, base: PA($0.base.rawValue), distributor: PA($0.distributor.rawValue),
        spis: $0.spis)
    }
    smmus = []
    do {
      for smmu in firmware.smmus {
        smmus.append(
          try SMMUDriver(
            agent: .guest, kernel: kernel, base: PA(smmu.base.rawValue), streamBits: 16,
            queues: queues, frames: &frames))
      }
    } catch {
      throw .outOfMemory("arm_smmu_init_strtab")
    }
    if smmus.isEmpty { smmus = [nil] }
    self.kernel = kernel
    self.firmware = firmware
    pageShift = pageSize.shift
    self.devices = devices.map { DeviceState($0, firmware, kernel) }
    self.frames = frames
    self.tableFrames = tableFrames
    recordedContextTable = contextTable
  }

  private static func itsDriver(
    _ firmware: GuestFirmware, _ kernel: Kernel, cpus: Int, _ virtualLPIs: VirtualLPISupport?,
    _ frames: inout BumpFrames
  ) throws(Refusal) -> ITSDriver? {
    guard let base = firmware.itsBase else { return nil }
    guard
      let layout = ITSDriver.Layout(cpus: cpus, virtualLPIs: virtualLPIs, frames: &frames)
    else {
      throw .outOfMemory("its_alloc_tables")
    }
    var driver = ITSDriver(
      agent: .guest, kernel: kernel, base: PA(base.rawValue),
      redistributors: PA(firmware.redistributors.rawValue), layout: layout,
      virtualLPIs: virtualLPIs)
    driver.furtherRedistributors = firmware.furtherRedistributors.map {
      (firmware.firstRedistributors, PA($0.rawValue))
    }
    return driver
  }

  /// The guest's doorbell as it stands in its memory map.
  var doorbell: PA { its?.doorbell ?? messageFrame?.doorbell ?? 0 }

  /// The LPI of one of a device's events, or the SPI of one of its vectors; `nil` when it has none.
  public func lpi(ofEvent event: UInt32, of device: Int = 0) -> UInt32? {
    devices[device].lpis[event]
  }

  /// The address of the descriptor that maps a device's address; `nil` where nothing is mapped.
  public func leaf(of address: IOVA, device: Int) -> PA? {
    devices[device].tables?.leaf(of: address.rawValue).map { PA($0.place) }
  }

  /// The address of a device's CD; `nil` before it is written.
  public func contextDescriptor(of device: Int) -> PA? { devices[device].contextTable }

  /// Whether stage 1 translates for a device.
  public func isTranslating(for device: Int = 0) -> Bool {
    switch devices[device].group?.domain.kind {
    case .dma, .unmanaged: true
    case .identity, .blocked, nil: false
    }
  }

  /// Where the guest's tables, as software keeps them, send a device's address; `nil` where
  /// nothing is mapped.
  public func translate(_ address: IOVA, of device: Int = 0) -> IPA? {
    guard isTranslating(for: device) else { return IPA(address.rawValue) }
    return devices[device].tables?.output(of: address.rawValue).map { IPA($0) }
  }

  /// The flow of an operation about one of the devices, counted from 0.
  ///
  /// - Throws: `Refusal` when the guest's kernel refuses it.
  public mutating func perform(
    _ operation: GuestOperation, for device: Int = 0
  ) throws(Refusal) -> [Step<Never>] {
    if operation == .boot { return try boot() }
    return try perform(operation, of: device).map { $0.about(device) }
  }

  private mutating func perform(
    _ operation: GuestOperation, of device: Int
  ) throws(Refusal) -> [Step<Never>] {
    switch operation {
    case .boot: []
    case .attachDMADomain: try attachDMADomain(device)
    case .attachIdentityDomain: attachIdentityDomain(device)
    case .claim(let interface): try claim(device, by: interface)
    case .attachUserDomain: try attachUserDomain(device)
    case .startNestedGuest: try startNestedGuest(device)
    case .allocateNestParent: try allocateNestParent()
    case .enableDevice: enableDevice(device)
    case .enableVectors(let count): try enableVectors(count, of: device)
    case .bind(let driver, let vectors): try bind(driver, vectors: vectors, to: device)
    case .activity(let activity): try perform(activity, of: device)
    }
  }

  /// A driver turns its function on and lets it master the bus (`pci_enable_device`,
  /// `pci_set_master`).
  package mutating func enableDevice(_ device: Int) -> [Step<Never>] {
    decode(device) + setMaster(device)
  }

  /// Memory space on (`pci_enable_device`).
  package mutating func decode(_ device: Int) -> [Step<Never>] {
    let function = devices[device].function
    let command = RegisterRead.configuration(offset: 4, width: 2)
    var reads: [RegisterRead] = []
    // `pci_update_current_state`.
    if !kernel.has(.powerStateByPMCSR) { reads.append(.configuration(offset: 0, width: 4)) }
    if let power = function.powerCapability {
      reads.append(.configuration(offset: power &+ 4, width: 2))
    }
    // A function with an INTx pin is looked at once more (`do_pci_enable_device`).
    let pin: [RegisterRead] = [.configuration(offset: 0x3d, width: 1), command]
    let steps = setCommand(
      of: device, to: devices[device].command | function.decodes, "decoding on")
    return steps.map { $0.reading(after: pin) }.enumerated().map { index, step in
      var step = step
      if index == 0 { step.readsBefore = reads + step.readsBefore }
      return step
    }.during(.pciEnable)
  }

  /// Bus mastering on (`pci_set_master`).
  package mutating func setMaster(_ device: Int) -> [Step<Never>] {
    var steps = setCommand(of: device, to: devices[device].command | 4, "bus mastering on")
    if !devices[device].function.isExpress {
      // `pcibios_set_master`.
      steps.append(
        Step<Never>(
          .guest, "pcibios_set_master", "latency timer := 64",
          .config(offset: 0xd, value: 64, width: 1)
        ).reading([.configuration(offset: 0xd, width: 1)]))
    }
    return steps.during(.pciEnable)
  }

  /// Bus mastering off (`pci_disable_device`).
  package mutating func disableDevice(_ device: Int) -> [Step<Never>] {
    setCommand(of: device, to: devices[device].command & ~4, "bus mastering off")
      .during(.pciDisable)
  }

  /// The command register as a reset of the function and its user left it.
  package mutating func setCommand(of device: Int, asReset value: UInt16) {
    devices[device].command = value
  }

  /// Reads the command register, and writes it where it is to change.
  private mutating func setCommand(
    of device: Int, to value: UInt16, _ text: String
  ) -> [Step<Never>] {
    let read = RegisterRead.configuration(offset: 4, width: 2)
    let old = devices[device].command
    devices[device].command = value
    let action: Action<Never> =
      old == value ? .decide : .config(offset: 4, value: UInt32(value), width: 2)
    return [Step(.guest, "pci_write_config_word", text, action).reading([read])]
  }

  /// The interrupt controllers come up first, then the SMMUs.
  private mutating func boot() throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = its?.findRedistributors(cpus: online.count) ?? []
    for cpu in online.indices {
      steps += its?.wakeRedistributor(cpu: cpu) ?? []
      if cpu == online.startIndex {
        steps += (its?.probe() ?? []) + (its?.allocateTables() ?? [])
        steps += try its?.createProxy(cpus: online.count, frames: &frames) ?? []
      }
      steps += its?.initCPU(cpu) ?? []
    }
    do {
      for index in smmus.indices { steps += try probe(index) }
    } catch {
      throw .outOfMemory("arm_smmu_device_probe")
    }
    return steps
  }

  private mutating func probe(_ index: Int) throws(SMMUDriver.Failure) -> [Step<Never>] {
    let streams = devices.filter { $0.smmu == index }.map(\.function.requesterID)
    // The driver asks for the streams of all RMRs: here the host bridge does not matter
    // (`iort_get_rmr_sids` without a device).
    let bypassing = streams.filter { stream in
      firmware.reserved.contains { $0.streams.contains(stream) }
    }
    var steps: [Step<Never>] = []
    for stream in streams {
      steps += try smmus[index]?.prepareLeaf(of: stream, frames: &frames) ?? []
    }
    return steps + (try smmus[index]?.probe(bypassing: bypassing, frames: &frames) ?? [])
  }
}

extension GuestKernel.DeviceState {
  init(_ device: GuestKernel.Device, _ firmware: GuestFirmware, _ kernel: Kernel) {
    function = device
    smmu = firmware.smmu(of: device.requesterID) ?? 0
    msix = MSIXDriver(
      agent: .guest, kernel: kernel, table: PA(device.msixTable.rawValue),
      capability: device.msixCapability, size: device.vectors,
      isInternal: device.store == .device)
    msi = MSIDriver(agent: .guest, capability: device.msiCapability, vectors: device.vectors)
  }
}

extension GuestKernel {
  /// Whether a device is attached to a domain of a user's.
  func isOfUser(_ device: Int) -> Bool {
    devices[device].group.map { $0.domain !== $0.defaultDomain } ?? false
  }
}

extension Refusal {
  static func outOfMemory(_ function: String) -> Refusal {
    Refusal(by: .guest, in: function, errno: "ENOMEM", message: "out of memory")
  }
}
