internal import ArmFormats
internal import Bits
internal import Firmware
internal import Inspect

/// The SMMU itself: its queues, its tables, and the older architecture.
enum SMMURules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(
      commandQueue(joined) + eventQueue(joined) + entries(joined) + fetches(joined)
        + alignment(joined)
        + contextFaults(joined))
  }

  private static func line(_ log: KernelFacts, _ report: LoggedReport) -> Evidence {
    Evidence(file: log.file, line: report.firstLine, text: KernelFacts.shown(report.text))
  }

  // MARK: Commands

  private static func commandQueue(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    var hasError = false
    for (log, report) in joined.reports({ if case .commandQueueError = $0 { true } else { false } })
    {
      guard case .commandQueueError(let error) = report.content else { continue }
      hasError = true
      switch error.error {
      case .deviceTimeout: findings.append(deviceTimeout(joined, log, report, error))
      case .illegal, .abort: findings.append(illegal(joined, log, report, error))
      default:
        findings.append(
          Finding(
            .cmdqIllegal, 0.5, [line(log, report)],
            means:
              "\(report.device) reports a command queue error with code \(error.code), which the manual "
              + "reserves, at index \(hex(UInt64(error.index))).",
            fix: "Look at the command at that index."))
      }
    }
    return hasError ? findings : findings + stuck(joined)
  }

  private static func deviceTimeout(
    _ joined: Joined, _ log: KernelFacts, _ report: LoggedReport, _ error: CommandQueueError
  ) -> Finding {
    let global = joined.reports {
      if case .globalError(let bits) = $0 { bits & 1 != 0 } else { false }
    }.first { $0.report.device == report.device }
    let syncs = joined.reports { if case .syncTimeout = $0 { true } else { false } }.filter {
      $0.report.device == report.device || $0.report.device.isEmpty
    }
    let links = joined.notices(.linkDown, .deviceGone, .pcieError)
    var suspects = Set(links.compactMap(\.function))
    let gone = joined.facts.functions.filter { $0.value.isGone?.value == true }.sorted {
      $0.key < $1.key
    }
    suspects.formUnion(gone.map(\.key))
    let devices = suspects.filter { function in
      joined.facts.functions[function]?.isBridge != true
        && joined.function(function)?.driver != "pcieport"
    }.sorted()
    let others = joined.lostInterrupts.filter { $0.function.map { !devices.contains($0) } ?? true }
    let name = devices.map { "\($0)" }.joined(separator: ", ")
    let index = hex(UInt64(error.index))
    return Finding(
      .cmdqAtcTimeout, 0.93,
      [line(log, report), global.map { line($0.log, $0.report) }]
        + links.prefix(4).map { Optional.some($0.source) }
        + gone.prefix(2).map { $0.value.isGone?.source }
        + syncs.prefix(2).map { Optional.some(line($0.log, $0.report)) }
        + others.prefix(1).map { Optional.some($0.source) },
      means:
        "\(report.device) reports CERROR_ATC_INV_SYNC (SMMU_CMDQ_CONS.ERR = 3): the CMD_SYNC at index \(index) "
        + "waits for an earlier CMD_ATC_INV whose device does not answer. CONS does not say which device; "
        + (devices.isEmpty
          ? "look for one that is in reset, powered down or has lost its link. "
          : "\(name) \(devices.count == 1 ? "is" : "are") gone or off the link at that time. ")
        + "Linux does not skip this error, it repeats the CMD_SYNC, so that all users of this queue wait"
        + (others.isEmpty ? "" : ", and their drivers time out")
        + (syncs.isEmpty
          ? "." : "; the CMD_SYNC timeouts after it, with the same CONS, are consequences."),
      fix: devices.isEmpty
        ? "Find the device with ATS enabled that does not answer (reset, power, link), and disable ATS for it "
          + "(pci=noats) as a test."
        : "Find out why \(name) lost its link (power, AER log, slot) and remove or reset it; disable ATS for it "
          + "(pci=noats) if it comes back.",
      show: "doorbell decode < LOG",
      missing: devices.isEmpty
        ? [MissingFile(.listing, "which function with ATS reads as all ones or has no link")] : [],
      explains: [.deviceLostLink, .cmdqNotConsumed, .evtqOverflow])
  }

  private static func illegal(
    _ joined: Joined, _ log: KernelFacts, _ report: LoggedReport, _ error: CommandQueueError
  ) -> Finding {
    let index = hex(UInt64(error.index))
    var text = "The command at index \(index) has an error"
    if let command = error.command {
      let words = error.words.map { hex($0, digits: 16) }.joined(separator: " ")
      text = "The command at index \(index) is \(command[.opcode]) (\(words))"
      let hasStream = [.invalidateStream, .invalidateContext, .invalidateDevice].contains(
        command[.opcode])
      if hasStream { text += " for StreamID \(hex(error.words[0] >> 32))" }
      if command[.opcode] == .invalidateDevice {
        text += ", which is illegal where IDR0.ATS is 0 or with a reserved field set"
      }
    }
    return Finding(
      .cmdqIllegal, 0.92, [line(log, report)],
      means: "\(report.device) reports \(error.error == .abort ? "CERROR_ABT" : "CERROR_ILL") "
        + "(SMMU_CMDQ_CONS.ERR = \(error.code)). \(text). "
        + (error.error == .abort
          ? "The SMMU could not read its command queue there."
          : "Linux replaces the command by a CMD_SYNC and goes on; what it should have invalidated was not."),
      fix: error.error == .abort
        ? "Check CMDQ_BASE and that its memory is still the queue's."
        : "Compare the command with what the SMMU's ID registers offer (ATS, PRI, RIL, stages), and with "
          + "errata of the driver.",
      show: "doorbell decode command WORDS", explains: [.cmdqNotConsumed, .staleConfiguration])
  }

  /// CMD_SYNCs that time out without an error in CONS.
  private static func stuck(_ joined: Joined) -> [Finding] {
    let waits = joined.reports {
      switch $0 {
      case .syncTimeout, .queueTimeout: true
      default: false
      }
    }
    guard let first = waits.first else { return stuckInvalidation(joined) }
    var consumers: Set<UInt32> = []
    for wait in waits where wait.report.device == first.report.device {
      if case .syncTimeout(_, _, let consumer) = wait.report.content { consumers.insert(consumer) }
    }
    let isStanding = consumers.count <= 1
    let reset = joined.notices(.functionReset, .smmuFailed, .stall).first
    return [
      Finding(
        .cmdqNotConsumed, isStanding ? 0.85 : 0.6,
        waits.prefix(4).map { Optional.some(line($0.log, $0.report)) } + [reset?.source],
        means:
          "\(first.report.device.isEmpty ? "The SMMU" : first.report.device) does not consume its command queue: "
          + "CMD_SYNCs time out, and CONS "
          + (consumers.first.map {
            isStanding ? "stands at \(hex(UInt64($0))) with no error" : "moves slowly"
          } ?? "has no error")
          + ". It is switched off, in reset or without a clock under its driver, or lost its configuration; "
          + "invalidations do not take effect.",
        fix:
          "Look at the power domain and clock of the SMMU (runtime suspend, firmware), and read SMMU_CR0ACK: "
          + "CMDQEN has to be set.",
        explains: [.staleConfiguration])
    ]
  }

  /// SMMUv2's invalidations are writes to registers, of which a status tells the end.
  private static func stuckInvalidation(_ joined: Joined) -> [Finding] {
    let notices = joined.notices(.invalidationStuck)
    guard let first = notices.first else { return [] }
    return [
      Finding(
        .cmdqNotConsumed, 0.65, notices.prefix(4).map { Optional.some($0.source) },
        means:
          "\(first.device) is an SMMUv2, which has no command queue: its driver waits for the TLB's status "
          + "(TLBGSTATUS or TLBSTATUS), and an invalidation does not end. The SMMU is without a clock or power under "
          + "its driver, or a transaction behind it never completes.",
        fix: "Look at the power domain and clocks of the SMMU and of the masters behind it.",
        explains: [.staleConfiguration])
    ]
  }

  // MARK: Events

  private static func eventQueue(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    let overflows = joined.reports { $0 == .eventOverflow }
    if let (log, report) = overflows.first {
      let total = overflows.reduce(0) { $0 + $1.report.count }
      let flood = joined.events.max { $0.report.count < $1.report.count }
      findings.append(
        Finding(
          .evtqOverflow, joined.events.isEmpty ? 0.8 : 0.4, [line(log, report), flood?.source],
          means:
            "The event queue of \(report.device.isEmpty ? "the SMMU" : report.device) overflowed (\(total) times): "
            + "events are lost, and the first fault may be among them."
            + (flood.map { " Most of what is there is from \($0.who)." } ?? ""),
          fix: "Look at the first events after boot, and quieten the device that floods the queue.")
      )
    }
    let aborts = joined.reports {
      switch $0 {
      case .abort(let text): text.hasPrefix("EVTQ")
      case .globalError(let bits): bits & GlobalErrorBit.eventQueueAbort.rawValue != 0
      default: false
      }
    }
    if let (log, report) = aborts.first {
      findings.append(
        Finding(
          .evtqAbort, 0.85, aborts.prefix(3).map { Optional.some(line($0.log, $0.report)) },
          means:
            "\(report.device.isEmpty ? "The SMMU" : report.device) could not write to its event queue "
            + "(SMMU_GERROR.EVENTQ_ABT_ERR, bit 2): events are lost, whatever they were.",
          fix:
            "Check EVENTQ_BASE: that its memory is still the queue's, and that the SMMU may write there."
        ))
      _ = log
    }
    return findings
  }

  // MARK: Stream table entries

  private static func entries(_ joined: Joined) -> [Finding] {
    let events = joined.events.filter {
      $0.kind == .badStreamEntry && $0.event.client != "(unassigned sid)"
    }
    guard let event = events.first else { return badContexts(joined) }
    let log = event.log.map { joined.facts.logs[$0] }
    func isNear(_ notice: Notice) -> Bool {
      guard
        notice.function == nil || event.function == nil || notice.function == event.function
      else { return false }
      guard let at = event.report.firstTime, let time = notice.time else { return true }
      return time > at ? time - at < 10_000_000 : at - time < 10_000_000
    }
    let change = log?.notices.first {
      [.vfioEnabled, .functionReset, .unbound].contains($0.kind) && isNear($0)
    }
    let release = log?.release ?? joined.release(of: .host)
    let isNested = joined.isAccelerated
    if isNested, let release, !release.value.updatesEntriesSafely {
      return [
        Finding(
          .hitlessSteUpdate, 0.75,
          events.prefix(4).map { Optional.some($0.source) } + [release.source, change?.source],
          means:
            "\(event.who) meets an invalid STE (C_BAD_STE, \(events.reduce(0) { $0 + $1.report.count }) times). The VM's "
            + "SMMU is nested: from a stage 2 entry to a nested one, MEV and EATS differ, for which "
            + "Linux \(release.value) has no rule (get_update_safe came with 7.0 and 6.18.15), so that the "
            + "update passes through V = 0 while the device is active.",
          fix: "Run a host kernel of 7.0, or 6.18.15 of the stable series.",
          show: "doorbell races", explains: [.steInvalidAfterReset])
      ]
    }
    return [
      Finding(
        .steInvalidAfterReset, change == nil ? 0.6 : 0.85,
        events.prefix(4).map { Optional.some($0.source) } + [change?.source],
        means:
          "\(event.who) meets an invalid stream table entry (C_BAD_STE, \(events.reduce(0) { $0 + $1.report.count }) "
          + "times)"
          + (change == nil
            ? "" : " around \(change?.kind == .unbound ? "its removal" : "a reset or an attach")")
          + ": the entry was invalid for a time, while the device was active.",
        fix:
          "Stop the device's DMA before its domain is changed or it is reset (bus mastering off), and look at "
          + "what the driver does between detach and attach.",
        show: "doorbell decode event WORDS", explains: [.streamidUnmapped])
    ]
  }

  private static func badContexts(_ joined: Joined) -> [Finding] {
    let events = joined.events.filter { $0.kind == .badContext }
    guard let event = events.first else { return [] }
    return [
      Finding(
        .staleConfiguration, 0.55, events.prefix(3).map { Optional.some($0.source) },
        means:
          "\(event.who) meets a context descriptor that is invalid or illegal (C_BAD_CD): it was changed "
          + "without an invalidation (CFGI_CD), or was never written.",
        fix: "Decode the CD, and look at the CFGI_CD between its change and the fault.",
        show: "doorbell decode cd WORDS")
    ]
  }

  /// A failed fetch of a structure: at stage 2, or by an external abort.
  private static func fetches(_ joined: Joined) -> [Finding] {
    let structures = joined.events.filter {
      $0.kind.isTranslationRelated && $0.isStage2 && !$0.isOfAccess && !$0.event.missing.contains(1)
    }
    var findings: [Finding] = []
    if let event = structures.first {
      let isContext = event.record[.faultClass] == .context
      findings.append(
        Finding(
          .dmaUnmappedAddress, 0.6, structures.prefix(3).map { Optional.some($0.source) },
          means: "\(event.who): stage 2 has no IPA \(hex(event.ipa)), where "
            + (isContext
              ? "the context descriptor stands (CLASS = CD): S1ContextPtr of the guest's STE leads there"
              : "a stage 1 table of the guest stands (CLASS = TT)")
            + ". The address that the device sent, \(hex(event.address)), was not looked up at all.",
          fix:
            "Map the guest's memory at \(hex(event.ipa)) at stage 2, or find out how the guest came to that "
            + "pointer.",
          show: "doorbell decode event WORDS",
          missing: [MissingFile(.command, "where the VM has its memory")]))
    }
    let aborted = joined.events.filter {
      [.contextFetch, .streamEntryFetch, .machineStructureFetch, .walkAbort].contains($0.kind)
    }
    if let event = aborted.first {
      let address = hex(event.record[.fetchAddress] &<< 3)
      findings.append(
        Finding(
          .staleConfiguration, 0.5, aborted.prefix(3).map { Optional.some($0.source) },
          means:
            "\(event.who): the fetch of a structure at \(address) was aborted (\(event.kind)): nothing answers "
            + "there. The pointer is stale or wrong (STRTAB_BASE, S1ContextPtr, a table descriptor), or the "
            + "memory went away.",
          fix:
            "Compare \(address) with the machine's memory, and look for a structure that was freed without an "
            + "invalidation."))
    }
    return findings
  }

  // MARK: Alignment

  /// A base that is not aligned to its size: the SMMU takes the lower bits as zero (IHI 0070, 6.3.24
  /// SMMU_STRTAB_BASE, 6.3.26 SMMU_CMDQ_BASE).
  private static func alignment(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    for dump in joined.facts.registers {
      for problem in RegisterAlignment.problems(dump.value.values) {
        findings.append(
          Finding(
            .tableMisaligned, 0.93, [dump.source],
            means:
              "SMMU_\(problem.register) points to \(hex(problem.base)), and with \(problem.size) the base has to be a "
              + "multiple of \(hex(problem.alignment)): the SMMU takes the lower bits as zero and reads from "
              + "\(hex(problem.used)).",
            fix: "Allocate the \(problem.what) aligned to its size.",
            show: "doorbell translate --image FOLDER --stream SID --iova ADDRESS"))
      }
    }
    return findings
  }

  // MARK: SMMUv1 and v2

  private static func contextFaults(_ joined: Joined) -> [Finding] {
    var faults: [(KernelFacts, LoggedReport, ContextFault)] = []
    for (log, report) in joined.reports({ if case .contextFault = $0 { true } else { false } }) {
      if case .contextFault(let fault) = report.content { faults.append((log, report, fault)) }
    }
    guard let (_, report, fault) = faults.first else { return [] }
    let stream = fault.streamID
    let function = stream.flatMap { stream in
      let fitting = joined.functions.filter { $0.route?.stream?.id == stream }
      return fitting.count == 1 ? fitting[0] : nil
    }
    let who =
      (function.map { "\($0.title), " } ?? "")
      + (stream.map { "StreamID \(hex(UInt64($0)))" }
        ?? "a device whose StreamID this kernel does not print")
    let addresses = Set(faults.map(\.2.address)).sorted()
    let list = addresses.prefix(5).map { hex($0) }.joined(separator: ", ")
    let total = faults.reduce(0) { $0 + $1.1.count }
    let lost = joined.lostInterrupts.first
    let probe = joined.facts.logs.lazy.flatMap(\.smmus).first { $0.value.version == 2 }
    return [
      Finding(
        .smmuv2ContextFault, 0.92,
        faults.prefix(4).map { Optional.some(line($0.0, $0.1)) } + [probe?.source, lost?.source],
        means:
          "\(report.device) is an SMMUv2 (driver arm-smmu): it has context faults and no event queue, and Linux "
          + "offers no nested translation on it by iommufd. \(total) faults: \(fault.names), FSR "
          + "\(hex(UInt64(fault.status))); FSYNR0 \(hex(UInt64(fault.syndrome))) has WNR "
          + "\(fault.isWrite ? "set, a write" : "clear, a read") of \(list) in context bank \(fault.bank), by \(who)."
          + (fault.isWrite ? "" : " A read is never an interrupt message."),
        fix:
          "Compare the addresses with what the driver maps and unmaps (trace iommu:map and iommu:unmap)"
          + (function?.driver.map {
            ": look for a buffer or ring that \($0) unmapped while the device used it"
          } ?? "")
          + "; nested translation and accel=on need an SMMUv3.",
        show: "doorbell decode < LOG",
        missing: joined.facts.mappings.isEmpty
          ? [
            MissingFile(
              .mappings,
              "whether \(addresses.first.map { hex($0) } ?? "the address") was unmapped before: use after unmap; or never mapped"
            )
          ] : [],
        explains: [.dmaUnmappedAddress])
    ]
  }
}

extension KernelRelease {
  /// Whether the driver knows which bits of a stream table entry may differ while it is live
  /// (`get_update_safe`): 7.0 and the stable releases that took it, 6.18.15 and 6.19.5.
  fileprivate var updatesEntriesSafely: Bool {
    self >= KernelRelease(7, 0)
      || (KernelRelease(6, 18, patch: 15)..<KernelRelease(6, 19)).contains(self)
      || self >= KernelRelease(6, 19, patch: 5)
  }
}

/// Bases of tables and queues that are not aligned to their size.
package enum RegisterAlignment {
  package struct Problem: Equatable, Sendable {
    /// The manual's name without `SMMU_`.
    package var register: String
    /// Base address that software wrote.
    package var base: UInt64
    /// Base address that the SMMU uses.
    package var used: UInt64
    package var alignment: UInt64
    package var size: String
    package var what: String
  }

  /// - Parameter values: registers by the manual's names without `SMMU_`.
  package static func problems(_ values: [String: UInt64]) -> [Problem] {
    var problems: [Problem] = []
    if let base = values["STRTAB_BASE"], let configuration = values["STRTAB_BASE_CFG"] {
      let log2 = bits(configuration, 5, 0)
      let isTwoLevel = bits(configuration, 17, 16) == 1
      let split = bits(configuration, 10, 6)
      // Linear: LOG2SIZE entries of 64 bytes; two levels: 8 bytes each, and at least 64 bytes.
      let size = isTwoLevel ? max(6, log2 > split ? log2 - split + 3 : 6) : log2 + 6
      add(
        "STRTAB_BASE", base & 0x000f_ffff_ffff_ffc0, 1 << min(size, 51),
        "2^\(log2) entries\(isTwoLevel ? " in two levels" : "")", "stream table", &problems)
    }
    for (name, shift, what) in [
      ("CMDQ_BASE", 4 as UInt64, "command queue"), ("EVENTQ_BASE", 5, "event queue"),
    ] {
      guard let base = values[name] else { continue }
      let log2 = bits(base, 4, 0)
      add(
        name, base & 0x000f_ffff_ffff_ffe0, 1 << min(log2 + shift, 51), "2^\(log2) entries", what,
        &problems)
    }
    return problems
  }

  private static func add(
    _ register: String, _ base: UInt64, _ alignment: UInt64, _ size: String, _ what: String,
    _ problems: inout [Problem]
  ) {
    guard base & (alignment - 1) != 0 else { return }
    problems.append(
      Problem(
        register: register, base: base, used: base & ~(alignment - 1), alignment: alignment,
        size: size,
        what: what))
  }
}
