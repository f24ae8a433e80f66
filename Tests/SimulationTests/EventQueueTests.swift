import TestRandom
import Testing

@testable import Simulation

@Suite("EventQueue")
struct EventQueueTests {
  @Test("events leave in order of time, and of scheduling at equal times")
  func totalOrder() {
    var queue = EventQueue<Int>()
    for (payload, time) in [(0, 50), (1, 10), (2, 50), (3, 10), (4, 0)] as [(Int, UInt64)] {
      queue.schedule(payload, at: SimulatedTime(picoseconds: time))
    }
    var left: [Int] = []
    while let event = queue.next() { left.append(event.payload) }
    #expect(left == [4, 1, 3, 0, 2])
    let now = queue.now
    #expect(now == SimulatedTime(picoseconds: 50))
  }

  @Test("an event for the past is due now, after those already due")
  func pastIsNow() {
    var queue = EventQueue<Int>()
    queue.schedule(1, at: .nanoseconds(5))
    queue.schedule(2, at: .nanoseconds(5))
    _ = queue.next()
    queue.schedule(3, at: .zero)
    let second = queue.next()
    #expect(second?.payload == 2)
    let late = queue.next()
    #expect(late?.payload == 3)
    #expect(late?.time == .nanoseconds(5))
  }

  @Test("a cancelled event never leaves, and is cancelled once")
  func cancellation() {
    var queue = EventQueue<Int>()
    let first = queue.schedule(1, at: .nanoseconds(1))
    let second = queue.schedule(2, at: .nanoseconds(2))
    let cancelled = [queue.cancel(second), queue.cancel(second)]
    #expect(cancelled == [true, false])
    let count = queue.count
    #expect(count == 1)
    let left = queue.next()
    #expect(left?.payload == 1)
    let tooLate = queue.cancel(first)
    #expect(!tooLate)
    let end = queue.next()
    #expect(end == nil)
  }

  @Test("a crowd before a far event goes back to the buckets, and order holds")
  func crowdedFront() {
    var random = SplitMix(state: 3)
    var queue = EventQueue<Int>()
    queue.schedule(0, at: .init(picoseconds: 1 << 50))
    queue.schedule(0, at: .init(picoseconds: (1 << 50) + (1 << 45)))
    _ = queue.next()
    for payload in 1...5000 {
      queue.schedule(payload, at: .init(picoseconds: (1 << 50) + random.next() % 4000))
    }
    let consistent = queue.checkInvariants()
    #expect(consistent)
    var last: UInt64 = 0
    var left = 0
    while let event = queue.next() {
      #expect(event.time.picoseconds >= last)
      last = event.time.picoseconds
      left += 1
    }
    #expect(left == 5001)
  }

  @Test("random schedules, cancellations and steps agree with a sorted list", arguments: 0..<20)
  func agreesWithSortedList(seed: UInt64) {
    var random = SplitMix(state: seed)
    var queue = EventQueue<Int>()
    var model: [(time: UInt64, payload: Int)] = []
    var tickets: [(ticket: EventQueue<Int>.Ticket, payload: Int)] = []
    var now: UInt64 = 0
    for payload in 0..<2000 {
      switch random.next() % 4 {
      case 0, 1:
        let time = now &+ random.next() % [1, 8, 1000, 1 << 40][Int(random.next() % 4)]
        tickets.append((queue.schedule(payload, at: .init(picoseconds: time)), payload))
        let place = model.firstIndex { $0.time > time } ?? model.endIndex
        model.insert((time, payload), at: place)
      case 2 where !tickets.isEmpty:
        let victim = tickets.remove(at: Int(random.next() % UInt64(tickets.count)))
        let place = model.firstIndex { $0.payload == victim.payload }
        let cancelled = queue.cancel(victim.ticket)
        #expect(cancelled == (place != nil))
        if let place { model.remove(at: place) }
      default:
        let event = queue.next()
        let expected = model.isEmpty ? nil : model.removeFirst()
        #expect(event?.payload == expected?.payload)
        now = expected?.time ?? now
      }
      let count = queue.count
      #expect(count == model.count)
    }
    let consistent = queue.checkInvariants()
    #expect(consistent)
  }
}
