internal import Firmware

/// Facts of the files about a reporter's machine: its devices and virtual CPUs, and the addresses
/// in the guest and on the host.
struct ReportersMap: Sendable {
  struct Device: Equatable, Sendable {
    var name: String
    var vectors: Int
    /// Counted among the SMMUs that have a device.
    var smmu: Int
  }

  private(set) var virtualCPUs: Int?
  private(set) var devices: [Device] = []
  private(set) var smmus = 1
  private(set) var guestRAM: [ClosedRange<UInt64>] = []
  private(set) var guestITS: UInt64?
  private(set) var guestSMMU: UInt64?
  private(set) var hostITSs: [UInt64] = []
  private(set) var hostSMMUs: [UInt64] = []

  /// As many as a scenario lists without a long run.
  private static let deviceLimit = 16
  private static let smmuLimit = 4
  private static let processorLimit = 64

  init(_ joined: Joined) {
    let logs = joined.facts.logs
    let guest = logs.firstIndex { $0.side == .guest }
    let host = logs.firstIndex { $0.side == .host }
    let command =
      joined.facts.commands.first { !$0.acceleratedSMMUs.isEmpty } ?? joined.facts.commands.first
    let processors = guest.flatMap { logs[$0].bootedCPUs?.value } ?? command?.processors
    virtualCPUs = processors.flatMap { (1...Self.processorLimit).contains($0) ? $0 : nil }
    guestRAM = joined.facts.guestRAM.map(\.value)
    let platform = guest.flatMap { joined.platformsOfLogs[$0].first }
    if let guest { guestITS = logs[guest].itses.first?.value }
    if let platform { guestSMMU = joined.platforms[platform].facts.smmus.first?.base }
    if let host {
      hostITSs = Array(logs[host].itses.map(\.value).sorted().prefix(16))
      let own = joined.platformsOfLogs[host].first { $0 != platform }
      hostSMMUs = own.map { joined.platforms[$0].facts.smmus.map(\.base).sorted() } ?? []
    }
    listDevices(joined, platform)
  }

  /// Functions behind an SMMU of the guest; where no table tells, those that the VM was given.
  private mutating func listDevices(_ joined: Joined, _ platform: Int?) {
    let behind = joined.functions.filter { function in
      function.platform == platform && platform != nil && function.route?.stream != nil
        && function.vectors > 0 && function.driver != "pcieport"
    }
    let used = Array(Set(behind.compactMap { $0.route?.stream?.smmu })).sorted()
      .prefix(Self.smmuLimit)
    for function in behind.prefix(Self.deviceLimit) {
      guard let place = used.firstIndex(where: { $0 == function.route?.stream?.smmu }) else {
        continue
      }
      add(function, smmu: place)
    }
    smmus = max(1, used.count)
    guard devices.isEmpty else { return }
    let assigned = Set(joined.facts.commands.flatMap(\.assigned)).sorted()
    for function in assigned.prefix(Self.deviceLimit) {
      if let row = joined.function(function), row.vectors > 0 { add(row, smmu: 0) }
    }
  }

  private mutating func add(_ function: JoinedFunction, smmu: Int) {
    let name = function.names.first ?? function.driver ?? "function"
    devices.append(
      Device(name: name, vectors: min(max(1, function.vectors), 64), smmu: smmu))
  }

  /// The field `machine` of a scenario.
  ///
  /// - Parameter places: whether it says where things stand, beside what there is.
  func lines(places: Bool) -> [String] {
    var lines: [String] = []
    if let virtualCPUs { lines.append("  virtual-cpus: \(virtualCPUs)") }
    if smmus > 1 { lines.append("  smmus: \(smmus)") }
    if !devices.isEmpty {
      lines.append("  devices:")
      lines += devices.map {
        "    - { name: \(Self.quoted($0.name)), vectors: \($0.vectors), smmu: \($0.smmu) }"
      }
    }
    if places { lines += guestLines + hostLines }
    return lines.isEmpty ? [] : ["machine:"] + lines
  }

  private var guestLines: [String] {
    var lines: [String] = []
    if !guestRAM.isEmpty {
      let ranges = guestRAM.prefix(8).map { range in
        "{ base: \(Self.hex(range.lowerBound)), size: \(Self.hex(range.upperBound - range.lowerBound &+ 1)) }"
      }
      lines.append("    ram: [\(ranges.joined(separator: ", "))]")
    }
    if let guestITS { lines.append("    its: \(Self.hex(guestITS))") }
    if let guestSMMU { lines.append("    smmu: \(Self.hex(guestSMMU))") }
    return lines.isEmpty ? [] : ["  guest:"] + lines
  }

  private var hostLines: [String] {
    var lines: [String] = []
    if !hostITSs.isEmpty {
      lines.append("    its: [\(hostITSs.map(Self.hex).joined(separator: ", "))]")
    }
    if hostSMMUs.count == smmus {
      lines.append("    smmus: [\(hostSMMUs.map(Self.hex).joined(separator: ", "))]")
    }
    return lines.isEmpty ? [] : ["  host:"] + lines
  }

  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  /// A name as YAML takes it.
  private static func quoted(_ name: String) -> String {
    "\"\(name.filter { $0.isLetter || $0.isNumber || "-_.:".contains($0) }.prefix(40))\""
  }
}

extension JoinedFunction {
  /// Vectors that it has, by its interrupts or its capability.
  fileprivate var vectors: Int {
    max(
      interrupts.count, listed?.msix?.value.isEnabled == true ? listed?.msix?.value.count ?? 0 : 0)
  }
}
