internal import ArmFormats
internal import Bits
package import Files
internal import Firmware
internal import Inspect

/// Result of reading a case's files: ranked causes, lines that were not understood, files that are
/// missing.
package struct Diagnosis: Sendable {
  package let joined: Joined
  /// The surest first; never empty, and at most six.
  package let causes: [Finding]
  /// Lines and files that look as if they mattered and that no rule explains, by kind.
  package let notUnderstood: NotUnderstood
  /// Files that would settle or complete it.
  package let missing: [MissingFile]
  /// Remarks on the reading of files.
  package let remarks: [String]

  /// All rules, each a function of the facts: what they find is ranked together.
  static let rules: [@Sendable (Joined) -> [Finding]] = [
    WindowRules.find, StageTwoRules.find, MachineRules.find, PolicyRules.find, IdentifierRules.find,
    ControllerRules.find, FunctionRules.find, DMARules.find, SMMURules.find, RegisterRules.find,
  ]

  private static let causeLimit = 6

  package init(_ facts: CaseFacts, remarks: [String] = []) {
    let joined = Joined(facts)
    let all = Findings.best(Self.rules.flatMap { $0(joined) })
    let found = Self.ranked(all.map { Self.weighed($0, facts.quotations) })
    let open = OpenQuestions(joined, found)
    self.joined = joined
    self.remarks = remarks
    notUnderstood = open.notUnderstood
    causes = Array(open.causes(found).prefix(Self.causeLimit))
    var seen: Set<MissingFile.Kind> = []
    missing = (causes.prefix(3).flatMap(\.missing) + open.missing(causes)).filter {
      seen.insert($0.kind).inserted
    }
  }

  /// The files of a case, read and diagnosed.
  package init(reading reader: CaseReader) {
    self.init(reader.facts, remarks: reader.remarks)
  }

  /// Returns `finding` with less weight if a letter or a change quotes its evidence, which may be
  /// of another machine.
  private static func weighed(_ finding: Finding, _ quotations: [String: Quotation]) -> Finding {
    guard !quotations.isEmpty else { return finding }
    let lines = finding.evidence.filter { $0.line != nil }
    let writers = lines.map { line -> Quotation.Writer? in
      guard let quotation = quotations[line.file], let number = line.line,
        quotation.lines.contains(number)
      else { return nil }
      return quotation.writer
    }
    guard !writers.isEmpty, writers.count == finding.evidence.count,
      !writers.contains(where: { $0 == nil })
    else { return finding }
    var finding = finding
    let isOfChange = writers.contains(.change)
    finding.confidence *= isOfChange ? 0.4 : 0.6
    finding.means +=
      isOfChange
      ? " A change to a program quotes it: no log of this machine is among the files."
      : " A letter quotes it without the log's time stamps, and does not show that it is of this machine."
    return finding
  }

  /// By confidence; a cause that another explains better is left out.
  private static func ranked(_ findings: [Finding]) -> [Finding] {
    let order = Dictionary(
      uniqueKeysWithValues: Cause.allCases.enumerated().map { ($0.element, $0.offset) })
    let sorted = findings.sorted {
      ($1.confidence, order[$0.cause] ?? 0) < ($0.confidence, order[$1.cause] ?? 0)
    }
    return sorted.enumerated().filter { place, finding in
      !sorted[..<place].contains {
        $0.explains.contains(finding.cause) && $0.confidence > finding.confidence
      }
    }.map(\.element)
  }

  /// Whether nothing wrong was found, and everything that matters was understood.
  package var isHealthy: Bool { causes.first?.cause == .nothingWrongFound }

  /// The object that `field/cases` of the documentation describes.
  package var json: JSONValue {
    [
      "causes": .array(
        causes.map { finding in
          [
            "id": .string(finding.cause.rawValue),
            "confidence": .number(finding.confidence),
            "evidence": .array(finding.evidence.map(\.json)),
            "means": .string(finding.means), "fix": .string(finding.fix),
            "show": .string(finding.show),
          ]
        }),
      "notUnderstood": .array(notUnderstood.kinds.flatMap { $0.kind.examples.map(\.json) }),
      "missing": .array(missing.map { .string($0.text) }),
      "functions": .array(functionRows.map(\.json)),
      "files": .array(
        joined.facts.files.prefix(1000).map { file in
          [
            "file": .string(file.name),
            "kinds": .array(file.kinds.map(\.rawValue).sorted().map { .string($0) }),
            "side": file.side.map { .string($0.rawValue) } ?? .null,
          ]
        }),
    ]
  }
}

/// Lines and signs that no rule has explained.
struct OpenQuestions {
  let joined: Joined
  private(set) var notUnderstood: NotUnderstood
  /// Signs that something is wrong, whatever the cause.
  private var signs: [Evidence] = []

  init(_ joined: Joined, _ findings: [Finding]) {
    self.joined = joined
    notUnderstood = joined.facts.notUnderstood
    let explained = Set(findings.flatMap(\.evidence))
    collectReports(explained, findings)
    collectComplaints(explained, findings)
    signs += joined.events.map(\.source)
    signs += joined.lostInterrupts.map(\.source)
    signs += silent.compactMap { $0.interrupts.first?.source }
  }

  /// Functions whose vectors all stand at zero, though a driver has them for more than errors and
  /// hot-plug.
  private var silent: [JoinedFunction] {
    joined.functions.filter { function in
      function.interruptCount == 0
        && function.interrupts.contains { $0.role != .port && $0.role != .idle }
    }
  }

  private mutating func collectReports(_ explained: Set<Evidence>, _ findings: [Finding]) {
    let streams = Set(
      joined.events.filter { explained.contains($0.source) }.map {
        "\($0.report.device) \($0.stream)"
      })
    for log in joined.facts.logs {
      for report in log.reports.reports {
        let line = Evidence(
          file: log.file, line: report.firstLine, text: KernelFacts.shown(report.text))
        guard !explained.contains(line), !isConsequence(report, findings) else { continue }
        switch report.content {
        case .event(let event):
          // An event is explained where another of the same stream is.
          if !streams.contains("\(report.device) \(event.record[.stream])") {
            notUnderstood.add("event \(event.record[.kind])", line)
          }
        default:
          signs.append(line)
          for _ in 0..<min(report.count, 3) {
            notUnderstood.add(KernelFacts.shape(of: line.text), line)
          }
        }
      }
      if log.reports.strayWords > 0 {
        notUnderstood.add(
          "words",
          Evidence(
            file: log.file, line: nil,
            text: "\(log.reports.strayWords) words of dumps without a heading"))
      }
      for notice in log.notices
      where Self.matters(notice.kind) && !explained.contains(notice.source) {
        guard
          !findings.contains(where: { $0.confidence >= 0.7 && Self.covers($0.cause, notice.kind) })
        else { continue }
        signs.append(notice.source)
        notUnderstood.add(KernelFacts.shape(of: notice.source.text), notice.source)
      }
    }
  }

  /// Lines that come with a cause that was found.
  private func isConsequence(_ report: LoggedReport, _ findings: [Finding]) -> Bool {
    let causes = Set(findings.map(\.cause))
    switch report.content {
    case .globalError(let bits):
      return bits & ~0x205 == 0
        && (!causes.isDisjoint(with: [.cmdqAtcTimeout, .cmdqIllegal, .evtqAbort, .cmdqNotConsumed]))
    case .syncTimeout, .queueTimeout:
      return !causes.isDisjoint(with: [.cmdqAtcTimeout, .cmdqIllegal, .cmdqNotConsumed])
    case .itsTimeout, .itsCommandFailed:
      return !causes.isDisjoint(with: [
        .itsCommandStalled, .lpiTargetCpuOffline, .itsMemoryUnreachable,
      ])
    case .eventOverflow: return !findings.isEmpty
    case .contextFault: return causes.contains(.smmuv2ContextFault)
    case .globalFault(let fault): return fault.isUnknownStream && !findings.isEmpty
    case .commandQueueError: return !causes.isDisjoint(with: [.cmdqAtcTimeout, .cmdqIllegal])
    default: return false
    }
  }

  /// Notices that need a cause.
  private static func matters(_ kind: Notice.Kind) -> Bool {
    switch kind {
    case .smmuFailed, .itsFault, .groupFailed, .vfioFault, .pcieError, .bypassFailed, .lpiFault,
      .reservedRangeFault, .idMappingConflict, .interruptDisabled, .stall, .deviceGone,
      .messageAddressTooWide, .invalidationStuck, .messagesNotIsolated, .hungTask,
      .transferFailed, .messagesUnavailable:
      true
    default: false
    }
  }

  private static func covers(_ cause: Cause, _ kind: Notice.Kind) -> Bool {
    switch kind {
    // What follows from a device that does not signal, or is gone.
    case .hungTask, .transferFailed: true
    case .messagesUnavailable:
      [.gicv2mSpisExhausted, .itsAbsent, .msiNotEnabled, .deviceidOutOfRange, .iortIdMappingWrong]
        .contains(cause)
    case .pcieError, .deviceGone: cause == .deviceLostLink || cause == .cmdqAtcTimeout
    case .stall, .interruptDisabled: cause == .msiStorm
    case .lpiFault: cause == .lpiNotEnabled
    case .groupFailed:
      cause == .streamidOutOfRange || cause == .smmuDisabled || cause == .noIommuGroup
    case .itsFault:
      cause == .deviceidOutOfRange || cause == .itsAbsent || cause == .itsMemoryUnreachable
    default: false
    }
  }

  private mutating func collectComplaints(_ explained: Set<Evidence>, _ findings: [Finding]) {
    // Other lines of the same message: "Caused by:" and what follows.
    let decided = findings.contains { $0.confidence >= 0.7 }
    for complaint in joined.facts.complaints where !explained.contains(complaint.source) {
      guard !Self.isHarmless(complaint) else { continue }
      if decided,
        findings.contains(where: { finding in
          finding.evidence.contains { $0.file == complaint.source.file }
        })
      {
        continue
      }
      if !complaint.isWarning { signs.append(complaint.source) }
      notUnderstood.add(KernelFacts.shape(of: complaint.source.text), complaint.source)
    }
  }

  /// Warnings about peer-to-peer access: iommufd maps no BARs before it can (EFAULT).
  private static func isHarmless(_ complaint: VMMComplaint) -> Bool {
    let text = complaint.source.text.lowercased()
    if complaint.kind == .mapping, complaint.error == 14 { return true }
    return ["p2p", "peer-to-peer", "dma-buf", "pci bar?"].contains { text.contains($0) }
  }

  // MARK: The answer

  /// The findings, or that there are none, or that they do not decide.
  func causes(_ findings: [Finding]) -> [Finding] {
    guard let best = findings.first else {
      if isHealthy { return [healthy] }
      return [undecided([])]
    }
    guard best.confidence < 0.5 else { return findings }
    return [undecided(findings)] + findings
  }

  private var isHealthy: Bool {
    guard signs.isEmpty, notUnderstood.isEmpty else { return false }
    // The usual faults would show in a log that has the boot, and in counts or capabilities.
    let hasLog = joined.facts.logs.contains { $0.release != nil || !$0.smmus.isEmpty }
    let counts = joined.functions.contains { ($0.interruptCount ?? 0) > 0 }
    return hasLog && (counts || joined.has(.listing) && joined.has(.interrupts))
      || counts && joined.has(.regions)
  }

  private var healthy: Finding {
    let working = joined.functions.filter { ($0.interruptCount ?? 0) > 0 }
    let counts = working.prefix(4).map { "\($0.title) \($0.interruptCount ?? 0)" }
    let direct = joined.facts.regions.first { $0.type.hasPrefix("direct") }
    let rmr = joined.platforms.lazy.flatMap(\.facts.reserved).first
    var parts: [String] = []
    if let rmr {
      parts.append("the RMR for \(hex(rmr.base))-\(hex(rmr.last ?? rmr.base)) is there")
    }
    if let direct {
      parts.append("the group lists \(hex(direct.range.lowerBound)) as \(direct.type)")
    }
    parts.append("no SMMU event and no time-out is in the log")
    return Finding(
      .nothingWrongFound, 0.85,
      working.prefix(3).map { $0.interrupts.first { $0.total > 0 }?.source } + [direct?.source],
      means:
        "Interrupts arrive (\(counts.joined(separator: ", "))), \(parts.joined(separator: ", ")), and every line of a "
        + "kind that matters was understood.",
      fix: "None is needed.")
  }

  private func undecided(_ findings: [Finding]) -> Finding {
    let event = joined.events.first
    var text = "The files do not decide it."
    if let event {
      text += " What is known: \(event.who): \(event.what)."
    } else if let lost = joined.lostInterrupts.first {
      text += " What is known: a driver missed an interrupt (\(lost.source.text))."
    } else if let first = silent.first {
      text += " What is known: the vectors of \(first.title) count zero."
    }
    if !findings.isEmpty {
      let names = findings.prefix(5).map(\.cause.meaning)
      text += " It could be that \(names.joined(separator: "; or that "))."
    }
    if !notUnderstood.isEmpty {
      text += " \(notUnderstood.count) lines that look as if they mattered were not understood."
    }
    let wanted = missing(findings.isEmpty ? [] : findings)
    let confidence = max(0.5, min(0.95, (findings.first?.confidence ?? 0.3) + 0.1))
    return Finding(
      .cannotTell, confidence, signs.prefix(6).map(Optional.some), means: text,
      fix:
        "Send \(wanted.isEmpty ? "more of the log" : wanted.prefix(3).map(\.kind.rawValue).joined(separator: ", ")): "
        + "they would settle it.",
      missing: findings.first?.missing ?? [])
  }

  /// Files that would help, when the answer is open.
  func missing(_ causes: [Finding]) -> [MissingFile] {
    guard let first = causes.first, first.cause != .nothingWrongFound,
      first.confidence < 0.7 || first.cause == .cannotTell
    else { return causes.isEmpty ? general : [] }
    return causes.flatMap(\.missing) + general
  }

  private var general: [MissingFile] {
    var files: [MissingFile] = []
    if !joined.facts.logs.contains(where: { $0.release != nil }) {
      files.append(
        MissingFile(
          .dmesg, "the kernel's release, the SMMU's and ITS's set-up, and faults from boot on"))
    }
    if !joined.has(.interrupts) {
      files.append(
        MissingFile(
          .interrupts, "which vectors count: zero for all of a device means that no MSI arrives"))
    }
    if !joined.has(.listing) {
      files.append(MissingFile(.listing, "bus mastering, MSI-X enable and masks of the function"))
    }
    if joined.platforms.isEmpty {
      files.append(MissingFile(.iort, "which StreamID and DeviceID the function has, and RMRs"))
    }
    if joined.facts.mappings.isEmpty, joined.events.contains(where: { !$0.record.couldBeMessage }) {
      files.append(MissingFile(.mappings, "whether the address was mapped"))
    }
    return files
  }
}
