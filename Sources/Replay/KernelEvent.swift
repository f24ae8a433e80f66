/// An event of a Linux kernel's trace that says something of mappings or interrupts.
package enum KernelEvent: BitwiseCopyable, Sendable, Equatable {
  /// `iommu:map`: of the side that is traced, `output` is its physical address.
  case map(address: UInt64, output: UInt64, size: UInt64)
  case unmap(address: UInt64, size: UInt64, unmapped: UInt64)
  /// A handler runs; its name is `KernelTraceParser.handlers[name]`.
  case handlerEntry(irq: UInt64, name: Int, cpu: UInt64)
  case handlerExit(irq: UInt64, wasHandled: Bool)
  /// KVM is told of a change of a line, or of an MSI, by its GSI.
  case setIRQ(gsi: UInt64, level: UInt64)
  /// User space changes a line.
  case irqLine(vcpu: UInt64, number: UInt64, level: UInt64)
  /// The virtual GIC takes an interrupt in.
  case pending(vcpu: UInt64, intid: UInt64, level: UInt64)
  /// `its_msi_prepare`: a device's table of events is made.
  case prepareEvents(count: UInt64)
  /// `its_irq_domain_alloc`: Linux numbers for events.
  case allocate(irq: UInt64, count: UInt64)
  /// `iommu_dma_prepare_msi`: a doorbell is mapped for a device.
  case prepareMessage(doorbell: UInt64)
}

/// The events of Linux that are understood, by name.
///
/// `include/trace/events/{iommu,irq,kvm}.h` and `arch/arm64/kvm/vgic/trace.h` (Linux 6.1 to 7.3).
/// Probes have names of the user's choosing; they are known by the function in their text.
package enum KernelEventKind: String, CaseIterable, Sendable {
  case map
  case unmap
  case handlerEntry = "irq_handler_entry"
  case handlerExit = "irq_handler_exit"
  case setIRQ = "kvm_set_irq"
  case irqLine = "kvm_irq_line"
  case pending = "vgic_update_irq_pending"
}

/// The functions whose probes are understood.
enum ProbedFunction: String, CaseIterable {
  case prepareEvents = "its_msi_prepare"
  case allocate = "its_irq_domain_alloc"
  case prepareMessage = "iommu_dma_prepare_msi"
}
