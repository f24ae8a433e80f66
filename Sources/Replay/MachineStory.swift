internal import ArmFormats

/// Story of a machine, put together from the events of its trace.
///
/// Memory depends on the number of devices, vectors and pages, and not on the length of the log.
package struct MachineStory: TraceSink, Sendable {
  package internal(set) var devices: [UInt32: DeviceStory] = [:]
  /// SMMU commands consumed, by opcode.
  package internal(set) var smmuCommands: [UInt8: Int] = [:]
  /// ITS commands carried out, by opcode.
  package internal(set) var itsCommands: [UInt8: Int] = [:]
  /// SMMU commands that were refused.
  package internal(set) var refusedCommands = 0
  /// Event records, by type.
  package internal(set) var faults: [UInt8: Int] = [:]
  /// Physical addresses at which messages arrive.
  package internal(set) var doorbells: Set<UInt64>
  /// LPIs that were ever mapped.
  package internal(set) var lpis: Set<UInt32> = []
  package internal(set) var smmuWrites = 0
  /// Stream tables that software set up, in order: one for each SMMU, which has no other name in a
  /// trace.
  package internal(set) var streamTables: [UInt64] = []
  /// The stream table that was looked into for the access that comes next.
  var lookup: UInt64?
  /// LPIs that were acknowledged and lead to no event.
  package internal(set) var strayAcknowledges = 0
  /// Microseconds.
  package internal(set) var firstTime: Int?
  package internal(set) var lastTime: Int?

  var collections: [UInt16: UInt64] = [:]
  /// The event that leads to an LPI, last mapped.
  var sources: [UInt32: (device: UInt32, event: UInt32)] = [:]
  private var failure: UInt64?

  /// The doorbells of QEMU's `virt` machine (`hw/arm/virt.c`): GITS_TRANSLATER and the
  /// MSI_SETSPI_NS of its v2m frame. Messages to the latter leave no event in a trace.
  package static let virtDoorbells: Set<UInt64> = [0x809_0040, 0x802_0040]
  /// Window in which Linux maps the doorbell for assigned devices (`MSI_IOVA_BASE`,
  /// `MSI_IOVA_LENGTH`).
  static let softwareWindow: Range<UInt64> = 0x800_0000..<0x810_0000

  package init() { doorbells = Self.virtDoorbells }

  /// The devices in order of their StreamIDs.
  package var orderedDevices: [DeviceStory] { devices.values.sorted { $0.id < $1.id } }

  /// All translations by stage: 1, 2, and 3 for both.
  package var translations: [Int] {
    devices.values.reduce([0, 0, 0, 0]) { sum, device in
      zip(sum, device.translations).map(+)
    }
  }

  package mutating func take(_ event: TraceEvent, at time: Int?, line: Int) {
    if let time {
      firstTime = firstTime ?? time
      lastTime = time
    }
    switch event {
    case .translated(let access): translated(access)
    case .bypassed(let stream, let address, _, let isOn): bypassed(stream, address, isOn)
    case .aborted(let stream, _, _): devices[stream, default: .init(id: stream)].aborts += 1
    case .failed(_, let address): failure = address
    case .event(let kind, let stream): faulted(kind, stream)
    case .command(let opcode): smmuCommands[opcode.rawValue, default: 0] += 1
    case .commandError: refusedCommands += 1
    case .smmuWrite(let offset, let value, _):
      smmuWrites += 1
      let table = value & 0xf_ffff_ffff_ffc0
      if offset == 0x80, !streamTables.contains(table), streamTables.count < 64 {
        streamTables.append(table)
      }
    case .streamTable(let read): lookup = read.table
    case .itsCommand(let command): carriedOut(command)
    case .message(let offset, let data, _, let device):
      arrived(offset, UInt32(truncatingIfNeeded: data), device, time)
    case .acknowledge(let cpu, let intid):
      if intid >= 8192 { acknowledged(UInt32(truncatingIfNeeded: intid), cpu) }
    default: break
    }
  }

  private mutating func translated(_ access: TranslatedAccess) {
    let isDoorbell = doorbells.contains(access.output)
    let place = DeviceStory.MessageAddress(
      address: access.address, output: access.output, stage: access.stage)
    let table = lookup
    lookup = nil
    update(access.stream) { device in
      device.streamTable = table ?? device.streamTable
      if access.stage < 4 { device.translations[Int(access.stage)] += 1 }
      device.note(page: access.address & ~0xfff)
      if isDoorbell {
        device.note(place)
      } else if Self.softwareWindow.contains(access.address) {
        device.windowAccesses += 1
      }
      device.last = place
    }
  }

  private mutating func bypassed(_ stream: UInt32, _ address: UInt64, _ isOn: Bool) {
    let isDoorbell = doorbells.contains(address)
    let place = DeviceStory.MessageAddress(address: address, output: address, stage: 0)
    update(stream) { device in
      if isOn { device.bypasses += 1 } else { device.whileOff += 1 }
      if isDoorbell { device.note(place) }
      let wasMessage = device.addresses.keys.contains { $0.address == address && $0.stage != 0 }
      if !isDoorbell && wasMessage { device.whileOffMessages += 1 }
      device.last = place
    }
  }

  private mutating func faulted(_ kind: EventKind, _ stream: UInt32) {
    faults[kind.rawValue, default: 0] += 1
    let address = failure
    let page = address.map { $0 & ~0xfff }
    failure = nil
    update(stream) { device in
      device.note(kind, address: address)
      if kind == .translation, let page, device.pages.contains(page) { device.afterUnmapping += 1 }
    }
  }

  func cpu(of collection: UInt16) -> UInt64? { collections[collection] }

  mutating func update(_ id: UInt32, _ change: (inout DeviceStory) -> Void) {
    change(&devices[id, default: DeviceStory(id: id)])
  }
}
