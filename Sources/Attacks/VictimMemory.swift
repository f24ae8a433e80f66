internal import Bits
internal import Designs
internal import Engine
internal import HostKernel
internal import Machine
internal import SMMU
internal import Software

/// Owner of a physical address.
enum Owner: Hashable {
  /// RAM of the actor's own guest.
  case guestRAM
  case neighbourRAM
  /// The host's structures, and RAM that belongs to nobody in particular.
  case hostRAM
  /// The page with `GITS_TRANSLATER`.
  case doorbell
  /// Any other register.
  case registers
  case nothing

  var text: String {
    switch self {
    case .guestRAM: "the guest's own RAM"
    case .neighbourRAM: "the neighbour's RAM"
    case .hostRAM: "the host's RAM"
    case .doorbell: "the doorbell's page"
    case .registers: "registers of the host's"
    case .nothing: "nothing"
    }
  }

  /// Party that an access to this owner's addresses attacks; `nil` for the actor itself, and for
  /// the doorbell.
  var victim: IsolationFinding.Victim? {
    switch self {
    case .neighbourRAM: .neighbour
    case .hostRAM, .registers: .host
    case .guestRAM, .doorbell, .nothing: nil
    }
  }
}

extension AttackedSystem {
  func owner(of place: PA) -> Owner {
    switch engine.machine.target(of: place) {
    case .nothing: .nothing
    case .doorbell(let offset, _): offset & ~0xfff == 0x1_0000 ? .doorbell : .registers
    case .messageFrame: .doorbell
    case .ram: ownerOfRAM(place)
    default: .registers
    }
  }

  private func ownerOfRAM(_ place: PA) -> Owner {
    let isOwn = actor.extents.contains { place.rawValue &- $0.pa.rawValue < $0.size }
    if isOwn { return .guestRAM }
    return isNeighbours(place) ? .neighbourRAM : .hostRAM
  }

  /// Physical addresses that no device should reach: registers, structures of the host, another
  /// VM's RAM.
  var foreignPlaces: [PA] {
    let host = engine.description.host
    let registers =
      [
        host.smmus[0], host.itses[0], host.redistributors,
        PA(engine.description.devices[0].bar.base),
      ]
    let own = host.ownMemory
    let memory = [
      PA(own.base), PA(own.base) + own.length / 2, neighbourBuffer, neighbourRAM.pa,
    ]
    return registers + registers.map { $0 + 0x1_0000 } + memory
  }

  /// Counts of a sweep over addresses.
  struct Sweep {
    var asked = 0
    var reached: [Owner: Int] = [:]
    /// The first address that reached somebody else, or, where none did, the first that was asked.
    var shown: IOVA?
    var foreign: Owner?

    subscript(owner: Owner) -> Int { reached[owner] ?? 0 }
    var refused: Int { asked - reached.values.reduce(0, +) }
  }

  /// Asks where writes and reads to each of `addresses` go.
  mutating func sweep(_ addresses: [IOVA]) -> Sweep {
    var sweep = Sweep()
    for address in addresses {
      sweep.asked += 1
      sweep.shown = sweep.shown ?? address
      guard let place = place(of: address) ?? place(of: address, isWrite: false) else { continue }
      let owner = owner(of: place)
      sweep.reached[owner, default: 0] += 1
      if owner.victim != nil, sweep.foreign == nil {
        sweep.foreign = owner
        sweep.shown = address
      }
    }
    return sweep
  }

  /// The finding of a sweep: a breach where it came upon somebody else's.
  mutating func finding(of sweep: Sweep, _ what: String) -> AttackOutcome {
    let measures: [IsolationFinding.Measure] =
      [.init("addresses", sweep.asked), .init("refused", sweep.refused)]
      + [Owner.doorbell, .guestRAM, .neighbourRAM, .hostRAM, .registers, .nothing].compactMap {
        sweep[$0] > 0 ? .init("reach \($0.text)", sweep[$0]) : nil
      }
    let stations = sweep.shown.map { write(0, to: $0).stations } ?? []
    if let foreign = sweep.foreign, let victim = foreign.victim {
      return .breach(of: victim, "\(what): \(foreign.text)", measures, stations: stations)
    }
    return .contained(
      "\(what): \(sweep.refused) of \(sweep.asked) are refused, the rest reach "
        + "the actor's own", measures, stations: stations)
  }
}
