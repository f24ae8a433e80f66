internal import Simulation

/// What a load has counted from its start up to some time.
struct LoadTotals: Sendable {
  var sent = 0
  var merged = 0
  var delivered = 0
  var lost = 0
  var events = 0
  var offered = 0
  var dropped = 0
  var slowInjections = 0
  var polledWakeUps = 0
  var exits: InlineArray<13, Int> = .init(repeating: 0)
  /// How often guests' kernels did each of their works.
  var work: InlineArray<4, Int> = .init(repeating: 0)
  var times = StationTimes()
  var hostTime = SimulatedTime.zero
  var stolenTime = SimulatedTime.zero
  var guestTime = SimulatedTime.zero
  /// The sum of the times at which MSIs were sent, and of those at which they ended, in
  /// picoseconds: what the MSIs in flight at any time follow from.
  var sentAt: UInt128 = 0
  var endedAt: UInt128 = 0

  /// What was counted since `start`.
  func since(_ start: LoadTotals) -> LoadTotals {
    var result = self
    result.sent -= start.sent
    result.merged -= start.merged
    result.delivered -= start.delivered
    result.lost -= start.lost
    result.events -= start.events
    result.offered -= start.offered
    result.dropped -= start.dropped
    result.slowInjections -= start.slowInjections
    result.polledWakeUps -= start.polledWakeUps
    for place in 0..<13 { result.exits[place] -= start.exits[place] }
    for place in 0..<4 { result.work[place] -= start.work[place] }
    result.times = times.since(start.times)
    result.hostTime = hostTime - start.hostTime
    result.stolenTime = stolenTime - start.stolenTime
    result.guestTime = guestTime - start.guestTime
    result.sentAt = sentAt &- start.sentAt
    result.endedAt = endedAt &- start.endedAt
    return result
  }
}

/// The state of a load's counts at one time.
struct LoadSnapshot: Sendable {
  var time = SimulatedTime.zero
  var totals = LoadTotals()
  /// How many latencies were known.
  var latencies = 0
  var inFlight = 0
  /// Events that were offered and neither handled nor dropped.
  var waitingEvents = 0
  /// For each resource: how long all of its servers served, and how long requests waited, in
  /// picoseconds.
  var used = InlineArray<10, Double>(repeating: 0)
  var waited = InlineArray<10, Double>(repeating: 0)
  /// How long each device or CPU served, in the order of resources; empty in most snapshots.
  var units: [Double] = []

  /// The sum over all MSIs of the time that they were in flight up to now, in picoseconds.
  var flightTime: Double {
    let whole = UInt128(inFlight) * UInt128(time.picoseconds)
    let sum = whole &- totals.sentAt &+ totals.endedAt
    return sum > UInt128(Int128.max) ? 0 : Double(sum)
  }
}
