internal import ArmFormats
internal import Bits
internal import Designs
internal import HostKernel
internal import PCI
internal import Simulation
internal import Software
internal import Timing

/// An MSI on its way.
struct Flight {
  let vector: Int
  let device: DeviceIndex
  let vm: VMIndex
  let sent: SimulatedTime
  /// The write that the device made.
  var message = MSI(address: 0, data: 0)
  var handled: SimulatedTime?
  /// The physical LPI or SPI and its CPU, once it is pending.
  var lpi: UInt32 = 0
  var cpu = 0
  /// The guest's interrupt and its virtual CPU, once it is pending.
  var virtualLPI: UInt32 = 0
  var virtualCPU = VCPUIndex.boot
  /// Whether the hardware made the virtual LPI pending.
  var isDirect = false
  /// The owner of its vector's pending bit, while the vector is masked.
  var holder: Holder?
  /// The route along which KVM injects it.
  var route: InjectionRoute?
  /// The message that was pending already and takes this one along.
  var leader: Int32?
  var verdict: Verdict?
  var times = StationTimes()

  /// The owner of the pending bit of a masked vector.
  enum Holder {
    /// The function itself.
    case function
    /// The VMM's emulation of it.
    case vmm
  }
}

/// The MSIs of a run, in the order in which they were sent.
struct Flights {
  var all: [Flight] = []
  /// Messages that a masked vector or a disabled interrupt holds back.
  var waiting: [Int32] = []
  /// The leaders of the host's interrupts.
  var leaders = Leaders()
  /// The leaders of each VM's interrupts.
  var virtualLeaders: [Leaders] = []
  /// How many each device has sent.
  var sent: [Int] = []

  subscript(index: Int32) -> Flight {
    _read { yield all[Int(index)] }
    _modify { yield &all[Int(index)] }
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
