internal import ArmFormats
internal import Bits
internal import Designs
internal import GIC
internal import HostKernel
internal import KVM
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Simulation
internal import Software
internal import Timing

// Virtual CPUs that idle, block and are woken, and interrupts that the hardware injects into them.
extension Engine {
  // MARK: Set-up

  /// A VM's interrupt controllers as its VMM creates them, where the hardware has a part in them:
  /// vPEs, every virtual CPU's resident at once.
  mutating func createVirtualGIC(of vm: VMIndex) throws(Refusal) -> [PendingStep] {
    let number = vm.rawValue
    guard kvm[number].bypassesHost else { return [] }
    let count = machines[number].cpus.count
    let cpus = count == 1 ? "one virtual CPU" : "\(count) virtual CPUs"
    let create = Step<HostCall>(
      .vmm, "kvm_arm_gicv3_realize", "KVM_DEV_ARM_VGIC_CTRL_INIT: \(cpus)", .decide)
    let before = (0..<number).reduce(0) { $0 + machines[$1].cpus.count }
    var steps = try kvm[number].createVirtualPEs(
      on: (0..<count).map { physicalCPU(of: VCPUIndex($0), in: vm) },
      firstPE: UInt16(truncatingIfNeeded: before), host: &host)
    for cpu in 0..<count { steps += kvm[number].load(VCPUIndex(cpu), host: &host) }
    return [.vmm(create)] + steps.map(PendingStep.host)
  }

  /// The physical CPU that a virtual CPU runs on: one after the other over all VMs.
  func physicalCPU(of cpu: VCPUIndex, in vm: VMIndex) -> Int {
    let before = (0..<vm.rawValue).reduce(0) { $0 + machines[$1].cpus.count }
    return (host.interruptCPU + before + cpu.rawValue) % max(1, machine.redistributors.count)
  }

  // MARK: Blocking

  /// Lets every virtual CPU of a VM sleep that has nothing to do.
  mutating func blockIdleCPUs(of vm: VMIndex) {
    guard specification.idle == .blocks else { return }
    for cpu in machines[vm.rawValue].cpus.indices { blockIfIdle(VCPUIndex(cpu), of: vm) }
  }

  /// Lets a virtual CPU sleep if it has nothing to do and the guest sleeps then (`kvm_vcpu_wfi`,
  /// `kvm_vcpu_halt`).
  mutating func blockIfIdle(_ cpu: VCPUIndex, of vm: VMIndex) {
    let number = vm.rawValue
    guard specification.idle == .blocks, !kvm[number].isBlocked(cpu), machines[number].epoch != nil,
      machines[number].cpus[cpu.rawValue].inService == 0,
      machines[number].cpus[cpu.rawValue].frames.isEmpty
    else { return }
    recorder.count(.waitForInterrupt, on: .idle)
    executeAtOnce(kvm[number].block(cpu, host: &host))
    if kvm[number].hasPendingLast(cpu, in: machine.redistributors) { unblock(cpu, of: vm) }
  }

  /// Puts a virtual CPU that sleeps back on its physical one.
  mutating func unblock(_ cpu: VCPUIndex, of vm: VMIndex) {
    executeAtOnce(kvm[vm.rawValue].unblock(cpu, host: &host))
  }

  /// Counts an interrupt that the host takes on one of its CPUs: an exit of the guest that runs there.
  ///
  /// - Returns: whether one runs there.
  @discardableResult
  mutating func countInterrupt(_ cause: ExitCause, onCPU cpu: Int) -> Bool {
    if isGuest(onCPU: cpu) {
      recorder.count(cause, on: .delivery)
      return true
    }
    recorder.exits.wakeUps += 1
    return false
  }

  /// Whether a virtual CPU that is not blocked has a physical CPU for its own.
  ///
  /// It changes nothing, and is `mutating` so that the engine is not copied to the call.
  private mutating func isGuest(onCPU cpu: Int) -> Bool {
    let physical = max(1, machine.redistributors.count)
    // How many virtual CPUs stand before one that has this CPU, as `physicalCPU` spreads them.
    var place = (cpu - host.interruptCPU) % physical
    if place < 0 { place += physical }
    for vm in machines.indices {
      let count = machines[vm].cpus.count
      if kvm[vm].hasVirtualPEs {
        for virtual in 0..<count
        where kvm[vm].cpu(ofVirtualPEOf: VCPUIndex(virtual)) == cpu
          && !kvm[vm].isBlocked(VCPUIndex(virtual))
        { return true }
      } else {
        for virtual in stride(from: place, to: count, by: physical)
        where !kvm[vm].isBlocked(VCPUIndex(virtual)) { return true }
      }
      place -= count % physical
      if place < 0 { place += physical }
    }
    return false
  }

  /// When a virtual interrupt that KVM injects now is acknowledged: a blocked virtual CPU has to
  /// get a physical one first.
  mutating func acknowledgeTime(_ index: Int32) -> SimulatedTime {
    let (vm, cpu) = (flights[index].vm, flights[index].virtualCPU)
    spend(costs.kick, at: .wakeUp, index)
    let kicked = queue.now + costs.kick
    guard kvm[vm.rawValue].isBlocked(cpu) else {
      return max(kicked, machines[vm.rawValue].cpus[cpu.rawValue].runsFrom)
    }
    spend(costs[.contextSwitch], at: .scheduling, index)
    let start = kicked + costs[.contextSwitch]
    machines[vm.rawValue].cpus[cpu.rawValue].runsFrom = start
    unblock(cpu, of: vm)
    return start
  }

  /// The host's scheduler moves a virtual CPU to another physical one; nothing happens for one that
  /// the VM has not, and for a CPU that the machine has not.
  mutating func migrate(_ cpu: VCPUIndex, of vm: VMIndex, to target: Int) {
    guard machines[vm.rawValue].cpus.indices.contains(cpu.rawValue),
      (0..<machine.redistributors.count).contains(target)
    else { return }
    let steps = kvm[vm.rawValue].migrate(cpu, to: target, host: &host)
    for step in steps { note(step, of: vm) }
    executeAtOnce(steps)
    retryWaiting()
  }

  /// Follows an interrupt that was moved to another virtual CPU, or with its virtual CPU to another
  /// physical one, since it became pending.
  mutating func relocate(_ index: Int32) {
    let (vm, intid) = (flights[index].vm.rawValue, flights[index].virtualLPI)
    guard intid >= INTID.firstLPI else { return }
    var cpu = flights[index].virtualCPU
    if flights[index].isDirect {
      let event = host.event(flights[index].message.data, of: flights[index].device)
      guard let found = kvm[vm].virtualLPI(of: event)?.virtualPE else { return }
      flights[index].cpu = found.cpu
      cpu = kvm[vm].cpu(ofVirtualPE: found.number) ?? cpu
    } else if machines[vm].cpus.count > 1, !kvm[vm].isPending(intid, at: cpu) {
      cpu = kvm[vm].cpuWithPending(intid) ?? cpu
    }
    flights[index].virtualCPU = cpu
  }

  // MARK: Interrupts by hardware

  /// The ITS has made a virtual LPI pending: a resident vPE gets it without the host, any other
  /// waits for its virtual CPU, which a doorbell may call.
  mutating func arriveDirectly(
    _ index: Int32, _ intid: UInt32, ofVirtualPE vPE: UInt16, at cpu: Int, wasPending: Bool,
    doorbell: UInt32?, at time: SimulatedTime
  ) {
    let vm = flights[index].vm
    guard let virtualCPU = kvm[vm.rawValue].cpu(ofVirtualPE: vPE) else {
      return end(index, .misrouted, "vPE \(vPE) is another VM's")
    }
    flights[index].virtualLPI = intid
    flights[index].virtualCPU = virtualCPU
    flights[index].cpu = cpu
    flights[index].isDirect = true
    if let doorbell { ring(doorbell, of: virtualCPU, index, at: time) }
    guard !wasPending else {
      return flights.join(index, to: virtualLeader(of: intid, in: vm))
    }
    lead(index, isVirtual: true)
    guard machine.redistributors.isVirtualDue(intid, at: cpu, memory: machine.memory) else {
      flights.waiting.append(index)
      return
    }
    let delay = costs[.directInjection]
    spend(delay, at: .injection, index)
    scheduleAcknowledge(index, at: time + delay)
  }

  /// KVM injects into an LPI that the hardware injects otherwise: it has the ITS do it
  /// (`vgic_its_trigger_msi`, `its_irq_set_irqchip_state`).
  mutating func injectByCommand(_ index: Int32, _ physical: HostEvent) {
    let vm = flights[index].vm.rawValue
    guard let (intid, vPE) = kvm[vm].virtualLPI(of: physical) else {
      return end(index, .lost, "the virtual LPI's mapping went away")
    }
    let wasPending = Redistributors.isVirtualPending(
      intid, in: vPE.pendingTable, memory: machine.memory)
    executeAtOnce(kvm[vm].follow(.setPending(physical, true), host: &host))
    if recorder.recordsJourney(index) {
      recorder.visit(
        .intCommand, nil, [UInt64(intid)],
        "the LPI is the hardware's: KVM has the ITS set vLPI \(intid) pending", at: queue.now)
    }
    let isCalled = machine.redistributors.isDue(vPE.doorbell, at: vPE.cpu, memory: machine.memory)
    arriveDirectly(
      index, intid, ofVirtualPE: vPE.number, at: vPE.cpu, wasPending: wasPending,
      doorbell: isCalled ? vPE.doorbell : nil, at: queue.now)
  }

  mutating func visitVirtualPE(
    _ intid: UInt32, _ cpu: Int, _ effect: VirtualEffect, at time: SimulatedTime
  ) {
    let meaning =
      effect.isResident
      ? "the vPE is resident on CPU \(cpu): vLPI \(intid) is presented without the host"
      : effect.doorbell.map { "the vPE is away: doorbell LPI \($0) of CPU \(cpu) is pending" }
        ?? "the vPE is away, and no doorbell rings"
    recorder.visit(.redistributor, nil, [UInt64(intid)], meaning, at: time)
  }

  // MARK: Doorbells

  private mutating func ring(
    _ doorbell: UInt32, of cpu: VCPUIndex, _ index: Int32, at time: SimulatedTime
  ) {
    let vm = flights[index].vm.rawValue
    let memory = machine.memory
    guard
      kvm[vm].ring(doorbell, of: cpu, in: &machine.redistributors, memory: memory)
    else { return }
    flights[index].isRinging = true
    spend(costs.hostEntry, at: .exits, index)
    schedule(.doorbell, message: index, at: time + costs.hostEntry)
  }

  /// The host takes the doorbell of a blocked virtual CPU and wakes it (`vgic_v4_doorbell_handler`).
  mutating func takeDoorbell(_ index: Int32) {
    let (vm, cpu) = (flights[index].vm.rawValue, flights[index].virtualCPU)
    guard let (vPE, steps) = kvm[vm].takeDoorbell(of: cpu, host: &host) else {
      return flights.endDoorbell(of: index)
    }
    machine.redistributors.acknowledgeLPI(vPE.doorbell, at: vPE.cpu, memory: machine.memory)
    executeAtOnce(steps)
    countInterrupt(.vPEDoorbell, onCPU: vPE.cpu)
    if recorder.recordsJourney(index) {
      recorder.visit(
        .hostInterrupt, nil, [UInt64(vPE.doorbell)],
        "CPU \(vPE.cpu) acknowledges doorbell LPI \(vPE.doorbell): \(cpu) is woken",
        at: queue.now)
    }
    let delay = costs[.contextSwitch] + costs[.residency]
    spend(delay, at: .scheduling, index)
    schedule(.enter, message: index, after: delay)
  }

  /// A virtual CPU runs again, and takes what waits in its pending table.
  mutating func enter(_ index: Int32) {
    if recorder.recordsJourney(index) {
      recorder.visit(
        .virtualCPU, nil, [], "the vPE is resident again and its pending table read",
        at: queue.now)
    }
    let (vm, cpu) = (flights[index].vm, flights[index].virtualCPU)
    flights.endDoorbell(of: index)
    unblock(cpu, of: vm)
    retryWaiting()
  }
}
