public import Simulation

/// What each kind of work costs: a named set of numbers, each with its source.
public struct CostModel: Sendable {
  /// A kind of work.
  public enum Item: String, CaseIterable, Sendable {
    /// A guest exit that KVM handles in the kernel, there and back.
    case exitToKernel = "exit-to-kernel"
    /// A guest exit that the VMM handles, there and back.
    case exitToVMM = "exit-to-vmm"
    /// One software step of a kernel or of the VMM.
    case softwareStep = "software-step"
    /// One system call of the VMM.
    case systemCall = "system-call"
    /// A posted write from the device to the SMMU or from the SMMU to the doorbell.
    case interconnectHop = "interconnect-hop"
    /// A translation that hits the SMMU's TLB.
    case translationHit = "translation-hit"
    /// One read of a table by the SMMU or the ITS.
    case tableRead = "table-read"
    /// From the physical LPI to the host's handler.
    case hostInterruptEntry = "host-interrupt-entry"
    /// From the eventfd signal to the virtual interrupt's injection.
    case irqfdInjection = "irqfd-injection"
    /// From the injection to the guest's acknowledge, with the kick of the virtual CPU.
    case kick = "kick"
    /// The guest's acknowledge, handler entry and EOI, none of which trap.
    case guestHandler = "guest-handler"
  }

  /// Where a number comes from.
  public enum Status: String, CaseIterable, Sendable {
    case measured
    case secondHand = "second-hand"
    case derived
    case assumed
  }

  /// A number and its source.
  public struct Cost: Equatable, Sendable {
    public let time: SimulatedTime
    public let status: Status
    /// Where it was measured, or why it is assumed.
    public let source: String

    public init(time: SimulatedTime, status: Status, source: String) {
      self.time = time
      self.status = status
      self.source = source
    }
  }

  public let name: String
  /// The machine that the numbers stand for.
  public let platform: String
  private let times: [SimulatedTime]
  public let costs: [Item: Cost]

  /// - Parameter costs: one for each item; an item without one costs nothing.
  public init(name: String, platform: String, costs: [Item: Cost]) {
    self.name = name
    self.platform = platform
    self.costs = costs
    times = Item.allCases.map { costs[$0]?.time ?? .zero }
  }

  /// The time that `item` takes.
  public subscript(_ item: Item) -> SimulatedTime {
    times[Item.allCases.firstIndex(of: item) ?? 0]
  }

  /// The items whose number is `assumed`.
  public var assumed: [Item] { Item.allCases.filter { costs[$0]?.status == .assumed } }
}
