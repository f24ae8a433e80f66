internal import ArmFormats
package import Bits
package import Designs
internal import Guest
internal import Linux
internal import Machine
internal import PCI
internal import Platforms
internal import RISCV
internal import RISCVFormats
internal import Software

/// Whom a write of a device reached.
package enum RISCVReach: Equatable, Sendable {
  /// An interrupt of a VM's: the first is the actor's own.
  case guestInterrupt(vm: Int, identity: UInt32)
  /// An interrupt that the host took without a request for it.
  case hostInterrupt(identity: UInt32, hart: Int)
  /// RAM of a VM's.
  case guestMemory(vm: Int)
  case hostMemory(PA)
  /// Nothing; why.
  case nothing(String)
}

// What hostile devices and guests may try. The actor is VM 0 with device 0; its neighbour is VM 1.
extension RISCVSystem {
  /// Sets the actor's VM up, and a neighbour with a device of its own.
  ///
  /// - Returns: why there is nothing to attack with; `nil` when all is set up.
  package mutating func setUpBesideNeighbour() -> String? {
    bootHost()
    for vm in 0...1 {
      addVM()
      assign(vm, toVM: vm)
      if refusal == nil { drive(vm) }
    }
    return refusal.map { "set-up is refused: \($0.function), \($0.errno): \($0.message)" }
  }

  /// The message that a device holds for its first vector.
  package func message(of device: Int) -> (address: UInt64, data: UInt32) {
    let message = devices[device].function.message(forVector: 0)
    return (message?.address.rawValue ?? 0, message?.data ?? 0)
  }

  package func requester(of device: Int) -> UInt16 {
    devices[device].function.profile.requesterID.rawValue
  }

  /// The host identities of a device's vectors.
  package func hostIdentities(of device: Int) -> [UInt32] {
    devices[device].vectors.map(\.hostIdentity)
  }

  /// Addresses of the host's that no device has business with, with their names.
  package var hostAddresses: [(name: String, address: UInt64)] {
    [
      ("the IOMMU's registers", RISCVMap.iommu.rawValue),
      ("hart 0's own file", platform.files.address(hart: 0).rawValue),
      (
        "the neighbour's file",
        platform.files.address(hart: vms[1].hart, guest: vms[1].file).rawValue
      ),
      ("the device directory", directoryRoot.rawValue),
      ("the neighbour's RAM", RISCVMap.ram(ofVM: 1).rawValue),
    ]
  }

  /// Pages next to a device's doorbell.
  package var pagesAround: [UInt64] {
    let own = message(of: 0).address
    return (1...8).flatMap { [own &+ $0 << 12, own &- $0 << 12] }
  }

  /// A page of the actor's RAM, as its device addresses it.
  package var ownBuffer: UInt64 { RISCVMap.guestRAM.rawValue + 0x10_0000 }

  /// A write of a device's, and whom it reached.
  ///
  /// - Parameter requester: the requester ID that it carries; `nil` for the device's own.
  package mutating func write(
    _ data: UInt32, to address: UInt64, from device: Int = 0, as requester: UInt16? = nil
  ) -> RISCVReach {
    let flight = flights.count
    strayInterrupts = []
    let injected = takenByGuests.count
    let outcome = platform.post(
      PostedWrite(
        from: RequesterID(rawValue: requester ?? self.requester(of: device)), to: IOVA(address),
        data))
    settle()
    flights.removeSubrange(flight...)
    if let last = takenByGuests.dropFirst(injected).first {
      return .guestInterrupt(vm: last.vm, identity: last.identity)
    }
    return reach(of: outcome)
  }

  private func reach(of outcome: PostOutcome) -> RISCVReach {
    switch outcome {
    case .host(let identity, let hart):
      if let owner = devices.indices.first(where: {
        vector(identity, ofHart: Int(hart ?? 0), device: $0) != nil
      }) {
        // Injected, and not enabled there.
        return .guestInterrupt(vm: devices[owner].vm, identity: identity)
      }
      return .hostInterrupt(identity: identity, hart: Int(hart ?? 0))
    case .guest(let identity, .file(let file)):
      let vm = vms.firstIndex { platform.files.address(hart: $0.hart, guest: $0.file) == file }
      return vm.map { .guestInterrupt(vm: $0, identity: identity) } ?? .nothing("a file of no VM")
    case .guest: return .nothing("recorded in memory")
    case .memory(let place):
      guard let place else { return .nothing("elsewhere") }
      for vm in vms.indices {
        let base = RISCVMap.ram(ofVM: vm)
        if place >= base, place < base + RISCVMap.guestRAMSize { return .guestMemory(vm: vm) }
      }
      return .hostMemory(place)
    case .failed(let failure):
      return .nothing(failure.code.map { "fault \($0): \(failure.name)" } ?? failure.name)
    }
  }

  /// The guest writes a message into its MSI-X table, which traps.
  package mutating func writeGuestEntry(address: UInt64, data: UInt32) {
    devices[0].vectors[0].isRouted = false
    let driver = guestDriver(of: 0)
    trap(driver.setMask(0, true), of: 0)
    for step in driver.write(0, address: IOVA(address), data: data, reason: "a hostile guest's") {
      trap(step, of: 0)
    }
    trap(driver.setMask(0, false), of: 0)
  }

  /// The host takes a device from its VM: its interrupts and its context go.
  package mutating func takeAway(_ device: Int) {
    for number in devices[device].vectors.indices {
      let identity = devices[device].vectors[number].hostIdentity
      let register = InterruptFileRegister.eie0 + 2 * UInt64(identity >> 6)
      let old = platform.files.file(hart: 0)?.readRegister(register) ?? 0
      perform(
        .host, "imsic_vector_free", "identity \(identity) of hart 0 disabled",
        file(0, 0, register, old & ~MemoryResidentFile.bit(identity)), device: device)
      devices[device].vectors[number].isRouted = false
      devices[device].vectors[number].isBypassed = false
    }
    remove(device)
  }

  /// The same device, given to the neighbour.
  package mutating func giveToNeighbour(_ device: Int) {
    devices[device].vm = 1
    installContext(of: device)
  }

  /// How many records the fault queue has lost, or would have: whether it is full.
  package var hasLostFaults: Bool {
    let control = QueueControl(
      rawValue: platform.iommu.readRegister(IOMMURegister.fqcsr, width: 4))
    return control[.overflow]
  }
}
