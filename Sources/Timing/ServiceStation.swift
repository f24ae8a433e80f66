public import Simulation

/// Something that serves one request at a time, in the order in which they come: an ITS, a lock,
/// the interrupt entry of a CPU.
///
/// Requests come in order of time, so that the waiting of each follows from that of the one
/// before (Lindley, 1952), and no event is needed for it.
@frozen
public struct ServiceStation: Sendable {
  /// When the last request accepted so far will be done.
  public private(set) var freeAt = SimulatedTime.zero
  /// How long the requests accepted so far are served.
  public private(set) var busy = SimulatedTime.zero
  /// How long they wait for that, all together.
  public private(set) var waited = SimulatedTime.zero

  public init() {}

  /// Accepts a request; when its service starts.
  public mutating func serve(at arrival: SimulatedTime, for service: SimulatedTime)
    -> SimulatedTime
  {
    let start = max(arrival, freeAt)
    freeAt = start + service
    busy += service
    waited += start - arrival
    return start
  }

  /// The last request takes so much longer.
  mutating func extend(by service: SimulatedTime) {
    freeAt += service
    busy += service
  }

  /// How long it has served up to `time`, when no request comes after it.
  func used(until time: SimulatedTime) -> SimulatedTime { busy - (freeAt - time) }
}

/// Several equal servers with one queue, such as the slots in which an SMMU walks tables or the
/// channels of an NVMe device.
public struct ServerPool: Sendable {
  /// When each server will be free: a binary heap, the earliest first.
  private var freeAt: ContiguousArray<SimulatedTime>
  /// How long the requests accepted so far are served.
  public private(set) var busy = SimulatedTime.zero
  /// How long they wait for that, all together.
  public private(set) var waited = SimulatedTime.zero

  /// - Parameter servers: 1 at least.
  public init(servers: Int) {
    freeAt = ContiguousArray(repeating: .zero, count: max(1, servers))
  }

  /// Accepts a request; when its service starts.
  ///
  /// - Complexity: O(log n) in the number of servers.
  public mutating func serve(at arrival: SimulatedTime, for service: SimulatedTime)
    -> SimulatedTime
  {
    let start = max(arrival, freeAt[0])
    let end = start + service
    busy += service
    waited += start - arrival
    var place = 0
    while true {
      var child = 2 &* place &+ 1
      guard child < freeAt.count else { break }
      if child &+ 1 < freeAt.count, freeAt[child &+ 1] < freeAt[child] { child &+= 1 }
      guard freeAt[child] < end else { break }
      freeAt[place] = freeAt[child]
      place = child
    }
    freeAt[place] = end
    return start
  }

  /// How many it has.
  public var servers: Int { freeAt.count }

  /// How long they have served up to `time`, when no request comes after it.
  func used(until time: SimulatedTime) -> SimulatedTime {
    busy - freeAt.reduce(.zero) { $0 + ($1 - time) }
  }
}
