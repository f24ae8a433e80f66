internal import ArmFormats
internal import Bits

/// Events of one device while a guest, or a program with VFIO, had it.
///
/// A device changes hands where its MAPD with V=0 says that a driver gave it up. A stretch between
/// two such commands is one of a guest when a message in it was translated by both stages, or went
/// to the software MSI window of VFIO and iommufd. Without any such stretch the machine's own kernel
/// had the device all along.
struct DeviceSession {
  /// Owner of the device.
  enum Owner: Equatable {
    /// A guest with stage 1 tables of its own: both stages translated.
    case nestedGuest
    /// A program, or a guest without an SMMU: the host mapped memory and the MSI window for it.
    case program
    /// The machine's own kernel.
    case kernel
  }

  /// One thing that happened.
  enum Happening {
    case access(RecordedAccess)
    case itsCommand(ITSCommand)
    case messageControl(isEnabled: Bool, isMasked: Bool)
    /// Software took translations out of the TLB.
    case invalidated(RangeInvalidation)
  }

  struct Entry {
    let line: Int
    let time: Int
    var happening: Happening
  }

  let device: UInt32
  private(set) var entries: [Entry] = []
  private(set) var owner = Owner.kernel

  /// The present stretch, and who had the device in it as far as is known.
  private var stretch: [Entry] = []
  private var stretchOwner = Owner.kernel
  /// Stretches of a guest, and those of the machine's kernel.
  private var given: [Entry] = []
  private var own: [Entry] = []
  private var givenOwner: Owner?
  /// Position of each message that no CPU has acknowledged, by LPI.
  private var waiting: [UInt32: Int] = [:]
  private var vector: (number: UInt64, line: Int, time: Int)?

  init(device: UInt32) { self.device = device }

  var accesses: [RecordedAccess] {
    entries.compactMap { if case .access(let access) = $0.happening { access } else { nil } }
  }

  var messages: [(access: RecordedAccess, message: RecordedMessage)] {
    accesses.compactMap { access in access.message.map { (access, $0) } }
  }

  // MARK: Collecting

  mutating func add(_ access: RecordedAccess) {
    stretch.append(Entry(line: access.line, time: access.time, happening: .access(access)))
    if access.stage == 3 { stretchOwner = .nestedGuest }
  }

  mutating func add(_ happening: Happening, _ entry: LoggedEvent) {
    stretch.append(Entry(line: entry.line, time: entry.time, happening: happening))
    if case .itsCommand(let command) = happening, command[.opcode] == .mapd, !command[.valid] {
      changeHands()
    }
  }

  mutating func signal(_ number: UInt64, _ entry: LoggedEvent) {
    vector = (number, entry.line, entry.time)
  }

  /// The last access turns out to be a message; a message without one passed no SMMU.
  mutating func deliver(
    offset: UInt64, event: UInt32, intid: UInt32?, cpu: UInt64?, _ entry: LoggedEvent
  ) {
    let start = vector ?? (UInt64(event), entry.line, entry.time)
    vector = nil
    let message = RecordedMessage(
      line: start.line, time: start.time, vector: start.number, device: device, event: event,
      intid: intid, cpu: cpu)
    if let last = stretch.last, case .access(var access) = last.happening,
      access.message == nil, let output = access.output, output & 0xfff == offset & 0xfff
    {
      access.message = message
      stretch[stretch.count - 1].happening = .access(access)
      let isInWindow = MachineStory.softwareWindow.contains(access.address)
      if access.stage != 0, isInWindow, stretchOwner == .kernel { stretchOwner = .program }
    } else {
      var access = RecordedAccess(line: entry.line, time: entry.time, address: 0)
      access.message = message
      stretch.append(Entry(line: entry.line, time: entry.time, happening: .access(access)))
    }
    if let intid { waiting[intid] = stretch.count - 1 }
  }

  /// The last access, which failed, was a message. Its data is in no trace; VFIO gives the vectors of a
  /// function their EventIDs in order (`its_alloc_device_irq`).
  mutating func refuse(vector: UInt64, _ entry: LoggedEvent) {
    guard let last = stretch.last, case .access(var access) = last.happening,
      access.message == nil, access.fault != nil
    else { return }
    access.message = RecordedMessage(
      line: entry.line, time: entry.time, vector: vector, device: device,
      event: UInt32(truncatingIfNeeded: vector))
    stretch[stretch.count - 1].happening = .access(access)
  }

  mutating func acknowledge(_ intid: UInt32, cpu: UInt64, _ entry: LoggedEvent) {
    guard let place = waiting.removeValue(forKey: intid), stretch.indices.contains(place),
      case .access(var access) = stretch[place].happening
    else { return }
    access.message?.acknowledged = (entry.line, entry.time, cpu)
    stretch[place].happening = .access(access)
  }

  private mutating func changeHands() {
    waiting = [:]
    if stretchOwner == .kernel {
      own += stretch
    } else if givenOwner != .nestedGuest || stretchOwner == .nestedGuest {
      if stretchOwner == .nestedGuest, givenOwner == .program { given = [] }
      givenOwner = stretchOwner
      given += stretch
    }
    stretch = []
    stretchOwner = .kernel
  }

  /// Ends the log.
  mutating func finish() {
    changeHands()
    owner = givenOwner ?? .kernel
    entries = givenOwner == nil ? own : given
    if owner == .nestedGuest {
      entries.removeAll { entry in
        if case .access(let access) = entry.happening {
          access.stage != 3 && access.fault == nil
        } else {
          false
        }
      }
    }
    (own, given) = ([], [])
  }
}
