internal import ArmFormats
internal import Bits
internal import Files
internal import Inspect

// What the files beside a trace add to a machine's story.
extension StoryReport {
  /// The devices worth telling of: those that did something in the trace, and those of which another
  /// file says something about messages.
  var devices: [DeviceStory] {
    var devices = story.orderedDevices.filter(\.isWorthTelling)
    var others: Set<UInt32> = []
    if !hasTrace {
      for (id, facts) in guest?.devices ?? [:] where facts.table != nil || !facts.vectors.isEmpty {
        others.insert(id)
      }
    }
    devices += others.subtracting(devices.map(\.id)).map { DeviceStory(id: $0) }
    return devices.sorted { $0.id < $1.id }
  }

  /// Returns lines on the messages that software programmed, if no message in the trace shows them.
  func programmedLines(_ device: DeviceStory, _ facts: GuestFacts.Device?) -> [String] {
    guard let facts, device.addresses.isEmpty else { return [] }
    var lines: [String] = []
    if let table = facts.table {
      lines.append(
        "  MSI-X \(table.isEnabled ? "on" : "off"), \(counted(table.entries, "entry", "entries")), "
          + "table at BAR \(table.bar) + \(hex(table.offset))")
    }
    let used = facts.vectors.filter { !$0.isMasked && $0.address != 0 }
    for address in Set(used.map(\.address)).sorted() {
      let vectors = used.filter { $0.address == address }.map { "\($0.index)" }
      lines.append(
        "  programmed message address: \(hex(address)), vector\(vectors.count == 1 ? "" : "s") "
          + vectors.joined(separator: ", "))
    }
    return lines
  }

  /// The events of a device in the kernel's log, with the advice for the first of each kind.
  func logLines(_ device: DeviceStory) -> [String] {
    companions.kernelLogs.filter { !$0.isInner }.flatMap { log -> [String] in
      var context = DecodeContext()
      context.itsBases = log.controllers
      return log.events(of: device.id).map { [context] kind, count, words in
        let records = RecordKind.event.decode(words, context: context)
        let advice = records.flatMap(\.next).first
        let address = words.count > 2 ? ", first at \(hex(words[2]))" : ""
        return "  kernel log: \(kind) \(count)\(address)" + (advice.map { "; \($0)" } ?? "")
      }
    }
  }

  /// Returns the number of runs of a vector's handler in the kernel's trace, or `-` if no handler
  /// is found.
  func handled(_ event: UInt32, _ device: DeviceStory, _ facts: GuestFacts.Device?) -> String {
    let handlers = companions.kernelTraces.compactMap {
      $0.handler(of: event, device: device, irq: facts?.numbers[event])
    }
    return handlers.isEmpty ? "-" : "\(handlers.reduce(0) { $0 + $1.count })"
  }

  func lines(of log: KernelLogStory) -> [String] {
    let count = log.events.events.reduce(0) { $0 + $1.report.count } + log.events.left
    var lines = [
      "kernel log \(log.path): \(counted(log.lines, "line")), \(counted(count, "SMMU event"))"
    ]
    for record in log.decoded.prefix(64) {
      let text = record.summary.isEmpty ? record.title : "\(record.title): \(record.summary)"
      lines.append("  \(text)")
      lines += record.next.prefix(2).map { "    \($0)" }
    }
    for base in log.controllers { lines.append("  ITS at \(hex(base))") }
    if let domain = log.defaultDomain { lines.append("  default domain: \(domain)") }
    lines += log.events.notes.map { "  \($0)" } + log.complaints.map { "  says: \($0)" }
    return lines
  }

  func json(of log: KernelLogStory) -> JSONValue {
    let events = log.streams.flatMap { stream in
      log.events(of: stream).map { kind, count, words in
        JSONValue.object([
          .init("stream", .string(hex(UInt64(stream)))), .init("event", .string("\(kind)")),
          .init("count", .integer(count)),
          .init("words", .array(words.map { .string(hex($0)) })),
        ])
      }
    }
    return .object([
      .init("file", .string(log.path)), .init("lines", .integer(log.lines)),
      .init("events", .array(events)),
      .init("reports", .array(log.decoded.prefix(4096).map(\.json))),
      .init("its", .array(log.controllers.map { .string(hex($0)) })),
      .init("complaints", .array(log.complaints.map { .string($0) })),
    ])
  }

  /// Warnings that take two files.
  var joinedWarnings: [String] {
    var warnings: [String] = []
    for log in companions.kernelLogs {
      warnings += log.decoded.prefix(64).map { "\(log.path): \($0.title)" }
      warnings += log.complaints.map { "\(log.path): \($0)" }
      if !log.complaints.isEmpty || !log.decoded.isEmpty {
        warnings.append("'doorbell diagnose' says what these lines mean, and what to do")
      }
    }
    for trace in companions.kernelTraces {
      if let damage = trace.counts.damage {
        warnings.append("\(trace.path) ends early, in line \(trace.counts.lines): \(damage)")
      }
      if trace.story.shortUnmaps > 0 {
        warnings.append(
          "\(trace.path): \(counted(trace.story.shortUnmaps, "unmap")) took away less than was "
            + "asked: something in the range was not mapped")
      }
      for device in story.orderedDevices { warnings += misplacedHandlers(trace, device) }
    }
    return warnings
  }

  /// Handlers that ran on a CPU to which the event never led.
  private func misplacedHandlers(_ trace: KernelTraceReport, _ device: DeviceStory) -> [String] {
    device.vectors.sorted { $0.key < $1.key }.compactMap { event, vector in
      let irq = guest?.devices[device.id]?.numbers[event]
      let mapped = Set(vector.spans.compactMap(\.cpu))
      guard let handler = trace.handler(of: event, device: device, irq: irq), !mapped.isEmpty
      else { return nil }
      let strange = handler.cpus.filter { !mapped.contains($0.key) }
      guard !strange.isEmpty else { return nil }
      let cpus = strange.keys.sorted().map { "\($0)" }.joined(separator: ", ")
      return "\(device.name): vector \(event): its handler ran on CPU \(cpus), to which the ITS "
        + "never mapped it"
    }
  }

  /// Facts that cannot be told, each with the input that is missing for it.
  var missing: [String] {
    guard hasTrace else {
      return [
        "which stage maps a message address to what, and which LPI and CPU an EventID leads to: "
          + "that takes a trace of QEMU ('doorbell record options')"
      ]
    }
    var missing: [String] = []
    let messages = story.devices.values.reduce(0) { $0 + $1.messages }
    let hasAccesses = story.devices.values.contains {
      $0.bypasses + $0.whileOff > 0 || $0.translations.contains { $0 > 0 }
    }
    if messages > 0, !hasAccesses {
      missing.append(
        "which stage maps message addresses: the trace has no translation (no SMMU before these "
          + "devices, or smmuv3_translate_* was not traced)")
    }
    if messages > 0, story.itsCommands.isEmpty {
      missing.append(
        "which LPI and CPU an EventID leads to: no ITS command in the trace (gicv3_its_cmd_*)")
    }
    if messages == 0 {
      missing.append(
        "which MSIs were sent: no message in the trace (gicv3_its_translation_write; messages to a "
          + "GICv2m frame leave none)")
    }
    if messages > 0,
      !story.devices.values.contains(where: { device in
        device.vectors.values.contains { $0.acknowledged > 0 }
      })
    {
      missing.append("which CPU took the interrupts: none is acknowledged (gicv3_icc_iar1_read)")
    }
    if hasAccesses, story.smmuWrites == 0 {
      missing.append("how the SMMU was set up: the trace begins after its driver started")
    }
    return missing
  }
}
