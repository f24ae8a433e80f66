internal import Bits
package import Files
internal import Firmware

/// The recording of one device of a case, as text in the format of `scenarios/recordings`.
package struct CaseRecording: Sendable {
  /// The file's text.
  package let text: String
  /// Remarks on gaps in the files, a sentence each.
  package let remarks: [String]
  /// The design that the machine ran, by the name of its file; `nil` where no guest had the device.
  package let design: String?
  /// The release of Linux that maps and relays for the guest, such as `7.3.4`.
  package let hostKernel: String?
  /// Reason why the trace could not be read to its end, if it could not.
  package let damage: String?
}

extension RecordedCase {
  /// Makes the recording of one device.
  ///
  /// - Parameter device: its StreamID; without one, the device that a guest had, or else the one
  ///   that sent most messages.
  /// - Throws: `InputError` when a file cannot be read, or no device sent a message.
  package func recording(
    of device: UInt32? = nil, progress: (Int) -> Void = { _ in }
  ) throws(InputError) -> CaseRecording {
    var log = EventLog()
    var reader = TraceReader()
    try reader.read(try neededTrace(), into: &log, progress: progress)
    let sessions = SessionCollector(log)
    guard let id = device ?? sessions.mainDevice, let session = sessions.sessions[id],
      !session.messages.isEmpty
    else {
      let known = sessions.sessions.values.filter { !$0.messages.isEmpty }.map(\.device).sorted()
      let names = known.map { DeviceStory(id: $0).name }.joined(separator: ", ")
      throw InputError(
        expected: "a device that sends messages (gicv3_its_translation_write in the trace)",
        found: known.isEmpty
          ? "none in \(counted(reader.counts.lines, "line"))" : "only \(names)",
        at: Place(file: trace ?? name))
    }
    return recording(session, log, reader.counts)
  }

  private func recording(
    _ session: DeviceSession, _ log: EventLog, _ counts: TraceCounts
  ) -> CaseRecording {
    var draft = RecordingDraft()
    let inner = InnerDevice(
      innerGuest, of: guest?.devices[session.device], folder: "guest-l2",
      in: folder ?? name)
    let start = session.entries.first?.line ?? 0
    let events = log.events[(log.events.firstIndex { $0.line >= start } ?? 0)...]
    let tables = nestedTables(session, log, &draft)
    let controller = ControllerStory(events, session.accesses)
    SessionFacts(session: session, tables: tables, guest: guest, inner: inner).add(to: &draft)
    var maker = SessionRecording(session, tables, controller, draft: draft)
    maker.record()
    draft = maker.draft
    let design = design(of: session, inner)
    draft.header = header(session, inner, design)
    draft.remarks += remarks(session, inner, log, maker.unknown)
    return CaseRecording(
      text: draft.text(), remarks: draft.remarks, design: design,
      hostKernel: kernel("guest"), damage: counts.damage)
  }

  private func nestedTables(
    _ session: DeviceSession, _ log: EventLog, _ draft: inout RecordingDraft
  ) -> NestedTables? {
    guard session.owner == .nestedGuest else { return nil }
    do {
      return try NestedTables(log.events[...], stream: session.device, session.accesses)
    } catch {
      draft.remarks.append(
        "where the tables were is not in the recording, so that the models place them: "
          + error.text)
      return nil
    }
  }

  // MARK: What was recorded

  /// The design that makes a machine do what this one did.
  private func design(of session: DeviceSession, _ inner: InnerDevice?) -> String? {
    guard !session.messages.isEmpty else { return nil }
    switch session.owner {
    case .kernel: return nil
    case .program: return "cookie"
    case .nestedGuest:
      guard let access = session.messages.first(where: { $0.access.fault == nil })?.access else {
        // No message arrives where the guest's kernel is told of no window.
        return inner?.reserved == nil ? "no-rmr" : nil
      }
      let isIdentity = access.leafOutput.map { $0 == access.address } ?? true
      guard isIdentity else { return "forward-address" }
      return inner?.reserved?.remapPermitted == true ? "rmr-relaxable" : "rmr-identity"
    }
  }

  private func kernel(_ side: String) -> String? {
    guard let root = folder, let text = try? InputFile("\(root)/\(side)/version").text() else {
      return nil
    }
    let words = text.split(separator: " ")
    return words.count > 2 && words[0] == "Linux" ? String(words[2]) : nil
  }

  private func header(
    _ session: DeviceSession, _ inner: InnerDevice?, _ design: String?
  ) -> [JSONValue.Member] {
    let label = name.split(separator: "/").last.map(String.init) ?? name
    var members: [JSONValue.Member] = [
      .init("case", .string(label.isEmpty ? "trace" : label)),
      .init("about", .string(Self.about(session.owner))),
    ]
    if let kernel = kernel("guest") {
      members.append(.init("host", .object([.init("kernel", .string(kernel))])))
    }
    if let inner, let kernel = kernel(inner.folder) {
      members.append(.init("guest", .object([.init("kernel", .string(kernel))])))
    }
    if let design { members.append(.init("design", .string(design))) }
    return members
  }

  private static func about(_ owner: DeviceSession.Owner) -> String {
    switch owner {
    case .nestedGuest:
      "A guest drives an assigned function through stage 1 tables of its own; the host maps stage 2 "
        + "and the doorbell page of its ITS."
    case .program:
      "A program has a function through VFIO or iommufd; the host maps its memory and the doorbell "
        + "page."
    case .kernel:
      "A machine's own kernel drives a function; no guest is involved. The machine stands for a "
        + "guest: its physical addresses are taken as IPAs."
    }
  }

  private func remarks(
    _ session: DeviceSession, _ inner: InnerDevice?, _ log: EventLog, _ unknown: Int
  ) -> [String] {
    var remarks: [String] = []
    switch session.owner {
    case .nestedGuest where inner == nil:
      remarks.append(
        "the guest's own IDs and message addresses are not in the files (guest-l2 with pci.txt and "
          + "acpi/): it is given the function's own DeviceID")
    case .program:
      remarks.append(
        "the program's side is not a guest: no vITS, no vIOMMU and no MSI-X writes of a guest are "
          + "recorded; the models' guest sets its interrupts up by itself")
    case .kernel:
      remarks.append(
        "no guest had the function: one stage, no VMM and no virtual interrupt are recorded, so that "
          + "no design comes out as recorded; the machine's kernel stands for the guest's")
    default: break
    }
    if !log.hasTimes { remarks.append("the trace has no times: a line counts as a microsecond") }
    if unknown > 0 {
      remarks.append(
        "\(counted(unknown, "access", "accesses")) went to pages whose walks are not in the trace: "
          + "they are not mapped")
    }
    if log.left > 0 {
      remarks.append("\(counted(log.left, "event")) at the end left out: the trace is too long")
    }
    return remarks
  }
}
