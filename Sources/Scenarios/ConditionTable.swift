package import Designs
package import Files
import Guest
import Linux
import Timing
import VMM

// All conditions. A new one is a property of `Conditions` and an entry here.
extension Condition {
  package static let guestUsage = Condition(
    "guest.usage", \.usage, "Driver stack that owns the device in the guest.", axis: .overview)
  package static let guestKernel = Condition(
    "guest.kernel", \.guestKernel, "The guest's Linux: a release, and switches of it.", of: .guest)
  package static let hostKernel = Condition(
    "host.kernel", \.hostKernel, "The host's Linux: a release, and switches of it.", of: .host)
  package static let hostController = Condition(
    "host.controller", \.topology.controller, "Physical MSI controller.", axis: .overview)
  package static let its = Condition(
    "machine.its", \.topology.itses, "Physical ITSs: device i's MSIs go to ITS i modulo this.",
    1...Topology.maximumITSs,
    listed: ["1": "One ITS.", "2": "2 ITSs, with a device on each."], axis: .overview)
  package static let devices = Condition(
    "machine.devices", \.topology.devices,
    "Assigned devices, all like the workload's; as many as ITSs and SMMUs if not given.",
    1...Topology.maximumDevices, hasStandard: false)
  package static let costs = Condition(
    "costs", "Cost model, by its name or its file.", placeholder: "name|file", shape: .anyText,
    standard: .string(Scenario.standardCosts), axis: .none, read: { $0.costs.name },
    make: { text, folder, place throws(ConditionError) in
      do throws(InputError) {
        let costs = try folder.readCosts(at: folder.file(.costs, named: text, from: place))
        return { $0.costs = costs }
      } catch {
        throw ConditionError(error.message, at: error.place)
      }
    })
  package static let seed = Condition(
    "seed", "Seeds whatever is random in the run.", placeholder: "n",
    shape: .integer(0...UInt64(UInt32.max)), standard: .integer(1), axis: .none,
    read: { String($0.seed) },
    make: { text, _, _ throws(ConditionError) in
      guard let seed = UInt32(text) else {
        throw ConditionError("expected 0 to \(UInt32.max), found \(text.quoted)")
      }
      return { $0.seed = seed }
    })

  /// All conditions, in the order of scenario files, help and reports.
  package static let all: [Condition] = [
    guestUsage, guestKernel, hostKernel,
    Condition(
      "platform", \.platform,
      "Architecture of the host and its guest, with its IOMMU and interrupt controllers."),
    Condition(
      "guest.firmware", \.firmware, "What the guest's firmware tables leave out.", axis: .overview),
    Condition(
      "guest.unmap", \.unmapPolicy, "When the guest's DMA API invalidates what it has unmapped."),
    Condition(
      "guest.idle", \.idle, "What the guest's virtual CPU does between interrupts.",
      axis: .overview),
    Condition("vmm", \.vmm, "VMM whose guest memory map is used.", axis: .overview),
    Condition("guest.page-size", \.guestPageSize, "The guest's page size.", axis: .overview),
    Condition("host.page-size", \.hostPageSize, "The host's page size.", axis: .overview),
    its, hostController, devices,
    Condition(
      "machine.smmus", \.topology.smmus,
      "Physical SMMUs: device i stands behind SMMU i modulo this.", 1...Topology.maximumSMMUs,
      listed: ["1": "One SMMU.", "2": "2 SMMUs, with a device behind each."]),
    Condition(
      "machine.order", \.topology.order, "In which order the guest's drivers set the devices up."),
    Condition(
      "machine.vmovp", \.topology.vmovp, "Which ITSs a VMOVP moves a virtual CPU on, with GICv4."),
    Condition(
      "smmu.tlb.entries", \.caches.pages, "Pages that the SMMU's TLB holds; 0 turns it off.",
      0...maximumEntries),
    Condition(
      "smmu.walk-cache.entries", \.caches.walks,
      "Tables of each stage that the SMMU's walk caches hold; 0 turns them off.",
      0...maximumEntries),
    Condition("smmu.ways", \.caches.ways, "Entries of a set of the SMMU's caches.", 1...16),
    Condition(
      "its.cache.entries", \.caches.routes,
      "Routes of events that each ITS caches; 0 turns it off.",
      0...maximumEntries),
    costs, seed,
  ]

  private static let maximumEntries = 1 << 20

  /// The condition with this name.
  package static func named(_ name: String) -> Condition? { all.first { $0.name == name } }

  /// Meanings of the mappings that hold conditions.
  private static let groups: KeyValuePairs = [
    "guest": "The guest.", "host": "The host.", "machine": "The physical machine.",
    "smmu": "The SMMU's caches.", "smmu.tlb": "The TLB.", "smmu.walk-cache": "The walk caches.",
    "its": "The ITS's caches.", "its.cache": "The cache of routes.",
  ]

  /// The fields of scenario files that conditions have, those of one mapping together.
  static var fields: [Shape.Field] { fields(of: all, below: []) }

  private static func fields(of conditions: [Condition], below path: [String]) -> [Shape.Field] {
    var seen: Set<String> = []
    return conditions.map { $0.field[path.count] }.filter { seen.insert($0).inserted }.map { name in
      let members = conditions.filter { $0.field[path.count] == name }
      if let only = members.first, only.field.count == path.count + 1 {
        return only.isRequired
          ? .required(name, only.shape, only.meaning)
          : .optional(name, only.shape, only.meaning, standard: only.standard)
      }
      let inner = path + [name]
      let shape =
        name == "machine"
        ? Shape.machine(fields(of: members, below: inner))
        : Shape.record(fields(of: members, below: inner))
      let text = groups.first { $0.key == inner.joined(separator: ".") }?.value ?? ""
      return members.contains(where: \.isRequired)
        ? .required(name, shape, text) : .optional(name, shape, text)
    }
  }

  /// Its value in a checked scenario file; `nil` where nothing is said.
  func value(in scenario: CheckedValue) -> CheckedValue? {
    let found = field.dropFirst().reduce(scenario[field[0]]) { $0?[$1] }
    // A list of devices is no number of them.
    if field == ["machine", "devices"], case .list? = found?.content { return nil }
    return found
  }
}

extension Conditions {
  /// Creates the conditions of a scenario file, with those that the user asks for instead.
  init(
    _ scenario: CheckedValue, _ overrides: ScenarioOverrides, in folder: ScenarioFolder
  ) throws(InputError) {
    let newest = Kernel(Kernel.newest)
    let isNamed = Condition.costs.value(in: scenario) != nil || overrides[.costs] != nil
    self.init(
      guestKernel: newest, hostKernel: newest,
      costs: isNamed
        ? CostModel(name: "", platform: "", costs: [:])
        : try folder.costs(named: Scenario.standardCosts))
    for condition in Condition.all where overrides[condition] == nil {
      guard let value = condition.value(in: scenario) else { continue }
      try condition.change(to: value, in: folder)(&self)
    }
    try apply(overrides, in: folder)
  }

  /// Takes what the user asks for.
  package mutating func apply(
    _ overrides: ScenarioOverrides, in folder: ScenarioFolder
  ) throws(InputError) {
    for condition in Condition.all {
      guard let asked = overrides[condition] else { continue }
      try condition.change(to: asked, in: folder, from: condition.option)(&self)
    }
  }
}
