internal import ArmFormats
internal import Bits

extension VectorAnswer {
  /// The fields that the record states and that `found` does not meet.
  func differences(from found: VectorAnswer) -> [FieldDifference] {
    var list: [FieldDifference] = []
    func compare(_ field: String, _ expected: String?, _ found: String?) {
      guard let expected, expected != found else { return }
      list.append(.init(field: field, expected: expected, found: found ?? "nothing"))
    }
    compare("outcome", outcome, found.outcome)
    compare("PA", physicalAddress.map { hex($0) }, found.physicalAddress.map { hex($0) })
    // The record is of what QEMU caches, which leaves out stage 2 of a nested translation and
    // APTable: it may be wider than what is in force, but not narrower.
    if let permissions, let present = found.permissions, present & ~permissions != 0 {
      compare("permissions", Self.name(permissions), Self.name(present))
    }
    compare("landed", landed.map { "\($0)" }, found.landed.map { "\($0)" })
    if targetAborts { compare("target", "aborts", found.targetAborts ? "aborts" : "answers") }
    compare("CMDQ_CONS", commandConsumer.map { hex($0) }, found.commandConsumer.map { hex($0) })
    compare("GERROR", globalErrors.map { hex($0) }, found.globalErrors.map { hex($0) })
    compare("GITS_CREADR", commandRead.map { hex($0) }, found.commandRead.map { hex($0) })
    compare("Stalled", commandStalled.map { hex($0) }, found.commandStalled.map { hex($0) })
    compare("ITS write", translation.map(Self.name), found.translation.map(Self.name))
    return list + eventDifferences(from: found)
  }

  private static func name(_ permissions: UInt64) -> String {
    ["none", "read", "write", "read and write"][Int(permissions & 3)]
  }

  private static func name(_ write: DoorbellWrite) -> String {
    "\(hex(write.data)) of DeviceID \(hex(write.device))"
  }

  /// The events, field by field where both have one.
  private func eventDifferences(from found: VectorAnswer) -> [FieldDifference] {
    guard events != found.events else { return [] }
    guard events.count == found.events.count else {
      return [
        .init(
          field: "events", expected: Self.names(events), found: Self.names(found.events))
      ]
    }
    return zip(events, found.events).flatMap { expected, found in
      let (expected, found) = (EventRecord(words: expected), EventRecord(words: found))
      guard expected[.kind] == found[.kind] else {
        return [
          FieldDifference(
            field: "event", expected: "\(expected[.kind])", found: "\(found[.kind])")
        ]
      }
      return Self.wordDifferences(expected, found)
    }
  }

  private static func wordDifferences(_ expected: EventRecord, _ found: EventRecord)
    -> [FieldDifference]
  {
    var rest = expected.words.indices.map { expected[word: $0] ^ found[word: $0] }
    var list: [FieldDifference] = []
    for field in expected.layout where field.value(in: expected) != field.value(in: found) {
      rest[field.word] &= ~field.mask
      list.append(
        .init(
          field: "\(expected[.kind]).\(field.name)", expected: hex(field.value(in: expected)),
          found: hex(field.value(in: found))))
    }
    for (word, bits) in rest.enumerated() where bits != 0 {
      list.append(
        .init(
          field: "\(expected[.kind]) word \(word)", expected: hex(expected[word: word]),
          found: hex(found[word: word])))
    }
    return list
  }

  private static func names(_ events: [[UInt64]]) -> String {
    events.isEmpty
      ? "none"
      : events.map { "\(AccessSummary(EventRecord(words: $0)))" }.joined(separator: ", ")
  }
}

extension PendingState {
  /// The tables that are not as here in `found`.
  func differences(from found: PendingState) -> [FieldDifference] {
    Self.differences(physical, found.physical, "pending at CPU")
      + Self.differences(virtual, found.virtual, "pending in VPT")
  }

  private static func differences(
    _ expected: [PendingInterrupts], _ found: [PendingInterrupts], _ name: String
  ) -> [FieldDifference] {
    guard expected != found else { return [] }
    let owners = Set((expected + found).map(\.owner)).sorted()
    return owners.compactMap { owner in
      let wanted = expected.first { $0.owner == owner }?.intids ?? []
      let present = found.first { $0.owner == owner }?.intids ?? []
      guard wanted != present else { return nil }
      return FieldDifference(
        field: "\(name) \(hex(owner))", expected: list(wanted), found: list(present))
    }
  }

  private static func list(_ intids: [UInt64]) -> String {
    intids.isEmpty ? "none" : intids.map { hex($0) }.joined(separator: " ")
  }
}
