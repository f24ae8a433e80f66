internal import Bits

/// What firmware says about the path of an MSI, from ACPI tables or a device tree: SMMUs, ITSs,
/// root complexes, reserved ranges, and how IDs become other IDs.
public struct PlatformFacts: Equatable, Sendable {
  public enum Source: String, Sendable {
    case acpi = "ACPI"
    case deviceTree = "device tree"
  }

  /// What an ID mapping leads to: a position in one of the lists below.
  public enum Target: Hashable, Sendable {
    case smmu(Int)
    case itsGroup(Int)
    /// A GICv2m frame, which takes no DeviceID.
    case messageFrame(Int)
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

    /// The IDs that come out.
    public var output: ClosedRange<UInt32> {
      guard !isSingle else { return outputBase...outputBase }
      let size = input.upperBound - input.lowerBound
      return outputBase...(UInt32.max - outputBase < size ? .max : outputBase + size)
    }
    /// Where an ID inside `input` comes out.
    public func output(of id: UInt32) -> UInt32 {
      isSingle ? outputBase : outputBase &+ (id &- input.lowerBound)
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
    /// `GITS_TRANSLATER`.
    public var doorbell: UInt64 { base &+ 0x1_0040 }
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
  }

  /// A device outside PCI that the tables map.
  public struct Component: Equatable, Sendable {
    public let place: String
    public let streams: [Mapping]
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
    /// What it is, such as `GICD` or `RAM`.
    public let name: String
    public let base: UInt64
    public let length: UInt64
    /// RAM, which devices read and write, unlike registers.
    public let isMemory: Bool
  }

  public var source: Source
  public var smmus: [SMMU] = []
  public var itsGroups: [ITSGroup] = []
  public var itses: [ITS] = []
  public var messageFrames: [Area] = []
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

  public init(source: Source) { self.source = source }

  /// Takes in the SPIs of a GICv2m frame, unless an earlier one has some.
  mutating func addMessageSPIs(base: UInt64, count: UInt64) {
    let end = base.addingReportingOverflow(count)
    guard messageSPIs == nil, base >= 32, count > 0, !end.overflow, end.partialValue <= 1020 else {
      return
    }
    messageSPIs = UInt32(base)..<UInt32(end.partialValue)
  }

  /// How findings call a target.
  public func name(of target: Target) -> String {
    switch target {
    case .smmu(let index): smmus[index].place
    case .itsGroup(let index): itsGroups[index].place
    case .messageFrame(let index): messageFrames[index].place
    case .nothing(let what): what
    }
  }

  /// The ITSs of a group that the tables describe.
  public func itses(ofGroup group: Int) -> [ITS] {
    itsGroups[group].identifiers.compactMap { id in itses.first { $0.identifier == id } }
  }
}
