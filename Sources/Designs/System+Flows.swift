internal import ArmFormats
internal import Bits
internal import GIC
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Simulation
internal import Software
internal import Timing
internal import VMM

// How flows of steps are carried out: one step at each event, a trapped write's consequences
// before the guest goes on.
extension System {
  /// Starts a flow on top of what the virtual CPU is doing.
  mutating func begin(_ steps: [PendingStep]) {
    if !steps.isEmpty { activities.append(Activity(steps: steps)) }
  }

  /// Carries out the next step, or begins the next operation; `false` when there is nothing left.
  mutating func proceed() -> Bool {
    pause = nil
    interpose()
    while let last = activities.last, last.next == last.steps.count { activities.removeLast() }
    if !activities.isEmpty {
      let step = activities[activities.count - 1].steps[activities[activities.count - 1].next]
      activities[activities.count - 1].next += 1
      let number = performed.count
      let time = carryOut(step)
      performed[number].duration = time
      schedule(.proceed, after: time)
      return true
    }
    while nextOperation < operations.count, setups[operations[nextOperation].device] != .enabled {
      nextOperation += 1
    }
    guard nextOperation < operations.count else { return false }
    let operation = operations[nextOperation]
    let due = dueTime(of: operation)
    if due > queue.now {
      pause = schedule(.proceed, at: due)
      blockIfIdle()
      return true
    }
    nextOperation += 1
    if operation.operation.isOfGuest { resume() }
    start(operation.operation, of: operation.device)
    schedule(.proceed, after: .zero)
    return true
  }

  /// When an operation may begin: the workload's times start when its first activity is reached.
  private mutating func dueTime(of operation: DeviceOperation) -> SimulatedTime {
    guard operation.operation.isActivity else { return .zero }
    let start = epoch ?? queue.now
    epoch = start
    return start + .nanoseconds(operation.nanoseconds)
  }

  private mutating func start(_ operation: GuestOperation, of device: Int) {
    switch operation {
    case .activity(.message(let vector)): emit(vector, of: device)
    case .activity(.dma(let address, let isWrite, let count)):
      access(address, isWrite: isWrite, count: count, of: device)
    default:
      do {
        begin(try perform(operation, for: device).map(PendingStep.guest))
      } catch {
        refuse(error, for: operation == .boot ? nil : device)
      }
    }
  }

  /// What the guest's kernel does for an operation; it may start a timer.
  mutating func perform(
    _ operation: GuestOperation, for device: Int
  ) throws(Refusal) -> [Step<Never>] {
    let steps = try guest.perform(operation, for: device)
    for device in guest.takeStartedTimers() {
      schedule(
        .flush, after: .nanoseconds(FlushQueue.timeout * 1_000_000),
        message: Int32(truncatingIfNeeded: device))
    }
    return steps
  }

  /// A flush timer of the guest's has run down: its interrupt comes before what the virtual CPU
  /// does, or ends its wait.
  mutating func flush(_ device: Int) {
    begin(guest.flushTimeout(of: device).map(PendingStep.guest))
    guard isDone || pause.map({ queue.cancel($0) }) ?? false else { return }
    resume()
    setOut()
  }

  /// Lets the virtual CPU go on with what has begun, now.
  mutating func setOut() {
    pause = nil
    isDone = false
    schedule(.proceed, after: .zero)
  }

  /// Ends the set-up of a device, or of all: what was still to be done is not.
  mutating func refuse(_ refusal: Refusal, for device: Int?) {
    for index in device.map({ $0..<$0 + 1 }) ?? setups.indices where setups[index] == .enabled {
      setups[index] = .refused(refusal)
    }
    activities = []
    note(refusal, of: device)
  }

  // MARK: Steps

  /// Carries out one step; the time that it takes.
  private mutating func carryOut(_ step: PendingStep) -> SimulatedTime {
    switch step {
    case .guest(let step):
      note(step)
      return carryOutInGuest(step.action, of: step.device ?? 0)
    case .vmm(let step):
      note(step)
      guard case .call(let call) = step.action else { return costs.softwareStep }
      return ask(call, for: step.device ?? 0)
    case .host(let step):
      note(step)
      carryOutInHost(step.action, of: step.device ?? 0)
      return costs.softwareStep
    }
  }

  /// Puts a step on record, with the device that it is about where there are several.
  mutating func note<Call>(_ step: Step<Call>) {
    let whose = devices.count > 1 ? step.device.map { "device \($0): " } ?? "" : ""
    var record = RunResult.PerformedStep(
      time: queue.now, agent: step.agent, function: step.function, text: whose + step.text,
      belief: step.belief)
    record.payload = step.payload
    record.refusal = step.refusal
    record.device = step.device
    performed.append(record)
  }

  /// Puts a refusal on record.
  private mutating func note(_ refusal: Refusal, of device: Int?) {
    var step = Step<Never>(refusing: refusal)
    step.device = device
    note(step)
  }

  /// A call of the VMM, or of KVM, to the host's kernel.
  private mutating func ask(_ call: HostCall, for device: Int) -> SimulatedTime {
    do {
      begin(try answer(call, for: device).map(PendingStep.host))
      if case .signal(let vector) = call { injectPending(vector, of: device) }
    } catch {
      recover(from: error, of: call, for: device)
    }
    return costs.systemCall
  }

  /// A guest's garbage STE costs the guest its stream; anything else ends the set-up.
  private mutating func recover(from refusal: Refusal, of call: HostCall, for device: Int) {
    switch call {
    case .attach(let entry) where entry[.valid]:
      note(refusal, of: device)
      begin([
        .vmm(
          Step(
            .vmm, "smmuv3_accel_install_ste", "C_BAD_STE: the stream aborts",
            .call(.attach(guestEntry: StreamTableEntry()))
          ).about(device))
      ])
    case .invalidate: note(refusal, of: device)
    default: refuse(refusal, for: device)
    }
  }

  mutating func carryOutInHost(_ action: Action<Never>, of device: Int = 0) {
    switch Executor(memory: machine.memory).execute(action) {
    case nil: break
    case .register(let address, let value, let width):
      let response = machine.write(value, at: address, width: width)
      release(response.emissions, of: device)
    case .configuration(let offset, let value, let width):
      release(machine.writeConfig(value, at: offset, width: width, of: device), of: device)
    }
  }

  private mutating func carryOutInGuest(_ action: Action<Never>, of device: Int) -> SimulatedTime {
    switch Executor(memory: guestMemory).execute(action) {
    case nil: costs.softwareStep
    case .register(let address, let value, let width):
      guestWrite(value, at: IPA(address.rawValue), width: width)
    case .configuration(let offset, let value, let width):
      guestConfigWrite(value, at: offset, width: width, of: device)
    }
  }

  // MARK: Exits

  /// The guest writes a register: an exit, unless the page is the device's own.
  private mutating func guestWrite(_ value: UInt64, at address: IPA, width: Int) -> SimulatedTime {
    let map = vmm.map
    let its = address.rawValue &- map.itsBase.rawValue
    if map.messageFrame != nil {
      let distributor = address.rawValue &- map.distributor.rawValue
      if distributor < 0x1_0000 { return distributorWrite(value, at: distributor, width: width) }
    } else if its < 0x2_0000 {
      return virtualITSWrite(value, at: its, width: width)
    }
    let frame = address.rawValue &- map.redistributors.rawValue
    if frame < map.redistributorStride {
      countExit(.virtualRedistributor, by: .setup)
      virtualRedistributors.writeRegister(frame, value, width: width, at: 0, memory: guestMemory)
      // GICR_INVLPIR and GICR_INVALLR may have enabled an LPI.
      followInvalidation(frame, value)
      retryWaiting()
      return costs.exitToKernel
    }
    let smmu = address.rawValue &- map.smmuBase.rawValue
    if smmu < 0x2_0000 * UInt64(description.host.smmus.count) {
      countExit(.virtualSMMU, by: .setup)
      begin(
        vmm.smmuWrite(
          value, at: smmu % 0x2_0000, width: width, of: Int(smmu / 0x2_0000), memory: guestMemory
        ).map(PendingStep.vmm))
      return costs.exitToVMM
    }
    let table = address.rawValue &- map.msixTable.rawValue
    if table < AddressMap.barSpacing * UInt64(devices.count),
      table % AddressMap.barSpacing
        < UInt64(devices[Int(table / AddressMap.barSpacing)].vectors) * MSIXTableEntry.byteCount
    {
      return guestTableWrite(
        value, at: table % AddressMap.barSpacing, width: width,
        of: Int(table / AddressMap.barSpacing))
    }
    countExit(.unclaimed, by: .setup)
    return costs.exitToVMM
  }

  private mutating func guestTableWrite(
    _ value: UInt64, at offset: UInt64, width: Int, of device: Int
  ) -> SimulatedTime {
    if devices[device].store == .device {
      return storeWrite(UInt32(truncatingIfNeeded: value), at: offset, of: device)
    }
    guard specification.design.msixEntry != .untrapped else {
      // The page is mapped to the guest: the write goes straight to the device.
      let table = machine.layout.bar(of: device) + MachineDescription.Device.tableOffset
      let response = machine.write(value, at: table + offset, width: width)
      release(response.emissions, of: device)
      return costs.softwareStep
    }
    countExit(.msixTable, by: .setup)
    begin(
      vmm.msixWrite(
        UInt32(truncatingIfNeeded: value), at: offset, of: device, memory: guestMemory
      ).map(PendingStep.vmm))
    return costs.exitToVMM
  }

  /// The guest's driver hands its device a word of a message, on a page that no design can trap:
  /// only the device knows what it means.
  private mutating func storeWrite(
    _ value: UInt32, at offset: UInt64, of device: Int
  ) -> SimulatedTime {
    let vector = Int(truncatingIfNeeded: offset / MSIXTableEntry.byteCount)
    guard var entry = machine.functions[device].tableEntry(vector) else {
      return costs.softwareStep
    }
    let word = Int(truncatingIfNeeded: offset >> 3 & 1)
    let shift: UInt64 = offset & 4 == 0 ? 0 : 32
    entry[word: word] = entry[word: word] & ~(lowBits(32) << shift) | UInt64(value) << shift
    let emissions = machine.functions[device].writeInternalStore(vector, entry) ?? []
    release(emissions, of: device)
    return costs.softwareStep
  }

  private mutating func guestConfigWrite(
    _ value: UInt32, at offset: UInt16, width: Int, of device: Int
  ) -> SimulatedTime {
    countExit(.configuration, by: .setup)
    let word = UInt16(truncatingIfNeeded: value)
    if offset == MachineDescription.Device.msixCapability + 2 {
      begin(vmm.msixControlWrite(word, of: device, memory: guestMemory).map(PendingStep.vmm))
    } else if devices[device].store == .msi,
      (MachineDescription.Device.msiCapability..<MachineDescription.Device.msiCapability + 14)
        .contains(offset)
    {
      begin(
        vmm.msiWrite(
          value, at: offset - MachineDescription.Device.msiCapability, of: device,
          memory: guestMemory
        ).map(PendingStep.vmm))
    } else if offset == 4 {
      begin(vmm.commandWrite(word).map { .vmm($0.about(device)) })
    }
    return costs.exitToVMM
  }

  /// KVM's virtual ITS: commands are carried out before the guest goes on, and repeated for the
  /// physical device where the guest owns the EventIDs.
  private mutating func virtualITSWrite(
    _ value: UInt64, at offset: UInt64, width: Int
  ) -> SimulatedTime {
    countExit(.virtualITS, by: .setup)
    var log = ITSLog()
    virtualITS.writeRegister(
      offset, value, width: width, memory: guestMemory,
      redistributors: &virtualRedistributors, observer: &log)
    var steps = forwardingSteps()
    if specification.design.eventIDOwner == .guest {
      let doorbell = vmm.map.doorbell
      steps += log.commands.filter { $0.error == nil }.map { report in
        let owner = devices.firstIndex { $0.guestID == report.command[.deviceID] }
        return .vmm(
          Step(
            .kvm, "vgic_its_process_commands (proposed)",
            "\(report.command[.opcode].name ?? "command") goes on to the physical ITS",
            .call(.mirror(report.command, doorbell: doorbell))
          ).about(owner ?? 0))
      }
    }
    begin(steps)
    retryWaiting()
    return costs.exitToKernel
  }

  mutating func countExit(_ cause: ExitCause, by occasion: RunResult.Exits.Occasion) {
    switch occasion {
    case .setup: exits.setup += 1
    case .delivery: exits.delivery += 1
    case .idle: exits.idle += 1
    }
    if let index = exits.causes.firstIndex(where: { $0.cause == cause }) {
      exits.causes[index].count += 1
    } else {
      exits.causes.append(.init(cause: cause, count: 1))
    }
  }

  // MARK: Time

  @discardableResult
  mutating func schedule(
    _ kind: Event.Kind, after delay: SimulatedTime, message: Int32 = -1
  ) -> EventQueue<Event>.Ticket {
    schedule(kind, at: queue.now + delay, message: message)
  }

  @discardableResult
  mutating func schedule(
    _ kind: Event.Kind, at time: SimulatedTime, message: Int32 = -1
  ) -> EventQueue<Event>.Ticket {
    if kind == .acknowledge { inService += 1 }
    return queue.schedule(Event(kind: kind, message: message), at: time)
  }
}

extension GuestOperation {
  var isActivity: Bool {
    if case .activity = self { true } else { false }
  }

  /// Whether the guest's virtual CPU does it, and not the device by itself.
  var isOfGuest: Bool {
    switch self {
    case .activity(.message), .activity(.dma): false
    default: true
    }
  }
}
