public import Bits

/// The bytes of the tables that a VMM writes for its guest.
public struct GuestTables: Equatable, Sendable {
  public let iort: [UInt8]
  public let madt: [UInt8]
  public let dsdt: [UInt8]
  /// Instead of the others; empty where there is none.
  public let deviceTree: [UInt8]

  public init(iort: [UInt8], madt: [UInt8], dsdt: [UInt8]) {
    self.iort = iort
    self.madt = madt
    self.dsdt = dsdt
    deviceTree = []
  }

  /// For a guest that boots with a device tree.
  public init(deviceTree: [UInt8]) {
    (iort, madt, dsdt) = ([], [], [])
    self.deviceTree = deviceTree
  }

  /// Returns the facts of the tables.
  fileprivate func facts() throws(FirmwareError) -> PlatformFacts {
    guard deviceTree.isEmpty else {
      do { return PlatformFacts(try DeviceTreeBlob(deviceTree)) } catch {
        throw FirmwareError(error.description)
      }
    }
    return PlatformFacts(
      iort: try IORTTable(iort), madt: try MADTTable(madt), mcfg: nil,
      bridges: try HostBridgeScan(dsdt))
  }
}

/// Facts that a VMM's tables tell its guest, as far as MSIs depend on them.
public struct GuestFirmware: Equatable, Sendable {
  /// The ITS's control frame (MADT, GIC ITS structure); `nil` without an ITS.
  public let itsBase: IPA?
  /// A GICv2m frame of the guest (MADT, GIC MSI frame structure).
  public struct MessageFrame: Equatable, Sendable {
    public let base: IPA
    /// INTIDs.
    public let spis: Range<UInt32>
    /// The distributor that they belong to.
    public let distributor: IPA

    public init(base: IPA, spis: Range<UInt32>, distributor: IPA) {
      self.base = base
      self.spis = spis
      self.distributor = distributor
    }
  }

  /// GICv2m frame that takes MSIs if there is no ITS; Linux prefers the ITS if there are both.
  public let messageFrame: MessageFrame?
  /// The redistributors (MADT, GICR structure).
  public let redistributors: IPA
  /// A region of redistributors behind the first, and how many the first has room for.
  public var furtherRedistributors: IPA?
  public var firstRedistributors = Int.max
  /// An SMMUv3 of the guest (IORT, SMMUv3 node).
  public struct SMMU: Equatable, Sendable {
    /// Register page 0.
    public let base: IPA
    /// The requester IDs that are its streams.
    public let requesterIDs: [ClosedRange<UInt32>]

    public init(base: IPA, requesterIDs: [ClosedRange<UInt32>]) {
      self.base = base
      self.requesterIDs = requesterIDs
    }
  }

  /// In the order of the tables; empty without an SMMU.
  public let smmus: [SMMU]
  /// The IORT's RMR nodes.
  public let reserved: [ReservedMemoryRange]
  /// Whether the host bridge's _DSM function 5 keeps the boot configuration: without it Linux
  /// ignores RMRs for PCI devices (`iort_rmr_has_dev`).
  public let preservesBootConfiguration: Bool

  public init(
    itsBase: IPA?, redistributors: IPA, smmus: [SMMU], reserved: [ReservedMemoryRange],
    preservesBootConfiguration: Bool, messageFrame: MessageFrame? = nil
  ) {
    self.itsBase = itsBase
    self.messageFrame = messageFrame
    self.redistributors = redistributors
    self.smmus = smmus
    self.reserved = reserved
    self.preservesBootConfiguration = preservesBootConfiguration
  }

  /// The SMMU in front of a PCI function; `nil` where its requests pass none.
  public func smmu(of requesterID: UInt32) -> Int? {
    smmus.firstIndex { $0.requesterIDs.contains { $0.contains(requesterID) } }
  }

  /// Reads the tables of a guest as Linux does: RMRs count from IORT revision 5 on and for the SMMU
  /// and streams that their ID mappings name.
  ///
  /// - Throws: `FirmwareError` when a table cannot be read, or there is no redistributor, or
  ///   neither an ITS nor a GICv2m frame.
  public init(reading tables: GuestTables) throws(FirmwareError) {
    let facts = try tables.facts()
    let its = facts.itses.first
    let frame = its == nil ? facts.messageFrame : nil
    guard its != nil || frame != nil else {
      throw FirmwareError("No ITS and no GICv2m frame in the tables")
    }
    guard let redistributors = facts.areas.first(where: { $0.name == "GICR" }) else {
      throw FirmwareError("No valid GICR entries exist")
    }
    self.init(
      itsBase: its.map { IPA($0.base) }, redistributors: IPA(redistributors.base),
      smmus: facts.smmus.indices.filter { facts.smmus[$0].isVersion3 }.map { index in
        SMMU(
          base: IPA(facts.smmus[index].base), requesterIDs: facts.requesterIDs(behind: index))
      },
      reserved: facts.heededRanges,
      preservesBootConfiguration: facts.bootConfiguration == .preserved, messageFrame: frame)
    // Two frames of 64 KiB for each virtual CPU.
    firstRedistributors = Int(clamping: redistributors.length / 0x2_0000)
    furtherRedistributors = facts.areas.filter { $0.name == "GICR" }.dropFirst().first
      .map { IPA($0.base) }
  }
}

extension PlatformFacts {
  /// The first GICv2m frame with its SPIs, and the distributor (`gicv2m_init_one`).
  fileprivate var messageFrame: GuestFirmware.MessageFrame? {
    guard let frame = messageFrames.first, let spis = messageSPIs,
      let distributor = areas.first(where: { $0.name == "GICD" })
    else { return nil }
    return GuestFirmware.MessageFrame(
      base: IPA(frame.base), spis: spis, distributor: IPA(distributor.base))
  }

  /// The reserved ranges that Linux heeds, for each run of streams of an SMMUv3 that they name.
  fileprivate var heededRanges: [ReservedMemoryRange] {
    reserved.filter(\.isHeeded).flatMap { range in
      range.streams.filter { smmus[$0.smmu].isVersion3 }.map { streams in
        ReservedMemoryRange(
          base: IPA(range.base), length: range.length, remapPermitted: range.remapPermitted,
          streams: streams.ids, isPrivileged: range.isPrivileged, attributes: range.attributes,
          isMessageAlias: range.isMessageAlias)
      }
    }
  }

  /// The requester IDs that the first root complex maps to an SMMU.
  fileprivate func requesterIDs(behind smmu: Int) -> [ClosedRange<UInt32>] {
    (rootComplexes.first?.streams ?? []).filter { $0.target == .smmu(smmu) }.map(\.input)
  }
}
