import Glibc
import Simulation
import Timing

/// What 8 devices of 64 vectors each take: in the machine's models, with their tables in memory and
/// the record of their set-up, and under load, with 8 virtual CPUs.
///
/// Both are growths of the process's peak, so that they must come before anything larger.
enum MemoryBenchmarks {
  static func marks() throws -> [Mark] {
    try [whole(), loaded()]
  }

  /// How much more a whole system takes with 9 devices than with one, from boot to one MSI of each
  /// vector.
  private static func whole() throws -> Mark {
    var run = try MessageBenchmarks.workload(64, vectors: 64)
    keep(try? run.run())
    let before = peak
    run.topology.devices = 9
    keep(try? run.run())
    return Mark(
      name: "memory of 8 devices of 64 vectors, all tables written",
      value: Double(peak - before) / 1024, bound: 4, unit: "MiB")
  }

  private static func loaded() -> Mark {
    keep(LoadBenchmarks.result(setting(machines: 1)))
    let before = peak
    let count = 256
    keep(LoadBenchmarks.result(setting(machines: count + 1)))
    return Mark(
      name: "memory of a VM under load: 8 vCPUs, 8 devices of 64 vectors",
      value: Double(peak - before) / Double(count) / 1024, bound: 4, unit: "MiB")
  }

  private static func setting(machines: Int) -> LoadSetting {
    var setting = LoadSetting()
    setting.virtualMachines = machines
    setting.virtualCPUs = 8
    setting.physicalCPUs = 8 * machines
    setting.busyCPUs = 8
    var device = DeviceLoad(
      name: "nvme", source: .closed(depth: 4, service: .nanoseconds(80_000), channels: 256))
    device.count = 8 * machines
    device.queues = 64
    setting.devices = [device]
    setting.warmUp = .zero
    setting.duration = .nanoseconds(200_000)
    return setting
  }

  /// The most that the process ever had in memory, in KiB. Not from `getrusage`, whose number
  /// survives an exec.
  private static var peak: Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard text.hasPrefix("VmHWM:") else { continue }
      return Int(text.filter(\.isNumber)) ?? 0
    }
    return 0
  }
}
