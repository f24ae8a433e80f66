/// A priority queue of timed events for discrete-event simulation.
///
/// Events leave in order of time and, at equal times, in the order in which they were scheduled:
/// a total order that depends on nothing but the calls. Time never runs backwards: an event
/// scheduled for the past is due now.
///
/// It is a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan: "Faster algorithms for the shortest path
/// problem", 1990), which only a clock that does not run backwards allows, with digits of five
/// bits: an event stands in the bucket of the highest digit in which its time differs from
/// `base`. A few events, those that leave next, stand sorted in `front`, as at the bottom of a
/// ladder queue (Tang, Goh, Thng, 2005). An event moves at most thirteen times, always
/// sequentially, so that a million pending events cost little more each than a thousand. A binary
/// heap spends its time on cache misses there.
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

    /// Whether this event leaves before the other.
    @inlinable @inline(__always)
    func precedes(_ other: Entry) -> Bool {
      time == other.time ? sequence < other.sequence : time < other.time
    }
  }

  /// The bits of a digit, and the buckets of a level.
  @usableFromInline static var digitBits: Int { 5 }
  @usableFromInline static var digits: Int { 32 }
  @usableFromInline static var levels: Int { 13 }
  /// A bucket of so many events or fewer is sorted and not divided any more.
  @usableFromInline static var sortedAtOnce: Int { 32 }
  /// When `front` is longer, its later part goes back to the buckets.
  @usableFromInline static var longestFront: Int { 96 }

  /// Every event up to `last`, the next one at the end.
  @usableFromInline var front: [Entry] = []
  /// The time of the latest event that may stand in `front`.
  @usableFromInline var last: UInt64 = 0
  /// Time that bucketed events differ from; never after the clock nor after `last`.
  @usableFromInline var base: UInt64 = 0
  @usableFromInline var buckets: [[Entry]]
  /// For each level, which of its buckets hold events.
  @usableFromInline var occupied: InlineArray<13, UInt32> = .init(repeating: 0)
  /// Which levels hold events.
  @usableFromInline var occupiedLevels: UInt32 = 0
  @usableFromInline var clock: UInt64 = 0
  @usableFromInline var scheduled: UInt64 = 0
  @usableFromInline var pending = 0

  public init() { buckets = Array(repeating: [], count: Self.levels * Self.digits) }

  /// The time of the event that left last.
  @inlinable
  public var now: SimulatedTime { SimulatedTime(picoseconds: clock) }
  /// The number of events that will still leave.
  @inlinable
  public var count: Int { pending }
  @inlinable
  public var isEmpty: Bool { pending == 0 }

  /// The level and the digit of a time after `base`.
  @inlinable @inline(__always)
  func bucket(of time: UInt64) -> (level: Int, digit: Int) {
    let level = (63 &- (time ^ base).leadingZeroBitCount) / Self.digitBits
    let digit = (time &>> UInt64(truncatingIfNeeded: level &* Self.digitBits)) & 31
    return (level, Int(truncatingIfNeeded: digit))
  }

  @inlinable @inline(__always)
  mutating func place(_ entry: Entry) {
    if entry.time <= last { return insert(entry) }
    let (level, digit) = bucket(of: entry.time)
    buckets[level &* Self.digits &+ digit].append(entry)
    occupied[level] |= 1 &<< UInt32(truncatingIfNeeded: digit)
    occupiedLevels |= 1 &<< UInt32(truncatingIfNeeded: level)
  }

  /// Puts an event among those that leave next.
  @inlinable
  mutating func insert(_ entry: Entry) {
    var index = front.count
    front.append(entry)
    while index > 0, front[index &- 1].precedes(entry) {
      front[index] = front[index &- 1]
      index &-= 1
    }
    front[index] = entry
  }

  /// Schedules `payload` for `time`, or for now if that is past.
  @inlinable
  @discardableResult
  public mutating func schedule(_ payload: Payload, at time: SimulatedTime) -> Ticket {
    let due = max(time.picoseconds, clock)
    let entry = Entry(time: due, sequence: scheduled, payload: payload)
    scheduled &+= 1
    pending &+= 1
    if occupiedLevels == 0 && front.count < Self.sortedAtOnce {
      // A few events need no buckets: all of them are among the next.
      last = max(last, due)
      insert(entry)
    } else {
      place(entry)
      if front.count > Self.longestFront { shorten() }
    }
    return Ticket(sequence: entry.sequence, time: due)
  }

  /// Takes the next event and sets the clock to its time; `nil` when none is left.
  @inlinable
  public mutating func next() -> (time: SimulatedTime, payload: Payload)? {
    if front.isEmpty && !refill() { return nil }
    guard let entry = front.popLast() else { return nil }
    clock = entry.time
    pending &-= 1
    return (SimulatedTime(picoseconds: entry.time), entry.payload)
  }

  /// Moves the earliest events to `front`; `false` when there are none.
  @inlinable
  mutating func refill() -> Bool {
    guard occupiedLevels != 0 else { return false }
    let level = occupiedLevels.trailingZeroBitCount
    let digit = occupied[level].trailingZeroBitCount
    occupied[level] &= occupied[level] &- 1
    if occupied[level] == 0 { occupiedLevels &= occupiedLevels &- 1 }
    let index = level &* Self.digits &+ digit
    var entries: [Entry] = []
    swap(&entries, &buckets[index])
    if entries.count <= Self.sortedAtOnce {
      // All times that share the digits from this one up.
      let below = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- level &* Self.digitBits)
      let free = level == 0 ? 0 : below
      base = (entries.first?.time ?? base) & ~free
      last = base | free
    } else {
      var earliest = UInt64.max
      for entry in entries { earliest = min(earliest, entry.time) }
      base = earliest
      last = earliest
    }
    for entry in entries { place(entry) }
    // Give the emptied storage back to its bucket, so that a steady state allocates nothing.
    entries.removeAll(keepingCapacity: true)
    swap(&entries, &buckets[index])
    return true
  }

  /// Returns the later events of `front` to the buckets.
  @usableFromInline
  mutating func shorten() {
    // Events of one time stay together.
    var cut = front.count - Self.sortedAtOnce
    let time = front[cut].time
    while cut > 0, front[cut - 1].time == time { cut -= 1 }
    guard cut > 0 else { return }
    base = max(base, clock)
    last = time
    let later = front[..<cut].reversed()
    front.removeFirst(cut)
    for entry in later { place(entry) }
  }

  /// Withdraws an event that has not left yet.
  ///
  /// - Returns: `false` when it has left, or was withdrawn before.
  /// - Complexity: O(n) in the events that share the ticket's bucket.
  public mutating func cancel(_ ticket: Ticket) -> Bool {
    guard ticket.time >= clock else { return false }
    if ticket.time <= last {
      guard let place = front.firstIndex(where: { $0.sequence == ticket.sequence }) else {
        return false
      }
      front.remove(at: place)
    } else {
      let (level, digit) = bucket(of: ticket.time)
      let index = level * Self.digits + digit
      guard let place = buckets[index].firstIndex(where: { $0.sequence == ticket.sequence })
      else { return false }
      buckets[index].remove(at: place)
      if buckets[index].isEmpty {
        occupied[level] &= ~(1 << UInt32(digit))
        if occupied[level] == 0 { occupiedLevels &= ~(1 << UInt32(level)) }
      }
    }
    pending -= 1
    return true
  }

  /// Verifies the structure: counts, the order in front, and every event in the bucket that its
  /// time demands.
  func checkInvariants() -> Bool {
    guard base <= last, base <= max(clock, last) else { return false }
    guard zip(front, front.dropFirst()).allSatisfy({ $1.precedes($0) }) else { return false }
    guard front.allSatisfy({ $0.time <= last }) else { return false }
    var held = front.count
    for (index, entries) in buckets.enumerated() {
      let level = index / Self.digits
      let digit = index % Self.digits
      let isRight = entries.allSatisfy {
        $0.time > last && bucket(of: $0.time) == (level, digit)
      }
      let isMarked = (occupied[level] >> UInt32(digit)) & 1 == 1
      guard isRight, isMarked == !entries.isEmpty else { return false }
      guard !isMarked || (occupiedLevels >> UInt32(level)) & 1 == 1 else { return false }
      held += entries.count
    }
    return held == pending
  }
}
