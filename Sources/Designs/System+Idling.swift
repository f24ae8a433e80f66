internal import ArmFormats
internal import Bits
internal import GIC
internal import HostKernel
internal import Linux
internal import Machine
internal import Simulation
internal import Software
internal import Timing

// A virtual CPU that blocks and is woken.
extension System {
  /// Lets the virtual CPU go to sleep if it has nothing to do and the guest sleeps then
  /// (`kvm_vcpu_wfi`, `kvm_vcpu_halt`).
  mutating func blockIfIdle() {
    guard specification.idle == .blocks, !isBlocked, epoch != nil, inService == 0,
      activities.isEmpty
    else { return }
    countExit(.waitForInterrupt, by: .idle)
    isBlocked = true
    for step in host.block(virtualCPU: 0) { carryOutInHost(step.action) }
    if hasPendingVirtual { resume() }
  }

  /// Whether an interrupt came before the vPE had left: KVM does not block then.
  private var hasPendingVirtual: Bool {
    guard let vPE = host.virtualPE(ofCPU: 0) else { return false }
    let value = machine.redistributors.readRegister(
      RedistributorRegister.virtualPendingBase, width: 8, at: vPE.cpu)
    return VirtualResidency(rawValue: value)[.pendingLast]
  }

  /// Puts the virtual CPU back on its physical one.
  mutating func resume() {
    guard isBlocked else { return }
    isBlocked = false
    for step in host.load(virtualCPU: 0) { carryOutInHost(step.action) }
  }

  /// When a virtual interrupt that KVM injects now is acknowledged: a blocked virtual CPU has to
  /// get a physical one first.
  mutating func acknowledgeTime(_ index: Int32) -> SimulatedTime {
    spend(costs.kick, at: .wakeUp, index)
    let kicked = queue.now + costs.kick
    guard isBlocked else { return max(kicked, running) }
    spend(costs[.contextSwitch], at: .scheduling, index)
    running = kicked + costs[.contextSwitch]
    resume()
    return running
  }
}
