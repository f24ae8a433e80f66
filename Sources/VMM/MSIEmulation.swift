internal import ArmFormats
internal import Bits
internal import HostKernel
internal import Software

/// The MSI capability that a guest sees (QEMU hw/pci/msi.c and hw/vfio/pci.c). VFIO never lets a
/// guest write the device's own: configuration space always traps.
struct MSIEmulation: Sendable {
  let policy: MSIXEntryPolicy
  let routing: VectorRouting
  private var control = MSIControl(rawValue: 0)
  private var address: UInt64 = 0
  private var data: UInt32 = 0

  init(policy: MSIXEntryPolicy, routing: VectorRouting) {
    self.policy = policy
    self.routing = routing
  }

  /// The guest writes a register of the capability, at an offset in it.
  mutating func write(
    _ value: UInt32, at offset: UInt16, walk: (IOVA) -> IPA?
  ) -> [Step<HostCall>] {
    switch offset {
    case 4: address = address & ~lowBits(32) | UInt64(value & ~3)
    case 8: address = address & lowBits(32) | UInt64(value) << 32
    case 12: data = value & 0xffff
    case 2: return change(to: MSIControl(rawValue: UInt64(value & 0x71)), walk)
    default: break
    }
    return []
  }

  private mutating func change(
    to new: MSIControl, _ walk: (IOVA) -> IPA?
  ) -> [Step<HostCall>] {
    let old = control
    control = new
    switch (old[.enable], new[.enable]) {
    case (false, true): return enable(walk)
    case (true, false):
      return [
        Step(
          .vmm, "vfio_msi_disable", "end every vector (VFIO_DEVICE_SET_IRQS)",
          .call(.disableVectors))
      ]
    default: return []
    }
  }

  /// `vfio_msi_enable`: a route for each vector, then all at once.
  private func enable(_ walk: (IOVA) -> IPA?) -> [Step<HostCall>] {
    let count = 1 << Int(min(control[.enabledCount], 5))
    let own = IOVA(address)
    let forwarded = policy == .forwarded ? own : nil
    let fate =
      policy == .forwarded
      ? "pass the guest's address \(own) on" : "the guest's address \(own) goes no further"
    let enable = Step<HostCall>(
      .vmm, "vfio_msi_enable", "VFIO_DEVICE_SET_IRQS for \(count) MSI vectors: \(fate)",
      .call(.enableMSI(count: count, guestAddress: forwarded))
    ).believing(
      DoorbellBelief(
        "MSI emulation", .iova(own), use: policy == .forwarded ? .forwarded : .dropped))
    let kept = data & ~UInt32(truncatingIfNeeded: count - 1)
    return (0..<count).map {
      routing.step($0, address: own, data: kept | UInt32(truncatingIfNeeded: $0), walk)
    } + [enable]
  }
}
