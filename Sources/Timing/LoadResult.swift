public import Simulation

/// The results of one run of a load, its warm-up left out.
public struct LoadResult: Sendable {
  /// From when the device has an MSI to write to the start of the handler's work, for each MSI that
  /// arrived by itself.
  public private(set) var latencies: ContiguousArray<SimulatedTime>
  /// What was left out at the start of the run.
  public private(set) var warmUp: SimulatedTime
  /// The time that was counted.
  public private(set) var span: SimulatedTime
  /// Whether what was counted is a state that lasts.
  public let settling: Settling
  /// MSIs on their way when counting began, and at its end.
  public private(set) var inFlightBefore: Int
  public private(set) var inFlight: Int
  /// MSIs on their way in the mean over the time.
  public private(set) var meanInFlight: Double
  /// Events that waited for the guests when counting began, and at its end.
  public private(set) var waitingEventsBefore: Int
  public private(set) var waitingEvents: Int
  /// Whether it ran to its end.
  public let isComplete: Bool
  /// How busy what was that others wait for.
  public let uses: [ResourceUse]
  /// Events of the simulation, over the whole run.
  public let steps: Int
  /// The costs that were charged, in the order in which they are declared.
  public let usedCosts: [CostModel.Item]
  /// What each of the guests' works does.
  public let works: [GuestWork: WorkPath]
  /// Where its first MSIs were when; `nil` where that was not asked for.
  public let trace: LoadTrace?
  private(set) var totals: LoadTotals
  /// What was counted up to equal steps of time.
  private var snapshots: [LoadSnapshot]

  /// Into so many slots is a run divided.
  static let slots = 100

  /// What an engine has found.
  init(_ engine: borrowing LoadEngine, isComplete: Bool) {
    self.isComplete = isComplete
    let all = engine.snapshots
    let judged = Self.judge(all)
    let kept = engine.setting.warmUp == nil ? Array(all.dropFirst(judged.cut)) : all
    (settling, snapshots) = (judged.settling, kept)
    uses = ResourceUse.all(kept, all, engine.amounts)
    (steps, usedCosts) = (engine.steps, engine.costs.usedItems)
    (works, trace) = (engine.path.works, engine.trace)
    let (start, end) = Self.ends(kept)
    latencies = ContiguousArray(engine.latencies[start.latencies..<end.latencies])
    (warmUp, span) = (start.time, end.time - start.time)
    (inFlightBefore, inFlight) = (start.inFlight, end.inFlight)
    meanInFlight = Self.meanInFlight(start, end)
    (waitingEventsBefore, waitingEvents) = (start.waitingEvents, end.waitingEvents)
    totals = end.totals.since(start.totals)
  }

  private static func ends(_ snapshots: [LoadSnapshot]) -> (LoadSnapshot, LoadSnapshot) {
    let none = LoadSnapshot()
    return (snapshots.first ?? none, snapshots.last ?? none)
  }

  private static func meanInFlight(_ start: LoadSnapshot, _ end: LoadSnapshot) -> Double {
    let time = Double(max(1, (end.time - start.time).picoseconds))
    return max(0, end.flightTime - start.flightTime) / time
  }

  /// Where the snapshots' latencies and rates have settled, and whether they have.
  private static func judge(_ snapshots: [LoadSnapshot]) -> (cut: Int, settling: Settling) {
    let slots = zip(snapshots, snapshots.dropFirst()).map { $1.totals.since($0.totals) }
    let rate = Settling.judge(slots.map { Double($0.events) })
    let known = slots.indices.filter { slots[$0].delivered > 0 }
    let means = known.map { place in
      Double(slots[place].times.total.picoseconds) / Double(slots[place].delivered)
    }
    let latency = Settling.judge(means)
    guard latency.settling != .tooFew else { return (0, .tooFew) }
    let isMoving = latency.settling == .moving || rate.settling == .moving
    let cut = max(known[latency.cut], min(rate.cut, slots.count / 2))
    return (min(cut, slots.count / 2), isMoving ? .moving : .settled)
  }

  /// The same run in `count` parts of equal length, which are nearly independent of each other: the
  /// means of these batches tell how well the whole is known.
  public func batches(_ count: Int) -> [LoadResult] {
    let slots = snapshots.count - 1
    guard count > 0, slots >= count else { return [] }
    let first = snapshots[0].latencies
    return (0..<count).map { number in
      let (start, end) = (
        snapshots[number * slots / count], snapshots[(number + 1) * slots / count]
      )
      var part = self
      part.snapshots = []
      part.latencies = ContiguousArray(latencies[start.latencies - first..<end.latencies - first])
      (part.warmUp, part.span) = (start.time, end.time - start.time)
      (part.inFlightBefore, part.inFlight) = (start.inFlight, end.inFlight)
      part.meanInFlight = Self.meanInFlight(start, end)
      (part.waitingEventsBefore, part.waitingEvents) = (start.waitingEvents, end.waitingEvents)
      part.totals = end.totals.since(start.totals)
      return part
    }
  }
}

extension LoadResult {
  /// Where those MSIs spent their time; sums up to the sum of the latencies.
  public var times: StationTimes { totals.times }
  /// MSIs that the devices wrote.
  public var sent: Int { totals.sent }
  /// MSIs that arrived by themselves.
  public var delivered: Int { totals.delivered }
  /// MSIs that found their interrupt pending and arrived with it.
  public var merged: Int { totals.merged }
  /// MSIs that never arrive.
  public var lost: Int { totals.lost }
  /// Events (completions, packets) that the guests handled.
  public var events: Int { totals.events }
  /// Events that were offered: those handled, dropped or still waiting.
  public var offered: Int { totals.offered }
  /// Events that found their ring full.
  public var dropped: Int { totals.dropped }
  /// Injections for which KVM walked the virtual ITS' tables, in a work queue.
  public var slowInjections: Int { totals.slowInjections }
  /// Wake-ups of virtual CPUs that KVM still polled for.
  public var polledWakeUps: Int { totals.polledWakeUps }
  /// Interrupts that the guests moved.
  public var moves: Int { count(of: .move) }
  /// Time of physical CPUs that the host spent on deliveries and on what guests asked for.
  public var hostTime: SimulatedTime { totals.hostTime }
  /// The part of it that a running virtual CPU lost.
  public var stolenTime: SimulatedTime { totals.stolenTime }
  /// Time of virtual CPUs in handlers and on events, without what the host did meanwhile.
  public var guestTime: SimulatedTime { totals.guestTime }
  /// What bounds the load: the busiest first.
  public var bottlenecks: [ResourceUse] {
    uses.filter(\.isBottleneck).sorted { $0.hottest > $1.hottest }
  }

  /// How often the guests' kernels did a work.
  public func count(of work: GuestWork) -> Int { totals.work[work.place] }

  /// Exits of one cause: those of deliveries and of idle virtual CPUs, and those of the guests'
  /// works.
  public func exits(_ cause: ExitCause) -> Int {
    GuestWork.allCases.reduce(totals.exits[cause.place]) { sum, work in
      let each = works[work]?.exits.reduce(0) { $1.cause == cause ? $0 + $1.count : $0 } ?? 0
      return sum + each * count(of: work)
    }
  }

  /// Exits of one of the guests' works, reads or writes.
  public func exits(of work: GuestWork, isRead: Bool) -> Int {
    let each = works[work]?.exits.reduce(0) { $1.isRead == isRead ? $0 + $1.count : $0 } ?? 0
    return each * count(of: work)
  }

  /// The causes that a load can have; guests are not set up in it.
  public static let causes: [ExitCause] = [
    .physicalInterrupt, .kick, .maintenance, .vPEDoorbell, .msixTable, .virtualSMMU, .virtualITS,
    .virtualRedistributor, .waitForInterrupt, .timeSlice,
  ]

  /// All of them.
  public var exits: Int { ExitCause.allCases.reduce(0) { $0 + exits($1) } }

  /// Handled events in a second.
  public var throughput: Double { perSecond(events) }
  /// Sent MSIs in a second.
  public var messageRate: Double { perSecond(sent) }
  /// MSIs that arrived in a second, by themselves or with another.
  public var arrivalRate: Double { perSecond(delivered + merged) }

  private func perSecond(_ count: Int) -> Double {
    span == .zero ? 0 : Double(count) / (Double(span.picoseconds) * 1e-12)
  }

  /// `total` for each MSI that arrived, with those that merged, in nanoseconds.
  public func perInterrupt(_ total: SimulatedTime) -> Double {
    let count = delivered + merged
    return count == 0 ? 0 : Double(total.picoseconds) / 1000 / Double(count)
  }
}

extension ResourceUse {
  /// The use of each resource between the first and the last of the snapshots that count.
  ///
  /// - Parameters:
  ///   - all: those of the whole run, of which every tenth knows each device and CPU.
  ///   - amounts: the servers of each unit of each resource.
  static func all(
    _ counted: [LoadSnapshot], _ all: [LoadSnapshot],
    _ amounts: [(resource: LoadResource, servers: [Int])]
  ) -> [ResourceUse] {
    guard let start = counted.first, let end = counted.last, start.time < end.time else {
      return []
    }
    let before = all.last { $0.time <= start.time && !$0.units.isEmpty }
    let longer = Double((end.time - (before?.time ?? start.time)).picoseconds)
    let units = zip(before?.units ?? [], end.units).map { ($1 - $0) / longer }
    let time = Double((end.time - start.time).picoseconds)
    var place = 0
    return amounts.compactMap { resource, servers -> ResourceUse? in
      let (count, whole) = (servers.count, servers.reduce(0, +))
      guard count > 0 else { return nil }
      let range = units.count >= place + count ? place..<place + count : 0..<0
      place += count
      let mean =
        (end.used[resource.place] - start.used[resource.place]) / time / Double(max(1, whole))
      let hottest = range.map { units[$0] / Double(max(1, servers[$0 - range.lowerBound])) }.max()
      return ResourceUse(
        resource: resource, servers: whole, mean: min(1, max(0, mean)),
        hottest: min(1, max(0, hottest ?? 0, mean)),
        waiting: max(0, end.waited[resource.place] - start.waited[resource.place]) / time)
    }
  }
}
