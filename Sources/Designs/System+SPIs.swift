internal import ArmFormats
internal import GIC
internal import HostKernel
internal import Machine
internal import Simulation
internal import Timing

// GICv2m frames: the MSIs of a guest that has one are SPIs of KVM's distributor, those of a host
// SPIs of the physical one.
extension System {
  /// The guest writes a register of its distributor.
  mutating func distributorWrite(
    _ value: UInt64, at offset: UInt64, width: Int
  ) -> SimulatedTime {
    countExit(.virtualDistributor, by: .setup)
    virtualDistributor.writeRegister(offset, value, width: width)
    retryWaiting()
    return costs.exitToKernel
  }

  /// KVM injects the SPI that the VMM has bound the eventfd to (`kvm_vgic_inject_irq`).
  mutating func injectSPI(_ index: Int32, _ spi: UInt32) {
    guard virtualDistributor.holds(spi) else {
      return end(index, .lost, "the guest's distributor has no SPI \(spi)")
    }
    let wasPending = virtualDistributor.isPending(spi)
    virtualDistributor.setPending(spi)
    messages[Int(index)].virtualLPI = spi
    if isWanted(index) {
      visit(
        .listRegister, nil, [UInt64(spi)],
        "SPI \(spi) is pending for virtual CPU 0, which is kicked and entered")
    }
    let time = acknowledgeTime(index)
    guard !wasPending else {
      messages[Int(index)].leader = lastMessage(of: spi, isVirtual: true)
      return
    }
    remember(index, spi, isVirtual: true)
    if virtualDistributor.isDue(spi) {
      schedule(.acknowledge, at: time, message: index)
    } else {
      waiting.append(index)
    }
  }

  /// The handler's end of interrupt: an SPI is active until then, and one that became pending
  /// meanwhile comes now.
  mutating func endSPI(_ intid: UInt32) {
    guard intid < INTID.firstLPI else { return }
    virtualDistributor.deactivate(intid)
    retryWaiting()
  }

  // MARK: A host with a GICv2m frame

  /// The host's frame has made an SPI pending.
  mutating func takePhysicalSPI(
    _ spi: UInt32, _ index: Int32, wasPending: Bool, at time: SimulatedTime
  ) {
    messages[Int(index)].lpi = spi
    spend(costs.hostEntry, at: .exits, index)
    guard !wasPending else {
      messages[Int(index)].leader = lastMessage(of: spi, isVirtual: false)
      return
    }
    remember(index, spi, isVirtual: false)
    if machine.distributor.isDue(spi) {
      schedule(.hostInterrupt, at: time + costs.hostEntry, message: index)
    } else {
      waiting.append(index)
    }
  }

  /// The host's handler takes an SPI and ends it.
  mutating func endPhysicalSPI(_ spi: UInt32) {
    machine.distributor.acknowledge(spi)
    machine.distributor.deactivate(spi)
  }

  static func intidText(_ intid: UInt32) -> String {
    intid < INTID.firstLPI ? "SPI \(intid)" : "LPI \(intid)"
  }
}
