internal import ArmFormats
internal import Bits
public import GIC
public import HostKernel
public import Linux
public import Software

/// A virtual LPI that the hardware injects for an event of the host.
struct ForwardedLPI: Sendable {
  let intid: UInt32
  var cpu: VCPUIndex
}

// KVM's irq bypass: a vector's eventfd has its producer, VFIO, and its consumer, KVM
// (virt/lib/irqbypass.c), which hands the interrupt to the hardware (arch/arm64/kvm/vgic/vgic-v4.c,
// drivers/irqchip/irq-gic-v4.c).
extension KVM {
  // MARK: Requests of the VMM

  /// The host's steps for a request, with what the irq bypass makes of it.
  ///
  /// - Parameter guestID: the device's DeviceID in the guest.
  /// - Throws: `Refusal` as the host's kernel would refuse the request.
  public mutating func answer(
    _ call: HostCall, for device: DeviceIndex, guestID: UInt32, host: inout HostKernel
  ) throws(Refusal) -> [Step<Never>] {
    guard bypassesHost else { return try host.handle(call, for: device) }
    switch call {
    case .route(let vector, let route):
      // A route that changes under a producer ends the bypass (`kvm_arch_update_irqfd_routing`).
      let event = UInt32(truncatingIfNeeded: vector)
      let isNew = !host[device].forwarded.contains(event)
      let steps =
        unforwardVLPIs([event], of: device, host: &host) + (try host.handle(call, for: device))
      guard isNew, host[device].isReadByKVM(vector) else { return steps }
      return steps + forwardVLPI(event, of: device, route, host: &host)
    case .unroute(let vector):
      return unforwardVLPIs([UInt32(truncatingIfNeeded: vector)], of: device, host: &host)
        + (try host.handle(call, for: device))
    case .setIRQs(let first, let signals):
      let vectors = signals.indices.map { first &+ $0 }
      var steps = unforwardVLPIs(
        vectors.map { UInt32(truncatingIfNeeded: $0) }, of: device, host: &host)
      steps += try host.handle(call, for: device)
      return steps + connect(vectors, of: device, host: &host)
    case .enableMSI(let count, _):
      return try host.handle(call, for: device)
        + connect(Array(0..<max(0, count)), of: device, host: &host)
    case .disableVectors:
      return unforwardAll(of: device, host: &host) + (try host.handle(call, for: device))
    case .mirror(let command, let doorbell) where command[.deviceID] == guestID:
      return try mirror(command, doorbell: doorbell, call, for: device, host: &host)
    default: return try host.handle(call, for: device)
    }
  }

  /// VFIO's eventfds meet KVM's (`kvm_arch_irq_bypass_add_producer`).
  private mutating func connect(
    _ vectors: [Int], of device: DeviceIndex, host: inout HostKernel
  ) -> [Step<Never>] {
    vectors.flatMap { vector -> [Step<Never>] in
      guard host[device].isReadByKVM(vector), let route = host[device].routes[vector] else {
        return []
      }
      return forwardVLPI(
        UInt32(truncatingIfNeeded: vector), of: device, route, host: &host)
    }
  }

  /// A command of the guest that drives the physical translation table: what it maps goes to the
  /// hardware at once, and what it unmaps comes back first.
  private mutating func mirror(
    _ command: ITSCommand, doorbell: IPA, _ call: HostCall, for device: DeviceIndex,
    host: inout HostKernel
  ) throws(Refusal) -> [Step<Never>] {
    switch command[.opcode] {
    case .mapti, .mapi:
      let route = InjectionRoute(
        doorbell: doorbell, deviceID: command[.deviceID], eventID: command[.eventID])
      let steps = forwardVLPI(command[.eventID], of: device, route, host: &host)
      return virtualLPI(of: hostEvent(command[.eventID], of: device, host)) != nil
        ? steps : steps + (try host.handle(call, for: device))
    case .discard:
      let event = hostEvent(command[.eventID], of: device, host)
      guard forwarded[event] != nil else { return try host.handle(call, for: device) }
      return unforwardVLPI(event, host: &host).map { $0.about(device.rawValue) }
    case .mapd:
      return unforwardAll(of: device, host: &host).map { $0.about(device.rawValue) }
        + (try host.handle(call, for: device))
    default: return try host.handle(call, for: device)
    }
  }

  private func hostEvent(
    _ event: UInt32, of device: DeviceIndex, _ host: HostKernel
  ) -> HostEvent {
    host.event(event, of: device)
  }

  // MARK: Forwarding

  /// Finds the guest's LPI by the route and has the hardware inject it; without a virtual ITS at the
  /// route's address, or an LPI there, software goes on injecting, without an error
  /// (`kvm_vgic_v4_set_forwarding`).
  private mutating func forwardVLPI(
    _ event: UInt32, of device: DeviceIndex, _ route: InjectionRoute, host: inout HostKernel
  ) -> [Step<Never>] {
    let function = "kvm_vgic_v4_set_forwarding"
    let physical = hostEvent(event, of: device, host)
    let found = its.setForwarding(
      address: route.doorbell, base: itsBase, deviceID: route.deviceID, eventID: route.eventID,
      to: physical, redistributors: &redistributors, memory: memory)
    guard let found else {
      return [
        Step(
          .kvm, function, "nothing to forward at \(route.doorbell): software injects", .decide)
      ]
    }
    let byte = redistributors.currentConfiguration(
      of: found.vINTID, at: Int(found.vCPU), memory: memory)
    return [
      Step(
        .kvm, function,
        "the route leads to vLPI \(found.vINTID) of virtual CPU \(found.vCPU)", .decide)
    ]
      + map(
        physical, of: device, to: found,
        properties: UInt8(truncatingIfNeeded: byte?.rawValue ?? 0), host: &host)
  }

  /// Turns the physical event into the guest's LPI (`its_map_vlpi`).
  ///
  /// - Parameter properties: the LPI's configuration byte as KVM has it.
  mutating func map(
    _ event: HostEvent, of device: DeviceIndex, to interrupt: ForwardedInterrupt,
    properties: UInt8, host: inout HostKernel
  ) -> [Step<Never>] {
    let cpu = VCPUIndex(Int(interrupt.vCPU))
    guard let machine = virtualPEs, let vPE = virtualPE(of: cpu),
      host.hasTranslationTable(device)
    else { return [] }
    let isNew = forwarded[event] == nil
    forwarded[event] = ForwardedLPI(intid: interrupt.vINTID, cpu: cpu)
    host[device].forwarded.insert(event.eventID)
    let number = host[device].its
    var steps = isNew ? mapVirtualPEs(onITS: number, host: &host) : []
    let isPhysical = host[device].events[event.eventID] != nil
    steps += host.itses[number].mapVirtual(
      device: event.deviceID, event: event.eventID, intid: interrupt.vINTID,
      properties: properties, to: vPE, of: machine, wasPhysical: isPhysical)
    guard interrupt.wasPending else { return steps }
    return steps
      + host.itses[number].setVirtualPending(
        device: event.deviceID, event: event.eventID, isPending: true, of: vPE)
  }

  /// Software injects these events again (`kvm_vgic_v4_unset_forwarding`).
  private mutating func unforwardVLPIs(
    _ events: [UInt32], of device: DeviceIndex, host: inout HostKernel
  ) -> [Step<Never>] {
    events.flatMap { event -> [Step<Never>] in
      let physical = hostEvent(event, of: device, host)
      guard forwarded[physical] != nil else { return [] }
      its.unsetForwarding(
        of: physical, wasPending: false, redistributors: &redistributors, memory: memory)
      return unforwardVLPI(physical, host: &host)
    }
  }

  /// Software injects every event of a device again.
  public mutating func unforwardAll(
    of device: DeviceIndex, host: inout HostKernel
  ) -> [Step<Never>] {
    unforwardVLPIs(host[device].forwarded.sorted(), of: device, host: &host)
  }

  /// Turns a virtual LPI back into the physical one (`its_unmap_vlpi`). What is pending in the vPE's
  /// table goes with the mapping: KVM does not carry it over.
  mutating func unforwardVLPI(_ event: HostEvent, host: inout HostKernel) -> [Step<Never>] {
    guard let device = host.device(of: event),
      forwarded.removeValue(forKey: event) != nil
    else { return [] }
    host[device].forwarded.remove(event.eventID)
    let number = host[device].its
    let cpu = host.cpu(ofEvent: event.eventID, of: device)
    guard let lpi = host[device].events[event.eventID] else {
      return host.itses[number].deactivate(
        device: event.deviceID, event: event.eventID, cpu: cpu)
        + unmapVirtualPEs(fromITS: number, host: &host)
    }
    return host.itses[number].unmapVirtual(
      device: event.deviceID, event: event.eventID, lpi: lpi, cpu: cpu)
      + unmapVirtualPEs(fromITS: number, host: &host)
  }

  /// The virtual LPI that the hardware injects for an event, and its vPE; `nil` for an event that
  /// software injects.
  public func virtualLPI(of event: HostEvent) -> (intid: UInt32, virtualPE: ITSVirtualPE)? {
    guard let found = forwarded[event], let vPE = virtualPE(of: found.cpu) else { return nil }
    return (found.intid, vPE)
  }

  // MARK: Commands of the guest

  /// Returns the steps that commands and registers of the guest ask of the hardware since the last
  /// call.
  ///
  /// - Parameter repeatsCommands: whether the guest's commands drive the physical translation table,
  ///   so that DISCARD and MAPD come as such.
  public mutating func forwardingSteps(
    repeatsCommands: Bool, host: inout HostKernel
  ) -> [Step<Never>] {
    guard bypassesHost else { return [] }
    return its.takeForwardingActions().flatMap { action -> [Step<Never>] in
      if case .unmap = action, repeatsCommands { return [] }
      return follow(action, host: &host)
    }
  }

  /// Does to the hardware what a command of the guest did to its LPI.
  public mutating func follow(
    _ action: ForwardingAction, host: inout HostKernel
  ) -> [Step<Never>] {
    guard let machine = virtualPEs else { return [] }
    switch action {
    case .configure(let event, let byte):
      guard let (intid, vPE) = virtualLPI(of: event),
        let device = host.device(of: event)
      else { return [] }
      return host.itses[host[device].its].configureVirtual(
        device: event.deviceID, event: event.eventID, intid: intid, properties: byte, of: vPE,
        of: machine)
    case .setPending(let event, let isPending):
      guard let (_, vPE) = virtualLPI(of: event),
        let device = host.device(of: event)
      else { return [] }
      return host.itses[host[device].its].setVirtualPending(
        device: event.deviceID, event: event.eventID, isPending: isPending, of: vPE)
    case .unmap(let event): return unforwardVLPI(event, host: &host)
    case .move(let event, let number):
      let cpu = VCPUIndex(Int(number))
      guard forwarded[event] != nil, let vPE = virtualPE(of: cpu),
        let device = host.device(of: event)
      else { return [] }
      forwarded[event]?.cpu = cpu
      return host.itses[host[device].its].moveVirtual(
        device: event.deviceID, event: event.eventID, to: vPE)
    }
  }
}
