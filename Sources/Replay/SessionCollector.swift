internal import ArmFormats
internal import Bits

/// Finds what each device of a trace did, and how the ITS led its messages.
struct SessionCollector {
  private(set) var sessions: [UInt32: DeviceSession] = [:]
  private var steps: [WalkStep] = []
  private var asid: UInt64?
  private var vmid: UInt64?
  private var failure: UInt64?
  private var collections: [UInt16: UInt64] = [:]
  /// Translation of each event of a device: its LPI and its collection.
  private var routes: [UInt64: (lpi: UInt32, collection: UInt16)] = [:]
  private var signalled: (vector: UInt64, entry: LoggedEvent)?
  /// The TLB's tag of each device's translations.
  private var tags: [UInt32: (asid: UInt64?, vmid: UInt64?)] = [:]
  private static let stepLimit = 256

  init(_ log: EventLog) {
    for entry in log.events { take(entry) }
    for device in Array(sessions.keys) { sessions[device]?.finish() }
  }

  /// The device that a recording is of, where the user names none: one that a guest had rather than
  /// one that the machine's own kernel had, and of those the one with most messages.
  var mainDevice: UInt32? {
    func rank(_ session: DeviceSession) -> (Int, Int) {
      let owners: [DeviceSession.Owner] = [.kernel, .program, .nestedGuest]
      return (owners.firstIndex(of: session.owner) ?? 0, session.messages.count)
    }
    return sessions.values.filter { !$0.messages.isEmpty }.sorted { $0.device < $1.device }
      .max { rank($0) < rank($1) }?.device
  }

  private mutating func take(_ entry: LoggedEvent) {
    switch entry.event {
    case .configurationMiss, .streamLookup, .contextTable: steps = []
    case .descriptor(let fetch): note(.read(fetch, line: entry.line))
    case .cacheHit(let asid, let vmid, let address):
      note(.hit(address, line: entry.line))
      self.vmid = vmid
      if asid != ~0 { self.asid = asid }
    case .translated(let access): translated(access, entry)
    case .bypassed(let stream, let address, _, _):
      end(stream, entry, address) { $0.output = address }
    case .failed(_, let address): failure = address
    case .event(let kind, let stream):
      if let failure {
        end(stream, entry, failure) { $0.fault = kind }
        refused(stream, failure, entry)
      }
      failure = nil
    case .itsCommand(let command): carriedOut(command, entry)
    case .message(let offset, let data, _, let device): arrived(offset, data, device, entry)
    case .acknowledge(let cpu, let intid):
      let lpi = UInt32(truncatingIfNeeded: intid)
      for device in Array(sessions.keys) { sessions[device]?.acknowledge(lpi, cpu: cpu, entry) }
    case .controllerInterrupt(let vector): signalled = (vector, entry)
    case .invalidateRange(let range): invalidated(range, entry)
    default: break
    }
  }

  private mutating func note(_ step: WalkStep) {
    if steps.count < Self.stepLimit { steps.append(step) }
  }

  private mutating func translated(_ access: TranslatedAccess, _ entry: LoggedEvent) {
    if asid != nil || vmid != nil { tags[access.stream] = (asid, vmid) }
    end(access.stream, entry, access.address) {
      $0.output = access.output
      $0.permissions = access.permissions
      $0.stage = access.stage
    }
  }

  private mutating func end(
    _ stream: UInt32, _ entry: LoggedEvent, _ address: UInt64,
    _ change: (inout RecordedAccess) -> Void
  ) {
    var access = RecordedAccess(line: entry.line, time: entry.time, address: address)
    access.steps = steps
    change(&access)
    steps = []
    (asid, vmid) = (nil, nil)
    sessions[stream, default: .init(device: stream)].add(access)
  }

  private mutating func carriedOut(_ command: ITSCommand, _ entry: LoggedEvent) {
    let device = command[.deviceID]
    let key = UInt64(device) << 32 | UInt64(command[.eventID])
    switch command[.opcode] {
    case .mapc: collections[command[.collectionID]] = command[.valid] ? command[.target] : nil
    case .mapti: routes[key] = (command[.physicalINTID], command[.collectionID])
    case .mapi: routes[key] = (command[.eventID], command[.collectionID])
    case .vmapti, .vmapi:
      // A virtual LPI: no CPU of the host takes it.
      let lpi = command[.opcode] == .vmapi ? command[.eventID] : command[.virtualINTID]
      routes[key] = (lpi, .max)
      return
    case .movi: routes[key]?.collection = command[.collectionID]
    case .discard: routes[key] = nil
    case .mapd: break
    default: if command[.opcode] != .inv { return }
    }
    if command[.opcode] == .mapc { return }
    sessions[device, default: .init(device: device)].add(.itsCommand(command), entry)
  }

  private mutating func arrived(
    _ offset: UInt64, _ data: UInt64, _ device: UInt32, _ entry: LoggedEvent
  ) {
    let event = UInt32(truncatingIfNeeded: data)
    let route = routes[UInt64(device) << 32 | UInt64(event)]
    // A controller says which vector it signals just before its write.
    if let signalled, entry.line - signalled.entry.line < 64 {
      sessions[device]?.signal(signalled.vector, signalled.entry)
    }
    signalled = nil
    sessions[device, default: .init(device: device)].deliver(
      offset: offset, event: event, intid: route?.lpi,
      cpu: route.flatMap { collections[$0.collection] }, entry)
  }

  /// A message that no stage translates never reaches the ITS. That it was one shows in what the
  /// controller said before, and in the window that it went to.
  private mutating func refused(_ device: UInt32, _ address: UInt64, _ entry: LoggedEvent) {
    guard let signalled, entry.line - signalled.entry.line < 64,
      MachineStory.softwareWindow.contains(address)
    else { return }
    self.signalled = nil
    sessions[device]?.refuse(vector: signalled.vector, signalled.entry)
  }

  /// Strict invalidation shows what software unmapped.
  private mutating func invalidated(_ range: RangeInvalidation, _ entry: LoggedEvent) {
    for (device, tag) in tags where tag.vmid == range.vmid || tag.vmid == nil {
      guard range.asid == ~0 || tag.asid == range.asid else { continue }
      sessions[device]?.add(.invalidated(range), entry)
    }
  }
}
