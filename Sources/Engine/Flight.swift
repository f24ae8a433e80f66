internal import ArmFormats
internal import Bits
internal import Designs
internal import HostKernel
internal import PCI
internal import Simulation
internal import Software
internal import Timing

/// An MSI on its way: what it needs until it ends.
struct Flight {
  let vector: Int
  let device: DeviceIndex
  let vm: VMIndex
  let sent: SimulatedTime
  /// The write that the device made.
  var message = MSI(address: 0, data: 0)
  /// The physical LPI or SPI and its CPU, once it is pending.
  var lpi: UInt32 = 0
  var cpu = 0
  /// The guest's interrupt and its virtual CPU, once it is pending.
  var virtualLPI: UInt32 = 0
  var virtualCPU = VCPUIndex.boot
  /// Whether the hardware made the virtual LPI pending.
  var isDirect = false
  /// Whether a doorbell that it rang is still on its way to its virtual CPU.
  var isRinging = false
  /// The owner of its vector's pending bit, while the vector is masked.
  var holder: Holder?
  /// The route along which KVM injects it.
  var route: InjectionRoute?
  var times = StationTimes()

  /// The owner of the pending bit of a masked vector.
  enum Holder {
    /// The function itself.
    case function
    /// The VMM's emulation of it.
    case vmm
  }
}

/// What is kept of every MSI to the end of a run, in little room: there may be millions.
struct FlightRecord {
  let sent: SimulatedTime
  /// When its handler ran, or that of the message which took it along.
  fileprivate(set) var handled: SimulatedTime?
  fileprivate(set) var verdict: Verdict?
  /// Whether a masked vector's pending bit kept it to its end.
  fileprivate(set) var isHeld = false
  /// The message that was pending already and takes this one along.
  fileprivate(set) var leader: Int32?
  /// The place of its `Flight`; -1 once that is not needed any more.
  fileprivate var place: Int32
  private let numbers: InlineArray<3, Int32>
  private var cpus: InlineArray<2, Int32> = [0, 0]

  fileprivate init(_ flight: Flight, at place: Int32) {
    sent = flight.sent
    self.place = place
    numbers = [
      Int32(truncatingIfNeeded: flight.vector),
      Int32(truncatingIfNeeded: flight.device.rawValue),
      Int32(truncatingIfNeeded: flight.vm.rawValue),
    ]
  }

  var vector: Int { Int(numbers[0]) }
  var device: DeviceIndex { DeviceIndex(Int(numbers[1])) }
  var vm: VMIndex { VMIndex(Int(numbers[2])) }
  /// The physical CPU that it went to last; 0 where it came to none.
  var cpu: Int { Int(cpus[0]) }
  /// The virtual CPU that it went to last; the boot CPU where it came to none.
  var virtualCPU: VCPUIndex { VCPUIndex(Int(cpus[1])) }

  /// Takes from a message that needs its `Flight` no more what is to be kept.
  fileprivate mutating func close(_ flight: Flight) {
    place = -1
    isHeld = flight.holder != nil
    cpus = [
      Int32(truncatingIfNeeded: flight.cpu),
      Int32(truncatingIfNeeded: flight.virtualCPU.rawValue),
    ]
  }
}

/// The MSIs of a run, by their numbers, in the order in which they were sent.
///
/// A record of each stays; the much larger state of those on their way is reused, so that a run
/// needs room for the MSIs in flight and not for all.
struct Flights {
  private(set) var records: ContiguousArray<FlightRecord> = []
  private var flying: ContiguousArray<Flight> = []
  private var free: ContiguousArray<Int32> = []
  /// Messages that a masked vector or a disabled interrupt holds back.
  var waiting: [Int32] = []
  /// The leaders of the host's interrupts.
  var leaders = Leaders()
  /// The leaders of each VM's interrupts.
  var virtualLeaders: [Leaders] = []
  /// How many each device has sent.
  var sent: [Int] = []

  /// How many were sent.
  var count: Int { records.count }
  var isEmpty: Bool { records.isEmpty }

  /// A message on its way.
  ///
  /// - Precondition: it has not ended, or its doorbell is still on the way.
  subscript(index: Int32) -> Flight {
    _read { yield flying[Int(records[Int(index)].place)] }
    _modify { yield &flying[Int(records[Int(index)].place)] }
  }

  mutating func reserveCapacity(_ count: Int) { records.reserveCapacity(count) }

  /// Adds a message that a device sends, under the next number.
  mutating func append(_ flight: Flight) {
    let place: Int32
    if let last = free.popLast() {
      place = last
      flying[Int(last)] = flight
    } else {
      place = Int32(truncatingIfNeeded: flying.count)
      flying.append(flight)
    }
    records.append(FlightRecord(flight, at: place))
  }

  /// Ends a message: its verdict, and when its handler ran if it did.
  mutating func end(_ index: Int32, _ verdict: Verdict, handled: SimulatedTime?) {
    records[Int(index)].verdict = verdict
    if let handled { records[Int(index)].handled = handled }
    release(index)
  }

  /// Has a message arrive with the one that made its interrupt pending, and share its end.
  mutating func join(_ index: Int32, to leader: Int32?) {
    records[Int(index)].leader = leader
    if leader != nil { release(index) }
  }

  /// The doorbell that a message rang has done its work.
  mutating func endDoorbell(of index: Int32) {
    self[index].isRinging = false
    let record = records[Int(index)]
    if record.verdict != nil || record.leader != nil { release(index) }
  }

  /// Gives the place of a message back that needs it no more.
  private mutating func release(_ index: Int32) {
    let place = records[Int(index)].place
    guard place >= 0, !flying[Int(place)].isRinging else { return }
    records[Int(index)].close(flying[Int(place)])
    free.append(place)
  }
}

/// For each interrupt, the message that made it pending last: those that find it pending arrive
/// with that one.
///
/// Two tables that grow to the highest INTID in use, so that a look-up is an index.
struct Leaders {
  private var lpis: ContiguousArray<Int32> = []
  private var others: ContiguousArray<Int32> = []

  /// The leader of an interrupt; `nil` before its first message.
  subscript(intid: UInt32) -> Int32? {
    get {
      let slot = Self.slot(of: intid)
      let table = intid >= INTID.firstLPI ? lpis : others
      guard slot < table.count, table[slot] >= 0 else { return nil }
      return table[slot]
    }
    set {
      let value = newValue ?? -1
      if intid >= INTID.firstLPI {
        Self.set(value, at: Self.slot(of: intid), in: &lpis)
      } else {
        Self.set(value, at: Self.slot(of: intid), in: &others)
      }
    }
  }

  private static func slot(of intid: UInt32) -> Int {
    Int(intid >= INTID.firstLPI ? intid &- INTID.firstLPI : intid)
  }

  private static func set(_ value: Int32, at slot: Int, in table: inout ContiguousArray<Int32>) {
    if slot >= table.count {
      table.append(contentsOf: repeatElement(-1, count: slot + 1 - table.count))
    }
    table[slot] = value
  }
}
