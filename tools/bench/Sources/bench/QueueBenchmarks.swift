import Simulation

/// The event queue under the hold model: take the next event, schedule another.
enum QueueBenchmarks {
  static func run() -> [Measurement] { [1_000, 100_000, 1_000_000].map(hold) }

  private static func hold(_ pending: Int) -> Measurement {
    var queue = EventQueue<UInt64>()
    var random = SplitMix(state: 7)
    for number in 0..<UInt64(pending) {
      queue.schedule(number, at: SimulatedTime(picoseconds: random.next() % 1_000_000))
    }
    var sum: UInt64 = 0
    let operations = 2_000_000
    let result = Measurement.best(
      "event queue, hold at \(pending) pending", operations: operations
    ) {
      for _ in 0..<operations {
        guard let event = queue.next() else { return }
        sum &+= event.payload
        queue.schedule(
          event.payload, at: event.time + SimulatedTime(picoseconds: random.next() % 1_000_000))
      }
    }
    keep(sum)
    return result
  }
}
