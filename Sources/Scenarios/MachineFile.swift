import Bits
package import Files
import GIC
package import Machine
import PCI
import VMM

extension Shape {
  /// A machine file: the fields of `MachineDescription`, each with what stands for it where it is not
  /// given.
  package static let machineFile = Shape.record(
    machineFields + [
      .optional("devices", machineDevices, "The assigned functions, in order; one if not given.")
    ])

  /// The machine of a scenario: a name, or the counts of units with what a machine file has.
  static func machine(_ counts: [Field]) -> Shape {
    let fields = counts.map { count in
      count.name == "devices"
        ? Field.optional(
          count.name, .either(count.shape, mapping: machineDevices),
          count.text + " Or a list of them.")
        : count
    }
    return .either(
      .text(TextForm("the name of a machine or the path of a machine file")),
      mapping: .record(fields + machineFields))
  }

  /// The fields that a machine has beside the counts of `machine`.
  static let machineFields: [Field] = [
    .optional("title", .anyText, "One line: what machine it is."),
    .optional(
      "from", .choice(of: VMMPersonality.self, \.meaning),
      "The built-in machine that has whatever is not given here.",
      standard: .string(VMMPersonality.qemuVirt.rawValue)),
    .optional(
      "machines", .integer(1...UInt64(MachineDescription.maximumMachines)),
      "Virtual machines, all with the same map.", standard: .integer(1)),
    .optional(
      "virtual-cpus", .integer(1...UInt64(MachineDescription.maximumVirtualCPUs)),
      "Virtual CPUs of each.", standard: .integer(1)),
    .optional("host", host, "The physical machine: what stands at which PA."),
    .optional("guest", guestMap, "What each virtual machine sees: what stands at which IPA."),
  ]

  private static func count(in range: ClosedRange<Int>) -> Shape {
    .integer(UInt64(range.lowerBound)...UInt64(range.upperBound))
  }

  /// The devices of a machine, one by one.
  static let machineDevices = Shape.list(machineDevice)

  private static let host = Shape.record([
    .optional("ram", .list(range), "RAM; the last range holds the VMs' memory and the host's own."),
    .optional("cpus", .integer(1...512), "Physical CPUs, each with a redistributor."),
    .optional(
      "gic", .choice([Choice("v3"), Choice("v4.0"), Choice("v4.1")]),
      "The interrupt controllers' version; what a design needs if not given."),
    .optional(
      "device-table", .choice(of: MachineDescription.DeviceTable.self, \.meaning),
      "The device tables that the ITSs take.",
      standard: .string(MachineDescription.DeviceTable.twoLevel.rawValue)),
    .optional(
      "device-bits", count(in: MachineDescription.deviceBits),
      "DeviceID bits of the ITSs (GITS_TYPER.Devbits); at most 19 with flat tables.",
      standard: .integer(16)),
    .optional(
      "stream-bits", count(in: MachineDescription.streamBits),
      "StreamID bits of the SMMUs (SMMU_IDR1.SIDSIZE).", standard: .integer(16)),
    .optional("gicd", address, "The distributor, 64 KiB."),
    .optional("gicr", address, "The first redistributor; each has 128 KiB, 256 KiB with GICv4."),
    .optional("its", .list(address), "The ITSs, 128 KiB each."),
    .optional("v2m", address, "The page of the GICv2m frame, for hosts that have one."),
    .optional("v2m-spis", spis, "Its SPIs."),
    .optional("smmus", .list(address), "The SMMUs, 128 KiB each."),
    .optional(
      "smmu-features",
      .list(.choice(MachineDescription.SMMUFeatureSet.names.map { Choice($0.name, $0.meaning) })),
      "What the SMMUs offer."),
    .optional("bridges", .list(bridge), "PCIe host bridges, each with buses of its own."),
    .optional(
      "interrupts", .choice(of: MachineDescription.InterruptPlacement.self, \.meaning),
      "The CPUs that LPIs go to.",
      standard: .string(MachineDescription.InterruptPlacement.first.rawValue)),
    .optional(
      "msi-window", range,
      "The software MSI window of the kernel's SMMU driver; every release of Linux has 1 MiB at "
        + "0x8000000."),
  ])

  private static let bridge = Shape.record([
    .required("buses", buses, "Its buses."),
    .optional("ecam", range, "Its configuration space, 1 MiB a bus."),
    .optional("windows", .list(range), "Where its functions' BARs stand; anywhere if not given."),
    .optional(
      "stream-offset", .integer(0...UInt64(UInt32.max)),
      "StreamID minus requester ID: output base minus input base of the IORT's mapping.",
      standard: .integer(0)),
    .optional(
      "device-offset", .integer(0...UInt64(UInt32.max)), "DeviceID minus StreamID.",
      standard: .integer(0)),
  ])

  private static let guestMap = Shape.record([
    .optional("ram", .list(range), "RAM."),
    .optional("gicd", address, "The distributor, 64 KiB."),
    .optional("gicr", range, "The redistributors, 128 KiB each."),
    .optional("gicr-2", range, "A second region of redistributors."),
    .optional("its", address, "The virtual ITS, 128 KiB."),
    .optional("v2m", address, "The page of a GICv2m frame, for designs with one instead."),
    .optional("smmu", address, "The first vSMMU; further ones follow, 128 KiB each."),
    .optional(
      "bars", address, "The first function's MSI-X table; those of others follow, 64 KiB apart."),
    .optional("rmr", rmr, "The reserved memory range; the software MSI window if not given."),
    .optional("ecam", range, "PCI configuration space, 1 MiB a bus."),
    .optional("windows", .list(range), "Where BARs stand; anywhere if empty."),
  ])

  private static let rmr = Shape.record([
    .required("base", address, "Where it begins."),
    .required("size", size, "Its length."),
    .optional(
      "remapping", .choice([Choice("permitted"), Choice("denied")]),
      "Flag bit 0; what the design asks for if not given."),
    .optional(
      "privileged", .boolean, "Flag bit 1: for privileged accesses only, which no MSI is.",
      standard: .bool(false)),
    .optional(
      "attributes",
      .choice(AddressMap.ReservedRange.Attributes.allCases.map { Choice($0.name, $0.meaning) }),
      "Flag bits 9:2: how stage 1 maps it.",
      standard: .string(AddressMap.ReservedRange.Attributes.deviceNGNRNE.name)),
    .optional(
      "requesters",
      .record([
        .required("first", requester, "The first."), .required("last", requester, "The last."),
      ]), "The guest's requester IDs that it holds for; those behind each vSMMU if not given."),
  ])

  private static let machineDevice = Shape.record([
    .required("name", .anyText, "What it is, such as nvme."),
    .optional(
      "vectors", .integer(1...2048), "Entries of its MSI-X table; the workload's if not given."),
    .optional("machine", .integer(0...63), "The VM that has it.", standard: .integer(0)),
    .optional("smmu", .integer(0...63), "The SMMU in front of it.", standard: .integer(0)),
    .optional("its", .integer(0...64), "The ITS that its MSIs go to.", standard: .integer(0)),
    .optional("requester", requester, "Its requester ID on the host's bus."),
    .optional("guest-requester", requester, "Its requester ID in the guest."),
    .optional("bar", range, "The BAR with its MSI-X table."),
    .optional(
      "dma-bits", .integer(1...64), "Bits of its driver's DMA mask.", standard: .integer(64)),
    .optional(
      "virtual-cpus", .list(.integer(0...511)),
      "The virtual CPU of each vector, over and over; vector modulo virtual CPUs if not given."),
  ])

  private static let address = Shape.integer(0...(.max))
  private static let requester = Shape.text(
    TextForm("a requester ID such as 01:00.0", pattern: "[0-9a-fA-F]{2}:[01][0-9a-fA-F][.][0-7]"))
  private static let size = Shape.text(
    TextForm(
      "a size such as 768 MiB or 0x10000",
      pattern: "0x[0-9a-fA-F]{1,16}|[0-9]{1,19}|[0-9]{1,9} ?(KiB|MiB|GiB|TiB)"))
  private static let range = Shape.record([
    .required("base", address, "The first address."), .required("size", size, "The length."),
  ])
  private static let buses = Shape.record([
    .required("first", .integer(0...255), "The first bus."),
    .required("last", .integer(0...255), "The last bus."),
  ])
  private static let spis = Shape.record([
    .required("first", .integer(32...1019), "The INTID of the first SPI."),
    .required("count", .integer(1...988), "How many."),
  ])
}

extension MachineDescription.SMMUFeatureSet {
  /// Each feature with its name in files and its meaning.
  package static let names: [(name: String, feature: Self, meaning: String)] = [
    ("s2fwb", .forceWriteBack, "Stage 2 may force write-back (IDR3.FWB)."),
    ("canwbs", .coherentPath, "The devices' path is coherent whatever the attributes (IORT)."),
    ("ril", .rangeInvalidation, "TLBI commands name ranges (IDR3.RIL)."),
    ("ats", .ats, "Devices may ask for translations (IDR0.ATS)."),
  ]
}

extension AddressMap.ReservedRange.Attributes {
  /// The word of files.
  package var name: String {
    switch self {
    case .deviceNGNRNE: "device-ngnrne"
    case .deviceNGNRE: "device-ngnre"
    case .deviceNGRE: "device-ngre"
    case .deviceGRE: "device-gre"
    case .normalNonCacheable: "normal-non-cacheable"
    case .normalWriteBack: "normal-write-back"
    }
  }

  /// The manual's words.
  var meaning: String {
    switch self {
    case .deviceNGNRNE: "Device-nGnRnE."
    case .deviceNGNRE: "Device-nGnRE."
    case .deviceNGRE: "Device-nGRE."
    case .deviceGRE: "Device-GRE."
    case .normalNonCacheable: "Normal Non-cacheable."
    case .normalWriteBack: "Normal Inner and Outer Write-Back."
    }
  }
}

// MARK: Reading

extension CheckedValue {
  /// A machine as the file says it, checked.
  ///
  /// - Parameters:
  ///   - base: machine that has the values of absent fields.
  ///   - devices: the devices one by one, where they are; otherwise those of `base`.
  /// - Throws: `InputError` at the field that the first finding is about, where no run can be made.
  func machine(
    from base: MachineDescription, devices listed: CheckedValue?
  ) throws(InputError) -> MachineDescription {
    var machine = base
    if let count = self["machines"] { machine.machines = Int(clamping: count.integer) }
    if let count = self["virtual-cpus"] { machine.virtualCPUs = Int(clamping: count.integer) }
    if let host = self["host"] { try host.read(into: &machine.host) }
    if let guest = self["guest"] { try guest.read(into: &machine.guest) }
    if let listed {
      let vectors = base.devices.first?.vectors ?? 1
      machine.devices = []
      for item in listed.items {
        machine.devices.append(try item.device(of: machine, vectors: vectors))
      }
    }
    if let problem = machine.problem {
      throw InputError(
        "\(problem.message) (\(problem.kind.rawValue))", at: place(of: problem.field),
        field: problem.field)
    }
    return machine
  }

  private func read(into host: inout MachineDescription.Host) throws(InputError) {
    if let ram = try self["ram"]?.ranges { host.ram = ram }
    if let cpus = self["cpus"] { host.cpus = Int(clamping: cpus.integer) }
    host.gic = self["gic"].map { GICVersion(name: $0.text) ?? .v3 } ?? host.gic
    host.deviceTable = choice("device-table") ?? host.deviceTable
    if let bits = self["device-bits"] { host.deviceBits = Int(clamping: bits.integer) }
    if let bits = self["stream-bits"] { host.streamBits = Int(clamping: bits.integer) }
    if let base = self["gicd"] { host.distributor = PA(base.integer) }
    if let base = self["gicr"] { host.redistributors = PA(base.integer) }
    if let bases = self["its"] { host.itses = bases.items.map { PA($0.integer) } }
    if let base = self["v2m"] { host.messageFrame = PA(base.integer) }
    if let spis = self["v2m-spis"] {
      let first = UInt32(clamping: spis.integer("first"))
      host.messageSPIs = first..<first + UInt32(clamping: spis.integer("count"))
    }
    if let bases = self["smmus"] { host.smmus = bases.items.map { PA($0.integer) } }
    if let features = self["smmu-features"] {
      let named = MachineDescription.SMMUFeatureSet.names
      host.smmuFeatures = features.items.reduce(into: []) { set, item in
        set.formUnion(named.first { $0.name == item.text }?.feature ?? [])
      }
    }
    host.interrupts = choice("interrupts") ?? host.interrupts
    if let window = try self["msi-window"]?.range { host.messageWindow = window }
    guard let bridges = self["bridges"] else { return }
    host.bridges = []
    for item in bridges.items { host.bridges.append(try item.bridge) }
  }

  private var bridge: MachineDescription.Bridge {
    get throws(InputError) {
      let first = UInt8(clamping: self["buses"]?.integer("first") ?? 0)
      let last = UInt8(clamping: self["buses"]?.integer("last") ?? 0)
      guard first <= last else {
        throw (self["buses"] ?? self).error(expected: "a last bus that is at least the first")
      }
      var bridge = MachineDescription.Bridge(
        buses: first...last, ecam: try self["ecam"]?.range,
        windows: try self["windows"]?.ranges ?? [])
      bridge.streamOffset = UInt32(clamping: integer("stream-offset"))
      bridge.deviceOffset = UInt32(clamping: integer("device-offset"))
      return bridge
    }
  }

  private func read(into map: inout AddressMap) throws(InputError) {
    if let ram = self["ram"] {
      let ranges = try ram.ranges
      guard let first = ranges.first else { throw ram.error(expected: "at least one range") }
      map.ramBase = IPA(first.base)
      map.ramSize = first.length
      map.furtherRAM = Array(ranges.dropFirst())
    }
    if let base = self["gicd"] { map.distributor = IPA(base.integer) }
    if let range = try self["gicr"]?.range {
      map.redistributors = IPA(range.base)
      map.redistributorsSize = range.length
      map.furtherRedistributors = nil
    }
    if let range = try self["gicr-2"]?.range { map.furtherRedistributors = range }
    if let base = self["its"] { map.itsBase = IPA(base.integer) }
    if let base = self["v2m"] { map.messageFramePlace = IPA(base.integer) }
    if let base = self["smmu"] { map.smmuBase = IPA(base.integer) }
    if let base = self["bars"] { map.msixTable = IPA(base.integer) }
    if let range = try self["ecam"]?.range { map.ecam = range }
    if let windows = try self["windows"]?.ranges { map.windows = windows }
    guard let rmr = self["rmr"] else { return }
    var reserved = AddressMap.ReservedRange(range: try rmr.range)
    reserved.remapPermitted = rmr["remapping"].map { $0.text == "permitted" }
    reserved.isPrivileged = rmr["privileged"]?.boolean ?? false
    reserved.attributes =
      rmr["attributes"].flatMap { named in
        AddressMap.ReservedRange.Attributes.allCases.first { $0.name == named.text }
      } ?? reserved.attributes
    if let requesters = rmr["requesters"] {
      let first = requesters.requester("first")?.rawValue ?? 0
      let last = requesters.requester("last")?.rawValue ?? 0
      guard first <= last else {
        throw requesters.error(expected: "a last requester ID that is at least the first")
      }
      reserved.requesters = first...last
    }
    map.reservedRange = reserved
  }

  /// - Parameter machine: with the devices before this one.
  private func device(
    of machine: MachineDescription, vectors: Int
  ) throws(InputError) -> MachineDescription.Device {
    let smmu = Int(clamping: integer("smmu"))
    let index = machine.devices.count
    var device = MachineDescription.Device(
      name: text("name"), vectors: self["vectors"].map { Int(clamping: $0.integer) } ?? vectors,
      requester: requester("requester") ?? machine.host.standardRequester(index),
      guestRequester: requester("guest-requester") ?? machine.standardGuestRequester(behind: smmu),
      bar: try self["bar"]?.range ?? machine.host.standardBAR(index))
    device.machine = Int(clamping: integer("machine"))
    device.smmu = smmu
    device.its = Int(clamping: integer("its"))
    if let bits = self["dma-bits"] { device.dmaBits = Int(clamping: bits.integer) }
    device.virtualCPUs = self["virtual-cpus"]?.items.map { Int(clamping: $0.integer) } ?? []
    return device
  }

  private func requester(_ name: String) -> RequesterID? {
    guard let parts = self[name]?.text.split(whereSeparator: { ":.".contains($0) }),
      parts.count == 3, let bus = UInt8(parts[0], radix: 16),
      let device = UInt8(parts[1], radix: 16), let function = UInt8(parts[2], radix: 8)
    else { return nil }
    return RequesterID(bus: bus, device: device, function: function)
  }

  private var ranges: [AddressRange] {
    get throws(InputError) {
      var ranges: [AddressRange] = []
      for item in items { ranges.append(try item.range) }
      return ranges
    }
  }

  private var range: AddressRange {
    get throws(InputError) {
      guard let length = self["size"].flatMap({ byteCount($0.text) }),
        let range = AddressRange(base: integer("base"), length: length)
      else {
        throw InputError(
          expected: "a range of at least one byte that ends below 2^64",
          found: "base \(hex(integer("base"))), size \(text("size"))", at: place, field: field)
      }
      return range
    }
  }

  /// Returns the place of a field, or of the nearest one around it that is in the file.
  func place(of path: String) -> Place {
    var value = self
    for step in FieldPath(path)?.steps ?? [] {
      switch step {
      case .name(let name):
        guard let member = value[name] else { return value.place }
        value = member
      case .index(let index):
        guard value.items.indices.contains(index) else { return value.place }
        value = value.items[index]
      }
    }
    return value.place
  }
}

/// `768 MiB` in bytes; `nil` for anything else, and for what exceeds 64 bits.
func byteCount(_ text: String) -> UInt64? {
  if let plain = UInt64(number: text) { return plain }
  guard let match = text.wholeMatch(of: /([0-9]{1,9}) ?(KiB|MiB|GiB|TiB)/),
    let count = UInt64(match.1)
  else { return nil }
  let shift: UInt64 =
    switch match.2 {
    case "KiB": 10
    case "MiB": 20
    case "GiB": 30
    default: 40
    }
  let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
  return overflow ? nil : bytes
}

extension GICVersion {
  /// `v3`, `v4.0` or `v4.1`; `nil` for anything else.
  init?(name: String) {
    switch name {
    case "v3": self = .v3
    case "v4.0": self = .v4
    case "v4.1": self = .v4Point1
    default: return nil
    }
  }
}

// MARK: What stands for what is not given

extension MachineDescription.Host {
  /// The requester ID of function number `index` where none is given: on the first bridge's first
  /// bus, from device 2 on.
  func standardRequester(_ index: Int) -> RequesterID {
    let bus = UInt16(bridges.first?.buses.lowerBound ?? 0)
    return RequesterID(rawValue: bus << 8 | UInt16(clamping: 0x10 + index))
  }

  /// The BAR of function number `index` where none is given: in the first bridge's last window.
  func standardBAR(_ index: Int) -> AddressRange {
    let start = bridges.first?.windows.last?.base ?? 0x80_0000_0000
    return AddressRange(from: start &+ UInt64(index) &* 0x1_0000, length: 0x1_0000)
  }
}

extension MachineDescription {
  /// The requester ID in the guest of the next function behind an SMMU where none is given: on the
  /// second bus of the SMMU's pair.
  func standardGuestRequester(behind smmu: Int) -> RequesterID {
    let behind = devices.count { $0.smmu == smmu }
    return RequesterID(rawValue: UInt16(clamping: 0x1100 + smmu * 0x200 + behind))
  }
}
