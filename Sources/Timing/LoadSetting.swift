public import Simulation

/// Devices and what they do, the virtual machines that drive them, and the processors of both.
public struct LoadSetting: Equatable, Sendable {
  public var virtualMachines = 1
  /// Virtual CPUs of each virtual machine.
  public var virtualCPUs = 1
  public var physicalCPUs = 1
  /// Virtual CPUs of each machine that always have other work: they never wait for interrupts.
  public var busyCPUs = 0
  /// Whether a virtual CPU stays where it started.
  public var isPinned = false
  /// How long a virtual CPU runs while others wait.
  public var timeSlice = SimulatedTime.nanoseconds(3_000_000)
  /// List registers of a physical CPU (GICv3: 1 to 16).
  public var listRegisters = 4
  /// The longest time that KVM polls for an interrupt before it lets a virtual CPU sleep
  /// (`halt_poll_ns`); it polls only where that has helped before.
  public var haltPolling = SimulatedTime.zero
  /// vPEs that the host's GIC has tables for: a virtual machine beyond has its interrupts injected by
  /// KVM. `nil` for as many as there are.
  public var virtualPEs: Int?
  /// Translations that KVM keeps for its virtual ITS; `nil` for all of them (Linux 6.10 and later;
  /// 16 for each virtual CPU before).
  public var injectionCacheEntries: Int?
  /// How often in a second a guest makes KVM forget them: with DISCARD, MAPD or MAPC that unmaps, or
  /// when it turns LPIs or its ITS off.
  public var cacheDropsPerSecond = 0.0
  /// Walks that the SMMU does at the same time.
  public var walkSlots = 16
  /// Writes that a device may have posted which the interconnect has not taken: its PCIe credits.
  public var postedWrites = 32
  /// Writes that wait in the interconnect, and in the ITS, until it looks them up.
  public var interconnectWrites = 32
  public var itsWrites = 16
  /// Interrupts that the guests move to another virtual CPU in a second.
  public var affinityMovesPerSecond = 0.0
  public var devices: [DeviceLoad] = []
  /// What the sources of some devices play.
  public var recordings: [RecordedTiming] = []
  /// What is simulated before anything is counted; `nil` to find it from what is measured.
  public var warmUp: SimulatedTime?
  /// What is counted, and up to half of it left out where the warm-up is not given.
  public var duration = SimulatedTime.nanoseconds(20_000_000)

  public init() {}

  /// The same with `factor` times the load: the rate of an open loop, the depth of a closed one.
  public func scaled(by factor: Double) -> LoadSetting {
    var setting = self
    for index in devices.indices { setting.devices[index].scale(by: factor) }
    setting.recordings = recordings.map { $0.played(at: factor) }
    return setting
  }
}

/// Some equal devices and what they do.
public struct DeviceLoad: Equatable, Sendable {
  /// Where a device's events come from.
  public enum Source: Equatable, Sendable {
    /// Each queue keeps `depth` commands outstanding, and the device works on `channels` of them
    /// at a time, each for `service` in the mean (exponential).
    case closed(depth: Int, service: SimulatedTime, channels: Int)
    /// Bursts of `burst` events come to each queue as a Poisson process, a mean of `gap` apart,
    /// into a ring of `ring` entries. The driver polls, with interrupts off, until it is empty.
    case open(gap: SimulatedTime, burst: Int, ring: Int)
    /// One event at each time of the setting's recording at `place`, over and over, otherwise as
    /// `open`.
    case recorded(place: Int, ring: Int)

  }

  /// What the driver does to the mapping of an event's buffer.
  public enum Mapping: String, CaseIterable, BitwiseCopyable, Sendable {
    case fixed
    case lazy
    case strict
  }

  /// Which virtual CPU takes a queue's interrupts.
  public enum Vectors: Equatable, Sendable {
    /// Managed interrupts (`irq_create_affinity_masks`): the CPUs are divided into a group for each
    /// queue, the first of which takes it; with more queues than CPUs, one after the other.
    case managed
    /// As irqbalance spreads interrupts that are alike: all of a machine's, one after the other.
    case balanced
    /// Those that an administrator chose, one for each queue, over and over.
    case manual([Int])
  }

  public var name: String
  public var count = 1
  /// Queues of each device, each with an MSI-X vector of its own.
  public var queues = 1
  public var vectors = Vectors.balanced
  public var source: Source
  /// An MSI is sent after so many events, or so long after the first.
  public var coalescedEvents = 1
  public var coalescingTime = SimulatedTime.zero
  /// The guest's work for one event.
  public var workPerEvent = SimulatedTime.zero
  /// Events that the driver takes before it looks at other interrupts.
  public var budget = 64
  public var mapping = Mapping.fixed
  /// Pages that the device reads or writes for one event.
  public var pages = 0
  /// Whether the guest masks the MSI-X vector while it handles it.
  public var masks = false

  public init(name: String, source: Source) {
    self.name = name
    self.source = source
  }

  /// The commands that a device works on at once.
  var channels: Int { if case .closed(_, _, let count) = source { count } else { 1 } }

  mutating func scale(by factor: Double) {
    switch source {
    case .closed(let depth, let service, let channels):
      source = .closed(
        depth: max(1, Int((Double(depth) * factor).rounded())), service: service,
        channels: channels)
    case .open(let gap, let burst, let ring):
      let scaled = (Double(gap.picoseconds) / factor).rounded()
      source = .open(
        gap: SimulatedTime(picoseconds: UInt64(min(max(scaled, 1), 1e18))), burst: burst,
        ring: ring)
    case .recorded: break
    }
  }
}

extension DeviceLoad.Vectors {
  /// The virtual CPU of its machine that takes a queue's interrupts.
  ///
  /// - Parameter others: queues of the machine that stand before it.
  func cpu(of queue: Int, among queues: Int, on cpus: Int, after others: Int) -> Int {
    switch self {
    case .managed: queues < cpus ? queue * cpus / max(1, queues) : queue % cpus
    case .balanced: others % cpus
    case .manual(let chosen):
      chosen.isEmpty ? 0 : max(0, chosen[queue % chosen.count]) % cpus
    }
  }
}
