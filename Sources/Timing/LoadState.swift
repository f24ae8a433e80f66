internal import Simulation

/// What waits in the load's event queue: a kind, whose it is, and which of its plans it belongs
/// to, so that a plan that was dropped is passed over.
struct LoadEvent: BitwiseCopyable, Sendable {
  enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// A device has an event for a queue.
    case event
    /// The next event of a recording is due at a device.
    case recorded
    /// What a device wrote for a queue's events has been translated.
    case posted
    /// The coalescing time of a queue is over.
    case coalesced
    /// A translated message reaches the ITS.
    case lookUp
    /// The ITS has made an interrupt of a message.
    case arrived
    /// KVM has injected an interrupt.
    case injected
    /// A vPE's doorbell has been handled.
    case woken
    /// A virtual CPU goes on.
    case virtualCPU
    /// A physical CPU's time slice is over.
    case slice
    /// A guest moves an interrupt.
    case move
    /// A guest makes KVM forget the translations of its virtual ITS.
    case drop
    /// KVM stops polling for a virtual CPU's interrupts.
    case pollEnd
  }

  let kind: Kind
  let plan: UInt16
  let index: Int32
}

/// An MSI on its way.
struct Flight: BitwiseCopyable, Sendable {
  var queue: Int32 = 0
  var sent = SimulatedTime.zero
  /// Up to when its time is accounted for.
  var accounted = SimulatedTime.zero
  var times = StationTimes()
  /// Its number in the trace; -1 where it is not traced.
  var traced: Int32 = -1
  /// The next that waits for room on the way to the ITS; -1 for none.
  var next: Int32 = -1
}

/// What a device's group does, as the data path asks for it.
struct LoadKind: BitwiseCopyable, Sendable {
  let isClosed: Bool
  let burst: Int
  let ring: Int
  /// The mean service of a command, or the mean gap between bursts.
  let mean: SimulatedTime
  let coalescedEvents: Int
  let coalescingTime: SimulatedTime
  let workPerEvent: SimulatedTime
  let budget: Int32
  let mapping: DeviceLoad.Mapping
  let pages: Int
  let masks: Bool

  init(_ load: DeviceLoad) {
    switch load.source {
    case .closed(_, let service, _): (isClosed, burst, ring, mean) = (true, 1, .max, service)
    case .open(let gap, let burst, let ring):
      (isClosed, self.burst, self.ring, mean) = (false, burst, ring, gap)
    case .recorded(_, let ring): (isClosed, burst, self.ring, mean) = (false, 1, ring, .zero)
    }
    coalescedEvents = load.coalescedEvents
    coalescingTime = load.coalescingTime
    workPerEvent = load.workPerEvent
    budget = Int32(clamping: max(1, load.budget))
    mapping = load.mapping
    pages = load.pages
    masks = load.masks
  }
}

/// A device and the writes that it posts.
struct DeviceState: BitwiseCopyable, Sendable {
  /// How many more writes it may post.
  var credits: Int32
  /// Its queues that wait for a credit.
  var head: Int32 = -1
  var tail: Int32 = -1
  /// Whether credits that come back are being given out.
  var isGranting = false
  /// The sum of the times at which credits were taken, and at which they came back, in picoseconds;
  /// only differences of both mean something.
  var takenAt: UInt64 = 0
  var returnedAt: UInt64 = 0
  /// How long its queues waited for credits.
  var waited = SimulatedTime.zero

  /// How long its credits were in use up to `time`, in picoseconds.
  func used(until time: SimulatedTime, of all: Int) -> UInt64 {
    UInt64(max(0, all - Int(credits))) &* time.picoseconds &- takenAt &+ returnedAt
  }
}

/// One queue of one device, with its vector.
struct QueueState: BitwiseCopyable, Sendable {
  let load: Int32
  let device: Int32
  var virtualCPU: Int32
  /// The physical CPU that takes its interrupts.
  let interruptCPU: Int32
  /// Events that the device has done and not written yet, and those that it is writing.
  var stalled: Int32 = 0
  var posting: Int32 = 0
  /// Since when it waits for a credit, where it does.
  var waitsSince = SimulatedTime.zero
  /// When it had the last one.
  var granted = SimulatedTime.zero
  /// Whether it stands among its device's queues that wait for a credit.
  var isWaiting = false
  /// Whether the device has an MSI for it that it could not write yet.
  var isWanted = false
  /// Whether its vector is masked, and since when an MSI is pending in the device for that.
  var isMasked = false
  var isHeld = false
  var heldSince = SimulatedTime.zero
  /// The next queue that waits for a credit of the same device; -1 for none.
  var nextWaiting: Int32 = -1
  /// Events that wait for the driver.
  var waiting: Int32 = 0
  /// Events since the last MSI.
  var coalesced: Int32 = 0
  var coalescingPlan: UInt16 = 0
  var isArmed = true
  /// The generation of its virtual ITS' translations that has its own.
  var cached: UInt32 = 0
  /// The physical LPI is pending until then.
  var pendingUntil = SimulatedTime.zero
  /// The MSI that the virtual interrupt is pending for; -1 for none.
  var flight: Int32 = -1
  /// The next queue whose interrupt is pending at the same virtual CPU; -1 for none.
  var next: Int32 = -1
  /// The next queue that the same virtual CPU goes on polling; -1 for none.
  var nextPolled: Int32 = -1
  var isPolled = false
  /// Events unmapped since the last flush.
  var unmapped: Int32 = 0
  /// How many of its buffers' pages were used, which names the next one.
  var pagesUsed: UInt64 = 0
}

/// A device that plays a recording.
struct Player: BitwiseCopyable, Sendable {
  /// The place of its recording in the setting.
  let recording: Int
  let firstQueue: Int32
  let queues: Int
  /// The next event.
  var next = 0
  /// When the recording began, this time around.
  var start = SimulatedTime.zero
}

/// The virtual ITS of a machine.
struct VirtualITS: BitwiseCopyable, Sendable {
  var lock = ServiceStation()
  /// The generation of the translations that KVM keeps. In the first one every queue has its own: what
  /// drivers do before the load begins has fetched it.
  var generation: UInt32 = 0
}

/// A virtual CPU.
struct VirtualCPU: BitwiseCopyable, Sendable {
  enum State: UInt8, BitwiseCopyable {
    case blocked, ready, running
    /// It waits, and KVM polls for it on its physical CPU.
    case polled
  }
  enum Phase: UInt8, BitwiseCopyable { case idle, entering, working }

  var state = State.blocked
  var phase = Phase.idle
  var isBusy = false
  /// Whether its interrupts come without the host.
  var isDirect = false
  /// How long KVM polls for it, and since when it waits.
  var polling = SimulatedTime.zero
  var waitsSince = SimulatedTime.zero
  /// A doorbell for it is on its way.
  var isBeingWoken = false
  var plan: UInt16 = 0
  let home: Int32
  var cpu: Int32
  /// The queue whose handler runs, and the events that it works on.
  var queue: Int32 = -1
  var items: Int32 = 0
  /// Queues whose events were more than a budget: it goes on with them between interrupts.
  var polledHead: Int32 = -1
  var polledTail: Int32 = -1
  var hasPolledLast = false
  var pendingHead: Int32 = -1
  var pendingTail: Int32 = -1
  var pendingCount: Int32 = 0
  /// Pending interrupts that list registers hold.
  var loaded: Int32 = 0
  /// The next in the run queue.
  var next: Int32 = -1
  /// Whether it has interrupts to take or events to go on with.
  var hasWork: Bool { isBusy || pendingHead >= 0 || polledHead >= 0 }
  /// What the host took since the virtual CPU's plan was made.
  var debt = SimulatedTime.zero
  /// When the work that it is planned to do is done.
  var due = SimulatedTime.zero
  /// How long its handlers and its work on events take, up to then.
  var handled = SimulatedTime.zero
  /// How long interrupts that it could take waited for it.
  var waited = SimulatedTime.zero
  var dispatched = SimulatedTime.zero
  var entered = SimulatedTime.zero
  var lock = ServiceStation()
}

/// A physical CPU.
struct PhysicalCPU: BitwiseCopyable, Sendable {
  var current: Int32 = -1
  var head: Int32 = -1
  var tail: Int32 = -1
  var plan: UInt16 = 0
  var isSliceOver = false
  var hasSlice = false
  /// What the host does there, in front of any guest.
  var host = ServiceStation()
  /// How long virtual CPUs handled interrupts and events there.
  var handled = SimulatedTime.zero
}
