/// Facts of a Linux kernel's trace: its doorbell mappings, its handlers, KVM's injections.
///
/// Memory depends on the number of handlers, doorbells and interrupts, and not on the length of the
/// log.
package struct KernelStory: TraceSink, Sendable {
  /// One interrupt's handler.
  package struct Handler: Equatable, Sendable {
    package var irq: UInt64
    /// Its number in `KernelTraceParser.handlers`.
    package var name: Int
    package var count = 0
    /// Number of runs on each CPU.
    package var cpus: [UInt64: Int] = [:]
  }

  /// An IOVA at which a doorbell page is, or was, mapped.
  package struct DoorbellMap: Hashable, Sendable {
    package var address: UInt64
    package var output: UInt64
  }

  /// An interrupt that the virtual GIC took in.
  package struct Injection: Hashable, Sendable {
    package var vcpu: UInt64
    package var intid: UInt64
  }

  package private(set) var maps = 0
  package private(set) var unmaps = 0
  /// Unmaps of more than was mapped, or of nothing.
  package private(set) var shortUnmaps = 0
  /// Number of times that each doorbell page was mapped at each IOVA.
  package private(set) var doorbellMaps: [DoorbellMap: Int] = [:]
  /// Doorbells that `iommu_dma_prepare_msi` was asked for.
  package private(set) var preparedDoorbells: [UInt64: Int] = [:]
  /// Vectors that devices asked for, and Linux numbers that they got.
  package private(set) var preparedEvents = 0
  package private(set) var allocated = 0
  package private(set) var handlers: [UInt64: Handler] = [:]
  /// Handlers that said that the interrupt was not theirs.
  package private(set) var unhandled = 0
  /// Rising levels, by virtual CPU and interrupt.
  package private(set) var injections: [Injection: Int] = [:]
  /// Rising levels that KVM was told of, by GSI.
  package private(set) var routes: [UInt64: Int] = [:]
  private static let limit = 4096

  package init() {}

  package mutating func take(_ event: KernelEvent, at time: Int?, line: Int) {
    switch event {
    case .map(let address, let output, _): mapped(address, output)
    case .unmap(_, let size, let unmapped):
      unmaps += 1
      if unmapped != size { shortUnmaps += 1 }
    case .handlerEntry(let irq, let name, let cpu): entered(irq, name, cpu)
    case .handlerExit(_, let wasHandled): if !wasHandled { unhandled += 1 }
    case .setIRQ(let gsi, let level): if level != 0 { count(gsi, in: &routes) }
    case .irqLine: break
    case .pending(let vcpu, let intid, let level):
      if level != 0 { count(Injection(vcpu: vcpu, intid: intid), in: &injections) }
    case .prepareEvents(let count):
      preparedEvents &+= Int(truncatingIfNeeded: min(count, 1 << 16))
    case .allocate(_, let count): allocated &+= Int(truncatingIfNeeded: min(count, 1 << 16))
    case .prepareMessage(let doorbell): count(doorbell, in: &preparedDoorbells)
    }
  }

  private func count<Key>(_ key: Key, in counts: inout [Key: Int]) {
    if counts[key] != nil || counts.count < Self.limit { counts[key, default: 0] += 1 }
  }

  private mutating func mapped(_ address: UInt64, _ output: UInt64) {
    maps += 1
    let pages =
      preparedDoorbells.keys.map { $0 & ~0xffff }
      + MachineStory.virtDoorbells.map {
        $0 & ~0xffff
      }
    guard pages.contains(output & ~0xffff) else { return }
    count(DoorbellMap(address: address, output: output), in: &doorbellMaps)
  }

  private mutating func entered(_ irq: UInt64, _ name: Int, _ cpu: UInt64) {
    guard handlers[irq] != nil || handlers.count < Self.limit else { return }
    var handler = handlers[irq] ?? Handler(irq: irq, name: name)
    handler.name = name
    handler.count += 1
    if handler.cpus[cpu] != nil || handler.cpus.count < Self.limit {
      handler.cpus[cpu, default: 0] += 1
    }
    handlers[irq] = handler
  }
}
