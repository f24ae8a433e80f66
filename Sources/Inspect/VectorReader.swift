package import Files

/// Reads a vector file, one vector a line, plain or gzip'd.
///
/// Each line is `{"vector": {...}, "result": {"ops": [...]}, "arch": {...}}`; numbers are
/// hexadecimal strings or JSON integers. The members are those of `Vector` or, where there is an
/// `iommu`, of `RISCVVector`, with `vtd` or `amd` of
/// `VTDVector` and `AMDVector`, under the names that the parsing gives them. Memory that a vector does
/// not name reads as zero.
package final class VectorReader {
  private let file: InputFile

  /// - Throws: `InputError` when the file cannot be opened.
  package init(path: String) throws(InputError) { file = try InputFile(path) }

  /// The number of the line read last.
  package var lineNumber: Int { file.lineNumber }

  /// The next vector, or `nil` at the end.
  ///
  /// - Throws: `InputError` when a line is not a vector.
  package func next() throws(InputError) -> VectorCase? {
    guard let line = try file.jsonLine() else { return nil }
    return try Self.vector(line)
  }

  /// The vector of a line of a file.
  ///
  /// - Throws: `InputError` when the line is not a vector.
  package static func vector(
    parsing line: [UInt8], at place: Place
  ) throws(InputError) -> VectorCase {
    do { return try vector(JSONCursor(try JSONValue(parsing: line), at: place)) } catch {
      throw error as? InputError ?? InputError("expected JSON: \(error)", at: place)
    }
  }

  static func vector(_ line: JSONCursor) throws(InputError) -> VectorCase {
    let body = try line.member("vector")
    if try body.optional("iommu") != nil { return .riscv(try riscvVector(line, body)) }
    if try body.optional("vtd") != nil { return .vtd(try vtdVector(line, body)) }
    if try body.optional("amd") != nil { return .amd(try amdVector(line, body)) }
    return .arm(try vector(line, body))
  }

  private static func vector(_ line: JSONCursor, _ body: JSONCursor) throws(InputError) -> Vector {
    let group = try body.member("class").string()
    let actions = try body.member("ops").elements()
    let answers = try line.member("result").member("ops").elements()
    guard actions.count == answers.count else {
      throw try line.member("result").member("ops").error(
        "expected \(actions.count) answers, one for each op, found \(answers.count)")
    }
    var steps: [VectorStep] = []
    for (action, answer) in zip(actions, answers) {
      steps.append(VectorStep(action: try Self.action(action), answer: try Self.answer(answer)))
    }
    var tags: [String] = []
    for tag in try body.optional("tags")?.elements() ?? [] { tags.append(try tag.string()) }
    var smmu: SMMUState?
    if let state = try body.optional("smmu") { smmu = try Self.smmu(state) }
    var gic: GICState?
    if let state = try body.optional("gic") { gic = try Self.gic(state, body) }
    guard smmu != nil || gic != nil else {
      throw body.error(
        "expected a member \"smmu\", \"gic\", \"iommu\", \"vtd\" or \"amd\", found none")
    }
    return Vector(
      id: try body.member("id").string(), group: group, tags: tags, smmu: smmu,
      memory: try words(body.optional("mem")), gic: gic, steps: steps,
      verdict: try verdict(line.optional("arch")))
  }

  private static func smmu(_ state: JSONCursor) throws(InputError) -> SMMUState {
    let stage = try state.optional("stage")
    guard let stages = SMMUState.Stages(rawValue: try stage?.string() ?? "nested") else {
      throw (stage ?? state).error(expected: "nested, 1 or 2")
    }
    return SMMUState(
      stages: stages, streamTableBase: try state.member("STRTAB_BASE").word(),
      streamTableConfig: try state.member("STRTAB_BASE_CFG").word(),
      control: try state.optional("CR0")?.word() ?? 0xd,
      control1: try state.optional("CR1")?.word() ?? 0xd75,
      control2: try state.optional("CR2")?.word() ?? 2,
      globalBypass: try state.optional("GBPA")?.word() ?? 0)
  }

  static func words(_ cursor: JSONCursor?) throws(InputError) -> [MemoryWord] {
    guard let cursor else { return [] }
    var words: [MemoryWord] = []
    for (name, value) in try cursor.members() {
      words.append(MemoryWord(address: try number(name, in: cursor), value: try value.word()))
    }
    return words
  }

  /// A member's name that is a number.
  private static func number(_ name: String, in cursor: JSONCursor) throws(InputError)
    -> UInt64
  {
    guard let value = UInt64(number: name) else {
      throw cursor.error("expected names such as \"0x1f\", found \"\(name)\"")
    }
    return value
  }

  private static func gic(_ state: JSONCursor, _ body: JSONCursor) throws(InputError)
    -> GICState
  {
    var pending: [UInt64] = []
    for base in try state.member("GICR_PENDBASER").elements() { pending.append(try base.word()) }
    var off: [Int] = []
    for cpu in try state.optional("lpis_off")?.elements() ?? [] {
      off.append(Int(truncatingIfNeeded: try cpu.word()))
    }
    var tables: [UInt64] = []
    for index in 0..<3 {
      tables.append(try state.optional("GITS_BASER\(index)")?.word() ?? 0)
    }
    var configs: [(intid: UInt64, value: UInt8)] = []
    for word in try words(body.optional("lpi_config")) {
      configs.append((word.address, UInt8(truncatingIfNeeded: word.value)))
    }
    let virtual = try words(state.optional("vpt")).map { (address: $0.address, size: $0.value) }
    let cpus = try state.member("cpus").word()
    guard (1...512).contains(cpus), pending.count == Int(cpus), off.allSatisfy({ $0 < cpus }) else {
      throw state.error("expected 1 to 512 cpus with a GICR_PENDBASER each")
    }
    return GICState(
      version: try state.member("version").word(), cpuCount: Int(cpus),
      lpiConfigBase: try state.member("GICR_PROPBASER").word(), lpiPendingBases: pending,
      commandBase: try state.member("GITS_CBASER").word(), tableBases: tables,
      control: try state.optional("GITS_CTLR")?.word() ?? 1, lpisOff: off,
      tableWords: try words(body.optional("itsmem")), lpiConfigs: configs, virtualTables: virtual)
  }

  private static func action(_ cursor: JSONCursor) throws(InputError) -> VectorAction {
    let name = try cursor.member("op")
    switch try name.string() {
    case "dma":
      let direction = try cursor.member("rw")
      let letter = try direction.string()
      guard letter == "r" || letter == "w" else {
        throw direction.error(expected: "\"r\" or \"w\"")
      }
      return .access(
        stream: UInt32(truncatingIfNeeded: try cursor.member("sid").word()),
        address: try cursor.member("iova").word(), isWrite: letter == "w")
    case "mem": return .store(try words(cursor.member("set")))
    case "cmd": return .smmuCommands(try commands(cursor, words: 2))
    case "cmds": return .itsCommands(try commands(cursor, words: 4))
    case "reg":
      return .smmuRegister(
        offset: try cursor.member("off").word(),
        value: UInt32(truncatingIfNeeded: try cursor.member("val").word()))
    case "msi":
      return .message(
        device: UInt32(truncatingIfNeeded: try cursor.member("devid").word()),
        address: try cursor.member("addr").word(),
        data: UInt32(truncatingIfNeeded: try cursor.member("data").word()))
    case "lpiconf":
      return .lpiConfig(
        intid: try cursor.member("intid").word(),
        value: UInt8(truncatingIfNeeded: try cursor.member("val").word()))
    default: throw name.error(expected: "dma, mem, cmd, cmds, reg, msi or lpiconf")
    }
  }

  static func commands(_ cursor: JSONCursor, words count: Int) throws(InputError)
    -> [[UInt64]]
  {
    var commands: [[UInt64]] = []
    for command in try cursor.member("q").elements() {
      let words = try wordList(command)
      guard words.count == count else {
        throw command.error("expected \(count) words, found \(words.count)")
      }
      commands.append(words)
    }
    return commands
  }

  static func wordList(_ cursor: JSONCursor) throws(InputError) -> [UInt64] {
    var words: [UInt64] = []
    for word in try cursor.elements() { words.append(try word.word()) }
    return words
  }

  private static func answer(_ cursor: JSONCursor) throws(InputError) -> VectorAnswer {
    var answer = VectorAnswer()
    answer.outcome = try cursor.optional("outcome")?.string()
    answer.physicalAddress = try cursor.optional("pa")?.word()
    answer.permissions = try cursor.optional("perm")?.word()
    answer.landed = try cursor.optional("landed")?.bool()
    answer.targetAborts = try cursor.optional("target_abort")?.bool() ?? false
    answer.commandConsumer = try cursor.optional("cons")?.word()
    answer.globalErrors = try cursor.optional("gerror")?.word()
    answer.commandRead = try cursor.optional("creadr")?.word()
    answer.commandStalled = try cursor.optional("stalled")?.word()
    for event in try cursor.optional("events")?.elements() ?? [] {
      answer.events.append(try wordList(event))
    }
    if let write = try cursor.optional("its_write") {
      answer.translation = DoorbellWrite(
        device: try write.member("deviceid").word(), data: try write.member("data").word())
    }
    answer.pending = try pending(cursor.optional("pending"))
    answer.virtualPending = try pending(cursor.optional("vpending"))
    return answer
  }

  private static func pending(_ cursor: JSONCursor?) throws(InputError)
    -> [PendingInterrupts]?
  {
    guard let cursor else { return nil }
    var all: [PendingInterrupts] = []
    for (name, list) in try cursor.members() {
      let intids = try wordList(list).sorted()
      all.append(PendingInterrupts(owner: try number(name, in: cursor), intids: intids))
    }
    return all.sorted { $0.owner < $1.owner }
  }

  private static func verdict(_ cursor: JSONCursor?) throws(InputError) -> ArchitectureVerdict {
    guard let cursor else { return .unjudged }
    let verdict = try cursor.member("verdict")
    switch try verdict.string() {
    case "agree": return .agrees
    case "unjudged": return .unjudged
    case "deviates": break
    default: throw verdict.error(expected: "agree, deviates or unjudged")
    }
    if let step = try cursor.optional("op") {
      let opinion = try cursor.member("arch")
      let states = try opinion.elements()
      guard states.count == 2 else {
        throw opinion.error("expected physical and virtual tables, found \(states.count)")
      }
      return .deviatesPending(
        step: Int(truncatingIfNeeded: try step.word()),
        PendingState(
          physical: try pending(states[0]) ?? [], virtual: try pending(states[1]) ?? []))
    }
    var deviations: [AccessDeviation] = []
    for item in try cursor.member("diff").elements() {
      deviations.append(
        AccessDeviation(
          architecture: try summary(item.member("arch")), recorded: try summary(item.member("qemu"))
        ))
    }
    return .deviates(deviations)
  }

  private static func summary(_ cursor: JSONCursor) throws(InputError) -> AccessSummary {
    var words: [String] = []
    for word in try cursor.elements() { words.append(try word.string()) }
    guard let summary = AccessSummary(words) else {
      throw cursor.error("expected an outcome, found nothing")
    }
    return summary
  }
}
