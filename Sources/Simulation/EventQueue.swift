/// A priority queue of timed events for discrete-event simulation.
///
/// Events leave in order of time and, at equal times, in the order in which they were scheduled:
/// a total order that depends on nothing but the calls. Time never runs backwards: an event
/// scheduled for the past is due now.
///
/// It is a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan: "Faster algorithms for the shortest path
/// problem", 1990), which only a clock that does not run backwards allows: bucket *b* holds the
/// events whose time differs from the clock in bit *b - 1* as its highest bit. An event moves to
/// a lower bucket at most 64 times, always sequentially, so that a million pending events cost
/// little more each than a thousand. A binary heap spends its time on cache misses there.
///
/// - Complexity: `schedule` is O(1); `next` is O(log T) amortised, T the span of pending times.
public struct EventQueue<Payload: BitwiseCopyable & Sendable>: ~Copyable, Sendable {
  /// Names one scheduled event, for cancelling it.
  public struct Ticket: Hashable, Sendable {
    @usableFromInline let sequence: UInt64
    @usableFromInline let time: UInt64
    @inlinable
    init(sequence: UInt64, time: UInt64) {
      self.sequence = sequence
      self.time = time
    }
  }

  @usableFromInline
  struct Entry: BitwiseCopyable, Sendable {
    @usableFromInline let time: UInt64
    @usableFromInline let sequence: UInt64
    @usableFromInline let payload: Payload
    @inlinable
    init(time: UInt64, sequence: UInt64, payload: Payload) {
      self.time = time
      self.sequence = sequence
      self.payload = payload
    }
  }

  @usableFromInline var buckets: [[Entry]]
  /// Bit *b* is set while bucket *b + 1* holds events.
  @usableFromInline var occupied: UInt64 = 0
  /// How far bucket 0, whose events are all due now, has been consumed.
  @usableFromInline var consumed = 0
  @usableFromInline var clock: UInt64 = 0
  @usableFromInline var scheduled: UInt64 = 0
  @usableFromInline var pending = 0

  public init() { buckets = Array(repeating: [], count: 65) }

  /// The time of the event that left last.
  @inlinable
  public var now: SimulatedTime { SimulatedTime(picoseconds: clock) }
  /// The number of events that will still leave.
  @inlinable
  public var count: Int { pending }
  @inlinable
  public var isEmpty: Bool { pending == 0 }

  @inlinable @inline(__always)
  func bucket(of time: UInt64) -> Int { 64 &- (time ^ clock).leadingZeroBitCount }

  @inlinable @inline(__always)
  mutating func place(_ entry: Entry) {
    let index = bucket(of: entry.time)
    buckets[index].append(entry)
    if index > 0 { occupied |= 1 &<< UInt64(truncatingIfNeeded: index &- 1) }
  }

  /// Schedules `payload` for `time`, or for now if that is past.
  @inlinable
  @discardableResult
  public mutating func schedule(_ payload: Payload, at time: SimulatedTime) -> Ticket {
    let due = max(time.picoseconds, clock)
    let entry = Entry(time: due, sequence: scheduled, payload: payload)
    scheduled &+= 1
    pending &+= 1
    place(entry)
    return Ticket(sequence: entry.sequence, time: due)
  }

  /// Takes the next event and sets the clock to its time; `nil` when none is left.
  @inlinable
  public mutating func next() -> (time: SimulatedTime, payload: Payload)? {
    if consumed == buckets[0].count && !refill() { return nil }
    let entry = buckets[0][consumed]
    consumed &+= 1
    pending &-= 1
    return (SimulatedTime(picoseconds: entry.time), entry.payload)
  }

  /// Moves the clock to the earliest pending time and its events to bucket 0, in order.
  @inlinable
  mutating func refill() -> Bool {
    buckets[0].removeAll(keepingCapacity: true)
    consumed = 0
    guard occupied != 0 else { return false }
    let index = occupied.trailingZeroBitCount &+ 1
    occupied &= occupied &- 1
    var entries: [Entry] = []
    swap(&entries, &buckets[index])
    var earliest = UInt64.max
    for entry in entries { earliest = min(earliest, entry.time) }
    clock = earliest
    for entry in entries { place(entry) }
    // Give the emptied storage back to its bucket, so that a steady state allocates nothing.
    entries.removeAll(keepingCapacity: true)
    swap(&entries, &buckets[index])
    return true
  }

  /// Withdraws an event that has not left yet.
  ///
  /// - Returns: `false` when it has left, or was withdrawn before.
  /// - Complexity: O(n) in the events that share the ticket's bucket.
  public mutating func cancel(_ ticket: Ticket) -> Bool {
    guard ticket.time >= clock else { return false }
    let index = bucket(of: ticket.time)
    let live = buckets[index][(index == 0 ? consumed : 0)...]
    guard let place = live.firstIndex(where: { $0.sequence == ticket.sequence }) else {
      return false
    }
    buckets[index].remove(at: place)
    if index > 0 && buckets[index].isEmpty { occupied &= ~(1 << UInt64(index - 1)) }
    pending -= 1
    return true
  }

  /// Verifies the structure: counts, and every event in the bucket that its time demands.
  func checkInvariants() -> Bool {
    var held = -consumed
    for (index, entries) in buckets.enumerated() {
      let live = index == 0 ? entries[consumed...] : entries[...]
      guard live.allSatisfy({ bucket(of: $0.time) == index }) else { return false }
      let marked = index == 0 || (occupied >> UInt64(index - 1)) & 1 == 1
      guard index == 0 || marked == !entries.isEmpty else { return false }
      held += entries.count
    }
    return held == pending
  }
}
