import Simulation

/// The event queue under the hold model: take the next event, schedule another.
enum QueueBenchmarks {
  static func run() -> [Measurement] {
    [1_000, 100_000, 1_000_000].flatMap { pending in
      let heap = heap(pending)
      return [heap, hold(pending, heap)]
    }
  }

  private static let operations = 2_000_000
  private static let span: UInt64 = 1_000_000

  private static func hold(_ pending: Int, _ heap: Measurement) -> Measurement {
    var queue = EventQueue<UInt64>()
    var random = SplitMix(state: 7)
    for number in 0..<UInt64(pending) {
      queue.schedule(number, at: SimulatedTime(picoseconds: random.next() % span))
    }
    var sum: UInt64 = 0
    let result = Measurement.best(
      "event queue, hold at \(pending) pending", operations: operations, relativeTo: heap
    ) {
      for _ in 0..<operations {
        guard let event = queue.next() else { return }
        sum &+= event.payload
        queue.schedule(
          event.payload, at: event.time + SimulatedTime(picoseconds: random.next() % span))
      }
    }
    keep(sum)
    return result
  }

  private static func heap(_ pending: Int) -> Measurement {
    var queue = BinaryHeap()
    var random = SplitMix(state: 7)
    for number in 0..<UInt64(pending) { queue.schedule(number, at: random.next() % span) }
    var sum: UInt64 = 0
    let result = Measurement.best("binary heap, hold at \(pending)", operations: operations) {
      for _ in 0..<operations {
        guard let event = queue.next() else { return }
        sum &+= event.payload
        queue.schedule(event.payload, at: event.time &+ random.next() % span)
      }
    }
    keep(sum)
    return result
  }
}
