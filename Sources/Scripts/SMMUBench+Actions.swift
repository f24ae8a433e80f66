import ArmFormats
import Bits
package import Files
import Linux
import Memory
import SMMU
package import Scenarios
import Software

extension SMMUBench {
  package func perform(
    _ action: String, _ arguments: CheckedValue
  ) throws(InputError) -> Outcome {
    switch action {
    case "leaf": return try writeLeaf(arguments)
    case "table": return try makeTable(arguments)
    case "map": return try map(arguments)
    case "cd": return try writeContext(arguments)
    case "ste": return try writeEntry(arguments)
    case "write":
      guard memory.store64(PA(arguments.integer("address")), arguments.integer("value")) else {
        throw arguments.error(expected: "an address in RAM (\(Self.ram.base), 64 MiB)")
      }
      return Outcome()
    case "access": return access(arguments)
    case "events": return readEvents(arguments)
    case "commands": return try send(arguments.items)
    case "acknowledge":
      write(SMMURegister.globalErrorAcknowledge, read(SMMURegister.globalError))
      return commandState
    default:
      let offset = arguments.integer("offset")
      if let value = arguments["value"] { write(offset, value.integer) }
      return Outcome([.init("value", .address(read(offset)))])
    }
  }

  // MARK: Structures

  private func writeLeaf(_ arguments: CheckedValue) throws(InputError) -> Outcome {
    let index = arguments.integer("index")
    let leaf = Self.streamTable + (index << (split + 6))
    guard memory.store64(Self.leaf + index * 8, leaf.rawValue | arguments.integer("span")) else {
      throw (arguments["index"] ?? arguments).error(
        expected: "an index whose entry lies in RAM (\(Self.ram.base), 64 MiB)")
    }
    return Outcome()
  }

  private func makeTable(_ arguments: CheckedValue) throws(InputError) -> Outcome {
    let isFirst = arguments.integer("stage") == 1
    let bits = arguments["input-bits"]?.integer ?? (isFirst ? 48 : 44)
    do {
      let table = try PageTable(
        stage: isFirst ? .one : .two, inputBits: bits, outputBits: 44, frames: &frames)
      tables[arguments.text("name")] = table
      return Outcome([.init("root", .string(table.root.description))])
    } catch {
      throw arguments.error(expected: "a table that Linux can make (\(error))")
    }
  }

  private func table(_ name: CheckedValue?) throws(InputError) -> PageTable? {
    guard let name else { return nil }
    guard let table = tables[name.text] else {
      throw name.error(
        expected: "a table of an earlier step (\(alternatives(tables.keys.sorted())))")
    }
    return table
  }

  private func map(_ arguments: CheckedValue) throws(InputError) -> Outcome {
    guard var table = try table(arguments["table"]) else { return Outcome() }
    let isReadOnly = arguments["read-only"]?.boolean ?? false
    do {
      let writes = try table.map(
        arguments.integer("from"), to: arguments.integer("to"),
        size: arguments["size"]?.integer ?? 4096, isReadOnly ? [.read, .cache] : .buffer,
        frames: &frames)
      tables[arguments.text("table")] = table
      var last = MemoryWrite(0, 0)
      for write in writes {
        // The leaves come last, each alone: tables above them point to frames.
        let isLeaf = write.value & 0x400 != 0
        var value = write.value
        if isLeaf { value = value & ~arguments.integer("clear") | arguments.integer("set") }
        memory.store64(write.address, value)
        last = MemoryWrite(write.address, value)
      }
      return Outcome([
        .init("descriptor", .address(last.address.rawValue)), .init("value", .address(last.value)),
      ])
    } catch {
      throw arguments.error(expected: "a range that can be mapped (\(error))")
    }
  }

  private func writeContext(_ arguments: CheckedValue) throws(InputError) -> Outcome {
    var context = ContextDescriptor()
    if let table = try table(arguments["table"]) {
      context = .paging(
        table, asid: UInt16(truncatingIfNeeded: arguments["asid"]?.integer ?? 1),
        outputSize: .bits44)
    }
    try FieldDescription.write(
      arguments["fields"], ContextDescriptor.fields, in: &context)
    memory.store(context, at: PA(arguments.integer("at")))
    return Outcome()
  }

  private func writeEntry(_ arguments: CheckedValue) throws(InputError) -> Outcome {
    var entry = StreamTableEntry.abort
    if let table = try table(arguments["stage2"]) {
      entry = .stage2(
        table, vmid: UInt16(truncatingIfNeeded: arguments["vmid"]?.integer ?? 1),
        outputSize: .bits44)
    }
    if let context = arguments["cd"] {
      let first = StreamTableEntry.stage1(context: PA(context.integer))
      entry[word: 0] |= first[word: 0]
      entry[word: 1] |= first[word: 1]
    }
    try FieldDescription.write(arguments["fields"], StreamTableEntry.fields, in: &entry)
    let stream = arguments.integer("stream")
    memory.store(entry, at: Self.streamTable + stream * 64)
    var command = SMMUCommand(.invalidateStream)
    command[.stream] = UInt32(truncatingIfNeeded: stream)
    queue(command)
    queue(SMMUCommand(.sync))
    write(SMMURegister.commandQueueProducer, commandProducer)
    return Outcome()
  }

  // MARK: Accesses

  private func access(_ arguments: CheckedValue) -> Outcome {
    let transaction = Transaction(
      streamID: UInt32(truncatingIfNeeded: arguments["stream"]?.integer ?? 1),
      substreamID: arguments["substream"].map { UInt32(truncatingIfNeeded: $0.integer) },
      address: IOVA(arguments.integer("address")), isWrite: arguments["write"]?.boolean ?? true)
    var result = TranslationResult.aborted
    for _ in 0..<(arguments["times"]?.integer ?? 1) {
      result = smmu.translate(transaction, in: memory)
    }
    return Outcome(result.members)
  }

  private func readEvents(_ arguments: CheckedValue) -> Outcome {
    let hasOverflown =
      (read(SMMURegister.eventQueueProducer) ^ read(SMMURegister.eventQueueConsumer))
      & 0x8000_0000 != 0
    let events = eventQueue.take(
      arguments["take"].map { Int(clamping: $0.integer) } ?? .max, from: &smmu, in: memory)
    return Outcome([
      .init("count", .integer(events.count)), .init("overflow", .bool(hasOverflown)),
      .init("events", .array(events.map(\.json))),
    ])
  }

  // MARK: Commands

  private func send(_ commands: [CheckedValue]) throws(InputError) -> Outcome {
    for value in commands {
      var command = SMMUCommand(
        SMMUOpcode(rawValue: UInt8(truncatingIfNeeded: value.integer("opcode"))))
      try FieldDescription.write(value["fields"], command.layout, in: &command)
      queue(command)
    }
    write(SMMURegister.commandQueueProducer, commandProducer)
    return commandState
  }

  /// State of the command queue: its unread entries, and whether an error stopped it (IHI 0070,
  /// 7.1).
  private var commandState: Outcome {
    let consumer = read(SMMURegister.commandQueueConsumer)
    let errors = read(SMMURegister.globalError) ^ read(SMMURegister.globalErrorAcknowledge)
    return Outcome([
      .init("pending", .integer(Int((commandProducer &- consumer) & lowBits(queueBits + 1)))),
      .init("error", .integer(Int(consumer >> 24 & 0x7f))),
      .init("stopped", .bool(errors & 1 != 0)),
    ])
  }
}

extension TranslationResult {
  /// For outcomes: how an access ended, and the event that it made.
  var members: [JSONValue.Member] {
    switch self {
    case .translated(let page):
      [.init("result", "translated"), .init("output", .string(page.address.description))]
    case .bypassed(let address):
      [.init("result", "bypassed"), .init("output", .string(address.description))]
    case .aborted: [.init("result", "aborted"), .init("event", "none")]
    case .faulted(let event, let recording):
      [.init("result", "fault"), .init("recording", .string("\(recording)"))] + event.members
    case .ignored(let event, let recording):
      [.init("result", "ignored"), .init("recording", .string("\(recording)"))] + event.members
    case .stalled(let tag): [.init("result", "stalled"), .init("tag", .integer(Int(tag)))]
    case .blocked: [.init("result", "blocked")]
    case .refused(let isUnsupported):
      [.init("result", .string(isUnsupported ? "unsupported" : "aborted by the completer"))]
    }
  }
}

extension EventRecord {
  /// For outcomes: the fields that the event's kind defines.
  var members: [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("event", .string("\(self[.kind])")), .init("stream", .address(UInt64(self[.stream]))),
    ]
    if self[.kind].isTranslationRelated {
      members += [
        .init("stage", .integer(self[.stage2] ? 2 : 1)),
        .init("class", .string("\(self[.faultClass])")),
        .init("write", .bool(!self[.read])), .init("input", .address(self[.inputAddress])),
      ]
      if self[.stage2] { members.append(.init("ipa", .address(self[.ipa] << 12))) }
    }
    if [.walkAbort, .contextFetch, .streamEntryFetch].contains(self[.kind]) {
      members.append(.init("fetch", .address(self[.fetchAddress] << 3)))
    }
    return members
  }

  var json: JSONValue { .object(members) }
}
