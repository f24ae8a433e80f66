internal import ArmFormats
internal import Bits
internal import GIC
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Simulation
internal import Software
internal import Timing
internal import VMM

// GICv4: KVM's irq bypass, and interrupts that the hardware injects.
extension System {
  /// Whether KVM hands interrupts to the hardware where it can.
  var bypassesHost: Bool { specification.design.delivery.virtualLPIs != nil }

  // MARK: Set-up

  /// The guest's interrupt controllers as the VMM creates them, where the hardware has a part in
  /// them: the VM's vPEs, the only virtual CPU's resident at once.
  mutating func startVirtualGIC() throws(Refusal) -> [PendingStep] {
    guard bypassesHost else { return [] }
    let create = Step<HostCall>(
      .vmm, "kvm_arm_gicv3_realize", "KVM_DEV_ARM_VGIC_CTRL_INIT: one virtual CPU", .decide)
    let steps = try host.startVirtualGIC(virtualCPUs: 1) + host.load(virtualCPU: 0)
    return [.vmm(create)] + steps.map(PendingStep.host)
  }

  /// The host's steps for a request, and what KVM's irq bypass makes of it
  /// (virt/lib/irqbypass.c: a vector's eventfd has its producer, VFIO, and its consumer, KVM).
  mutating func answer(
    _ call: HostCall, for device: Int
  ) throws(Refusal) -> [Step<Never>] {
    guard bypassesHost else { return try host.handle(call, for: device) }
    switch call {
    case .route(let vector, let route):
      let event = UInt32(truncatingIfNeeded: vector)
      return takeBack([event], of: device) + (try host.handle(call, for: device))
        + handOver(event, of: device, route)
    case .releaseVector(let vector):
      return takeBack([UInt32(truncatingIfNeeded: vector)], of: device)
        + (try host.handle(call, for: device))
    case .disableVectors:
      return takeBack(host.forwardedEvents(of: device), of: device)
        + (try host.handle(call, for: device))
    case .mirror(let command, let doorbell)
    where [.mapti, .mapi].contains(command[.opcode])
      && command[.deviceID] == devices[device].guestID:
      let route = InjectionRoute(
        doorbell: doorbell, deviceID: command[.deviceID], eventID: command[.eventID])
      let steps = handOver(command[.eventID], of: device, route)
      return isForwarded(command[.eventID], of: device)
        ? steps : steps + (try host.handle(call, for: device))
    default: return try host.handle(call, for: device)
    }
  }

  /// KVM finds the guest's LPI by the route, and the host maps it; without a virtual ITS at the
  /// route's address, or an LPI there, software goes on injecting and nobody is told
  /// (`kvm_vgic_v4_set_forwarding`).
  private mutating func handOver(
    _ event: UInt32, of device: Int, _ route: InjectionRoute
  ) -> [Step<Never>] {
    let physical = HostEvent(deviceID: machine.deviceID(of: device).rawValue, eventID: event)
    let found = virtualITS.setForwarding(
      address: route.doorbell, base: vmm.map.itsBase, deviceID: route.deviceID,
      eventID: route.eventID, to: physical, redistributors: &virtualRedistributors,
      memory: guestMemory)
    guard let found else {
      return [
        Step(
          .kvm, "kvm_vgic_v4_set_forwarding",
          "nothing to forward at \(route.doorbell): software injects", .decide)
      ]
    }
    let byte = virtualRedistributors.currentConfiguration(
      of: found.vINTID, at: Int(found.vCPU), memory: guestMemory)
    return [
      Step(
        .kvm, "kvm_vgic_v4_set_forwarding",
        "the route leads to vLPI \(found.vINTID) of virtual CPU \(found.vCPU)", .decide)
    ]
      + host.forward(
        physical, to: found, properties: UInt8(truncatingIfNeeded: byte?.rawValue ?? 0))
  }

  private func isForwarded(_ event: UInt32, of device: Int) -> Bool {
    host.virtualLPI(
      of: HostEvent(deviceID: machine.deviceID(of: device).rawValue, eventID: event)) != nil
  }

  /// Software injects these events again (`kvm_vgic_v4_unset_forwarding`).
  private mutating func takeBack(_ events: [UInt32], of device: Int) -> [Step<Never>] {
    events.flatMap { event -> [Step<Never>] in
      let physical = HostEvent(deviceID: machine.deviceID(of: device).rawValue, eventID: event)
      guard host.virtualLPI(of: physical) != nil else { return [] }
      virtualITS.unsetForwarding(
        of: physical, wasPending: false, redistributors: &virtualRedistributors,
        memory: guestMemory)
      return host.takeBack(physical)
    }
  }

  /// What commands and registers of the guest ask of the hardware. Where the guest's commands
  /// drive the physical ITT, its DISCARD and MAPD are repeated as such.
  mutating func forwardingSteps() -> [PendingStep] {
    guard bypassesHost else { return [] }
    let repeatsCommands = specification.design.eventIDOwner == .guest
    return virtualITS.takeForwardingActions().flatMap { action -> [PendingStep] in
      if case .unmap = action, repeatsCommands { return [] }
      return host.follow(action).map(PendingStep.host)
    }
  }

  /// The guest invalidates LPIs through its redistributor.
  mutating func followInvalidation(_ register: UInt64, _ value: UInt64) {
    guard bypassesHost,
      register == RedistributorRegister.invalidateLPI
        || register == RedistributorRegister.invalidateAll
    else { return }
    let isOne = register == RedistributorRegister.invalidateLPI
    virtualITS.invalidateForwarded(
      isOne ? UInt32(truncatingIfNeeded: value) : nil, at: 0, memory: guestMemory,
      redistributors: &virtualRedistributors)
    begin(forwardingSteps())
  }

  // MARK: Messages

  /// The ITS has made a virtual LPI pending: a resident vPE gets it without the host, any other
  /// waits for its virtual CPU, which a doorbell may call.
  mutating func arriveDirectly(
    _ index: Int32, _ intid: UInt32, at cpu: Int, wasPending: Bool, doorbell: UInt32?,
    at time: SimulatedTime
  ) {
    messages[Int(index)].virtualLPI = intid
    messages[Int(index)].cpu = cpu
    messages[Int(index)].isDirect = true
    if let doorbell { ring(doorbell, at: cpu, index, at: time) }
    guard !wasPending else {
      messages[Int(index)].leader = lastMessage(of: intid, isVirtual: true)
      return
    }
    remember(index, intid, isVirtual: true)
    guard machine.redistributors.isVirtualDue(intid, at: cpu, memory: machine.memory) else {
      waiting.append(index)
      return
    }
    let delay = costs[.directInjection]
    spend(delay, at: .injection, index)
    schedule(.acknowledge, at: time + delay, message: index)
  }

  /// KVM injects into an LPI that the hardware injects otherwise: it has the ITS do it
  /// (`vgic_its_trigger_msi`, `its_irq_set_irqchip_state`).
  mutating func injectByCommand(_ index: Int32, _ physical: HostEvent) {
    guard let (intid, vPE) = host.virtualLPI(of: physical) else {
      return end(index, .lost, "the virtual LPI's mapping went away")
    }
    let wasPending = Redistributors.isVirtualPending(
      intid, in: vPE.pendingTable, memory: machine.memory)
    for step in host.follow(.setPending(physical, true)) { carryOutInHost(step.action) }
    if isWanted(index) {
      visit(
        .intCommand, nil, [UInt64(intid)],
        "the LPI is the hardware's: KVM has the ITS set vLPI \(intid) pending")
    }
    let isCalled = machine.redistributors.isDue(vPE.doorbell, at: vPE.cpu, memory: machine.memory)
    arriveDirectly(
      index, intid, at: vPE.cpu, wasPending: wasPending,
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
    stations.append(
      .init(
        time: time, place: .redistributor, address: nil, words: [UInt64(intid)], meaning: meaning))
  }

  // MARK: Doorbells

  private mutating func ring(
    _ doorbell: UInt32, at cpu: Int, _ index: Int32, at time: SimulatedTime
  ) {
    guard !isBeingCalled,
      machine.redistributors.isDue(doorbell, at: cpu, memory: machine.memory)
    else { return }
    isBeingCalled = true
    spend(costs.hostEntry, at: .exits, index)
    schedule(.doorbell, at: time + costs.hostEntry, message: index)
  }

  /// The host takes the doorbell of the blocked virtual CPU and wakes it
  /// (`vgic_v4_doorbell_handler`).
  mutating func takeDoorbell(_ index: Int32) {
    isBeingCalled = false
    guard let vPE = host.virtualPE(ofCPU: 0) else { return }
    machine.redistributors.acknowledgeLPI(vPE.doorbell, at: vPE.cpu, memory: machine.memory)
    for step in host.silenceDoorbell(virtualCPU: 0) { carryOutInHost(step.action) }
    countExit(.vPEDoorbell, by: .delivery)
    if isWanted(index) {
      visit(
        .hostInterrupt, nil, [UInt64(vPE.doorbell)],
        "CPU \(vPE.cpu) acknowledges doorbell LPI \(vPE.doorbell): virtual CPU 0 is woken")
    }
    let delay = costs[.contextSwitch] + costs[.residency]
    spend(delay, at: .scheduling, index)
    schedule(.enter, after: delay, message: index)
  }

  /// The virtual CPU runs again, and takes what waits in its pending table.
  mutating func enter(_ index: Int32) {
    if isWanted(index) {
      visit(.virtualCPU, nil, [], "the vPE is resident again and its pending table read")
    }
    resume()
    retryWaiting()
  }
}
