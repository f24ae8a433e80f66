public import Linux

/// When the guest's DMA API invalidates what it has unmapped (`iommu.strict`). Until then the device
/// may reach what was unmapped, and the addresses are given to no other buffer.
public enum UnmapPolicy: String, Choice {
  case strict
  case lazy

  public var meaning: String {
    switch self {
    case .strict: "Before the unmapping returns (iommu.strict=1)."
    case .lazy: "When 255 ranges wait in the flush queue, or after 10 ms (iommu.strict=0)."
    }
  }
}
