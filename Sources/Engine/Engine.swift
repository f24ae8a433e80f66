internal import ArmFormats
internal import Bits
package import Designs
package import HostKernel
package import KVM
package import Machine
package import Memory
package import Simulation
package import Software
package import Timing
internal import VMM

/// Runs one design: the physical machine, the host's kernel and KVM, the VMs with their software,
/// and the MSIs on their way. The sink sees every event as it leaves the queue.
package struct Engine<Sink: TraceSink>: ~Copyable where Sink.Record == EngineEvent {
  package let specification: RunSpecification
  package internal(set) var description: MachineDescription
  package internal(set) var queue = EventQueue<EngineEvent>()
  var sink: Sink
  package var costs: CostTable
  package var machine: Machine
  package var host: HostKernel
  /// KVM's part of each VM.
  package var kvm: UnitList<KVM>
  package var machines: [VirtualMachine]
  var flights = Flights()
  package var recorder = Recorder()

  // MARK: Events

  /// Boots the host and builds the VMs: the first at once, the others when the host has booted.
  package mutating func start() {
    let boot: [Step<Never>]
    do {
      boot = try host.boot()
    } catch {
      return refuse(error, for: nil, of: .first)
    }
    start(.first)
    // The frame that is pushed last is the first: the host boots before its first VM starts.
    push(boot.map(PendingStep.host), on: .first)
    for index in machines.indices {
      machines[index].cpus[VCPUIndex.boot.rawValue].isDone = false
      schedule(.proceed, of: VMIndex(index), after: .zero)
    }
  }

  /// Has a VM's VMM build it, once; a VM behind the first starts when the host is free.
  mutating func start(_ vm: VMIndex) {
    guard !machines[vm.rawValue].isStarted else { return }
    machines[vm.rawValue].isStarted = true
    do {
      let gic = try createVirtualGIC(of: vm)
      let machine = machines[vm.rawValue]
      push(machine.vmm.start(ram: machine.extents).map(PendingStep.vmm), on: vm)
      push(gic, on: vm)
    } catch {
      refuse(error, for: nil, of: vm)
    }
  }

  /// Takes the next event; `false` when none is left.
  package mutating func step() -> Bool {
    guard let (time, event) = queue.next() else { return false }
    sink.record(event, at: time)
    let vm = VMIndex(Int(event.vm))
    switch event.kind {
    case .proceed:
      machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].isDone = !proceed(vm)
    case .translate: translate(event.message)
    case .hostInterrupt: hostInterrupt(event.message)
    case .inject: inject(event.message)
    case .acknowledge: acknowledge(event.message)
    case .handle: handle(event.message)
    case .doorbell: takeDoorbell(event.message)
    case .enter: enter(event.message)
    case .flush: flush(Int(event.message), of: vm)
    }
    return true
  }

  @discardableResult
  mutating func schedule(
    _ kind: EngineEvent.Kind, of vm: VMIndex, at time: SimulatedTime, message: Int32 = -1
  ) -> EventQueue<EngineEvent>.Ticket {
    queue.schedule(EngineEvent(kind, of: vm, message: message), at: time)
  }

  @discardableResult
  mutating func schedule(
    _ kind: EngineEvent.Kind, of vm: VMIndex, after delay: SimulatedTime, message: Int32 = -1
  ) -> EventQueue<EngineEvent>.Ticket {
    schedule(kind, of: vm, at: queue.now + delay, message: message)
  }

  mutating func schedule(_ kind: EngineEvent.Kind, message: Int32, at time: SimulatedTime) {
    queue.schedule(EngineEvent(kind, message: message), at: time)
  }

  mutating func schedule(_ kind: EngineEvent.Kind, message: Int32, after delay: SimulatedTime) {
    schedule(kind, message: message, at: queue.now + delay)
  }

  // MARK: Outcomes

  /// The outcome of set-up, for each device in order.
  var setups: [RunResult.Setup] { machines.flatMap(\.setups) }

  /// That of the first device that was refused; enabled when none was.
  package var setup: RunResult.Setup { setups.first { $0 != .enabled } ?? .enabled }

  /// The first device's first message.
  package var firstMessage: RunResult.Message? { recorder.firstMessages.first ?? nil }
}
