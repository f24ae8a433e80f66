internal import GLibSupport
internal import Simulation

/// CPUs that put commands into one SMMU's queue, as Linux's `arm_smmu_cmdq_issue_cmdlist` does:
/// what they do to shared cache lines, in order, and who has to wait for whom.
///
/// A line is with one CPU at a time and goes to any of those that wait for it, as an interconnect
/// without a fair order hands it out. A compare-and-swap fails when another changed the line since
/// this CPU saw it: the more CPUs wait, the more of them carry an old value. With a line that goes
/// to any of k waiters, a success takes about sqrt(pi k / 2) attempts (the birthday problem).
struct ContendedQueue {
  /// How a CPU gets its slots in the queue.
  enum Allocation: String, CaseIterable, Sendable {
    /// Linux 5.4 to this day: a compare-and-swap of producer and consumer index, again until it
    /// succeeds.
    case compareAndSwap
    /// One atomic addition.
    case fetchAndAdd
  }

  /// A shared cache line.
  private enum Line: UInt8, CaseIterable {
    /// Producer and consumer index.
    case indices
    /// The queue's lock and the owner's index, which share a line.
    case lock
    /// Which slots are valid.
    case validity
  }

  private enum Access {
    case read(Line)
    case add(Line)
    case swap(Line)
    /// The SMMU takes the commands and completes the CMD_SYNC.
    case hardware
  }

  var cpus = 1
  var allocation = Allocation.compareAndSwap
  /// Unmapped buffers whose commands share a CMD_SYNC.
  var batch = 1
  /// What a map and an unmap take beside the queue.
  var work = SimulatedTime.zero
  /// How long the SMMU is busy with a command and its CMD_SYNC.
  var service = SimulatedTime.zero
  /// How long a line takes to the next CPU when two share it: on a mesh the way grows with the
  /// square root of the CPUs.
  var transfer = 0.0

  /// The results of the CPUs.
  struct Result {
    /// Maps and unmaps in a second, of all CPUs.
    var rate = 0.0
    /// Attempts for each slot that was allocated.
    var attempts = 0.0
    /// Operations that were begun and ended: every one is accounted for.
    var begun = 0
    var ended = 0
    var waiting = 0
  }

  private var program: [Access] {
    let slots: [Access] =
      allocation == .compareAndSwap ? [.read(.indices), .swap(.indices)] : [.add(.indices)]
    // Shared lock; valid map; completion; `atomic_dec_unless_one`, which reads and swaps. The
    // swap's retries are left out: completions come in the SMMU's order, one after the other.
    return slots + [.add(.lock), .add(.validity), .hardware, .read(.lock), .add(.lock)]
  }

  /// Runs until `operations` batches have ended; the first fifth is not counted.
  func run(operations: Int, seed: UInt32) -> Result {
    var run = Run(self, program, SeededRandom(seed: seed))
    return run.finish(operations)
  }
}

extension ContendedQueue {
  /// One CPU: where in the program it is, and which version of the line it saw.
  private struct CPU {
    var step = -1
    var seen = 0
  }

  private struct LineState {
    var waiting: [Int32] = []
    var isMoving = false
    var version = 0
  }

  private struct Run: ~Copyable {
    let setting: ContendedQueue
    let program: [Access]
    let random: SeededRandom
    let transfer: SimulatedTime
    var events = EventQueue<Int32>()
    var cpus: [CPU]
    var lines = [LineState](repeating: LineState(), count: Line.allCases.count)
    var hardwareFree = SimulatedTime.zero
    var result = Result()
    var attempts = 0
    var successes = 0

    init(_ setting: ContendedQueue, _ program: [Access], _ random: SeededRandom) {
      self.setting = setting
      self.program = program
      self.random = random
      let way = setting.transfer * Double(setting.cpus).squareRoot()
      transfer = SimulatedTime(picoseconds: UInt64(max(0, min(way, 1e12))))
      cpus = Array(repeating: CPU(), count: setting.cpus)
    }

    mutating func finish(_ operations: Int) -> Result {
      for cpu in cpus.indices { think(cpu, from: .zero) }
      let warmUp = operations / 5
      var start = SimulatedTime.zero
      while result.ended < operations, let (now, index) = events.next() {
        let cpu = Int(index)
        let ended = result.ended
        complete(cpu, at: now)
        if result.ended > ended && result.ended == warmUp { start = now }
      }
      let counted = Double((result.ended - warmUp) * setting.batch)
      let span = Double((events.now - start).picoseconds) * 1e-12
      result.rate = span > 0 ? counted / span : 0
      result.attempts = successes == 0 ? 0 : Double(attempts) / Double(successes)
      result.waiting = cpus.count { $0.step >= 0 }
      return result
    }

    /// The CPU maps and unmaps.
    private mutating func think(_ cpu: Int, from time: SimulatedTime) {
      let work = random.exponential(mean: setting.work.times(UInt64(setting.batch)))
      events.schedule(Int32(cpu), at: time + work)
    }

    /// What a CPU waited for has come.
    private mutating func complete(_ cpu: Int, at now: SimulatedTime) {
      let step = cpus[cpu].step
      guard step >= 0 else {
        result.begun += 1
        return advance(cpu, at: now)
      }
      switch program[step] {
      case .hardware: advance(cpu, at: now)
      case .read(let line):
        cpus[cpu].seen = lines[Int(line.rawValue)].version
        advance(cpu, at: now)
        move(line, at: now)
      case .add(let line):
        lines[Int(line.rawValue)].version += 1
        advance(cpu, at: now)
        move(line, at: now)
      case .swap(let line):
        swap(cpu, line, at: now)
        move(line, at: now)
      }
    }

    private mutating func swap(_ cpu: Int, _ line: Line, at now: SimulatedTime) {
      attempts += 1
      let place = Int(line.rawValue)
      if cpus[cpu].seen == lines[place].version {
        successes += 1
        lines[place].version += 1
        advance(cpu, at: now)
      } else {
        cpus[cpu].seen = lines[place].version
        lines[place].waiting.append(Int32(cpu))
      }
    }

    /// The CPU goes on to its next access, or to the next buffer.
    private mutating func advance(_ cpu: Int, at now: SimulatedTime) {
      cpus[cpu].step += 1
      guard cpus[cpu].step < program.count else {
        cpus[cpu].step = -1
        result.ended += 1
        return think(cpu, from: now)
      }
      switch program[cpus[cpu].step] {
      case .hardware:
        hardwareFree = max(hardwareFree, now) + setting.service
        events.schedule(Int32(cpu), at: hardwareFree)
      case .read(let line), .add(let line), .swap(let line):
        lines[Int(line.rawValue)].waiting.append(Int32(cpu))
        if !lines[Int(line.rawValue)].isMoving { move(line, at: now) }
      }
    }

    /// The line goes to one of those that wait for it.
    private mutating func move(_ line: Line, at now: SimulatedTime) {
      let place = Int(line.rawValue)
      lines[place].isMoving = !lines[place].waiting.isEmpty
      guard lines[place].isMoving else { return }
      let count = UInt32(truncatingIfNeeded: lines[place].waiting.count)
      let chosen = Int(random.next32() % count)
      lines[place].waiting.swapAt(chosen, lines[place].waiting.count - 1)
      let cpu = lines[place].waiting.removeLast()
      events.schedule(cpu, at: now + transfer)
    }
  }
}
