/// When the guest's DMA API invalidates what it has unmapped (`iommu.strict`).
public enum UnmapPolicy: String, CaseIterable, Sendable {
  /// Before the unmapping returns.
  case strict
  /// When its flush queue is full, or 10 ms after the first range went there: until then the device
  /// may still reach what was unmapped, and nobody else is given the addresses.
  case lazy
}
