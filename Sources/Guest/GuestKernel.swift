internal import ArmFormats
public import Bits
public import Firmware
public import Flows
public import IOMMU
public import Linux

/// A Linux guest, as far as its assigned device's MSIs depend on it: SMMU and ITS drivers, DMA
/// API, IOMMU core and VFIO.
///
/// Each operation becomes a flow of steps that act on the guest's machine; its physical addresses
/// are IPAs.
public struct GuestKernel: Sendable {
  /// Where the guest finds its device.
  public struct Device: Equatable, Sendable {
    /// StreamID and DeviceID: the requester ID on the guest's bus.
    public let requesterID: UInt32
    public let vectors: Int
    /// The MSI-X table, behind a BAR.
    public let msixTable: IPA
    /// Offset of the MSI-X capability in configuration space.
    public let msixCapability: UInt16

    public init(
      requesterID: UInt32, vectors: Int, msixTable: IPA, msixCapability: UInt16
    ) {
      self.requesterID = requesterID
      self.vectors = vectors
      self.msixTable = msixTable
      self.msixCapability = msixCapability
    }
  }

  /// What the device is attached to.
  enum Domain: Sendable {
    case none
    case dma
    case identity
    case user
  }

  public let version: KernelVersion
  let firmware: GuestFirmware
  let device: Device
  let pageShift: UInt64 = 12
  let outputSize: AddressSizeField = .bits44

  var frames: BumpFrames
  var tableFrames: PlacedFrames
  /// `nil` for a guest without an SMMU.
  var smmu: SMMUDriver?
  var its: ITSDriver
  let msix: MSIXDriver
  var domain = Domain.none
  var tables: PageTable?
  var contextTable: PA?
  var context = ContextDescriptor()
  /// The CD as last written.
  var smmuContext = ContextDescriptor()
  var iovas: IOVAAllocator
  /// The doorbell's IOVA in the present domain.
  var doorbellIOVA: IOVA?
  /// The device's LPIs, by EventID.
  var lpis: [UInt32: UInt32] = [:]
  let recordedContextTable: PA?

  /// - Parameters:
  ///   - tables: what the guest boots with; it reads them as the kernel's early ACPI code does.
  ///   - frames: where the kernel's structures go.
  ///   - tableFrames: where the default domain's translation tables go.
  ///   - contextTable: where a recording saw the device's CD.
  /// - Throws: `Refusal` with `ENOMEM` when memory is exhausted, and with `ENODEV` when the tables
  ///   describe no ITS.
  public init(
    version: KernelVersion, tables: GuestTables, device: Device, frames: BumpFrames,
    tableFrames: PlacedFrames, contextTable: PA?
  ) throws(Refusal) {
    let firmware: GuestFirmware
    do {
      firmware = try GuestFirmware(reading: tables)
    } catch {
      throw Refusal(
        by: .guest, in: "acpi_iort_init", errno: "ENODEV", message: error.description)
    }
    try self.init(
      version: version, firmware: firmware, device: device, frames: frames,
      tableFrames: tableFrames, contextTable: contextTable)
  }

  /// A guest that has read its tables already.
  public init(
    version: KernelVersion, firmware: GuestFirmware, device: Device, frames: BumpFrames,
    tableFrames: PlacedFrames, contextTable: PA?
  ) throws(Refusal) {
    let firmware = firmware.asRead(by: version)
    var frames = frames
    guard let layout = ITSDriver.Layout(cpus: 1, frames: &frames) else {
      throw .outOfMemory("its_alloc_tables")
    }
    do {
      smmu =
        if let base = firmware.smmuBase {
          try SMMUDriver(
            agent: .guest, base: PA(base.rawValue), streamBits: 16, frames: &frames)
        } else { nil }
    } catch {
      throw .outOfMemory("arm_smmu_init_strtab")
    }
    its = ITSDriver(
      agent: .guest, base: PA(firmware.itsBase.rawValue),
      redistributors: PA(firmware.redistributors.rawValue), layout: layout)
    msix = MSIXDriver(
      agent: .guest, table: PA(device.msixTable.rawValue), capability: device.msixCapability)
    self.version = version
    self.firmware = firmware
    self.device = device
    self.frames = frames
    self.tableFrames = tableFrames
    recordedContextTable = contextTable
    let reserved = firmware.reservedRegions(of: device.requesterID)
      .filter { $0.kind != .softwareMSI }
      .map { $0.base.rawValue..<$0.base.rawValue + $0.length }
    iovas = IOVAAllocator(granule: pageShift, reserved: reserved)
  }

  /// The regions that sysfs lists for the device's group.
  public var reservedRegions: [ReservedRegion] { firmware.reservedRegions(of: device.requesterID) }

  /// The guest's doorbell as it stands in its memory map.
  var doorbell: PA { its.doorbell }

  /// The LPI of one of the device's events; `nil` when it is not mapped.
  public func lpi(ofEvent event: UInt32) -> UInt32? { lpis[event] }

  /// Whether stage 1 translates for the device.
  public var isTranslating: Bool { domain == .dma || domain == .user }

  /// Where the guest's tables, as software keeps them, send an address; `nil` where nothing is
  /// mapped.
  public func translate(_ address: IOVA) -> IPA? {
    guard isTranslating else { return IPA(address.rawValue) }
    return tables?.output(of: address.rawValue).map { IPA($0) }
  }

  /// The flow of an operation.
  ///
  /// - Throws: `Refusal` when the guest's kernel refuses it.
  public mutating func perform(_ operation: GuestOperation) throws(Refusal) -> [Step<Never>] {
    switch operation {
    case .boot: try boot()
    case .attachDMADomain: try attachDMADomain()
    case .attachIdentityDomain: attachIdentityDomain()
    case .claimForVFIO: try claimForVFIO()
    case .attachUserDomain: try attachUserDomain()
    case .enableDevice: enableDevice()
    case .enableVectors(let count): try enableVectors(count)
    case .activity(let activity): try perform(activity)
    }
  }

  /// `pci_enable_device`, `pci_set_master`.
  private func enableDevice() -> [Step<Never>] {
    [
      Step(
        .guest, "pci_set_master", "memory space and bus mastering on",
        .config(offset: 4, value: 6, width: 2))
    ]
  }

  private mutating func boot() throws(Refusal) -> [Step<Never>] {
    // The driver asks for the streams of all RMRs: here the host bridge does not matter
    // (`iort_get_rmr_sids` without a device).
    let isNamed = firmware.reserved.contains { $0.streams.contains(device.requesterID) }
    let bypassing = isNamed ? [device.requesterID] : []
    var steps: [Step<Never>] = []
    do {
      steps += try smmu?.prepareLeaf(of: device.requesterID, frames: &frames) ?? []
      steps += try smmu?.probe(bypassing: bypassing, frames: &frames) ?? []
    } catch {
      throw .outOfMemory("arm_smmu_device_probe")
    }
    return steps + its.probe() + its.initLPIs(cpu: 0) + its.mapCollection(cpu: 0)
  }
}

extension Refusal {
  static func outOfMemory(_ function: String) -> Refusal {
    Refusal(by: .guest, in: function, errno: "ENOMEM", message: "out of memory")
  }
}
