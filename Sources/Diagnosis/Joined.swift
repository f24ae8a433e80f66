package import ArmFormats
internal import Bits
package import Firmware
package import Inspect

/// The facts of a case put together: each event with its function, each function with its IDs, its
/// interrupts and its group. Guesses are marked as such.
package struct Joined: Sendable {
  package let facts: CaseFacts
  package private(set) var events: [JoinedEvent] = []
  package private(set) var functions: [JoinedFunction] = []
  /// Tables with their facts, read once.
  let platforms: [(set: FirmwareSet, facts: PlatformFacts)]

  /// For each log the tables that can be its machine's.
  let platformsOfLogs: [[Int]]

  /// For each stream, on how many pages translations failed.
  private(set) var faultingPages: [UInt32: Int] = [:]

  /// Addresses of MSIs that devices hold, by `lspci` or a dump of the table.
  let messageAddresses: [(PCIFunction, UInt64, Evidence)]

  package init(_ facts: CaseFacts) {
    self.facts = facts
    platforms = facts.firmware.map { ($0, $0.facts) }
    platformsOfLogs = Self.platformsOfLogs(facts)
    messageAddresses = Array(Self.messageAddresses(facts).prefix(65_536))
    joinFunctions()
    joinEvents()
  }

  /// Software MSI window of Linux (`MSI_IOVA_BASE`, `MSI_IOVA_LENGTH`).
  static let standardWindow: ClosedRange<UInt64> = 0x800_0000...0x80f_ffff

  /// The windows in which hosts map doorbells: those that files name, else the usual one.
  var windows: [ClosedRange<UInt64>] {
    let named = facts.regions.filter { $0.type == "msi" }.map(\.range)
    return named.isEmpty ? [Self.standardWindow] : named + [Self.standardWindow]
  }

  /// Addresses of MSIs that devices hold, by `lspci` or a dump of the table.
  private static func messageAddresses(
    _ facts: CaseFacts
  ) -> [(PCIFunction, UInt64, Evidence)] {
    facts.functions.sorted { $0.key < $1.key }.flatMap { function, listed in
      let entries = listed.entries.filter { !$0.isMasked && $0.address != 0 }.map {
        (function, $0.address, $0.source)
      }
      let message = listed.messageAddress.flatMap { address in
        listed.msi?.value.isEnabled == true && address.value != 0
          ? (function, address.value, address.source) : nil
      }
      return entries + [message].compactMap(\.self)
    }
  }

  // MARK: Machines

  /// Which tables are of which log's machine: those that the log lists, else those beside it, else
  /// all that no other log has.
  private static func platformsOfLogs(_ facts: CaseFacts) -> [[Int]] {
    let sets = facts.firmware
    func isListed(_ set: FirmwareSet, _ log: KernelFacts) -> Bool {
      guard let header = set.tables.iort?.header, let listed = log.iort else { return false }
      let origin = TableOrigin(of: header)
      return header[ACPIHeader.length] == listed.length && origin.oemID == listed.oemID
        && origin.oemTableID == listed.oemTableID
    }
    let listed = facts.logs.map { log in sets.indices.filter { isListed(sets[$0], log) } }
    let taken = Set(listed.flatMap(\.self))
    let isInFolders = Set(sets.map(\.folder)).count > 1
    return facts.logs.indices.map { index in
      guard listed[index].isEmpty else { return listed[index] }
      let log = facts.logs[index]
      let folder = log.file.split(separator: "/").dropLast().joined(separator: "/")
      let free = sets.indices.filter { set in
        let isTree = sets[set].tables.iort == nil && sets[set].tables.tree != nil
        return !taken.contains(set) && !(log.hasACPI && isTree)
          && !(log.side == .host && sets[set].facts.view == .guest)
      }
      let beside = free.filter { isInFolders && sets[$0].folder == folder }
      return beside.isEmpty ? free : beside
    }
  }

  /// The tables of an event's machine; all for an event of no log.
  func platforms(of event: JoinedEvent) -> [Int] {
    event.log.map { platformsOfLogs[$0] } ?? Array(platforms.indices)
  }

  // MARK: Functions

  private mutating func joinFunctions() {
    var known = Set(facts.functions.keys)
    known.formUnion(facts.groups.keys)
    for log in facts.logs {
      known.formUnion(log.names.values)
      known.formUnion(log.drivers.keys)
      known.formUnion(log.notices.compactMap(\.function))
    }
    known.formUnion(facts.interrupts.compactMap(\.function))
    for event in facts.logs.flatMap(\.reports.events) {
      if let client = event.event.client, let function = PCIFunction(client) {
        known.insert(function)
      }
    }
    functions = known.sorted().prefix(65_536).map { function in
      var row = JoinedFunction(function: function)
      row.listed = facts.functions[function]
      row.group = facts.groups[function]
      row.driver =
        row.listed?.driver?.value
        ?? facts.logs.lazy.compactMap { $0.drivers[function] }.first
      (row.platform, row.route) = route(of: function)
      return row
    }
    let places = Dictionary(
      uniqueKeysWithValues: functions.indices.map { (functions[$0].function, $0) })
    for row in facts.interrupts {
      if let function = row.function, let place = places[function] {
        functions[place].interrupts.append(row)
      }
    }
    for log in facts.logs {
      for (name, function) in log.names.sorted(by: { $0.key < $1.key }) {
        if let place = places[function] { functions[place].names.append(name) }
      }
      for notice in log.notices {
        if let function = notice.function, let place = places[function] {
          functions[place].notices.append(notice)
        }
      }
    }
  }

  /// The route of a function through the tables that have its segment: those of a log's machine that
  /// names it come first.
  private func route(of function: PCIFunction) -> (Int?, IDRoute?) {
    let logs = facts.logs.indices.filter { index in
      let log = facts.logs[index]
      return log.groups[function] != nil || log.drivers[function] != nil
        || log.names.values.contains(function)
    }
    let own = logs.flatMap { platformsOfLogs[$0] }
    for index in own + platforms.indices.filter({ !own.contains($0) }) {
      if let route = route(of: function, in: platforms[index].facts) { return (index, route) }
    }
    return (nil, nil)
  }

  /// The route through one machine's tables; `nil` where they have no such domain, or leave open
  /// which bridge has it.
  private func route(of function: PCIFunction, in facts: PlatformFacts) -> IDRoute? {
    let id = UInt32(function.requesterID)
    // The log knows which node the kernel gave the number to.
    let nodes = self.facts.logs.compactMap { $0.treeBridges[function.domain] }
    if facts.source == .deviceTree, let node = nodes.first,
      let bridge = facts.rootComplexes.firstIndex(where: { $0.place.hasSuffix(node) })
    {
      return facts.route(of: id, segment: function.domain, at: bridge)
    }
    guard facts.rootComplexes.contains(where: { $0.segment == function.domain }) else {
      return nil
    }
    let routes = facts.routes(of: id, segment: function.domain)
    let isOpen = routes.contains {
      $0.stream != routes[0].stream || $0.device != routes[0].device
    }
    return isOpen ? nil : routes[0]
  }

  package func function(_ function: PCIFunction) -> JoinedFunction? {
    var low = 0
    var high = functions.count
    while low < high {
      let middle = (low + high) / 2
      if functions[middle].function < function { low = middle + 1 } else { high = middle }
    }
    return low < functions.count && functions[low].function == function ? functions[low] : nil
  }

  // MARK: Events

  private mutating func joinEvents() {
    for (index, log) in facts.logs.enumerated() {
      for report in log.reports.reports {
        guard case .event(let event) = report.content else { continue }
        let source = Evidence(
          file: log.file, line: report.firstLine, text: KernelFacts.shown(report.text))
        events.append(join(event, report, log: index, source))
      }
    }
    for event in facts.looseEvents {
      let report = LoggedReport(
        device: "", content: .event(event.value), firstLine: event.source.line ?? 0,
        lastLine: event.source.line ?? 0, text: event.source.text)
      events.append(join(event.value, report, log: nil, event.source))
    }
    var pages: [UInt32: Set<UInt64>] = [:]
    for event in events where event.kind == .translation {
      pages[event.stream, default: []].insert(event.address >> 12)
    }
    faultingPages = pages.mapValues(\.count)
  }

  private func join(
    _ event: LoggedEvent, _ report: LoggedReport, log: Int?, _ source: Evidence
  ) -> JoinedEvent {
    var joined = JoinedEvent(event: event, report: report, log: log, source: source)
    if let log {
      joined.side = facts.logs[log].side
      (joined.platform, joined.smmu) = smmu(
        named: report.device, log: facts.logs[log], platformsOfLogs[log])
    }
    if let client = event.client, let function = PCIFunction(client) {
      // The device that a log names wins over any guess.
      (joined.function, joined.how) = (function, .named)
    } else if let function = mapped(event.record[.stream], of: joined) {
      (joined.function, joined.how) = (function, .mapped)
    } else if let function = guessed(event.record[.stream]) {
      (joined.function, joined.how) = (function, .guessed)
    }
    return joined
  }

  /// The function whose mapping leads to the StreamID at the SMMU of the event: StreamIDs of two
  /// SMMUs are not comparable.
  private func mapped(_ stream: UInt32, of event: JoinedEvent) -> PCIFunction? {
    let places = event.platform.map { [$0] } ?? platforms(of: event)
    let fitting = functions.filter { row in
      guard let route = row.route?.stream, route.id == stream, let index = row.platform,
        places.contains(index)
      else { return false }
      return event.smmu.map { route.smmu == $0 } ?? true
    }
    guard fitting.count == 1, let index = fitting[0].platform else { return nil }
    // Which of several SMMUs reports is not known.
    let isSure = event.smmu != nil || platforms[index].facts.smmus.count == 1
    return isSure || event.report.device.isEmpty ? fitting[0].function : nil
  }

  /// The function whose requester ID is the StreamID, where only one is known and no table says
  /// otherwise.
  private func guessed(_ stream: UInt32) -> PCIFunction? {
    guard stream <= 0xffff else { return nil }
    let fitting = functions.filter {
      UInt32($0.function.requesterID) == stream && $0.route?.stream == nil
    }
    return fitting.count == 1 ? fitting[0].function : nil
  }

  /// Which SMMU of the tables a device of a log is: by its address in `5000000.iommu`, else by the
  /// order of numbers in `arm-smmu-v3.N.auto`, which is the order of nodes.
  private func smmu(
    named name: String, log: KernelFacts, _ candidates: [Int]
  ) -> (Int?, Int?) {
    guard !name.isEmpty else { return (nil, nil) }
    for index in candidates {
      let platform = platforms[index]
      guard !platform.facts.smmus.isEmpty else { continue }
      if let base = UInt64(name.prefix { $0.isHexDigit }, radix: 16), name.contains("."),
        let place = platform.facts.smmus.firstIndex(where: { $0.base == base })
      {
        return (index, place)
      }
      let names = Set(log.smmus.map(\.value.name) + [name]).compactMap { name in
        Self.number(of: name).map { (name, $0) }
      }.sorted { $0.1 < $1.1 }
      let alike = platform.facts.smmus.indices.filter {
        platform.facts.smmus[$0].isVersion3 == name.hasPrefix("arm-smmu-v3")
      }
      guard let place = names.firstIndex(where: { $0.0 == name }) else { continue }
      if names.count == alike.count { return (index, alike[place]) }
      // Not all of them are in the log: the tables' own count tells.
      if let place = platform.facts.smmu(named: name) { return (index, place) }
    }
    return (nil, nil)
  }

  /// `3` of `arm-smmu-v3.3.auto`.
  private static func number(of name: String) -> Int? {
    let parts = name.split(separator: ".")
    guard parts.count == 3, parts[2] == "auto" else { return nil }
    return Int(parts[1])
  }

  // MARK: Questions that several rules ask

  /// Regions of a function's group, or of all where the files do not say whose they are.
  func regions(of function: PCIFunction?) -> [ReservedRegion] {
    let group = function.flatMap { facts.groups[$0]?.value }
    let own = facts.regions.filter { $0.group != nil && $0.group == group }
    return own.isEmpty ? facts.regions.filter { $0.group == nil } : own
  }

  /// The kernel release of a side: of a log that is known to be from there, or of the only log.
  func release(of side: MachineSide) -> Sourced<KernelRelease>? {
    if let log = facts.logs.first(where: { $0.side == side && $0.release != nil }) {
      return log.release
    }
    if side == .host, let release = facts.hostRelease { return release }
    let unknown = facts.logs.filter { $0.side == nil && $0.release != nil }
    return unknown.count == 1 ? unknown[0].release : nil
  }

  /// Lines where drivers missed an interrupt.
  var lostInterrupts: [Notice] {
    facts.logs.flatMap { log in log.notices.filter { $0.kind == .lostInterrupt } }
  }

  func notices(_ kinds: Notice.Kind...) -> [Notice] {
    facts.logs.flatMap { log in log.notices.filter { kinds.contains($0.kind) } }
  }

  func reports(_ fits: (LoggedReport.Content) -> Bool) -> [(log: KernelFacts, report: LoggedReport)]
  {
    facts.logs.flatMap { log in
      log.reports.reports.filter { fits($0.content) }.map { (log, $0) }
    }
  }

  /// Whether the files show a nested set-up with an SMMU that uses the host's.
  var isAccelerated: Bool { facts.commands.contains { !$0.acceleratedSMMUs.isEmpty } }

  /// Files of a kind.
  func has(_ kind: CaseFile.Kind) -> Bool { facts.files.contains { $0.kinds.contains(kind) } }

  /// The bases of all ITSs that logs and tables name.
  var itsBases: [UInt64] {
    var bases = facts.logs.flatMap { $0.itses.map(\.value) }
    bases += platforms.flatMap { $0.facts.itses.map(\.base) }
    return Array(Set(bases)).sorted()
  }
}

/// An event with what other files say of it.
package struct JoinedEvent: Sendable {
  package enum Source: String, Sendable {
    case named = "named by the log"
    case mapped = "by the firmware's mapping"
    case guessed = "if StreamIDs are requester IDs"
  }

  package var event: LoggedEvent
  package var report: LoggedReport
  /// Which of the logs.
  package var log: Int?
  package var source: Evidence
  package var side: MachineSide?
  package var function: PCIFunction?
  package var how: Source?
  package var platform: Int?
  /// Which SMMU of that platform.
  package var smmu: Int?

  /// The record, made once: rules ask for its fields again and again.
  package let record: EventRecord

  init(event: LoggedEvent, report: LoggedReport, log: Int?, source: Evidence) {
    (self.event, self.report, self.log, self.source) = (event, report, log, source)
    record = event.record
  }

  package var kind: EventKind { record[.kind] }
  package var stream: UInt32 { record[.stream] }
  package var address: UInt64 { record[.inputAddress] }
  package var isStage2: Bool { record[.stage2] }
  package var isWrite: Bool { !record[.read] }
  /// The page that stage 2 refused.
  package var ipa: UInt64 { record[.ipa] &<< 12 }
  /// Whether the record was of the access itself, and not of a structure's fetch.
  package var isOfAccess: Bool { record[.faultClass] == .input }
  /// Name of the device for a reader: function, StreamID and SMMU.
  package var who: String {
    let stream = "StreamID \(hex(UInt64(stream)))"
    let place = report.device.isEmpty ? "" : " at \(report.device)"
    guard let function, let how else { return stream + place }
    return "\(function) (\(stream)\(place)\(how == .guessed ? ", \(how.rawValue)" : ""))"
  }

  /// `F_TRANSLATION of a write to 0x8000040 in stage 1`.
  package var what: String {
    guard kind.isTranslationRelated || kind == .walkAbort else { return "\(kind)" }
    let place = event.missing.contains(2) ? "an address that the log does not have" : hex(address)
    guard !event.missing.contains(1) else { return "\(kind) of an access to \(place)" }
    let stage = isStage2 ? "stage 2" : "stage 1"
    return "\(kind) of a \(isWrite ? "write to" : "read of") \(place) in \(stage)"
  }
}

/// A function with everything that the files say of it.
package struct JoinedFunction: Sendable {
  package let function: PCIFunction
  package var names: [String] = []
  package var driver: String?
  package var group: Sourced<Int>?
  package var listed: ListedFunction?
  package var interrupts: [InterruptRow] = []
  package var notices: [Notice] = []
  /// Its way through the tables.
  package var platform: Int?
  package var route: IDRoute?

  init(function: PCIFunction) { self.function = function }

  /// Interrupts counted, or `nil` where no listing of interrupts has the function.
  package var interruptCount: UInt64? {
    interrupts.isEmpty ? nil : interrupts.reduce(0) { $0 &+ $1.total }
  }
  /// Whether its driver missed interrupts, or all its vectors stand at zero.
  package var isSilent: Bool { interruptCount == 0 || missedInterrupts }
  package var missedInterrupts: Bool { notices.contains { $0.kind == .lostInterrupt } }
  /// `0000:21:00.0 (nvme1)`.
  package var title: String {
    let name = names.first { $0 != "\(function)" }
    return "\(function)" + (name.map { " (\($0))" } ?? "")
  }
}
