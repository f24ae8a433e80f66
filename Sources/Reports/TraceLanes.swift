import Files
import Simulation
import Software
import Timing

/// Something on a track that lasts.
struct Slice {
  /// Whose time it is.
  enum Track: Hashable {
    case software(Agent)
    case device
    case interconnect
    case smmu
    case its
    case hostInterrupts
    case injection
    case virtualCPU

    /// The track of a station; `nil` for those at which an MSI only waits.
    init?(of station: Station) {
      switch station {
      case .interconnect: self = .interconnect
      case .translation: self = .smmu
      case .its: self = .its
      case .exits: self = .hostInterrupts
      case .injection: self = .injection
      case .wakeUp, .scheduling, .handler: self = .virtualCPU
      case .held, .queueing: return nil
      }
    }

    private static let hardware: [Track] = [
      .device, .interconnect, .smmu, .its, .hostInterrupts, .injection, .virtualCPU,
    ]

    var name: String {
      switch self {
      case .software(let agent): agent.title
      case .device: "device: MSIs"
      case .interconnect: "interconnect"
      case .smmu: "SMMU"
      case .its: "ITS"
      case .hostInterrupts: "host CPU: interrupts"
      case .injection: "KVM: injection"
      case .virtualCPU: "virtual CPU: interrupts"
      }
    }

    /// The place among all tracks: the parties of set-up first, then the way of an MSI.
    var place: Int {
      switch self {
      case .software(let agent): Agent.allCases.firstIndex(of: agent) ?? 0
      default: Agent.allCases.count + (Self.hardware.firstIndex(of: self) ?? 0)
      }
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

/// Slices on lanes: where two slices of a track overlap, the second goes to a lane of its own, since
/// what shares a lane must not overlap.
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
      names += lanes.indices.map { $0 == 0 ? track.name : "\(track.name) (\($0 + 1))" }
    }
    self.names = names
    self.slices = placed.map { ($0.slice, (first[$0.slice.track] ?? 1) + $0.lane) }
  }
}
