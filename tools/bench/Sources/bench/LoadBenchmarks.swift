import Simulation
import Timing

/// Loads: 64 devices and 512 virtual CPUs with about 100,000 pending events, and the growth of the
/// run time with the number of events.
enum LoadBenchmarks {
  static let wideName = "load of 64 devices, 512 vCPUs, 100k pending, per MSI"

  /// - Parameter hold: what an event of the queue takes, of which an MSI needs several.
  static func run(relativeTo hold: Measurement?) -> [Measurement] {
    let wide = perMessage(wideName, wide(milliseconds: 40), relativeTo: hold)
    let first = perMessage(name(1), narrow(milliseconds: 1), rounds: 9)
    let growth = [10, 100, 1000].map { factor in
      perMessage(name(factor), narrow(milliseconds: UInt64(factor)), relativeTo: first)
    }
    return [wide, first] + growth
  }

  private static func name(_ milliseconds: Int) -> String {
    "load of 4 devices, 8 vCPUs, \(milliseconds) ms, per MSI"
  }

  private static func perMessage(
    _ name: String, _ setting: LoadSetting, rounds: Int = 3, relativeTo base: Measurement? = nil
  ) -> Measurement {
    Measurement.best(
      name, rounds: rounds, operations: max(1, result(setting).sent), relativeTo: base
    ) { keep(result(setting)) }
  }

  /// A run of the load on a path through two stages, with irqfd. A table read is short enough for one
  /// ITS to look up all that the devices send, so that each event has an MSI of its own.
  static func result(_ setting: LoadSetting) -> LoadResult {
    let path = DeliveryPath(
      isDirect: false, coldWalkReads: 24, cachedWalkReads: 2, coldTableReads: 6,
      warmTableReads: 2, trapsMask: true, trapsInvalidation: true)
    let costs = CostModel(
      name: "", platform: "",
      costs: Dictionary(
        uniqueKeysWithValues: CostModel.Item.allCases.map {
          (
            $0,
            .init(
              time: .nanoseconds($0 == .tableRead ? 10 : 100), status: .assumed,
              source: "a round number")
          )
        }))
    return LoadEngine(path: path, costs: costs, setting: setting, seed: 1).run()
  }

  private static func wide(milliseconds: UInt64) -> LoadSetting {
    var setting = LoadSetting()
    setting.virtualMachines = 64
    setting.virtualCPUs = 8
    setting.physicalCPUs = 512
    setting.busyCPUs = 8
    var device = DeviceLoad(
      name: "nvme", source: .closed(depth: 196, service: .nanoseconds(4_000_000), channels: 1600))
    device.count = 64
    device.queues = 8
    setting.devices = [device]
    setting.warmUp = .zero
    setting.duration = .nanoseconds(milliseconds * 1_000_000)
    return setting
  }

  static func narrow(milliseconds: UInt64) -> LoadSetting {
    var setting = LoadSetting()
    setting.virtualCPUs = 8
    setting.physicalCPUs = 8
    setting.busyCPUs = 8
    var device = DeviceLoad(
      name: "nvme", source: .closed(depth: 4, service: .nanoseconds(80_000), channels: 32))
    device.count = 4
    device.queues = 8
    setting.devices = [device]
    setting.warmUp = .zero
    setting.duration = .nanoseconds(milliseconds * 1_000_000)
    return setting
  }
}
