public import Simulation

/// How long an MSI, or all MSIs of a run, spent at each station.
@frozen
public struct StationTimes: Sendable {
  @usableFromInline var picoseconds: InlineArray<10, UInt64> = .init(repeating: 0)

  @inlinable
  public init() {}

  @inlinable
  public subscript(_ station: Station) -> SimulatedTime {
    SimulatedTime(picoseconds: picoseconds[station.place])
  }

  /// Spends `time` more at `station`; the far end of time when it does not fit.
  @inlinable
  public mutating func add(_ time: SimulatedTime, at station: Station) {
    picoseconds[station.place] = (self[station] + time).picoseconds
  }

  /// The account of an MSI that took `latency`: what no other station explains is queueing, so
  /// that the stations sum up to just that.
  public func completed(after latency: SimulatedTime) -> StationTimes {
    var times = self
    times.add(latency - total, at: .queueing)
    return times
  }

  /// Adds what another spent.
  public mutating func add(_ other: StationTimes) {
    for place in 0..<10 {
      let sum = picoseconds[place].addingReportingOverflow(other.picoseconds[place])
      picoseconds[place] = sum.overflow ? .max : sum.partialValue
    }
  }

  /// What was spent since `start`, an earlier state of this account.
  func since(_ start: StationTimes) -> StationTimes {
    var times = self
    for place in 0..<10 {
      times.picoseconds[place] =
        (SimulatedTime(picoseconds: picoseconds[place])
        - SimulatedTime(picoseconds: start.picoseconds[place])).picoseconds
    }
    return times
  }

  /// The sum over all stations.
  public var total: SimulatedTime {
    var sum = SimulatedTime.zero
    for place in 0..<10 { sum += SimulatedTime(picoseconds: picoseconds[place]) }
    return sum
  }

  /// The mean over `count` MSIs, in nanoseconds; zero for none.
  public func mean(_ station: Station, over count: Int) -> Double {
    count == 0 ? 0 : Double(picoseconds[station.place]) / Double(count) / 1000
  }
}

extension StationTimes: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    Station.allCases.allSatisfy { left[$0] == right[$0] }
  }
}
