internal import Bits
package import Files

/// A kernel's trace, read to its end.
package struct KernelTraceReport: Sendable {
  /// The file as the user would name it.
  package let path: String
  package let story: KernelStory
  package let counts: TraceCounts
  /// Names of handlers, by the numbers in `story`.
  package let handlers: [String]

  /// - Throws: `InputError` when nothing of the file can be read.
  package init(_ path: String, progress: (Int) -> Void = { _ in }) throws(InputError) {
    var story = KernelStory()
    var reader = LogReader<KernelTraceParser>()
    try reader.read(path, into: &story, progress: progress)
    self.path = path
    self.story = story
    counts = reader.counts
    handlers = reader.format.handlers
  }

  func name(of handler: KernelStory.Handler) -> String {
    handlers.indices.contains(handler.name) ? handlers[handler.name] : "irq \(handler.irq)"
  }

  /// The handler of one vector of a device: by Linux's number, or by the name that vfio-pci gives.
  func handler(of vector: UInt32, device: DeviceStory, irq: UInt64?) -> KernelStory.Handler? {
    let suffix = "[\(vector)](0000:\(device.name))"
    let named = story.handlers.values.filter { handler in
      let name = name(of: handler)
      return name.hasPrefix("vfio-msi") && name.hasSuffix(suffix)
    }
    if let first = named.min(by: { $0.irq < $1.irq }) { return first }
    return irq.flatMap { story.handlers[$0] }
  }

  /// For people.
  var lines: [String] {
    var lines = [
      "kernel trace \(path): \(counted(counts.lines, "line")), \(counts.understood) understood, "
        + "\(counts.other) of other events, \(counts.garbled) damaged, "
        + "\(counts.unreadable) not events"
    ]
    if story.maps + story.unmaps > 0 {
      lines.append("  IOMMU: \(counted(story.maps, "map")), \(counted(story.unmaps, "unmap"))")
    }
    for (map, count) in orderedMaps {
      lines.append(
        "  doorbell page \(hex(map.output)) mapped at \(hex(map.address)), \(counted(count, "time"))"
      )
    }
    for (doorbell, count) in story.preparedDoorbells.sorted(by: { $0.key < $1.key }) {
      lines.append(
        "  doorbell \(hex(doorbell)) prepared for \(counted(count, "message")) "
          + "(iommu_dma_prepare_msi)")
    }
    if story.preparedEvents + story.allocated > 0 {
      lines.append(
        "  ITS driver: tables for \(counted(story.preparedEvents, "event")), "
          + "\(counted(story.allocated, "interrupt")) allocated")
    }
    let handlers = story.handlers.values.filter { name(of: $0).contains("msi") }
      .sorted { $0.irq < $1.irq }
    for handler in handlers {
      let cpus = handler.cpus.sorted { $0.key < $1.key }.map { "CPU \($0.key): \($0.value)" }
      lines.append(
        "  handler \(name(of: handler)), irq \(handler.irq): \(handler.count) "
          + "(\(cpus.joined(separator: ", ")))")
    }
    let others =
      story.handlers.values.reduce(0) { $0 + $1.count }
      - handlers.reduce(0) { $0 + $1.count }
    if others > 0 { lines.append("  other handlers: \(others)") }
    return lines + injectionLines
  }

  private var orderedMaps: [(KernelStory.DoorbellMap, Int)] {
    story.doorbellMaps.map { ($0.key, $0.value) }.sorted {
      ($0.0.output, $0.0.address) < ($1.0.output, $1.0.address)
    }
  }

  private var injectionLines: [String] {
    var lines: [String] = []
    if !story.routes.isEmpty {
      let routes = story.routes.sorted { $0.key < $1.key }.map { "GSI \($0.key): \($0.value)" }
      lines.append("  KVM routes raised (kvm_set_irq): \(routes.joined(separator: ", "))")
    }
    let kinds: [(String, (UInt64) -> Bool)] = [
      ("LPIs", { $0 >= 8192 }), ("SPIs", { (32..<1020).contains($0) }), ("PPIs", { $0 < 32 }),
    ]
    for (name, belongs) in kinds {
      let found = story.injections.filter { belongs($0.key.intid) }
        .sorted { ($0.key.vcpu, $0.key.intid) < ($1.key.vcpu, $1.key.intid) }
      guard !found.isEmpty else { continue }
      let texts = found.map { "\($0.key.intid) at vCPU \($0.key.vcpu): \($0.value)" }
      lines.append("  virtual GIC, \(name) raised: \(texts.joined(separator: ", "))")
    }
    return lines
  }

  var json: JSONValue {
    let maps = orderedMaps.map { map, count in
      JSONValue.object([
        .init("iova", .string(hex(map.address))), .init("output", .string(hex(map.output))),
        .init("count", .integer(count)),
      ])
    }
    let handlers = story.handlers.values.sorted { $0.irq < $1.irq }.map { handler in
      JSONValue.object([
        .init("irq", .integer(Int(truncatingIfNeeded: handler.irq))),
        .init("name", .string(name(of: handler))), .init("count", .integer(handler.count)),
        .init(
          "cpus",
          .object(
            handler.cpus.sorted { $0.key < $1.key }.map { .init("\($0.key)", .integer($0.value)) })),
      ])
    }
    let routes = story.routes.sorted { $0.key < $1.key }.map {
      JSONValue.Member("\($0.key)", .integer($0.value))
    }
    return .object([
      .init("file", .string(path)), .init("lines", .integer(counts.lines)),
      .init("understood", .integer(counts.understood)), .init("other", .integer(counts.other)),
      .init("damaged", .integer(counts.garbled)), .init("notEvents", .integer(counts.unreadable)),
      .init("maps", .integer(story.maps)), .init("unmaps", .integer(story.unmaps)),
      .init("doorbellMaps", .array(maps)), .init("handlers", .array(handlers)),
      .init("kvmRoutesRaised", .object(routes)),
    ])
  }
}
