internal import ArmFormats
internal import Bits
internal import Files

/// The reports of SMMU and ITS drivers in a kernel log, read line by line.
///
/// Linux prints one report over several lines (`arm_smmu_dump_raw_event`: a heading, then a word a
/// line), and several SMMUs print at once from threads of their own. So words join a report only
/// where the device that the line names, and the thread or CPU where the log has it, are those of
/// the heading; what is missing is said, and no word of another line enters.
///
/// Formats, from `drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c` of 4.1 to 7.x: `event 0x%02x
/// received:` and four `0x%016llx`; since 6.14 also `event: %s client: %s sid: %#x ssid: %#x`
/// with `iova: %#llx ipa: %#llx` or `fetch_addr: %#llx`, and a line of attributes
/// (`arm_smmu_dump_event`); `unexpected global error reported`, `CMDQ error (cons 0x%08x): %s`,
/// `skipping command in error state:` and two words, `CMD_SYNC timeout`, `CMDQ timeout`, `EVTQ
/// overflow`, aborted writes. From `arm-smmu.c`: `Unhandled context fault`, `Unexpected global
/// fault`, `Blocked unknown Stream ID`. From `irq-gic-v3-its.c`: `ITS queue timeout (%llu %llu)`,
/// with three numbers before 5.3, and `ITS cmd %ps failed`.
package struct KernelLog: Sendable {
  /// Different reports in the order of their first lines; equal ones of a device are counted.
  package private(set) var reports: [LoggedReport] = []
  /// Remarks on oddities of the log.
  package private(set) var remarks: [String] = []
  /// Reports that differ from all those kept: a flood leaves the first of them.
  package private(set) var left = 0
  /// Words of dumps that belong to no heading in the log.
  package private(set) var strayWords = 0
  /// Lines read.
  package private(set) var lines = 0

  private var known: [Key: Int] = [:]
  private var open: [Context: OpenReports] = [:]
  private var bareWords: [UInt64] = []
  private var bareLine = 0
  private var bareText = ""
  private static let limit = 4096
  private static let remarkLimit = 100
  /// Contexts with an unfinished report: one for each SMMU and CPU at most.
  private static let contextLimit = 1024

  private struct Key: Hashable {
    var device: String
    var content: LoggedReport.Content
  }

  /// Context of a line: the device and, where the log has it, the thread or CPU that prints.
  private struct Context: Hashable {
    var device: ArraySlice<UInt8>
    var caller: ArraySlice<UInt8>
  }

  /// An empty log, to be read line by line.
  package init() {}

  package init(_ text: String) {
    for line in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false) {
      read(KernelLogLine(Array(line)))
    }
    finish()
  }

  /// Words of which each line that matters here has one.
  private static let scanner = KeywordScanner(
    [
      ("event", 0), ("smmu", 0), ("cmdq", 0), ("cmd_sync", 0), ("evtq", 0), ("priq", 0),
      ("global ", 0), ("context fault", 0), ("its queue", 0), ("its cmd", 0), ("gfsr", 0),
      ("stream id", 0), ("priv ", 0), ("0x00", 0), ("error state", 0),
    ].map { (word: $0.0, category: $0.1) })

  /// Reads the next line.
  ///
  /// - Returns: whether it is part of a report.
  @discardableResult
  package mutating func read(_ line: KernelLogLine) -> Bool {
    lines += 1
    guard Self.scanner.categories(in: line.message) != 0 else {
      if !bareWords.isEmpty { finishBareWords() }
      return false
    }
    let pieces = ReportLine.pieces(of: line)
    guard pieces.count > 1 else { return read(line, message: line.message) }
    return pieces.reduce(false) { read(line, message: $1) || $0 }
  }

  /// Ends the log: a report may have been cut off.
  package mutating func finish() {
    finishBareWords()
    for context in open.keys.sorted(by: { open[$0]?.line ?? 0 < open[$1]?.line ?? 0 }) {
      close(context)
    }
    open = [:]
  }

  // MARK: Lines

  private mutating func read(_ line: KernelLogLine, message: ArraySlice<UInt8>) -> Bool {
    let (device, body) = ReportLine.subject(message)
    let context = Context(device: device, caller: line.caller)
    if let word = ReportLine.word(body) {
      // `SMMU_CR0: 0xd` is a register's line, and no word of a dump.
      guard line.isKernel || !device.isEmpty || ReportLine.startsWithNumber(message) else {
        return false
      }
      return take(word, context, line)
    }
    if device.isEmpty, let words = ReportLine.words(body) {
      for word in words { takeBare(word, line) }
      return true
    }
    finishBareWords()
    let text = String(decoding: body, as: UTF8.self)
    let isPart = take(text, context, line)
    if !isPart { closeText(context) }
    return isPart
  }

  // MARK: Words

  private mutating func take(
    _ word: (value: UInt64, isWhole: Bool), _ context: Context, _ line: KernelLogLine
  ) -> Bool {
    guard let owner = owner(of: context) else {
      guard context.device.isEmpty, word.isWhole else {
        strayWords += 1
        return true
      }
      takeBare(word.value, line)
      return true
    }
    finishBareWords()
    if isLate(line, for: owner) {
      close(owner)
      strayWords += 1
      return true
    }
    // A console and a journal may both have been caught: then each line stands twice.
    if open[owner]?.isDoubled == true, open[owner]?.lastText.elementsEqual(line.bytes) == true {
      open[owner]?.lastText = []
      return true
    }
    open[owner]?.lastText = line.bytes
    if !word.isWhole { open[owner]?.torn += 1 }
    open[owner]?.words.append(word.isWhole ? word.value : nil)
    if open[owner]?.isComplete == true { complete(owner) }
    return true
  }

  /// The report that a word belongs to. A line that lost its device's name can belong to the only
  /// one that waits for words.
  private func owner(of context: Context) -> Context? {
    if open[context]?.waitsForWords == true { return context }
    guard context.device.isEmpty else { return nil }
    let waiting = open.filter { $0.value.waitsForWords }
    return waiting.count == 1 ? waiting.first?.key : nil
  }

  /// Words follow their heading at once: seconds later they are another report's.
  private func isLate(_ line: KernelLogLine, for context: Context) -> Bool {
    guard let time = line.time, let start = open[context]?.time, time >= start else { return false }
    return time - start > 2_500_000
  }

  /// Words without any heading, as people quote them: four are an event.
  private mutating func takeBare(_ word: UInt64, _ line: KernelLogLine) {
    if bareWords.isEmpty { (bareLine, bareText) = (lines, line.text) }
    bareWords.append(word)
    if bareWords.count == 4 { finishBareWords() }
  }

  private mutating func finishBareWords() {
    defer { bareWords = [] }
    guard !bareWords.isEmpty else { return }
    guard bareWords.count == 4, Self.isEvent(bareWords) else {
      strayWords += bareWords.count
      return
    }
    add(
      .event(LoggedEvent(words: bareWords, isRaw: true)), device: "", line: bareLine, time: nil,
      text: bareText)
  }

  /// Whether words can be an event: a type that the manual defines, and no bits between it and the
  /// StreamID that are reserved (IHI 0070, 7.3).
  package static func isEvent(_ words: [UInt64]) -> Bool {
    guard words.count == 4 else { return false }
    return DescribedEvent.kinds.values.contains { UInt64($0.rawValue) == words[0] & 0xff }
      && words[0] & 0x700 == 0
  }

  // MARK: Text

  private mutating func take(_ text: String, _ context: Context, _ line: KernelLogLine) -> Bool {
    let tokens = text.split(whereSeparator: \.isWhitespace)[...]
    guard let first = tokens.first else { return false }
    switch first {
    case "event" where tokens.dropFirst(2).first?.hasPrefix("received") == true:
      openEvent(tokens, context, line)
    case "event:": openText(tokens, context, line)
    case "priv", "unpriv": return takeAttributes(tokens, context)
    case "skipping" where text.hasPrefix("skipping command in error state"):
      closeWords(context)
      open[context, default: .init()].begin(.command, line, number: lines)
    case "unexpected" where text.hasPrefix("unexpected global error reported"):
      report(.globalError(UInt32(truncatingIfNeeded: ReportLine.number(in: text))), context, line)
    case "CMDQ" where text.hasPrefix("CMDQ error"):
      let error = CommandQueueError(
        consumer: UInt32(truncatingIfNeeded: ReportLine.number(in: text)))
      report(.commandQueueError(error), context, line)
    case "CMDQ" where text.hasPrefix("CMDQ timeout"): report(.queueTimeout, context, line)
    case "CMD_SYNC" where text.hasPrefix("CMD_SYNC timeout"):
      let numbers = ReportLine.numbers(in: text).map { UInt32(truncatingIfNeeded: $0) }
      report(
        numbers.count == 3
          ? .syncTimeout(at: numbers[0], producer: numbers[1], consumer: numbers[2])
          : .queueTimeout, context, line)
    case "EVTQ" where text.hasPrefix("EVTQ overflow"): report(.eventOverflow, context, line)
    case "PRIQ" where text.hasPrefix("PRIQ overflow"): report(.requestOverflow, context, line)
    case "EVTQ", "PRIQ", "CMDQ", "GERROR":
      guard text.contains("abort") else { return false }
      report(.abort(text), context, line)
    case "device" where text.hasPrefix("device has entered Service Failure"):
      report(.abort(text), context, line)
    case "retrying" where text.hasPrefix("retrying command fetch"): return true
    case "Unhandled" where text.contains("context fault"):
      return takeContextFault(text, context, line)
    case "Unexpected" where text.hasPrefix("Unexpected global fault"):
      report(.globalFault(GlobalFault()), context, line)
    case "Blocked" where text.hasPrefix("Blocked unknown Stream ID"):
      let stream = UInt32(truncatingIfNeeded: ReportLine.number(in: text))
      report(.globalFault(GlobalFault(unknownStream: stream)), context, line)
    case "GFSR": return takeGlobalSyndrome(text, context)
    case "FSR", "FSYNR0": return text.contains("=")
    case "ITS": return takeITS(text, line)
    default: return takeOther(text, context, line)
    }
    return true
  }

  /// Drivers of vendors print the same reports under headings of their own.
  private mutating func takeOther(_ text: String, _ context: Context, _ line: KernelLogLine) -> Bool
  {
    if text.contains("context fault:") { return takeContextFault(text, context, line) }
    guard let range = text.firstRange(of: "event 0x"), text.contains("received:") else {
      return takeQuoted(text, line)
    }
    // A console may put something before the heading.
    openEvent(text[range.lowerBound...].split(separator: " ")[...], context, line)
    return true
  }

  /// Four words of an event within a line, as people write them into a sentence.
  private mutating func takeQuoted(_ text: String, _ line: KernelLogLine) -> Bool {
    let tokens = text.split { " \t,;()[]".contains($0) }
    guard tokens.count >= 4 else { return false }
    for start in 0...min(tokens.count - 4, 64) {
      let words = tokens[start..<(start + 4)].compactMap { token -> UInt64? in
        token.utf8.count == 18 && token.hasPrefix("0x") ? UInt64(number: token) : nil
      }
      guard words.count == 4, Self.isEvent(words) else { continue }
      add(
        .event(LoggedEvent(words: words, isRaw: true)), device: "", line: lines, time: line.time,
        text: text)
      return true
    }
    return false
  }

  private mutating func openEvent(
    _ tokens: ArraySlice<Substring>, _ context: Context, _ line: KernelLogLine
  ) {
    if open[context]?.lastText.elementsEqual(line.bytes) == true,
      open[context]?.words.isEmpty == true
    {
      open[context]?.isDoubled = true
      return
    }
    close(context)
    guard open.count < Self.contextLimit else { return }
    var report = OpenReports()
    let announced = tokens.dropFirst().first.flatMap { UInt64(number: $0) }
    report.begin(.event(announced), line, number: lines)
    // Written in one line, words may be short.
    for token in tokens.dropFirst(3).prefix(4) {
      guard token.hasPrefix("0x"), let word = UInt64(number: token) else { break }
      report.words.append(word)
    }
    open[context] = report
    if report.isComplete { complete(context) }
  }

  private mutating func openText(
    _ tokens: ArraySlice<Substring>, _ context: Context, _ line: KernelLogLine
  ) {
    closeWords(context)
    // A dump without its text so far waits for this one.
    if open[context]?.described != nil { closeText(context) }
    guard open.count < Self.contextLimit || open[context] != nil else { return }
    var rest = tokens.dropFirst()
    var event = DescribedEvent(name: rest.popFirst().map(String.init) ?? "")
    while let token = rest.popFirst() { event.read(token, &rest) }
    open[context, default: .init()].describe(event, line, number: lines)
  }

  private mutating func takeAttributes(
    _ tokens: ArraySlice<Substring>, _ context: Context
  ) -> Bool {
    guard open[context]?.described != nil else { return false }
    var rest = tokens
    while let token = rest.popFirst() { open[context]?.described?.read(token, &rest) }
    closeText(context)
    return true
  }

  private mutating func takeContextFault(
    _ text: String, _ context: Context, _ line: KernelLogLine
  ) -> Bool {
    func value(_ name: String) -> UInt64? {
      guard let range = text.firstRange(of: "\(name)=") else { return nil }
      let digits = text[range.upperBound...].prefix { $0.isHexDigit || $0 == "x" }
      return UInt64(number: digits)
    }
    guard let address = value("iova") else { return false }
    func word(_ name: String) -> UInt32? {
      value(name).map { UInt32(truncatingIfNeeded: $0) }
    }
    report(
      .contextFault(
        ContextFault(
          status: word("fsr") ?? 0, address: address, syndrome: word("fsynr") ?? 0,
          bank: word("cb") ?? 0, streamSyndrome: word("cbfrsynra"))), context, line)
    return true
  }

  /// The second line of a global fault.
  private mutating func takeGlobalSyndrome(_ text: String, _ context: Context) -> Bool {
    let device = String(decoding: context.device, as: UTF8.self)
    guard
      let index = reports.lastIndex(where: {
        guard case .globalFault(let fault) = $0.content else { return false }
        return $0.device == device && fault.status == nil
      }), case .globalFault(var fault) = reports[index].content
    else { return true }
    let numbers = ReportLine.numbers(in: text).map { UInt32(truncatingIfNeeded: $0) }
    fault.status = numbers.first
    fault.syndromes = Array(numbers.dropFirst())
    known[Key(device: device, content: reports[index].content)] = nil
    let key = Key(device: device, content: .globalFault(fault))
    if let same = known[key], reports[index].count == 1, same < index {
      reports[same].count += 1
      reports[same].lastLine = reports[index].lastLine
      reports[same].lastTime = reports[index].lastTime
      reports.remove(at: index)
      if index < reports.count {
        for (other, place) in known where place > index { known[other] = place - 1 }
      }
    } else {
      reports[index].content = .globalFault(fault)
      known[key] = index
    }
    return true
  }

  private mutating func takeITS(_ text: String, _ line: KernelLogLine) -> Bool {
    let tokens = text.split(separator: " ")
    if text.hasPrefix("ITS queue timeout") {
      let numbers = text.split { !$0.isNumber }.compactMap { UInt64($0) }
      guard let target = numbers.first, let reached = numbers.last else { return false }
      let goal = numbers.count > 2 ? numbers[1] : target
      add(
        .itsTimeout(target: goal, reached: reached), device: "", line: lines, time: line.time,
        text: text)
      return true
    }
    if text.hasPrefix("ITS cmd "), tokens.count > 3, tokens[3].hasPrefix("failed") {
      add(
        .itsCommandFailed(String(tokens[2])), device: "", line: lines, time: line.time,
        text: text)
      return true
    }
    return false
  }

  // MARK: Reports

  private mutating func report(
    _ content: LoggedReport.Content, _ context: Context, _ line: KernelLogLine
  ) {
    add(
      content, device: String(decoding: context.device, as: UTF8.self), line: lines,
      time: line.time, text: line.text)
  }

  private mutating func add(
    _ content: LoggedReport.Content, device: String, line: Int, time: UInt64?, text: String
  ) {
    let key = Key(device: device, content: content)
    if let index = known[key] {
      reports[index].count += 1
      reports[index].lastLine = max(reports[index].lastLine, line)
      reports[index].lastTime = time ?? reports[index].lastTime
      return
    }
    guard reports.count < Self.limit else {
      left += 1
      return
    }
    known[key] = reports.count
    reports.append(
      LoggedReport(
        device: device, content: content, firstLine: line, lastLine: line, firstTime: time,
        lastTime: time, text: text))
  }

  private mutating func remark(_ text: String) {
    if remarks.count < Self.remarkLimit { remarks.append(text) }
  }

  /// A dump has all its words: an event waits for the text that may describe it.
  private mutating func complete(_ context: Context) {
    guard let report = open[context] else { return }
    switch report.kind {
    case .event: open[context]?.isDumped = true
    case .command: closeWords(context)
    case nil: break
    }
  }

  /// Ends everything of a context.
  private mutating func close(_ context: Context) {
    closeWords(context)
    closeText(context)
    open[context] = nil
  }

  /// Ends a dump that gets no more words; one with all of its words stays for its text.
  private mutating func closeWords(_ context: Context) {
    guard let report = open[context], let kind = report.kind else { return }
    switch kind {
    case .command:
      addCommand(report, context)
      open[context]?.endDump()
    case .event where !report.isDumped: open[context]?.isDumped = true
    case .event: break
    }
  }

  /// Ends a dump and the text behind it: they are one event where they speak of the same.
  private mutating func closeText(_ context: Context) {
    guard let report = open[context] else { return }
    let device = String(decoding: context.device, as: UTF8.self)
    var dumped: LoggedEvent?
    if case .event(let announced)? = report.kind, report.isDumped {
      dumped = event(report, announced: announced, device: device)
    }
    if let text = report.described {
      if let event = dumped, text.describes(event.words, missing: event.missing) {
        dumped?.client = text.client
      } else {
        if let event = dumped { add(event, report, device) }
        if text.kind == nil { remark("the driver does not know event \"\(text.name)\"") }
        dumped = LoggedEvent(words: text.record.words, isRaw: false, client: text.client)
      }
    } else if dumped == nil {
      guard case .event(let announced)? = report.kind, report.isDumped else { return }
      add(
        .eventHeading(announced ?? 0), device: device, line: report.line, time: report.time,
        text: report.text)
    }
    if let dumped { add(dumped, report, device) }
    open[context] = nil
  }

  private mutating func add(_ event: LoggedEvent, _ report: OpenReports, _ device: String) {
    add(.event(event), device: device, line: report.line, time: report.time, text: report.text)
  }

  private mutating func event(
    _ report: OpenReports, announced: UInt64?, device: String
  ) -> LoggedEvent? {
    let name = device.isEmpty ? "" : "\(device): "
    let present = report.words.compactMap(\.self)
    guard !present.isEmpty else {
      remark("\(name)\"event \(hex(announced ?? 0)) received:\" is followed by no words")
      return nil
    }
    var words = report.words.map { $0 ?? 0 }
    var missing = report.words.indices.filter { report.words[$0] == nil }
    missing += Array(words.count..<4)
    words += Array(repeating: 0, count: 4 - words.count)
    if !missing.isEmpty {
      remark("\(name)an event has \(present.count) of its 4 words: the others are not in the log")
    }
    if let announced, !missing.contains(0), words[0] & 0xff != announced {
      remark(
        "\(name)the log announces event \(hex(announced)); word 0 says \(hex(words[0] & 0xff))")
    }
    if missing.contains(0), let announced { words[0] = announced & 0xff }
    return LoggedEvent(words: words, missing: missing, isRaw: true)
  }

  /// The command behind an error, which was reported just before.
  private mutating func addCommand(_ report: OpenReports, _ context: Context) {
    let device = String(decoding: context.device, as: UTF8.self)
    let words = report.words.compactMap(\.self)
    guard
      let index = reports.lastIndex(where: {
        guard case .commandQueueError(let error) = $0.content else { return false }
        return $0.device == device && error.words.isEmpty
      }), case .commandQueueError(var error) = reports[index].content, words.count == 2
    else {
      if words.count < 2 { remark("\(device): a command has \(words.count) of its 2 words") }
      return
    }
    known[Key(device: device, content: reports[index].content)] = nil
    error.words = words
    reports[index].content = .commandQueueError(error)
    known[Key(device: device, content: reports[index].content)] = index
  }
}
