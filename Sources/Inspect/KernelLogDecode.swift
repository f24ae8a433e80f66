package import ArmFormats
internal import Bits

extension KernelLog {
  /// The SMMUv3 events of the log, each with how often it occurs.
  package var events: [(event: LoggedEvent, report: LoggedReport)] {
    reports.compactMap { report in
      guard case .event(let event) = report.content else { return nil }
      return (event, report)
    }
  }

  /// Every report taken apart, with its device, client and count in the title.
  package func decoded(_ context: DecodeContext = .init()) -> [DecodedRecord] {
    reports.flatMap { $0.decoded(context) }
  }

  /// Remarks on the log as a whole.
  package var notes: [String] {
    var notes = remarks
    if strayWords > 0 {
      notes.append(
        "\(strayWords) \(strayWords == 1 ? "word" : "words") of dumps without a heading: "
          + "no event was made of them")
    }
    if left > 0 {
      notes.append("\(left) more reports differ from all of these and are counted only")
    }
    return notes
  }
}

extension LoggedReport {
  /// The report as records: one, or two where an error has a command with it.
  package func decoded(_ context: DecodeContext = .init()) -> [DecodedRecord] {
    var records = parts(context)
    var place = device.isEmpty ? "" : ", at \(device)"
    if case .event(let event) = content, let client = event.client { place += ", client \(client)" }
    if count > 1 { place += ", \(count) times" }
    for index in records.indices { records[index].title += place }
    return records
  }

  private func parts(_ context: DecodeContext) -> [DecodedRecord] {
    switch content {
    case .event(let event): return event.decoded(context)
    case .eventHeading(let kind):
      return [
        Self.plain(
          "event \(hex(kind)) without its words", text,
          next: "The log has the heading alone: get the four words behind it, from a log that was "
            + "not filtered.")
      ]
    case .globalError(let bits): return [Self.globalError(bits)]
    case .commandQueueError(let error): return error.decoded()
    case .syncTimeout(let at, let producer, let consumer):
      return [Self.syncTimeout(at: at, producer: producer, consumer: consumer)]
    case .queueTimeout:
      return [
        Self.plain(
          "command queue timeout", text,
          next: "The SMMU does not consume commands: look for an error before this line, and for a "
            + "power domain or clock that was switched off.")
      ]
    case .eventOverflow:
      return [
        Self.plain(
          "event queue overflow", text,
          next: "events are lost, and the one that matters may be among them; look at the first "
            + "events after boot, or quieten the device that floods the queue")
      ]
    case .requestOverflow:
      return [
        Self.plain(
          "PRI queue overflow", text,
          next: "Page requests are lost: the device has to repeat them.")
      ]
    case .abort(let words): return [Self.plain("aborted write", words, next: Self.abortAdvice)]
    case .contextFault(let fault): return [fault.decoded()]
    case .globalFault(let fault): return [fault.decoded(text)]
    case .itsTimeout(let target, let reached):
      return [Self.itsTimeout(target: target, reached: reached)]
    case .itsCommandFailed(let builder):
      return [
        Self.plain(
          "ITS command that did not complete: \(Self.command(builtBy: builder))", text,
          next: "It, or a command before it, is where the ITS stands: see the time-out.")
      ]
    }
  }

  private static func plain(_ title: String, _ summary: String, next: String) -> DecodedRecord {
    DecodedRecord(
      title: title, summary: summary, words: [], fields: [], notes: [], next: [next])
  }

  private static let abortAdvice =
    "The SMMU writes there by itself: check that the address of the queue or message is memory "
    + "that it may write, and that nothing freed or protected it."

  private static func globalError(_ bits: UInt32) -> DecodedRecord {
    let fields = GlobalErrorBit.allCases.filter { bits & $0.rawValue != 0 }.map { bit in
      DecodedField(
        name: bit.name, position: "[\(bit.rawValue.trailingZeroBitCount)]", value: 1,
        meaning: bit.meaning)
    }
    var record = DecodedRecord(
      title: "SMMU_GERROR \(GlobalErrorBit.names(in: bits))", summary: "", words: [UInt64(bits)],
      fields: fields, notes: [], next: [])
    if bits & GlobalErrorBit.eventQueueAbort.rawValue != 0 { record.next.append(abortAdvice) }
    if bits & GlobalErrorBit.commandQueue.rawValue != 0 {
      record.next.append("SMMU_CMDQ_CONS, which the next line prints, says which error and where.")
    }
    return record
  }

  private static func syncTimeout(
    at: UInt32, producer: UInt32, consumer: UInt32
  ) -> DecodedRecord {
    let error = CommandQueueError(consumer: consumer)
    let waiting = (producer &- error.index) & 0xf_ffff
    var record = DecodedRecord(
      title: "CMD_SYNC timeout",
      summary: "the CMD_SYNC at \(hex(UInt64(at))) did not complete in a second; the SMMU stands "
        + "at \(hex(UInt64(error.index))), \(waiting) commands behind the producer",
      words: [],
      fields: [
        DecodedField(
          name: "PROD", position: "", value: UInt64(producer), meaning: "where software writes"),
        DecodedField(
          name: "CONS", position: "", value: UInt64(consumer), meaning: "where the SMMU reads"),
      ], notes: [], next: [])
    if error.code != 0 {
      record.notes.append(
        "CONS has the error \(error.name): this time-out is a consequence, no fault of its own")
      record.next = error.advice
    } else {
      record.next = [
        "No error stands in CONS: the command there takes long, or the SMMU consumes none at all "
          + "(switched off, reset or without a clock under its driver)."
      ]
    }
    return record
  }

  private static func itsTimeout(target: UInt64, reached: UInt64) -> DecodedRecord {
    let isStalled = reached & 1 == 1
    return DecodedRecord(
      title: "ITS queue timeout",
      summary: "the ITS stands at byte \(reached & ~1) of its command queue and had to get to "
        + "\(target)", words: [],
      fields: [
        DecodedField(
          name: "Stalled", position: "[0]", value: reached & 1,
          meaning: isStalled
            ? "the ITS stopped at a command with an error (GITS_CREADR, IHI 0069, 12.19.4)"
            : "not stalled: the ITS waits, or does not run")
      ], notes: [],
      next: [
        isStalled
          ? "The command at that byte is at fault: a DeviceID, EventID or ICID out of range, or a "
            + "table that the ITS cannot read."
          : "A SYNC waits for a redistributor, or the ITS cannot read its queue."
      ])
  }

  /// `MAPTI` of `its_build_mapti_cmd`.
  package static func command(builtBy name: String) -> String {
    var text = name[...]
    if text.hasPrefix("its_build_") { text = text.dropFirst(10) }
    if text.hasSuffix("_cmd") { text = text.dropLast(4) }
    return text.uppercased()
  }
}

extension LoggedEvent {
  func decoded(_ context: DecodeContext) -> [DecodedRecord] {
    var context = context
    context.missing = missing
    return RecordKind.event.decode(words, context: context).map { record in
      var record = record
      if !isRaw {
        record.notes.append("put together from the driver's text: the raw words are not in it")
      }
      if !missing.isEmpty {
        let names = missing.map { "\($0)" }.joined(separator: ", ")
        record.notes.insert(
          "word \(names) is not in the log: fields there are unknown and print as zero", at: 0)
      }
      if client == "(unassigned sid)" {
        record.next.append(
          "No device of the SMMU has this StreamID for its driver: compare the firmware's mapping "
            + "of requester IDs with what the hardware sends.")
      }
      return record
    }
  }
}

extension CommandQueueError {
  package var name: String {
    switch error {
    case .some(.none), nil: code == 0 ? "no error" : "code \(code), which is reserved"
    case .some(.illegal): "CERROR_ILL"
    case .some(.abort): "CERROR_ABT"
    case .some(.deviceTimeout): "CERROR_ATC_INV_SYNC"
    }
  }

  /// The command that stands at CONS, where the log has its words.
  package var command: SMMUCommand? { words.count == 2 ? SMMUCommand(words: words) : nil }

  var advice: [String] {
    switch error {
    case .deviceTimeout:
      [
        "CONS does not say which device: look for one that is in reset, powered down or has lost "
          + "its link."
      ]
    case .illegal:
      [
        "The command's opcode is none that this SMMU has, or a reserved field is set; a CMD_ATC_INV "
          + "is illegal where IDR0.ATS is 0. Linux turns the command into a CMD_SYNC and goes on."
      ]
    case .abort: ["The SMMU could not read its command queue: check CMDQ_BASE."]
    default: []
    }
  }

  func decoded() -> [DecodedRecord] {
    var records = [
      DecodedRecord(
        title: "command queue error \(name)",
        summary: meaning, words: [UInt64(consumer)],
        fields: [
          DecodedField(name: "ERR", position: "[30:24]", value: UInt64(code), meaning: name),
          DecodedField(
            name: "RD", position: "[19:0]", value: UInt64(index),
            meaning: "where the SMMU stands, wrap bit included"),
        ], notes: [], next: advice)
    ]
    if let command { records.append(command.decoded()) }
    return records
  }

  private var meaning: String {
    switch error {
    case .deviceTimeout:
      "the CMD_SYNC at \(hex(UInt64(index))) found that an earlier CMD_ATC_INV got no answer from "
        + "its device in time"
    case .illegal: "the command at \(hex(UInt64(index))) is illegal"
    case .abort: "the command at \(hex(UInt64(index))) could not be read"
    default: ""
    }
  }
}

extension ContextFault {
  func decoded() -> DecodedRecord {
    var fields = [
      DecodedField(
        name: "FSR", position: "", value: UInt64(status), meaning: names),
      DecodedField(name: "FAR", position: "", value: address, meaning: "as the device sent it"),
      DecodedField(
        name: "WNR", position: "FSYNR0[4]", value: isWrite ? 1 : 0,
        meaning: isWrite ? "write" : "read"),
      DecodedField(name: "bank", position: "", value: UInt64(bank), meaning: "context bank"),
    ]
    if let streamID {
      fields.append(
        DecodedField(
          name: "StreamID", position: "CBFRSYNRA[15:0]", value: UInt64(streamID), meaning: ""))
    }
    return DecodedRecord(
      title: "context fault of an SMMUv1 or v2",
      summary: "\(isWrite ? "write" : "read") of \(hex(address)): \(names)", words: [],
      fields: fields,
      notes: [
        "An SMMUv2 has context faults and no event queue: event records, and nested translation as "
          + "SMMUv3 has it, do not apply."
      ],
      next: [
        isWrite && address & 0xfff == 0x040
          ? "A write at offset 0x40 of a page may be an MSI: compare the address in the device's "
            + "MSI-X entry with its domain."
          : "Compare the address with what the driver maps (trace events iommu:map and iommu:unmap)."
      ])
  }
}

extension GlobalFault {
  func decoded(_ text: String) -> DecodedRecord {
    var record = DecodedRecord(
      title: "global fault of an SMMUv1 or v2", summary: text, words: [], fields: [], notes: [],
      next: [])
    if let status {
      record.fields.append(
        DecodedField(
          name: "GFSR", position: "", value: UInt64(status),
          meaning: isUnknownStream ? "USF: unidentified stream" : ""))
    }
    if let streamID, isUnknownStream {
      record.fields.append(
        DecodedField(
          name: "StreamID", position: "GFSYNR1[15:0]", value: UInt64(streamID),
          meaning: "no stream mapping matches it"))
      record.next.append(
        "No device behind this SMMU has StreamID \(hex(UInt64(streamID))) for the driver: compare "
          + "the firmware's mapping with what the hardware sends.")
    }
    return record
  }
}
