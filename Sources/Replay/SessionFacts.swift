internal import ArmFormats
internal import Bits
internal import Files
internal import Firmware

/// Facts that do not change while a recording runs, from the trace and the files of its case.
struct SessionFacts {
  let session: DeviceSession
  let tables: NestedTables?
  /// Facts from the machine's kernel.
  let guest: GuestFacts?
  /// The device as the guest inside the machine knows it, if there is one.
  let inner: InnerDevice?

  func add(to draft: inout RecordingDraft) {
    addDevice(to: &draft)
    addWindow(to: &draft)
    addInterruptControllers(to: &draft)
    if let tables { Self.add(tables, doorbellPage: doorbellPage, to: &draft) }
    addEntries(to: &draft)
  }

  /// Page to which the device's messages went before stage 2.
  private var doorbellPage: UInt64? {
    session.messages.first.map { ($0.access.leafOutput ?? $0.access.address) & ~0xfff }
  }

  // MARK: The device

  /// Entries of the device's MSI-X table: what a file says, or what was used.
  private var vectors: Int {
    let used = session.messages.map { Int(truncatingIfNeeded: $0.message.vector) + 1 }.max() ?? 1
    let known = inner?.facts.table ?? guest?.devices[session.device]?.table
    return max(known?.entries ?? 0, min(max(used, 1), 2048))
  }

  private func addDevice(to draft: inout RecordingDraft) {
    let outer = guest?.devices[session.device]
    let driver = inner?.facts.driver ?? ""
    let model = outer?.model ?? ""
    let name = driver.isEmpty || driver == "-" ? model : driver
    let table = inner?.facts.table ?? outer?.table
    let guestID = inner?.deviceID ?? session.device
    let source =
      inner.map { "file:\($0.folder)/after/pci.txt, file:\($0.folder)/acpi/IORT, trace" }
      ?? "derived: the guest is given the device's own DeviceID; MSI-X as far as files say"
    draft.add(
      fact: "device",
      [
        .init("name", .string(name.isEmpty ? "device" : name)),
        .init(
          "guest",
          .object([
            .init("streamID", .word(inner?.streamID ?? session.device)),
            .init("deviceID", .word(guestID)),
          ])),
        .init(
          "host",
          .object([
            .init("streamID", .word(session.device)), .init("deviceID", .word(session.device)),
          ])),
        .init(
          "msix",
          .object([
            .init("vectors", .integer(vectors)), .init("bar", .integer(table?.bar ?? 0)),
            .init("table", .word(table?.offset ?? 0)), .init("pba", .word(table?.pending ?? 0)),
          ])),
      ], from: source)
  }

  private func addEntries(to draft: inout RecordingDraft) {
    for vector in inner?.facts.vectors ?? [] where !vector.isMasked {
      draft.add(
        fact: "msix-entry",
        [
          .init("side", "guest"), .init("vector", .integer(Int(vector.index))),
          .init("address", .word(vector.address)), .init("data", .word(vector.data)),
        ], from: "file:\(inner?.folder ?? "")/after/pci.txt")
    }
    var seen: Set<UInt64> = []
    for (access, message) in session.messages where seen.insert(message.vector).inserted {
      draft.add(
        fact: "msix-entry",
        [
          .init("side", "host"), .init("vector", .integer(Int(truncatingIfNeeded: message.vector))),
          .init("address", .word(access.address)), .init("data", .word(message.event)),
        ], from: "derived: what the function wrote at trace:\(message.line)")
    }
  }

  // MARK: Firmware and interrupt controllers

  private func addWindow(to draft: inout RecordingDraft) {
    guard let inner, let range = inner.reserved else { return }
    draft.add(
      fact: "rmr",
      [
        .init("base", .word(range.base)), .init("length", .word(range.length)),
        .init("flags", .word(UInt64(range.remapPermitted ? 1 : 0))),
      ], from: "file:\(inner.folder)/acpi/IORT")
  }

  private func addInterruptControllers(to draft: inout RecordingDraft) {
    if let doorbell = inner?.doorbell {
      draft.add(
        fact: "its", [.init("side", "guest"), .init("doorbell", .word(doorbell))],
        from: "file:\(inner?.folder ?? "")/acpi/APIC")
    }
    if let (access, message) = session.messages.first, let output = access.output {
      draft.add(
        fact: "its", [.init("side", "host"), .init("doorbell", .word(output))],
        from: "trace:\(message.line)")
    }
  }

  // MARK: Tables

  private static func add(
    _ tables: NestedTables, doorbellPage: UInt64?, to draft: inout RecordingDraft
  ) {
    if let one = tables.configuration { add(one, to: &draft) }
    let frames = tables.frames.sorted {
      ($0.key.stage, $0.key.level, $0.key.span) < ($1.key.stage, $1.key.level, $1.key.span)
    }
    for (frame, place) in frames where frame.stage == 2 || place.ipa != nil {
      var members: [JSONValue.Member] = [
        .init("stage", .integer(frame.stage)), .init("level", .integer(frame.level)),
        .init(frame.stage == 1 ? "iova" : "ipa", .word(frame.span)),
      ]
      if frame.stage == 1, let ipa = place.ipa { members.append(.init("ipa", .word(ipa))) }
      members.append(.init("pa", .word(place.pa)))
      draft.add(fact: "frame", members, from: "trace:\(place.line)")
    }
    for (ipa, place) in tables.backing.sorted(by: { $0.key < $1.key }) where ipa != doorbellPage {
      draft.add(
        fact: "backing",
        [.init("ipa", .word(ipa)), .init("pa", .word(place.pa)), .init("size", .integer(4096))],
        from: "trace:\(place.line)")
    }
    let descriptors = tables.descriptors.sorted {
      ($0.key.stage, $0.key.level, $0.key.address, $0.key.value)
        < ($1.key.stage, $1.key.level, $1.key.address, $1.key.value)
    }
    for (one, read) in descriptors {
      draft.add(
        fact: "descriptor",
        [
          .init("stage", .integer(one.stage)), .init("level", .integer(one.level)),
          .init("address", .word(one.address)), .init("value", .word(one.value)),
          .init("firstRead", .integer(read.time * 1000)),
        ], from: "trace:\(read.line)")
    }
  }

  private static func add(
    _ one: NestedTables.Configuration, to draft: inout RecordingDraft
  ) {
    if let table = one.streamTable {
      draft.add(
        fact: "ste",
        [
          .init("address", .word(one.entry)),
          .init("level1Table", .word(table.base &- table.entryIndex &* 8)),
          .init("level2Table", .word(table.secondLevel)), .init("config", 7),
          .init("contextDescriptor", .word(one.context)),
        ], from: "trace:\(one.line) and the lines behind it")
    }
    draft.add(
      fact: "cd",
      [
        .init("ipa", .word(one.context)), .init("pa", .word(one.contextPlace)),
        .init("t0sz", .integer(Int(truncatingIfNeeded: one.sizeField))),
        .init("granule", .integer(1 << Int(truncatingIfNeeded: one.granuleBits & 31))),
        .init(
          "ttb0", .object([.init("ipa", .word(one.rootIPA)), .init("pa", .word(one.rootPA))])),
        .init("oas", .integer(Int(truncatingIfNeeded: one.outputBits))),
      ], from: "trace:\(one.line) and the lines behind it")
  }
}
