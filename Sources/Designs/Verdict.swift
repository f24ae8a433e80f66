/// What became of an MSI.
///
/// Ordered by how bad it is: the verdict of a run is the worst of its journeys.
public enum Verdict: String, CaseIterable, Comparable, Sendable {
  /// The guest's handler ran, for the right INTID on the right CPU.
  case delivered
  /// Set-up was refused, so that the MSI was never sent.
  case refused
  /// An interrupt controller discarded it.
  case dropped
  /// Translation failed, and the guest was told by an event record.
  case fault
  /// It vanished without anything that the guest could see: in a page that is nobody's doorbell,
  /// or in a stage 2 fault that only the host's event queue records.
  case lost
  /// It arrived as somebody else's interrupt.
  case misrouted
  /// It was written to RAM.
  case corrupted

  /// Whether an MSI that ended so was sent and did not arrive.
  var isFailure: Bool { self != .delivered && self != .refused }

  public static func < (left: Self, right: Self) -> Bool { left.severity < right.severity }

  private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
