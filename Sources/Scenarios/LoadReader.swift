package import Files
import Guest
import Simulation
import Timing

extension Shape {
  /// A load: devices, the virtual machines that drive them, and the processors of both.
  static let load = Shape.record([
    .optional("virtualMachines", count, "Virtual machines.", standard: .integer(1)),
    .optional("virtualCPUs", count, "Virtual CPUs of each.", standard: .integer(1)),
    .optional(
      "physicalCPUs", count, "Physical CPUs; as many as virtual ones if not given."),
    .optional(
      "busyCPUs", .integer(0...4096), "Virtual CPUs of each machine that always have other work.",
      standard: .integer(0)),
    .optional("pinned", .boolean, "Whether virtual CPUs stay on their physical ones."),
    .optional("timeSlice", time, "How long a virtual CPU runs while others wait; 3 ms."),
    .optional(
      "listRegisters", .integer(1...16), "List registers of a CPU.", standard: .integer(4)),
    .optional(
      "walkSlots", .integer(1...256), "Walks that the SMMU does at once.", standard: .integer(16)),
    .optional(
      "postedWrites", .integer(1...65536),
      "Writes that a device may have under way to the SMMU: its PCIe credits.",
      standard: .integer(32)),
    .optional(
      "interconnectWrites", .integer(0...65536), "Writes that wait between the SMMU and the ITS.",
      standard: .integer(32)),
    .optional(
      "itsWrites", .integer(1...65536), "Writes that wait in the ITS.", standard: .integer(16)),
    .optional(
      "haltPolling", time,
      "The longest time that KVM polls for an idle virtual CPU's interrupts; none if not given."),
    .optional(
      "virtualPEs", .integer(0...1_048_576),
      "vPEs that the host's GIC has tables for; machines beyond have none. As many as needed."),
    .optional(
      "injectionCacheEntries", .integer(1...65536),
      "Translations that KVM keeps for its virtual ITS; all of them if not given."),
    .optional(
      "cacheDropsPerSecond", .number,
      "How often guests make KVM forget them (DISCARD, MAPD or MAPC that unmaps), in a second."),
    .optional("affinityMovesPerSecond", .number, "Interrupts that guests move, in a second."),
    .optional(
      "warmUp", time,
      "What is simulated before anything is counted; found from what is measured if not given."),
    .optional(
      "duration", time,
      "What is counted, without a warm-up that was found in it; 20 ms."),
    .required("devices", .list(device), "Groups of equal devices."),
  ])

  static let time = Shape.text(
    TextForm("a time such as 10 us", pattern: "[0-9]{1,9} ?(ns|us|ms)"))

  private static let count = Shape.integer(1...4096)

  private static let device = Shape.record([
    .required("source", source, "Where the events come from."),
    .optional("count", count, "Devices of this kind.", standard: .integer(1)),
    .optional(
      "queues", .integer(1...2048), "Queues of each, with a vector each.", standard: .integer(1)),
    .optional(
      "vectors", .choice(of: VectorSpread.self, \.meaning),
      "Which virtual CPUs take them; 'managed' for nvme and recorded, 'balanced' for nic."),
    .optional(
      "cpus", .list(.integer(0...4095)),
      "The virtual CPU of each queue, where an administrator chose."),
    .optional(
      "coalesce",
      .record([
        .required("events", .integer(1...65536), "Events for an MSI."),
        .required("time", time, "Time after the first event."),
      ]), "An MSI after so many events or so long; one for each event if not given."),
    .optional("workPerEvent", time, "The guest's work for one event; none if not given."),
    .optional(
      "budget", .integer(1...65536), "Events taken in one go.", standard: .integer(64)),
    .optional(
      "mapping", .choice(of: DeviceLoad.Mapping.self, \.meaning),
      "What the driver does to the mapping of an event's buffer.",
      standard: .string(DeviceLoad.Mapping.fixed.rawValue)),
    .optional("pages", .integer(0...512), "Pages of an event's buffer.", standard: .integer(0)),
    .optional("masks", .boolean, "Whether the guest masks the vector while it handles it."),
  ])

  private static let source = Shape.oneOf([
    .required(
      "nvme",
      .record([
        .required("depth", .integer(1...65536), "Commands that each queue keeps outstanding."),
        .required("service", time, "The mean time of a command in the device."),
        .optional(
          "channels", .integer(1...4096), "Commands that the device works on at once.",
          standard: .integer(64)),
      ]), "A closed loop: a command that completes is followed by the next."),
    .required(
      "nic",
      .record([
        .required("gap", time, "The mean time between bursts at one queue."),
        .optional("burst", .integer(1...4096), "Packets of a burst.", standard: .integer(1)),
        .optional("ring", .integer(1...65536), "Entries of a ring.", standard: .integer(512)),
      ]), "An open loop: a Poisson process; the driver polls until its ring is empty."),
    .required(
      "recorded",
      .record([
        .required(
          "recording", .anyText, "The path of a recording, from here or the scenarios folder."),
        .optional(
          "speed", .number, "How many times as fast as it was recorded, 0.001 to 1e9.",
          standard: .integer(1)),
        .optional("ring", .integer(1...65536), "Entries of a ring.", standard: .integer(512)),
      ]),
      "An event at each MSI of a recording, over and over; the driver polls until its ring is "
        + "empty."),
  ])
}

/// How a guest spreads the vectors of a device over its virtual CPUs.
enum VectorSpread: String, CaseIterable, Sendable {
  case managed
  case balanced

  /// What the choice means, for readers of the schema.
  var meaning: String {
    switch self {
    case .managed: "Managed interrupts: each queue has a group of the CPUs, and its first takes it."
    case .balanced: "As irqbalance spreads interrupts that are alike: one after the other."
    }
  }
}

extension DeviceLoad.Mapping {
  /// Meaning of the choice, for readers of the schema.
  var meaning: String {
    switch self {
    case .fixed: "Buffers stay mapped."
    case .lazy: "Each buffer is unmapped, and every 256 of them are invalidated at once."
    case .strict: "Each buffer is unmapped and invalidated before the next step."
    }
  }
}

extension LoadSetting {
  /// The load that a checked part of a scenario file describes.
  ///
  /// - Parameter recording: reads what a field names.
  init(
    _ value: CheckedValue,
    recording: (CheckedValue) throws(InputError) -> Workload
  ) throws(InputError) {
    self.init()
    func number(_ name: String, _ standard: Int) -> Int {
      value[name].map { Int(clamping: $0.integer) } ?? standard
    }
    virtualMachines = number("virtualMachines", 1)
    virtualCPUs = number("virtualCPUs", 1)
    physicalCPUs = number("physicalCPUs", virtualMachines * virtualCPUs)
    busyCPUs = number("busyCPUs", 0)
    listRegisters = number("listRegisters", listRegisters)
    walkSlots = number("walkSlots", walkSlots)
    postedWrites = number("postedWrites", postedWrites)
    interconnectWrites = number("interconnectWrites", interconnectWrites)
    itsWrites = number("itsWrites", itsWrites)
    isPinned = value["pinned"]?.boolean ?? false
    affinityMovesPerSecond = value["affinityMovesPerSecond"]?.number ?? 0
    guard affinityMovesPerSecond == 0 || (1e-3...1e9).contains(affinityMovesPerSecond) else {
      throw (value["affinityMovesPerSecond"] ?? value).error(expected: "0, or 0.001 to 1e9")
    }
    cacheDropsPerSecond = value["cacheDropsPerSecond"]?.number ?? 0
    guard cacheDropsPerSecond == 0 || (1e-3...1e9).contains(cacheDropsPerSecond) else {
      throw (value["cacheDropsPerSecond"] ?? value).error(expected: "0, or 0.001 to 1e9")
    }
    virtualPEs = value["virtualPEs"].map { Int(clamping: $0.integer) }
    injectionCacheEntries = value["injectionCacheEntries"].map { Int(clamping: $0.integer) }
    haltPolling = try value.time("haltPolling") ?? .zero
    timeSlice = try value.time("timeSlice") ?? timeSlice
    warmUp = try value.time("warmUp")
    duration = try value.time("duration") ?? duration
    guard (warmUp ?? .zero) + duration <= .nanoseconds(1_000 * 1_000_000_000) else {
      throw value.error(expected: "a warm-up and a duration of at most 1000 s together")
    }
    guard duration > .zero, timeSlice > .zero else {
      throw value.error(expected: "a duration and a time slice above zero")
    }
    guard virtualMachines * virtualCPUs <= 65536 else {
      throw value.error(expected: "at most 65536 virtual CPUs")
    }
    for device in value["devices"]?.items ?? [] {
      let played = try RecordedTiming(device["source"]?["recorded"], recording)
      if let played { recordings.append(played) }
      devices.append(try DeviceLoad(device, recordings: recordings.count))
    }
    guard !devices.isEmpty else {
      throw (value["devices"] ?? value).error(expected: "at least one group of devices")
    }
    let commands = devices.reduce(0) { $0 + $1.outstanding }
    guard commands <= 10_000_000 else {
      throw value.error(expected: "at most 10,000,000 outstanding commands")
    }
  }
}

extension DeviceLoad {
  /// - Parameter recordings: number of recordings; its own is the last.
  fileprivate init(_ value: CheckedValue, recordings: Int) throws(InputError) {
    self.init(
      name: value["source"]?.members.first?.name ?? "",
      source: try Self.source(value, recordings: recordings))
    count = Int(clamping: value["count"]?.integer ?? 1)
    queues = Int(clamping: value["queues"]?.integer ?? 1)
    vectors = try Self.vectors(value)
    coalescedEvents = Int(clamping: value["coalesce"]?["events"]?.integer ?? 1)
    coalescingTime = try value["coalesce"]?.time("time") ?? .zero
    workPerEvent = try value.time("workPerEvent") ?? .zero
    budget = Int(clamping: value["budget"]?.integer ?? 64)
    mapping = value.choice("mapping") ?? .fixed
    pages = Int(clamping: value["pages"]?.integer ?? 0)
    masks = value["masks"]?.boolean ?? false
  }

  private static func vectors(_ value: CheckedValue) throws(InputError) -> Vectors {
    let spread: VectorSpread? = value.choice("vectors")
    if let cpus = value["cpus"] {
      guard spread == nil else {
        throw cpus.error(expected: "no 'cpus' beside 'vectors': one says what the other does")
      }
      return .manual(cpus.items.map { Int(clamping: $0.integer) })
    }
    switch spread {
    case .managed?: return .managed
    case .balanced?: return .balanced
    case nil: return value["source"]?["nic"] == nil ? .managed : .balanced
    }
  }

  private static func source(
    _ value: CheckedValue, recordings: Int
  ) throws(InputError) -> Source {
    if let recorded = value["source"]?["recorded"] {
      return .recorded(
        place: recordings - 1, ring: Int(clamping: recorded["ring"]?.integer ?? 512))
    }
    if let nvme = value["source"]?["nvme"], let service = try nvme.time("service") {
      return .closed(
        depth: Int(clamping: nvme.integer("depth")), service: service,
        channels: Int(clamping: nvme["channels"]?.integer ?? 64))
    }
    guard let nic = value["source"]?["nic"], let gap = try nic.time("gap") else {
      throw value.error(expected: "'nvme', 'nic' or 'recorded'")
    }
    guard gap > .zero else { throw nic.error(expected: "a gap above zero") }
    return .open(
      gap: gap, burst: Int(clamping: nic["burst"]?.integer ?? 1),
      ring: Int(clamping: nic["ring"]?.integer ?? 512))
  }

  /// Commands that the group keeps outstanding, or rings it has.
  fileprivate var outstanding: Int {
    guard case .closed(let depth, _, _) = source else { return count * queues }
    return count * queues * depth
  }
}

extension RecordedTiming {
  /// Creates the times of a recording's MSIs; `nil` if a source plays no recording.
  fileprivate init?(
    _ value: CheckedValue?, _ recording: (CheckedValue) throws(InputError) -> Workload
  ) throws(InputError) {
    guard let value, let name = value["recording"] else { return nil }
    let speed = value["speed"]?.number ?? 1
    guard (1e-3...1e9).contains(speed) else {
      throw (value["speed"] ?? value).error(expected: "0.001 to 1e9")
    }
    let events: [Event] = try recording(name).entries.compactMap { entry in
      guard case .message(let vector) = entry.activity else { return nil }
      return Event(time: .nanoseconds(entry.nanoseconds), queue: vector)
    }
    guard let timing = RecordedTiming(events) else {
      throw name.error(expected: "a recording of MSIs at two times at least")
    }
    self = timing.played(at: speed)
  }
}

extension CheckedValue {
  /// The time in a field; `nil` when it is absent.
  func time(_ name: String) throws(InputError) -> SimulatedTime? {
    guard let field = self[name] else { return nil }
    guard let time = nanoseconds(field.text) else {
      throw field.error(expected: "a time such as 10 us")
    }
    return .nanoseconds(time)
  }
}
