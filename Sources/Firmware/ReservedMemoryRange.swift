public import Bits

/// An IORT reserved memory range node (DEN 0049E, 3.1.1.5): addresses that firmware asks to be
/// mapped one to one for some streams.
public struct ReservedMemoryRange: Equatable, Sendable {
  /// The first address.
  public let base: IPA
  /// Length in bytes.
  public let length: UInt64
  /// Flag bit 0: the range may be remapped when the device is assigned.
  public let remapPermitted: Bool
  /// The streams that the node's ID mapping names.
  public let streams: ClosedRange<UInt32>
  /// Flag bit 1: only privileged accesses are meant.
  public let isPrivileged: Bool
  /// Flag bits 9:2: 0 to 3 device memory, 4 normal non-cacheable, 5 normal write-back.
  public let attributes: UInt8

  /// Flag bit 10, which no revision defines: the range is an alias of the guest's doorbell, as the
  /// proposal for `IOMMU_RESV_MSI_DIRECT` would have to say.
  public let isMessageAlias: Bool

  public init(
    base: IPA, length: UInt64, remapPermitted: Bool, streams: ClosedRange<UInt32>,
    isPrivileged: Bool = false, attributes: UInt8 = 0,
    isMessageAlias: Bool = false
  ) {
    self.isMessageAlias = isMessageAlias
    self.isPrivileged = isPrivileged
    self.attributes = attributes
    self.base = base
    self.length = length
    self.remapPermitted = remapPermitted
    self.streams = streams
  }
}
