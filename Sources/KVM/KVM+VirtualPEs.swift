internal import ArmFormats
internal import Bits
public import GIC
public import HostKernel
public import Linux
public import Memory
public import Software

// vPEs: a virtual CPU as the ITS and the redistributors know it (vgic-v4.c `vgic_v4_init`,
// `vgic_v4_load`, `vgic_v4_put`; irq-gic-v3-its.c `its_vpe_*`).
extension KVM {
  /// The VM's vPEs with their tables and doorbells, when its vGIC is initialised; nothing without
  /// GICv4.
  ///
  /// - Parameters:
  ///   - cpus: the CPU that each virtual CPU runs on.
  ///   - firstPE: the number of the first vPE, behind those of the VMs before it.
  /// - Throws: `Refusal` with `ENOMEM` or `ENOSPC` when memory or LPIs are exhausted.
  public mutating func createVirtualPEs(
    on cpus: [Int], firstPE: UInt16, host: inout HostKernel
  ) throws(Refusal) -> [Step<Never>] {
    let vm = vm
    guard let device = host.devices.firstIndex(where: { $0.vm == vm }).map({ DeviceIndex($0) }),
      host.itses[host[device].its].virtualLPIs != nil, virtualPEs == nil
    else { return [] }
    let made = try host.allocating(for: device) { its, frames throws(Refusal) in
      try its.createVirtualMachine(cpus: cpus, firstPE: firstPE, frames: &frames)
    }
    virtualPEs = made.machine
    var steps = [made.step]
    for vPE in made.machine.virtualPEs {
      for index in host.itses.indices where mapsVirtualPEsAtOnce(host) {
        steps += host.itses[index].map(
          vPE, of: made.machine, isFirst: index == host.itses.startIndex,
          function: "its_vpe_irq_domain_activate")
      }
      // GICv4.1 manages the doorbell in hardware, so that it stays enabled (`vgic_v4_init`).
      if isV4Point1 { steps += enableDoorbell(of: vPE, true, host: &host) }
    }
    return steps
  }

  private var isV4Point1: Bool { delivery.virtualLPIs == .v4Point1 }

  /// Enables or disables a doorbell, by the first ITS.
  private func enableDoorbell(
    of vPE: ITSVirtualPE, _ isEnabled: Bool, host: inout HostKernel
  ) -> [Step<Never>] {
    host.itses[host.itses.startIndex].enableDoorbell(of: vPE, isEnabled)
  }

  /// Whether every ITS has the vPEs from the start; with an ITS list GICv4.0 maps them where the
  /// first virtual LPI needs them (`gic_requires_eager_mapping`).
  private func mapsVirtualPEsAtOnce(_ host: HostKernel) -> Bool {
    isV4Point1 || host.itses.first?.listNumber == nil
  }

  /// One more event of an ITS is a virtual LPI: the ITS gets the VM's vPEs, if it has none yet
  /// (`its_map_vm`).
  mutating func mapVirtualPEs(onITS index: Int, host: inout HostKernel) -> [Step<Never>] {
    forwardedCounts[index, default: 0] += 1
    guard let machine = virtualPEs, !mapsVirtualPEsAtOnce(host), forwardedCounts[index] == 1 else {
      return []
    }
    var steps: [Step<Never>] = []
    for vPE in machine.virtualPEs {
      steps += host.itses[index].map(vPE, of: machine, isFirst: false, function: "its_map_vm")
    }
    return steps
  }

  /// An event of an ITS is no virtual LPI any more: the ITS loses the vPEs with the last one
  /// (`its_unmap_vm`).
  mutating func unmapVirtualPEs(fromITS index: Int, host: inout HostKernel) -> [Step<Never>] {
    forwardedCounts[index, default: 0] -= 1
    guard !mapsVirtualPEsAtOnce(host), forwardedCounts[index] == 0 else { return [] }
    var steps: [Step<Never>] = []
    for vPE in virtualPEs?.virtualPEs ?? [] { steps += host.itses[index].unmap(vPE) }
    return steps
  }

  /// The vPE of a virtual CPU; `nil` without GICv4.
  public func virtualPE(of cpu: VCPUIndex) -> ITSVirtualPE? {
    guard let vPEs = virtualPEs?.virtualPEs, vPEs.indices.contains(cpu.rawValue) else {
      return nil
    }
    return vPEs[cpu.rawValue]
  }

  /// Whether virtual CPUs have vPEs.
  @inlinable @inline(__always)
  package var hasVirtualPEs: Bool { virtualPEs != nil }

  /// The physical CPU of a virtual CPU's vPE; `nil` without GICv4.
  @inlinable
  package func cpu(ofVirtualPEOf cpu: VCPUIndex) -> Int? {
    guard let count = virtualPEs?.virtualPEs.count, cpu.rawValue < count else { return nil }
    return virtualPEs?.virtualPEs[cpu.rawValue].cpu
  }

  /// The virtual CPU of a vPE; `nil` for a vPE of another VM.
  @inlinable
  public func cpu(ofVirtualPE number: UInt16) -> VCPUIndex? {
    virtualPEs?.virtualPEs.firstIndex { $0.number == number }.map { VCPUIndex($0) }
  }

  // MARK: Scheduling

  /// A virtual CPU is about to run (`vgic_v4_load`). With GICv4.0 its doorbell is disabled
  /// (`its_make_vpe_resident`), and one that is pending goes.
  public mutating func load(_ cpu: VCPUIndex, host: inout HostKernel) -> [Step<Never>] {
    guard let machine = virtualPEs, let vPE = virtualPE(of: cpu), let its = host.itses.first else {
      return []
    }
    let steps = its.makeResident(vPE, of: machine)
    if isV4Point1 { return steps }
    return enableDoorbell(of: vPE, false, host: &host) + steps + [its.clearDoorbell(of: vPE)]
  }

  /// A virtual CPU leaves its physical one and blocks: an interrupt must call the host
  /// (`vgic_v4_put` with IN_WFI).
  mutating func put(_ cpu: VCPUIndex, host: inout HostKernel) -> [Step<Never>] {
    guard let vPE = virtualPE(of: cpu), let its = host.itses.first else { return [] }
    let steps = its.makeNonResident(vPE, wantsDoorbell: true)
    return isV4Point1 ? steps : enableDoorbell(of: vPE, true, host: &host) + steps
  }

  /// Whether an interrupt came before a vPE had left, in which case KVM does not block.
  public func hasPendingLast(
    _ cpu: VCPUIndex, in redistributors: borrowing Redistributors
  ) -> Bool {
    guard let vPE = virtualPE(of: cpu) else { return false }
    let value = redistributors.readRegister(
      RedistributorRegister.virtualPendingBase, width: 8, at: vPE.cpu)
    return VirtualResidency(rawValue: value)[.pendingLast]
  }

  // MARK: Doorbells

  /// A doorbell became pending at the physical redistributor; whether the host is called: once for
  /// each sleep.
  public mutating func ring(
    _ doorbell: UInt32, of cpu: VCPUIndex, in redistributors: inout Redistributors,
    memory: PhysicalMemory
  ) -> Bool {
    guard !cpus[cpu.rawValue].isDoorbellPending, let vPE = virtualPE(of: cpu),
      redistributors.isDue(doorbell, at: vPE.cpu, memory: memory)
    else { return false }
    cpus[cpu.rawValue].isDoorbellPending = true
    return true
  }

  /// The host takes a doorbell. GICv4.0 would ring it again for each further interrupt
  /// (`vgic_v4_doorbell_handler`).
  public mutating func takeDoorbell(
    of cpu: VCPUIndex, host: inout HostKernel
  ) -> (virtualPE: ITSVirtualPE, steps: [Step<Never>])? {
    cpus[cpu.rawValue].isDoorbellPending = false
    guard let vPE = virtualPE(of: cpu) else { return nil }
    return (vPE, isV4Point1 ? [] : enableDoorbell(of: vPE, false, host: &host))
  }

  /// The host's scheduler moves a virtual CPU to another CPU (`its_vpe_set_affinity`): VMOVP on each
  /// ITS that has the vPE, or on one for all. One that runs leaves its CPU for that.
  public mutating func migrate(
    _ cpu: VCPUIndex, to target: Int, host: inout HostKernel
  ) -> [Step<Never>] {
    guard let vPE = virtualPE(of: cpu), vPE.cpu != target else { return [] }
    let isListed = host.itses.first?.listNumber != nil
    // Those that have the vPE: all, or where it is mapped with the first virtual LPI, some.
    let units = host.itses.indices.filter { index in
      isListed
        ? mapsVirtualPEsAtOnce(host) || forwardedCounts[index, default: 0] > 0
        : index == host.itses.startIndex
    }
    let list = units.compactMap { host.itses[$0].listNumber }.reduce(UInt16(0)) { $0 | 1 << $1 }
    moves &+= 1
    var steps: [Step<Never>] = []
    if !isBlocked(cpu) {
      steps += host.itses.first?.makeNonResident(vPE, wantsDoorbell: false) ?? []
    }
    for index in units {
      steps += host.itses[index].move(vPE, to: target, itsList: list, sequence: moves)
    }
    virtualPEs?.virtualPEs[cpu.rawValue].cpu = target
    return isBlocked(cpu) ? steps : steps + load(cpu, host: &host)
  }
}
