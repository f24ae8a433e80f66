internal import Simulation

/// The cost model as plain numbers, for the data path, and which of them the run has used.
struct CostTable: Sendable {
  private var times: InlineArray<32, SimulatedTime>
  /// Bit *n* is set once item *n* has been charged.
  private var used: UInt32 = 0

  init(_ model: CostModel) {
    times = .init(repeating: .zero)
    for item in CostModel.Item.allCases { times[item.ordinal] = model[item] }
  }

  /// The time that `item` takes, which counts as used from now on.
  subscript(_ item: CostModel.Item) -> SimulatedTime {
    mutating get {
      let place = item.ordinal
      used |= 1 &<< UInt32(truncatingIfNeeded: place)
      return times[place]
    }
  }

  /// Forgets what was used so far: what set-up takes is in no latency.
  mutating func forgetUse() { used = 0 }

  /// The items that were charged.
  var usedItems: [CostModel.Item] {
    CostModel.Item.allCases.filter { used >> UInt32($0.ordinal) & 1 == 1 }
  }
}

extension CostTable {
  var exitToKernel: SimulatedTime { mutating get { self[.exitToKernel] } }
  var exitToVMM: SimulatedTime { mutating get { self[.exitToVMM] } }
  var softwareStep: SimulatedTime { mutating get { self[.softwareStep] } }
  var systemCall: SimulatedTime { mutating get { self[.systemCall] } }
  var hop: SimulatedTime { mutating get { self[.interconnectHop] } }
  var hit: SimulatedTime { mutating get { self[.translationHit] } }
  var tableRead: SimulatedTime { mutating get { self[.tableRead] } }
  var hostEntry: SimulatedTime { mutating get { self[.hostInterruptEntry] } }
  var irqfd: SimulatedTime { mutating get { self[.irqfdInjection] } }
  var kick: SimulatedTime { mutating get { self[.kick] } }
  var handler: SimulatedTime { mutating get { self[.guestHandler] } }
}
