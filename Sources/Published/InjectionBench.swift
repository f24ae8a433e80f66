internal import Simulation
internal import Timing

/// The loop of Linux's selftest `vgic_lpi_stress`: a thread for each device signals its events one
/// after the other, again and again, and KVM's virtual ITS translates and injects them.
struct InjectionBench {
  /// What stands between an MSI and its translation.
  enum Cache: String, CaseIterable, Sendable {
    /// Every MSI takes the virtual ITS's lock.
    case none
    /// 16 entries for each virtual CPU, least recently used out first.
    case limited = "16 x vCPUs"
    /// The same, and the CPU that evicts waits for a grace period with the lock held.
    case limitedWithGracePeriod = "16 x vCPUs, grace period"
    /// One entry for each event.
    case unlimited
  }

  var virtualCPUs = 1
  var devices = 1
  var events = 1
  var iterations = 1000
  var cache = Cache.none
  /// Whether every collection is mapped to virtual CPU 0, as the selftest did until October 2025.
  var targetsFirst = true
  /// Translation under the lock and injection.
  var slow = SimulatedTime.zero
  /// Cached translation and injection, of which `hold` needs the destination alone.
  var fast = SimulatedTime.zero
  var hold = SimulatedTime.zero
  /// What handing the lock over takes when two threads contend, and how it grows.
  var handOver = 0.0
  var gracePeriod = SimulatedTime.zero
  /// How long a thread that sleeps for the lock takes to try again.
  var wakeUp = SimulatedTime.zero
  /// Between the starts of two threads.
  var stagger = SimulatedTime.zero

  /// The result.
  struct Result: Equatable {
    /// Injected LPIs in a second, until the last thread has ended.
    var rate = 0.0
    var injected = 0
    var hits = 0
    var misses = 0
    var evictions = 0
  }

  var capacity: Int {
    switch cache {
    case .none: 0
    case .limited, .limitedWithGracePeriod: 16 * virtualCPUs
    case .unlimited: .max
    }
  }

  func run() -> Result {
    var run = Run(self)
    return run.finish()
  }
}

extension InjectionBench {
  private enum Kind: UInt8, BitwiseCopyable {
    /// A thread signals its next event.
    case signal
    /// It has its translation, and injects.
    case cached
    /// A thread has the lock.
    case locked
    /// It has translated, and injects with the lock held.
    case translated
    /// It gives the lock back.
    case unlocked
    /// A thread that slept for the lock tries again.
    case woken
  }

  private struct Event: BitwiseCopyable, Sendable {
    let kind: Kind
    let thread: Int32
  }

  private struct Run: ~Copyable {
    let bench: InjectionBench
    let capacity: Int
    var queue = EventQueue<Event>()
    var sent: [Int]
    var cached: RecencyList
    var destinations: [ServiceStation]
    var isLocked = false
    var sleepers: [Int32] = []
    var firstSleeper = 0
    var result = Result()
    let handOver: SimulatedTime

    init(_ bench: InjectionBench) {
      self.bench = bench
      capacity = bench.capacity
      sent = Array(repeating: 0, count: bench.devices)
      cached = RecencyList(keys: bench.devices * bench.events)
      destinations = Array(repeating: ServiceStation(), count: bench.virtualCPUs)
      let way = bench.handOver * Double(bench.devices).squareRoot()
      handOver = SimulatedTime(picoseconds: UInt64(max(0, min(way, 1e12))))
    }

    mutating func finish() -> Result {
      for thread in 0..<bench.devices {
        schedule(.signal, Int32(thread), at: bench.stagger.times(UInt64(thread)))
      }
      while let (now, event) = queue.next() {
        switch event.kind {
        case .signal: signal(event.thread, at: now)
        case .cached: schedule(.signal, event.thread, at: inject(event.thread, at: now))
        case .locked: translate(event.thread, at: now)
        case .translated: schedule(.unlocked, event.thread, at: inject(event.thread, at: now))
        case .unlocked: unlock(event.thread, at: now)
        case .woken: retry(at: now)
        }
      }
      let span = Double(queue.now.picoseconds) * 1e-12
      result.rate = span > 0 ? Double(result.injected) / span : 0
      return result
    }

    private mutating func schedule(_ kind: Kind, _ thread: Int32, at time: SimulatedTime) {
      queue.schedule(Event(kind: kind, thread: thread), at: time)
    }

    private func key(_ thread: Int32) -> Int {
      Int(thread) * bench.events + sent[Int(thread)] % bench.events
    }

    private mutating func signal(_ thread: Int32, at now: SimulatedTime) {
      guard sent[Int(thread)] < bench.iterations * bench.events else { return }
      if capacity > 0, cached.use(key(thread)) {
        result.hits += 1
        return schedule(.cached, thread, at: now + bench.fast - bench.hold)
      }
      result.misses += 1
      if isLocked {
        sleepers.append(thread)
      } else {
        isLocked = true
        translate(thread, at: now)
      }
    }

    /// The last part of an injection needs the destination alone; when it ends.
    private mutating func inject(_ thread: Int32, at now: SimulatedTime) -> SimulatedTime {
      sent[Int(thread)] += 1
      result.injected += 1
      let target = bench.targetsFirst ? 0 : Int(thread) % bench.virtualCPUs
      return destinations[target].serve(at: now, for: bench.hold) + bench.hold
    }

    /// The slow path, with the lock held.
    private mutating func translate(_ thread: Int32, at now: SimulatedTime) {
      var done = now + bench.slow - bench.hold
      if capacity > 0, !cached.use(key(thread)) {
        if cached.count >= capacity {
          cached.evict()
          result.evictions += 1
          if bench.cache == .limitedWithGracePeriod { done += bench.gracePeriod }
        }
        cached.insert(key(thread))
      }
      schedule(.translated, thread, at: done)
    }

    /// Without a cache the threads spin, and the lock goes to the next in line. With one, the few
    /// that miss sleep for it, and a CPU that runs may take it before one has woken.
    private mutating func unlock(_ thread: Int32, at now: SimulatedTime) {
      isLocked = false
      schedule(.signal, thread, at: now)
      guard firstSleeper < sleepers.count else { return }
      if capacity == 0 {
        isLocked = true
        schedule(.locked, nextSleeper(), at: now + handOver)
      } else {
        schedule(.woken, 0, at: now + bench.wakeUp)
      }
    }

    private mutating func retry(at now: SimulatedTime) {
      guard !isLocked, firstSleeper < sleepers.count else { return }
      isLocked = true
      translate(nextSleeper(), at: now)
    }

    private mutating func nextSleeper() -> Int32 {
      let thread = sleepers[firstSleeper]
      firstSleeper += 1
      if firstSleeper > 1024 {
        sleepers.removeFirst(firstSleeper)
        firstSleeper = 0
      }
      return thread
    }
  }
}
