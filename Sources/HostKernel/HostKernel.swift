internal import ArmFormats
public import Bits
public import Flows
internal import IOMMU
public import Linux

/// The host's kernel, as far as an assigned device's MSIs depend on it: SMMU and ITS drivers,
/// iommufd, vfio-pci and KVM's routing.
///
/// Each request becomes a flow of steps that act on the physical machine; what the kernel knows
/// changes when the flow is made.
public struct HostKernel: Sendable {
  /// Where things stand in the physical machine.
  public struct Platform: Equatable, Sendable {
    public var smmuBase: PA
    public var itsBase: PA
    public var redistributors: PA
    public var cpus: Int
    /// The assigned function's MSI-X table.
    public var msixTable: PA
    /// Offset of the MSI-X capability in the function's configuration space.
    public var msixCapability: UInt16
    /// StreamID and DeviceID of the assigned function.
    public var requesterID: UInt32
    public var vectors: Int

    public init(
      smmuBase: PA, itsBase: PA, redistributors: PA, cpus: Int, msixTable: PA,
      msixCapability: UInt16, requesterID: UInt32, vectors: Int
    ) {
      self.smmuBase = smmuBase
      self.itsBase = itsBase
      self.redistributors = redistributors
      self.cpus = cpus
      self.msixTable = msixTable
      self.msixCapability = msixCapability
      self.requesterID = requesterID
      self.vectors = vectors
    }
  }

  public let version: KernelVersion
  public let platform: Platform
  let stageTwoDoorbell: StageTwoDoorbell
  let eventIDOwner: EventIDOwnership
  let addressOverride: AddressOverride
  let pageShift: UInt64 = 12
  let outputSize: AddressSizeField = .bits44

  var frames: BumpFrames
  var stageTwoFrames: PlacedFrames
  var smmu: SMMUDriver
  var its: ITSDriver
  let msix: MSIXDriver
  var stageTwo: PageTable?
  var virtualMachineID: UInt16 = 1
  var guestStream: UInt32?
  var msiWindow: SoftwareMSIWindow
  /// What becomes of stage 2 faults; Linux's way unless somebody asks for another.
  public var stageTwoFaultPolicy = StageTwoFaultPolicy.drop
  /// What tests break; nothing otherwise.
  public var defects: HostDefects = []
  /// The function's LPIs, by EventID.
  var events: [UInt32: UInt32] = [:]
  /// The addresses in the function's MSI-X table, by vector.
  var messages: [Int: IOVA] = [:]
  /// Who is signalled, by LPI.
  var targets: [UInt32: SignalTarget] = [:]
  /// The VM's vPEs; `nil` without GICv4.
  var virtualMachine: ITSVirtualMachine?
  /// The function's virtual LPIs, by EventID.
  var virtualEvents: [UInt32: VirtualEvent] = [:]

  /// - Parameters:
  ///   - frames: where the kernel's own structures go.
  ///   - stageTwoFrames: where the stage 2 tables go.
  ///   - streamTable: where a recording saw the stream table.
  /// - Throws: `Refusal` with `ENOMEM` when memory is exhausted.
  public init(
    version: KernelVersion, platform: Platform, stageTwoDoorbell: StageTwoDoorbell,
    eventIDOwner: EventIDOwnership, addressOverride: AddressOverride = .msiDomain,
    delivery: InterruptDelivery = .irqfd, frames: BumpFrames, stageTwoFrames: PlacedFrames,
    streamTable: (levelOne: PA, leaf: PA)?
  ) throws(Refusal) {
    var frames = frames
    let smmu = try outOfMemory("arm_smmu_init_strtab") { () throws(SMMUDriver.Failure) in
      try SMMUDriver(
        agent: .host, base: platform.smmuBase, streamBits: 16, placed: streamTable,
        frames: &frames)
    }
    let virtualLPIs = delivery.virtualLPIs
    let layout = ITSDriver.Layout(
      cpus: platform.cpus, virtualLPIs: virtualLPIs, frames: &frames)
    guard let layout else {
      throw .outOfMemory("its_alloc_tables")
    }
    msix = MSIXDriver(
      agent: .host, table: platform.msixTable, capability: platform.msixCapability)
    self.version = version
    self.platform = platform
    self.stageTwoDoorbell = stageTwoDoorbell
    self.eventIDOwner = eventIDOwner
    self.addressOverride = addressOverride
    self.smmu = smmu
    self.its = ITSDriver(
      agent: .host, base: platform.itsBase, redistributors: platform.redistributors,
      layout: layout, virtualLPIs: virtualLPIs)
    self.frames = frames
    self.stageTwoFrames = stageTwoFrames
    msiWindow = SoftwareMSIWindow(pageShift: pageShift)
  }

  /// The doorbell's page in the physical machine.
  var doorbellPage: PA { its.doorbell.alignedDown(toBit: pageShift) }

  /// Brings the SMMU and the interrupt controllers up.
  public mutating func boot() throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    do {
      steps += try smmu.prepareLeaf(of: platform.requesterID, frames: &frames)
      steps += try smmu.probe(bypassing: [], frames: &frames)
    } catch {
      throw .outOfMemory("arm_smmu_init_sid_strtab")
    }
    steps += its.probe()
    for cpu in 0..<platform.cpus {
      steps += its.initLPIs(cpu: cpu)
      steps += its.mapCollection(cpu: cpu)
    }
    return steps
  }

  /// Carries out a request.
  ///
  /// - Throws: `Refusal` with the errno that the call would return.
  public mutating func handle(_ call: HostCall) throws(Refusal) -> [Step<Never>] {
    switch call {
    case .createStageTwo(let extents): try createStageTwo(extents)
    case .attachStageTwo: try attachStageTwo()
    case .moveWindow(let start): moveWindow(to: start)
    case .createVirtualSMMU(let stream): try createVirtualSMMU(guestStream: stream)
    case .mapGuestDoorbell(let page): try mapGuestDoorbell(page)
    case .attach(let entry): try attach(guestEntry: entry)
    case .invalidate(let command): try invalidate(command)
    case .enableVector(let vector, let address):
      try enableVector(vector, guestAddress: address)
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
  public var streamEntryAddress: PA? { smmu.address(of: platform.requesterID) }

  /// Where stage 2, as software keeps it, sends an address; `nil` where nothing is mapped.
  public func translate(_ address: IPA) -> PA? {
    stageTwo?.output(of: address.rawValue).map { PA($0) }
  }

  /// Who is signalled when a physical LPI arrives; `nil` when nothing is bound to it.
  public func signalTarget(ofLPI lpi: UInt32) -> SignalTarget? { targets[lpi] }
}

extension Refusal {
  static func outOfMemory(_ function: String) -> Refusal {
    Refusal(by: .host, in: function, errno: "ENOMEM", message: "out of memory")
  }
}

/// Runs `body`; its failure is the host being out of memory.
func outOfMemory<Result, Failure: Error>(
  _ function: String, _ body: () throws(Failure) -> Result
) throws(Refusal) -> Result {
  do { return try body() } catch { throw .outOfMemory(function) }
}
