internal import Bits
internal import Files

extension VectorReader {
  /// Reads a vector with a member `vtd`.
  static func vtdVector(_ line: JSONCursor, _ body: JSONCursor) throws(InputError) -> VTDVector {
    let state = try body.member("vtd")
    let machine = try body.member("machine")
    let (capabilities, extended) = try vtdCapabilities(machine)
    let usesQueue = try body.optional("qi")?.word() ?? 0 != 0
    return VTDVector(
      id: try body.member("id").string(), group: try body.member("class").string(),
      tags: try strings(body.optional("tags")), capabilities: capabilities, extended: extended,
      interruptTable: try state.optional("IRTA")?.word(),
      rootTable: try state.optional("RTADDR")?.word(),
      queueAddress: usesQueue ? try state.optional("IQA")?.word() ?? 0x3f_0000 : nil,
      faultAddress: try state.optional("FEADDR")?.word(),
      faultData: try state.optional("FEDATA")?.word() ?? 0,
      remapsInterrupts: try state.optional("IRE")?.word() ?? 0 != 0,
      passesCompatibility: try state.optional("CFI")?.word() ?? 0 != 0,
      translates: try state.optional("TE")?.word() ?? 0 != 0,
      memory: try words(body.optional("mem")), steps: try x86Steps(line, body),
      status: try line.member("result").optional("gsts")?.word() ?? 0,
      verdict: try x86Verdict(line.optional("arch")))
  }

  static func strings(_ cursor: JSONCursor?) throws(InputError) -> [String] {
    var strings: [String] = []
    for item in try cursor?.elements() ?? [] { strings.append(try item.string()) }
    return strings
  }

  /// `CAP_REG` and `ECAP_REG` of the machines that were recorded.
  private static func vtdCapabilities(_ machine: JSONCursor) throws(InputError)
    -> (UInt64, UInt64)
  {
    let options = try machine.string()
    let capabilities: UInt64 = 0x80d2_008c_222f_0606
    switch options {
    case "vtd:intremap=on,eim=off": return (capabilities, 0xf0_0f4a)
    case "vtd:intremap=on,eim=on": return (capabilities, 0xf0_0f5a)
    case "vtd:intremap=off": return (capabilities, 0xf42)
    case "vtd:intremap=off,scalable-mode=on": return (capabilities, 0x4800_8000_0f42)
    case "vtd:intremap=off,scalable-mode=on,fsts=on":
      return (capabilities | 1 << 56, 0x8800_0000_0f42)
    default:
      throw machine.error(expected: "vtd: with options of which the capabilities are known")
    }
  }

  /// The steps of a vector about an x86 machine.
  static func x86Steps(_ line: JSONCursor, _ body: JSONCursor) throws(InputError) -> [X86Step] {
    let actions = try body.member("ops").elements()
    let answers = try line.member("result").member("ops").elements()
    guard actions.count == answers.count else {
      throw try line.member("result").member("ops").error(
        "expected \(actions.count) answers, one for each op, found \(answers.count)")
    }
    var steps: [X86Step] = []
    for (action, answer) in zip(actions, answers) {
      steps.append(X86Step(action: try x86Action(action), answer: try x86Answer(answer)))
    }
    return steps
  }

  private static func x86Action(_ cursor: JSONCursor) throws(InputError) -> X86Action {
    let name = try cursor.member("op")
    let word = try name.string()
    switch word {
    case "msi", "write":
      return .message(
        requester: try requester(cursor), address: try cursor.member("addr").word(),
        data: UInt32(truncatingIfNeeded: try cursor.member("data").word()),
        isWrite: word == "write",
        keepsFaults: try cursor.optional("keep")?.word() ?? 0 != 0)
    case "dma":
      let direction = try cursor.member("rw")
      let letter = try direction.string()
      guard letter == "r" || letter == "w" else {
        throw direction.error(expected: "\"r\" or \"w\"")
      }
      return .access(
        requester: try requester(cursor), address: try cursor.member("iova").word(),
        isWrite: letter == "w")
    case "mem": return .store(try words(cursor.member("set")))
    case "qi", "cmd":
      var commands: [[UInt64]] = []
      for command in try cursor.member("q").elements() { commands.append(try wordList(command)) }
      return .commands(commands)
    case "clear": return .clear
    default: throw name.error(expected: "msi, write, dma, mem, qi, cmd or clear")
    }
  }

  private static func requester(_ cursor: JSONCursor) throws(InputError) -> UInt16 {
    let place = try cursor.member("sid")
    guard let requester = UInt16(exactly: try place.word()) else {
      throw place.error(expected: "16 bits")
    }
    return requester
  }

  private static func x86Answer(_ cursor: JSONCursor) throws(InputError) -> X86Answer {
    var answer = X86Answer()
    answer.outcome = try cursor.optional("outcome")?.string()
    if let message = try cursor.optional("out") {
      answer.message = MemoryWord(
        address: try message.member("addr").word(), value: try message.member("data").word())
    }
    for interrupt in try cursor.optional("apic")?.elements() ?? [] {
      answer.interrupts.append(try self.interrupt(interrupt))
    }
    for name in ["faults", "events"] {
      for record in try cursor.optional(name)?.elements() ?? [] {
        answer.records.append(try wordList(record))
      }
    }
    answer.faultStatus = try cursor.optional("fsts")?.word()
    answer.isEventPending = try cursor.optional("fectl_ip")?.word() ?? 0 != 0
    answer.address = try cursor.optional("pa")?.word()
    answer.size = try cursor.optional("size")?.word()
    answer.base = try cursor.optional("base")?.word()
    answer.isHit = try cursor.optional("hit")?.bool() ?? false
    answer.writes = try words(cursor.optional("writes")).sorted { $0.address < $1.address }
    for name in ["iqh", "head"] {
      if let head = try cursor.optional(name) { answer.head = try head.word() }
    }
    for name in ["status", "stored"] {
      guard let found = try cursor.optional(name), case .object = found.value else { continue }
      answer.status += try words(found).sorted { $0.address < $1.address }
    }
    return answer
  }

  private static func interrupt(_ cursor: JSONCursor) throws(InputError) -> X86Interrupt {
    var isLevel: Bool?
    if let level = try cursor.optional("level"), level.value != .null {
      isLevel = try level.word() != 0
    }
    return X86Interrupt(
      destination: try cursor.member("dest").word(),
      isLogical: try cursor.member("logical").word() != 0, mode: try cursor.member("mode").word(),
      vector: try cursor.member("vector").word(), isLevel: isLevel)
  }

  static func x86Verdict(_ cursor: JSONCursor?) throws(InputError) -> X86Verdict {
    guard let cursor else { return .unjudged }
    let verdict = try cursor.member("verdict")
    switch try verdict.string() {
    case "agree": return .agrees
    case "unjudged": return .unjudged
    case "event": return .lacksEvent(try opinions(cursor.member("arch")))
    case "deviates": return .deviates(try opinions(cursor.member("arch")))
    default: throw verdict.error(expected: "agree, event, deviates or unjudged")
    }
  }

  private static func opinions(_ cursor: JSONCursor) throws(InputError) -> [X86Opinion] {
    var opinions: [X86Opinion] = []
    for item in try cursor.elements() {
      opinions.append(
        X86Opinion(
          step: Int(truncatingIfNeeded: try item.member("op").word() & 0xffff),
          answer: try opinion(item.member("arch"))))
    }
    return opinions
  }

  private static func opinion(_ cursor: JSONCursor) throws(InputError) -> X86Opinion.Answer {
    guard case .object = cursor.value else { return .untranslated }
    if let address = try cursor.optional("pa") {
      return .translated(
        address: try address.word(), size: try cursor.member("size").word())
    }
    if let fault = try cursor.optional("fault") {
      var reason: UInt64?
      if case .integer(let code) = fault.value { reason = UInt64(exactly: code) }
      let isRecorded = try cursor.optional("logged")?.bool() ?? true
      return .blocked(reason: reason, isRecorded: isRecorded)
    }
    return .interrupt(try interrupt(cursor))
  }

  /// Reads a vector with a member `amd`.
  static func amdVector(_ line: JSONCursor, _ body: JSONCursor) throws(InputError) -> AMDVector {
    let state = try body.member("amd")
    let options = try body.member("machine").string()
    return AMDVector(
      id: try body.member("id").string(), group: try body.member("class").string(),
      tags: try strings(body.optional("tags")),
      features: options.contains("xtsup=on") ? 0x29d7 : 0x29d3,
      deviceTable: try state.member("DEVTAB").word(), control: try state.member("CONTROL").word(),
      memory: try words(body.optional("mem")), steps: try x86Steps(line, body),
      verdict: try x86Verdict(line.optional("arch")))
  }
}
