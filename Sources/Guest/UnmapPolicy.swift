/// When the guest's DMA API invalidates what it has unmapped (`iommu.strict`).
public enum UnmapPolicy: String, CaseIterable, Sendable {
  /// Before the unmapping returns.
  case strict
  /// When its flush queue is full: until then the device may still reach what was unmapped. The
  /// kernel also flushes after 10 ms; the model of the guest has no clock.
  case lazy

  /// The ranges that a CPU's flush queue holds (drivers/iommu/dma-iommu.c
  /// `IOVA_DEFAULT_FQ_SIZE`).
  static let queueSize = 256
}
