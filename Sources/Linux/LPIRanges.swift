/// LPIs that no device has, as ranges, lowest first (`lpi_range_list` of irq-gic-v3-its.c).
public struct LPIRanges: Sendable {
  private var free: [Range<UInt32>]

  init(_ all: Range<UInt32>) { free = [all] }

  /// The lowest free run of `count` LPIs, or of half as many, and so on (`its_lpi_alloc`); `nil`
  /// when none is left.
  mutating func take(_ count: UInt32) -> Range<UInt32>? {
    var count = count
    while count > 0 {
      if let index = free.firstIndex(where: { $0.count >= count }) {
        let range = free[index]
        let taken = range.lowerBound..<(range.lowerBound + count)
        free[index] = taken.upperBound..<range.upperBound
        return taken
      }
      count /= 2
    }
    return nil
  }

  /// Makes a range free again, and one with its neighbours (`free_lpi_range`).
  mutating func giveBack(_ lpis: Range<UInt32>) {
    var merged: [Range<UInt32>] = []
    for range in (free + [lpis]).sorted(by: { $0.lowerBound < $1.lowerBound })
    where !range.isEmpty {
      if let last = merged.last, last.upperBound == range.lowerBound {
        merged[merged.count - 1] = last.lowerBound..<range.upperBound
      } else {
        merged.append(range)
      }
    }
    free = merged
  }
}
