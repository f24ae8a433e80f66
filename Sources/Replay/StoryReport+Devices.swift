internal import ArmFormats
internal import Bits

extension StoryReport {
  func deviceLines(_ device: DeviceStory) -> [String] {
    let facts = guest?.devices[device.id]
    var title = "\(device.name) (StreamID and DeviceID \(hex(UInt64(device.id))))"
    if let facts, !facts.driver.isEmpty, facts.driver != "-" { title += " \(facts.driver)" }
    if let domain = facts?.domain { title += ", domain \(domain)" }
    var lines = [title]
    for region in facts?.reserved ?? [] {
      lines.append("  reserved: \(hex(region.start))-\(hex(region.end)) \(region.kind)")
    }
    lines += accessLines(device)
    for (place, count) in device.orderedAddresses {
      lines.append(
        "  message address: \(hex(place.address)), \(Self.stage(place)), "
          + counted(count, "access", "accesses"))
    }
    for fault in device.faults {
      let more =
        fault.pages.isEmpty
        ? ""
        : " at "
          + fault.pages.map { hex($0) }.joined(
            separator: ", ")
      lines.append("  \(fault.kind): \(fault.count)\(more); \(Self.cause(fault.kind))")
    }
    lines += programmedLines(device, facts)
    lines += companions.imageLines[device.id] ?? []
    lines += logLines(device)
    return lines + vectorLines(device, facts)
  }

  private func accessLines(_ device: DeviceStory) -> [String] {
    let kinds = [
      ("stage 1", device.translations[1]), ("stage 2", device.translations[2]),
      ("both stages", device.translations[3]), ("bypass", device.bypasses),
      ("aborted", device.aborts), ("SMMU off", device.whileOff),
    ]
    let parts = kinds.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
    guard !parts.isEmpty else { return [] }
    let pages =
      device.pages.isEmpty
      ? "" : "; \(counted(device.pages.count, "page"))\(device.hasMorePages ? " or more" : "")"
    var smmu = ""
    if story.streamTables.count > 1, let table = device.streamTable {
      smmu = "; at the SMMU with the stream table \(hex(table))"
    }
    return ["  accesses: \(parts.joined(separator: ", "))\(pages)\(smmu)"]
  }

  static func stage(_ place: DeviceStory.MessageAddress) -> String {
    switch place.stage {
    case 0: "used as it is"
    case 1: "stage 1 maps it to \(hex(place.output))"
    case 2: "stage 2 maps it to \(hex(place.output))"
    default: "both stages map it to \(hex(place.output))"
    }
  }

  /// Returns the cause that an event states, in a few words (IHI 0070, 7.3).
  static func cause(_ kind: EventKind) -> String {
    switch kind {
    case .translation: "no valid descriptor for the address"
    case .permission: "the descriptor does not allow the access"
    case .access: "the access flag of the descriptor is clear"
    case .addressSize: "the address is too large for its stage"
    case .badContext: "the CD is not valid"
    case .badStreamEntry: "the STE is not valid"
    case .badStreamID: "the stream table has no such stream"
    case .walkAbort: "memory did not answer a table walk"
    default: "see the SMMU architecture, 7.3"
    }
  }

  private func vectorLines(
    _ device: DeviceStory, _ facts: GuestFacts.Device?
  ) -> [String] {
    let titles = ["event", "LPI -> CPU", "messages", "taken", "per second", "guest", "handled", ""]
    let rows = vectorRows(device, facts)
    return rows.isEmpty ? [] : Self.table([titles] + rows)
  }

  /// A row for each vector: what became of its messages.
  func vectorRows(_ device: DeviceStory, _ facts: GuestFacts.Device?) -> [[String]] {
    device.vectors.sorted { $0.key < $1.key }.map { event, vector in
      [
        "\(event)", Self.path(vector), "\(vector.messages)", "\(vector.acknowledged)",
        vector.rate.map(Self.decimal) ?? "-",
        facts?.interrupts[event].map(String.init) ?? "-", handled(event, device, facts),
        facts?.names[event] ?? "",
      ]
    }
  }

  /// The history of an event: `0x2000 -> 0, 1`, with `(unmapped)` at its end.
  static func path(_ vector: VectorStory) -> String {
    var parts: [String] = []
    var lpi: UInt32?
    for span in vector.spans {
      let cpu = span.cpu.map { "\($0)" } ?? "no CPU"
      parts.append(span.lpi == lpi ? cpu : "\(hex(UInt64(span.lpi))) -> \(cpu)")
      lpi = span.lpi
    }
    if vector.furtherSpans > 0 { parts.append("... (\(vector.furtherSpans) more)") }
    if vector.virtualMessages > 0 {
      let virtualPE = vector.virtualPE.map { "virtual PE \($0)" } ?? "a virtual PE"
      parts.append("\(vector.virtualMessages) as virtual LPIs of \(virtualPE)")
    }
    return parts.joined(separator: ", ") + (vector.isMapped ? "" : " (unmapped)")
  }

  /// Aligned columns, indented.
  static func table(_ rows: [[String]]) -> [String] {
    let columns = rows.first?.count ?? 0
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = " "
      for (cell, width) in zip(row, widths) {
        line += " " + cell + String(repeating: " ", count: width - cell.count + 1)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
