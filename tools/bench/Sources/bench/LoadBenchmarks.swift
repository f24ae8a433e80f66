import Simulation
import Timing

/// Loads: 64 devices and 512 virtual CPUs with about 100,000 pending events, and the growth of the
/// run time with the number of events.
enum LoadBenchmarks {
  static func run() -> [Measurement] {
    let wide = perMessage(
      "load of 64 devices, 512 vCPUs, 100k pending, per MSI", wide(milliseconds: 40))
    let growth = [1, 10, 100, 1000].map { factor in
      perMessage(
        "load of 4 devices, 8 vCPUs, \(factor) ms, per MSI", narrow(milliseconds: UInt64(factor)))
    }
    return [wide] + growth
  }

  private static func perMessage(_ name: String, _ setting: LoadSetting) -> Measurement {
    let path = DeliveryPath(
      isDirect: false, coldWalkReads: 24, cachedWalkReads: 2, coldTableReads: 6,
      warmTableReads: 2, trapsMask: true, trapsInvalidation: true)
    let times = DeliveryTimes { _ in .nanoseconds(100) }
    func result() -> LoadResult {
      LoadEngine(path: path, times: times, setting: setting, seed: 1).run()
    }
    return Measurement.best(name, rounds: 3, operations: max(1, result().sent)) { keep(result()) }
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

  private static func narrow(milliseconds: UInt64) -> LoadSetting {
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
