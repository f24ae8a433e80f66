internal import ArmFormats
internal import Bits
internal import Firmware
internal import GIC
internal import Guest
internal import HostKernel
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Simulation
internal import Software
internal import Timing
internal import VMM

/// One simulated system under one design: the physical machine, the software on it, and what has
/// happened so far. The sink sees every event as it leaves the queue.
struct System<Sink: TraceSink>: ~Copyable where Sink.Record == SystemEvent {
  typealias Event = SystemEvent

  let specification: RunSpecification
  let description: MachineDescription
  var costs: CostTable
  var machine: Machine
  var host: HostKernel
  var vmm: VMM
  var guest: GuestKernel
  /// The guest's RAM at its IPAs: the same bytes as behind the PAs.
  let guestMemory: PhysicalMemory
  var virtualITS: ITS
  var virtualRedistributors: Redistributors
  /// The guest's SPIs, where a GICv2m frame makes them.
  var virtualDistributor = Distributor(spiCount: 256, cpuCount: 1)
  let extents: [HostCall.RAMExtent]

  var queue = EventQueue<Event>()
  var sink: Sink
  let devices: [Workload.Device]
  let operations: [DeviceOperation]
  var nextOperation = 0
  /// When the workload's times start: once the guest has booted and attached its device.
  var epoch: SimulatedTime?
  /// What ends the virtual CPU's wait for its next operation; `nil` while it is busy or done.
  var pause: EventQueue<Event>.Ticket?
  /// Whether the virtual CPU has carried out everything.
  var isDone = false
  /// What is being carried out, the innermost flow last.
  var activities: [Activity] = []
  var messages: [MessageState] = []
  /// Messages that a masked vector or a disabled LPI holds back.
  var waiting: [Int32] = []
  /// The leaders of the host's interrupts, and of the guest's.
  var physicalLeaders = Leaders()
  var virtualLeaders = Leaders()
  /// What set-up came to, for each device.
  var setups: [RunResult.Setup] = []
  var exits = RunResult.Exits()
  /// Whether the virtual CPU waits for an interrupt without a physical CPU.
  var isBlocked = false
  /// Whether its doorbell is on the way to the host.
  var isBeingCalled = false
  /// From when on it runs, where it is being woken.
  var running = SimulatedTime.zero
  /// Interrupts that it acknowledges or handles.
  var inService = 0
  /// MSIs that the ITS made virtual LPIs.
  var injectedByHardware = 0
  var performed: [RunResult.PerformedStep] = []
  /// How many steps had been performed when the message in question was sent.
  var stepsBeforeMessage: Int?
  /// When each message was where, where somebody asked for it.
  var timeline: Timeline?
  /// What both stages mapped then.
  var mappings: StreamMappings?
  var translations: [RunResult.DeviceAccess] = []
  /// Each device's first MSI-X entry when it first signals.
  var firstMessages: [RunResult.Message?] = []
  /// That of the first device that was refused; enabled when none was.
  var setup: RunResult.Setup { setups.first { $0 != .enabled } ?? .enabled }
  /// The first device's first message.
  var firstMessage: RunResult.Message? { firstMessages.first ?? nil }
  /// How many messages each device has sent.
  var sent: [Int] = []
  /// The message whose journey is wanted, once it is sent; -1 before.
  var wanted: Int32 = -1
  var stations: [Journey.Stop] = []
  /// Why each device's first message that was not delivered ended as it did.
  var reasons: [String?] = []
  var journeyReason: String?
  /// Where the MSIs that arrived by themselves spent their time.
  var breakdown = Breakdown()
}
