public import ArmFormats
public import Bits
package import GIC
public import IOMMU
public import Linux
public import Software

/// The host's kernel, as far as an assigned device's MSIs depend on it: SMMU and ITS drivers,
/// iommufd, vfio-pci and KVM's routing.
///
/// Each request becomes a flow of steps that act on the physical machine; what the kernel knows
/// changes when the flow is made.
public struct HostKernel {
  /// Where things stand in the physical machine, as one assigned function needs them.
  public struct Platform: Equatable, Sendable {
    /// The SMMU in front of the function, and the ITS that its MSIs go to.
    public var smmuBase: PA
    public var itsBase: PA
    public var redistributors: PA
    public var cpus: Int
    /// The assigned function's MSI-X table.
    public var msixTable: PA
    /// Offset of the MSI-X capability in the function's configuration space.
    public var msixCapability: UInt16
    /// The assigned function's StreamID at its SMMU, and its DeviceID at its ITS.
    public var streamID: StreamID
    public var deviceID: DeviceID
    /// StreamID bits of its SMMU (`SMMU_IDR1.SIDSIZE`), and the device table of its ITS.
    public var streamBits: UInt64 = 16
    public var deviceTable = ITSDriver.DeviceTable()
    /// Whether the guest's stage 1 cannot make the device's accesses miss the caches: a coherent
    /// path (CANWBS) or stage 2 that forces write-back (S2FWB).
    public var isCoherent = true
    /// Offset of the ATS capability in the function's configuration space; `nil` where SMMU, host
    /// bridge or function have no ATS (`arm_smmu_ats_supported`).
    public var atsCapability: UInt16?
    public var vectors: Int
    /// Where the function keeps its messages, and for MSI the offset of that capability.
    public var store: MessageStore
    public var msiCapability: UInt16
    /// The VM that it is assigned to.
    public var vm: VMIndex

    public init(
      smmuBase: PA, itsBase: PA, redistributors: PA, cpus: Int, msixTable: PA,
      msixCapability: UInt16, streamID: StreamID, deviceID: DeviceID, vectors: Int,
      store: MessageStore = .msiX, msiCapability: UInt16 = 0x40, vm: VMIndex = .first
    ) {
      self.vm = vm
      self.store = store
      self.msiCapability = msiCapability
      self.smmuBase = smmuBase
      self.itsBase = itsBase
      self.redistributors = redistributors
      self.cpus = cpus
      self.msixTable = msixTable
      self.msixCapability = msixCapability
      self.streamID = streamID
      self.deviceID = deviceID
      self.vectors = vectors
    }
  }

  public let kernel: Kernel
  let stageTwoDoorbell: StageTwoDoorbell
  let eventIDOwner: EventIDOwnership
  let addressOverride: AddressOverride
  let pageSize: PageSize
  var pageShift: UInt64 { pageSize.shift }
  let outputSize: AddressSizeField = .bits44

  let allowsUnsafeInterrupts: Bool
  var frames: BumpFrames
  var stageTwoFrames: PlacedFrames
  package internal(set) var smmus: [SMMUDriver]
  package var itses: [ITSDriver]
  /// The LPIs that no device has: one list for all ITSs.
  private var freeLPIs = ITSDriver.allLPIs
  /// What the kernel keeps for each VM's VMM.
  var machines: [MachineFile]
  @usableFromInline package internal(set) var devices: [AssignedDevice]
  /// The VMIDs in use (`vmid_map` of the SMMU's driver).
  var vmids: Set<UInt16> = []
  /// The CPU whose `smp_affinity` VFIO's interrupts have where they are not spread.
  package let interruptCPU: Int
  /// Whether each LPI goes to the CPU that has the fewest (`its_select_cpu`, since 5.8).
  let spreadsInterrupts: Bool
  /// The LPIs of each CPU, where they are spread (`its_inc_lpi_count`).
  var lpiCounts: [Int]
  /// The software MSI window of its SMMU driver.
  package let messageWindow: AddressRange
  /// Which stage 2 faults a guest is told of; Linux's way by default.
  public var stageTwoFaultPolicy = StageTwoFaultPolicy.drop
  /// Defects that a test injects.
  public var defects: HostDefects = []
  /// The frame that takes MSIs on a host without an ITS, and each device's SPIs.
  var messageFrame: GICv2mDriver?
  var frameSPIs: [DeviceIndex: Range<UInt32>] = [:]
  /// The reader of the eventfd that an LPI or SPI signals.
  @usableFromInline var targets: [UInt32: SignalTarget] = [:]

  /// - Parameters:
  ///   - platforms: at least one, one for each assigned function, each with a requester ID of its
  ///     own.
  ///   - frames: where the kernel's own structures go.
  ///   - stageTwoFrames: where the stage 2 tables go.
  ///   - usesITSList: whether VMOVP moves a vPE on one ITS only, so that the ITSs that have the
  ///     vPE are listed in it.
  ///   - messageFrame: what takes MSIs instead of the ITSs.
  ///   - allowsUnsafeInterrupts: of VFIO: whether devices may go to VMs all the same.
  ///   - interruptCPU: the CPU that VFIO's interrupts go to.
  ///   - spreadsInterrupts: whether each goes to the CPU with the fewest LPIs instead.
  ///   - messageWindow: the SMMU driver's `MSI_IOVA_BASE` and `MSI_IOVA_LENGTH`.
  ///   - streamTable: where a recording saw the stream table of the first SMMU.
  /// - Throws: `Refusal` with `ENOMEM` when memory is exhausted.
  public init(
    kernel: Kernel, platforms: [Platform], stageTwoDoorbell: StageTwoDoorbell,
    eventIDOwner: EventIDOwnership, addressOverride: AddressOverride = .msiDomain,
    delivery: InterruptDelivery = .irqfd, usesITSList: Bool = false,
    messageFrame: GICv2mDriver? = nil, allowsUnsafeInterrupts: Bool = false,
    interruptCPU: Int = 0, spreadsInterrupts: Bool = false,
    messageWindow: AddressRange = SoftwareMSIWindow.linux, pageSize: PageSize = .kib4,
    frames: BumpFrames, stageTwoFrames: PlacedFrames, streamTable: (levelOne: PA, leaf: PA)?
  ) throws(Refusal) {
    var frames = frames
    devices = AssignedDevice.list(
      platforms, separatesITSs: stageTwoDoorbell == .guestDoorbellPerITS,
      frame: messageFrame?.doorbell, window: messageWindow, kernel: kernel, pageSize: pageSize)
    smmus = try Self.smmuDrivers(kernel, platforms, streamTable, &frames)
    itses = try Self.itsDrivers(kernel, platforms, delivery.virtualLPIs, usesITSList, &frames)
    machines = []
    self.allowsUnsafeInterrupts = allowsUnsafeInterrupts
    self.interruptCPU = interruptCPU
    self.spreadsInterrupts = spreadsInterrupts
    self.messageWindow = messageWindow
    lpiCounts = Array(repeating: 0, count: max(1, platforms.first?.cpus ?? 1))
    self.messageFrame = messageFrame
    self.kernel = kernel
    self.stageTwoDoorbell = stageTwoDoorbell
    self.eventIDOwner = eventIDOwner
    self.addressOverride = addressOverride
    self.pageSize = pageSize
    self.frames = frames
    self.stageTwoFrames = stageTwoFrames
    openFiles()
  }

  /// Opens a file of iommufd for each VM that has none.
  mutating func openFiles() {
    let count = (devices.map(\.vm.rawValue).max() ?? -1) + 1
    for _ in machines.count..<max(count, machines.count) { machines.append(newFile()) }
    for device in devices {
      let missing = device.stageTwo + 1 - machines[device.vm.rawValue].stageTwos.count
      guard missing > 0 else { continue }
      machines[device.vm.rawValue].stageTwos += Array(repeating: StageTwo(), count: missing)
    }
  }

  /// What the kernel keeps for a VMM that has opened `/dev/iommu`.
  func newFile() -> MachineFile {
    MachineFile(
      iommufd: IOMMUFD(
        kernel: kernel, pageSize: 1 << pageShift, allowsUnsafeInterrupts: allowsUnsafeInterrupts))
  }

  private static func smmuDrivers(
    _ kernel: Kernel, _ platforms: [Platform], _ streamTable: (levelOne: PA, leaf: PA)?,
    _ frames: inout BumpFrames
  ) throws(Refusal) -> [SMMUDriver] {
    var drivers: [SMMUDriver] = []
    for platform in platforms where drivers.allSatisfy({ $0.base != platform.smmuBase }) {
      let placed = drivers.isEmpty ? streamTable : nil
      drivers.append(
        try outOfMemory("arm_smmu_init_strtab") { () throws(SMMUDriver.Failure) in
          var driver = try SMMUDriver(
            agent: .host, kernel: kernel, base: platform.smmuBase,
            streamBits: platform.streamBits,
            placed: placed, frames: &frames)
          driver.hasATS = platform.atsCapability != nil
          return driver
        })
    }
    return drivers
  }

  private static func itsDrivers(
    _ kernel: Kernel, _ platforms: [Platform], _ virtualLPIs: VirtualLPISupport?,
    _ usesITSList: Bool, _ frames: inout BumpFrames
  ) throws(Refusal) -> [ITSDriver] {
    var drivers: [ITSDriver] = []
    for platform in platforms where drivers.allSatisfy({ $0.base != platform.itsBase }) {
      guard
        let layout = ITSDriver.Layout(
          cpus: platform.cpus, sharing: drivers.first?.layout, virtualLPIs: virtualLPIs,
          devices: platform.deviceTable, frames: &frames)
      else { throw .outOfMemory("its_alloc_tables") }
      let isListed = virtualLPIs != nil && usesITSList
      drivers.append(
        ITSDriver(
          agent: .host, kernel: kernel, base: platform.itsBase,
          redistributors: platform.redistributors, layout: layout, virtualLPIs: virtualLPIs,
          listNumber: isListed ? UInt8(truncatingIfNeeded: drivers.count) : nil,
          deviceTable: platform.deviceTable))
    }
    return drivers
  }

  /// The page of the doorbell of the device's ITS, in the physical machine.
  func doorbellPage(of device: DeviceIndex) -> PA { doorbellPage(ofITS: self[device].its) }

  func doorbellPage(ofITS its: Int) -> PA {
    (messageFrame?.doorbell ?? itses[its].doorbell).alignedDown(toBit: pageShift)
  }

  /// Brings the SMMU and the interrupt controllers up.
  public mutating func boot() throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    do {
      for index in smmus.indices {
        for device in devices where device.smmu == index {
          steps += try smmus[index].prepareLeaf(
            of: device.platform.streamID.rawValue, frames: &frames)
        }
        steps += try smmus[index].probe(bypassing: [], frames: &frames)
      }
    } catch {
      throw .outOfMemory("arm_smmu_init_sid_strtab")
    }
    if let messageFrame {
      let text =
        "GICv2m frame at \(messageFrame.base), SPIs \(messageFrame.spis.lowerBound) to "
        + "\(messageFrame.spis.upperBound - 1)"
      return steps + [
        Step(.host, "gicv2m_init_one", text, .decide)
          .believing(DoorbellBelief("GICv2m driver", .pa(messageFrame.doorbell)))
      ]
    }
    for its in itses { steps += its.probe() }
    for cpu in 0..<(devices.first?.platform.cpus ?? 0) {
      // The redistributors' tables are those of all ITSs.
      steps += itses.first?.initLPIs(cpu: cpu) ?? []
      for index in itses.indices { steps += itses[index].mapCollection(cpu: cpu) }
    }
    return steps
  }

  /// Carries out a request about an assigned device.
  ///
  /// - Throws: `Refusal` with the errno that the call would return.
  public mutating func handle(
    _ call: HostCall, for device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    guard devices.indices.contains(device.rawValue) else {
      throw Refusal(
        by: .host, in: "iommufd_get_device", errno: "ENOENT", message: "no \(device)")
    }
    return try perform(call, for: device).map { $0.about(device.rawValue) }
  }

  private mutating func perform(
    _ call: HostCall, for device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    switch call {
    case .createStageTwo(let extents): try createStageTwo(extents, for: device)
    case .disableLargePages: try disableLargePages(for: device)
    case .attachStageTwo: try attachStageTwo(to: device)
    case .moveWindow(let start): try moveWindow(ofMachineOf: device, to: start)
    case .createVirtualSMMU(let stream): try createVirtualSMMU(for: device, guestStream: stream)
    case .mapGuestDoorbell(let page): try mapGuestDoorbell(page, for: device)
    case .attach(let entry): try attach(device, guestEntry: entry)
    case .invalidate(let command): try invalidate(command, of: device)
    case .setIRQs(let first, let signals): try setIRQs(from: first, signals, of: device)
    case .setINTx(let change): setINTx(change, of: device)
    case .enableMSI(let count, let address):
      try enableMSI(count, of: device, guestAddress: address)
    case .disableVectors: disableVectors(of: device)
    case .route(let vector, let route): self.route(vector: vector, of: device, route)
    case .unroute(let vector): unroute(vector: vector, of: device)
    case .signal(let vector): signal(vector: vector)
    case .messageControl(let enable, let mask):
      [self[device].msix.control(enable: enable, functionMask: mask)]
    case .command(let value): command(value, of: device)
    case .mirror(let command, let doorbell): try mirror(command, of: device, doorbell: doorbell)
    }
  }

  /// The address of a function's STE; `nil` before its stream is known.
  public func streamEntryAddress(of device: DeviceIndex) -> PA? {
    smmus[self[device].smmu].address(of: self[device].platform.streamID.rawValue)
  }

  /// The output address of a device's stage 2, as software keeps it; `nil` where nothing is mapped.
  public func translate(_ address: IPA, of device: DeviceIndex) -> PA? {
    guard devices.indices.contains(device.rawValue) else { return nil }
    return table(of: device)?.output(of: address.rawValue).map { PA($0) }
  }

  /// The VMID of a device's stage 2; 0 before it is made.
  public func vmid(of device: DeviceIndex) -> UInt16 { stageTwo(of: device).vmid }

  /// The reader of the eventfd that a physical LPI or SPI signals; `nil` when nothing is bound to it.
  @inlinable @inline(__always)
  public func signalTarget(ofLPI lpi: UInt32) -> SignalTarget? { targets[lpi] }
}

extension Refusal {
  static func outOfMemory(_ function: String) -> Refusal {
    Refusal(by: .host, in: function, errno: "ENOMEM", message: "out of memory")
  }
}

// Devices, and what stands behind each.
extension HostKernel {
  package subscript(device: DeviceIndex) -> AssignedDevice {
    _read { yield devices[device.rawValue] }
    _modify { yield &devices[device.rawValue] }
  }

  /// The VM that has a device. On the way of every MSI, where a subscript's coroutine would allocate.
  @inlinable @inline(__always)
  package func vm(of device: DeviceIndex) -> VMIndex {
    devices[device.rawValue].platform.vm
  }

  /// An event of a device, as its ITS knows it.
  package func event(_ event: UInt32, of device: DeviceIndex) -> HostEvent {
    HostEvent(
      deviceID: devices[device.rawValue].platform.deviceID.rawValue, eventID: event,
      its: devices[device.rawValue].its)
  }

  /// The device whose event it is; `nil` where there is none.
  package func device(of event: HostEvent) -> DeviceIndex? {
    devices.firstIndex {
      $0.its == event.its && $0.platform.deviceID.rawValue == event.deviceID
    }.map { DeviceIndex($0) }
  }

  /// Lets the driver of a device's ITS take LPIs and memory, or give LPIs back.
  package mutating func allocating<Result, Failure: Error>(
    for device: DeviceIndex,
    _ body: (inout ITSDriver, inout BumpFrames) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let index = self[device].its
    swap(&freeLPIs, &itses[index].freeLPIs)
    defer { swap(&freeLPIs, &itses[index].freeLPIs) }
    return try body(&itses[index], &frames)
  }

  /// The file of the VMM that has a device.
  func iommufd(of device: DeviceIndex) -> IOMMUFD {
    machines[self[device].vm.rawValue].iommufd
  }

  /// The stage 2 of a device, with the objects that stand for it.
  func stageTwo(of device: DeviceIndex) -> StageTwo {
    machines[self[device].vm.rawValue].stageTwos[self[device].stageTwo]
  }

  mutating func withStageTwo<Result, Failure: Error>(
    of device: DeviceIndex, _ body: (inout StageTwo) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let place = self[device]
    return try body(&machines[place.vm.rawValue].stageTwos[place.stageTwo])
  }
}

/// Runs `body`; its failure is the host being out of memory.
func outOfMemory<Result, Failure: Error>(
  _ function: String, _ body: () throws(Failure) -> Result
) throws(Refusal) -> Result {
  do { return try body() } catch { throw .outOfMemory(function) }
}
