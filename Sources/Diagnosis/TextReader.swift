internal import Files
internal import Firmware
internal import Inspect

/// Reads a text of any kind, or of several kinds pasted into one: each line goes to the reader whose
/// form it has.
struct TextReader {
  private let file: String
  private var kinds: Set<CaseFile.Kind> = []
  private var lines = 0
  private var kernel: KernelFacts
  private var listing = ListingReader()
  private var interrupts = InterruptReader()
  private var rows = Bounded<InterruptRow>(limit: 65_536)
  private var system = SystemFileReader()
  private var vmm = VMMReader()
  private var mappings = MappingTrace()
  private var trace = MachineTraceReader()
  /// The first line with a number that no reader has the form of.
  private var unclaimed: Evidence?
  private var others = NotUnderstood()
  private var affinities: [Int: Sourced<[Int]>] = [:]
  private var online: Sourced<[Int]>?
  private var possible: Sourced<[Int]>?
  private var groups: [PCIFunction: Sourced<Int>] = [:]
  private var regions = Bounded<ReservedRegion>(limit: 16_384)
  private var state = InterruptState()
  private var states: [InterruptState] = []
  private var registers: [String: UInt64] = [:]
  private var registerSource: Evidence?
  private var registerSources: [String: Evidence] = [:]
  private var options: [String: Sourced<Bool>] = [:]
  private var prose = ProseReader()
  private var tables = ACPIText.Reader()
  /// The source of a device tree, from its first line on.
  private var treeSource: [UInt8] = []
  private var isTree = false
  private static let treeLimit = 16 << 20
  /// The text of what could be one JSON value.
  private var document: [UInt8] = []
  private var mayBeDocument = false
  /// Whether the text is one JSON value over many lines, in which words of messages mean nothing.
  private var isDocument = false
  private static let documentLimit = 1 << 20

  init(file: String) {
    self.file = file
    kernel = KernelFacts(file: file)
  }

  mutating func take(_ bytes: [UInt8], number: Int) {
    lines = number
    if trace.take(bytes, file: file, number: number) {
      kinds.insert(.machineTrace)
      return
    }
    if number == 1 {
      mayBeDocument = bytes.first == UInt8(ascii: "{")
      isDocument = bytes == [UInt8(ascii: "{")] || bytes == [UInt8(ascii: "[")]
    }
    if mayBeDocument, document.count < Self.documentLimit { document += bytes + [0x0a] }
    guard isDocument else { return take(line: bytes, number: number) }
    if let message = Self.journalMessage(bytes) { take(line: message, number: number) }
    if unclaimed == nil, Self.hasNumber(bytes[...]) {
      unclaimed = Evidence(
        file: file, line: number, text: KernelFacts.shown(String(decoding: bytes, as: UTF8.self)))
    }
  }

  private static let numbers = KeywordScanner([(word: "0x", category: 0)])

  /// Whether a line has a hexadecimal number.
  private static func hasNumber(_ line: ArraySlice<UInt8>) -> Bool {
    numbers.categories(in: line) != 0
  }

  /// The message in a line of `journalctl -o json-pretty`: `"MESSAGE" : "..."`.
  private static func journalMessage(_ bytes: [UInt8]) -> [UInt8]? {
    let rest = bytes.drop { $0 == 0x20 || $0 == 0x09 }
    guard rest.starts(with: Array("\"MESSAGE\"".utf8)) else { return nil }
    let member = rest.last == UInt8(ascii: ",") ? rest.dropLast() : rest
    guard let object = try? JSONValue(parsing: [UInt8(ascii: "{")] + member + [UInt8(ascii: "}")]),
      case .string(let text)? = object["MESSAGE"]
    else { return nil }
    return Array(text.utf8)
  }

  private mutating func take(line bytes: [UInt8], number: Int) {
    let line = KernelLogLine(bytes)
    if !line.isKernel, takeFirmware(bytes) { return }
    if kernel.reports.read(line) {
      if line.isKernel { kinds.insert(.kernelLog) } else { prose.quote(line.message, number) }
      return
    }
    let classes = LineClass.scanner.categories(in: line.message)
    if line.isKernel {
      kinds.insert(.kernelLog)
      if classes != 0 { kernel.take(line, classes: classes, number: number, others: &others) }
      return
    }
    takeOther(line, bytes, classes, number)
  }

  /// Tables as text, and the source of a device tree.
  private mutating func takeFirmware(_ bytes: [UInt8]) -> Bool {
    if isTree || bytes.starts(with: Array("/dts-v1/".utf8)) {
      isTree = true
      if treeSource.count < Self.treeLimit { treeSource += bytes + [0x0a] }
      return true
    }
    return tables.take(bytes[...])
  }

  /// A line without a kernel's time stamp.
  private mutating func takeOther(
    _ line: KernelLogLine, _ bytes: [UInt8], _ classes: UInt64, _ number: Int
  ) {
    // Other events of a trace say nothing here, and there are many.
    if classes & LineClass.mask(LineClass.trace) == 0, MappingTrace.isEvent(line.bytes) {
      kinds.insert(.kernelTrace)
      return
    }
    let text = String(decoding: line.bytes, as: UTF8.self)
    prose.read(line.bytes)
    func source() -> Evidence {
      Evidence(file: file, line: number, text: KernelFacts.shown(text))
    }
    if classes & LineClass.mask(LineClass.trace) != 0, mappings.take(text, source()) {
      kinds.insert(.kernelTrace)
      return
    }
    if text.hasPrefix("# tracer:") { kinds.insert(.kernelTrace) }
    if takeParameters(text, source()) || takeMemoryMap(text) { return }
    if takeInterrupts(text, source()) || takeSystem(text, source()) { return }
    if let kind = listing.take(text, source()) {
      kinds.insert(kind)
      return
    }
    if takeState(text, source()) || takeRegister(text, source()) || takeOption(text, source()) {
      return
    }
    if vmm.take(text, source()) { return }
    if unclaimed == nil, Self.hasNumber(line.bytes[...]) {
      unclaimed = source()
    }
    // A kernel's message whose time stamp was left out names its driver.
    guard classes != 0, let colon = text.firstRange(of: ": "),
      text[..<colon.lowerBound].split(separator: " ").count <= 3
    else { return }
    prose.quote(line.message, number)
    kernel.take(line, classes: classes, number: number, others: &others)
  }

  /// Parameters that begin a kernel's command line, or occur in it.
  private static let parameters = KeywordScanner(
    ["boot_image=", "console=", "root=", "rdinit=", "init=", "initrd="].map {
      (word: $0, category: 0)
    })

  /// `/proc/cmdline`: words with and without a value, none of them an option of a program.
  private mutating func takeParameters(_ text: String, _ source: Evidence) -> Bool {
    guard Self.parameters.categories(in: Array(text.utf8)[...]) != 0 else { return false }
    let line = text.firstRange(of: "/proc/cmdline:").map { text[$0.upperBound...] } ?? text[...]
    let words = line.split(separator: " ")
    let isFirst =
      words.first.map { word in
        ["BOOT_IMAGE=", "console=", "root=", "rdinit=", "init=", "initrd="].contains {
          word.hasPrefix($0)
        }
      } ?? false
    guard isFirst, !words.contains(where: { $0.hasPrefix("-") && $0 != "--" }) else { return false }
    kinds.insert(.bootParameters)
    if kernel.commandLine == nil { kernel.commandLine = Sourced(String(line.prefix(4096)), source) }
    return true
  }

  /// `  10000000-10000fff : 0000:00:01.0` of `/proc/iomem`.
  private mutating func takeMemoryMap(_ text: String) -> Bool {
    guard let colon = text.utf8.prefix(48).firstIndex(of: UInt8(ascii: ":")),
      colon > text.startIndex,
      text[text.utf8.index(before: colon)] == " "
    else { return false }
    let ends = text[..<colon].split(separator: " ")
    guard ends.count == 1 else { return false }
    let numbers = ends[0].split(separator: "-")
    guard numbers.count == 2, numbers.allSatisfy({ $0.count >= 8 && UInt64($0, radix: 16) != nil })
    else { return false }
    kinds.insert(.memoryMap)
    return true
  }

  private mutating func takeInterrupts(_ text: String, _ source: Evidence) -> Bool {
    if text.utf8.contains(UInt8(ascii: "C")), interrupts.takeHeading(text) {
      kinds.insert(.interrupts)
      return true
    }
    if let row = interrupts.row(text, source) {
      kinds.insert(.interrupts)
      rows.append(row)
      return true
    }
    return interrupts.isOtherRow(text)
  }

  private mutating func takeSystem(_ text: String, _ source: Evidence) -> Bool {
    switch system.take(text) {
    case .affinity(let number, let list):
      kinds.insert(.affinities)
      if affinities.count < 65_536 { affinities[number] = Sourced(list, source) }
    case .online(let list):
      online = Sourced(list, source)
      kinds.insert(.affinities)
    case .possible(let list):
      possible = Sourced(list, source)
      kinds.insert(.affinities)
    case .member(let function, let group):
      // The member's line may be one of `lspci`.
      let line = String(text.drop { $0 == " " || $0 == "\t" })
      if line.contains(" "), let kind = listing.take(line, source) { kinds.insert(kind) }
      kinds.insert(.groups)
      if groups.count < 65_536 { groups[function] = Sourced(group, source) }
    case .region(let range, let type, let group):
      kinds.insert(.regions)
      regions.append(ReservedRegion(range: range, type: type, group: group, source: source))
    case .heading: kinds.insert(.groups)
    case nil: return false
    }
    return true
  }

  /// `/sys/kernel/debug/irq/irqs/54`: `handler:  handle_fasteoi_irq` and the like.
  private mutating func takeState(_ text: String, _ source: Evidence) -> Bool {
    guard let colon = text.utf8.prefix(24).firstIndex(of: UInt8(ascii: ":")) else { return false }
    let name = text[..<colon].drop { $0 == " " }
    guard Self.stateNames.contains(name) else { return false }
    let value = text[text.index(after: colon)...].drop { $0 == " " }
    if name == "handler" {
      guard value.hasPrefix("handle_") else { return false }
      endState()
      kinds.insert(.interruptState)
    }
    guard kinds.contains(.interruptState) else { return false }
    if state.fields[String(name)] == nil {
      state.fields[String(name)] = Sourced(String(value), source)
    }
    return true
  }

  private static let stateNames: Set<Substring> = [
    "handler", "device", "status", "istate", "ddepth", "wdepth", "dstate", "node", "affinity",
    "effectiv", "domain", "hwirq", "chip", "parent", "flags",
  ]

  private mutating func endState() {
    if !state.fields.isEmpty, states.count < 4096 { states.append(state) }
    state = InterruptState()
  }

  private static let registerNames: Set<String> = [
    "IDR0", "IDR1", "IDR3", "IDR5", "CR0", "CR0ACK", "CR1", "CR2", "GBPA", "STRTAB_BASE",
    "STRTAB_BASE_CFG", "CMDQ_BASE", "CMDQ_PROD", "CMDQ_CONS", "EVENTQ_BASE", "EVENTQ_PROD",
    "EVENTQ_CONS", "GERROR", "GERRORN", "GITS_CTLR", "GITS_CREADR", "GITS_CWRITER", "GITS_CBASER",
    "GICR_CTLR", "GICR_PROPBASER", "GICR_PENDBASER",
  ]

  /// `SMMU_STRTAB_BASE = 0x40001000`, with a colon or nothing for the equals sign.
  private mutating func takeRegister(_ text: String, _ source: Evidence) -> Bool {
    guard text.utf8.count < 100 else { return false }
    let words = text.split { " \t=:,".contains($0) }
    guard (2...4).contains(words.count), let first = words.first,
      let value = words.last.flatMap({ UInt64(number: $0) })
    else { return false }
    var name = first.uppercased()
    if name.hasPrefix("SMMU_") { name = String(name.dropFirst(5)) }
    guard Self.registerNames.contains(name) else { return false }
    registers[name] = value
    registerSources[name] = source
    if registerSource == nil || name == "STRTAB_BASE" { registerSource = source }
    kinds.insert(.registers)
    return true
  }

  private static let optionNames: Set<Substring> = [
    "CONFIG_ARM_SMMU", "CONFIG_ARM_SMMU_V3", "CONFIG_ARM_SMMU_V3_IOMMUFD", "CONFIG_ARM_GIC_V3_ITS",
    "CONFIG_IOMMUFD",
  ]

  /// `CONFIG_ARM_SMMU_V3=y` and `# CONFIG_ARM_SMMU_V3 is not set` of a kernel's configuration.
  private mutating func takeOption(_ text: String, _ source: Evidence) -> Bool {
    let line = text.drop { $0 == "#" || $0 == " " }
    guard line.hasPrefix("CONFIG_") else { return false }
    let name = line.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    let rest = line[name.endIndex...]
    let isOff = rest.hasPrefix(" is not set") || rest.hasPrefix("=n")
    guard isOff || rest.hasPrefix("=") else { return false }
    kinds.insert(.configuration)
    if Self.optionNames.contains(name) { options[String(name)] = Sourced(!isOff, source) }
    return true
  }

  // MARK: End

  mutating func finish(into facts: inout CaseFacts) {
    kernel.reports.finish()
    listing.finish()
    vmm.finish()
    endState()
    readDocument()
    finishFirmware(into: &facts)
    kinds.formUnion(vmm.kinds)
    if kernel.hostMarks > kernel.guestMarks { kernel.side = .host }
    if kernel.guestMarks > kernel.hostMarks { kernel.side = .guest }
    if !kernel.reports.reports.isEmpty || kinds.contains(.kernelLog) || !kernel.notices.isEmpty
      || kernel.release != nil || kernel.commandLine != nil
    {
      let isBare =
        kernel.reports.reports.allSatisfy(\.isBare) && kernel.release == nil
        && kernel.notices.isEmpty
      if isBare, !kernel.reports.reports.isEmpty {
        kinds.insert(.eventWords)
      } else if !isBare || kinds.isDisjoint(with: [.bootParameters]) {
        kinds.insert(.kernelLog)
      }
      facts.logs.append(kernel)
    }
    facts.files.append(
      CaseFile(
        name: file, kinds: kinds.isEmpty ? [.unknown] : kinds, lines: lines,
        side: kernel.side ?? (kinds.contains(.command) ? .host : nil)))
    for (function, listed) in listing.functions where facts.functions.count < 65_536 {
      facts.functions[function] = facts.functions[function]?.merged(with: listed) ?? listed
    }
    for row in rows { facts.interrupts.append(row) }
    if !interrupts.processors.isEmpty { facts.countedCPUs = interrupts.processors }
    facts.affinities.merge(affinities) { _, new in new }
    facts.onlineCPUs = online ?? facts.onlineCPUs
    facts.possibleCPUs = possible ?? facts.possibleCPUs
    facts.groups.merge(groups) { first, _ in first }
    for region in regions { facts.regions.append(region) }
    facts.commands += vmm.commands
    for complaint in vmm.complaints { facts.complaints.append(complaint) }
    facts.guestRAM += vmm.ram
    facts.doorbellMappings += vmm.doorbells
    facts.looseEvents += trace.events
    facts.vmmVersion = facts.vmmVersion ?? vmm.version
    facts.hostRelease = facts.hostRelease ?? vmm.hostRelease
    if !mappings.isEmpty { facts.mappings = mappings }
    facts.interruptStates += states
    facts.options.merge(options) { first, _ in first }
    if let quotation = prose.quotation { facts.quotations[file] = quotation }
    if let registerSource {
      facts.registers.append(
        Sourced(RegisterDump(values: registers, sources: registerSources), registerSource))
    }
    for (name, kind) in others.kinds {
      for example in kind.examples { facts.notUnderstood.add(name, example) }
      for _ in kind.examples.count..<max(kind.examples.count, kind.count) {
        facts.notUnderstood.add(name, kind.examples[0])
      }
    }
    // Prose says nothing that a rule could read; numbers in a form that is not known may matter.
    if kinds.isEmpty,
      let line = unclaimed
        ?? (lines > 60 && !isDocument
          ? Evidence(file: file, line: nil, text: "\(lines) lines of an unknown kind") : nil)
    {
      facts.notUnderstood.add("text of an unknown kind", line)
    }
  }

  private mutating func finishFirmware(into facts: inout CaseFacts) {
    kinds.formUnion(facts.take(tables: tables.tables, of: file))
    func complain(_ text: String) {
      facts.notUnderstood.add("table", Evidence(file: file, line: nil, text: text))
    }
    if let problem = tables.problem { complain("\(problem)") }
    if tables.isDisassembly, tables.tables.isEmpty {
      kinds.insert(.tableSource)
      complain("the source of an ACPI table: compile it with 'iasl FILE' and give FILE.aml")
    }
    guard isTree else { return }
    kinds.insert(.deviceTree)
    var trees = FirmwareTables()
    do {
      trees.tree = try DeviceTreeSource.tree(treeSource)
      facts.add(trees, kind: .deviceTree, file: file)
    } catch { complain("the source of a device tree: \(error.message)") }
  }

  /// Registers in one JSON object, as a memory image has them beside it.
  private mutating func readDocument() {
    guard mayBeDocument, document.count < Self.documentLimit, kinds.isEmpty,
      let value = try? JSONValue(parsing: document), case .object = value
    else { return }
    collect(value, depth: 0)
    if !registers.isEmpty {
      kinds.insert(.registers)
      registerSource = Evidence(file: file, line: nil, text: "registers of an SMMU")
    }
  }

  private mutating func collect(_ value: JSONValue, depth: Int) {
    guard depth < 5, case .object(let members) = value else { return }
    for member in members {
      if collect(offset: member.name, member.value) { continue }
      var name = member.name.uppercased()
      if name.hasPrefix("SMMU_") { name = String(name.dropFirst(5)) }
      switch member.value {
      case .string(let text) where Self.registerNames.contains(name):
        if let number = UInt64(number: text) { registers[name] = number }
      case .integer(let number) where Self.registerNames.contains(name):
        registers[name] = UInt64(bitPattern: Int64(number))
      default: collect(member.value, depth: depth + 1)
      }
    }
  }

  /// Offsets of SMMU registers (IHI 0070, 6.2), with the half of a register of 64 bits.
  private static let offsets: [UInt64: (name: String, isHigh: Bool)] = [
    0x00: ("IDR0", false), 0x04: ("IDR1", false), 0x0c: ("IDR3", false), 0x14: ("IDR5", false),
    0x20: ("CR0", false), 0x24: ("CR0ACK", false), 0x44: ("GBPA", false), 0x60: ("GERROR", false),
    0x64: ("GERRORN", false), 0x80: ("STRTAB_BASE", false), 0x84: ("STRTAB_BASE", true),
    0x88: ("STRTAB_BASE_CFG", false), 0x90: ("CMDQ_BASE", false), 0x94: ("CMDQ_BASE", true),
    0x98: ("CMDQ_PROD", false), 0x9c: ("CMDQ_CONS", false), 0xa0: ("EVENTQ_BASE", false),
    0xa4: ("EVENTQ_BASE", true), 0x1_00a8: ("EVENTQ_PROD", false), 0x1_00ac: ("EVENTQ_CONS", false),
  ]

  /// Registers by offset, as `regs.json` of a memory image has them.
  private mutating func collect(offset name: String, _ value: JSONValue) -> Bool {
    guard case .string(let text) = value, let offset = UInt64(number: name),
      let number = UInt64(number: text), let register = Self.offsets[offset]
    else { return false }
    let low = register.isHigh || number > 0xffff_ffff ? number : number & 0xffff_ffff
    registers[register.name, default: 0] |= register.isHigh ? low << 32 : low
    return true
  }
}

extension LoggedReport {
  /// Whether it is an event that stands in no log: words alone.
  var isBare: Bool {
    guard case .event = content else { return false }
    return device.isEmpty
  }
}
