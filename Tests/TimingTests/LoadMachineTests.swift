import Simulation
import Testing

@testable import Timing

/// Virtual CPUs, virtual machines and KVM's part under load.
@Suite("Machines under load")
struct LoadMachineTests {
  @Test(
    "vectors go to the virtual CPUs that Linux chooses",
    arguments: [
      (DeviceLoad.Vectors.managed, 8, 8, [0, 1, 2, 3, 4, 5, 6, 7]),
      (.managed, 4, 64, [0, 16, 32, 48]), (.managed, 6, 4, [0, 1, 2, 3, 0, 1]),
      (.managed, 3, 8, [0, 2, 5]), (.balanced, 4, 3, [0, 1, 2, 0]),
      (.manual([5, 1]), 3, 8, [5, 1, 5]), (.manual([9]), 1, 8, [1]), (.manual([]), 1, 8, [0]),
    ] as [(DeviceLoad.Vectors, Int, Int, [Int])])
  func vectors(vectors: DeviceLoad.Vectors, queues: Int, cpus: Int, expected: [Int]) {
    let found = (0..<queues).map { vectors.cpu(of: $0, among: queues, on: cpus, after: $0) }
    #expect(found == expected)
  }

  @Test("64 virtual CPUs take 64 queues' interrupts, each its own")
  func manyCPUs() {
    var setting = LoadEngineTests.nvme(devices: 1, queues: 64, depth: 2)
    (setting.virtualCPUs, setting.physicalCPUs, setting.busyCPUs) = (64, 64, 64)
    setting.devices[0].vectors = .managed
    let engine = LoadEngine(
      path: LoadEngineTests.path, costs: LoadEngineTests.costs(), setting: setting, seed: 1)
    #expect(engine.queues.indices.map { Int(engine.queues[$0].virtualCPU) } == Array(0..<64))
  }

  @Test("an injection without a cached translation goes by a work queue, and fetches it")
  func slowPath() {
    var setting = LoadEngineTests.nic(gap: 20_000)
    let never = LoadEngineTests.run(setting)
    #expect(never.slowInjections == 0)
    setting.cacheDropsPerSecond = 20_000
    let dear = LoadEngineTests.costs([.uncachedInjection: 5000])
    let often = LoadEngineTests.run(setting, costs: dear)
    // Each drop costs each of four queues one slow injection, if one comes before the next drop.
    let drops = 20_000.0 * Double(often.span.picoseconds) * 1e-12
    #expect(Double(often.slowInjections) > 2 * drops && Double(often.slowInjections) < 4.5 * drops)
    #expect(often.slowInjections < often.exits(.physicalInterrupt))
    let mean = { (result: LoadResult) in result.times.mean(.injection, over: result.delivered) }
    #expect(mean(often) > mean(never))
    #expect(LoadEngineTests.run(setting, path: LoadEngineTests.direct).slowInjections == 0)
  }

  @Test("fewer translations than events cost slow injections, as many cost none")
  func smallCache() {
    var setting = LoadEngineTests.nic(gap: 20_000)
    setting.devices[0].count = 8
    setting.injectionCacheEntries = 16
    let few = LoadEngineTests.run(setting)
    setting.injectionCacheEntries = 512
    let many = LoadEngineTests.run(setting)
    #expect(few.slowInjections > few.exits(.physicalInterrupt) / 2)
    #expect(many.slowInjections <= 32)
  }

  @Test("walks of one virtual ITS wait for its lock, those of two machines do not")
  func virtualITSLock() {
    var setting = LoadEngineTests.nic(gap: 4000)
    setting.devices[0].count = 2
    (setting.physicalCPUs, setting.cacheDropsPerSecond) = (8, 1_000_000)
    let costs = LoadEngineTests.costs([.uncachedInjection: 3000])
    let one = LoadEngineTests.run(setting, costs: costs)
    setting.virtualMachines = 2
    let two = LoadEngineTests.run(setting, costs: costs)
    let use = { (result: LoadResult) in
      result.uses.first { $0.resource == .virtualITSLocks }?.hottest ?? 0
    }
    #expect(use(one) > use(two))
  }

  @Test("machines beyond the vPEs of the host's GIC are injected by KVM, all of one or none")
  func virtualPEs() {
    var setting = LoadEngineTests.nic(gap: 50_000)
    (setting.virtualMachines, setting.physicalCPUs) = (2, 8)
    setting.devices[0].count = 2
    let interrupts = [8, 7, 4, 3, 0].map { limit in
      setting.virtualPEs = limit
      return LoadEngineTests.run(setting, path: LoadEngineTests.direct).exits(.physicalInterrupt)
    }
    #expect(interrupts[0] == 0)
    #expect(interrupts[1] > 0 && interrupts[1] == interrupts[2])
    #expect(interrupts[3] > interrupts[2] && interrupts[3] == interrupts[4])
  }

  @Test("KVM polls for interrupts that come soon, which saves the switch and costs the host time")
  func haltPolling() {
    var setting = LoadEngineTests.idle
    setting.duration = .nanoseconds(10_000_000)
    let costs = LoadEngineTests.costs([.contextSwitch: 5000])
    let sleeping = LoadEngineTests.run(setting, costs: costs)
    setting.haltPolling = .nanoseconds(500_000)
    let polling = LoadEngineTests.run(setting, costs: costs)
    #expect(sleeping.polledWakeUps == 0)
    #expect(polling.polledWakeUps > polling.delivered / 2)
    #expect(
      polling.times.mean(.wakeUp, over: polling.delivered)
        < sleeping.times.mean(.wakeUp, over: sleeping.delivered))
    #expect(polling.hostTime > sleeping.hostTime)
    // Waits of a tenth of a millisecond are longer than this.
    setting.haltPolling = .nanoseconds(1000)
    #expect(LoadEngineTests.run(setting, costs: costs).polledWakeUps < polling.polledWakeUps / 10)
  }

  @Test("nobody polls while another virtual CPU can run")
  func pollingYields() {
    var setting = LoadEngineTests.overcommitted
    setting.busyCPUs = 2
    setting.haltPolling = .nanoseconds(500_000)
    let result = LoadEngineTests.run(setting)
    #expect(result.delivered > 50)
    #expect(
      result.sent == result.delivered + result.merged + result.inFlight - result.inFlightBefore)
  }

  @Test("a run that is stopped has what it has, and says that it is not whole")
  func stopped() {
    var setting = LoadEngineTests.nvme()
    setting.duration = .nanoseconds(20_000_000)
    let whole = LoadEngineTests.run(setting)
    let part = LoadEngine(
      path: LoadEngineTests.path, costs: LoadEngineTests.costs(), setting: setting, seed: 1
    ).run(isStopped: { true })
    #expect(whole.isComplete && !part.isComplete)
    #expect(part.delivered > 0 && part.delivered < whole.delivered)
    #expect(part.latencies.elementsEqual(whole.latencies.prefix(part.delivered)))
    #expect(part.sent == part.delivered + part.merged + part.inFlight - part.inFlightBefore)
    #expect(part.uses.contains { $0.mean > 0 })
  }
}
