internal import Bits

extension VectorComparison {
  /// Compares the answers to a vector of an x86 machine with the record or, for the architecture, with
  /// the second opinion on it.
  ///
  /// - Parameters:
  ///   - status: found and recorded, of registers that are read in the end.
  init(
    _ id: String, _ steps: [X86Step], _ verdict: X86Verdict, found: [X86Answer],
    status: (found: UInt64, recorded: UInt64)?, personality: ProofPersonality
  ) {
    let isRecorded = personality != .architecture
    // Of an AMD unit neither the contents of events nor the answers to commands are judged.
    let isAMD = status == nil
    var opinions: [X86Opinion] = []
    var lacksEvents = false
    isJudged = true
    switch verdict {
    case .agrees: break
    case .unjudged: isJudged = isRecorded
    case .lacksEvent(let list):
      lacksEvents = true
      opinions = list
    case .deviates(let list): opinions = list
    }
    for (index, (step, found)) in zip(steps, found).enumerated() {
      var fields: [FieldDifference]
      if isRecorded {
        fields = step.answer.differences(from: found, exactly: true, comparesContents: true)
      } else {
        let here = opinions.filter { $0.step == index }
        if here.isEmpty {
          fields = step.answer.differences(
            from: found, exactly: false, comparesContents: !isAMD)
        } else {
          fields = here.flatMap { $0.answer.differences(from: found, comparesReason: !lacksEvents) }
        }
      }
      // A deviation may carry on in what follows: only what the opinion states is judged then.
      if !isRecorded, !opinions.isEmpty, !opinions.contains(where: { $0.step == index }) {
        if opinions.contains(where: { $0.step < index }) { fields = [] }
      }
      differences += fields.map {
        VectorDifference(
          vector: id, step: index, action: step.action.description, field: $0.field,
          expected: $0.expected, found: $0.found)
      }
    }
    if isRecorded, let status, status.found != status.recorded {
      differences.append(
        VectorDifference(
          vector: id, step: steps.count, action: "end", field: "status",
          expected: hex(status.recorded), found: hex(status.found)))
    }
  }
}

extension X86Answer {
  /// The fields that the record states and that `found` does not meet.
  ///
  /// - Parameter exactly: whether all that was recorded is compared, and not only what the second
  ///   opinion is about.
  func differences(from found: X86Answer, exactly: Bool, comparesContents: Bool)
    -> [FieldDifference]
  {
    var list: [FieldDifference] = []
    func compare(_ field: String, _ expected: String, _ other: String) {
      guard expected != other else { return }
      list.append(FieldDifference(field: field, expected: expected, found: other))
    }
    compare("outcome", Self.word(outcome), Self.word(found.outcome, beside: outcome))
    // Where one message went, the other interrupts are the unit's own.
    compare("message", Self.text(message), Self.text(found.message))
    if exactly {
      compare("interrupts", Self.text(interrupts), Self.text(found.interrupts))
      compare("records", Self.text(records), Self.text(found.records))
      compare("fault status", hex(faultStatus ?? 0), hex(found.faultStatus ?? 0))
      compare("event pending", "\(isEventPending)", "\(found.isEventPending)")
      compare("writes", Self.text(writes), Self.text(found.writes))
      compare("hit", "\(isHit)", "\(found.isHit)")
    } else {
      if comparesContents {
        compare("records", Self.reasons(records), Self.reasons(found.records))
      } else if head == nil {
        compare("logged", "\(!records.isEmpty)", "\(!found.records.isEmpty)")
      }
    }
    if let address { compare("PA", hex(address), hex(found.address ?? 0)) }
    if let size { compare("size", hex(size), hex(found.size ?? 0)) }
    if let base, !found.isPage(base) {
      compare("page", hex(base), hex((found.address ?? 0) & ~0xfff))
    }
    guard comparesContents else { return list }
    if let head { compare("queue head", hex(head), hex(found.head ?? 0)) }
    if head != nil { compare("status words", Self.text(status), Self.text(found.status)) }
    return list
  }

  /// Whether it leads to a page, of its own size or of 4 KiB.
  private func isPage(_ base: UInt64) -> Bool {
    guard let address, let size else { return false }
    return address & ~(size &- 1) == base || address & ~0xfff == base
  }

  /// An outcome; a read that was passed through looks like nothing.
  private static func word(_ outcome: String?, beside expected: String? = nil) -> String {
    if expected == "unseen", outcome == "untranslated" { return "unseen" }
    return outcome ?? "none"
  }

  private static func text(_ word: MemoryWord?) -> String {
    word.map { "\(hex($0.value)) to \(hex($0.address))" } ?? "none"
  }

  private static func text(_ words: [MemoryWord]) -> String {
    words.map { "\(hex($0.address))=\(hex($0.value))" }.joined(separator: " ")
  }

  private static func text(_ records: [[UInt64]]) -> String {
    records.map { $0.map { hex($0) }.joined(separator: " ") }.joined(separator: ", ")
  }

  /// The reasons of fault records, and the codes of events.
  private static func reasons(_ records: [[UInt64]]) -> String {
    records.map { hex(($0.last ?? 0) >> 32 & 0xff) }.joined(separator: " ")
  }

  private static func text(_ interrupts: [X86Interrupt]) -> String {
    interrupts.map(\.text).joined(separator: ", ")
  }
}

extension X86Interrupt {
  var text: String {
    "vector \(vector) mode \(mode) \(isLogical ? "logical" : "physical") \(hex(destination))"
      + (isLevel == true ? " level" : "")
  }
}

extension X86Opinion.Answer {
  /// What `found` has otherwise.
  func differences(from found: X86Answer, comparesReason: Bool) -> [FieldDifference] {
    func differ(_ field: String, _ expected: String, _ other: String) -> [FieldDifference] {
      expected == other ? [] : [FieldDifference(field: field, expected: expected, found: other)]
    }
    switch self {
    case .interrupt(let interrupt):
      var other = found.interrupts.first
      if let message = found.message {
        other?.destination = bits(message.address, 19, 12) | message.address >> 32 & 0xffff_ff00
      }
      if interrupt.isLevel == nil { other?.isLevel = nil }
      return differ("interrupt", interrupt.text, other?.text ?? "none")
    case .translated(let address, let size):
      return differ("PA", hex(address), hex(found.address ?? 0))
        + differ("size", hex(size), hex(found.size ?? 0))
    case .untranslated: return differ("outcome", "untranslated", found.outcome ?? "none")
    case .blocked(let reason, let isRecorded):
      let isBlocked = found.message == nil && found.outcome != "ok"
      var list = differ("blocked", "true", "\(isBlocked)")
      list += differ("recorded", "\(isRecorded)", "\(!found.records.isEmpty)")
      if comparesReason, let reason, isRecorded {
        list += differ("reason", hex(reason), hex((found.records.first?.last ?? 0) >> 32 & 0xff))
      }
      return list
    }
  }
}
