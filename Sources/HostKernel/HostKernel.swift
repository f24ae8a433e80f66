public import ArmFormats
public import Bits
internal import IOMMU
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
    /// Whether the guest's stage 1 cannot make the device's accesses miss the caches: a coherent
    /// path (CANWBS) or stage 2 that forces write-back (S2FWB).
    public var isCoherent = true
    public var vectors: Int
    /// Where the function keeps its messages, and for MSI the offset of that capability.
    public var store: MessageStore
    public var msiCapability: UInt16

    public init(
      smmuBase: PA, itsBase: PA, redistributors: PA, cpus: Int, msixTable: PA,
      msixCapability: UInt16, streamID: StreamID, deviceID: DeviceID, vectors: Int,
      store: MessageStore = .msiX,
      msiCapability: UInt16 = 0x40
    ) {
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
  let pageShift: UInt64
  let outputSize: AddressSizeField = .bits44

  var frames: BumpFrames
  var stageTwoFrames: PlacedFrames
  var smmus: [SMMUDriver]
  var itses: [ITSDriver]
  /// The LPIs that no device has: one list for all ITSs.
  private var freeLPIs = ITSDriver.allLPIs
  /// One for each SMMU, and where the design says so, for each ITS behind it.
  var stageTwos: [StageTwo]
  /// The file that the VMM has open: its objects decide, and the kernel's tables follow them.
  var iommufd: IOMMUFD
  let allowsUnsafeInterrupts: Bool
  var devices: [AssignedDevice]
  /// The device that the present request is about.
  private(set) var current = 0
  /// What becomes of stage 2 faults; Linux's way unless somebody asks for another.
  public var stageTwoFaultPolicy = StageTwoFaultPolicy.drop
  /// What tests break; nothing otherwise.
  public var defects: HostDefects = []
  /// The frame that takes MSIs on a host without an ITS, and each device's SPIs.
  var messageFrame: GICv2mDriver?
  var frameSPIs: [UInt32: Range<UInt32>] = [:]
  /// Who is signalled, by LPI or SPI.
  var targets: [UInt32: SignalTarget] = [:]
  /// The VM's vPEs; `nil` without GICv4.
  var virtualMachine: ITSVirtualMachine?
  /// For each ITS, how many of its events are virtual LPIs (`vlpi_count`).
  var virtualLPICounts: [Int]

  /// - Parameters:
  ///   - platforms: at least one, one for each assigned function, each with a requester ID of its
  ///     own.
  ///   - frames: where the kernel's own structures go.
  ///   - stageTwoFrames: where the stage 2 tables go.
  ///   - usesITSList: whether VMOVP moves a vPE on one ITS only, so that the ITSs that have the
  ///     vPE are listed in it.
  ///   - messageFrame: what takes MSIs instead of the ITSs.
  ///   - allowsUnsafeInterrupts: of VFIO: whether devices may go to VMs all the same.
  ///   - streamTable: where a recording saw the stream table of the first SMMU.
  /// - Throws: `Refusal` with `ENOMEM` when memory is exhausted.
  public init(
    kernel: Kernel, platforms: [Platform], stageTwoDoorbell: StageTwoDoorbell,
    eventIDOwner: EventIDOwnership, addressOverride: AddressOverride = .msiDomain,
    delivery: InterruptDelivery = .irqfd, usesITSList: Bool = false,
    messageFrame: GICv2mDriver? = nil, allowsUnsafeInterrupts: Bool = false,
    pageSize: PageSize = .kib4,
    frames: BumpFrames, stageTwoFrames: PlacedFrames, streamTable: (levelOne: PA, leaf: PA)?
  ) throws(Refusal) {
    var frames = frames
    devices = AssignedDevice.list(
      platforms, separatesITSs: stageTwoDoorbell == .guestDoorbellPerITS,
      frame: messageFrame?.doorbell, kernel: kernel, pageSize: pageSize)
    smmus = try Self.smmuDrivers(kernel, platforms, streamTable, &frames)
    itses = try Self.itsDrivers(kernel, platforms, delivery.virtualLPIs, usesITSList, &frames)
    virtualLPICounts = Array(repeating: 0, count: itses.count)
    stageTwos = Array(repeating: StageTwo(), count: (devices.map(\.stageTwo).max() ?? 0) + 1)
    iommufd = IOMMUFD(
      kernel: kernel, pageSize: 1 << pageSize.shift,
      allowsUnsafeInterrupts: allowsUnsafeInterrupts)
    self.allowsUnsafeInterrupts = allowsUnsafeInterrupts
    self.messageFrame = messageFrame
    self.kernel = kernel
    self.stageTwoDoorbell = stageTwoDoorbell
    self.eventIDOwner = eventIDOwner
    self.addressOverride = addressOverride
    pageShift = pageSize.shift
    self.frames = frames
    self.stageTwoFrames = stageTwoFrames
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
          try SMMUDriver(
            agent: .host, kernel: kernel, base: platform.smmuBase, streamBits: 16,
            placed: placed, frames: &frames)
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
          frames: &frames)
      else { throw .outOfMemory("its_alloc_tables") }
      let isListed = virtualLPIs != nil && usesITSList
      drivers.append(
        ITSDriver(
          agent: .host, kernel: kernel, base: platform.itsBase,
          redistributors: platform.redistributors, layout: layout, virtualLPIs: virtualLPIs,
          listNumber: isListed ? UInt8(truncatingIfNeeded: drivers.count) : nil))
    }
    return drivers
  }

  /// The page of the doorbell of the device's ITS, in the physical machine.
  var doorbellPage: PA { doorbellPage(of: devices[current].its) }

  func doorbellPage(of its: Int) -> PA {
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
    for cpu in 0..<platform.cpus {
      // The redistributors' tables are those of all ITSs.
      steps += itses[0].initLPIs(cpu: cpu)
      for index in itses.indices { steps += itses[index].mapCollection(cpu: cpu) }
    }
    return steps
  }

  /// Carries out a request about one of the assigned devices, counted from 0.
  ///
  /// - Throws: `Refusal` with the errno that the call would return.
  public mutating func handle(
    _ call: HostCall, for device: Int = 0
  ) throws(Refusal) -> [Step<Never>] {
    guard devices.indices.contains(device) else {
      throw Refusal(
        by: .host, in: "iommufd_get_device", errno: "ENOENT", message: "no device \(device)")
    }
    current = device
    return try perform(call).map { $0.about(device) }
  }

  private mutating func perform(_ call: HostCall) throws(Refusal) -> [Step<Never>] {
    switch call {
    case .createStageTwo(let extents): try createStageTwo(extents)
    case .disableLargePages: try disableLargePages()
    case .attachStageTwo: try attachStageTwo()
    case .moveWindow(let start): try moveWindow(to: start)
    case .createVirtualSMMU(let stream): try createVirtualSMMU(guestStream: stream)
    case .mapGuestDoorbell(let page): try mapGuestDoorbell(page)
    case .attach(let entry): try attach(guestEntry: entry)
    case .invalidate(let command): try invalidate(command)
    case .enableVector(let vector, let address):
      try enableVector(vector, guestAddress: address)
    case .enableMSI(let count, let address):
      try enableMSI(count, guestAddress: address)
    case .disableVectors: disableVectors()
    case .route(let vector, let route): self.route(vector: vector, route)
    case .releaseVector(let vector): releaseVector(vector)
    case .signal(let vector): signal(vector: vector)
    case .messageControl(let enable, let mask):
      [msix.control(enable: enable, functionMask: mask)]
    case .command(let value): [command(value)]
    case .mirror(let command, let doorbell): try mirror(command, doorbell: doorbell)
    }
  }

  /// Where the function's STE stands; `nil` before its stream is known.
  public var streamEntryAddress: PA? { smmu.address(of: platform.streamID.rawValue) }

  /// Where a device's stage 2, as software keeps it, sends an address; `nil` where nothing is
  /// mapped.
  public func translate(_ address: IPA, of device: Int = 0) -> PA? {
    guard devices.indices.contains(device) else { return nil }
    return stageTwos[devices[device].stageTwo].table?.output(of: address.rawValue).map { PA($0) }
  }

  /// Who is signalled when a physical LPI or SPI arrives; `nil` when nothing is bound to it.
  public func signalTarget(ofLPI lpi: UInt32) -> SignalTarget? { targets[lpi] }
}

extension Refusal {
  static func outOfMemory(_ function: String) -> Refusal {
    Refusal(by: .host, in: function, errno: "ENOMEM", message: "out of memory")
  }
}

// What the present request is about.
extension HostKernel {
  public var platform: Platform { devices[current].platform }

  var smmu: SMMUDriver {
    _read { yield smmus[devices[current].smmu] }
    _modify { yield &smmus[devices[current].smmu] }
  }

  var its: ITSDriver {
    _read { yield itses[devices[current].its] }
    _modify { yield &itses[devices[current].its] }
  }

  /// Lets the driver of the device's ITS take LPIs and memory, or give LPIs back.
  mutating func allocating<Result, Failure: Error>(
    _ body: (inout ITSDriver, inout BumpFrames) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let index = devices[current].its
    swap(&freeLPIs, &itses[index].freeLPIs)
    defer { swap(&freeLPIs, &itses[index].freeLPIs) }
    return try body(&itses[index], &frames)
  }

  var stageTwo: PageTable? {
    _read { yield stageTwos[devices[current].stageTwo].table }
    _modify { yield &stageTwos[devices[current].stageTwo].table }
  }

  /// The VMID of the device's stage 2.
  var virtualMachineID: UInt16 { UInt16(truncatingIfNeeded: 1 + devices[current].stageTwo) }

  var msix: MSIXDriver { devices[current].msix }

  var guestStream: UInt32? {
    get { devices[current].guestStream }
    set { devices[current].guestStream = newValue }
  }

  var events: [UInt32: UInt32] {
    _read { yield devices[current].events }
    _modify { yield &devices[current].events }
  }

  var virtualEvents: [UInt32: VirtualEvent] {
    _read { yield devices[current].virtualEvents }
    _modify { yield &devices[current].virtualEvents }
  }

  /// Turns to the device with this DeviceID; `false` where there is none.
  mutating func select(deviceID: UInt32) -> Bool {
    guard let index = devices.firstIndex(where: { $0.platform.deviceID.rawValue == deviceID })
    else {
      return false
    }
    current = index
    return true
  }

  var messages: [Int: IOVA] {
    _read { yield devices[current].messages }
    _modify { yield &devices[current].messages }
  }
}

/// Runs `body`; its failure is the host being out of memory.
func outOfMemory<Result, Failure: Error>(
  _ function: String, _ body: () throws(Failure) -> Result
) throws(Refusal) -> Result {
  do { return try body() } catch { throw .outOfMemory(function) }
}
