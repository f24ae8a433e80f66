package import ArmFormats
internal import Bits
package import Files
package import SMMU

/// One translation: what was read on the way, and the answer.
package struct TranslationReport: Sendable {
  package var transaction: Transaction
  package var reads: [DescriptorRead]
  package var result: TranslationResult

  /// The event of a fault, recorded or not.
  package var event: EventRecord? {
    switch result {
    case .faulted(let event, _), .ignored(let event, _): event
    default: nil
    }
  }

  /// The physical address that the access reaches, if it does.
  package var output: UInt64? {
    switch result {
    case .translated(let translation): translation.address.rawValue
    case .bypassed(let address): address.rawValue
    default: nil
    }
  }

  /// The IPA of the access itself, where stage 2 translated or refused it.
  package var intermediate: UInt64? {
    reads.last { $0.purpose == .output }?.input
  }
}

extension TranslationReport {
  /// The walk and the result, a line for each descriptor.
  package var text: String {
    var lines = ["\(access)"]
    let walk = WalkNarrator(reads)
    let rows = reads.map { walk.columns($0) }
    let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
      let cells = zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      lines.append("  " + cells.joined(separator: "  ") + "  " + row[3])
    }
    lines.append(outcome)
    if let event {
      lines.append("")
      lines += RecordKind.event.decode(event.words).map(\.text)
    }
    return lines.joined(separator: "\n")
  }

  /// The access in words.
  var access: String {
    var text = "StreamID \(hex(UInt64(transaction.streamID)))"
    if let substream = transaction.substreamID { text += " SubstreamID \(hex(UInt64(substream)))" }
    return text + ", \(transaction.isWrite ? "write" : "read") of IOVA \(transaction.address)"
  }

  /// The result in words.
  package var outcome: String {
    switch result {
    case .translated(let translation):
      var text = "translated to PA \(translation.address)"
      if let intermediate { text += " by way of IPA \(hex(intermediate))" }
      let size = UInt64(1) &<< UInt64(translation.pageShift)
      return text + ", in a page of \(size >> 10) KiB that allows \(Self.allowed(translation))"
    case .bypassed(let address): return "bypassed: PA \(address)"
    case .aborted: return "aborted without an event"
    case .faulted(let event, let recording): return "\(event[.kind]), \(Self.name(recording))"
    case .ignored(let event, let recording):
      return "\(event[.kind]), \(Self.name(recording)); the access reads zero or is ignored"
    case .stalled(let tag): return "stalled with tag \(hex(UInt64(tag)))"
    case .blocked: return "blocked: no stall tag is free"
    case .refused(let unsupported):
      return unsupported ? "refused: Unsupported Request" : "refused: Completer Abort"
    }
  }

  private static func allowed(_ translation: Translation) -> String {
    let permissions = translation.permissions
    let read = permissions.isSuperset(of: [.unprivilegedRead, .stage2Read])
    let write = permissions.isSuperset(of: [.unprivilegedWrite, .stage2Write])
    let privileged = permissions.isSuperset(of: [.privilegedRead, .stage2Read])
    switch (read, write) {
    case (true, true): return "reads and writes"
    case (true, false): return "reads"
    case (false, true): return "writes"
    case (false, false): return privileged ? "privileged reads" : "nothing"
    }
  }

  private static func name(_ recording: FaultRecording) -> String {
    switch recording {
    case .recorded, .lost: "terminated; the event is recorded where the event queue is on"
    case .suppressed: "terminated; no event is recorded"
    }
  }

  /// The walk and the result for programs.
  package var json: JSONValue {
    let walk = WalkNarrator(reads)
    let steps = reads.map { read -> JSONValue in
      let columns = walk.columns(read)
      return [
        "what": .string(columns[0]), "address": .string(columns[1]),
        "words": .array((0..<read.wordCount).map { .string(hex(read.words[$0], digits: 16)) }),
        "meaning": .string(columns[3]),
      ]
    }
    return [
      "sid": .string(hex(UInt64(transaction.streamID))),
      "ssid": transaction.substreamID.map { .string(hex(UInt64($0))) } ?? .null,
      "iova": .string("\(transaction.address)"),
      "rw": .string(transaction.isWrite ? "w" : "r"),
      "walk": .array(steps),
      "result": .string(outcome),
      "pa": output.map { .string(hex($0)) } ?? .null,
      "ipa": intermediate.map { .string(hex($0)) } ?? .null,
      "event": event.map { .array($0.words.map { .string(hex($0, digits: 16)) }) } ?? .null,
    ]
  }
}
