internal import Bits

/// The DMA API's queue of ranges that are unmapped and not yet invalidated, which nobody may be
/// given meanwhile: that of one domain and one CPU (`struct iova_fq`, drivers/iommu/dma-iommu.c).
public struct FlushQueue: Equatable, Sendable {
  /// `IOVA_DEFAULT_FQ_SIZE`: the ring's places, of which one stays empty (`fq_full`).
  public static let size = 256
  /// `IOVA_DEFAULT_FQ_TIMEOUT` in milliseconds, from the first range that waits on. A kernel rounds it
  /// up to ticks: of a recorded guest with CONFIG_HZ=250 the flushes stand 16 ms apart.
  public static let timeout: UInt64 = 10

  /// The ranges that wait, each by its first address.
  private(set) var ranges: [IOVA] = []
  private var isTimerOn = false

  var isFull: Bool { ranges.count == Self.size - 1 }

  /// Queues a range; whether the timer starts with it (`queue_iova`).
  mutating func add(_ range: IOVA) -> Bool {
    ranges.append(range)
    defer { isTimerOn = true }
    return !isTimerOn
  }

  /// Everything is invalidated: what may be given out again (`fq_ring_free`).
  mutating func takeAll() -> [IOVA] {
    defer { ranges = [] }
    return ranges
  }

  /// The timer has run down (`fq_flush_timeout`).
  mutating func stopTimer() { isTimerOn = false }
}
