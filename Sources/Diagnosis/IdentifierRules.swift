internal import ArmFormats
internal import Bits
internal import Firmware
internal import Inspect

/// StreamIDs and DeviceIDs: what the tables give a function, and what arrives.
enum IdentifierRules {
  static func find(_ joined: Joined) -> [Finding] {
    Findings.best(
      messageMaps(joined) + streams(joined) + iort(joined) + ranges(joined) + complaints(joined)
        + substreams(joined) + dataWords(joined))
  }

  // MARK: msi-map

  private static func messageMaps(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    for platform in joined.platforms {
      guard let tree = platform.set.tables.tree else { continue }
      for (domain, node) in bridges(of: tree, joined) {
        let functions = joined.functions.filter { $0.function.domain == domain }
        findings += messageMap(of: node, functions, tree, platform.set, joined)
      }
    }
    return findings
  }

  /// Host bridges with their domains: `linux,pci-domain`, or what the log says of the node.
  private static func bridges(
    of tree: DeviceTreeBlob, _ joined: Joined
  ) -> [(UInt32, DeviceTreeBlob.Node)] {
    let nodes = tree.nodes.filter {
      $0.strings("device_type") == ["pci"]
        && ($0.has("msi-map") || $0.has("iommu-map") || $0.has("msi-parent"))
    }
    var next: UInt32 = 0
    return nodes.map { node in
      defer { next += 1 }
      for log in joined.facts.logs {
        if let domain = log.treeBridges.first(where: { node.path.hasSuffix($0.value) })?.key {
          return (domain, node)
        }
      }
      return (node.cell("linux,pci-domain") ?? next, node)
    }
  }

  /// The ID that `of_map_id` finds: requester ID and mask first, then the entry that has it.
  private static func map(
    _ node: DeviceTreeBlob.Node, _ name: String, _ id: UInt32
  ) -> UInt32? {
    let masked = id & (node.cell("\(name)-mask") ?? .max)
    let cells = node.cells(name)
    for start in stride(from: 0, to: cells.count / 4 * 4, by: 4) {
      let (base, length) = (cells[start], cells[start + 3])
      if masked >= base, masked - base < length { return cells[start + 2] &+ (masked - base) }
    }
    return nil
  }

  private static func messageMap(
    of node: DeviceTreeBlob.Node, _ functions: [JoinedFunction], _ tree: DeviceTreeBlob,
    _ set: FirmwareSet, _ joined: Joined
  ) -> [Finding] {
    guard node.has("msi-map") else { return [] }
    let silent = functions.filter { $0.isSilent && !isFaulting($0, joined) }
    guard !silent.isEmpty else { return [] }
    let file = set.names[.deviceTree] ?? set.folder
    func table(_ text: String) -> Evidence {
      Evidence(file: file, line: nil, text: "\(node.path): \(text)")
    }
    let signs = silent.prefix(3).flatMap { function in
      [
        function.interrupts.first?.source,
        function.notices.first { $0.kind == .lostInterrupt }?.source,
      ]
    }
    let working = functions.filter { ($0.interruptCount ?? 0) > 0 }
    let ids = silent.map { function -> (JoinedFunction, UInt32?, UInt32?) in
      let id = UInt32(function.function.requesterID)
      return (function, map(node, "msi-map", id), map(node, "iommu-map", id))
    }
    let list = ids.prefix(6).map { row in
      "\(row.0.function) gets DeviceID \(row.1.map { hex(UInt64($0)) } ?? "none") by msi-map"
        + (row.2.map { " and StreamID \(hex(UInt64($0))) by iommu-map" } ?? "")
    }.joined(separator: "; ")
    let mask = node.cell("msi-map-mask")
    // The mask takes away bits that tell these functions apart.
    let shared = Dictionary(grouping: ids.filter { $0.1 != nil }, by: { $0.1 })
      .values.contains { Set($0.map(\.0.function)).count > 1 && Set($0.map(\.2)).count > 1 }
    let lost = ids.contains { row in
      mask.map { UInt32(row.0.function.requesterID) & ~$0 & 0xffff != 0 } == true
        && row.1 != row.2 && row.2 != nil
    }
    if let mask, shared || lost {
      return [
        Finding(
          .msiMapWrong, 0.92,
          [table("msi-map-mask = <\(hex(UInt64(mask)))>"), table("msi-map")] + signs
            + working.prefix(1).map { $0.interrupts.first { $0.total > 0 }?.source },
          means:
            "of_map_id ANDs the requester ID with msi-map-mask (\(hex(UInt64(mask)))) before it searches "
            + "msi-map of \(node.path), which takes away the bus: \(list). Linux maps an interrupt "
            + "translation table for the DeviceID that it computes; the bridge sends the other, for which "
            + "the ITS has no device, and drops the message without a trace. Translation is right, so that "
            + "no SMMU event is recorded.",
          fix:
            "Remove msi-map-mask from \(node.path), or make it 0xffff, so that each function keeps a "
            + "DeviceID of its own.",
          show: "doorbell iort BOARD.dtb --rid DOMAIN:BB:DD.F", explains: [.deviceidUnmapped])
      ]
    }
    let unmapped = ids.filter { $0.1 == nil }
    if !unmapped.isEmpty {
      let notice = joined.notices(.noIDTranslation).first
      return [
        Finding(
          .msiMapWrong, 0.88, [table("msi-map"), notice?.source] + signs,
          means: "msi-map of \(node.path) has no entry for "
            + "\(unmapped.prefix(4).map { "\($0.0.function)" }.joined(separator: ", ")): Linux then takes the "
            + "requester ID for the DeviceID, which is not what the bridge sends. \(list).",
          fix: "Extend msi-map of \(node.path) to all buses behind the bridge.",
          show: "doorbell iort BOARD.dtb --rid DOMAIN:BB:DD.F", explains: [.deviceidUnmapped])
      ]
    }
    return differing(ids, node, table, signs, working, list)
  }

  /// DeviceIDs that differ from StreamIDs, where those of functions that work do not.
  private static func differing(
    _ ids: [(JoinedFunction, UInt32?, UInt32?)], _ node: DeviceTreeBlob.Node,
    _ table: (String) -> Evidence, _ signs: [Evidence?], _ working: [JoinedFunction], _ list: String
  ) -> [Finding] {
    func offset(_ function: JoinedFunction) -> UInt32? {
      let id = UInt32(function.function.requesterID)
      guard let device = map(node, "msi-map", id), let stream = map(node, "iommu-map", id) else {
        return nil
      }
      return device &- stream
    }
    let offsets = Set(ids.compactMap { offset($0.0) })
    let good = Set(working.compactMap { offset($0) })
    guard !offsets.isEmpty, !offsets.isSubset(of: good), offsets != [0] else { return [] }
    return [
      Finding(
        .msiMapWrong, good.isEmpty ? 0.6 : 0.85, [table("msi-map"), table("iommu-map")] + signs,
        means:
          "msi-map and iommu-map of \(node.path) disagree for functions whose interrupts stay at zero: "
          + "\(list). A bridge sends one ID of a function to both, as a rule; the ITS drops messages of a "
          + "DeviceID that Linux has not mapped, without a trace.",
        fix:
          "Make msi-map of \(node.path) give the ID that the bridge sends, which iommu-map has where "
          + "translation works.",
        show: "doorbell iort BOARD.dtb --rid DOMAIN:BB:DD.F", explains: [.deviceidUnmapped])
    ]
  }

  private static func isFaulting(_ function: JoinedFunction, _ joined: Joined) -> Bool {
    joined.events.contains { $0.function == function.function }
  }

  // MARK: Streams

  /// Streams that no device of the driver has.
  private static func streams(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    var seen: Set<UInt32> = []
    for event in joined.events where event.kind == .badStreamID {
      let isBeyond = event.function != nil || event.stream > 0xffff
      if !isBeyond, seen.insert(event.stream).inserted, seen.count <= 8 {
        // The first level of a table in two has nothing for streams that no device of the driver has.
        findings.append(
          unknown(joined, event.stream, event.source, device: event.report.device, version: 3))
      }
      findings.append(
        Finding(
          .streamidOutOfRange, isBeyond ? 0.85 : 0.35,
          [event.source] + routeEvidence(joined, event.stream),
          means: "StreamID \(hex(UInt64(event.stream))) does not fit the stream table of "
            + "\(event.report.device.isEmpty ? "the SMMU" : event.report.device) (C_BAD_STREAMID): it is beyond "
            + "STRTAB_BASE_CFG.LOG2SIZE, or the first level has no table for it."
            + origin(joined, event.stream),
          fix:
            "Compare the StreamID with the IORT or iommu-map that produced it, and with IDR1.SIDSIZE.",
          show: "doorbell decode event WORDS", missing: tablesMissing(joined),
          explains: isBeyond ? [.streamidUnmapped] : []))
    }
    for notice in joined.notices(.groupFailed) {
      let isRange = notice.number == 34 || notice.source.text.lowercased().contains("range")
      guard isRange else { continue }
      findings.append(
        Finding(
          .streamidOutOfRange, 0.8, [notice.source],
          means:
            "The driver refuses a device because its StreamID does not fit the stream table (ERANGE, -34): "
            + "IDR1.SIDSIZE has fewer bits.",
          fix: "Correct the IORT or iommu-map so that the StreamID fits.",
          missing: tablesMissing(joined)))
    }
    for event in joined.events
    where isUnknown(event, joined) && seen.insert(event.stream).inserted && seen.count <= 8 {
      findings.append(
        unknown(joined, event.stream, event.source, device: event.report.device, version: 3))
    }
    for (log, report) in joined.reports({ if case .globalFault = $0 { true } else { false } }) {
      guard case .globalFault(let fault) = report.content, fault.isUnknownStream,
        let stream = fault.streamID, seen.insert(stream).inserted, seen.count <= 16
      else { continue }
      let source = Evidence(
        file: log.file, line: report.firstLine, text: KernelFacts.shown(report.text))
      findings.append(unknown(joined, stream, source, device: report.device, version: 2))
    }
    return findings
  }

  /// Whether an event says that the driver has set up nothing for the stream.
  ///
  /// Linux keeps the entries of streams without a device valid, so that an invalid one alone is no
  /// sign of an unknown stream (`arm_smmu_init_initial_stes`).
  private static func isUnknown(_ event: JoinedEvent, _ joined: Joined) -> Bool {
    guard event.function == nil else { return false }
    if event.event.client == "(unassigned sid)" { return event.kind != .badStreamID }
    guard event.event.client == nil,
      event.kind == .badStreamEntry || event.kind == .streamEntryFetch
    else { return false }
    // The tables know all streams of the machine, and this is none of them.
    return joined.platforms(of: event).contains {
      !joined.platforms[$0].facts.rootComplexes.isEmpty
    }
  }

  private static func unknown(
    _ joined: Joined, _ stream: UInt32, _ source: Evidence, device: String, version: Int
  ) -> Finding {
    let name = hex(UInt64(stream))
    let place = device.isEmpty ? "the SMMU" : device
    let what =
      version == 2
      ? "no stream mapping of \(place) matches StreamID \(name), so that its accesses are blocked (USF)"
      : "the driver of \(place) has set up nothing for StreamID \(name)"
    let isTree = joined.platforms.contains { $0.set.tables.tree != nil }
    let isIORT = joined.platforms.contains { $0.set.tables.iort != nil }
    let suspects = joined.functions.filter {
      $0.route?.stream != nil && $0.route?.stream?.id != stream
        && ($0.isSilent || !$0.notices.isEmpty)
    }
    let compare = suspects.prefix(4).map {
      "\($0.function) has StreamID \(hex(UInt64($0.route?.stream?.id ?? 0))) by the tables"
    }.joined(separator: "; ")
    if (isTree || isIORT) && (!suspects.isEmpty || !joined.functions.isEmpty) {
      let cause: Cause = isTree ? .iommuMapWrong : .iortIdMappingWrong
      let table = isTree ? "iommu-map (or its mask)" : "an ID mapping of the IORT"
      return Finding(
        cause, suspects.isEmpty ? 0.6 : 0.82,
        [source]
          + suspects.prefix(2).flatMap { row in
            [row.notices.first?.source, row.interrupts.first?.source]
          } + [tableEvidence(joined, suspects.first)],
        means:
          "A device sends StreamID \(name), and \(what). No function that the files name has that "
          + "StreamID by the tables" + (compare.isEmpty ? "" : ": \(compare)")
          + ". So \(table) gives another StreamID than the hardware.",
        fix:
          "Correct \(isTree ? "iommu-map" : "the mapping") so that the function gets StreamID \(name).",
        show: "doorbell iort TABLE --rid BB:DD.F", explains: [.streamidUnmapped])
    }
    return Finding(
      .streamidUnmapped, 0.75, [source],
      means:
        "A device sends StreamID \(name), and \(what): it is no device that the kernel knows behind this "
        + "SMMU, or one to which no driver has attached a domain.",
      fix:
        "Find the device: compare StreamID \(name) with the IORT or iommu-map, and with requester IDs and "
        + "their aliases behind bridges.",
      missing: tablesMissing(joined) + [MissingFile(.listing, "which functions exist")])
  }

  private static func tableEvidence(_ joined: Joined, _ function: JoinedFunction?) -> Evidence? {
    guard let function, let hop = function.route?.hops.first, let index = function.platform else {
      return nil
    }
    let set = joined.platforms[index].set
    return Evidence(
      file: set.names[.iort] ?? set.names[.deviceTree] ?? set.folder, line: nil,
      text: "\(hop.mapping.place): \(function.function) to \(hex(UInt64(hop.output)))")
  }

  private static func routeEvidence(_ joined: Joined, _ stream: UInt32) -> [Evidence?] {
    joined.functions.filter { $0.route?.stream?.id == stream }.prefix(2).map {
      tableEvidence(joined, $0)
    }
  }

  private static func origin(_ joined: Joined, _ stream: UInt32) -> String {
    let functions = joined.functions.filter { $0.route?.stream?.id == stream }.map {
      "\($0.function)"
    }
    return functions.isEmpty
      ? "" : " By the tables it is that of \(functions.prefix(4).joined(separator: ", "))."
  }

  private static func tablesMissing(_ joined: Joined) -> [MissingFile] {
    guard joined.platforms.allSatisfy({ $0.facts.rootComplexes.isEmpty }) else { return [] }
    return [
      MissingFile(
        .iort, "which StreamID the function has by its ID mappings (or device-tree, by iommu-map)")
    ]
  }

  // MARK: IORT

  private static func iort(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    if let notice = joined.notices(.idMappingConflict).first {
      findings.append(
        Finding(
          .iortIdMappingWrong, 0.8, [notice.source],
          means:
            "Linux finds ID mappings of the IORT in conflict: \(notice.source.text) The first that has an "
            + "ID counts (iort_id_map), so that some functions get wrong IDs.",
          fix: "Correct the overlapping mappings in the IORT.", show: "doorbell iort IORT",
          missing: joined.has(.iort) ? [] : [MissingFile(.iort, "which mappings overlap")]))
    }
    for function in joined.functions {
      guard let index = function.platform, joined.platforms[index].set.tables.iort != nil,
        let route = function.route, let end = route.end,
        function.isSilent
          || function.notices.contains(where: {
            [.messagesUnavailable, .groupFailed].contains($0.kind)
          })
          || function.group == nil
            && joined.facts.complaints.contains(where: {
              $0.kind == .noGroup && $0.function == function.function
            })
      else { continue }
      findings.append(
        Finding(
          .iortIdMappingWrong, 0.85,
          [
            Evidence(
              file: joined.platforms[index].set.names[.iort] ?? "IORT", line: nil, text: end),
            function.notices.first?.source, function.interrupts.first?.source,
          ],
          means:
            "The IORT gives \(function.function) no way to an ITS: \(end). Without a DeviceID its MSIs "
            + "cannot be mapped, and without a StreamID it has no SMMU.",
          fix:
            "Add an ID mapping for requester ID \(hex(UInt64(function.function.requesterID))) of segment "
            + "\(function.function.domain).",
          show: "doorbell iort IORT --rid \(function.function)", explains: [.noIommuGroup]))
      if findings.count > 8 { break }
    }
    return findings
  }

  // MARK: Ranges

  private static func ranges(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    let tables = joined.facts.logs.flatMap(\.deviceTables)
    guard !tables.isEmpty else { return [] }
    for function in joined.functions
    where function.isSilent || function.notices.contains(where: { $0.kind == .messagesUnavailable })
    {
      let device = function.route?.device
      guard
        let id = device?.id ?? (function.route == nil ? UInt32(function.function.requesterID) : nil)
      else {
        continue
      }
      guard let table = tables.first(where: { UInt64(id) >= $0.value.deviceIDs }),
        tables.count == 1 || joined.itsBases.count <= 1,
        // Where such a DeviceID works for another function, the table has room for it.
        !joined.functions.contains(where: { other in
          (other.interruptCount ?? 0) > 0
            && UInt64(other.route?.device?.id ?? 0) >= table.value.deviceIDs
        })
      else { continue }
      findings.append(
        Finding(
          .deviceidOutOfRange, device == nil ? 0.6 : 0.85,
          [
            table.source, function.notices.first?.source, function.interrupts.first?.source,
            tableEvidence(joined, function),
          ],
          means:
            "\(function.function) has DeviceID \(hex(UInt64(id))), and the device table of the ITS at "
            + "\(hex(table.value.its)) has room for \(table.value.deviceIDs): the driver cannot make a device of "
            + "it (its_alloc_device_table), and the ITS takes no MAPD for it.",
          fix:
            "Correct the mapping that gives this DeviceID, or use an ITS with more DeviceID bits "
            + "(GITS_TYPER.Devbits).",
          missing: device == nil ? [MissingFile(.iort, "which DeviceID the function has")] : [],
          explains: [.itsAbsent]))
      if findings.count > 4 { break }
    }
    return findings
  }

  /// QEMU's own checks of ITS commands and messages (`-d guest_errors`, hw/intc/arm_gicv3_its.c).
  private static func complaints(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    for complaint in joined.facts.complaints {
      guard complaint.kind == .interruptController else { continue }
      let text = complaint.source.text.lowercased()
      let evidence: [Evidence?] = [complaint.source]
      let isBeyond = [">", "range", "max", "beyond", "exceed", "too large", "too big"].contains {
        text.contains($0)
      }
      if text.contains("eventid") || text.contains("event id"),
        isBeyond || !text.contains("unmapped") && !text.contains("not mapped")
      {
        findings.append(
          Finding(
            .eventidOutOfRange, 0.8, evidence,
            means:
              "The ITS of the VM drops a message whose EventID lies beyond the device's interrupt "
              + "translation table: \(complaint.source.text)",
            fix:
              "Compare the data word of the device's MSI-X entry with the size that MAPD gave the table."
          ))
      } else if isBeyond {
        findings.append(
          Finding(
            .deviceidOutOfRange, 0.8, evidence,
            means: "The DeviceID does not fit the ITS of the VM: \(complaint.source.text)",
            fix: "Correct the ID mapping that gives this DeviceID."))
      } else if ["dte", "devid", "deviceid", "device id", "device table"].contains(where: {
        text.contains($0)
      }) {
        findings.append(
          Finding(
            .deviceidUnmapped, 0.8, evidence,
            means: "The ITS of the VM has no device table entry for the DeviceID that arrives: "
              + complaint.source.text,
            fix:
              "Compare the DeviceID that arrives with the one for which the guest sent MAPD (msi-map, IORT)."
          ))
      }
    }
    return findings
  }

  // MARK: EventIDs

  /// Messages whose data lies beyond the table that the kernel made for the device.
  ///
  /// Linux gives a device a power of two of EventIDs, enough for its vectors (`its_create_device`),
  /// and numbers them from 0 (`its_get_event_id`).
  private static func dataWords(_ joined: Joined) -> [Finding] {
    var findings: [Finding] = []
    for function in joined.functions where function.isSilent {
      guard let listed = function.listed, findings.count < 8,
        function.interrupts.contains(where: { $0.controller == .its })
      else { continue }
      let count = max(
        function.interrupts.count, listed.msix?.value.count ?? 0, listed.msi?.value.count ?? 0, 2)
      var size = 2
      while size < count { size *= 2 }
      var beyond = listed.entries.filter { !$0.isMasked && Int($0.data) >= size }
        .map { ($0.data, $0.source) }
      if let data = listed.messageData, Int(data) >= size, listed.msi?.value.isEnabled == true,
        let source = listed.messageAddress?.source
      {
        beyond.append((data, source))
      }
      guard let first = beyond.first else { continue }
      findings.append(
        Finding(
          .eventidOutOfRange, 0.85,
          beyond.prefix(4).map { Optional.some($0.1) } + [
            listed.msix?.source, function.interrupts.first { $0.total == 0 }?.source,
            function.notices.first { $0.kind == .lostInterrupt }?.source,
          ],
          means:
            "\(function.title) sends the data word \(hex(UInt64(first.0))) as EventID, and with \(count) vectors "
            + "Linux makes an interrupt translation table of \(size) entries, EventIDs 0 to \(size - 1) "
            + "(its_create_device). The ITS drops a message whose EventID is beyond the size that MAPD gave "
            + "(IHI 0069, 5.2), without a trace.",
          fix:
            "Find out who wrote the data word: a VMM that passes the guest's EventID on to the host's ITS, or "
            + "a device that adds to it.",
          explains: [.deviceidUnmapped]))
    }
    return findings
  }

  // MARK: Substreams

  private static func substreams(_ joined: Joined) -> [Finding] {
    joined.events.filter { [.badSubstreamID, .streamDisabled].contains($0.kind) }.prefix(2).map {
      event in
      let isMissing = event.kind == .streamDisabled
      let substream = hex(UInt64(event.record[.substream]))
      return Finding(
        .substreamWrong, 0.85, [event.source],
        means: isMissing
          ? "\(event.who) sends no SubstreamID (PASID), and its STE demands one (S1DSS 0b00, or SubstreamID 0 "
            + "with S1DSS 0b10): F_STREAM_DISABLED."
          : "\(event.who) sends SubstreamID (PASID) \(substream), which is beyond S1CDMax of its STE: "
            + "C_BAD_SUBSTREAMID.",
        fix:
          "Compare the PASID that the device uses with what the driver enabled (S1CDMax, S1DSS of the STE; "
          + "pasid-num-bits), and ssidsize of a virtual SMMU.",
        show: "doorbell decode ste WORDS")
    }
  }
}
