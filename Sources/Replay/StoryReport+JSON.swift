internal import ArmFormats
internal import Bits
package import Files

extension StoryReport {
  /// The report as one JSON object; numbers that are addresses are strings.
  package var json: JSONValue {
    let events = counts.events.map { JSONValue.Member($0.name, .integer($0.count)) }
    var members: [JSONValue.Member] = [
      .init("trace", .string(name)), .init("lines", .integer(counts.lines)),
      .init("understood", .integer(counts.understood)), .init("other", .integer(counts.other)),
      .init("damaged", .integer(counts.garbled)),
      .init("notTraceEvents", .integer(counts.unreadable)), .init("events", .object(events)),
    ]
    if let first = story.firstTime, let last = story.lastTime {
      members.append(.init("microseconds", .integer(last - first)))
    }
    members += [
      .init("translations", Self.stages(story.translations)),
      .init(
        "smmuCommands",
        named(story.smmuCommands) { String(SMMUOpcode(rawValue: $0).description.dropFirst(4)) }),
      .init("smmuEvents", named(story.faults) { EventKind(rawValue: $0).description }),
      .init("itsCommands", named(story.itsCommands) { ITSOpcode(rawValue: $0).name ?? "unknown" }),
      .init("lpisMapped", .integer(story.lpis.count)),
      .init("devices", .array(devices.map(device))),
      .init("warnings", .array(warnings.map { .string($0) })),
    ]
    members.append(.init("notKnown", .array(missing.map { .string($0) })))
    if !companions.kernelTraces.isEmpty {
      members.append(.init("kernelTraces", .array(companions.kernelTraces.map(\.json))))
    }
    if !companions.kernelLogs.isEmpty {
      members.append(.init("kernelLogs", .array(companions.kernelLogs.map { json(of: $0) })))
    }
    if !levels.isEmpty { members.append(.init("levels", .array(levels.map(\.json)))) }
    if let disagreements {
      members.append(.init("disagreements", .array(disagreements.map { .string($0) })))
    }
    return .object(members)
  }

  /// Counts by stage: 1, 2 and both.
  private static func stages(_ counts: [Int]) -> JSONValue {
    .object(
      zip(["stage1", "stage2", "bothStages"], counts.dropFirst()).map {
        JSONValue.Member($0, .integer($1))
      })
  }

  private func named(_ counts: [UInt8: Int], _ name: (UInt8) -> String) -> JSONValue {
    .object(
      counts.sorted { $0.key < $1.key }.map { JSONValue.Member(name($0.key), .integer($0.value)) })
  }

  private func device(_ device: DeviceStory) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("function", .string(device.name)), .init("stream", .string(hex(UInt64(device.id)))),
      .init("translations", Self.stages(device.translations)),
      .init("bypasses", .integer(device.bypasses)), .init("aborts", .integer(device.aborts)),
      .init("whileSMMUOff", .integer(device.whileOff)),
      .init("pages", .integer(device.pages.count)),
      .init("messages", .integer(device.messages)),
      .init("lostMessages", .integer(device.lostMessages)),
    ]
    if let facts = guest?.devices[device.id] {
      members.append(.init("driver", .string(facts.driver)))
      members.append(.init("domain", facts.domain.map { .string($0) } ?? .null))
    }
    members.append(.init("messageAddresses", .array(device.orderedAddresses.map(address))))
    members.append(.init("faults", .array(device.faults.map(fault))))
    let vectors = device.vectors.sorted { $0.key < $1.key }
    members.append(
      .init("vectors", .array(vectors.map { vector($0.key, $0.value, of: device.id) })))
    return .object(members)
  }

  private func address(_ entry: (place: DeviceStory.MessageAddress, count: Int)) -> JSONValue {
    .object([
      .init("address", .string(hex(entry.place.address))),
      .init("output", .string(hex(entry.place.output))),
      .init("stage", .integer(Int(truncatingIfNeeded: entry.place.stage))),
      .init("accesses", .integer(entry.count)),
    ])
  }

  private func fault(_ fault: DeviceStory.Fault) -> JSONValue {
    .object([
      .init("event", .string(fault.kind.description)), .init("count", .integer(fault.count)),
      .init("pages", .array(fault.pages.map { .string(hex($0)) })),
      .init("cause", .string(Self.cause(fault.kind))),
    ])
  }

  private func vector(_ event: UInt32, _ vector: VectorStory, of id: UInt32) -> JSONValue {
    let spans = vector.spans.map { span in
      JSONValue.object([
        .init("lpi", .integer(Int(span.lpi))), .init("collection", .integer(Int(span.collection))),
        .init("cpu", span.cpu.map { .integer(Int(truncatingIfNeeded: $0)) } ?? .null),
        .init("messages", .integer(span.messages)),
        .init("acknowledged", .integer(span.acknowledged)),
      ])
    }
    let facts = guest?.devices[id]
    return .object([
      .init("event", .integer(Int(event))), .init("mapped", .bool(vector.isMapped)),
      .init("messages", .integer(vector.messages)),
      .init("acknowledged", .integer(vector.acknowledged)),
      .init("perSecond", vector.rate.map { .number($0) } ?? .null),
      .init("guestInterrupts", facts?.interrupts[event].map { .integer($0) } ?? .null),
      .init("mappings", .array(spans)),
    ])
  }
}
