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

  public init(base: IPA, length: UInt64, remapPermitted: Bool, streams: ClosedRange<UInt32>) {
    self.base = base
    self.length = length
    self.remapPermitted = remapPermitted
    self.streams = streams
  }
}
