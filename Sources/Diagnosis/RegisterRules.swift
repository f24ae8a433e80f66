internal import ArmFormats
internal import Bits
internal import Inspect

/// Rules on register dumps alone: queues that do not advance, active errors, disabled parts.
enum RegisterRules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(
      joined.facts.registers.flatMap { dump in
        commandQueue(dump) + eventQueue(dump) + translation(dump) + its(dump)
          + redistributor(dump, joined)
      })
  }

  /// Errors of SMMU_GERROR that software has not acknowledged: bits that differ from SMMU_GERRORN
  /// (IHI 0070, 6.3.17).
  private static func active(_ dump: Sourced<RegisterDump>) -> UInt64? {
    let values = dump.value.values
    return values["GERROR"].map { $0 ^ (values["GERRORN"] ?? 0) }
  }

  // MARK: SMMUv3

  private static func commandQueue(_ dump: Sourced<RegisterDump>) -> [Finding] {
    let values = dump.value.values
    guard let consumer = values["CMDQ_CONS"] else { return stopped(dump) }
    let error = CommandQueueError(consumer: UInt32(truncatingIfNeeded: consumer))
    // ERR is of meaning only while CMDQ_ERR is active.
    guard error.code != 0, active(dump).map({ $0 & 1 != 0 }) ?? true else { return stopped(dump) }
    let place =
      "SMMU_CMDQ_CONS is \(hex(consumer)): ERR = \(error.code) at index \(hex(UInt64(error.index)))"
    let sources = [dump.source(of: "CMDQ_CONS"), dump.source(of: "GERROR")]
    if error.error == .deviceTimeout {
      return [
        Finding(
          .cmdqAtcTimeout, 0.88, sources,
          means:
            "\(place), CERROR_ATC_INV_SYNC: a CMD_SYNC waits for an earlier CMD_ATC_INV whose device does not "
            + "answer. CONS does not say which device.",
          fix:
            "Find the device with ATS enabled that does not answer (reset, power, link), and disable ATS for it "
            + "(pci=noats) as a test.",
          missing: [
            MissingFile(.listing, "which function with ATS reads as all ones or has no link")
          ], explains: [.cmdqNotConsumed])
      ]
    }
    return [
      Finding(
        .cmdqIllegal, 0.88, sources,
        means: "\(place), "
          + (error.error == .illegal
            ? "CERROR_ILL: the command there is illegal, and the queue waits at it."
            : error.error == .abort
              ? "CERROR_ABT: the SMMU could not read the command there."
              : "a code that the manual reserves."),
        fix:
          "Read the command at that index (CMDQ_BASE + 16 * index) and compare it with what the ID registers "
          + "offer.",
        show: "doorbell decode command WORDS", explains: [.cmdqNotConsumed])
    ]
  }

  /// A queue that is off, or has commands that are not consumed.
  private static func stopped(_ dump: Sourced<RegisterDump>) -> [Finding] {
    let values = dump.value.values
    guard let asked = values["CR0"], let acknowledged = values["CR0ACK"] else { return [] }
    let enable: UInt64 = 1 << 3
    let isWaiting = values["CMDQ_PROD"].map { producer in
      producer & 0xf_ffff != (values["CMDQ_CONS"] ?? producer) & 0xf_ffff
    }
    guard acknowledged & enable == 0, asked & enable != 0 || isWaiting == true else { return [] }
    return [
      Finding(
        .cmdqNotConsumed, isWaiting == true ? 0.9 : 0.8,
        [dump.source(of: "CR0ACK"), dump.source(of: "CR0"), dump.source(of: "CMDQ_CONS")],
        means:
          "SMMU_CR0ACK is \(hex(acknowledged)), with CMDQEN (bit 3) clear"
          + (asked & enable != 0 ? ", though SMMU_CR0 \(hex(asked)) asks for it" : "")
          + ": the SMMU takes no commands"
          + (isWaiting == true
            ? ", and CMDQ_PROD is ahead of CMDQ_CONS, so that commands wait"
            : "")
          + ". It is off, in reset or without a clock under its driver, or lost its configuration.",
        fix: "Look at the SMMU's power domain and clock, and at who reset it without its driver.",
        explains: [.smmuDisabled])
    ]
  }

  private static func eventQueue(_ dump: Sourced<RegisterDump>) -> [Finding] {
    let values = dump.value.values
    var findings: [Finding] = []
    if let bits = active(dump), bits & 1 << 2 != 0 {
      findings.append(
        Finding(
          .evtqAbort, 0.85, [dump.source(of: "GERROR")],
          means:
            "SMMU_GERROR has EVENTQ_ABT_ERR (bit 2) active: the SMMU could not write to its event queue, and events "
            + "are lost, whatever they were.",
          fix:
            "Check EVENTQ_BASE: that its memory is still the queue's, and that the SMMU may write there."
        ))
    }
    // The overflow flag and its acknowledgement are equal when nothing was lost (IHI 0070, 7.4).
    if let producer = values["EVENTQ_PROD"], let consumer = values["EVENTQ_CONS"],
      (producer ^ consumer) & 1 << 31 != 0
    {
      findings.append(
        Finding(
          .evtqOverflow, 0.8, [dump.source(of: "EVENTQ_PROD"), dump.source(of: "EVENTQ_CONS")],
          means:
            "SMMU_EVENTQ_PROD.OVFLG and SMMU_EVENTQ_CONS.OVACKFLG differ: the event queue overflowed, and events are "
            + "lost, the first fault perhaps among them.",
          fix: "Look at the events in the queue, and quieten the device that fills it."))
    }
    return findings
  }

  private static func translation(_ dump: Sourced<RegisterDump>) -> [Finding] {
    let values = dump.value.values
    guard let asked = values["CR0"], let acknowledged = values["CR0ACK"],
      (asked | acknowledged) & 1 == 0, asked & 1 << 3 == 0
    else { return [] }
    let aborts = values["GBPA"].map { $0 & 1 << 20 != 0 }
    return [
      Finding(
        .smmuDisabled, 0.75, [dump.source(of: "CR0ACK"), dump.source(of: "GBPA")],
        means:
          "SMMU_CR0ACK is \(hex(acknowledged)): SMMUEN is clear, and the SMMU translates nothing"
          + (aborts == true
            ? "; SMMU_GBPA.ABORT is set, so that all accesses are aborted."
            : ", so that accesses pass as SMMU_GBPA says."),
        fix: "Find out whether the driver came up, and what switched the SMMU off.")
    ]
  }

  // MARK: GIC

  private static func its(_ dump: Sourced<RegisterDump>) -> [Finding] {
    guard let reader = dump.value.values["GITS_CREADR"], reader & 1 != 0 else { return [] }
    let place = reader & 0xf_ffe0
    return [
      Finding(
        .itsCommandStalled, 0.88,
        [dump.source(of: "GITS_CREADR"), dump.source(of: "GITS_CWRITER")],
        means:
          "GITS_CREADR is \(hex(reader)): the ITS stands at byte \(place) (\(hex(place))) of its command queue "
          + "with Stalled set (bit 0; IHI 0069, 12.19.4). It stopped at the command there, which has an error, and "
          + "all later ones wait behind it.",
        fix:
          "Read the 32 bytes at GITS_CBASER's address + \(hex(place)), and find what is wrong with that command.",
        show: "doorbell decode its-command WORDS")
    ]
  }

  private static func redistributor(
    _ dump: Sourced<RegisterDump>, _ joined: Joined
  ) -> [Finding] {
    guard let control = dump.value.values["GICR_CTLR"], control & 1 == 0 else { return [] }
    let silent = joined.functions.first(where: \.isSilent)
    return [
      Finding(
        .lpiNotEnabled, silent == nil ? 0.7 : 0.88,
        [dump.source(of: "GICR_CTLR"), silent?.interrupts.first?.source],
        means:
          "GICR_CTLR is \(hex(control)): EnableLPIs (bit 0) is clear, and the redistributor takes no LPIs, so that no "
          + "MSI that an ITS sends to this CPU is delivered.",
        fix:
          "Find out why the kernel did not enable them: no property or pending table, or firmware that "
          + "had them on before.",
        explains: [.deviceidUnmapped])
    ]
  }
}

extension Sourced where Value == RegisterDump {
  /// The line of a register.
  fileprivate func source(of name: String) -> Evidence? {
    value.values[name] == nil ? nil : value.sources[name] ?? source
  }
}
