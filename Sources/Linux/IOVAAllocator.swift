public import Bits

/// The DMA API's allocator of I/O virtual addresses: top down from the 32-bit limit, as
/// `iommu_dma_alloc_iova` does for a PCI device (`drivers/iommu/dma-iommu.c`, `iova.c`).
public struct IOVAAllocator: Sendable {
  private let granule: UInt64
  /// Ranges in use, highest first: reserved ones, and those handed out or taken.
  private var used: [(range: Range<UInt64>, isReserved: Bool)] = []
  private let limit: UInt64

  /// - Parameters:
  ///   - granule: log2 of the page size.
  ///   - reserved: ranges that are never handed out.
  ///   - dmaBits: of the device's DMA mask, 1 to 64: what it can address at all.
  public init(granule: UInt64, reserved: [Range<UInt64>], dmaBits: Int = 64) {
    self.granule = granule
    limit = 1 << UInt64(min(max(dmaBits, 1), 32))
    used = reserved.sorted { $0.lowerBound > $1.lowerBound }.map { ($0, true) }
  }

  /// The highest free range of `size` bytes, aligned to its size rounded up to a power of two;
  /// `nil` when there is none.
  public mutating func allocate(size: UInt64) -> IOVA? {
    guard size <= limit else { return nil }
    let pages = max(1, (size &+ lowBits(granule)) >> granule)
    let length = pages << granule
    let alignment = UInt64(1) << (granule + UInt64(64 - (pages - 1).leadingZeroBitCount))
    var top = limit
    for (index, entry) in used.enumerated() {
      if let base = fit(below: top, above: lowest(from: index), length, alignment) {
        used.insert((base..<base + length, false), at: index)
        return IOVA(base)
      }
      top = min(top, entry.range.lowerBound)
    }
    // Page 0 is never handed out.
    guard let base = fit(below: top, above: 1 << granule, length, alignment) else { return nil }
    used.append((base..<base + length, false))
    return IOVA(base)
  }

  /// Returns the start of the free space above the range at `index`. A recorded guest may have
  /// taken ranges that overlap, so a lower one may reach further up.
  private func lowest(from index: Int) -> UInt64 {
    used[index...].reduce(1 << granule) { max($0, $1.range.upperBound) }
  }

  private func fit(
    below top: UInt64, above bottom: UInt64, _ length: UInt64, _ alignment: UInt64
  ) -> UInt64? {
    guard top >= length, top - length >= bottom else { return nil }
    let base = (top - length) & ~(alignment - 1)
    return base >= bottom ? base : nil
  }

  /// Takes a range that a recorded guest was given.
  public mutating func take(_ base: IOVA, size: UInt64) {
    let end = base.rawValue.addingReportingOverflow(max(1, size))
    let range = base.rawValue..<(end.overflow ? .max : end.partialValue)
    let place = used.firstIndex { $0.range.lowerBound < range.lowerBound } ?? used.endIndex
    used.insert((range, false), at: place)
  }

  /// Gives a range back.
  public mutating func free(_ base: IOVA) {
    let index = used.firstIndex { !$0.isReserved && $0.range.lowerBound == base.rawValue }
    if let index { used.remove(at: index) }
  }
}
