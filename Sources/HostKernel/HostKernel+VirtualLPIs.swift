internal import ArmFormats
internal import Bits
public import GIC
public import Linux
public import Software

// KVM's bridge between VFIO, its virtual ITS and the ITS driver: arch/arm64/kvm/vgic/vgic-v4.c,
// drivers/irqchip/irq-gic-v4.c.
extension HostKernel {
  /// A virtual LPI that the hardware injects for an event of the function.
  struct VirtualEvent: Sendable {
    let intid: UInt32
    var virtualCPU: Int
  }

  /// The VM's vPEs with their tables and doorbells (`vgic_v4_init`), when its vGIC is initialised;
  /// nothing without GICv4.
  ///
  /// - Throws: `Refusal` with `ENOMEM` or `ENOSPC` when memory or LPIs are exhausted.
  public mutating func startVirtualGIC(virtualCPUs: Int) throws(Refusal) -> [Step<Never>] {
    guard its.virtualLPIs != nil, virtualMachine == nil else { return [] }
    let cpu = targetCPU
    let made = try allocating { its, frames throws(Refusal) in
      try its.createVirtualMachine(virtualCPUs: virtualCPUs, cpu: cpu, frames: &frames)
    }
    virtualMachine = made.machine
    var steps = [made.step]
    for vPE in made.machine.virtualPEs {
      for index in itses.indices where mapsVirtualPEsAtOnce {
        steps += itses[index].map(
          vPE, of: made.machine, isFirst: index == 0, function: "its_vpe_irq_domain_activate")
      }
      // GICv4.1 manages the doorbell in hardware, so that it stays enabled (`vgic_v4_init`).
      if its.virtualLPIs == .v4Point1 { steps += itses[0].enableDoorbell(of: vPE, true) }
    }
    return steps
  }

  /// Whether every ITS has the vPEs from the start; with an ITS list GICv4.0 maps them where the
  /// first virtual LPI needs them (`gic_requires_eager_mapping`).
  private var mapsVirtualPEsAtOnce: Bool {
    its.listNumber == nil || its.virtualLPIs == .v4Point1
  }

  /// An event of the current device becomes a virtual LPI: its ITS gets the VM's vPEs, if it has
  /// none yet (`its_map_vm`).
  private mutating func mapVirtualPEs(of machine: ITSVirtualMachine) -> [Step<Never>] {
    let index = devices[current].its
    virtualLPICounts[index] += 1
    guard !mapsVirtualPEsAtOnce, virtualLPICounts[index] == 1 else { return [] }
    return machine.virtualPEs.flatMap {
      itses[index].map($0, of: machine, isFirst: false, function: "its_map_vm")
    }
  }

  /// An event of the current device is no virtual LPI any more: its ITS loses the vPEs with the
  /// last one (`its_unmap_vm`).
  private mutating func unmapVirtualPEs() -> [Step<Never>] {
    let index = devices[current].its
    virtualLPICounts[index] -= 1
    guard !mapsVirtualPEsAtOnce, virtualLPICounts[index] == 0 else { return [] }
    return (virtualMachine?.virtualPEs ?? []).flatMap { itses[index].unmap($0) }
  }

  /// The vPE of a virtual CPU; `nil` without GICv4.
  public func virtualPE(ofCPU virtualCPU: Int) -> ITSVirtualPE? {
    guard let vPEs = virtualMachine?.virtualPEs, vPEs.indices.contains(virtualCPU) else {
      return nil
    }
    return vPEs[virtualCPU]
  }

  /// The virtual LPI that the hardware injects for an event, and its vPE.
  public func virtualLPI(of host: HostEvent) -> (intid: UInt32, virtualPE: ITSVirtualPE)? {
    let device = devices.first { $0.platform.deviceID.rawValue == host.deviceID }
    guard let event = device?.virtualEvents[host.eventID],
      let vPE = virtualPE(ofCPU: event.virtualCPU)
    else { return nil }
    return (event.intid, vPE)
  }

  /// The EventIDs of a device that the hardware injects, in order.
  public func forwardedEvents(of device: Int = 0) -> [UInt32] {
    devices[device].virtualEvents.keys.sorted()
  }

  // MARK: Events

  /// Hands an event to the hardware: KVM's virtual ITS has found the guest's LPI by the route
  /// (`kvm_vgic_v4_set_forwarding`, `its_map_vlpi`).
  ///
  /// - Parameter properties: the LPI's configuration byte as KVM has it.
  public mutating func forward(
    _ host: HostEvent, to interrupt: ForwardedInterrupt, properties: UInt8
  ) -> [Step<Never>] {
    guard let machine = virtualMachine, let vPE = virtualPE(ofCPU: Int(interrupt.vCPU)),
      select(deviceID: host.deviceID), its.hasDevice(host.deviceID)
    else { return [] }
    let isNew = virtualEvents[host.eventID] == nil
    virtualEvents[host.eventID] = VirtualEvent(
      intid: interrupt.vINTID, virtualCPU: Int(interrupt.vCPU))
    let mapping = isNew ? mapVirtualPEs(of: machine) : []
    let steps =
      mapping
      + its.mapVirtual(
        device: host.deviceID, event: host.eventID, intid: interrupt.vINTID,
        properties: properties, to: vPE, of: machine, wasPhysical: events[host.eventID] != nil)
    guard interrupt.wasPending else { return steps }
    return steps
      + its.setVirtualPending(
        device: host.deviceID, event: host.eventID, isPending: true, of: vPE)
  }

  /// Takes an event back from the hardware (`kvm_vgic_v4_unset_forwarding`, `its_unmap_vlpi`).
  /// What is pending in the vPE's table goes with the mapping: KVM does not carry it over.
  public mutating func takeBack(_ host: HostEvent) -> [Step<Never>] {
    guard select(deviceID: host.deviceID),
      virtualEvents.removeValue(forKey: host.eventID) != nil
    else { return [] }
    guard let lpi = events[host.eventID] else {
      return its.deactivate(device: host.deviceID, event: host.eventID, cpu: targetCPU)
        + unmapVirtualPEs()
    }
    return its.unmapVirtual(
      device: host.deviceID, event: host.eventID, lpi: lpi, cpu: targetCPU) + unmapVirtualPEs()
  }

  /// Does to the hardware what a command of the guest did to its LPI.
  public mutating func follow(_ action: ForwardingAction) -> [Step<Never>] {
    guard let machine = virtualMachine else { return [] }
    switch action {
    case .configure(let host, let byte):
      guard let (intid, vPE) = virtualLPI(of: host), select(deviceID: host.deviceID) else {
        return []
      }
      return its.configureVirtual(
        device: host.deviceID, event: host.eventID, intid: intid, properties: byte, of: vPE,
        of: machine)
    case .setPending(let host, let isPending):
      guard let (_, vPE) = virtualLPI(of: host), select(deviceID: host.deviceID) else { return [] }
      return its.setVirtualPending(
        device: host.deviceID, event: host.eventID, isPending: isPending, of: vPE)
    case .unmap(let host): return takeBack(host)
    case .move(let host, let virtualCPU):
      guard virtualLPI(of: host) != nil, let vPE = virtualPE(ofCPU: Int(virtualCPU)),
        select(deviceID: host.deviceID)
      else { return [] }
      virtualEvents[host.eventID]?.virtualCPU = Int(virtualCPU)
      return its.moveVirtual(device: host.deviceID, event: host.eventID, to: vPE)
    }
  }

  /// Unmaps every event that the hardware injects, in order.
  mutating func takeAllBack() -> [Step<Never>] {
    let device = platform.deviceID.rawValue
    return forwardedEvents(of: current).flatMap {
      takeBack(HostEvent(deviceID: device, eventID: $0))
    }
  }

  // MARK: Scheduling

  /// A virtual CPU is about to run (`vgic_v4_load`). With GICv4.0 its doorbell is disabled
  /// (`its_make_vpe_resident`), and one that is pending goes.
  public mutating func load(virtualCPU: Int) -> [Step<Never>] {
    guard let machine = virtualMachine, let vPE = virtualPE(ofCPU: virtualCPU) else { return [] }
    let steps = its.makeResident(vPE, of: machine)
    if its.virtualLPIs == .v4Point1 { return steps }
    return itses[0].enableDoorbell(of: vPE, false) + steps + [its.clearDoorbell(of: vPE)]
  }

  /// The doorbell has called the host. GICv4.0 would ring it again for each further interrupt
  /// (`vgic_v4_doorbell_handler`).
  public mutating func silenceDoorbell(virtualCPU: Int) -> [Step<Never>] {
    guard its.virtualLPIs == .v4, let vPE = virtualPE(ofCPU: virtualCPU) else { return [] }
    return itses[0].enableDoorbell(of: vPE, false)
  }

  /// A virtual CPU blocks: an interrupt must call the host (`vgic_v4_put` with IN_WFI).
  public mutating func block(virtualCPU: Int) -> [Step<Never>] {
    guard let vPE = virtualPE(ofCPU: virtualCPU) else { return [] }
    let steps = its.makeNonResident(vPE, wantsDoorbell: true)
    return its.virtualLPIs == .v4Point1 ? steps : itses[0].enableDoorbell(of: vPE, true) + steps
  }
}
