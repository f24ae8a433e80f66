internal import Simulation

/// What waits in the load's event queue: a kind, whose it is, and which of its plans it belongs
/// to, so that a plan that was dropped is passed over.
struct LoadEvent: BitwiseCopyable, Sendable {
  enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// A device has an event for a queue.
    case event
    /// The next event of a recording is due at a device.
    case recorded
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
  }

  let kind: Kind
  let plan: UInt16
  let index: Int32
}

/// An MSI on its way.
struct Flight: Sendable {
  var queue: Int32 = 0
  var sent = SimulatedTime.zero
  /// Up to when its time is accounted for.
  var accounted = SimulatedTime.zero
  var times = StationTimes()
  /// Its number in the trace; -1 where it is not traced.
  var traced: Int32 = -1
}

/// One queue of one device, with its vector.
struct QueueState: Sendable {
  let load: Int32
  let device: Int32
  var virtualCPU: Int32
  /// The physical CPU that takes its interrupts.
  let interruptCPU: Int32
  /// Events that wait for the driver.
  var waiting: Int32 = 0
  /// Events since the last MSI.
  var coalesced: Int32 = 0
  var coalescingPlan: UInt16 = 0
  var isArmed = true
  /// The physical LPI is pending until then.
  var pendingUntil = SimulatedTime.zero
  /// The MSI that the virtual interrupt is pending for; -1 for none.
  var flight: Int32 = -1
  /// The next queue whose interrupt is pending at the same virtual CPU; -1 for none.
  var next: Int32 = -1
  /// Events unmapped since the last flush.
  var unmapped: Int32 = 0
  /// How many of its buffers' pages were used, which names the next one.
  var pagesUsed: UInt64 = 0
}

/// A device that plays a recording.
struct Player: Sendable {
  /// The place of its recording in the setting.
  let recording: Int
  let firstQueue: Int32
  let queues: Int
  /// The next event.
  var next = 0
  /// When the recording began, this time around.
  var start = SimulatedTime.zero
}

/// A virtual CPU.
struct VirtualCPU: Sendable {
  enum State: UInt8 { case blocked, ready, running }
  enum Phase: UInt8 { case idle, entering, working }

  var state = State.blocked
  var phase = Phase.idle
  var isBusy = false
  /// A doorbell for it is on its way.
  var isBeingWoken = false
  var plan: UInt16 = 0
  let home: Int32
  var cpu: Int32
  /// The queue whose handler runs, and the events that it works on.
  var queue: Int32 = -1
  var items: Int32 = 0
  var pendingHead: Int32 = -1
  var pendingTail: Int32 = -1
  var pendingCount: Int32 = 0
  /// Pending interrupts that list registers hold.
  var loaded: Int32 = 0
  /// The next in the run queue.
  var next: Int32 = -1
  /// What the host took since the virtual CPU's plan was made.
  var debt = SimulatedTime.zero
  var dispatched = SimulatedTime.zero
  var entered = SimulatedTime.zero
  var lock = ServiceStation()
}

/// A physical CPU.
struct PhysicalCPU: Sendable {
  var current: Int32 = -1
  var head: Int32 = -1
  var tail: Int32 = -1
  var plan: UInt16 = 0
  var isSliceOver = false
  var hasSlice = false
  var interrupts = ServiceStation()
}
