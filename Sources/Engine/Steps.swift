internal import ArmFormats
internal import Bits
internal import Designs
package import Guest
package import HostKernel
internal import KVM
internal import Linux
internal import Machine
internal import Memory
package import Simulation
package import Software
internal import Timing
internal import VMM

// The life of a step: a VM's software is a call stack of flows. Each event executes one step, and a
// trapped access pushes the flow that answers it before the guest goes on.
extension Engine {
  // MARK: Call stack

  /// Pushes a flow on top of what a VM's software is doing.
  package mutating func push(_ steps: [PendingStep], on vm: VMIndex) {
    guard !steps.isEmpty else { return }
    machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].frames.append(CallFrame(steps: steps))
  }

  /// Executes a VM's next step, or dispatches its next operation; `false` when nothing is left.
  mutating func proceed(_ vm: VMIndex) -> Bool {
    machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].pause = nil
    guard !isHostHeld(against: vm) else {
      machines[vm.rawValue].waitsForHost = true
      return true
    }
    start(vm)
    if vm == .first { interpose() }
    return executeNextStep(vm) || dispatchNextOperation(vm)
  }

  private mutating func executeNextStep(_ vm: VMIndex) -> Bool {
    guard !machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].frames.isEmpty else { return false }
    guard let step = popStep(vm) else { return false }
    let number = recorder.steps.count
    let time = execute(step, of: vm)
    recorder.steps[number].duration = time
    schedule(.proceed, of: vm, after: time)
    wakeHostWaiters(after: time)
    return true
  }

  // MARK: The host's locks

  /// Whether the host's kernel is in the middle of something for another VM. Its flows share command
  /// queues and tables, which the kernel's locks give to one at a time (`its_node.lock`,
  /// `iommufd_ctx` and the group's mutex); the model has one lock for all of them.
  ///
  /// It changes nothing, and is `mutating` so that the engine is not copied to the call.
  private mutating func isHostHeld(against vm: VMIndex) -> Bool {
    guard machines.count > 1 else { return false }
    for machine in machines where machine.index != vm && machine.holdsHost { return true }
    return false
  }

  /// Lets the software go on that waited for the host, once no VM holds it.
  private mutating func wakeHostWaiters(after time: SimulatedTime) {
    guard machines.count > 1, !machines.contains(where: \.holdsHost) else { return }
    for index in machines.indices where machines[index].waitsForHost {
      machines[index].waitsForHost = false
      schedule(.proceed, of: VMIndex(index), after: time)
    }
  }

  /// Executes steps of the host that an interrupt asks for at once; a flow that holds the host's
  /// locks comes to its end first.
  mutating func executeAtOnce(_ steps: [Step<Never>]) {
    guard !steps.isEmpty else { return }
    for index in machines.indices {
      while machines[index].holdsHost, let step = popStep(VMIndex(index)) {
        _ = execute(step, of: VMIndex(index))
      }
    }
    for step in steps { executeInHost(step.action, of: step.device.map { DeviceIndex($0) }) }
  }

  /// The next step of the innermost frame that has one.
  private mutating func popStep(_ vm: VMIndex) -> PendingStep? {
    let cpu = VCPUIndex.boot.rawValue
    while let last = machines[vm.rawValue].cpus[cpu].frames.last {
      guard last.next < last.steps.count else {
        machines[vm.rawValue].cpus[cpu].frames.removeLast()
        continue
      }
      let depth = machines[vm.rawValue].cpus[cpu].frames.count - 1
      machines[vm.rawValue].cpus[cpu].frames[depth].next += 1
      return last.steps[last.next]
    }
    return nil
  }

  private mutating func dispatchNextOperation(_ vm: VMIndex) -> Bool {
    let number = vm.rawValue
    while machines[number].nextOperation < machines[number].operations.count,
      machines[number].setups[
        machines[number].operations.device(of: machines[number].nextOperation)] != .enabled
    {
      machines[number].nextOperation += 1
    }
    guard machines[number].nextOperation < machines[number].operations.count else { return false }
    if let (time, vector) = machines[number].operations.message(machines[number].nextOperation) {
      return dispatchMessage(vector, at: time, vm)
    }
    let operation = machines[number].operations[machines[number].nextOperation]
    let due = dueTime(of: operation, vm)
    if due > queue.now {
      wait(until: due, vm)
      return true
    }
    machines[number].nextOperation += 1
    if operation.operation.isOfGuest { unblock(.boot, of: vm) }
    dispatch(operation.operation, of: operation.device, vm)
    schedule(.proceed, of: vm, after: .zero)
    return true
  }

  /// Has a device send, or waits for the time to do so: the operation of which there are millions.
  private mutating func dispatchMessage(
    _ vector: Int, at nanoseconds: UInt64, _ vm: VMIndex
  ) -> Bool {
    let due = activityTime(nanoseconds, vm)
    guard due <= queue.now else {
      wait(until: due, vm)
      return true
    }
    let device = machines[vm.rawValue].operations.device(of: machines[vm.rawValue].nextOperation)
    machines[vm.rawValue].nextOperation += 1
    dispatch(.activity(.message(vector: vector)), of: device, vm)
    schedule(.proceed, of: vm, after: .zero)
    return true
  }

  /// Lets a VM's software wait for its next operation.
  private mutating func wait(until due: SimulatedTime, _ vm: VMIndex) {
    machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].pause = schedule(.proceed, of: vm, at: due)
    blockIdleCPUs(of: vm)
  }

  /// When an operation may begin.
  private mutating func dueTime(of operation: DeviceOperation, _ vm: VMIndex) -> SimulatedTime {
    operation.operation.isActivity ? activityTime(operation.nanoseconds, vm) : .zero
  }

  /// When an activity of a workload may begin, whose times start when its first one is reached.
  private mutating func activityTime(_ nanoseconds: UInt64, _ vm: VMIndex) -> SimulatedTime {
    let start = machines[vm.rawValue].epoch ?? queue.now
    machines[vm.rawValue].epoch = start
    return start + .nanoseconds(nanoseconds)
  }

  /// - Parameter device: the VM's number of it.
  private mutating func dispatch(_ operation: GuestOperation, of device: Int, _ vm: VMIndex) {
    switch operation {
    case .activity(.message(let vector)):
      emit(vector, of: machines[vm.rawValue].device(device))
    case .activity(.dma(let address, let isWrite, let count)):
      access(
        address, isWrite: isWrite, count: count, of: machines[vm.rawValue].device(device))
    case .activity(.migrate(let cpu, let target)): migrate(VCPUIndex(cpu), of: vm, to: target)
    default:
      machines[vm.rawValue].occasion = operation.occasion
      do {
        push(try perform(operation, for: device, of: vm).map(PendingStep.guest), on: vm)
      } catch {
        refuse(error, for: operation == .boot ? nil : device, of: vm)
      }
    }
  }

  /// The steps of a guest's kernel for an operation; it may start a timer.
  package mutating func perform(
    _ operation: GuestOperation, for device: Int, of vm: VMIndex
  ) throws(Refusal) -> [Step<Never>] {
    let steps = try machines[vm.rawValue].guest.perform(operation, for: device)
    for device in machines[vm.rawValue].guest.takeStartedTimers() {
      schedule(
        .flush, of: vm, after: .nanoseconds(FlushQueue.timeout * 1_000_000),
        message: Int32(truncatingIfNeeded: device))
    }
    return steps
  }

  /// A flush timer of a guest's has run down: its interrupt comes before what the virtual CPU does,
  /// or ends its wait.
  mutating func flush(_ device: Int, of vm: VMIndex) {
    push(machines[vm.rawValue].guest.flushTimeout(of: device).map(PendingStep.guest), on: vm)
    let cpu = machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue]
    guard cpu.isDone || cpu.pause.map({ queue.cancel($0) }) ?? false else { return }
    unblock(.boot, of: vm)
    resumeSoftware(of: vm)
  }

  /// Lets a VM's software go on with its call stack, now.
  package mutating func resumeSoftware(of vm: VMIndex) {
    machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].pause = nil
    machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].isDone = false
    schedule(.proceed, of: vm, after: .zero)
  }

  /// Sends the interposed MSI when its time has come, once; its journey is the one that is recorded.
  private mutating func interpose() {
    guard let extra = specification.interposed, recorder.tracedMessage < 0,
      recorder.steps.count >= extra.steps
    else { return }
    recorder.tracedMessage = Int32(truncatingIfNeeded: flights.count)
    emit(extra.vector, of: .first)
  }

  // MARK: Refusals

  /// Ends the set-up of a device of a VM's, or of all: what was still to be done is not.
  mutating func refuse(_ refusal: Refusal, for device: Int?, of vm: VMIndex) {
    let all = machines[vm.rawValue].setups.indices
    for index in device.map({ $0..<$0 + 1 }) ?? all
    where machines[vm.rawValue].setups[index] == .enabled {
      machines[vm.rawValue].setups[index] = .refused(refusal)
    }
    machines[vm.rawValue].cpus[VCPUIndex.boot.rawValue].frames = []
    note(refusal, of: device, vm)
  }

  /// A guest's garbage STE costs the guest its stream, and a refused invalidation nothing; anything
  /// else ends the set-up.
  private mutating func recover(
    from refusal: Refusal, of call: HostCall, for device: Int, _ vm: VMIndex
  ) {
    switch call {
    case .attach(let entry) where entry[.valid]:
      note(refusal, of: device, vm)
      push(
        [
          .vmm(
            Step(
              .vmm, "smmuv3_accel_install_ste", "C_BAD_STE: the stream aborts",
              .call(.attach(guestEntry: StreamTableEntry()))
            ).about(device))
        ], on: vm)
    case .invalidate: note(refusal, of: device, vm)
    default: refuse(refusal, for: device, of: vm)
    }
  }

  // MARK: One step

  /// Records a step with the VM and the device that it is about, where there are several.
  mutating func note<Call>(_ step: Step<Call>, of vm: VMIndex) {
    let machine = vm == .first ? "" : "VM \(vm.rawValue): "
    let device =
      machines[vm.rawValue].devices.count > 1 ? step.device.map { "device \($0): " } ?? "" : ""
    recorder.add(step, of: machine + device, at: queue.now)
  }

  private mutating func note(_ refusal: Refusal, of device: Int?, _ vm: VMIndex) {
    var step = Step<Never>(refusing: refusal)
    step.device = device
    note(step, of: vm)
  }

  /// Executes one step; the time that it takes.
  private mutating func execute(_ step: PendingStep, of vm: VMIndex) -> SimulatedTime {
    switch step {
    case .guest(let step):
      note(step, of: vm)
      recorder.occasion = machines[vm.rawValue].occasion
      recorder.phase = step.phase
      let before = guestReads(step.readsBefore, by: vm)
      let action = executeInGuest(step.action, of: step.device ?? 0, vm)
      return before + action + guestReads(step.readsAfter, by: vm)
    case .vmm(let step):
      note(step, of: vm)
      guard case .call(let call) = step.action else { return costs.softwareStep }
      return ask(call, for: step.device ?? 0, vm)
    case .host(let step):
      note(step, of: vm)
      executeInHost(step.action, of: machines[vm.rawValue].device(step.device ?? 0))
      return costs.softwareStep
    }
  }

  /// A call of a VMM, or of KVM, to the host's kernel.
  private mutating func ask(_ call: HostCall, for device: Int, _ vm: VMIndex) -> SimulatedTime {
    do {
      push(try answer(call, for: device, of: vm).map(PendingStep.host), on: vm)
      if case .signal(let vector) = call {
        injectPending(vector, of: machines[vm.rawValue].device(device))
      }
    } catch {
      recover(from: error, of: call, for: device, vm)
    }
    return costs.systemCall
  }

  /// The host's steps for a request about one of a VM's devices, by the VM's numbers.
  package mutating func answer(
    _ call: HostCall, for device: Int, of vm: VMIndex
  ) throws(Refusal) -> [Step<Never>] {
    // In place: a copy of the VM for each call would retain all its parts.
    let guestID = machines[vm.rawValue].devices[device].guestID
    var steps = try kvm[vm.rawValue].answer(
      call, for: machines[vm.rawValue].device(device), guestID: guestID, host: &host)
    for index in steps.indices {
      steps[index].device = steps[index].device.map {
        machines[vm.rawValue].local(DeviceIndex($0))
      }
    }
    return steps
  }

  /// Carries out a step of the host on the physical machine.
  ///
  /// - Parameter device: the function that the step is about; `nil` for one about none, which
  ///   touches no function's registers and no configuration space.
  mutating func executeInHost(_ action: Action<Never>, of device: DeviceIndex?) {
    switch Executor(memory: machine.memory).execute(action) {
    case nil: break
    case .register(let address, let value, let width):
      let response = machine.write(value, at: address, width: width)
      if let device { release(response.emissions, of: device) }
    case .configuration(let offset, let value, let width):
      guard let device else { return }
      release(
        machine.writeConfig(value, at: offset, width: width, of: device.rawValue), of: device)
    }
  }

  /// Carries out a step of a guest; its accesses of registers trap, or go to a device of its own.
  private mutating func executeInGuest(
    _ action: Action<Never>, of device: Int, _ vm: VMIndex
  ) -> SimulatedTime {
    switch Executor(memory: machines[vm.rawValue].memory).execute(action) {
    case nil: costs.softwareStep
    case .register(let address, let value, let width):
      guestWrite(value, at: IPA(address.rawValue), width: width, by: vm)
    case .configuration(let offset, let value, let width):
      guestConfigWrite(value, at: offset, width: width, of: device, by: vm)
    }
  }
}

extension GuestOperation {
  var isActivity: Bool {
    if case .activity = self { true } else { false }
  }

  /// When in a guest's life it comes.
  var occasion: RunResult.Exits.Occasion {
    switch self {
    case .activity(.unbind): .tearDown
    case .activity(let activity): activity.isGuestSetup ? .setup : .run
    default: .setup
    }
  }

  /// Whether the guest's virtual CPU does it, and not the device or the host by itself.
  var isOfGuest: Bool {
    switch self {
    case .activity(.message), .activity(.dma), .activity(.migrate): false
    default: true
    }
  }
}
