internal import ArmFormats
internal import Bits
internal import HostKernel
internal import Software

/// The MSI-X table that a guest sees where its accesses trap (QEMU hw/pci/msix.c and
/// hw/vfio/pci.c): what the guest wrote, and what the VMM does about it.
///
/// The VMM acts when a vector becomes unmasked or masked, and at no other write.
struct MSIXEmulation: Sendable {
  let policy: MSIXEntryPolicy
  let routing: VectorRouting
  private var entries: [MSIXTableEntry]
  private var control = MSIXControl()
  /// The pending bit array.
  private var pending: [Bool]

  init(policy: MSIXEntryPolicy, routing: VectorRouting, vectors: Int) {
    self.policy = policy
    self.routing = routing
    entries = Array(repeating: MSIXTableEntry(), count: vectors)
    pending = Array(repeating: false, count: vectors)
  }

  /// Whether a vector may not be delivered (`msix_is_masked`).
  private func isMasked(_ vector: Int) -> Bool {
    !control[.enable] || control[.functionMask] || entries[vector][.mask]
  }

  /// The guest writes 32 bits of the table.
  ///
  /// - Parameter walk: where the guest's stage 1 sends an address.
  mutating func write(
    _ value: UInt32, at offset: UInt64, walk: (IOVA) -> IPA?
  ) -> [Step<HostCall>] {
    guard offset / MSIXTableEntry.byteCount < UInt64(entries.count), offset % 4 == 0 else {
      return []
    }
    let vector = Int(truncatingIfNeeded: offset / MSIXTableEntry.byteCount)
    let wasMasked = isMasked(vector)
    let word = Int(truncatingIfNeeded: offset >> 3 & 1)
    let shift: UInt64 = offset & 4 == 0 ? 0 : 32
    entries[vector][word: word] &= ~(lowBits(32) << shift)
    entries[vector][word: word] |= UInt64(value) << shift
    return follow(vector, wasMasked: wasMasked, walk)
  }

  /// The guest writes the message control register.
  mutating func write(control value: UInt16, walk: (IOVA) -> IPA?) -> [Step<HostCall>] {
    let old = control
    let wasMasked = entries.indices.map { isMasked($0) }
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
    return entries.indices.flatMap { follow($0, wasMasked: wasMasked[$0], walk) }
  }

  /// The VMM's own eventfd of a vector is signalled: the guest masks it
  /// (`vfio_msi_interrupt`, `msix_notify`).
  mutating func keepPending(_ vector: Int) {
    if pending.indices.contains(vector) { pending[vector] = true }
  }

  /// What a change of a vector's mask leads to (`msix_handle_mask_update`).
  private mutating func follow(
    _ vector: Int, wasMasked: Bool, _ walk: (IOVA) -> IPA?
  ) -> [Step<HostCall>] {
    guard policy != .untrapped, isMasked(vector) != wasMasked else { return [] }
    if !wasMasked {
      return [
        Step(
          .vmm, "vfio_msix_vector_release",
          "VFIO_DEVICE_SET_IRQS for vector \(vector): signals come to the VMM while it is masked",
          .call(.releaseVector(vector)))
      ]
    }
    var steps = connect(vector, walk)
    if pending[vector] {
      pending[vector] = false
      steps.append(
        Step(
          .vmm, "msix_notify", "vector \(vector) was pending: inject it",
          .call(.signal(vector: vector))))
    }
    return steps
  }

  /// Connects a vector that the guest has unmasked (`vfio_msix_vector_do_use`).
  private func connect(_ vector: Int, _ walk: (IOVA) -> IPA?) -> [Step<HostCall>] {
    let address = IOVA(entries[vector][.messageAddress])
    let data = entries[vector][.messageData]
    let forwarded = policy == .forwarded ? address : nil
    let fate =
      policy == .forwarded
      ? "pass the guest's address \(address) on" : "the guest's address \(address) goes no further"
    let use: [Step<HostCall>] = [
      Step(
        .vmm, "vfio_msix_vector_do_use", "VFIO_DEVICE_SET_IRQS for vector \(vector): \(fate)",
        .call(.enableVector(vector, guestAddress: forwarded))
      ).believing(
        DoorbellBelief(
          "MSI-X emulation", .iova(address), use: policy == .forwarded ? .forwarded : .dropped))
    ]
    return use + [routing.step(vector, address: address, data: data, walk)]
  }
}
