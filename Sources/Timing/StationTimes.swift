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

  /// Adds what another spent.
  public mutating func add(_ other: StationTimes) {
    for station in Station.allCases { add(other[station], at: station) }
  }

  /// The sum over all stations.
  public var total: SimulatedTime {
    Station.allCases.reduce(.zero) { $0 + self[$1] }
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
