public import Bits

/// The bytes of the tables that a VMM writes for its guest.
public struct GuestTables: Equatable, Sendable {
  public let iort: [UInt8]
  public let madt: [UInt8]
  public let dsdt: [UInt8]

  public init(iort: [UInt8], madt: [UInt8], dsdt: [UInt8]) {
    self.iort = iort
    self.madt = madt
    self.dsdt = dsdt
  }
}

/// What the tables that a VMM writes tell its guest, as far as MSIs depend on it.
public struct GuestFirmware: Equatable, Sendable {
  /// The ITS's control frame (MADT, GIC ITS structure).
  public let itsBase: IPA
  /// The redistributors (MADT, GICR structure).
  public let redistributors: IPA
  /// The SMMU's register page 0 (IORT, SMMUv3 node); `nil` without an SMMU.
  public let smmuBase: IPA?
  /// The IORT's RMR nodes.
  public let reserved: [ReservedMemoryRange]
  /// Whether the host bridge's _DSM function 5 keeps the boot configuration: without it Linux
  /// ignores RMRs for PCI devices (`iort_rmr_has_dev`).
  public let preservesBootConfiguration: Bool

  public init(
    itsBase: IPA, redistributors: IPA, smmuBase: IPA?, reserved: [ReservedMemoryRange],
    preservesBootConfiguration: Bool
  ) {
    self.itsBase = itsBase
    self.redistributors = redistributors
    self.smmuBase = smmuBase
    self.reserved = reserved
    self.preservesBootConfiguration = preservesBootConfiguration
  }

  /// What a guest reads from its tables, as Linux does: RMRs count from IORT revision 5 on and for
  /// the SMMU and streams that their ID mappings name.
  ///
  /// - Throws: `FirmwareError` when a table cannot be read, or there is no ITS or redistributor.
  public init(reading tables: GuestTables) throws(FirmwareError) {
    let facts = PlatformFacts(
      iort: try IORTTable(tables.iort), madt: try MADTTable(tables.madt), mcfg: nil,
      bridges: try HostBridgeScan(tables.dsdt))
    guard let its = facts.itses.first else { throw FirmwareError("No ITS in the MADT") }
    guard let redistributors = facts.areas.first(where: { $0.name == "GICR" }) else {
      throw FirmwareError("No valid GICR entries exist")
    }
    let smmu = facts.smmus.firstIndex(where: \.isVersion3)
    let reserved = facts.reserved.filter(\.isHeeded).flatMap { range in
      range.streams.filter { $0.smmu == smmu }.map { streams in
        ReservedMemoryRange(
          base: IPA(range.base), length: range.length, remapPermitted: range.remapPermitted,
          streams: streams.ids, isPrivileged: range.isPrivileged, attributes: range.attributes,
          isMessageAlias: range.isMessageAlias)
      }
    }
    self.init(
      itsBase: IPA(its.base), redistributors: IPA(redistributors.base),
      smmuBase: smmu.map { IPA(facts.smmus[$0].base) }, reserved: reserved,
      preservesBootConfiguration: facts.bootConfiguration == .preserved)
  }
}
