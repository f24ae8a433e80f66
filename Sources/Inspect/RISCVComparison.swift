internal import Bits

extension VectorComparison {
  /// Compares the answers to a RISC-V vector with the record or, for the architecture, with the
  /// second opinion on it.
  init(_ vector: RISCVVector, found: [RISCVFound], personality: ProofPersonality) {
    let isRecorded = personality != .architecture
    isJudged = isRecorded || vector.verdict.isJudged
    var opinions: [RISCVOpinion] = []
    if case .deviates(let list) = vector.verdict, !isRecorded { opinions = list }
    // Builds of the reference model disagree on the last answer of these.
    let last = vector.steps.count - (vector.tags.contains("unstable") ? 1 : 0)
    for (index, (step, found)) in zip(vector.steps, found).enumerated().prefix(last) {
      var fields = step.differences(from: found, vector.recorder)
      if let opinion = opinions.first, opinion.isFirst {
        // The opinion ends with the first step that deviates.
        guard !fields.isEmpty else { continue }
        fields = step.applying([opinion]).differences(from: found, vector.recorder)
        note(fields, vector, index)
        return
      }
      let here = opinions.filter { $0.step == index }
      if !here.isEmpty {
        fields = step.applying(here).differences(from: found, vector.recorder)
      }
      note(fields, vector, index)
    }
  }

  private mutating func note(_ fields: [FieldDifference], _ vector: RISCVVector, _ index: Int) {
    differences += fields.map {
      VectorDifference(
        vector: vector.id, step: index, action: vector.steps[index].action.description,
        field: $0.field, expected: $0.expected, found: $0.found)
    }
  }
}

extension RISCVVerdict {
  /// Whether it says what the architecture answers.
  var isJudged: Bool {
    switch self {
    case .agrees: true
    case .unjudged: false
    case .deviates(let opinions):
      opinions.allSatisfy { if case .other = $0.change { false } else { true } }
    }
  }
}

extension RISCVStep {
  /// The step with the architecture's answer in place of the record.
  fileprivate func applying(_ opinions: [RISCVOpinion]) -> Self {
    var step = self
    for opinion in opinions { step.answer.apply(opinion.change) }
    return step
  }

  /// The fields in which neither the answer nor that of empty caches is met.
  fileprivate func differences(from found: RISCVFound, _ recorder: RISCVVector.Recorder)
    -> [FieldDifference]
  {
    var other = found.answer
    if case .request(let request) = action, recorder == .qemu, found.isUnseen,
      answer.status == "ok"
    {
      // The driver saw neither a fault nor the data, and takes it as passed.
      other = RISCVAnswer()
      other.status = "ok"
      other.address = request.address
    }
    let fields = answer.differences(from: other)
    guard !fields.isEmpty, let fresh else { return fields }
    return fresh.differences(from: other, ignoringInterrupts: true).isEmpty ? [] : fields
  }
}

extension RISCVAnswer {
  /// Replaces what the second opinion says otherwise, and what follows from that.
  fileprivate mutating func apply(_ change: RISCVOpinion.Change) {
    switch change {
    case .granted(let address, let isMessage, let resident):
      self = RISCVAnswer()
      status = "ok"
      self.address = address
      self.isMessage = isMessage
      self.resident = resident
    case .refused(let cause):
      // How the device is told, and what is recorded, follows from the cause.
      self = RISCVAnswer()
      self.cause = cause
      faults = nil
      interrupts = nil
    case .faultAddress(let address):
      if faults?.isEmpty == false { faults?[0][2] = address }
    case .completion(let bits):
      for bit in bits {
        if let place = completion.firstIndex(where: { $0.name == bit.name }) {
          completion[place] = bit
        }
      }
    case .writes(let words): writes = words
    case .recorded(let words, let notice):
      let old = self
      self = RISCVAnswer()
      status = old.status
      cause = old.cause
      faults = old.faults
      writes = words
      self.notice = notice
    case .noFault:
      self = RISCVAnswer()
      status = "ok"
    case .other: break
    }
  }

  /// The fields that the record states and that `found` does not meet.
  func differences(from found: RISCVAnswer, ignoringInterrupts: Bool = false)
    -> [FieldDifference]
  {
    var list = FieldDifferences()
    if status != nil { list.compare("status", status, found.status) { $0 } }
    list.compare("cause", cause, found.cause) { "\($0)" }
    list.compare("writes", Self.text(writes), Self.text(found.writes)) { $0 }
    if !ignoringInterrupts && interrupts != nil {
      list.compare("interrupts", interrupts, found.interrupts) { "\($0)" }
    }
    list.compare("commands", commandState, found.commandState) { "\($0)" }
    list.compare("messages", messages, found.messages) { "\($0)" }
    for bit in completion {
      let other = found.completion.first { $0.name == bit.name }?.isSet ?? false
      list.compare("completion \(bit.name)", bit.isSet, other) { $0 ? "1" : "0" }
    }
    if let faults, !Self.areSame(faults, found.faults ?? []) {
      list.compare("faults", Self.text(faults), Self.text(found.faults ?? [])) { $0 }
    }
    guard status == "ok", cause == nil else { return list.fields }
    compareDestination(found, &list)
    return list.fields
  }

  /// Compares the destination of a request that is granted.
  private func compareDestination(_ found: RISCVAnswer, _ list: inout FieldDifferences) {
    list.compare("notice", Self.text([notice]), Self.text([found.notice])) { $0 }
    if landed != nil { list.compare("landed", landed, found.landed) { "\($0)" } }
    if isMessage != nil {
      list.compare("interrupt file", isMessage, found.isMessage ?? false) { $0 ? "yes" : "no" }
    }
    if let resident {
      // The IOMMU carries the write out itself: there is no address, and no memory type.
      list.compare("resident file", resident, found.resident) { "\($0)" }
      return
    }
    if memoryType != nil, found.resident == nil {
      list.compare("memory type", memoryType, found.memoryType ?? 0) { "\($0)" }
    }
    if let address, found.address != nil || found.isMessage != true {
      list.compare("PA", address, found.address) { hex($0) }
    }
  }

  private static func text(_ words: [MemoryWord?]) -> String {
    let words = words.compactMap { $0 }
    return words.isEmpty
      ? "none" : words.map { "\(hex($0.address))=\(hex($0.value))" }.joined(separator: " ")
  }

  private static func text(_ records: [[UInt64]]) -> String {
    records.isEmpty
      ? "none" : records.map { $0.map { hex($0) }.joined(separator: " ") }.joined(separator: ", ")
  }

  /// The page offset of `iotval2` may be reported as 0; its bits 1:0 are flags.
  private static func areSame(_ expected: [[UInt64]], _ found: [[UInt64]]) -> Bool {
    expected.count == found.count
      && zip(expected, found).allSatisfy { expected, found in
        expected.prefix(3) == found.prefix(3) && (expected[3] ^ found[3]) & ~0xffc == 0
      }
  }
}

/// Collects fields that differ.
private struct FieldDifferences {
  var fields: [FieldDifference] = []

  mutating func compare<Value: Equatable>(
    _ field: String, _ expected: Value?, _ found: Value?, _ text: (Value) -> String
  ) {
    guard expected != found else { return }
    fields.append(
      FieldDifference(
        field: field, expected: expected.map(text) ?? "nothing",
        found: found.map(text) ?? "nothing"))
  }
}
