import Bits
import Designs
package import Files
import Guest
import Linux
import Machine
import Simulation
import Timing
import VMM

extension ScenarioFolder {
  /// The names of the scenarios in the folder.
  package var scenarioNames: [String] { names(of: .scenario) }

  /// The scenario with this name, or in the file at this path, changed as the user asks.
  package func scenario(
    named name: String, overrides: ScenarioOverrides = ScenarioOverrides()
  ) throws(InputError) -> Scenario {
    let path = try file(.scenario, named: name)
    let original = try InputFile(path).value(as: .scenario)
    try original.checkPurpose()
    func settings(_ target: FieldSetting.Target) -> [FieldSetting] {
      overrides.settings.filter { $0.target == target }
    }
    let value = try original.setting(settings(.scenario), as: .scenario)
    var conditions = try Conditions(value, overrides, in: self)
    conditions.costs = try conditions.costs.setting(settings(.costs))
    try checkMachine(value, overrides)
    let (source, workload) = try workload(value, seed: conditions.seed)
    let names = value["designs"]?.items ?? []
    guard !names.isEmpty else {
      throw InputError(
        expected: "at least one design", found: "an empty list",
        at: value["designs"]?.place ?? value.place, field: "designs")
    }
    let designs =
      try overrides.designs.isEmpty
      ? designs(names, settings(.design)) : designs(overrides.designs, settings(.design))
    var scenario = Scenario(
      name: baseName(path), file: path, purpose: value.text("purpose"), conditions: conditions,
      workloadSource: source, workload: workload, designs: designs.map(\.design),
      expectations: try expectations(value, designs: names.map(\.text)))
    if path.hasPrefix("\(self.path)/") {
      scenario.shownFile = "scenarios/" + path.dropFirst(self.path.count + 1)
    }
    scenario.source = value.text("source")
    scenario.rows = value["rows"]?.items.map(\.text) ?? []
    scenario.knownFailure = value["known-failure"]?.text
    let asked = Condition.named("vmm").flatMap { overrides[$0] }
    let machine = try machine(
      of: value, asked.map { _ in conditions.vmm }, conditions.topology,
      workload.device, under: scenario.designs)
    try checkMoves(value, on: machine.own)
    scenario.conditions.vmm = machine.vmm
    scenario.machine = machine.own
    if let own = machine.own {
      scenario.conditions.topology.devices = own.devices.count
      scenario.conditions.topology.itses = own.host.itses.count
      scenario.conditions.topology.smmus = own.host.smmus.count
    }
    if let load = value["workload"]?["load"] { scenario.load = try setting(load) }
    scenario.inputFiles = [path] + designs.map(\.file) + [try costFile(value, overrides[.costs])]
    let played = value["workload"]?["load"]?["devices"]?.items.map {
      $0["source"]?["recorded"]?["recording"]
    }
    for name in ([value["workload"]?["recording"]] + (played ?? [])).compactMap(\.self) {
      scenario.inputFiles.append(try file(at: name.text, from: name.place, field: name.field))
    }
    return scenario
  }

  /// The CPUs that a workload's moves name exist.
  private func checkMoves(
    _ value: CheckedValue, on machine: MachineDescription?
  ) throws(InputError) {
    guard let made = value["workload"]?["synthetic"] else { return }
    let virtual = UInt64(machine?.virtualCPUs ?? 1)
    let physical = UInt64((machine?.host ?? .qemuVirt).cpus)
    for (list, field, count, name) in [
      ("affinity", "cpu", virtual, "virtual CPU"), ("offline", "cpu", virtual, "virtual CPU"),
      ("migrate", "virtual-cpu", virtual, "virtual CPU"),
      ("migrate", "to", physical, "CPU of the host"),
    ] {
      for item in made[list]?.items ?? [] where item.integer(field) >= count {
        throw (item[field] ?? item).error(
          expected: count == 1 ? "0, the only \(name)" : "a \(name), 0 to \(count - 1)")
      }
    }
    var offline: Set<UInt64> = []
    for item in made["offline"]?.items ?? [] {
      offline.insert(item.integer("cpu"))
      guard UInt64(offline.count) < virtual else {
        throw (item["cpu"] ?? item).error(
          expected: "a CPU after which one is still on line (cpu_down refuses the last, EBUSY)")
      }
    }
  }

  /// A load has devices of its own.
  private func checkMachine(
    _ value: CheckedValue, _ overrides: ScenarioOverrides
  ) throws(InputError) {
    guard value["workload"]?["load"] != nil else { return }
    let expectation = "no machine beside a load, which has devices of its own"
    if let machine = value["machine"] {
      throw InputError(
        expected: expectation, found: "one", at: machine.place, field: machine.field)
    }
    let machine = Condition.all.filter { $0.field[0] == "machine" }
    if let asked = machine.first(where: { overrides[$0] != nil }) {
      throw InputError("\(asked.option): expected \(expectation)")
    }
  }

  private func workload(
    _ value: CheckedValue, seed: UInt32
  ) throws(InputError) -> (String, Workload) {
    if let name = value["workload"]?["recording"] {
      return (name.text, try recording(name))
    }
    if let load = value["workload"]?["load"] {
      let vectors = try setting(load).devices.map(\.queues).max() ?? 1
      return ("load", .synthetic(vectors: vectors, messages: vectors, every: 100_000))
    }
    guard let made = value["workload"]?["synthetic"], let interval = made["interval"] else {
      throw value.error(expected: "a workload")
    }
    guard let time = nanoseconds(interval.text) else {
      throw interval.error(expected: "a time such as 10 us")
    }
    let messages = made.integer("messages")
    let arrivals = made.choice("arrivals") ?? Arrivals.regular
    // A random gap may be many times as long as the mean.
    guard time <= SimulatedTime.longestRun.nanoseconds / (arrivals == .poisson ? 64 : 1) / messages
    else {
      throw interval.error(
        expected:
          "\(messages) intervals that fit into 200 days\(arrivals == .poisson ? " 64 times" : "")")
    }
    return (
      "synthetic",
      .synthetic(
        vectors: Int(clamping: made.integer("vectors")),
        messages: Int(clamping: messages), every: time, arrivals: arrivals, seed: seed,
        buffer: made["buffer"].map { IOVA($0.integer) },
        store: made.choice("message-store") ?? .msiX, driver: made.choice("driver") ?? .plain,
        moves: try moves(made))
    )
  }

  /// Returns the changes to interrupts and virtual CPUs beside the MSIs, by time.
  private func moves(_ made: CheckedValue) throws(InputError) -> [Workload.Entry] {
    var entries: [Workload.Entry] = []
    for item in made["affinity"]?.items ?? [] {
      guard item.integer("vector") < made.integer("vectors") else {
        throw (item["vector"] ?? item).error(
          expected: "one of the device's vectors, 0 to \(made.integer("vectors") - 1)")
      }
      entries.append(
        try entry(
          item,
          .setAffinity(
            vector: Int(clamping: item.integer("vector")), cpu: Int(clamping: item.integer("cpu"))))
      )
    }
    for item in made["offline"]?.items ?? [] {
      entries.append(try entry(item, .takeOffline(cpu: Int(clamping: item.integer("cpu")))))
    }
    if let when = made["unbind"] {
      guard let time = nanoseconds(when.text) else {
        throw when.error(expected: "a time such as 10 us")
      }
      entries.append(Workload.Entry(nanoseconds: time, .unbind))
    }
    for item in made["migrate"]?.items ?? [] {
      entries.append(
        try entry(
          item,
          .migrate(
            virtualCPU: Int(clamping: item.integer("virtual-cpu")),
            to: Int(clamping: item.integer("to")))))
    }
    return entries
  }

  private func entry(
    _ item: CheckedValue, _ activity: Workload.Activity
  ) throws(InputError) -> Workload.Entry {
    guard let time = nanoseconds(item.text("at")) else {
      throw (item["at"] ?? item).error(expected: "a time such as 10 us")
    }
    return Workload.Entry(nanoseconds: time, activity)
  }

  private func setting(_ load: CheckedValue) throws(InputError) -> LoadSetting {
    try LoadSetting(load) { name throws(InputError) in try recording(name) }
  }

  /// The workload of the recording that a field names.
  private func recording(_ name: CheckedValue) throws(InputError) -> Workload {
    let path = try file(at: name.text, from: name.place, field: name.field)
    return try Recording(path: path).workload
  }

  private func designs(
    _ names: [CheckedValue], _ settings: [FieldSetting]
  ) throws(InputError) -> [(file: String, design: Design)] {
    var designs: [(file: String, design: Design)] = []
    for name in names {
      let found = try design(name.text, settings, from: name.place, field: name.field)
      if designs.contains(where: { $0.design.name == found.design.name }) {
        throw name.error(expected: "each design once")
      }
      designs.append(found)
    }
    return designs
  }

  private func designs(
    _ names: [String], _ settings: [FieldSetting]
  ) throws(InputError) -> [(file: String, design: Design)] {
    var designs: [(file: String, design: Design)] = []
    for name in names {
      let found = try design(name, settings, from: nil, field: "")
      if designs.contains(where: { $0.design.name == found.design.name }) {
        throw InputError("expected each design once, found \(found.design.name.quoted) twice")
      }
      designs.append(found)
    }
    return designs
  }

  /// A design with its file, by its name, its path, or as a variant of it.
  private func design(
    _ text: String, _ settings: [FieldSetting], from place: Place?, field: String
  ) throws(InputError) -> (file: String, design: Design) {
    let name = DesignName(text)
    let path = try file(.design, named: name.file, from: place, field: field)
    let base = try readDesign(at: path, settings: settings)
    guard !name.settings.isEmpty else { return (path, base) }
    do throws(InputError) {
      return (path, try base.variant(name.settings))
    } catch {
      throw InputError("design \(text.quoted): \(error.message)", at: place, field: field)
    }
  }

  private func costFile(_ value: CheckedValue, _ asked: String?) throws(InputError) -> String {
    if let asked { return try file(.costs, named: asked) }
    guard let name = value["costs"] else {
      return try file(.costs, named: Scenario.standardCosts)
    }
    return try file(.costs, named: name.text, from: name.place, field: name.field)
  }
}

/// `10 us` in nanoseconds; `nil` for anything else.
func nanoseconds(_ text: String) -> UInt64? {
  guard let match = text.wholeMatch(of: /([0-9]{1,9}) ?(ns|us|ms)/), let count = UInt64(match.1)
  else { return nil }
  switch match.2 {
  case "ms": return count * 1_000_000
  case "us": return count * 1000
  default: return count
  }
}
