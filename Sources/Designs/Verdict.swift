public import Linux

/// Verdict on an MSI.
///
/// Ordered by how bad it is: the verdict of a run is the worst of its journeys.
public enum Verdict: String, Choice, Comparable {
  case delivered
  case refused
  case dropped
  case fault
  case lost
  case misrouted
  case corrupted

  public var meaning: String {
    switch self {
    case .delivered: "The guest's handler ran."
    case .refused: "Set-up was refused, so that it was never sent."
    case .dropped: "An interrupt controller discarded it."
    case .fault: "Translation failed, and the guest was told by an event record."
    case .lost: "It vanished without anything that the guest could see."
    case .misrouted: "It arrived as another interrupt than the one that was meant."
    case .corrupted: "It was written to RAM."
    }
  }

  /// Whether an MSI that ended so was sent and did not arrive.
  package var isFailure: Bool { self != .delivered && self != .refused }

  public static func < (left: Self, right: Self) -> Bool { left.severity < right.severity }

  private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
