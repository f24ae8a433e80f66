/// Something that serves one request after the other in a load, while others wait for it.
@frozen
public enum LoadResource: UInt8, CaseIterable, Sendable {
  /// The channels of the devices, which work on commands.
  case deviceChannels
  /// The writes that a device may post before the interconnect has taken the first of them.
  case postedWrites
  /// The walks that the SMMU does at the same time.
  case walkSlots
  /// The ITS, which looks one message up, or takes one command, at a time.
  case its
  /// Physical CPUs, with what hosts and guests do there for interrupts and events.
  case physicalCPUs
  /// The lock of each virtual CPU's list of pending interrupts.
  case injectionLocks
  /// The lock of each virtual ITS, taken where KVM walks its tables.
  case virtualITSLocks
  /// Virtual CPUs, with their handlers and their work on events.
  case virtualCPUs
  /// The command queue of the SMMU.
  case smmuCommands
  /// VMOVP, which all ITSs carry out one after the other.
  case vPEMoves

  /// The name in tables and JSON.
  public var name: String {
    switch self {
    case .deviceChannels: "device channels"
    case .postedWrites: "posted writes"
    case .walkSlots: "walk slots"
    case .its: "ITS"
    case .physicalCPUs: "physical CPUs"
    case .injectionLocks: "injection locks"
    case .virtualITSLocks: "vITS locks"
    case .virtualCPUs: "virtual CPUs"
    case .smmuCommands: "SMMU commands"
    case .vPEMoves: "VMOVP"
    }
  }

  @inlinable
  var place: Int { Int(rawValue) }
  static let count = 10
}

/// How busy something was in a load.
public struct ResourceUse: Equatable, Sendable {
  public let resource: LoadResource
  /// How many requests all of it can serve at once.
  public let servers: Int
  /// The part of the time that a server was busy, in the mean over all of them.
  public let mean: Double
  /// The same of the busiest device or CPU.
  public let hottest: Double
  /// How many requests waited, in the mean over the time.
  public let waiting: Double

  /// Above this part of its time, the busiest server is what bounds the load.
  public static let limit = 0.95

  /// Whether it bounds the load.
  public var isBottleneck: Bool { hottest > Self.limit }
}
