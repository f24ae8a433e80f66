internal import Bits

/// Facts of firmware about the path of an MSI, from ACPI tables or a device tree: SMMUs, ITSs and
/// other MSI controllers, host bridges, devices outside PCI, reserved ranges, and ID mappings.
public struct PlatformFacts: Equatable, Sendable {
  public enum Source: String, Sendable {
    case acpi = "ACPI"
    case deviceTree = "device tree"
  }

  /// Target of an ID mapping: a position in one of the lists below.
  public enum Target: Hashable, Sendable {
    case smmu(Int)
    case itsGroup(Int)
    /// An MSI controller that takes no DeviceID.
    case controller(Int)
    /// An IOMMU that is no SMMU.
    case iommu(Int)
    /// A node that is there and disabled: the kernel goes on as if nothing were mapped.
    case disabled(String)
    /// A node that takes no IDs, or none at all.
    case nothing(String)
  }

  /// A range of IDs and what becomes of it.
  public struct Mapping: Equatable, Sendable {
    public let place: String
    public let input: ClosedRange<UInt32>
    public let outputBase: UInt32
    /// Every input becomes `outputBase`, whatever `input` says.
    public let isSingle: Bool
    public let target: Target
    /// The bits of an ID that count (`iommu-map-mask`, `msi-map-mask`).
    public var mask: UInt32 = .max
    /// The bits of a StreamID that an SMMUv2 does not compare: the second cell of a specifier.
    public var ignoredStreamBits: UInt32 = 0

    /// The IDs that come out.
    public var output: ClosedRange<UInt32> {
      guard !isSingle else { return outputBase...outputBase }
      // What is left of an ID under the mask is no more than the mask.
      let last = max(input.lowerBound, min(input.upperBound, mask))
      let size = last - input.lowerBound
      return outputBase...(UInt32.max - outputBase < size ? .max : outputBase + size)
    }
    /// Whether the mapping is for an ID.
    public func takes(_ id: UInt32) -> Bool { isSingle || input.contains(id & mask) }
    /// Returns the output ID for an ID that the mapping takes.
    public func output(of id: UInt32) -> UInt32 {
      isSingle ? outputBase : outputBase &+ ((id & mask) &- input.lowerBound)
    }
  }

  public struct SMMU: Equatable, Sendable {
    public let place: String
    public let isVersion3: Bool
    public let base: UInt64
    /// StreamIDs to DeviceIDs. Empty for a device tree, which maps requester IDs at the host bridge.
    public let mappings: [Mapping]
    /// Hi161x hardware does not translate writes to the ITS (`iort_get_msi_resv_iommu`).
    public let isHI161X: Bool
    /// The device tree's name of the implementation, such as `qcom,sm8550-smmu-500`.
    public var model = ""
    /// Name of the device in Linux's log: `arm-smmu-v3.0.auto` by an IORT, `5000000.iommu` by a
    /// device tree. The number of the first counts the SMMUs and PMCGs of the table, and is right
    /// where no other device has taken a number before.
    public var kernelName = ""
  }

  /// An IOMMU that is no SMMU, such as Apple's DART or MediaTek's.
  public struct OtherIOMMU: Equatable, Sendable {
    public let place: String
    public let model: String
  }

  public struct ITSGroup: Equatable, Sendable {
    public let place: String
    /// MADT identifiers; a device tree's phandle.
    public let identifiers: [UInt32]
  }

  public struct ITS: Equatable, Sendable {
    public let place: String
    public let identifier: UInt32
    public let base: UInt64
    /// A window in front of the ITS of which each DeviceID has four bytes
    /// (`socionext,synquacer-pre-its`).
    public var window: ClosedRange<UInt64>?
    /// Bytes from `base` to the register that takes messages.
    public var translaterOffset: UInt64 = 0x1_0040

    /// `GITS_TRANSLATER`, or what takes its place for a GICv5.
    public var doorbell: UInt64 { base &+ translaterOffset }

    /// The address that a device with this DeviceID writes its messages to
    /// (`its_irq_get_msi_base`, `its_irq_get_msi_base_pre_its`).
    public func doorbell(of device: UInt32) -> UInt64 {
      window.map { $0.lowerBound &+ UInt64(device) << 2 } ?? doorbell
    }
    /// Whether one device cannot raise another's interrupts: VFIO asks for that
    /// (`IRQ_DOMAIN_FLAG_ISOLATED_MSI`). The window gives every device every DeviceID.
    public var isolates: Bool { window == nil }
    /// DeviceID bits that the window has room for: log2(size) - 2; `nil` without a window.
    public var deviceBits: Int? {
      window.map { max(0, (64 - ($0.upperBound - $0.lowerBound + 1).leadingZeroBitCount) - 3) }
    }
  }

  /// An MSI controller that takes no DeviceID, and so isolates nothing.
  public struct MessageController: Equatable, Sendable {
    public let place: String
    /// Name of its kind, such as `GICv2m frame`.
    public let name: String
    /// The first register; 0 where the tables give none.
    public let base: UInt64
    /// Address of its messages; `nil` if the tables do not tell.
    public let doorbell: UInt64?
    /// Whether a host bridge takes the messages of its own functions.
    public var isOwnReceiver = false
  }

  public struct RootComplex: Equatable, Sendable {
    public let place: String
    public let segment: UInt32
    /// The requester IDs that exist.
    public let requesterIDs: ClosedRange<UInt32>
    /// For requests: to an SMMU, or past all SMMUs.
    public let streams: [Mapping]
    /// For MSIs, where a device tree maps them apart; `nil` where they follow `streams`.
    public let messages: [Mapping]?
    public let bootConfiguration: BootConfiguration
    /// Whether the tables give the segment. A device tree may leave it out: Linux then takes the
    /// lowest free number when it probes the bridge, and `segment` is a guess by the tree's order.
    public var isNumbered = true
    /// Whether nothing known here says where MSIs go, so that the bridge's driver may know more.
    public var hasUnknownReceiver = false
    /// Whether the bridge supports ATS (IORT ATS attribute, `ats-supported`); `nil` if not said.
    public var supportsATS: Bool?
    /// Bits of PASIDs that pass the bridge; `nil` if not said.
    public var pasidBits: Int?
  }

  /// A device outside PCI that the tables map.
  public struct Component: Equatable, Sendable {
    public let place: String
    public let streams: [Mapping]
    /// For MSIs, where a device tree maps them apart; `nil` where they follow `streams`.
    public var messages: [Mapping]?
  }

  public struct ReservedRange: Equatable, Sendable {
    public let place: String
    public let base: UInt64
    public let length: UInt64
    public let remapPermitted: Bool
    public let isPrivileged: Bool
    /// The encoding of DEN 0049; 0 for a device tree.
    public let attributes: UInt8
    /// Flag bit 10, which no revision defines (`ReservedMemoryRange.isMessageAlias`).
    public var isMessageAlias = false
    /// The streams it holds for, by SMMU (`iort_node_get_rmr_info`: output base and count, whether
    /// or not the mapping is flagged single).
    public let streams: [Streams]
    /// Whether addresses are mapped one to one, as opposed to kept free or mapped elsewhere.
    public let isDirect: Bool
    /// Whether Linux reads it at all. It does not for the RMRs of an IORT before revision 5, and in
    /// a device tree only for a device whose own node has the range in `memory-region`.
    public let isHeeded: Bool

    public struct Streams: Equatable, Sendable {
      public let smmu: Int
      public let ids: ClosedRange<UInt32>
    }

    /// The last address; `nil` for an empty range or one that wraps around.
    public var last: UInt64? {
      guard length > 0 else { return nil }
      let (last, overflow) = base.addingReportingOverflow(length - 1)
      return overflow ? nil : last
    }
  }

  /// Registers or memory that the window must not be confused with.
  public struct Area: Equatable, Sendable {
    public let place: String
    /// Name of the area, such as `GICD` or `RAM`.
    public let name: String
    public let base: UInt64
    public let length: UInt64
    /// RAM, which devices read and write, unlike registers.
    public let isMemory: Bool
  }

  public var source: Source
  /// Kind of machine: rules about a host's window make sense for a guest alone.
  public var view = MachineView.unknown
  public var smmus: [SMMU] = []
  public var otherIOMMUs: [OtherIOMMU] = []
  public var itsGroups: [ITSGroup] = []
  public var itses: [ITS] = []
  public var controllers: [MessageController] = []
  /// The SPIs of the first GICv2m frame, by INTID, where the tables give them; Linux takes 32 to
  /// 1019 (`is_msi_spi_valid`).
  public var messageSPIs: Range<UInt32>?
  public var rootComplexes: [RootComplex] = []
  public var components: [Component] = []
  public var reserved: [ReservedRange] = []
  /// GIC registers and RAM, as far as the tables tell.
  public var areas: [Area] = []
  /// Whether the tables that list ITSs were given: without a MADT they are unknown.
  public var knowsInterruptControllers = false
  /// Whether Linux heeds RMRs for PCI devices.
  public var bootConfiguration = BootConfiguration.unknown
  /// Findings from reading the tables.
  public var findings: [FirmwareFinding] = []

  public init(source: Source) { self.source = source }

  /// The GICv2m frames, in the order of the tables.
  public var messageFrames: [MessageController] {
    controllers.filter { $0.name == MSIControllerKind.frame.name }
  }

  /// Takes in the SPIs of a GICv2m frame, unless an earlier one has some.
  mutating func addMessageSPIs(base: UInt64, count: UInt64) {
    let end = base.addingReportingOverflow(count)
    guard messageSPIs == nil, base >= 32, count > 0, !end.overflow, end.partialValue <= 1020 else {
      return
    }
    messageSPIs = UInt32(base)..<UInt32(end.partialValue)
  }

  /// Returns the name of a target in findings.
  public func name(of target: Target) -> String {
    switch target {
    case .smmu(let index): smmus[index].place
    case .itsGroup(let index): itsGroups[index].place
    case .controller(let index): controllers[index].place
    case .iommu(let index): otherIOMMUs[index].place
    case .disabled(let what): "\(what) (disabled)"
    case .nothing(let what): what
    }
  }

  /// The ITSs of a group that the tables describe.
  public func itses(ofGroup group: Int) -> [ITS] {
    itsGroups[group].identifiers.compactMap { id in itses.first { $0.identifier == id } }
  }

  /// The SMMU that Linux's log calls by this name, such as `arm-smmu-v3.1.auto` or
  /// `15000000.iommu`; see `SMMU.kernelName`.
  public func smmu(named name: String) -> Int? {
    smmus.firstIndex { !$0.kernelName.isEmpty && $0.kernelName == name }
  }
}
