internal import ArmFormats
internal import Bits
internal import Firmware
internal import Inspect

/// Rules on a host's MSI window that a guest does not map: the content of its tables, and their
/// reader.
///
/// A device that is assigned by VFIO holds the host's address, in the software MSI window. Behind a
/// nested SMMU that address goes through the guest's stage 1 first, where only an RMR makes the
/// guest's kernel map it (`iommu_create_device_direct_mappings`).
enum WindowRules {
  static func find(_ joined: Joined) -> [Finding] {
    let events = windowEvents(joined)
    var findings: [Finding] = []
    var seen: Set<String> = []
    for event in events {
      guard seen.insert("\(event.report.device) \(event.stream)").inserted, seen.count <= 16 else {
        continue
      }
      findings += find(joined, event, events)
    }
    return Findings.best(findings + withoutEvent(joined, seen: !events.isEmpty))
  }

  /// Writes to a doorbell in the window that the guest's stage 1 refused.
  static func windowEvents(_ joined: Joined) -> [JoinedEvent] {
    joined.events.filter { event in
      !event.isStage2 && event.record.couldBeMessage && !event.event.missing.contains(2)
        && event.address & 0xfff == 0x040
        && joined.windows.contains { $0.contains(event.address) }
        && (event.side != .host || joined.isAccelerated)
    }
  }

  private static func find(
    _ joined: Joined, _ event: JoinedEvent, _ all: [JoinedEvent]
  ) -> [Finding] {
    let window = WindowCase(joined, event)
    return window.findings
  }

  /// An RMR that the guest's kernel lists as relaxable, under VFIO in the guest.
  /// Devices of a nested guest whose interrupts do not arrive, without an event in the files: the
  /// host's event queue has the fault, or it was not read.
  private static func withoutEvent(_ joined: Joined, seen: Bool) -> [Finding] {
    let nested = VFIOInGuest.find(joined)
    guard !seen, nested.isEmpty, joined.isAccelerated else { return nested }
    for function in joined.functions where function.isSilent && function.driver != "vfio-pci" {
      guard let index = function.platform, joined.platforms[index].set.tables.iort != nil,
        let stream = function.route?.stream,
        let source = function.notices.first(where: { $0.kind == .lostInterrupt })?.source
          ?? function.interrupts.first(where: { $0.total == 0 })?.source,
        let log = joined.facts.logs.firstIndex(where: { $0.side != .host && $0.release != nil })
      else { continue }
      let window = joined.windows[0]
      let event = LoggedEvent(
        words: [UInt64(stream.id) << 32 | 0x10, 0x200_0000_0000, window.lowerBound | 0x40, 0],
        isRaw: false)
      var assumed = JoinedEvent(
        event: event,
        report: LoggedReport(
          device: "", content: .event(event), firstLine: 0, lastLine: 0, text: ""), log: log,
        source: source)
      assumed.function = function.function
      assumed.how = .mapped
      (assumed.platform, assumed.smmu) = (index, stream.smmu)
      guard
        !joined.regions(of: function.function).contains(where: {
          $0.type == "direct" && $0.range.contains(assumed.address)
        })
      else { continue }
      let found = WindowCase(joined, assumed, isAssumed: true).findings
      guard !found.isEmpty else { continue }
      return found.map { finding in
        var finding = finding
        finding.confidence *= 0.85
        return finding
      }
    }
    return nested
  }
}

/// One device that writes to the window in vain.
private struct WindowCase {
  let joined: Joined
  let event: JoinedEvent
  let log: Int?
  /// Whether no event is in the files: only that interrupts do not arrive.
  let isAssumed: Bool

  init(_ joined: Joined, _ event: JoinedEvent, isAssumed: Bool = false) {
    (self.joined, self.event, self.log, self.isAssumed) = (joined, event, event.log, isAssumed)
  }

  var findings: [Finding] {
    if let finding = beforeReservedRanges ?? deviceTree { return [finding] }
    guard let platform = tables else { return withoutTables }
    return inTables(platform)
  }

  private var device: String { event.who }
  private var address: String { hex(event.address) }
  private var release: Sourced<KernelRelease>? {
    if let log, joined.facts.logs[log].side != .host, let own = joined.facts.logs[log].release {
      return own
    }
    return joined.release(of: .guest)
  }

  /// The lines that show that the MSI is lost.
  private var signs: [Evidence?] {
    let lost = joined.lostInterrupts.first {
      $0.function == nil || event.function == nil || $0.function == event.function
    }
    let silent = event.function.flatMap { joined.function($0) }?.interrupts.first { $0.total == 0 }
    return [event.source, lost?.source, silent?.source] + regionLines.map(Optional.some)
  }

  private var regionLines: [Evidence] {
    joined.regions(of: event.function).filter { $0.range.contains(event.address) }.map(\.source)
  }

  private var symptom: String {
    if isAssumed {
      return
        "interrupts of \(device) do not arrive. Assigned behind a nested SMMU, it holds the host's "
        + "address \(address), in the window where the host maps doorbells, so that the guest's kernel has "
        + "to map that page one to one in stage 1, and it does so for a reserved memory range (RMR) of "
        + "the IORT alone"
    }
    return
      "\(device) writes its MSI to \(address), which is in the window where the host maps doorbells, and "
      + "stage 1 has no mapping there (\(event.kind)). The device holds the host's address, so that "
      + "the guest's kernel has to map that page one to one, and it does so for a reserved memory "
      + "range (RMR) of the IORT alone"
  }

  var tables: (set: FirmwareSet, facts: PlatformFacts)? {
    if let index = event.platform, joined.platforms[index].set.tables.iort != nil {
      return joined.platforms[index]
    }
    return joined.platforms(of: event).map { joined.platforms[$0] }.first {
      $0.set.tables.iort != nil
    }
  }

  /// Linux reads RMRs since 6.0 (`iort_get_rmr_sids`, 491cf4a6735a).
  var beforeReservedRanges: Finding? {
    guard let release, release.value < KernelRelease(6, 0) else { return nil }
    // Tables without a fitting RMR would be at fault too.
    let fitting = tables.map { Self.cover($0.facts, event).isEmpty == false } ?? false
    return Finding(
      .guestKernelBeforeRmr,
      (fitting ? 0.93 : tables == nil ? 0.75 : 0.6) - (release.value.hasBackports ? 0.2 : 0),
      [release.source] + signs + [fitting ? tables.flatMap { ranges(of: $0).first } : nil],
      means:
        "\(symptom); that is since Linux 6.0. This guest runs \(release.value), which reads no "
        + "RMR, whatever the tables say"
        + (release.value.hasBackports ? ", unless its distributor took that change over." : "."),
      fix:
        "Run a guest kernel of 6.0 or later (RMR support of IORT revision E.d), or keep the device "
        + "out of the virtual SMMU.",
      show: "doorbell compare --design rmr-identity --guest-kernel \(release.value.short)",
      explains: [.rmrAbsent, .rmrNoDsm5])
  }

  /// Guests with a device tree have no IORT, and no binding reserves the window for functions.
  var deviceTree: Finding? {
    guard let log, tables == nil else { return nil }
    let facts = joined.facts.logs[log]
    guard !facts.hasACPI, let model = facts.machineModel else { return nil }
    return Finding(
      .rmrDeviceTree, 0.85, [model.source] + signs,
      means: "\(symptom). This guest boots with a device tree (\(model.value)), which has no IORT, "
        + "and nothing in it reserves the window for the functions behind the host bridge.",
      fix: "Boot the guest by UEFI with ACPI tables, so that the VMM's IORT with its RMR is read.",
      show: "doorbell compare --guest-firmware device-tree", explains: [.rmrAbsent])
  }

  // MARK: Without the tables

  var withoutTables: [Finding] {
    guard !joined.windows.isEmpty else { return [] }
    let revision = log.flatMap { joined.facts.logs[$0].iortRevision }
    if let revision, revision.value < 5 {
      return [
        Finding(
          .rmrRevisionTooOld, 0.6, [revision.source] + signs,
          means: "\(symptom), of a table of revision 5 or later. The log lists an IORT of revision "
            + "\(revision.value): if it has an RMR, Linux ignores it (iort_find_rmrs).",
          fix:
            "Have the VMM write the IORT with revision 5 (DEN 0049E.d) and an RMR for the window.",
          missing: [MissingFile(.iort, "whether it has an RMR at all")], explains: [.rmrAbsent])
      ]
    }
    let hasDirect = joined.regions(of: event.function).contains {
      $0.type.hasPrefix("direct") && $0.range.contains(event.address)
    }
    if let relaxable = joined.regions(of: event.function).first(where: {
      $0.type == "direct-relaxable" && $0.range.contains(event.address)
    }) {
      return [
        Finding(
          .rmrRelaxable, 0.75, signs + [relaxable.source],
          means:
            "\(device) writes its MSI to \(address) and faults in stage 1. The group lists the range as "
            + "direct-relaxable: its RMR permits remapping, so that it is mapped one to one for the "
            + "kernel's own driver and not where the device is assigned again.",
          fix: "Have the VMM clear the flag 'remapping permitted' of the RMR.",
          show: "doorbell compare --design rmr-relaxable --guest-usage vfio",
          missing: [MissingFile(.iort, "the flags of the RMR")])
      ]
    }
    guard !hasDirect else { return listedAndUnmapped }
    let missing =
      [
        MissingFile(
          .iort,
          "whether an RMR covers \(address) for StreamID \(hex(UInt64(event.stream))) of this SMMU, "
            + "in a table of revision 5"),
        MissingFile(
          .dsdt, "whether the host bridge has _DSM function 5, without which RMRs are ignored"),
      ]
      + (release == nil
        ? [MissingFile(.dmesg, "the guest's kernel release: before 6.0 no RMR is read")] : [])
      + (regionLines.isEmpty
        ? [MissingFile(.regions, "whether the group lists the window as direct, or as msi alone")]
        : [])
    let known = regionLines.isEmpty ? 0.0 : 0.1
    func candidate(_ cause: Cause, _ confidence: Double, _ text: String, _ fix: String) -> Finding {
      Finding(
        cause, confidence, signs, means: "\(symptom). \(text)", fix: fix, missing: missing)
    }
    return [
      candidate(
        .rmrAbsent, 0.3 + known, "The guest's IORT may have no RMR.",
        "Have the VMM write an RMR for the window, as QEMU does for accel=on since 11.0."),
      candidate(
        .rmrNoDsm5, 0.25 + known,
        "An RMR may be there and ignored, as the host bridge has no _DSM function 5 (value 0).",
        "Have the VMM add function 5 to the host bridge's _DSM."),
      candidate(
        .rmrWrongIds, 0.15, "The RMR's ID mapping may not cover this StreamID.",
        "Have the VMM write the RMR for all StreamIDs behind the bridge."),
      candidate(
        .rmrOtherSmmu, 0.1, "The RMR may refer to another SMMU.",
        "Have the VMM write one RMR for each SMMU."),
    ]
      + (release == nil
        ? [
          candidate(
            .guestKernelBeforeRmr, 0.12, "The guest's kernel may be older than 6.0.",
            "Run a guest kernel of 6.0 or later.")
        ] : [])
  }

  /// The kernel lists the range as direct, and it is not mapped all the same: another domain.
  private var listedAndUnmapped: [Finding] {
    [
      Finding(
        .msiInOtherDomain, 0.5, signs,
        means:
          "\(device) writes to \(address) and faults in stage 1, though the group lists the range "
          + "as direct: the domain that is attached now is not the one in which the kernel mapped it.",
        fix: "Find out which domain is attached (iommu:attach_device_to_domain), and that direct "
          + "regions are mapped in it.",
        missing: [MissingFile(.mappings, "which domain is attached, and what it maps")])
    ]
  }

  // MARK: In the tables

  func inTables(_ platform: (set: FirmwareSet, facts: PlatformFacts)) -> [Finding] {
    let facts = platform.facts
    let rmrs = facts.reserved
    let iort = platform.set.names[.iort] ?? platform.set.folder
    func table(_ text: String) -> Evidence { Evidence(file: iort, line: nil, text: text) }
    guard !rmrs.isEmpty else {
      return [
        Finding(
          .rmrAbsent, 0.93, signs + [table("no RMR node among \(nodeCount(platform)) nodes")],
          means: "\(symptom). This IORT has no RMR node at all.",
          fix: "Have the VMM write an RMR for \(windowText) and the StreamIDs behind each assigned "
            + "device's bridge, as QEMU does for accel=on since 11.0.",
          show: "doorbell compare --design no-rmr --design rmr-identity",
          explains: [.rmrNoDsm5])
      ]
    }
    if rmrs.allSatisfy({ !$0.isHeeded }) {
      let revision = platform.set.tables.iort?.revision ?? 0
      return [
        Finding(
          .rmrRevisionTooOld, 0.93,
          signs + [table("revision \(revision)")] + ranges(of: platform).map(Optional.some),
          means:
            "\(symptom), in a table of revision 5 or later (iort_find_rmrs). This table has an RMR "
            + "and is of revision \(revision), so that Linux ignores it.",
          fix: "Have the VMM write revision 5 into the IORT's header; the node stays as it is.",
          explains: [.rmrAbsent, .rmrNoDsm5])
      ]
    }
    let inRange = rmrs.filter { $0.base <= event.address && event.address <= $0.last ?? 0 }
    guard !inRange.isEmpty else {
      return [
        Finding(
          .rmrWrongRange, 0.9, signs + ranges(of: platform).map(Optional.some),
          means: "\(symptom). The RMR of this table is for "
            + "\(rmrs.map(Self.span).joined(separator: " and ")), which does not contain \(address).",
          fix: "Have the VMM write the RMR for the host's window, \(windowText) "
            + "(reserved_regions of the host's group, type msi).",
          show: "doorbell compare --design rmr-moved-window", explains: [.rmrAbsent, .rmrNoDsm5])
      ]
    }
    // An event in the host's log has the host's StreamID, which the guest's tables do not name.
    if event.side != .host, let finding = wrongStreams(inRange, platform, table) {
      return [finding]
    }
    return heeded(inRange, platform, table)
  }

  /// The RMR names other streams than the device's.
  private func wrongStreams(
    _ ranges: [PlatformFacts.ReservedRange], _ platform: (set: FirmwareSet, facts: PlatformFacts),
    _ table: (String) -> Evidence
  ) -> Finding? {
    let stream = event.stream
    let smmu = smmu(in: platform.facts)
    let all = ranges.flatMap(\.streams)
    let ours = all.filter { smmu == nil || $0.smmu == smmu }
    let lines = self.ranges(of: platform).map(Optional.some)
    let smmuText = smmu.map { Self.name(platform.facts.smmus[$0]) } ?? "its SMMU"
    let place = event.report.device.isEmpty ? "" : " (\(event.report.device) in the log)"
    if let cover = ours.first(where: { $0.ids.contains(stream) }) {
      guard cover.ids.count == 1, platform.set.tables.iort != nil else { return nil }
      return Finding(
        .rmrSingleIdSkipped, 0.85, signs + lines,
        means:
          "\(symptom). The RMR's ID mapping has one ID, \(hex(UInt64(stream))) (its count field, the "
          + "number less one, is 0), and the kernel's reader of RMRs skips a mapping whose count is 0.",
        fix: "Have the VMM write a mapping of more than one ID, for all functions of the bus.",
        explains: [.rmrWrongIds, .rmrAbsent, .rmrNoDsm5])
    }
    guard ours.isEmpty || all.contains(where: { $0.smmu != smmu && $0.ids.contains(stream) }) else {
      return Finding(
        .rmrWrongIds, 0.92, signs + lines,
        means: "\(symptom), and for the StreamIDs that its ID mapping names. The RMR of this table "
          + "names \(Self.ids(ours)) of \(smmuText); the device has \(hex(UInt64(stream))).",
        fix: "Have the VMM write the RMR's ID mapping for all requester IDs behind the bridge, "
          + "\(hex(UInt64(stream))) among them.",
        explains: [.rmrAbsent, .rmrNoDsm5])
    }
    let other = all.map { Self.name(platform.facts.smmus[$0.smmu]) }
    return Finding(
      .rmrOtherSmmu, 0.93,
      signs + lines + [table("SMMU of the device: \(smmuText)")] + workingDevice(platform.facts),
      means: "\(symptom), and for the SMMU that its ID mapping refers to (iort_node_get_rmr_info). "
        + "The RMR refers to \(Set(other).sorted().joined(separator: ", ")); the device is behind "
        + "\(smmuText)\(place), for which the table has none.",
      fix:
        "Have the VMM write one RMR for each SMMUv3 with an assigned device: one more for StreamID "
        + "\(hex(UInt64(stream))) that refers to \(smmuText).",
      explains: [.rmrAbsent, .rmrWrongIds, .rmrNoDsm5])
  }

  /// A function of another SMMU for which it works, where there is one.
  private func workingDevice(_ facts: PlatformFacts) -> [Evidence?] {
    joined.functions.filter { $0.function != event.function && ($0.interruptCount ?? 0) > 0 }
      .prefix(1).map { $0.interrupts.first { $0.total > 0 }?.source }
  }

  /// The range covers the device: whether Linux heeds it depends on the bridge.
  private func heeded(
    _ ranges: [PlatformFacts.ReservedRange], _ platform: (set: FirmwareSet, facts: PlatformFacts),
    _ table: (String) -> Evidence
  ) -> [Finding] {
    let lines = self.ranges(of: platform).map(Optional.some)
    let dsdt = platform.set.names[.dsdt]
    let (configuration, bridge) = bridge(platform)
    func dsm(_ text: String) -> Evidence { Evidence(file: dsdt ?? "DSDT", line: nil, text: text) }
    let rule =
      "For a PCI function Linux heeds an RMR only where the host bridge asks to keep the boot "
      + "configuration, by function 5 of its _DSM with value 0 (iort_rmr_has_dev; DEN 0049E.d, "
      + "3.1.1.5)"
    switch configuration {
    case .notPreserved:
      return [
        Finding(
          .rmrNoDsm5, 0.93, signs + lines + [dsm("\(bridge): _DSM without function 5 (value 0)")],
          means:
            "\(symptom). The RMR is there, for \(ranges.map(Self.span).joined(separator: ", ")), and "
            + "covers StreamID \(hex(UInt64(event.stream))). \(rule); in this DSDT \(bridge) has no such "
            + "function, so that the RMR is ignored.",
          fix: "Have the VMM add function 5 (value 0, keep the boot configuration) to the _DSM of "
            + "\(bridge), as QEMU does for accel=on since 11.0.",
          show: "doorbell iort IORT --dsdt DSDT", explains: [.rmrAbsent])
      ]
    case .unknown where dsdt == nil:
      // A range that need not be kept is the nearer cause where VFIO has the device again.
      let isAssigned = event.function.flatMap { joined.function($0)?.driver } == "vfio-pci"
      let relaxed =
        isAssigned && ranges.contains(where: \.remapPermitted) ? self.relaxed(ranges, lines) : []
      return relaxed + [
        Finding(
          .rmrNoDsm5, relaxed.isEmpty ? 0.55 : 0.4, signs + lines,
          means:
            "\(symptom). The RMR of the table covers StreamID \(hex(UInt64(event.stream))) and "
            + "\(address), so that something keeps Linux from heeding it. \(rule).",
          fix: "Have the VMM add function 5 (value 0) to the _DSM of the host bridge.",
          missing: [
            MissingFile(.dsdt, "whether the host bridge has _DSM function 5 with value 0"),
            MissingFile(.dmesg, "the guest's kernel release: before 6.0 no RMR is read"),
          ])
      ]
    case .unknown:
      return [
        Finding(
          .rmrNoDsm5, 0.5, signs + lines + [dsm("\(bridge): a _DSM of an unusual form")],
          means:
            "\(symptom). The RMR covers the device. \(rule); this DSDT's _DSM has a form that is "
            + "not understood here.",
          fix: "Look at function 5 of the _DSM of \(bridge) in the disassembled DSDT (iasl -d).")
      ]
    case .preserved: return relaxed(ranges, lines)
    }
  }

  /// Everything is there: the range may be one that does not bind.
  private func relaxed(
    _ ranges: [PlatformFacts.ReservedRange], _ lines: [Evidence?]
  ) -> [Finding] {
    if ranges.contains(where: \.remapPermitted) {
      return [
        Finding(
          .rmrRelaxable, 0.8, signs + lines,
          means:
            "\(device) writes to \(address) and faults in stage 1. The RMR that covers it permits "
            + "remapping (flag bit 0), so that Linux takes the range for direct-relaxable: it is mapped "
            + "one to one for the kernel's own driver and not where the device is assigned again.",
          fix: "Have the VMM clear the flag 'remapping permitted' of the RMR.",
          show: "doorbell compare --design rmr-relaxable --guest-usage vfio")
      ]
    }
    return [
      Finding(
        .msiInOtherDomain, 0.5, signs + lines,
        means:
          "\(device) writes to \(address) and faults in stage 1, though the tables have the RMR and "
          + "what Linux asks for it: the domain that is attached now is not the one in which the kernel "
          + "mapped the range.",
        fix: "Find out which domain is attached, and by which driver.",
        missing: [
          MissingFile(.mappings, "which domain is attached, and what it maps"),
          MissingFile(.regions, "whether the group lists the range as direct"),
        ])
    ]
  }

  // MARK: Facts

  private var windowText: String {
    let window = joined.windows.first { $0.contains(event.address) } ?? Joined.standardWindow
    return "\(hex(window.lowerBound))-\(hex(window.upperBound))"
  }

  private func nodeCount(_ platform: (set: FirmwareSet, facts: PlatformFacts)) -> Int {
    platform.set.tables.iort?.nodes.count ?? 0
  }

  /// The SMMU of the event in the tables.
  private func smmu(in facts: PlatformFacts) -> Int? {
    if let smmu = event.smmu, facts.smmus.indices.contains(smmu) { return smmu }
    if let function = event.function {
      return facts.route(of: UInt32(function.requesterID), segment: function.domain).stream?.smmu
    }
    return facts.smmus.count == 1 ? 0 : nil
  }

  private func ranges(of platform: (set: FirmwareSet, facts: PlatformFacts)) -> [Evidence] {
    platform.facts.reserved.prefix(6).map { range in
      let streams = range.streams.map {
        "\(hex(UInt64($0.ids.lowerBound)))-\(hex(UInt64($0.ids.upperBound))) at the SMMU "
          + hex(platform.facts.smmus[$0.smmu].base)
      }
      return Evidence(
        file: platform.set.names[.iort] ?? platform.set.folder, line: nil,
        text: "RMR \(hex(range.base)) + \(hex(range.length)) for StreamIDs "
          + (streams.isEmpty ? "of no SMMU" : streams.joined(separator: ", "))
          + (range.remapPermitted ? ", remapping permitted" : ""))
    }
  }

  /// Whether the device's host bridge keeps the boot configuration, and the bridge's name.
  private func bridge(
    _ platform: (set: FirmwareSet, facts: PlatformFacts)
  ) -> (BootConfiguration, String) {
    guard let scan = platform.set.tables.bridges else { return (.unknown, "the host bridge") }
    if let function = event.function, let log {
      let bridges = joined.facts.logs[log].rootBridges
      let name = bridges.sorted { $0.key < $1.key }.first {
        $0.value.domain == function.domain && $0.value.buses.contains(UInt32(function.bus))
      }?.key
      if let name, let bridge = scan.bridges.first(where: { $0.name == name }) {
        return (bridge.bootConfiguration, name)
      }
    }
    let names = scan.bridges.map(\.name).joined(separator: ", ")
    return (scan.bootConfiguration, names.isEmpty ? "the host bridge" : names)
  }

  private static func cover(
    _ facts: PlatformFacts, _ event: JoinedEvent
  ) -> [PlatformFacts.ReservedRange] {
    facts.reserved.filter { range in
      range.isHeeded && range.base <= event.address && event.address <= range.last ?? 0
        && range.streams.contains {
          $0.ids.contains(event.stream) && (event.smmu == nil || $0.smmu == event.smmu)
        }
    }
  }

  private static func span(_ range: PlatformFacts.ReservedRange) -> String {
    "\(hex(range.base))-\(hex(range.last ?? range.base))"
  }

  private static func ids(_ streams: [PlatformFacts.ReservedRange.Streams]) -> String {
    let texts = streams.map {
      "\(hex(UInt64($0.ids.lowerBound)))-\(hex(UInt64($0.ids.upperBound)))"
    }
    return texts.isEmpty ? "no StreamIDs" : "StreamIDs " + texts.joined(separator: ", ")
  }

  private static func name(_ smmu: PlatformFacts.SMMU) -> String { "the SMMU at \(hex(smmu.base))" }
}

/// VFIO inside a guest that keeps a window of its own at the host's.
enum VFIOInGuest {
  static func find(_ joined: Joined) -> [Finding] {
    let guests = joined.facts.logs.filter { log in
      log.guestMarks > 0 && log.notices.contains { $0.kind == .vfioEnabled }
        && !log.smmus.isEmpty
    }
    guard let guest = guests.first,
      let enabled = guest.notices.first(where: { $0.kind == .vfioEnabled })
    else { return [] }
    func isInWindow(_ event: JoinedEvent) -> Bool {
      joined.windows.contains { $0.contains(event.address) }
    }
    let stage2 = joined.events.first {
      $0.isStage2 && $0.record.couldBeMessage && $0.address & 0xfff == 0x040
        && isInWindow($0)
    }
    let lost = guest.notices.first { $0.kind == .lostInterrupt }
    let silent = enabled.function.flatMap { joined.function($0) }?.interrupts.first {
      $0.total == 0
    }
    guard stage2 != nil || lost != nil || silent != nil, joined.isAccelerated || stage2 != nil
    else {
      return []
    }
    let release = guest.release
    let isOld = release.map { $0.value < KernelRelease(6, 6) }
    guard isOld != false else { return [] }
    let device = enabled.function.map { "\($0)" } ?? "the function"
    let page = stage2.map { " (IPA \(hex($0.ipa)))" } ?? ""
    return [
      Finding(
        .vfioInGuestWindow, stage2 != nil ? 0.88 : 0.6,
        [stage2?.source, enabled.source, release?.source, lost?.source, silent?.source],
        means:
          "\(device) is given to VFIO inside the guest. VFIO of the guest puts its own window at "
          + "the host's, 0x8000000, and maps its virtual doorbell there; the device still holds the "
          + "host's address, so that its MSI goes through the guest's mapping to the page of the "
          + "virtual ITS, where stage 2 has nothing\(page). Kernels up to 6.5 do so; later ones "
          + "refuse a device with a direct region.",
        fix:
          "Do not assign the device again inside the guest, or use a VMM whose doorbell is at the "
          + "window's address.",
        show: "doorbell compare --guest-usage vfio --guest-kernel 6.5",
        explains: [.doorbellNotInStage2, .rmrAbsent])
    ]
  }
}

/// Helpers of all rules.
enum Findings {
  /// Of findings with the same cause, the surest; its evidence is that of all.
  static func best(_ findings: [Finding]) -> [Finding] {
    var best: [Finding] = []
    for finding in findings {
      guard let place = best.firstIndex(where: { $0.cause == finding.cause }) else {
        best.append(finding)
        continue
      }
      var winner = best[place].confidence >= finding.confidence ? best[place] : finding
      let other = best[place].confidence >= finding.confidence ? finding : best[place]
      for line in other.evidence where !winner.evidence.contains(line) && winner.evidence.count < 12
      {
        winner.evidence.append(line)
      }
      best[place] = winner
    }
    return best
  }
}
