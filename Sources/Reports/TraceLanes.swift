import Files
import Simulation
import Software
import Timing

/// Something on a track that lasts.
struct Slice {
  /// Owner of the time: a party, or a unit of hardware by its number.
  enum Track: Hashable {
    case software(Agent)
    case device(Int)
    case interconnect
    case smmu(Int)
    case its(Int)
    case hostInterrupts
    case injection
    case virtualCPU(Int?)

    /// The track of a station; `nil` for those at which an MSI only waits.
    ///
    /// - Parameter units: the SMMU and the ITS of the MSI's device, and its virtual CPU where there
    ///   are several.
    init?(of station: Station, _ units: (smmu: Int, its: Int, virtualCPU: Int?)) {
      switch station {
      case .interconnect: self = .interconnect
      case .translation: self = .smmu(units.smmu)
      case .its: self = .its(units.its)
      case .exits: self = .hostInterrupts
      case .injection: self = .injection
      case .wakeUp, .scheduling, .handler: self = .virtualCPU(units.virtualCPU)
      case .held, .queueing: return nil
      }
    }

    /// The unit's number; `nil` for what there is one of.
    var unit: Int? {
      switch self {
      case .device(let unit), .smmu(let unit), .its(let unit): unit
      case .virtualCPU(let unit): unit
      default: nil
      }
    }

    /// Kind of track, without its number.
    var kind: String {
      switch self {
      case .software(let agent): agent.title
      case .device: "device"
      case .interconnect: "interconnect"
      case .smmu: "SMMU"
      case .its: "ITS"
      case .hostInterrupts: "host CPU: interrupts"
      case .injection: "KVM: injection"
      case .virtualCPU(let unit): unit == nil ? "virtual CPU: interrupts" : "virtual CPU"
      }
    }

    var name: String { unit.map { "\(kind) \($0)" } ?? kind }

    /// The place among all tracks: the parties of set-up first, then the way of an MSI, units of a
    /// kind by their numbers.
    var place: (kind: Int, unit: Int) {
      let hardware =
        switch self {
        case .software: 0
        case .device: 1
        case .interconnect: 2
        case .smmu: 3
        case .its: 4
        case .hostInterrupts: 5
        case .injection: 6
        case .virtualCPU: 7
        }
      guard case .software(let agent) = self else { return (hardware, unit ?? 0) }
      return (0, Agent.allCases.firstIndex(of: agent) ?? 0)
    }
  }

  let track: Track
  let name: String
  let start: SimulatedTime
  let duration: SimulatedTime
  /// The MSI that it belongs to.
  let message: Int?
  let arguments: [JSONValue.Member]

  var end: SimulatedTime { start + duration }
}

/// Slices on lanes: each track has one, and where two slices of a track overlap, the second goes to a
/// further lane of it, since what shares a lane must not overlap.
struct Lanes {
  /// In the order of their starts; lanes count from 1.
  let slices: [(slice: Slice, lane: Int)]
  /// The name of each lane, from that of lane 1 on.
  let names: [String]

  init(slices: [Slice]) {
    var ends: [Slice.Track: [SimulatedTime]] = [:]
    var placed: [(slice: Slice, lane: Int)] = []
    for slice in slices.sorted(by: { $0.start < $1.start }) {
      var lanes = ends[slice.track] ?? []
      let free = lanes.firstIndex { $0 <= slice.start } ?? lanes.count
      if free == lanes.count {
        lanes.append(slice.end)
      } else {
        lanes[free] = slice.end
      }
      ends[slice.track] = lanes
      placed.append((slice, free))
    }
    var first: [Slice.Track: Int] = [:]
    var names: [String] = []
    for (track, lanes) in ends.sorted(by: { $0.key.place < $1.key.place }) {
      first[track] = names.count + 1
      names += lanes.indices.map { $0 == 0 ? track.name : "\(track.name), \($0 + 1) at once" }
    }
    self.names = names
    self.slices = placed.map { ($0.slice, (first[$0.slice.track] ?? 1) + $0.lane) }
  }
}
