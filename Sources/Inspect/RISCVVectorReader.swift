internal import Bits
internal import Files

extension VectorReader {
  /// Reads a vector with a member `iommu`: a RISC-V IOMMU.
  static func riscvVector(_ line: JSONCursor, _ body: JSONCursor) throws(InputError)
    -> RISCVVector
  {
    let state = try body.member("iommu")
    let actions = try body.member("ops").elements()
    let answers = try line.member("result").member("ops").elements()
    guard actions.count == answers.count else {
      throw try line.member("result").member("ops").error(
        "expected \(actions.count) answers, one for each op, found \(answers.count)")
    }
    var steps: [RISCVStep] = []
    for (action, answer) in zip(actions, answers) {
      var step = RISCVStep(
        action: try riscvAction(action), answer: try riscvAnswer(answer), fresh: nil)
      if let fresh = try answer.optional("fresh") { step.fresh = try riscvAnswer(fresh) }
      steps.append(step)
    }
    var tags: [String] = []
    for tag in try body.optional("tags")?.elements() ?? [] { tags.append(try tag.string()) }
    let isExecuted = steps.contains {
      if case .request(let request) = $0.action { request.data != nil } else { false }
    }
    guard try state.optional("gxl_w")?.word() ?? 0 == 0 else {
      throw try state.member("gxl_w").error(expected: "0: fctl.GXL cannot be written here")
    }
    return RISCVVector(
      id: try body.member("id").string(), group: try body.member("class").string(), tags: tags,
      recorder: isExecuted ? .qemu : .referenceModel,
      capabilities: try state.member("capabilities").word(),
      features: try state.optional("fctl")?.word() ?? 0,
      writesEndianness: try state.optional("be_w")?.word() ?? 0 != 0,
      directory: try state.member("ddtp").word(), memory: try words(body.optional("mem")),
      corruptPages: try wordList(body.optional("poison")),
      watched: try wordList(body.optional("watch")), steps: steps,
      verdict: try riscvVerdict(line.optional("arch"), stepCount: steps.count))
  }

  private static func wordList(_ cursor: JSONCursor?) throws(InputError) -> [UInt64] {
    guard let cursor else { return [] }
    return try wordList(cursor)
  }

  private static func riscvAction(_ cursor: JSONCursor) throws(InputError) -> RISCVAction {
    let name = try cursor.member("op")
    switch try name.string() {
    case "req": return .request(try riscvRequest(cursor))
    case "mem": return .store(try words(cursor.member("set")))
    case "cmd": return .commands(try commands(cursor, words: 2))
    default: throw name.error(expected: "req, mem or cmd")
    }
  }

  private static func riscvRequest(_ cursor: JSONCursor) throws(InputError) -> RISCVRequest {
    let direction = try cursor.member("rw")
    let letter = try direction.string()
    guard letter == "r" || letter == "w" else { throw direction.error(expected: "\"r\" or \"w\"") }
    let type = try cursor.member("at")
    guard let kind = RISCVRequest.Kind(rawValue: try type.string()) else {
      throw type.error(expected: "untranslated, translated or ats")
    }
    return RISCVRequest(
      kind: kind, device: try cursor.member("did").word(),
      process: try cursor.optional("pid")?.word(), address: try cursor.member("iova").word(),
      isWrite: letter == "w", isExecute: try flag(cursor, "exec"),
      isPrivileged: try flag(cursor, "priv"), isReadOnly: try flag(cursor, "nw"),
      isCXL: try flag(cursor, "cxl"), data: try cursor.optional("data")?.word())
  }

  private static func flag(_ cursor: JSONCursor, _ name: String) throws(InputError) -> Bool {
    try cursor.optional(name)?.bool() ?? false
  }

  private static func riscvAnswer(_ cursor: JSONCursor) throws(InputError) -> RISCVAnswer {
    var answer = RISCVAnswer()
    answer.status = try cursor.optional("status")?.string()
    answer.cause = try cursor.optional("cause")?.word()
    answer.address = try cursor.optional("pa")?.word()
    let path = try cursor.optional("path")?.string()
    answer.isMessage = try flag(cursor, "msi") || path == "msi"
    if path == nil { answer.memoryType = try cursor.optional("pbmt")?.word() ?? 0 }
    answer.resident = try resident(cursor.optional("mrif"))
    answer.completion = try completionBits(cursor, ["r", "w", "x", "u", "g", "priv", "cxl"])
    answer.faults = try faultRecords(cursor.optional("faults"))
    answer.writes = try sortedWords(cursor.optional("writes"))
    answer.interrupts = try wordList(cursor.optional("irq"))
    if let head = try cursor.optional("cqh")?.word() {
      answer.commandState = CommandState(
        head: head, control: try cursor.member("cqcsr").word(),
        pending: try cursor.member("ipsr").word())
    }
    for message in try cursor.optional("msgs")?.elements() ?? [] {
      answer.messages.append(try text(of: message))
    }
    if let notice = try cursor.optional("notice") {
      answer.notice = MemoryWord(
        address: try notice.member("addr").word(), value: try notice.member("nid").word())
    }
    answer.landed = try cursor.optional("landed")?.bool()
    return answer
  }

  private static func faultRecords(_ cursor: JSONCursor?) throws(InputError) -> [[UInt64]] {
    var records: [[UInt64]] = []
    for record in try cursor?.elements() ?? [] {
      let words = try wordList(record)
      guard words.count == 4 else { throw record.error("expected 4 words, found \(words.count)") }
      records.append(words)
    }
    return records
  }

  private static func sortedWords(_ cursor: JSONCursor?) throws(InputError) -> [MemoryWord] {
    try words(cursor).sorted { $0.address < $1.address }
  }

  private static func completionBits(_ cursor: JSONCursor, _ names: [String])
    throws(InputError) -> [CompletionBit]
  {
    var bits: [CompletionBit] = []
    for name in names {
      guard let bit = try cursor.optional(name) else { continue }
      bits.append(CompletionBit(name: name, isSet: try bit.bool()))
    }
    return bits
  }

  private static func resident(_ cursor: JSONCursor?) throws(InputError) -> ResidentFile? {
    guard let cursor else { return nil }
    return ResidentFile(
      file: try cursor.member("addr").word(), identity: try cursor.member("nid").word(),
      notice: try cursor.member("notice").word())
  }

  /// Returns the text of a message to the IO bridge, in the words of `RISCVMachine`.
  private static func text(of message: JSONCursor) throws(InputError) -> String {
    if let sync = try message.optional("sync") {
      let flags = try wordList(sync)
      guard flags.count == 2 else { throw sync.error(expected: "[PR, PW]") }
      return RISCVMachine.ordering(reads: flags[0] != 0, writes: flags[1] != 0)
    }
    return RISCVMachine.message(
      code: try message.member("code").word(), tag: try message.member("tag").word(),
      requester: try message.member("rid").word(),
      process: try message.member("pv").word() != 0 ? try message.member("pid").word() : nil,
      segment: try message.member("dsv").word() != 0 ? try message.member("dseg").word() : nil,
      payload: try message.member("payload").word())
  }

  // MARK: The second opinion

  private static func riscvVerdict(_ cursor: JSONCursor?, stepCount: Int) throws(InputError)
    -> RISCVVerdict
  {
    guard let cursor else { return .unjudged }
    let name = try cursor.member("verdict")
    switch try name.string() {
    case "agree": return .agrees
    case "unjudged": return .unjudged
    case "deviates": break
    default: throw name.error(expected: "agree, deviates or unjudged")
    }
    guard let list = try cursor.optional("diff") else {
      return .deviates([RISCVOpinion(step: 0, change: try change(cursor), isFirst: true)])
    }
    var opinions: [RISCVOpinion] = []
    for opinion in try list.elements() {
      let place = try opinion.member("op")
      let step = try place.word()
      guard step < UInt64(stepCount) else { throw place.error(expected: "the number of an op") }
      opinions.append(RISCVOpinion(step: Int(step), change: try change(opinion)))
    }
    return .deviates(opinions)
  }

  /// One difference: `what` differs, and `arch` is the architecture's answer.
  private static func change(_ cursor: JSONCursor) throws(InputError) -> RISCVOpinion.Change {
    guard let opinion = try cursor.optional("arch") else { return .other("nothing") }
    let what = try cursor.optional("what")?.string()
    switch what {
    case "cause": return .refused(cause: try opinion.word())
    case "iotval": return .faultAddress(try opinion.word())
    case "r", "w", "x": return .completion(try completionBits(opinion, ["r", "w", "x"]))
    case "writes": return .writes(try sortedWords(opinion))
    case "success", "pa", "fault", "msi", "mrif":
      return .granted(
        address: try opinion.optional("pa")?.word(), isMessage: try flag(opinion, "msi"),
        resident: try resident(opinion.optional("mrif")))
    case nil:
      guard case .object = opinion.value else { return .noFault }
      var notice: MemoryWord?
      if let list = try opinion.optional("notice"), case .array = list.value {
        let words = try wordList(list)
        guard words.count == 2 else { throw list.error(expected: "[identity, address]") }
        notice = MemoryWord(address: words[1], value: words[0])
      }
      return .recorded(writes: try sortedWords(opinion.optional("writes")), notice: notice)
    default: return .other(what ?? "")
    }
  }
}
