internal import ArmFormats
internal import Bits
internal import Firmware
internal import Flows
internal import GIC
internal import Guest
internal import HostKernel
internal import Machine
internal import Memory
internal import PCI
internal import SMMU
internal import Simulation
internal import VMM

/// One simulated system under one design: the physical machine, the software on it, and what has
/// happened so far.
struct System: ~Copyable {
  /// What waits in the event queue: a kind, and the number of the message where it is about one.
  struct Event: BitwiseCopyable, Sendable {
    enum Kind: UInt8, BitwiseCopyable, Sendable {
      /// The guest's virtual CPU goes on with its flow, or with its next operation.
      case proceed
      /// The device's write reaches the SMMU.
      case translate
      /// The physical LPI reaches the host's handler.
      case hostInterrupt
      /// KVM injects the virtual interrupt.
      case inject
      /// The guest acknowledges.
      case acknowledge
      /// The guest's handler runs.
      case handle
    }

    let kind: Kind
    let message: Int32
  }

  /// Who keeps the pending bit of a masked vector.
  enum Holder {
    /// The function itself.
    case function
    /// The VMM's emulation of it.
    case vmm
  }

  /// One MSI on its way.
  struct Message {
    var vector: Int
    var sent: SimulatedTime
    /// What the device wrote.
    var message = MSI(address: 0, data: 0)
    var handled: SimulatedTime?
    /// The physical LPI and its CPU, once it is pending.
    var lpi: UInt32 = 0
    var cpu = 0
    var virtualLPI: UInt32 = 0
    /// Whose pending bit stands for it, while its vector is masked.
    var holder: Holder?
    /// Where KVM injects it.
    var route: InjectionRoute?
    /// The message that was pending already and takes this one along.
    var leader: Int32?
    var verdict: Verdict?
  }

  /// What the guest's virtual CPU is doing: flows, the innermost last, each an array of steps and
  /// how far it has come.
  struct Activity {
    var steps: [PendingStep]
    var next = 0
  }

  enum PendingStep {
    case guest(Step<Never>)
    case vmm(Step<HostCall>)
    case host(Step<Never>)
  }

  let specification: RunSpecification
  let costs: CostTable
  var machine: Machine
  var host: HostKernel
  var vmm: VMM
  var guest: GuestKernel
  /// The guest's RAM at its IPAs: the same bytes as behind the PAs.
  let guestMemory: PhysicalMemory
  var virtualITS: ITS
  var virtualRedistributors: Redistributors
  let extents: [HostCall.RAMExtent]

  var queue = EventQueue<Event>()
  let operations: [Workload.TimedOperation]
  var nextOperation = 0
  /// When the workload's times start: once the guest has booted and attached its device.
  var epoch: SimulatedTime?
  var activities: [Activity] = []
  var messages: [Message] = []
  /// Messages that a masked vector or a disabled LPI holds back.
  var waiting: [Int32] = []
  /// For each LPI, physical and virtual in turn, the message that made it pending last; -1 for
  /// none.
  var latest = ContiguousArray<Int32>(repeating: -1, count: 2 * 4096)
  var setup = RunResult.Setup.enabled
  var exits = RunResult.Exits()
  var performed: [RunResult.PerformedStep] = []
  var translations: [RunResult.DeviceAccess] = []
  var firstMessage: RunResult.Message?
  var stations: [Journey.Station] = []
  /// Why the first message that was not delivered ended as it did.
  var reason: String?
  var journeyReason: String?

  /// The number of set-up steps that a run may take before it counts as hung.
  static let stepLimit = 10_000_000
}

/// The cost model as plain numbers, for the data path.
struct CostTable: Sendable {
  let exitToKernel, exitToVMM, softwareStep, systemCall, hop, hit, tableRead: SimulatedTime
  let hostEntry, irqfd, kick, handler: SimulatedTime

  init(_ model: CostModel) {
    exitToKernel = model[.exitToKernel]
    exitToVMM = model[.exitToVMM]
    softwareStep = model[.softwareStep]
    systemCall = model[.systemCall]
    hop = model[.interconnectHop]
    hit = model[.translationHit]
    tableRead = model[.tableRead]
    hostEntry = model[.hostInterruptEntry]
    irqfd = model[.irqfdInjection]
    kick = model[.kick]
    handler = model[.guestHandler]
  }
}
