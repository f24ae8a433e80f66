public import Bits

/// Where a VMM puts what its guest sees, as IPAs.
public struct AddressMap: Equatable, Sendable {
  public var distributor: IPA
  public var itsBase: IPA
  public var redistributors: IPA
  /// The length of the region that they stand in.
  public var redistributorsSize: UInt64
  /// One 64 KiB pair of frames for each CPU.
  public var redistributorStride: UInt64
  /// A second region, for the virtual CPUs that the first has no frames for.
  public var furtherRedistributors: AddressRange?
  /// The first vSMMU's register page 0; page 1 follows 64 KiB later, and then further vSMMUs.
  public var smmuBase: IPA
  /// The first assigned function's MSI-X table, behind its BAR; those of further functions follow
  /// 64 KiB apart.
  public var msixTable: IPA
  public var ramBase: IPA
  public var ramSize: UInt64
  /// RAM beside the first range.
  public var furtherRAM: [AddressRange] = []
  /// The page of the GICv2m frame; `nil` with a virtual ITS.
  public var messageFrame: IPA?
  /// Where a GICv2m frame stands when the machine has one instead of an ITS.
  public var messageFramePlace: IPA
  /// The reserved memory range that firmware advertises; `nil` for the software MSI window, with
  /// the flags that a design asks for.
  public var reservedRange: ReservedRange?
  /// PCI configuration space, and the windows that BARs stand in; none where nothing is known.
  public var ecam: AddressRange?
  public var windows: [AddressRange] = []

  /// A reserved memory range of the IORT (RMR), as a map says it.
  public struct ReservedRange: Equatable, Sendable {
    public var range: AddressRange
    /// Flag bit 0, remapping permitted; `nil` for what a design asks for.
    public var remapPermitted: Bool?
    /// The requester IDs of the guest that it holds for; `nil` for those behind each vSMMU.
    public var requesters: ClosedRange<UInt16>?
    /// Flag bit 1: stage 1 maps it for privileged accesses only.
    public var isPrivileged = false
    /// Flag bits 9:2.
    public var attributes = Attributes.deviceNGNRNE

    /// How stage 1 maps a reserved range (IORT revision E.d, table 17).
    public enum Attributes: UInt8, CaseIterable, Sendable {
      case deviceNGNRNE
      case deviceNGNRE
      case deviceNGRE
      case deviceGRE
      case normalNonCacheable
      case normalWriteBack

      /// Whether it is device memory.
      public var isDevice: Bool { rawValue < Self.normalNonCacheable.rawValue }
    }

    public init(
      range: AddressRange, remapPermitted: Bool? = nil, requesters: ClosedRange<UInt16>? = nil
    ) {
      self.range = range
      self.remapPermitted = remapPermitted
      self.requesters = requesters
    }
  }

  public init(
    distributor: IPA, itsBase: IPA, redistributors: IPA, redistributorsSize: UInt64,
    redistributorStride: UInt64 = 0x2_0000, smmuBase: IPA, msixTable: IPA, ramBase: IPA,
    ramSize: UInt64 = 768 << 20, messageFramePlace: IPA, ecam: AddressRange? = nil,
    windows: [AddressRange] = []
  ) {
    self.distributor = distributor
    self.itsBase = itsBase
    self.redistributors = redistributors
    self.redistributorsSize = redistributorsSize
    self.redistributorStride = redistributorStride
    self.smmuBase = smmuBase
    self.msixTable = msixTable
    self.ramBase = ramBase
    self.ramSize = ramSize
    self.messageFramePlace = messageFramePlace
    self.ecam = ecam
    self.windows = windows
  }

  /// The SPIs of the GICv2m frame: 64 from SPI 48 on (QEMU, hw/arm/virt.c `NUM_GICV2M_SPIS`,
  /// `irqmap`).
  public static let messageSPIs: Range<UInt32> = 80..<144

  /// The virtual ITS's doorbell, `GITS_TRANSLATER`, or that of the GICv2m frame, `MSI_SETSPI_NS`.
  public var doorbell: IPA { messageFrame.map { $0 + 0x40 } ?? itsBase + 0x1_0040 }

  /// Virtual CPUs that have frames in both regions.
  public var redistributorFrames: Int {
    let regions =
      redistributorsSize / max(1, redistributorStride)
      &+ (furtherRedistributors?.length ?? 0) / max(1, redistributorStride)
    return Int(clamping: regions)
  }

  /// Virtual CPUs that have frames in the first region.
  public var firstRedistributors: Int {
    Int(clamping: redistributorsSize / max(1, redistributorStride))
  }

  /// The address of a virtual CPU's redistributor.
  public func redistributor(of cpu: Int) -> IPA {
    guard let further = furtherRedistributors, cpu >= firstRedistributors else {
      return redistributors + UInt64(cpu) * redistributorStride
    }
    return IPA(further.base) + UInt64(cpu - firstRedistributors) * redistributorStride
  }

  /// All RAM.
  public var ram: [AddressRange] {
    [AddressRange(from: ramBase.rawValue, length: ramSize)] + furtherRAM
  }

  /// What stands where beside the functions' BARs, each with its name and its field in a file.
  public func parts(smmus: Int = 1) -> [(name: String, field: String, range: AddressRange)] {
    var parts = [
      ("GICD", "gicd", AddressRange(from: distributor.rawValue, length: 0x1_0000)),
      ("GICR", "gicr", AddressRange(from: redistributors.rawValue, length: redistributorsSize)),
    ]
    if let furtherRedistributors {
      parts.append(("GICR 2", "gicr", furtherRedistributors))
    }
    if let messageFrame {
      parts.append(("v2m frame", "v2m", AddressRange(from: messageFrame.rawValue, length: 0x1000)))
    } else {
      parts.append(("ITS", "its", AddressRange(from: itsBase.rawValue, length: 0x2_0000)))
    }
    for index in 0..<smmus {
      parts.append(
        (
          smmus == 1 ? "SMMU" : "SMMU \(index)", "smmu",
          AddressRange(from: smmu(index).rawValue, length: 0x2_0000)
        ))
    }
    if let ecam { parts.append(("ECAM", "ecam", ecam)) }
    for (index, range) in ram.enumerated() {
      parts.append((index == 0 ? "RAM" : "RAM \(index + 1)", "ram", range))
    }
    return parts
  }

  /// The names of the parts that lie over a range of addresses.
  public func parts(over range: Range<UInt64>) -> [String] {
    let range = AddressRange(from: range.lowerBound, length: UInt64(range.count))
    let parts: KeyValuePairs<String, AddressRange> = [
      "GICD": AddressRange(from: distributor.rawValue, length: 0x1_0000),
      "ITS": AddressRange(from: itsBase.rawValue, length: 0x2_0000),
      "GICR": AddressRange(from: redistributors.rawValue, length: redistributorsSize),
      "SMMU": AddressRange(from: smmuBase.rawValue, length: 0x2_0000),
      "RAM": AddressRange(from: ramBase.rawValue, length: ramSize),
    ]
    return parts.filter { range.overlaps($0.value) }.map(\.key)
  }

  /// Where vSMMU number `index` stands.
  public func smmu(_ index: Int) -> IPA { smmuBase + UInt64(index) * 0x2_0000 }

  /// Where the MSI-X table of assigned function number `index` stands.
  public func msixTable(of index: Int) -> IPA { msixTable + UInt64(index) * Self.barSpacing }

  /// The distance of two assigned functions' BARs.
  public static let barSpacing: UInt64 = 0x1_0000

  /// The same with a GICv2m frame instead of the ITS.
  public var withMessageFrame: AddressMap {
    var map = self
    map.messageFrame = messageFramePlace
    return map
  }
}
