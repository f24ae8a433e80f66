public import Bits

/// What the tables that a VMM writes tell its guest, as far as MSIs depend on it.
public struct GuestFirmware: Equatable, Sendable {
  /// The ITS's control frame (MADT, GIC ITS structure).
  public let itsBase: IPA
  /// The redistributors (MADT, GICR structure).
  public let redistributors: IPA
  /// The SMMU's register page 0 (IORT, SMMUv3 node).
  public let smmuBase: IPA
  /// The IORT's RMR nodes.
  public let reserved: [ReservedMemoryRange]
  /// Whether the host bridge's _DSM function 5 keeps the boot configuration: without it Linux
  /// ignores RMRs for PCI devices (`iort_rmr_has_dev`).
  public let preservesBootConfiguration: Bool

  public init(
    itsBase: IPA, redistributors: IPA, smmuBase: IPA, reserved: [ReservedMemoryRange],
    preservesBootConfiguration: Bool
  ) {
    self.itsBase = itsBase
    self.redistributors = redistributors
    self.smmuBase = smmuBase
    self.reserved = reserved
    self.preservesBootConfiguration = preservesBootConfiguration
  }
}
