import Simulation
import Testing

@testable import Timing

@Suite("Loads")
struct LoadEngineTests {
  static let path = DeliveryPath(
    isDirect: false, coldWalkReads: 24, cachedWalkReads: 2, coldTableReads: 6, warmTableReads: 2,
    trapsMask: true, trapsInvalidation: true)

  /// Every kind of work takes 100 ns, but for those named.
  static func costs(_ nanoseconds: [CostModel.Item: UInt64] = [:]) -> CostModel {
    var costs: [CostModel.Item: CostModel.Cost] = [:]
    for item in CostModel.Item.allCases {
      costs[item] = .init(
        time: .nanoseconds(nanoseconds[item] ?? 100), status: .assumed, source: "a test's")
    }
    return CostModel(name: "test", platform: "", costs: costs)
  }

  static func nvme(
    devices: Int = 2, queues: Int = 4, depth: Int = 2, service: UInt64 = 20_000
  ) -> LoadSetting {
    var setting = LoadSetting()
    setting.virtualCPUs = 4
    setting.physicalCPUs = 4
    setting.busyCPUs = 4
    setting.warmUp = .nanoseconds(100_000)
    setting.duration = .nanoseconds(2_000_000)
    var device = DeviceLoad(
      name: "nvme",
      source: .closed(depth: depth, service: .nanoseconds(service), channels: 64))
    device.count = devices
    device.queues = queues
    device.workPerEvent = .nanoseconds(200)
    setting.devices = [device]
    return setting
  }

  static func nic(gap: UInt64, burst: Int = 1, ring: Int = 64) -> LoadSetting {
    var setting = nvme()
    var device = DeviceLoad(
      name: "nic", source: .open(gap: .nanoseconds(gap), burst: burst, ring: ring))
    device.queues = 4
    device.workPerEvent = .nanoseconds(500)
    setting.devices = [device]
    return setting
  }

  static func run(
    _ setting: LoadSetting, path: DeliveryPath = path, costs: CostModel = costs(),
    seed: UInt32 = 1
  ) -> LoadResult {
    LoadEngine(path: path, costs: costs, setting: setting, seed: seed).run()
  }

  static var direct: DeliveryPath {
    var path = Self.path
    path.isDirect = true
    return path
  }

  static var overcommitted: LoadSetting {
    var setting = nic(gap: 50_000)
    setting.virtualMachines = 2
    setting.timeSlice = .nanoseconds(200_000)
    setting.duration = .nanoseconds(10_000_000)
    return setting
  }

  static var idle: LoadSetting {
    var setting = nic(gap: 100_000)
    setting.busyCPUs = 0
    return setting
  }

  static var strict: LoadSetting {
    var setting = nvme()
    setting.devices[0].mapping = .strict
    setting.devices[0].pages = 2
    setting.affinityMovesPerSecond = 10_000
    return setting
  }

  static let settings = [nvme(), nic(gap: 5000, burst: 3), overcommitted, idle, strict]

  @Test("the stations sum up to the latencies, to the picosecond", arguments: 0..<5)
  func conservation(index: Int) {
    for path in [Self.path, Self.direct] {
      let result = Self.run(Self.settings[index], path: path)
      #expect(result.delivered > 50)
      #expect(result.latencies.reduce(SimulatedTime.zero, +) == result.times.total)
    }
  }

  @Test("every MSI arrives, merges, or is on its way at the end", arguments: 0..<5)
  func messagesAreKept(index: Int) {
    for path in [Self.path, Self.direct] {
      let result = Self.run(Self.settings[index], path: path)
      let arrived = result.delivered + result.merged + result.lost
      #expect(result.sent == arrived + result.inFlight - result.inFlightBefore)
    }
  }

  @Test("the same seed gives the same run, another seed another", arguments: 0..<5)
  func determinism(index: Int) {
    let setting = Self.settings[index]
    let first = Self.run(setting)
    #expect(first.latencies == Self.run(setting).latencies)
    #expect(first.times == Self.run(setting).times)
    #expect(first.latencies != Self.run(setting, seed: 2).latencies)
  }

  @Test("a lone MSI to a busy virtual CPU takes the sum of its stations and waits for nothing")
  func unloaded() {
    var setting = Self.nic(gap: 1_000_000)
    // Until each route has been used.
    setting.warmUp = .nanoseconds(20_000_000)
    setting.duration = .nanoseconds(20_000_000)
    let result = Self.run(setting)
    #expect(result.delivered > 40)
    let fixed: UInt64 = 200 + 100 + 200 + 100 + 100 + 100 + 100
    #expect(result.latencies.allSatisfy { $0 == .nanoseconds(fixed) })
    #expect(result.times[.queueing] == .zero)
    #expect(result.exits(.physicalInterrupt) == result.delivered)
    #expect(result.exits(.kick) == result.delivered)
  }

  @Test("latency and throughput grow with the load, up to the capacity of the guests")
  func monotonicInLoad() {
    let results = [40_000, 20_000, 10_000, 5000].map { Self.run(Self.nic(gap: $0, ring: 512)) }
    for (less, more) in zip(results, results.dropFirst()) {
      #expect(more.throughput > less.throughput)
      #expect(
        more.times.mean(.queueing, over: more.delivered)
          >= less.times.mean(.queueing, over: less.delivered))
    }
    let flooded = Self.run(Self.nic(gap: 200))
    #expect(flooded.dropped > 0)
    // Four CPUs, 500 ns an event.
    #expect(flooded.throughput <= 8_000_000)
    #expect(flooded.throughput > 5_000_000)
  }

  @Test("a closed loop keeps its depth: throughput and response time obey Little's law")
  func littlesLaw() {
    var setting = Self.nvme(devices: 1, queues: 1, depth: 1, service: 20_000)
    setting.duration = .nanoseconds(100_000_000)
    let result = Self.run(setting)
    let latency = result.times.total.picoseconds / UInt64(result.delivered)
    // One command: in the device, on its way as an MSI, in the driver.
    let cycle = 20_000_000 + Double(latency) + 200_000
    #expect(abs(result.throughput * cycle / 1e12 - 1) < 0.05)
  }

  @Test("each cost, made larger, makes no mean latency smaller")
  func monotonicInCosts() {
    let items: [CostModel.Item] = [
      .interconnectHop, .translationHit, .tableRead, .hostInterruptEntry, .irqfdInjection, .kick,
      .guestHandler,
    ]
    let setting = Self.nic(gap: 100_000)
    let base = Self.run(setting)
    for item in items {
      let slower = Self.run(setting, costs: Self.costs([item: 1000]))
      #expect(slower.times.total > base.times.total, "\(item.name)")
    }
  }

  @Test("direct injection to a running virtual CPU causes no exit, and changes nothing before it")
  func directInjection() {
    let host = Self.run(Self.nic(gap: 100_000))
    let direct = Self.run(Self.nic(gap: 100_000), path: Self.direct)
    #expect(host.exits > 0)
    #expect(direct.exits == 0)
    #expect(direct.hostTime == .zero)
    for station in [Station.interconnect, .translation, .its, .handler] {
      let means = [direct, host].map { $0.times.mean(station, over: $0.delivered) }
      #expect(abs(means[0] - means[1]) < 1)
    }
  }

  @Test("a blocked vPE is woken by a doorbell, one for all that come meanwhile")
  func doorbells() {
    let result = Self.run(Self.idle, path: Self.direct)
    #expect(result.exits(.vPEDoorbell) > 0)
    #expect(result.exits(.vPEDoorbell) <= result.delivered)
    #expect(result.exits(.physicalInterrupt) == 0)
    #expect(result.times[.wakeUp] > .zero)
  }

  @Test("what makes a vPE resident delays the first interrupt after it slept")
  func residency() {
    let slow = Self.costs([.residency: 20_000])
    let fast = Self.run(Self.idle, path: Self.direct)
    let late = Self.run(Self.idle, path: Self.direct, costs: slow)
    let delay =
      late.times.mean(.wakeUp, over: late.delivered)
      - fast.times.mean(.wakeUp, over: fast.delivered)
    #expect(abs(delay - 19_900) < 2000)
  }

  @Test("two busy virtual CPUs on one physical one wait for time slices")
  func overcommit() {
    let alone = Self.run(Self.nic(gap: 50_000))
    let shared = Self.run(Self.overcommitted)
    #expect(alone.times[.scheduling] == .zero)
    let wait = shared.times.mean(.scheduling, over: shared.delivered)
    // Half of the MSIs come while the other runs, and then wait for half a slice in the mean.
    #expect((25_000.0...75_000.0).contains(wait))
    #expect(shared.exits(.timeSlice) > 0)
  }

  @Test("a virtual CPU that slept moves to an idle physical one, unless it is pinned")
  func migration() {
    var setting = Self.idle
    setting.virtualMachines = 2
    setting.physicalCPUs = 2
    setting.devices[0].count = 4
    let costs = Self.costs([.migration: 50_000])
    let free = Self.run(setting, costs: costs)
    setting.isPinned = true
    let pinned = Self.run(setting, costs: costs)
    #expect(
      free.times.mean(.wakeUp, over: free.delivered)
        > pinned.times.mean(.wakeUp, over: pinned.delivered))
  }

  @Test("more pending interrupts than list registers cost maintenance")
  func listRegisters() {
    var setting = Self.nvme(devices: 8, queues: 1, depth: 1, service: 60_000)
    setting.virtualCPUs = 1
    setting.busyCPUs = 1
    setting.listRegisters = 1
    setting.devices[0].workPerEvent = .nanoseconds(5000)
    let few = Self.run(setting)
    setting.listRegisters = 16
    let many = Self.run(setting)
    #expect(few.exits(.maintenance) > many.exits(.maintenance))
    #expect(Self.run(setting, path: Self.direct).exits(.maintenance) == 0)
  }

  @Test("masking costs three exits an interrupt where the MSI-X table traps, and none elsewhere")
  func masking() {
    var setting = Self.nvme()
    setting.devices[0].masks = true
    var untrapped = Self.path
    untrapped.works[.mask] = WorkPath(untrapped: 2)
    untrapped.works[.unmask] = WorkPath(untrapped: 1)
    let costs = Self.costs([.exitToVMM: 5000])
    let trapped = Self.run(setting, costs: costs)
    let free = Self.run(setting, path: untrapped, costs: costs)
    #expect(free.exits(.msixTable) == 0)
    // The mask, its read-back, and the unmask.
    let perMessage = Double(trapped.exits(.msixTable)) / Double(trapped.delivered)
    #expect(abs(perMessage - 3) < 0.05)
    #expect(trapped.throughput < free.throughput)
  }

  @Test("strict unmapping costs more than lazy, and lazy more than none")
  func mappings() {
    let rates = [DeviceLoad.Mapping.fixed, .lazy, .strict].map { mapping in
      var setting = Self.nvme(service: 2000)
      setting.devices[0].mapping = mapping
      setting.devices[0].pages = 1
      return Self.run(setting, costs: Self.costs([.exitToVMM: 2000, .smmuSync: 1000]))
        .throughput
    }
    #expect(rates[0] > rates[1])
    #expect(rates[1] > 1.2 * rates[2])
  }

  @Test("coalescing sends fewer MSIs for as many events")
  func coalescing() {
    var setting = Self.nvme(depth: 16)
    let each = Self.run(setting)
    setting.devices[0].coalescedEvents = 8
    setting.devices[0].coalescingTime = .nanoseconds(20_000)
    let some = Self.run(setting)
    #expect(Double(some.sent) < 0.5 * Double(each.sent))
    #expect(Double(some.events) > 0.5 * Double(each.events))
  }

  @Test("nothing is counted before the warm-up is over")
  func warmUp() {
    var setting = Self.nvme()
    let whole = Self.run(setting)
    setting.warmUp = .nanoseconds(1_100_000)
    setting.duration = .nanoseconds(1_000_000)
    let half = Self.run(setting)
    #expect(abs(Double(half.events) / Double(whole.events) - 0.5) < 0.1)
    #expect(half.warmUp == .nanoseconds(1_100_000))
    #expect(half.latencies.elementsEqual(whole.latencies.suffix(half.latencies.count)))
  }

  // MARK: Recorded timing

  /// 4 events in 30 us, then 10 us: 100 events in a millisecond.
  static func recorded(queues: Int = 2, ring: Int = 64) -> LoadSetting {
    var setting = nvme()
    let events: [(UInt64, Int)] = [(500, 0), (10_500, 1), (10_500, 0), (30_500, 3)]
    setting.recordings = [
      RecordedTiming(
        events.map { .init(time: .nanoseconds($0.0), queue: $0.1) })
    ].compactMap(\.self)
    var device = DeviceLoad(name: "recorded", source: .recorded(place: 0, ring: ring))
    device.count = 3
    device.queues = queues
    setting.devices = [device]
    return setting
  }

  @Test("a recording is played over and over, each device by itself, with its own gaps")
  func recordedTiming() throws {
    let setting = Self.recorded()
    #expect(setting.recordings.first?.period == .nanoseconds(40_000))
    let result = Self.run(setting)
    // 2 ms are 50 times 40 us, of 4 events for each of 3 devices; one may stand on either edge.
    #expect(abs(result.offered - 600) <= 6)
    #expect(result.dropped == 0)
    #expect(result.sent > 0)
    #expect(result.latencies.elementsEqual(Self.run(setting, seed: 9).latencies))
  }

  @Test("a recording is played faster by a ramp, and drops where its ring is full")
  func recordedRamp() throws {
    let fast = Self.run(Self.recorded().scaled(by: 4))
    #expect(abs(fast.offered - 2400) <= 24)
    var slow = Self.recorded(queues: 1, ring: 1)
    slow.devices[0].workPerEvent = .nanoseconds(100_000)
    let result = Self.run(slow)
    #expect(result.dropped > 0)
    #expect(result.events + result.dropped <= result.offered + 3)
  }

  @Test("a recording needs two times, in order")
  func recordedEvents() {
    func timing(_ times: [UInt64]) -> RecordedTiming? {
      RecordedTiming(times.map { .init(time: .nanoseconds($0), queue: 0) })
    }
    #expect(timing([]) == nil)
    #expect(timing([5]) == nil)
    #expect(timing([5, 5]) == nil)
    #expect(timing([5, 4, 9]) == nil)
    #expect(timing([5, 9])?.period == .nanoseconds(8))
    #expect(timing([5, 9])?.played(at: 1e9).period != .zero)
  }

  @Test("a load rests on the costs that it charged, those of its traps included")
  func usedCosts() {
    let irqfd = Set(Self.run(Self.strict).usedCosts)
    #expect(irqfd.isSuperset(of: [.irqfdInjection, .exitToVMM, .smmuCommand, .smmuSync]))
    #expect(irqfd.isDisjoint(with: [.directInjection, .residency, .softwareStep]))
    let direct = Set(Self.run(Self.strict, path: Self.direct).usedCosts)
    #expect(direct.contains(.directInjection))
    #expect(direct.isDisjoint(with: [.irqfdInjection, .injectionLock]))
    // No virtual CPU is resident when its MSI comes, so that each rings a doorbell.
    let idle = Set(Self.run(Self.idle, path: Self.direct).usedCosts)
    #expect(idle.isSuperset(of: [.residency, .hostInterruptEntry]))
    #expect(idle.isDisjoint(with: [.directInjection, .irqfdInjection, .injectionLock, .exitToVMM]))
  }

  @Test("every exit of a load has a cause that a load can have", arguments: 0..<5)
  func causes(index: Int) {
    let result = Self.run(Self.settings[index])
    #expect(result.exits == LoadResult.causes.reduce(0) { $0 + result.exits($1) })
    #expect(result.exits > 0)
  }
}
