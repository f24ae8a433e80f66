internal import ArmFormats
internal import Bits
internal import Flows
internal import HostKernel

/// The MSI-X table that a guest sees where its accesses trap (QEMU hw/pci/msix.c and
/// hw/vfio/pci.c): what the guest wrote, and what the VMM does about it.
struct MSIXEmulation: Sendable {
  let policy: MSIXEntryPolicy
  /// The virtual ITS's doorbell: QEMU's `msi-gpa`, the address of every route.
  let doorbell: IPA
  let guestID: UInt32
  private var entries: [MSIXTableEntry]
  private var control = MSIXControl()

  init(policy: MSIXEntryPolicy, doorbell: IPA, guestID: UInt32, vectors: Int) {
    self.policy = policy
    self.doorbell = doorbell
    self.guestID = guestID
    entries = Array(repeating: MSIXTableEntry(), count: vectors)
  }

  /// The guest writes 32 bits of the table.
  mutating func write(_ value: UInt32, at offset: UInt64) -> [Step<HostCall>] {
    let vector = Int(truncatingIfNeeded: offset / MSIXTableEntry.byteCount)
    guard vector < entries.count, offset % 4 == 0 else { return [] }
    let word = Int(truncatingIfNeeded: offset >> 3 & 1)
    let shift: UInt64 = offset & 4 == 0 ? 0 : 32
    entries[vector][word: word] &= ~(lowBits(32) << shift)
    entries[vector][word: word] |= UInt64(value) << shift
    return use(vector)
  }

  /// The guest writes the message control register.
  mutating func write(control value: UInt16) -> [Step<HostCall>] {
    let old = control
    control = MSIXControl(rawValue: UInt64(value))
    if policy == .untrapped {
      let call = HostCall.messageControl(
        enable: control[.enable], functionMask: control[.functionMask])
      return [Step(.vmm, "vfio_pci_write_config", "pass MSI-X control on", .call(call))]
    }
    if old[.enable] && !control[.enable] {
      return [
        Step(
          .vmm, "vfio_msix_disable", "end every vector (VFIO_DEVICE_SET_IRQS)",
          .call(.disableVectors))
      ]
    }
    return entries.indices.flatMap { use($0) }
  }

  /// Connects a vector that the guest has unmasked (`vfio_msix_vector_do_use`).
  private func use(_ vector: Int) -> [Step<HostCall>] {
    let entry = entries[vector]
    guard policy != .untrapped, control[.enable], !control[.functionMask], !entry[.mask] else {
      return []
    }
    let address = IOVA(entry[.messageAddress])
    let data = entry[.messageData]
    let route = InjectionRoute(doorbell: doorbell, deviceID: guestID, eventID: data)
    let forwarded = policy == .forwarded ? address : nil
    let fate =
      policy == .forwarded
      ? "pass the guest's address \(address) on" : "the guest's address \(address) goes no further"
    return [
      Step(
        .vmm, "vfio_msix_vector_do_use", "VFIO_DEVICE_SET_IRQS for vector \(vector): \(fate)",
        .call(.enableVector(vector, guestAddress: forwarded))),
      Step(
        .vmm, "kvm_arch_fixup_msi_route",
        "route of vector \(vector): the virtual doorbell \(doorbell), EventID \(data)",
        .call(.route(vector: vector, route))),
    ]
  }
}
