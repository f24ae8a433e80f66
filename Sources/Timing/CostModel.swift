public import Simulation

/// What each kind of work costs: a named set of numbers, each with its source.
public struct CostModel: Sendable {
  /// Where a number comes from; `meaning` says what each promises.
  public enum Status: String, CaseIterable, Sendable {
    case measured
    case secondHand = "second-hand"
    case derived
    case assumed
    case range

    /// One sentence: what the status says about a number.
    public var meaning: String {
      switch self {
      case .measured: "Published by those who measured it."
      case .secondHand: "Published, and quoted from there by another source."
      case .derived: "Computed from measured numbers."
      case .assumed: "A plausible round number: nothing published was found."
      case .range: "Two ends: nothing published was found, or what was disagrees."
      }
    }
  }

  /// A number and its source.
  public struct Cost: Equatable, Sendable {
    /// The number, or the low end of its range.
    public let time: SimulatedTime
    /// The high end of a range; equal to `time` for a number.
    public let high: SimulatedTime
    public let status: Status
    /// The machine that the number was measured on, where it is not that of the model.
    public let platform: String?
    /// Where it was measured, or why it is assumed.
    public let source: String

    public init(
      time: SimulatedTime, high: SimulatedTime? = nil, status: Status, platform: String? = nil,
      source: String
    ) {
      self.time = time
      self.high = high ?? time
      self.status = status
      self.platform = platform
      self.source = source
    }
  }

  /// An end of every range.
  public enum End: CaseIterable, Sendable { case low, high }

  public let name: String
  /// The machine that the numbers stand for.
  public let platform: String
  private let times: [SimulatedTime]
  public let costs: [Item: Cost]
  /// The end of the ranges at which the model is read.
  public let end: End

  /// - Parameter costs: one for each item; an item without one costs nothing.
  public init(name: String, platform: String, costs: [Item: Cost], end: End = .low) {
    self.name = name
    self.platform = platform
    self.costs = costs
    self.end = end
    times = Item.allCases.map { item in
      costs[item].map { end == .low ? $0.time : $0.high } ?? .zero
    }
  }

  /// The same model with every range read at this end.
  public func at(_ end: End) -> CostModel {
    CostModel(name: name, platform: platform, costs: costs, end: end)
  }

  /// The same model with one number, a plain one, for `item`.
  public func replacing(_ item: Item, with time: SimulatedTime) -> CostModel {
    guard let cost = costs[item] else { return self }
    var costs = costs
    costs[item] = Cost(
      time: time, status: cost.status, platform: cost.platform, source: cost.source)
    return CostModel(name: name, platform: platform, costs: costs, end: end)
  }

  /// The time that `item` takes.
  public subscript(_ item: Item) -> SimulatedTime { times[item.ordinal] }

  /// The items with this status, in the order in which they are declared.
  public func items(_ status: Status) -> [Item] {
    Item.allCases.filter { costs[$0]?.status == status }
  }

  /// The items whose number is `assumed`.
  public var assumed: [Item] { items(.assumed) }
}
