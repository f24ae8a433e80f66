/// What an MSI spends its time on, between the device's write and the start of its handler's work.
@frozen
public enum Station: UInt8, CaseIterable, Sendable {
  /// Posted writes between device, SMMU and ITS.
  case interconnect
  /// The SMMU: TLB look-up, walk.
  case translation
  /// The ITS: caches and table reads.
  case its
  /// The host's entry code, with the exit of the virtual CPU that ran.
  case exits
  /// Software of the host: eventfd, irqfd, the virtual ITS, list registers.
  case injection
  /// The kick of a virtual CPU, or its wake-up, to the guest's acknowledge.
  case wakeUp
  /// A virtual CPU that may run and waits for a physical one.
  case scheduling
  /// The guest's entry code, up to the end of the handler.
  case handler
  /// Held back by a mask, a disabled LPI, or coalescing.
  case held
  /// Waiting for something that serves others: a walk slot, a CPU, a lock, a handler.
  case queueing

  /// The name in tables; JSON has it as one word.
  public var name: String {
    switch self {
    case .interconnect: "interconnect"
    case .translation: "walks"
    case .its: "ITS"
    case .exits: "exits"
    case .injection: "injection"
    case .wakeUp: "wake-up"
    case .scheduling: "scheduling"
    case .handler: "handler"
    case .held: "held"
    case .queueing: "queueing"
    }
  }

  @inlinable
  var place: Int { Int(rawValue) }
}
