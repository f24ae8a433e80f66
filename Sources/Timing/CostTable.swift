public import Simulation

/// The cost model as plain numbers, for the data path, and which of them a run has used.
@frozen
public struct CostTable: Sendable {
  @usableFromInline var times: InlineArray<32, SimulatedTime>
  /// Bit *n* is set once item *n* has been charged.
  @usableFromInline var used: UInt32 = 0

  public init(_ model: CostModel) {
    times = .init(repeating: .zero)
    for item in CostModel.Item.allCases { times[item.ordinal] = model[item] }
  }

  /// The time that `item` takes, which counts as used from now on.
  @inlinable
  public subscript(_ item: CostModel.Item) -> SimulatedTime {
    mutating get {
      let place = item.ordinal
      used |= 1 &<< UInt32(truncatingIfNeeded: place)
      return times[place]
    }
  }

  /// Forgets what was used so far: what set-up takes is in no latency.
  public mutating func forgetUse() { used = 0 }

  /// The items that were charged, in the order in which they are declared.
  public var usedItems: [CostModel.Item] {
    CostModel.Item.allCases.filter { used >> UInt32($0.ordinal) & 1 == 1 }
  }
}
