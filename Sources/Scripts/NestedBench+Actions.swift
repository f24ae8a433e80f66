import ArmFormats
import Bits
package import Files
import HostKernel
import Linux
import Machine
import Memory
import SMMU
package import Scenarios
import Software
import VMM

extension NestedBench {
  private static var number: Shape { .integer(0...(.max)) }

  package static var configuration: [Shape.Field] {
    [
      .optional("kernel", .kernel, "The host's kernel, with its switches; 6.19 if absent."),
      .optional("vsid", .integer(0...0x1fff), "The guest's StreamID; 0x1100 if absent."),
      .optional("vdevice", .boolean, "Whether the VMM makes a vDEVICE; true if absent."),
      .optional("queue-depth", .integer(1...1024), "Of the vEVENTQ; 16 if absent."),
      .optional(
        "s2-fault-policy", .choice(of: StageTwoFaultPolicy.self) { _ in "" },
        "Which stage 2 faults the guest is told of."),
      .optional(
        "hole",
        .record([
          .required("base", number, "IPA."), .required("length", number, "In bytes."),
        ]), "A part of the guest's RAM that stage 2 leaves out."),
    ]
  }

  package static var actions: [Shape.Field] {
    [
      .optional(
        "probe",
        .record([.optional("rmr", .boolean, "Whether an RMR names the stream.")]),
        "The guest's SMMU driver starts."),
      .optional(
        "vdevice", .record([]), "The VMM makes the vIOMMU and the vDEVICE."),
      .optional(
        "attach",
        .record([
          .required(
            "kind", .choice(["abort", "bypass", "stage1"].map { .init($0) }), "Of the guest's STE.")
        ]), "The VMM attaches a nested table for an STE."),
      .optional(
        "global-bypass",
        .record([.required("abort", .boolean, "GBPA.ABORT.")]),
        "The guest writes GBPA of its SMMU, which is off."),
      .optional(
        "map",
        .record([
          .required("from", number, "IOVA."), .required("to", number, "IPA."),
          .optional("size", number, "In bytes; a page if absent."),
        ]), "The guest maps a range in its stage 1."),
      .optional(
        "ste",
        .record([
          .optional(
            "kind", .choice(["abort", "bypass", "stage1", "invalid"].map { .init($0) }),
            "What the driver writes; stage1 if absent."),
          .optional("cd", number, "S1ContextPtr; the driver's own if absent."),
          .optional("fields", .fields, "What differs."),
        ]), "The guest writes its STE and sends CFGI_STE."),
      .optional(
        "invalidate",
        .list(
          .record([
            .required("opcode", .integer(0...0xff), "The opcode."),
            .optional("fields", .fields, "The operands."),
            .optional("times", .integer(1...1000), "How often in a row; once if absent."),
          ])), "One IOMMU_HWPT_INVALIDATE with the guest's commands."),
      .optional(
        "access",
        .record([
          .required("address", number, "As the device sends it."),
          .optional("write", .boolean, "true if absent."),
          .optional("times", .integer(1...10_000), "How often."),
        ]), "An access of the assigned function."),
      .optional("events", .record([]), "The VMM reads the vEVENTQ."),
    ]
  }

  package func perform(
    _ action: String, _ arguments: CheckedValue
  ) throws(InputError) -> Outcome {
    log = []
    refusal = nil
    var values: [JSONValue.Member] = []
    switch action {
    case "probe": probe(isNamed: arguments["rmr"]?.boolean ?? false)
    case "vdevice": ask(.createVirtualSMMU(guestStream: virtualStream))
    case "attach":
      let entries: [String: StreamTableEntry] = ["abort": .abort, "bypass": .bypass]
      ask(.attach(guestEntry: entries[arguments.text("kind")] ?? .stage1(context: 0x4100_0000)))
    case "global-bypass":
      let abort: UInt64 = arguments["abort"]?.boolean ?? false ? 1 << 20 : 0
      performInGuest([
        Step(
          .guest, "arm_smmu_update_gbpa", "GBPA.ABORT = \(abort >> 20)",
          .mmio(
            PA(Self.map.smmuBase.rawValue) + SMMURegister.globalBypass, abort | 1 << 31, width: 4))
      ])
    case "map": try map(arguments)
    case "ste": try writeEntry(arguments)
    case "invalidate": return try invalidate(arguments.items)
    case "access": return access(arguments)
    default: return events()
    }
    if let entry = physicalEntry {
      values.append(.init("physical", .object(Self.summary(of: entry))))
    }
    if let event = lastEntry.eventInstead(of: virtualStream, wasRefused: wasRefused),
      action == "ste"
    {
      values.append(.init("made-by-vmm", event.json))
    }
    return Outcome(values, refusal: refusal, chain: log)
  }

  private static func summary(of entry: StreamTableEntry) -> [JSONValue.Member] {
    [
      .init("config", .integer(Int(entry[.config].rawValue))),
      .init("mev", .bool(entry[.mergeEvents])),
      .init("vmid", .integer(Int(entry[.vmid]))), .init("cd", .address(entry.contextAddress)),
      .init("valid", .bool(entry[.valid])),
    ]
  }

  // MARK: The guest

  private func probe(isNamed: Bool) {
    do {
      performInGuest(try guest.prepareLeaf(of: virtualStream, frames: &guestFrames))
      performInGuest(
        try guest.probe(bypassing: isNamed ? [virtualStream] : [], frames: &guestFrames))
    } catch {
      refusal = Refusal(
        by: .guest, in: "arm_smmu_device_probe", errno: "ENOMEM", message: "\(error)")
    }
  }

  private func map(_ arguments: CheckedValue) throws(InputError) {
    do {
      var table =
        try tables ?? PageTable(stage: .one, inputBits: 48, outputBits: 44, frames: &guestFrames)
      let writes = try table.map(
        arguments.integer("from"), to: arguments.integer("to"),
        size: arguments["size"]?.integer ?? 4096, .buffer, frames: &guestFrames)
      tables = table
      performInGuest([Step(.guest, "iommu_map", "S1", .write(writes))])
    } catch {
      throw arguments.error(expected: "a range that can be mapped (\(error))")
    }
  }

  private func writeEntry(_ arguments: CheckedValue) throws(InputError) {
    var entry = StreamTableEntry()
    switch arguments.text("kind") {
    case "abort": entry = .abort
    case "bypass": entry = .bypass
    case "invalid": break
    default: entry = .stage1(context: try contextDescriptor(arguments))
    }
    try FieldDescription.write(arguments["fields"], StreamTableEntry.fields, in: &entry)
    wasRefused = false
    lastEntry = entry
    performInGuest(
      guest.write(entry, of: virtualStream, function: "arm_smmu_write_ste", text: "as asked"))
  }

  /// Returns the address of the CD; the driver's own is written on the way.
  private func contextDescriptor(_ arguments: CheckedValue) throws(InputError) -> PA {
    if let place = arguments["cd"] { return PA(place.integer) }
    let place: PA = PA(Self.map.ramBase.rawValue) + (16 << 20)
    guard let tables else { throw arguments.error(expected: "a 'map' step before stage 1") }
    let context = ContextDescriptor.paging(tables, asid: 1, outputSize: .bits44)
    performInGuest([
      Step(
        .guest, "arm_smmu_write_cd_entry", "CD at IPA \(place)",
        .write(
          (0..<ContextDescriptor.wordCount).map {
            MemoryWrite(place + UInt64($0) * 8, context[word: $0])
          }))
    ])
    return place
  }

  // MARK: The host

  /// One call with all commands; how many Linux says were done, and which went out.
  private func invalidate(_ values: [CheckedValue]) throws(InputError) -> Outcome {
    var commands: [SMMUCommand] = []
    for value in values {
      let opcode = UInt8(truncatingIfNeeded: value.integer("opcode"))
      var command = SMMUCommand(SMMUOpcode(rawValue: opcode))
      try FieldDescription.write(value["fields"], command.layout, in: &command)
      commands += repeatElement(command, count: Int(clamping: value["times"]?.integer ?? 1))
    }
    let result = host.invalidate(commands, of: .first)
    perform(result.steps)
    let sent = Self.commands(of: result.steps)
    let syncs = sent.count { $0[.opcode] == .sync }
    var outcome = Outcome([], refusal: result.refusal, chain: log)
    outcome.values = [
      .init("done", .integer(result.done)), .init("batches", .integer(syncs)),
      .init(
        "sent",
        .array(
          sent.filter { $0[.opcode] != .sync }.map { command in
            .object([
              .init("name", .string("\(command[.opcode])")),
              .init("fields", FieldDescription.read(command.layout, in: command)),
            ])
          })),
    ]
    return outcome
  }

  /// The commands that the host put into its own queue, with their CMD_SYNCs.
  private static func commands(of steps: [Step<Never>]) -> [SMMUCommand] {
    steps.flatMap { step -> [SMMUCommand] in
      guard case .write(let words) = step.action else { return [] }
      return stride(from: 0, to: words.count - 1, by: 2).map {
        var command = SMMUCommand()
        command[word: 0] = words[$0].value
        command[word: 1] = words[$0 + 1].value
        return command
      }
    }
  }

  // MARK: The device

  private func access(_ arguments: CheckedValue) -> Outcome {
    var result = TranslationResult.aborted
    for _ in 0..<(arguments["times"]?.integer ?? 1) {
      result = machine.smmu.translate(
        Transaction(
          streamID: Self.physicalStream, address: IOVA(arguments.integer("address")),
          isWrite: arguments["write"]?.boolean ?? true), in: machine.memory)
      relay()
    }
    return Outcome(result.members, chain: log)
  }

  /// The host's handler reads the event queue and passes on what is the guest's.
  private func relay() {
    for event in eventQueue.take(from: &machine.smmu, in: machine.memory) {
      if let told = host.guestEvent(for: event, of: host[.first].smmu) {
        relayed.report(told)
      } else {
        log.append("host kernel, arm_smmu_evtq_thread: \(event[.kind]) ends in the host's log")
      }
    }
  }

  private func events() -> Outcome {
    let entries = relayed.read()
    return Outcome([
      .init("count", .integer(entries.count { $0.record != nil })),
      .init("lost", .bool(entries.contains { $0.record == nil })),
      .init("events", .array(entries.compactMap { $0.record?.json })),
    ])
  }
}
