internal import ArmFormats
internal import Bits
internal import Files

/// Turns what a device did into a recording: its maps, accesses and messages, each with its line.
///
/// This is what every trace shows. What the guest's kernel did to set its interrupts up is in no
/// trace of the machine: `GuestActions` derives it where the files allow.
struct SessionRecording {
  let session: DeviceSession
  let tables: NestedTables?
  var draft: RecordingDraft
  /// Lines of the device's controller, from which the directions of its accesses follow, if it has
  /// any.
  let controller: ControllerStory?
  /// The IPA behind each page that the guest has mapped.
  private var mapped: [UInt64: UInt64] = [:]
  /// Pages that are mapped without leave to write.
  private var readOnly: Set<UInt64> = []
  /// IPAs that stand for physical pages outside the guest's memory.
  private var moved: [UInt64: UInt64] = [:]
  /// Physical page behind each page of the guest, and the line that shows it first.
  private var pages: [UInt64: (pa: UInt64, line: Int)] = [:]
  private var previous: (access: RecordedAccess, count: Int)?
  /// Accesses whose IPA no walk shows.
  private(set) var unknown = 0
  /// The guest's memory in the models.
  private static let memory: Range<UInt64> = 0x4000_0000..<0x7000_0000

  init(
    _ session: DeviceSession, _ tables: NestedTables?, _ controller: ControllerStory?,
    draft: RecordingDraft
  ) {
    self.session = session
    self.tables = tables
    self.controller = controller
    self.draft = draft
  }

  /// Adds everything that happened.
  mutating func record() {
    for entry in session.entries {
      switch entry.happening {
      case .access(let access) where access.message != nil: message(access)
      case .access(let access): transfer(access)
      case .itsCommand(let command): itsCommand(command, entry)
      case .invalidated(let range): unmap(range, entry)
      case .messageControl(let isEnabled, let isMasked):
        draft.add(
          at: entry.time * 1000, Double(entry.line), by: "host", "msix-control",
          [.init("enable", .bool(isEnabled)), .init("functionMask", .bool(isMasked))],
          from: "trace:\(entry.line)")
      }
    }
    endRepeats()
    for (ipa, place) in pages.sorted(by: { $0.key < $1.key })
    where tables?.backing[ipa] == nil {
      draft.add(
        fact: "backing",
        [.init("ipa", .word(ipa)), .init("pa", .word(place.pa)), .init("size", .integer(4096))],
        from: "trace:\(place.line)")
    }
  }

  // MARK: Accesses

  private mutating func transfer(_ access: RecordedAccess) {
    if let output = access.output, access.stage != 0 { map(access, output) }
    if let fault = access.fault { loseMap(access, fault) }
    if let last = previous, last.access.isRepeated(by: access) {
      previous = (last.access, last.count + 1)
      return
    }
    endRepeats()
    previous = (access, 1)
  }

  private mutating func endRepeats() {
    guard let (access, count) = previous else { return }
    previous = nil
    var members: [JSONValue.Member] = [
      .init("iova", .word(access.address)), .init("rw", .string(direction(of: access))),
    ]
    if let output = access.output { members.append(.init("pa", .word(output))) }
    if access.stage != 0 {
      members.append(.init("perm", .string(Self.letters(access.permissions))))
    }
    if let fault = access.fault { members.append(.init("fault", .string("\(fault)"))) }
    if !access.reads.isEmpty, access.fault == nil { members.append(.init("walked", .bool(true))) }
    if count > 1 { members.append(.init("count", .integer(count))) }
    draft.add(
      at: access.time * 1000, Double(access.line), by: "device", "dma", members,
      from: "trace:\(access.line)")
  }

  /// `r` or `w`: what the controller said; else the only access that the mapping allows; else a
  /// write.
  private func direction(of access: RecordedAccess) -> String {
    controller?.directions[access.line] ?? (access.permissions == 1 ? "r" : "w")
  }

  private static func letters(_ permissions: UInt64) -> String {
    (permissions & 1 != 0 ? "r" : "") + (permissions & 2 != 0 ? "w" : "")
  }

  // MARK: Maps

  private mutating func map(_ access: RecordedAccess, _ output: UInt64) {
    guard let ipa = guestPage(of: access, output) else {
      unknown += 1
      return
    }
    if pages[ipa] == nil { pages[ipa] = (output & ~0xfff, access.line) }
    guard mapped[access.page] != ipa else { return }
    let source = "derived: the walk or the output at trace:\(access.line)"
    if mapped[access.page] != nil { endMap(access.page, access.time, access.line, source) }
    mapped[access.page] = ipa
    if access.permissions == 1 { readOnly.insert(access.page) }
    endRepeats()
    let letters = Self.letters(access.permissions)
    draft.add(
      at: access.time * 1000, Double(access.line) - 0.5, by: "guest", "map",
      [
        .init("iova", .word(access.page)), .init("ipa", .word(ipa)), .init("size", .integer(4096)),
        .init("prot", .string(letters.isEmpty ? "rw" : letters)),
      ], from: source)
  }

  /// An access failed on a page that was mapped: the guest took the map away before.
  private mutating func loseMap(_ access: RecordedAccess, _ fault: EventKind) {
    let isOfMap = [EventKind.translation, .access, .permission].contains(fault)
    guard isOfMap, mapped[access.page] != nil else { return }
    if fault == .permission, readOnly.contains(access.page) { return }
    endMap(access.page, access.time, access.line, "derived: failed at trace:\(access.line)")
  }

  /// - Parameter count: number of pages in a row.
  private mutating func endMap(
    _ page: UInt64, count: Int = 1, _ time: Int, _ line: Int, _ source: String
  ) {
    endRepeats()
    for index in 0..<UInt64(count) {
      mapped[page &+ index &* 4096] = nil
      readOnly.remove(page &+ index &* 4096)
    }
    draft.add(
      at: time * 1000, Double(line) - 0.5, by: "guest", "unmap",
      [.init("iova", .word(page)), .init("size", .integer(4096 * count))], from: source)
  }

  /// The guest's page behind an access.
  private mutating func guestPage(of access: RecordedAccess, _ output: UInt64) -> UInt64? {
    if session.owner == .nestedGuest {
      if let ipa = access.leafOutput { return ipa & ~0xfff }
      if let page = mapped[access.page] { return page }
      let known = tables?.backing.filter { $0.value.pa == output & ~0xfff }.map(\.key).min()
      return known ?? pages.filter { $0.value.pa == output & ~0xfff }.map(\.key).min()
    }
    let page = output & ~0xfff
    guard !Self.memory.contains(page) else { return page }
    if let known = moved[page] { return known }
    let place = Self.memory.upperBound - 0x1000_0000 - UInt64(moved.count + 1) * 4096
    moved[page] = place
    return place
  }

  private mutating func unmap(_ range: RangeInvalidation, _ entry: DeviceSession.Entry) {
    let size: UInt64 = [1: 12, 2: 14, 3: 16][range.granule] ?? 12
    let bytes = max(range.pages, 1) &<< size
    guard range.pages < 1 << 24 else { return }
    // One invalidation is one unmap, as far as its pages follow each other.
    var pages = mapped.keys.filter { $0 &- range.address < bytes }.sorted()[...]
    while let first = pages.popFirst() {
      var count = 1
      while let next = pages.first, next == first &+ UInt64(count) &* 4096 {
        pages.removeFirst()
        count += 1
      }
      endMap(
        first, count: count, entry.time, entry.line,
        "derived: unmapped before trace:\(entry.line)")
    }
  }

  // MARK: Messages and the host

  private mutating func message(_ access: RecordedAccess) {
    guard let message = access.message else { return }
    endRepeats()
    var members: [JSONValue.Member] = [
      .init("vector", .integer(Int(truncatingIfNeeded: message.vector))),
      .init("address", .word(access.address)), .init("data", .word(message.event)),
      .init("pa", .word(access.output ?? access.address)), .init("deviceID", .word(message.device)),
      .init("eventID", .word(message.event)), .init("intid", .word(message.intid ?? 0)),
    ]
    if let cpu = message.cpu {
      members.append(.init("cpu", .integer(Int(truncatingIfNeeded: cpu))))
    }
    members.append(.init("acknowledged", .bool(message.acknowledged != nil)))
    if let taken = message.acknowledged {
      members.append(.init("acknowledgedAt", .integer(taken.time * 1000)))
    }
    if session.owner == .nestedGuest, !access.reads.isEmpty { members += walk(access) }
    draft.add(
      at: message.time * 1000, Double(message.line), by: "device", "msi", members,
      from: "trace:\(message.line)")
  }

  private func walk(_ access: RecordedAccess) -> [JSONValue.Member] {
    let reads = access.reads.map { read in
      JSONValue.object([
        .init("stage", .integer(read.fetch.stage == 2 ? 2 : 1)),
        .init("level", .integer(Int(truncatingIfNeeded: read.fetch.level & 3))),
        .init("address", .word(read.fetch.address)), .init("value", .word(read.fetch.value)),
      ])
    }
    let hits = access.steps.compactMap { step -> JSONValue? in
      if case .hit(let address, _) = step { .word(address) } else { nil }
    }
    return [JSONValue.Member("walk", .array(reads))]
      + (hits.isEmpty ? [] : [.init("stage2Hits", .array(hits))])
  }

  private mutating func itsCommand(_ command: ITSCommand, _ entry: DeviceSession.Entry) {
    draft.add(
      at: entry.time * 1000, Double(entry.line), by: "host", "its-command",
      [
        .init("words", .array((0..<4).map { .word(command[word: $0]) })),
        .init("text", .string(command.text)),
      ], from: "trace:\(entry.line)")
  }
}

extension RecordedAccess {
  /// Whether `next` is the same access once more, with no walk of its own.
  func isRepeated(by next: RecordedAccess) -> Bool {
    next.reads.isEmpty && message == nil && next.message == nil && address == next.address
      && output == next.output && permissions == next.permissions && fault == next.fault
  }
}

extension ITSCommand {
  /// The command in words, with the fields that its kind has (IHI 0069, 5.3).
  var text: String {
    let name = self[.opcode].name ?? hex(self[word: 0])
    let device = "DeviceID=\(hex(UInt64(self[.deviceID])))"
    let event = "EventID=\(hex(UInt64(self[.eventID])))"
    let collection = "ICID=\(hex(UInt64(self[.collectionID])))"
    let valid = "V=\(self[.valid] ? 1 : 0)"
    switch self[.opcode] {
    case .mapd:
      let size = "Size=\(hex(self[word: 1] & 0x1f))"
      return "MAPD \(device) \(size) ITT=\(hex(tableAddress.rawValue)) \(valid)"
    case .mapc:
      return "MAPC \(collection) RDbase=\(hex(self[.target])) \(valid)"
    case .mapti:
      return "MAPTI \(device) \(event) INTID=\(hex(UInt64(self[.physicalINTID]))) \(collection)"
    case .mapi, .movi: return "\(name) \(device) \(event) \(collection)"
    case .invall: return "INVALL \(collection)"
    case .sync: return "SYNC RDbase=\(hex(self[word: 2] &>> 16 & 0x7_ffff_ffff))"
    default: return "\(name) \(device) \(event)"
    }
  }
}
