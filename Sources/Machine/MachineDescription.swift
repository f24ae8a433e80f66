public import ArmFormats
public import Bits
public import GIC
public import PCI

/// A machine as data: the physical one, the address map that each virtual machine on it has, and the
/// devices that are assigned to them.
///
/// It says where things stand and which numbers things have; what software does about it is said by
/// designs and conditions. `findings` says what is wrong with it.
public struct MachineDescription: Equatable, Sendable {
  /// The built-in machine's name, or the file's.
  public var name: String
  /// The built-in machine that has whatever was not given.
  public var base: String
  public var host: Host
  /// What each virtual machine sees, as IPAs.
  public var guest: AddressMap
  /// Virtual machines, all with the same map: 1 to `maximumMachines`.
  public var machines = 1
  /// Virtual CPUs of each: 1 to `maximumVirtualCPUs`.
  public var virtualCPUs = 1
  /// In the order of their numbers; at least one.
  public var devices: [Device]

  public static let maximumMachines = 64
  public static let maximumVirtualCPUs = 512
  public static let maximumDevices = 65

  public init(name: String, host: Host, guest: AddressMap, devices: [Device]) {
    self.name = name
    base = name
    self.host = host
    self.guest = guest
    self.devices = devices
  }

  /// The physical machine: what stands at which PA.
  public struct Host: Equatable, Sendable {
    /// At least one range.
    public var ram: [AddressRange]
    /// Physical CPUs, each with one redistributor.
    public var cpus: Int
    public var distributor: PA
    /// The first frame of the first redistributor; the others follow, two frames of 64 KiB each, or
    /// four with virtual LPIs.
    public var redistributors: PA
    /// The interrupt controllers' version; `nil` for whichever a design needs.
    public var gic: GICVersion?
    /// Whether the ITSs take device tables of two levels.
    public var deviceTable = DeviceTable.twoLevel
    /// DeviceID bits of the ITSs (`GITS_TYPER.Devbits`): 16 to 26, with a flat table 19.
    public var deviceBits = 16
    /// StreamID bits of the SMMUs (`SMMU_IDR1.SIDSIZE`): 16 to 25, as many as Linux has a stream
    /// table for (`STRTAB_MAX_L1_ENTRIES`).
    public var streamBits = 16
    /// The ITSs, 128 KiB each: the control frame, and that of the doorbell.
    public var itses: [PA]
    /// The page of a GICv2m frame, and its SPIs by INTID.
    public var messageFrame: PA
    public var messageSPIs: Range<UInt32>
    /// The SMMUs, 128 KiB each.
    public var smmus: [PA]
    public var smmuFeatures = SMMUFeatureSet.standard
    /// At least one. Buses of different bridges are different.
    public var bridges: [Bridge]
    /// The host CPUs that LPIs go to.
    public var interrupts = InterruptPlacement.first
    /// The software MSI window of the host kernel's SMMU driver, as IOVAs.
    public var messageWindow = Self.linuxWindow

    /// `MSI_IOVA_BASE` and `MSI_IOVA_LENGTH` of every release of Linux
    /// (drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c).
    public static let linuxWindow = AddressRange(from: 0x800_0000, length: 0x10_0000)

    public init(
      ram: [AddressRange], cpus: Int, distributor: PA, redistributors: PA, itses: [PA],
      messageFrame: PA, messageSPIs: Range<UInt32>, smmus: [PA], bridges: [Bridge]
    ) {
      self.ram = ram
      self.cpus = cpus
      self.distributor = distributor
      self.redistributors = redistributors
      self.itses = itses
      self.messageFrame = messageFrame
      self.messageSPIs = messageSPIs
      self.smmus = smmus
      self.bridges = bridges
    }
  }

  /// The device tables that the ITSs take (`GITS_BASERn.Indirect`).
  public enum DeviceTable: String, CaseIterable, Sendable {
    case flat
    case twoLevel = "two-level"

    public var meaning: String {
      switch self {
      case .flat: "GITS_BASERn.Indirect is RAZ/WI: one piece of memory for all DeviceIDs."
      case .twoLevel: "The kernel allocates second levels as devices come."
      }
    }
  }

  /// The DeviceID bits and the StreamID bits that a host may have. A flat device table is one piece
  /// of memory, of which Linux allocates 4 MiB at most (`MAX_PAGE_ORDER`).
  public static let deviceBits = 16...26
  public static let flatDeviceBits = 16...19
  public static let streamBits = 16...25

  /// The host CPU that each LPI goes to.
  public enum InterruptPlacement: String, CaseIterable, Sendable {
    /// All to CPU 0: the `smp_affinity` of each names it.
    case first
    /// Each to the CPU that has the fewest when it is activated, Linux's choice without an
    /// affinity (`its_select_cpu`, since 5.8).
    case leastLoaded = "least-loaded"

    public var meaning: String {
      switch self {
      case .first: "All go to CPU 0: smp_affinity names it."
      case .leastLoaded: "Each goes to the CPU with the fewest, Linux's own choice since 5.8."
      }
    }
  }

  /// What the host's SMMUs offer beside what nested translation always needs.
  public struct SMMUFeatureSet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Stage 2 may force write-back (`IDR3.FWB`).
    public static let forceWriteBack = Self(rawValue: 1)
    /// The path of the devices is coherent whatever the attributes (IORT, CANWBS).
    public static let coherentPath = Self(rawValue: 2)
    /// TLBI commands name ranges (`IDR3.RIL`).
    public static let rangeInvalidation = Self(rawValue: 4)
    /// Devices may ask for translations (`IDR0.ATS`).
    public static let ats = Self(rawValue: 8)

    /// What QEMU's SMMU offers, on a path that is coherent.
    public static let standard: Self = [.coherentPath, .rangeInvalidation]
  }

  /// A PCIe host bridge: its buses, its configuration space and its windows, and how firmware maps
  /// the requester IDs of its buses.
  public struct Bridge: Equatable, Sendable {
    public var buses: ClosedRange<UInt8>
    /// The configuration space, 1 MiB a bus from the first bus on; `nil` where none is described.
    public var ecam: AddressRange?
    /// Where its functions' BARs may stand; none for anywhere.
    public var windows: [AddressRange]
    /// StreamID minus requester ID, and DeviceID minus StreamID (IORT: output base minus input base).
    public var streamOffset: UInt32 = 0
    public var deviceOffset: UInt32 = 0

    public init(
      buses: ClosedRange<UInt8>, ecam: AddressRange? = nil, windows: [AddressRange] = []
    ) {
      self.buses = buses
      self.ecam = ecam
      self.windows = windows
    }
  }

  /// An assigned function.
  public struct Device: Equatable, Sendable {
    public var name: String
    /// Entries of the MSI-X table, 1 to 2048.
    public var vectors: Int
    /// The virtual machine that it is assigned to, from 0.
    public var machine = 0
    /// The SMMU in front of it and the ITS that its MSIs go to, from 0.
    public var smmu = 0
    public var its = 0
    /// On the host's bus.
    public var requester: RequesterID
    /// In the guest, where StreamID and DeviceID are equal to it (QEMU's IORT maps them so).
    public var guestRequester: RequesterID
    /// The BAR with its MSI-X table.
    public var bar: AddressRange
    /// Bits of the addresses that it can master: `dma_set_mask`.
    public var dmaBits = 64
    /// The virtual CPU that each vector goes to; empty for the one of vector number modulo virtual
    /// CPUs. Vectors beyond the list begin with it again.
    public var virtualCPUs: [Int] = []

    public init(
      name: String, vectors: Int, requester: RequesterID, guestRequester: RequesterID,
      bar: AddressRange
    ) {
      self.name = name
      self.vectors = vectors
      self.requester = requester
      self.guestRequester = guestRequester
      self.bar = bar
    }

    /// Offsets in configuration space of the MSI and the MSI-X capability, and in the BAR of the
    /// table and of the pending bits, as the models lay out every assigned function.
    public static let msiCapability: UInt16 = 0x40
    public static let msixCapability: UInt16 = 0x70
    public static let tableOffset: UInt64 = 0x2000
    public static let pendingOffset: UInt64 = 0xa000

    /// The virtual CPU that a vector's interrupt goes to, of `count` in the machine.
    public func virtualCPU(of vector: Int, count: Int) -> Int {
      virtualCPUs.isEmpty
        ? vector % max(1, count) : virtualCPUs[vector % virtualCPUs.count]
    }
  }
}

extension MachineDescription.Host {
  /// The length of an SMMU's, and of an ITS's, two register frames.
  public static let unitLength: UInt64 = 0x2_0000

  /// The bridge that has the bus of `requester`; `nil` for none.
  public func bridge(of requester: RequesterID) -> MachineDescription.Bridge? {
    bridges.first { $0.buses.contains(requester.bus) }
  }

  /// The StreamID that firmware maps a requester ID to; unchanged outside every bridge.
  public func stream(of requester: RequesterID) -> StreamID {
    StreamID(UInt32(requester.rawValue) &+ (bridge(of: requester)?.streamOffset ?? 0))
  }

  /// The DeviceID that firmware maps a requester ID to, by way of its StreamID.
  public func device(of requester: RequesterID) -> DeviceID {
    DeviceID(stream(of: requester).rawValue &+ (bridge(of: requester)?.deviceOffset ?? 0))
  }

  /// The redistributors' frames, for interrupt controllers of a version.
  public func redistributorRange(_ version: GICVersion) -> AddressRange {
    AddressRange(
      from: redistributors.rawValue,
      length: UInt64(max(1, cpus)) &* (version >= .v4 ? 0x4_0000 : 0x2_0000))
  }
}
