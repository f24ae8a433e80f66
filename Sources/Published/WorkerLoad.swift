internal import GLibSupport
internal import Simulation

/// MSIs of a device whose translations irqfd finds in a cache, or leaves to a worker thread: each
/// run of a worker is a context switch, and takes what has come for its queue until then.
struct WorkerLoad {
  let queues: Int
  /// Between two MSIs, in the mean.
  let gap: SimulatedTime
  /// From the interrupt to the worker's start.
  let wakeUp: SimulatedTime
  /// What a worker needs for one injection.
  let work: SimulatedTime
  let isCached: Bool

  /// Context switches a second, over so many MSIs.
  func switches(interrupts: Int, seed: UInt32) -> Double {
    let random = SeededRandom(seed: seed)
    var isKnown = Array(repeating: false, count: queues)
    var startsAt = Array(repeating: SimulatedTime.zero, count: queues)
    var now = SimulatedTime.zero
    var switches = 0
    for _ in 0..<interrupts {
      now += random.exponential(mean: gap)
      let queue = Int(random.next32() % UInt32(truncatingIfNeeded: queues))
      if isCached && isKnown[queue] { continue }
      isKnown[queue] = true
      // A worker that has not started yet takes this one, too.
      guard now >= startsAt[queue] else { continue }
      startsAt[queue] = now + wakeUp + work
      switches += 1
    }
    return now == .zero ? 0 : Double(switches) / (Double(now.picoseconds) * 1e-12)
  }
}
