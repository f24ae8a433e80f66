internal import ArmFormats
internal import Bits
internal import IOMMU
internal import Linux
package import Software

// vfio-pci's interrupts: drivers/vfio/pci/vfio_pci_intrs.c.
extension HostKernel {
  /// VFIO_DEVICE_SET_IRQS of the MSI-X index with an eventfd, or none, for each of some vectors
  /// (`vfio_pci_set_msi_trigger`): the first of these calls turns MSI-X on with the vectors up to its
  /// last.
  ///
  /// - Parameter first: the vector of the first signal.
  mutating func setIRQs(
    from first: Int, _ signals: [VectorSignal], of device: DeviceIndex
  ) throws(Refusal) -> [Step<Never>] {
    let size = self[device].platform.vectors
    guard first >= 0, first < size, !signals.isEmpty, signals.count <= size - first else {
      throw Refusal(
        by: .host, in: "vfio_set_irqs_validate_and_prepare", errno: "EINVAL",
        message: "\(signals.count) vectors from \(first) on, of \(size)")
    }
    var steps = [irqCount(of: device)]
    if self[device].vectors.isEmpty {
      steps += try enableMSIX(first + signals.count, of: device, for: signals.guestAddress)
    }
    for (offset, signal) in signals.enumerated() {
      steps += try setSignal(of: first + offset, device, to: signal)
    }
    return steps
  }

  /// How many vectors the index has, which every call about it asks (`vfio_pci_get_irq_count`).
  package func irqCount(of device: DeviceIndex) -> Step<Never> {
    let platform = self[device].platform
    let capability = platform.store == .msi ? platform.msiCapability : platform.msixCapability
    return Step<Never>(
      .host, "vfio_pci_get_irq_count", "\(platform.vectors) vectors", .decide
    ).reading([.configuration(offset: capability &+ 2, width: 2)]).during(.vfioIOCTL)
  }

  /// `vfio_msi_enable` for MSI-X.
  private mutating func enableMSIX(
    _ count: Int, of device: DeviceIndex, for guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    try withMemory(of: device) { host throws(Refusal) in
      try host.allocateVectors(count, of: device, for: guestAddress)
    }
  }

  /// Changes who reads a vector's eventfd (`vfio_msi_set_vector_signal`). Its interrupt is freed and
  /// requested again, so that for a moment its event is mapped nowhere.
  private mutating func setSignal(
    of vector: Int, _ device: DeviceIndex, to signal: VectorSignal
  ) throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    if self[device].vectors[vector]?.signal != nil {
      steps += freeWithMemory(vector, of: device)
    }
    guard signal != .none else { return steps }
    if self[device].vectors[vector] == nil {
      guard kernel.has(.dynamicMSIX) else {
        throw Refusal(
          by: .host, in: "vfio_msi_set_vector_signal", errno: "EINVAL",
          message: "vector \(vector) is not among the \(self[device].vectors.count) that MSI-X was "
            + "enabled with, and none can be added")
      }
      steps += try withMemory(of: device) { host throws(Refusal) in
        try host.allocateVector(vector, of: device, for: signal.guestAddress)
      }
    }
    return try steps
      + withMemory(of: device) { host throws(Refusal) in
        let message =
          host[device].platform.store == .msi
          ? [] : host.rewriteMessage(of: vector, device, for: signal.guestAddress)
        return try message.during(.vfioSetIRQs)
          + host.requestInterrupt(of: vector, device, for: signal.guestAddress)
          .during(.requestIRQ) + host.bind(vector, of: device, to: signal)
      }
  }

  /// The vector's interrupt signals that eventfd from now on.
  private mutating func bind(
    _ vector: Int, of device: DeviceIndex, to signal: VectorSignal
  ) -> [Step<Never>] {
    self[device].vectors[vector]?.signal = signal
    guard let lpi = self[device].events[UInt32(truncatingIfNeeded: vector)] else { return [] }
    switch signal {
    case .none: targets[lpi] = nil
    case .kvm: targets[lpi] = self[device].routes[vector].map { .kvm($0) }
    case .vmm:
      targets[lpi] = .vmm(vector: vector)
      return [
        Step(
          .host, "vfio_msi_set_vector_signal",
          "vector \(vector), \(intidText(lpi)) -> the VMM", .decide)
      ]
    }
    guard case .kvm(let route)? = targets[lpi] else { return [] }
    return [connection(of: vector, lpi, to: route)]
  }

  /// Gives all vectors of plain MSI their events, LPIs and the one message (`vfio_msi_enable`), and an
  /// eventfd each. The PCI core writes the message, so that an override in VFIO cannot take the guest's
  /// address in.
  mutating func enableMSI(
    _ count: Int, of device: DeviceIndex, guestAddress: IOVA?
  ) throws(Refusal) -> [Step<Never>] {
    let platform = self[device].platform
    guard eventIDOwner == .host else {
      throw Refusal(
        by: .host, in: "vfio_msi_enable", errno: "EOPNOTSUPP",
        message: "the MSI capability stands in configuration space, which no guest writes itself, "
          + "and the guest's ITS commands own the device's translation table")
    }
    guard platform.store == .msi, (1...32).contains(count), count < 2 * platform.vectors else {
      throw Refusal(
        by: .host, in: "vfio_pci_set_msi_trigger", errno: "EINVAL",
        message: "\(count) MSI vectors of \(platform.vectors)")
    }
    var steps = [irqCount(of: device)]
    if self[device].vectors.isEmpty {
      steps += try withMemory(of: device) { host throws(Refusal) in
        try host.allocateMSI(count, of: device, for: guestAddress)
      }
    }
    for vector in 0..<count where self[device].vectors[vector] != nil {
      steps += try setSignal(of: vector, device, to: .kvm(guestAddress: nil))
    }
    return steps
  }

  /// Ends every vector (`vfio_msi_disable`).
  mutating func disableVectors(of device: DeviceIndex) -> [Step<Never>] {
    guard !self[device].vectors.isEmpty else { return [] }
    var steps = [irqCount(of: device)]
    for vector in self[device].vectors.keys.sorted()
    where self[device].vectors[vector]?.signal != nil {
      steps += freeWithMemory(vector, of: device)
    }
    steps += withMemory(of: device) { host in host.freeVectors(of: device) }
    self[device].eventfds = [:]
    return steps
  }

  private mutating func freeWithMemory(_ vector: Int, of device: DeviceIndex) -> [Step<Never>] {
    withMemory(of: device) { host in
      host.freeInterrupt(of: vector, device).during(.freeIRQ)
    }
  }

  /// Memory space is on while something touches the table, and the command register is put back
  /// behind it (`vfio_pci_memory_lock_and_enable`, `vfio_pci_memory_unlock_and_restore`).
  private mutating func withMemory<Failure: Error>(
    of device: DeviceIndex, _ body: (inout Self) throws(Failure) -> [Step<Never>]
  ) throws(Failure) -> [Step<Never>] {
    let command = self[device].command
    let isOn = command & 2 != 0
    let on = Step<Never>(
      .host, "vfio_pci_memory_lock_and_enable", "memory space is \(isOn ? "" : "turned ")on",
      isOn ? .decide : .config(offset: 4, value: UInt32(command | 2), width: 2)
    ).reading([.configuration(offset: 4, width: 2)])
    self[device].command = command | 2
    let steps = try body(&self)
    self[device].command = command
    let restore = Step<Never>(
      .host, "vfio_pci_memory_unlock_and_restore", "the command register as it was",
      .config(offset: 4, value: UInt32(command), width: 2))
    return ([on] + steps + [restore]).during(.vfioSetIRQs)
  }

  /// VFIO_DEVICE_SET_IRQS of the INTx index, which only the command register sees.
  mutating func setINTx(_ change: INTxChange, of device: DeviceIndex) -> [Step<Never>] {
    switch change {
    case .enable:
      // `vfio_intx_enable`
      self[device].intx = self[device].hidesINTx ? .masked : .unmasked
      return setINTx(of: device, isOff: self[device].hidesINTx).during(.vfioSetIRQs)
    case .disable: self[device].intx = .off
    case .mask where self[device].intx == .unmasked:
      return maskINTx(of: device).during(.vfioSetIRQs)
    case .unmask where self[device].intx == .masked && !self[device].hidesINTx:
      return unmaskINTx(of: device).during(.vfioSetIRQs)
    case .mask, .unmask: break
    }
    return []
  }

  /// `__vfio_pci_intx_mask`
  private mutating func maskINTx(of device: DeviceIndex) -> [Step<Never>] {
    if self[device].intx != .off { self[device].intx = .masked }
    return setINTx(of: device, isOff: true)
  }

  /// `vfio_pci_intx_unmask_handler`, which looks whether an interrupt is pending
  /// (`pci_check_and_unmask_intx`).
  private mutating func unmaskINTx(of device: DeviceIndex) -> [Step<Never>] {
    guard self[device].intx != .off else { return setINTx(of: device, isOff: false) }
    self[device].intx = .unmasked
    let old = self[device].command
    let new = old & ~0x400
    self[device].command = new
    let action: Action<Never> =
      new == old ? .decide : .config(offset: 4, value: UInt32(new), width: 2)
    return [
      Step<Never>(.host, "pci_check_and_set_intx_mask", "INTx on", action)
        .reading([.configuration(offset: 4, width: 4)])
    ]
  }

  /// Passes the command register on (`vfio_basic_config_write`), apart from its bit for INTx, which
  /// VFIO keeps (`virq_disabled`) and follows behind.
  mutating func command(_ value: UInt16, of device: DeviceIndex) -> [Step<Never>] {
    let read = RegisterRead.configuration(offset: 4, width: 2)
    let new = value & ~0x400 | self[device].command & 0x400
    self[device].command = new
    var steps = [
      Step<Never>(
        .host, "vfio_basic_config_write", "command register := \(hex(UInt64(new)))",
        .config(offset: 4, value: UInt32(new), width: 2)
      ).reading([read, read])
    ]
    let hides = value & 0x400 != 0
    if hides != self[device].hidesINTx {
      self[device].hidesINTx = hides
      if !hides {
        if self[device].intx != .unmasked { steps += unmaskINTx(of: device) }
      } else if self[device].intx != .masked {
        steps += maskINTx(of: device)
      }
    }
    return steps.during(.vfioConfig)
  }

  /// Remembers where KVM injects a vector (`kvm_set_irq_routing`, `kvm_irqfd_assign`).
  mutating func route(
    vector: Int, of device: DeviceIndex, _ route: InjectionRoute
  ) -> [Step<Never>] {
    guard vector >= 0, vector < self[device].platform.vectors else { return [] }
    self[device].routes[vector] = route
    let event = UInt32(truncatingIfNeeded: vector)
    guard let lpi = self[device].events[event], self[device].isReadByKVM(vector) else {
      return [
        Step<Never>(
          .kvm, "kvm_irqfd_assign", "vector \(vector)'s eventfd -> \(route.text)", .decide
        )
        .believing(DoorbellBelief("irqfd", .ipa(route.doorbell)))
      ]
    }
    targets[lpi] = .kvm(route)
    return [connection(of: vector, lpi, to: route)]
  }

  /// KVM no longer reads a vector's eventfd (`kvm_irqfd_deassign`); the VMM looks at it instead.
  mutating func unroute(vector: Int, of device: DeviceIndex) -> [Step<Never>] {
    guard self[device].routes.removeValue(forKey: vector) != nil else { return [] }
    if let lpi = self[device].events[UInt32(truncatingIfNeeded: vector)] {
      targets[lpi] = .vmm(vector: vector)
    }
    return [
      Step(.kvm, "kvm_irqfd_deassign", "vector \(vector)'s eventfd is left alone", .decide)
    ]
  }

  private func connection(
    of vector: Int, _ lpi: UInt32, to route: InjectionRoute
  ) -> Step<Never> {
    Step<Never>(
      .kvm, "kvm_irqfd_assign", "vector \(vector), \(intidText(lpi)) -> \(route.text)", .decide
    ).believing(DoorbellBelief("irqfd", .ipa(route.doorbell)))
      .carrying(.route(vector: vector, intid: lpi))
  }

  /// Injects a message for the VMM (`KVM_SIGNAL_MSI`, or a write of the irqfd).
  func signal(vector: Int) -> [Step<Never>] {
    [
      Step(
        .kvm, "kvm_send_userspace_msi", "the VMM's pending vector \(vector) is injected", .decide)
    ]
  }
}
