public import Designs
internal import Guest
internal import HostKernel
internal import Simulation
public import Timing

/// What a design does to one MSI, found out by running it, and how the run came out.
public struct DeliveryProbe: Sendable {
  /// The run of one MSI.
  public let result: RunResult
  /// `nil` when the MSI was not delivered.
  public let path: DeliveryPath?

  package init(result: RunResult, path: DeliveryPath?) {
    self.result = result
    self.path = path
  }
}

extension RunSpecification {
  /// Sends one MSI, then two, through the models of hardware and software, with costs of which
  /// each counts one thing: what the second differs in is what a warm one takes.
  public func probe() throws(RunFailure) -> DeliveryProbe {
    let result = try withMessages(1).run()
    guard result.verdict == .delivered else { return DeliveryProbe(result: result, path: nil) }
    let cold = try counting(.tableRead, messages: 1)
    let both = try counting(.tableRead, messages: 2)
    let entries = try counting(.hostInterruptEntry, messages: 1)
    let walk = cold[.translation].nanoseconds
    let path = DeliveryPath(
      isDirect: entries[.exits] == .zero, coldWalkReads: walk,
      // The walk caches end one level above the page: one read for each stage.
      cachedWalkReads: min(walk, 2),
      coldTableReads: cold[.its].nanoseconds,
      warmTableReads: (both[.its] - cold[.its]).nanoseconds,
      trapsMask: result.exits.causes.contains { $0.cause == .msixTable },
      trapsInvalidation: result.exits.causes.contains { $0.cause == .virtualSMMU })
    return DeliveryProbe(result: result, path: path)
  }

  /// How often `messages` MSIs were charged one item, as nanoseconds at each station.
  private func counting(
    _ item: CostModel.Item, messages: Int
  ) throws(RunFailure) -> StationTimes {
    var specification = withMessages(messages)
    specification.costs = CostModel(
      name: "count", platform: "",
      costs: [item: .init(time: .nanoseconds(1), status: .assumed, source: "counts")])
    return try specification.run().breakdown.times
  }

  /// The same guest and device with this many MSIs of the first vector, far apart.
  private func withMessages(_ count: Int) -> RunSpecification {
    var specification = self
    specification.journeyOf = nil
    specification.isTraced = false
    specification.workload = Workload(
      device: workload.device, placement: workload.placement,
      entries: (0..<count).map { .init(nanoseconds: UInt64($0) * 1_000_000, .message(vector: 0)) })
    return specification
  }
}
