public import Simulation

/// The results of one run of a load, its warm-up left out.
public struct LoadResult: Sendable {
  /// From the device's write to the start of the handler's work, for each MSI that arrived by
  /// itself.
  public var latencies: ContiguousArray<SimulatedTime> = []
  /// Where those MSIs spent their time; sums up to the sum of the latencies.
  public var times = StationTimes()
  /// MSIs that the devices wrote.
  public var sent = 0
  /// MSIs that found their interrupt pending and arrived with it.
  public var merged = 0
  /// Events (completions, packets) that the guests handled.
  public var events = 0
  /// Events that were offered: those handled, dropped or still waiting.
  public var offered = 0
  /// Events that found their ring full.
  public var dropped = 0
  public var moves = 0
  var exitCounts: InlineArray<13, Int> = .init(repeating: 0)
  /// Time of physical CPUs that the host spent on deliveries.
  public var hostTime = SimulatedTime.zero
  /// The part of it that a running virtual CPU lost.
  public var stolenTime = SimulatedTime.zero
  /// Time of virtual CPUs in handlers and on events.
  public var guestTime = SimulatedTime.zero
  /// The time that was counted.
  public var span = SimulatedTime.zero
  /// Events of the simulation, over the whole run.
  public var steps = 0
  /// The costs that were charged, in the order in which they are declared.
  public var usedCosts: [CostModel.Item] = []
  /// Where its first MSIs were when; `nil` where that was not asked for.
  public var trace: LoadTrace?

  public var delivered: Int { latencies.count }
  public func exits(_ cause: ExitCause) -> Int { exitCounts[cause.place] }
  /// The causes that a load can have; guests are not set up in it.
  public static let causes: [ExitCause] = [
    .physicalInterrupt, .kick, .maintenance, .vPEDoorbell, .msixTable, .virtualSMMU, .virtualITS,
    .waitForInterrupt, .timeSlice,
  ]
  public var exits: Int { ExitCause.allCases.reduce(0) { $0 + exits($1) } }

  /// Handled events in a second.
  public var throughput: Double { perSecond(events) }
  /// Sent MSIs in a second.
  public var messageRate: Double { perSecond(sent) }

  private func perSecond(_ count: Int) -> Double {
    span == .zero ? 0 : Double(count) / (Double(span.picoseconds) * 1e-12)
  }

  /// `total` for each MSI that arrived, with those that merged, in nanoseconds.
  public func perInterrupt(_ total: SimulatedTime) -> Double {
    let count = delivered + merged
    return count == 0 ? 0 : Double(total.picoseconds) / 1000 / Double(count)
  }
}
