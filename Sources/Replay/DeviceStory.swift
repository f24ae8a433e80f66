package import ArmFormats

/// Accesses, messages and faults of one device: its StreamID is its DeviceID.
package struct DeviceStory: Sendable {
  /// One address that messages were sent to, and what it became.
  package struct MessageAddress: Hashable, Sendable {
    /// Address that the device wrote to.
    package var address: UInt64
    /// Address at which the write arrived.
    package var output: UInt64
    /// 1, 2, 3 for both, 0 for bypass.
    package var stage: UInt64
  }

  /// Failed accesses of one kind.
  package struct Fault: Sendable {
    package var kind: EventKind
    package var count = 0
    /// The first few different pages that failed.
    package var pages: [UInt64] = []
    /// Failed accesses at offset 0x40 of a page in the software MSI window, by address: messages
    /// that no stage let through.
    package var messages: [UInt64: Int] = [:]
  }

  package let id: UInt32
  /// Translations by stage: 1, 2, and 3 for both.
  package internal(set) var translations = [0, 0, 0, 0]
  package internal(set) var bypasses = 0
  package internal(set) var aborts = 0
  /// Accesses while the SMMU was off.
  package internal(set) var whileOff = 0
  /// Different 4 KiB pages that were translated.
  package internal(set) var pages: Set<UInt64> = []
  package internal(set) var addresses: [MessageAddress: Int] = [:]
  package internal(set) var faults: [Fault] = []
  package internal(set) var vectors: [UInt32: VectorStory] = [:]
  /// The interrupt translation table, while there is one.
  package internal(set) var table: UInt64?
  package internal(set) var mapCommands = 0
  package internal(set) var messages = 0
  /// Messages for which there was no mapping.
  package internal(set) var lostMessages = 0
  /// Of those, messages whose mapping had been taken away.
  package internal(set) var afterUnmap = 0
  /// Accesses that failed on a page that had been translated before: its mapping was gone.
  package internal(set) var afterUnmapping = 0
  /// Messages that left for an I/O virtual address while the SMMU was off.
  package internal(set) var whileOffMessages = 0
  /// Accesses in the software MSI window that were translated to something that is no doorbell.
  package internal(set) var windowAccesses = 0
  /// The stream table that has it, which names its SMMU.
  package internal(set) var streamTable: UInt64?
  /// Address and output of its last access, until the ITS sees it as a message.
  var last: MessageAddress?
  private static let pageLimit = 1 << 16
  private static let faultPages = 4
  private static let addressLimit = 64

  init(id: UInt32) { self.id = id }

  /// Whether pages were left out of `pages`, which is limited.
  package var hasMorePages: Bool { pages.count >= Self.pageLimit }

  /// Bus, device and function.
  package var name: String {
    let function = "\(id & 7)"
    let device = String(id >> 3 & 0x1f, radix: 16)
    let bus = String(id >> 8 & 0xff, radix: 16)
    let domain = String(id >> 16, radix: 16)
    let prefix =
      id >> 16 == 0 ? "" : String(repeating: "0", count: max(0, 4 - domain.count)) + domain + ":"
    return prefix + (bus.count < 2 ? "0" : "") + "\(bus):" + (device.count < 2 ? "0" : "")
      + device + ".\(function)"
  }

  mutating func note(page: UInt64) {
    if pages.count < Self.pageLimit { pages.insert(page) }
  }

  mutating func note(_ address: MessageAddress) {
    if addresses[address] != nil || addresses.count < Self.addressLimit {
      addresses[address, default: 0] += 1
    }
  }

  mutating func note(_ kind: EventKind, address: UInt64?) {
    let page = address.map { $0 & ~0xfff }
    let place = faults.firstIndex { $0.kind == kind }
    if place == nil { faults.append(Fault(kind: kind)) }
    let index = place ?? faults.count - 1
    faults[index].count += 1
    if let address, address & 0xfff == 0x040, MachineStory.softwareWindow.contains(address),
      faults[index].messages[address] != nil || faults[index].messages.count < Self.faultPages
    {
      faults[index].messages[address, default: 0] += 1
    }
    guard let page, faults[index].pages.count < Self.faultPages,
      !faults[index].pages.contains(page)
    else { return }
    faults[index].pages.append(page)
  }
}

/// One event of a device: a vector of its MSI or MSI-X table, as the ITS sees it.
package struct VectorStory: Sendable {
  /// The time between two ITS commands during which the event led to one LPI at one CPU.
  package struct Span: Equatable, Sendable {
    package var lpi: UInt32
    package var collection: UInt16
    /// `nil` while the collection is mapped to no redistributor.
    package var cpu: UInt64?
    package var messages = 0
    package var acknowledged = 0
  }

  /// In order; the last one holds while `isMapped`.
  package internal(set) var spans: [Span] = []
  /// Changes beyond those kept in `spans`.
  package internal(set) var furtherSpans = 0
  package internal(set) var isMapped = false
  /// Number of times that a mapping was taken away.
  package internal(set) var discards = 0
  package internal(set) var messages = 0
  /// Messages whose address both stages translated.
  package internal(set) var nestedMessages = 0
  package internal(set) var acknowledged = 0
  /// Acknowledged at a CPU to which the event never led while a message waited.
  package internal(set) var elsewhere = 0
  /// Messages whose LPI is not acknowledged yet; several messages may make one interrupt.
  package internal(set) var waiting = 0
  /// The virtual LPI that the event leads to, where it is given to a VM directly (GICv4).
  package internal(set) var virtualLPI: UInt32?
  /// The virtual PE that has it.
  package internal(set) var virtualPE: UInt16?
  /// Messages that became virtual LPIs: no CPU of the host acknowledges them.
  package internal(set) var virtualMessages = 0
  /// Microseconds.
  package internal(set) var first: Int?
  package internal(set) var last: Int?
  private static let spanLimit = 64

  /// Messages in a second, between the first and the last one; `nil` for fewer than two.
  package var rate: Double? {
    guard let first, let last, last > first, messages > 1 else { return nil }
    return Double(messages - 1) * 1_000_000 / Double(last - first)
  }

  mutating func map(to lpi: UInt32, collection: UInt16, cpu: UInt64?) {
    isMapped = true
    virtualLPI = nil
    let span = Span(lpi: lpi, collection: collection, cpu: cpu)
    if let last = spans.last, last.lpi == lpi, last.collection == collection, last.cpu == cpu {
      return
    }
    guard spans.count < Self.spanLimit else {
      furtherSpans += 1
      spans[spans.count - 1] = span
      return
    }
    spans.append(span)
  }

  mutating func mapVirtually(to lpi: UInt32, of virtualPE: UInt16) {
    isMapped = true
    virtualLPI = lpi
    self.virtualPE = virtualPE
  }

  mutating func send(at time: Int?, stage: UInt64?) {
    messages += 1
    if stage == 3 { nestedMessages += 1 }
    first = first ?? time
    last = time ?? last
    if virtualLPI != nil {
      virtualMessages += 1
      return
    }
    waiting += 1
    if !spans.isEmpty { spans[spans.count - 1].messages += 1 }
  }

  mutating func acknowledge(at cpu: UInt64) {
    acknowledged += 1
    // An interrupt may have been taken up before the event moved on.
    let place = spans.lastIndex { $0.cpu == cpu }
    if let place { spans[place].acknowledged += 1 } else { elsewhere += 1 }
    waiting = 0
  }
}
