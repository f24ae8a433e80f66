internal import Bits
internal import Firmware
internal import Inspect

/// The ITS, redistributors, GICv2m frames, and KVM's part.
enum ControllerRules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(
      timeouts(joined) + frames(joined) + absent(joined) + localInterrupts(joined) + storm(joined)
        + injection(joined))
  }

  // MARK: The command queue

  private static func timeouts(_ joined: Joined) -> [Finding] {
    var timeouts: [(KernelFacts, LoggedReport, UInt64, UInt64)] = []
    for (log, report) in joined.reports({ if case .itsTimeout = $0 { true } else { false } }) {
      if case .itsTimeout(let target, let reached) = report.content {
        timeouts.append((log, report, target, reached))
      }
    }
    guard let (log, report, target, reached) = timeouts.first else {
      return offlineTargets(joined)
    }
    let commands = joined.reports { if case .itsCommandFailed = $0 { true } else { false } }
    let builders = commands.compactMap { pair -> String? in
      guard case .itsCommandFailed(let name) = pair.report.content else { return nil }
      return LoggedReport.command(builtBy: name)
    }
    let source = line(log, report)
    let failed = commands.prefix(3).map { Optional.some(line($0.log, $0.report)) }
    let isStalled = reached & 1 == 1
    let position = reached & ~1
    let isFirst = position < 0x40 && target <= 0x400
    let high = log.interruptTables.first { $0.value > 0xffff_ffff }
    if isFirst {
      let isHigh = high != nil
      let finding = Finding(
        .itsMemoryUnreachable, isHigh ? 0.85 : isStalled ? 0.55 : 0.65,
        [source] + failed + [high?.source, log.machineModel?.source],
        means:
          "The ITS got no further than byte \(position) of its command queue: it has carried out not "
          + "one command (ITS queue timeout, \(builders.first ?? "the first command")), so that it reads "
          + "nothing sensible there."
          + (isHigh
            ? " Its tables are above 4 GiB (\(hex(high?.value ?? 0))), which an ITS with 32 address bits does "
              + "not reach."
            : " It cannot reach or does not see that memory: an ITS with fewer address bits than the "
              + "machine has memory, or one whose accesses are not coherent."),
        fix:
          "Use a kernel with the erratum's workaround for this SoC (tables below 4 GiB, or non-coherent "
          + "accesses), and say so in the device tree (dma-noncoherent).",
        explains: [.lpiTargetCpuOffline])
      guard isStalled else { return [finding] }
      return [finding, stalled(source, failed, position, builders, 0.5)]
    }
    if isStalled { return [stalled(source, failed, position, builders, 0.88)] }
    return offline(joined, source, failed, position, builders)
  }

  private static func line(_ log: KernelFacts, _ report: LoggedReport) -> Evidence {
    Evidence(file: log.file, line: report.firstLine, text: KernelFacts.shown(report.text))
  }

  private static func stalled(
    _ source: Evidence, _ failed: [Evidence?], _ position: UInt64, _ builders: [String],
    _ confidence: Double
  ) -> Finding {
    Finding(
      .itsCommandStalled, confidence, [source] + failed,
      means: "The ITS stands at byte \(position) of its command queue with Stalled set (bit 0 of "
        + "GITS_CREADR; IHI 0069, 12.19.4): it stopped at a command with an error. "
        + (builders.isEmpty
          ? "" : "The driver was waiting for \(builders.prefix(3).joined(separator: ", ")). ")
        + "All later commands wait behind it.",
      fix:
        "Find what is wrong with that command: a DeviceID or EventID out of range, a collection without "
        + "a target, or a table in memory that the ITS does not read. GITS_STATUSR or the vendor's error "
        + "register may say which.",
      show: "doorbell decode its-command WORDS")
  }

  private static func offline(
    _ joined: Joined, _ source: Evidence, _ failed: [Evidence?], _ position: UInt64,
    _ builders: [String]
  ) -> [Finding] {
    let processors = Processors(joined)
    let missing = processors.offline
    guard !missing.isEmpty else {
      return [
        Finding(
          .itsCommandStalled, 0.45, [source] + failed,
          means:
            "The ITS stands at byte \(position) of its command queue (ITS queue timeout), not stalled by an "
            + "error: a SYNC waits for a redistributor, or the ITS does not run.",
          fix: "Find out which command stands there and which redistributor it waits for."),
        Finding(
          .lpiTargetCpuOffline, 0.4, [source] + failed,
          means: "A SYNC may wait for the redistributor of a CPU that is not online.",
          fix: "Compare the CPUs that are online with those that interrupts are bound to.",
          missing: [
            MissingFile(.interrupts, "whether vectors of certain CPUs stay at zero"),
            MissingFile(.dmesg, "how many CPUs came up of how many"),
          ]),
      ]
    }
    let dead = joined.facts.interrupts.filter { row in
      row.isMessage && row.total == 0
        && joined.facts.affinities[row.number].map { $0.value.allSatisfy(missing.contains) } == true
    }
    let names = dead.prefix(6).map(\.names).filter { !$0.isEmpty }
    let lost = joined.lostInterrupts.first
    return [
      Finding(
        .lpiTargetCpuOffline, dead.isEmpty ? 0.7 : 0.92,
        [source] + failed + processors.sources.map(Optional.some)
          + dead.prefix(3).map { Optional.some($0.source) }
          + dead.prefix(2).map { joined.facts.affinities[$0.number]?.source } + [lost?.source],
        means:
          "The ITS stands at byte \(position) of its command queue, which is no error of a command "
          + "(bit 0, Stalled, is clear), and the driver's commands (\(builders.prefix(3).joined(separator: ", "))) "
          + "run into an ITS queue timeout. \(processors.text), so that the collections of CPUs "
          + "\(Processors.list(missing)) have no redistributor as target (no MAPC); a SYNC for one of them "
          + "never completes."
          + (names.isEmpty
            ? ""
            : " Interrupts bound to those CPUs stay at zero: \(names.joined(separator: ", "))."),
        fix:
          "Boot all CPUs (drop maxcpus= or nr_cpus=), or use a kernel whose its_set_affinity chooses among "
          + "the CPUs that are online.",
        show: "doorbell explain", explains: [.itsCommandStalled, .itsMemoryUnreachable])
    ]
  }

  /// Vectors that stand at zero and are bound to CPUs that do not run, where others count and the
  /// ITS's driver complains of nothing.
  private static func offlineTargets(_ joined: Joined) -> [Finding] {
    let processors = Processors(joined)
    guard !processors.offline.isEmpty else { return [] }
    let missing = Set(processors.offline)
    let dead = joined.facts.interrupts.filter { row in
      row.isMessage && row.total == 0
        && joined.facts.affinities[row.number].map { $0.value.allSatisfy(missing.contains) } == true
    }
    let isCounting = joined.facts.interrupts.contains { $0.isMessage && $0.total > 0 }
    guard !dead.isEmpty, isCounting else { return [] }
    let names = dead.prefix(6).map(\.names).joined(separator: ", ")
    return [
      Finding(
        .lpiTargetCpuOffline, joined.lostInterrupts.isEmpty ? 0.7 : 0.85,
        dead.prefix(3).map { Optional.some($0.source) }
          + dead.prefix(3).map { joined.facts.affinities[$0.number]?.source }
          + processors.sources.map(Optional.some) + [joined.lostInterrupts.first?.source],
        means:
          "\(processors.text), and \(names) \(dead.count == 1 ? "is" : "are") bound to such CPUs alone and "
          + "stand\(dead.count == 1 ? "s" : "") at zero, while vectors of running CPUs count: the collection of a "
          + "CPU that is not online has no redistributor as target.",
        fix:
          "Bring the CPUs up, or bind those interrupts to CPUs that run; a managed interrupt "
          + "follows when its CPU comes online.",
        explains: [.deviceidUnmapped])
    ]
  }

  // MARK: GICv2m frames

  private static func frames(_ joined: Joined) -> [Finding] {
    let logged = joined.facts.logs.flatMap(\.messageFrames)
    let tables = joined.platforms.compactMap { platform -> (UInt32, UInt32)? in
      platform.facts.messageSPIs.map { ($0.lowerBound, $0.upperBound - 1) }
    }
    let count = logged.reduce(0) { $0 + $1.value.interrupts.count }
    let size = count > 0 ? count : tables.first.map { Int($0.1 - $0.0) + 1 } ?? 0
    guard size > 0 else { return [] }
    let taken = joined.facts.interrupts.filter { $0.controller == .messageFrame }
    let refused = joined.notices(.messagesUnavailable)
    let isFull = taken.count >= size
    guard isFull || !refused.isEmpty && taken.isEmpty else { return [] }
    // Devices that fell back to a wired interrupt, in the table of interrupts.
    let named = Set(refused.compactMap(\.function))
    let wired = joined.facts.interrupts.filter { row in
      !row.isMessage
        && row.names.split(separator: ",").contains { name in
          let name = name.drop { $0 == " " }
          return joined.functions.contains { function in
            function.names.contains { name.hasPrefix($0) }
              && !taken.contains { $0.function == function.function }
          }
        }
    }
    let poor = joined.functions.filter { function in
      named.contains(function.function)
        || wired.contains { row in function.names.contains { row.names.contains($0) } }
    }
    let range = logged.first?.value.interrupts ?? tables.first.map { $0.0...$0.1 } ?? 0...0
    let users = Dictionary(grouping: taken, by: \.function).filter { $0.key != nil }
    let list = users.sorted { $0.value.count > $1.value.count }.prefix(6).compactMap { pair in
      pair.key.map { "\($0) \(pair.value.count)" }
    }
    return [
      Finding(
        .gicv2mSpisExhausted,
        isFull && !(refused.isEmpty && wired.isEmpty) ? 0.95 : isFull ? 0.75 : 0.6,
        logged.prefix(2).map { Optional.some($0.source) }
          + refused.prefix(4).map { Optional.some($0.source) }
          + wired.prefix(4).map { Optional.some($0.source) } + [
            taken.last?.source, command(joined),
          ],
        means:
          "Without an ITS each MSI vector takes one SPI of the GICv2m frame, which has \(size) "
          + "(\(range.lowerBound) to \(range.upperBound)). "
          + (isFull
            ? "All \(size) are taken (\(list.joined(separator: ", "))). " : "")
          + (poor.isEmpty
            ? "A device that comes later gets none (ENOSPC)"
            : "For \(poor.map(\.title).joined(separator: ", ")) there is no SPI left (ENOSPC)")
          + ", and its driver makes do with fewer queues or a wired interrupt: nothing faults, it is slow.",
        fix:
          "Give the guest an ITS (its=on, the default with gic-version=3), or give each device fewer "
          + "vectors, so that all fit in \(size) SPIs.",
        show: "doorbell compare --design gicv2m", explains: [.itsAbsent, .msiNotEnabled])
    ]
  }

  private static func command(_ joined: Joined) -> Evidence? { joined.facts.commands.first?.source }

  private static func absent(_ joined: Joined) -> [Finding] {
    let refused = joined.notices(.messagesUnavailable)
    for log in joined.facts.logs where log.itses.isEmpty && log.messageFrames.isEmpty {
      // The log begins with the boot, in which an ITS would show.
      guard log.release != nil, log.hasVirtualLPIs != nil || log.guestMarks > 0 else { continue }
      let own = refused.filter { $0.source.file == log.file }
      let platform = joined.platforms.first { $0.facts.knowsInterruptControllers }
      let isWithout = platform.map { $0.facts.itses.isEmpty && $0.facts.messageFrames.isEmpty }
      let command = joined.facts.commands.first { $0.machine["its"] == "off" }
      guard
        !own.isEmpty || command != nil && own.isEmpty == false
          || isWithout == true && !joined.lostInterrupts.isEmpty
      else { continue }
      let devices = own.compactMap(\.function).map { "\($0)" }
      return [
        Finding(
          .itsAbsent, isWithout == true || command != nil ? 0.9 : 0.75,
          own.prefix(4).map { Optional.some($0.source) } + [
            command?.source, log.hasVirtualLPIs?.source,
          ]
            + [
              platform.map {
                Evidence(
                  file: $0.set.names[.madt] ?? $0.set.folder, line: nil,
                  text: "no ITS and no MSI frame")
              }
            ],
          means: "The machine has no ITS and no GICv2m frame: the log finds neither at boot"
            + (isWithout == true ? ", and the tables list none" : "")
            + (command != nil ? ", and the VM was started with its=off" : "")
            + ". MSIs have nowhere to go, so that vectors cannot be allocated"
            + (devices.isEmpty
              ? "" : " for \(Set(devices).sorted().prefix(6).joined(separator: ", "))")
            + " and drivers fall back to wired interrupts or fail.",
          fix:
            "Give the machine an ITS (its=on with gic-version=3), and describe it in the MADT or device "
            + "tree.",
          explains: [.msiNotEnabled])
      ]
    }
    return []
  }

  // MARK: LPIs

  private static func localInterrupts(_ joined: Joined) -> [Finding] {
    guard let notice = joined.notices(.lpiFault).first else { return [] }
    let registers = joined.facts.registers.first { $0.value.values["GICR_CTLR"] != nil }
    return [
      Finding(
        .lpiNotEnabled, 0.82,
        [notice.source, registers?.source, joined.lostInterrupts.first?.source],
        means: "LPIs are not under the kernel's control in a redistributor: \(notice.source.text) "
          + "GICR_CTLR.EnableLPIs with its tables can be set only once on most implementations, so that a "
          + "kernel that finds it set by firmware or by the kernel before it (kexec) cannot give it tables "
          + "of its own, and MSIs of that CPU do not arrive.",
        fix: "Have the firmware leave LPIs off, or reserve the old tables for the new kernel (EFI "
          + "memory reservations, since Linux 4.20), and boot without kexec as a test.")
    ]
  }

  // MARK: Storms

  private static func storm(_ joined: Joined) -> [Finding] {
    let disabled = joined.notices(.interruptDisabled).first
    let messages = joined.facts.interrupts.filter(\.isMessage).sorted { $0.total > $1.total }
    let stall = joined.notices(.stall).first
    guard let top = messages.first ?? nil else {
      guard let disabled else { return [] }
      return [stormFinding(nil, disabled, stall, 0.6)]
    }
    let second = messages.dropFirst().first?.total ?? 0
    // A busy vector of an assigned device is busy because the guest's device is, and one of a machine
    // that runs for months has counted much: the timer tells how long it ran.
    let timer = joined.facts.interrupts.filter { $0.role == .timer }.map(\.total).max()
    let isFast = timer.map { top.total / 10 > $0 } ?? true
    let isOutlier =
      top.total > 20_000_000 && top.total / 100 > second
      && (stall != nil || top.role != .relayed && isFast)
    if let disabled {
      let row = messages.first { $0.number == disabled.number }
      guard row != nil || isOutlier || disabled.number == nil else { return [] }
      return [stormFinding(row ?? top, disabled, stall, 0.88)]
    }
    let isKnown = stall != nil ? 0.85 : timer != nil ? 0.8 : 0.6
    return isOutlier ? [stormFinding(top, nil, stall, isKnown)] : []
  }

  private static func stormFinding(
    _ row: InterruptRow?, _ disabled: Notice?, _ stall: Notice?, _ confidence: Double
  ) -> Finding {
    let who =
      row.map { "\($0.names) (interrupt \($0.number)\($0.function.map { ", \($0)" } ?? ""))" }
      ?? "An interrupt"
    return Finding(
      .msiStorm, confidence, [row?.source, disabled?.source, stall?.source],
      means: "\(who) fires without end"
        + (row.map { ": \($0.total) times" } ?? "")
        + (disabled == nil
          ? "" : ", and no handler claims it, so that the kernel switched it off (nobody cared)")
        + ". The device keeps sending, or the vector is raised again before its cause is cleared.",
      fix:
        "Look at what the driver does in its handler for this vector, and mask the vector in the device; "
        + "a route that leads to the wrong EventID makes the same picture.")
  }

  // MARK: Direct injection

  /// Slow is what such a machine is at most: where something fails, it is not the cause of that.
  private static func injection(_ joined: Joined) -> [Finding] {
    let isFailing =
      !joined.events.isEmpty || !joined.lostInterrupts.isEmpty
      || joined.facts.complaints.contains { !$0.isWarning }
    return relayed(joined).map { finding in
      var finding = finding
      if isFailing { finding.confidence = min(finding.confidence, 0.4) }
      return finding
    }
  }

  private static func relayed(_ joined: Joined) -> [Finding] {
    let relayed = joined.facts.interrupts.filter {
      $0.role == .relayed && $0.total > 10_000
    }
    guard let busiest = relayed.max(by: { $0.total < $1.total }) else { return bypass(joined, nil) }
    let host = joined.facts.logs.first { $0.side == .host } ?? joined.facts.logs.first
    let count = relayed.reduce(0) { $0 &+ $1.total }
    let tail =
      "\(relayed.count) vectors of VFIO counted \(count) interrupts on the host: each MSI of the "
      + "assigned device is an interrupt of the host, which KVM then injects"
    if host?.hasVirtualLPIs?.value == false {
      return [
        Finding(
          .gicv4Absent, 0.85, [busiest.source, host?.hasVirtualLPIs?.source],
          means:
            "\(tail). The machine's GIC has no virtual LPIs (GICv3), so that it cannot inject directly.",
          fix:
            "None on this machine: direct injection needs GICv4 or later. Fewer vectors, coalescing or "
            + "polling in the guest lower the cost.",
          show: "doorbell load")
      ]
    }
    if let off = host?.isDirectInjectionOn, !off.value {
      let isAsked = host?.commandLine?.value.contains("vgic_v4_enable=1") == true
      return [
        Finding(
          .gicv4NotEnabled, isAsked ? 0.5 : 0.9,
          [busiest.source, off.source, host?.hasVirtualLPIs?.source, host?.commandLine?.source],
          means:
            "\(tail). The GIC can inject directly, and KVM says that GICv4 support is disabled: it is off "
            + "unless kvm-arm.vgic_v4_enable=1 stands on the kernel's command line.",
          fix: "Boot the host with kvm-arm.vgic_v4_enable=1.", show: "doorbell load",
          explains: [.gicv4RouteFallback])
      ]
    }
    return bypass(joined, busiest)
  }

  private static func bypass(_ joined: Joined, _ busiest: InterruptRow?) -> [Finding] {
    let failed = joined.notices(.bypassFailed).first
    let isOn = joined.facts.logs.lazy.compactMap(\.isDirectInjectionOn).first { $0.value }
    guard failed != nil || isOn != nil && busiest != nil else { return [] }
    return [
      Finding(
        .gicv4RouteFallback, failed == nil ? 0.75 : 0.88,
        [failed?.source, busiest?.source, isOn?.source],
        means: "Direct injection is on, and a vector fell back to the host's interrupt"
          + (busiest.map { " (\($0.names) counted \($0.total))" } ?? "")
          + (failed == nil ? "" : ": its registration for irq bypass failed")
          + ". KVM forwards a vector only where the route's address is that of a virtual ITS and the "
          + "(DeviceID, EventID) is mapped there (kvm_vgic_v4_set_forwarding), and falls back without a word "
          + "otherwise.",
        fix:
          "Check that the VM has a virtual ITS, that the VMM sets DeviceID and doorbell in its routes, and "
          + "that the host has vPEIDs left.",
        show: "doorbell compare --design route-as-is")
    ]
  }
}

/// Which CPUs run of those that could.
struct Processors {
  let offline: [Int]
  let text: String
  let sources: [Evidence]

  init(_ joined: Joined) {
    let log = joined.facts.logs.first { $0.bootedCPUs != nil && $0.possibleCPUs != nil }
    let possible =
      joined.facts.possibleCPUs?.value
      ?? log?.possibleCPUs.map { Array(0..<max(0, min($0.value, 4096))) }
    let online =
      joined.facts.onlineCPUs?.value
      ?? log?.bootedCPUs.map { Array(0..<max(0, min($0.value, 4096))) }
      ?? (joined.facts.countedCPUs.isEmpty ? nil : joined.facts.countedCPUs)
    let limit = joined.facts.logs.lazy.compactMap(\.commandLine).first {
      $0.value.contains("maxcpus=") || $0.value.contains("nr_cpus=")
    }
    if let possible, let online {
      let running = Set(online)
      offline = possible.filter { !running.contains($0) }
      text =
        "\(possible.count) CPUs are possible and \(online.count) are online"
        + (limit == nil ? "" : " (maxcpus= on the command line)") + "; the others are not online"
    } else {
      (offline, text) = ([], "")
    }
    sources = [
      limit?.source, log?.bootedCPUs?.source, joined.facts.onlineCPUs?.source,
      joined.facts.possibleCPUs?.source,
    ].compactMap(\.self)
  }

  static func list(_ numbers: [Int]) -> String {
    guard let first = numbers.first, let last = numbers.last else { return "" }
    return last - first + 1 == numbers.count && numbers.count > 1
      ? "\(first)-\(last)" : numbers.prefix(16).map(String.init).joined(separator: ", ")
  }
}
