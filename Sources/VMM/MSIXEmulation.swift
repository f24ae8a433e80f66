internal import ArmFormats
internal import Bits
internal import HostKernel
internal import Software

/// The MSI-X table that a guest sees where its accesses trap: what the guest wrote, and what the VMM
/// does about it.
///
/// The VMM acts when MSI-X is turned on or off and when a vector becomes unmasked or masked.
struct MSIXEmulation: Sendable {
  let policy: MSIXEntryPolicy
  let routing: VectorRouting
  private let sequence: VectorSequence
  private let hasINTx: Bool
  private var entries: [MSIXTableEntry]
  private var control = MSIXControl()
  /// The pending bit array.
  private var pending: [Bool]
  /// The vectors that the guest has unmasked since it turned MSI-X on (`msi_vectors[i].use`).
  private var used: [Bool]
  /// How many vectors the host has been asked for (`nr_vectors`).
  private var count = 0
  /// Whether the host has turned MSI-X on.
  private var isOn = false

  init(
    policy: MSIXEntryPolicy, routing: VectorRouting, sequence: VectorSequence, vectors: Int,
    hasINTx: Bool
  ) {
    self.policy = policy
    self.routing = routing
    // Addresses that go on to the host are known only once the guest has written them.
    self.sequence =
      policy == .forwarded && sequence.enablesAll ? .asUnmasked(addsVectors: true) : sequence
    self.hasINTx = hasINTx
    entries = Array(repeating: MSIXTableEntry(), count: vectors)
    pending = Array(repeating: false, count: vectors)
    used = Array(repeating: false, count: vectors)
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
    let old = entries[vector]
    let word = Int(truncatingIfNeeded: offset >> 3 & 1)
    let shift: UInt64 = offset & 4 == 0 ? 0 : 32
    entries[vector][word: word] &= ~(lowBits(32) << shift)
    entries[vector][word: word] |= UInt64(value) << shift
    guard policy != .untrapped else { return [] }
    if sequence.enablesAll, !wasMasked, !isMasked(vector), entries[vector] != old {
      return [route(vector, walk)]
    }
    return follow(vector, wasMasked: wasMasked, byEntry: true, walk)
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
    switch (old[.enable], control[.enable]) {
    case (false, true): return enable(walk)
    case (true, false): return disable(wasMasked: wasMasked)
    default:
      return entries.indices.flatMap {
        follow($0, wasMasked: wasMasked[$0], byEntry: false, walk)
      }
    }
  }

  /// The VMM's own eventfd of a vector is signalled: the guest masks it
  /// (`vfio_msi_interrupt`, `msix_notify`).
  mutating func keepPending(_ vector: Int) {
    if pending.indices.contains(vector) { pending[vector] = true }
  }

  // MARK: MSI-X on and off

  /// `vfio_msix_enable`, or that of another VMM.
  private mutating func enable(_ walk: (IOVA) -> IPA?) -> [Step<HostCall>] {
    let unmasked = entries.indices.filter { !isMasked($0) }
    guard !sequence.enablesAll else {
      isOn = true
      return intx([.disable])
        + [setIRQs(from: 0, entries.indices.map { _ in .kvm(guestAddress: nil) }, "all vectors")]
        + unmasked.map { route($0, walk) }
    }
    var steps = intx([.mask, .unmask, .disable])
    for vector in unmasked {
      used[vector] = true
      steps.append(route(vector, walk))
    }
    count = unmasked.last.map { $0 + 1 } ?? 0
    // Without an address that could be passed on, nothing is set up yet.
    guard count > 0 || policy != .forwarded else { return steps }
    return steps + (count > 0 ? enableVectors() : [enableWithoutVectors()])
      + unmasked.flatMap { notify($0) }
  }

  /// `vfio_enable_msix_no_vec`.
  private mutating func enableWithoutVectors() -> Step<HostCall> {
    isOn = true
    return setIRQs(from: 0, [.none], "MSI-X on, no vector", function: "vfio_enable_msix_no_vec")
  }

  /// `vfio_enable_vectors`: all vectors of the count in one call.
  private mutating func enableVectors() -> [Step<HostCall>] {
    let signals = (0..<count).map { vector -> VectorSignal in
      guard used[vector] else { return .none }
      return isMasked(vector) ? .vmm : .kvm(guestAddress: forwarded(vector))
    }
    let first =
      sequence == .asUnmasked(addsVectors: true) && policy != .forwarded
      ? [enableWithoutVectors()] : []
    isOn = true
    return first
      + [setIRQs(from: 0, signals, "\(count) vectors", function: "vfio_enable_vectors")]
  }

  /// `vfio_msix_disable`: what the guest had unmasked is released first.
  private mutating func disable(wasMasked: [Bool]) -> [Step<HostCall>] {
    defer {
      used = Array(repeating: false, count: used.count)
      pending = Array(repeating: false, count: pending.count)
      count = 0
      isOn = false
    }
    let released =
      sequence.enablesAll
      ? entries.indices.filter { !wasMasked[$0] }.map { unroute($0) }
      : entries.indices.filter { used[$0] }.map { release($0) }
    let end = Step<HostCall>(
      .vmm, "vfio_msix_disable", "end every vector (VFIO_DEVICE_SET_IRQS)",
      .call(.disableVectors))
    return released + (isOn ? [end] : [])
      + intx(sequence.enablesAll ? [.enable] : [.enable, .mask, .unmask])
  }

  /// INTx makes way for MSI-X and comes back behind it (`vfio_disable_interrupts`,
  /// `vfio_intx_disable_kvm`, `vfio_intx_enable`).
  private func intx(_ changes: [INTxChange]) -> [Step<HostCall>] {
    guard hasINTx else { return [] }
    return changes.map {
      Step(.vmm, "vfio_pci_write_config", "INTx: \($0)", .call(.setINTx($0)))
    }
  }

  // MARK: Vectors

  /// What a change of a vector's mask leads to (`msix_handle_mask_update`).
  ///
  /// - Parameter byEntry: whether it is the entry's own mask that changed.
  private mutating func follow(
    _ vector: Int, wasMasked: Bool, byEntry: Bool, _ walk: (IOVA) -> IPA?
  ) -> [Step<HostCall>] {
    let isMasked = isMasked(vector)
    guard isMasked != wasMasked else { return [] }
    guard !isMasked else {
      switch sequence {
      case .asUnmasked: return [release(vector)]
      case .atEnable: return byEntry ? [] : [unroute(vector)]
      case .atEnableByEntry: return [unroute(vector)]
      }
    }
    let connected = sequence.enablesAll ? [route(vector, walk)] : use(vector, walk)
    return connected + notify(vector)
  }

  /// A vector that was signalled while it was masked is injected (`msix_notify`).
  private mutating func notify(_ vector: Int) -> [Step<HostCall>] {
    guard pending[vector] else { return [] }
    pending[vector] = false
    return [
      Step(
        .vmm, "msix_notify", "vector \(vector) was pending: inject it",
        .call(.signal(vector: vector)))
    ]
  }

  /// Connects a vector that the guest has unmasked: KVM's route and eventfd first, then the host's
  /// (`vfio_msix_vector_do_use`).
  private mutating func use(_ vector: Int, _ walk: (IOVA) -> IPA?) -> [Step<HostCall>] {
    let route = route(vector, walk)
    used[vector] = true
    let isNew = vector >= count
    count = max(count, vector + 1)
    guard isNew, sequence == .asUnmasked(addsVectors: false) else {
      let use = setIRQs(
        from: vector, [.kvm(guestAddress: forwarded(vector))],
        "vector \(vector): \(fate(of: vector))", function: "vfio_msix_vector_do_use")
      isOn = true
      return [route, believing(use, vector)]
    }
    let end = Step<HostCall>(
      .vmm, "vfio_msix_vector_do_use",
      "vector \(vector) cannot be added: end every vector (VFIO_DEVICE_SET_IRQS)",
      .call(.disableVectors))
    let again = enableVectors().map { believing($0, vector) }
    return [route] + (isOn ? [end] : []) + again
  }

  private func release(_ vector: Int) -> Step<HostCall> {
    setIRQs(
      from: vector, [.vmm], "vector \(vector): signals come to the VMM while it is masked",
      function: "vfio_msix_vector_release")
  }

  private func unroute(_ vector: Int) -> Step<HostCall> {
    Step(
      .vmm, "KVM_IRQFD", "KVM no longer reads vector \(vector)'s eventfd",
      .call(.unroute(vector: vector)))
  }

  private func route(_ vector: Int, _ walk: (IOVA) -> IPA?) -> Step<HostCall> {
    routing.step(
      vector, address: IOVA(entries[vector][.messageAddress]),
      data: entries[vector][.messageData], walk)
  }

  private func forwarded(_ vector: Int) -> IOVA? {
    policy == .forwarded ? IOVA(entries[vector][.messageAddress]) : nil
  }

  private func fate(of vector: Int) -> String {
    let address = IOVA(entries[vector][.messageAddress])
    return policy == .forwarded
      ? "pass the guest's address \(address) on" : "the guest's address \(address) goes no further"
  }

  private func believing(_ step: Step<HostCall>, _ vector: Int) -> Step<HostCall> {
    step.believing(
      DoorbellBelief(
        "MSI-X emulation", .iova(IOVA(entries[vector][.messageAddress])),
        use: policy == .forwarded ? .forwarded : .dropped))
  }

  private func setIRQs(
    from first: Int, _ signals: [VectorSignal], _ text: String,
    function: String = "vfio_msix_enable"
  ) -> Step<HostCall> {
    Step(
      .vmm, function, "VFIO_DEVICE_SET_IRQS: \(text)",
      .call(.setIRQs(first: first, signals)))
  }
}
