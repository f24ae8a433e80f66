public import Simulation

/// How long one MSI has spent at each station so far, small enough to have for a million of them.
///
/// Picoseconds in 32 bits, 4.29 ms at most for each station. What does not fit is counted as
/// queueing by `completed(after:)`, as is whatever nobody accounted for.
@frozen
public struct BriefTimes: Sendable {
  @usableFromInline var picoseconds: InlineArray<10, UInt32> = .init(repeating: 0)

  @inlinable
  public init() {}

  /// Spends `time` more at `station`.
  @inlinable
  public mutating func add(_ time: SimulatedTime, at station: Station) {
    let sum = UInt64(picoseconds[station.place]).addingReportingOverflow(time.picoseconds)
    picoseconds[station.place] =
      sum.overflow ? .max : UInt32(clamping: sum.partialValue)
  }

  /// The account of an MSI that took `latency`: its stations sum up to just that.
  @inlinable
  public func completed(after latency: SimulatedTime) -> StationTimes {
    var times = StationTimes()
    // Ten numbers of 32 bits: the sum fits.
    var known: UInt64 = 0
    for place in 0..<10 {
      times.picoseconds[place] = UInt64(picoseconds[place])
      known &+= UInt64(picoseconds[place])
    }
    times.add(latency - SimulatedTime(picoseconds: known), at: .queueing)
    return times
  }
}
