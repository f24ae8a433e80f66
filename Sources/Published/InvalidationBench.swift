internal import Simulation

/// Cores of a guest that receive from a fast NIC and unmap every buffer behind it, each unmap with
/// an invalidation whose end the core waits for.
///
/// The guest's queue has one lock, held while its commands are submitted. A waiter spins for a
/// while and then sleeps, as a paravirtual queued spinlock does; the lock goes to the first in
/// line, and to one that sleeps only after its wake-up.
struct InvalidationBench {
  enum Variant: Equatable, Sendable {
    /// Every command is an exit to the VMM.
    case trapped
    /// An exit carries the commands of up to so many cores.
    case batched(Int)
    /// The guest's own hardware queue: no exit.
    case owned
    /// One invalidation for everything that a core unmapped, when so many wait or the oldest is so
    /// old.
    case deferred(entries: Int, age: SimulatedTime)
    /// The descriptor is added and the queue's tail is not written: no exit, nothing carries the
    /// invalidation out, and the core does not wait for it.
    case withoutTail
    /// Nothing is added at all: an unmap ends with the guest's page table.
    case withoutDescriptor

    /// Whether a submission leaves the guest.
    var exits: Bool {
      switch self {
      case .trapped, .batched, .deferred: true
      case .owned, .withoutTail, .withoutDescriptor: false
      }
    }
  }

  var cores = 1
  var variant = Variant.trapped
  /// 4 KiB pages of a buffer, and what the link carries in a second.
  var pages = 64
  var linkGigabits = 400.0
  /// A core's work for one buffer beside its invalidation.
  var work = SimulatedTime.zero
  /// The submission of one command, with its trap; and what a further one in the same exit takes.
  var submission = SimulatedTime.zero
  var command = SimulatedTime.zero
  /// What a core waits for after the submission.
  var completion = SimulatedTime.zero
  /// How long a waiter spins, and what waking it takes afterwards.
  var spin = SimulatedTime.zero
  var wakeUp = SimulatedTime.zero

  struct Result: Equatable {
    /// Gigabits a second.
    var throughput = 0.0
    /// The time that the lock is held for one submission, and a core's whole invalidation, in the
    /// mean, in microseconds.
    var submit = 0.0
    var sync = 0.0
    /// Exits a second.
    var exits = 0.0
    /// How long a stale translation is usable after the unmap, mean and most, in microseconds.
    var staleMean = 0.0
    var staleMost = 0.0
    var begun = 0
    var ended = 0
    var pending = 0
  }

  /// Runs until `buffers` were received; the first fifth is not counted.
  func run(buffers: Int) -> Result {
    var run = Run(self)
    return run.finish(buffers)
  }

  fileprivate var bufferBits: Double { Double(pages) * 4096 * 8 }
}

extension InvalidationBench {
  private enum Kind: UInt8, BitwiseCopyable {
    /// A buffer has come, and the core unmaps it.
    case received
    /// The lock's holder has submitted its commands.
    case submitted
    /// The invalidation is complete.
    case completed
  }

  private struct Event: BitwiseCopyable, Sendable {
    let kind: Kind
    let core: Int32
  }

  private struct Core {
    /// When it asked for the lock.
    var asked = SimulatedTime.zero
    /// The unmaps that no invalidation has covered, and when the first and all of them were made.
    var unmaps = 0
    var oldest = SimulatedTime.zero
    var sumOfTimes = 0.0
  }

  private struct Run: ~Copyable {
    let bench: InvalidationBench
    var queue = EventQueue<Event>()
    var cores: [Core]
    var waiting: [Int32] = []
    /// Those whose commands are being submitted, the holder first.
    var served: [Int32] = []
    var linkFree = SimulatedTime.zero
    let bufferTime: SimulatedTime
    var result = Result()
    var submissions = 0
    var submitted = 0.0
    var waited = 0.0
    var invalidations = 0
    var exits = 0
    var stale = 0.0
    var covered = 0
    var isCounting = false

    init(_ bench: InvalidationBench) {
      self.bench = bench
      cores = Array(repeating: Core(), count: bench.cores)
      bufferTime = SimulatedTime(roundingNanoseconds: bench.bufferBits / max(1, bench.linkGigabits))
    }

    mutating func finish(_ buffers: Int) -> Result {
      for core in cores.indices {
        let part = Double(bench.work.picoseconds) / 1000 * Double(core) / Double(bench.cores)
        schedule(.received, Int32(core), at: SimulatedTime(roundingNanoseconds: part))
      }
      var start = SimulatedTime.zero
      while result.ended < buffers, let (now, event) = queue.next() {
        if !isCounting && result.ended >= buffers / 5 {
          isCounting = true
          start = now
          result.begun -= result.ended
          result.ended = 0
        }
        handle(event, at: now)
      }
      let span = Double((queue.now - start).picoseconds) * 1e-12
      guard span > 0 else { return result }
      result.throughput = Double(result.ended) * bench.bufferBits / span / 1e9
      result.exits = Double(exits) / span
      result.submit = submissions == 0 ? 0 : submitted / Double(submissions)
      result.sync = invalidations == 0 ? 0 : waited / Double(invalidations)
      result.staleMean = covered == 0 ? 0 : stale / Double(covered)
      return result
    }

    private mutating func schedule(_ kind: Kind, _ core: Int32, at time: SimulatedTime) {
      queue.schedule(Event(kind: kind, core: core), at: time)
    }

    private mutating func handle(_ event: Event, at now: SimulatedTime) {
      let core = Int(event.core)
      switch event.kind {
      case .received: unmap(core, at: now)
      case .submitted: endSubmission(at: now)
      case .completed: complete(core, at: now)
      }
    }

    private mutating func unmap(_ core: Int, at now: SimulatedTime) {
      result.begun += 1
      result.pending += 1
      if cores[core].unmaps == 0 { cores[core].oldest = now }
      cores[core].unmaps += 1
      cores[core].sumOfTimes += Double(now.picoseconds)
      if case .deferred(let entries, let age) = bench.variant,
        cores[core].unmaps < entries, now - cores[core].oldest < age
      {
        return receiveNext(core, at: now)
      }
      cores[core].asked = now
      // Without a descriptor no core needs the lock.
      if bench.variant == .withoutDescriptor { return complete(core, at: now) }
      if served.isEmpty { submit([Int32(core)], at: now) } else { waiting.append(Int32(core)) }
    }

    /// The holder submits, once it is awake.
    private mutating func submit(_ holders: [Int32], at now: SimulatedTime) {
      served = holders
      let slept = now - cores[Int(holders[0])].asked > bench.spin && bench.variant != .owned
      let others = bench.command.times(UInt64(holders.count - 1))
      let time = bench.submission + others + (slept ? bench.wakeUp : .zero)
      if isCounting {
        submissions += 1
        submitted += Double(time.picoseconds) / 1e6
        if bench.variant.exits { exits += 1 }
      }
      schedule(.submitted, holders[0], at: now + time)
    }

    private mutating func endSubmission(at now: SimulatedTime) {
      for core in served { schedule(.completed, core, at: now + bench.completion) }
      served = []
      guard !waiting.isEmpty else { return }
      var count = 1
      if case .batched(let most) = bench.variant { count = min(most, waiting.count) }
      let next = Array(waiting.prefix(count))
      waiting.removeFirst(count)
      submit(next, at: now)
    }

    private mutating func complete(_ core: Int, at now: SimulatedTime) {
      let unmaps = cores[core].unmaps
      if isCounting {
        invalidations += 1
        waited += Double((now - cores[core].asked).picoseconds) / 1e6
        covered += unmaps
        stale += (Double(now.picoseconds) * Double(unmaps) - cores[core].sumOfTimes) / 1e6
        let most = Double((now - cores[core].oldest).picoseconds) / 1e6
        result.staleMost = max(result.staleMost, most)
      }
      cores[core].unmaps = 0
      cores[core].sumOfTimes = 0
      receiveNext(core, at: now)
    }

    /// The core works on the next buffer, as soon as the link has brought it.
    private mutating func receiveNext(_ core: Int, at now: SimulatedTime) {
      result.ended += 1
      result.pending -= 1
      linkFree = max(linkFree, now) + bufferTime
      schedule(.received, Int32(core), at: max(now + bench.work, linkFree))
    }
  }
}
