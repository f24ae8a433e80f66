import Simulation
import TestRandom
import Testing

@testable import Timing

/// What holds in every load, whatever its setting: over settings at random.
@Suite("Laws of loads")
struct LoadLawTests {
  /// A setting, a path and costs that follow from a seed.
  struct Case: CustomTestStringConvertible {
    let seed: UInt64
    let setting: LoadSetting
    let path: DeliveryPath
    let costs: CostModel

    init(seed: UInt64) {
      var random = SplitMix(state: seed)
      func pick(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(random.next() % UInt64(range.count))
      }
      self.seed = seed
      var setting = LoadSetting()
      setting.virtualMachines = pick(1...3)
      setting.virtualCPUs = pick(1...6)
      setting.physicalCPUs = pick(1...8)
      setting.busyCPUs = pick(0...setting.virtualCPUs)
      setting.isPinned = pick(0...1) == 1
      setting.timeSlice = .nanoseconds(UInt64(pick(20...400) * 1000))
      setting.listRegisters = pick(1...16)
      setting.walkSlots = pick(1...16)
      setting.postedWrites = pick(1...8)
      setting.interconnectWrites = pick(0...8)
      setting.itsWrites = pick(1...4)
      setting.affinityMovesPerSecond = Double(pick(0...1) * pick(1...100_000))
      setting.warmUp = .nanoseconds(UInt64(pick(0...300) * 1000))
      setting.haltPolling = .nanoseconds(UInt64(pick(0...1) * pick(1...200) * 1000))
      setting.cacheDropsPerSecond = Double(pick(0...1) * pick(1...100_000))
      setting.virtualPEs = pick(0...2) == 0 ? pick(0...18) : nil
      setting.duration = .nanoseconds(1_500_000)
      setting.devices = (0..<pick(1...2)).map { _ in
        let source: DeviceLoad.Source =
          pick(0...1) == 0
          ? .closed(
            depth: pick(1...16), service: .nanoseconds(UInt64(pick(1...60) * 1000)),
            channels: pick(1...32))
          : .open(
            gap: .nanoseconds(UInt64(pick(1...50) * 1000)), burst: pick(1...8), ring: pick(1...64))
        var device = DeviceLoad(name: "device", source: source)
        device.count = pick(1...3)
        device.queues = pick(1...6)
        device.workPerEvent = .nanoseconds(UInt64(pick(0...2000)))
        device.budget = pick(1...64)
        device.mapping = [.fixed, .lazy, .strict][pick(0...2)]
        device.pages = pick(0...2)
        device.masks = pick(0...2) == 0
        if pick(0...2) == 0 {
          device.coalescedEvents = pick(2...8)
          device.coalescingTime = .nanoseconds(10_000)
        }
        return device
      }
      self.setting = setting
      path = DeliveryPath(
        isDirect: pick(0...1) == 1, coldWalkReads: UInt64(pick(0...24)), cachedWalkReads: 2,
        coldTableReads: UInt64(pick(0...6)), warmTableReads: UInt64(pick(0...2)),
        trapsMask: pick(0...1) == 1, trapsInvalidation: pick(0...1) == 1)
      // Now and then something is so slow that everything else waits for it.
      let slow = CostModel.Item.allCases[pick(0...CostModel.Item.allCases.count - 1)]
      costs = LoadEngineTests.costs(pick(0...1) == 0 ? [:] : [slow: UInt64(pick(1...8) * 1000)])
    }

    var testDescription: String { "seed \(seed)" }
    func run() -> LoadResult {
      LoadEngine(path: path, costs: costs, setting: setting, seed: UInt32(seed & 0xffff)).run()
    }
  }

  static let cases = (1...40).map { Case(seed: $0 &* 7919) }
  /// Each case is run once.
  static let runs = cases.map { (load: $0, result: $0.run()) }

  @Test("what is sent is delivered, merged, lost or on its way", arguments: cases.indices)
  func messagesAreConserved(place: Int) {
    let result = Self.runs[place].result
    #expect(
      result.sent + result.inFlightBefore
        == result.delivered + result.merged + result.lost + result.inFlight)
  }

  @Test("what is offered is handled, dropped or waits", arguments: cases.indices)
  func eventsAreConserved(place: Int) {
    let result = Self.runs[place].result
    #expect(
      result.offered + result.waitingEventsBefore
        == result.events + result.dropped + result.waitingEvents)
  }

  @Test(
    "Little's law: what is on its way is what is sent in the time that it takes", arguments: cases)
  func littlesLaw(load: Case) {
    var load = load.setting
    load.devices.indices.forEach { load.devices[$0].masks = false }
    // Nothing merges where each MSI waits for its handler, so that all times are known.
    let result = LoadEngine(
      path: LoadEngineTests.path, costs: LoadEngineTests.costs(), setting: load, seed: 1
    ).run()
    guard result.merged == 0, result.delivered > 0 else { return }
    let span = Double(result.span.picoseconds)
    let spent = Double(result.times.total.picoseconds)
    // What is cut at either end belongs to MSIs on their way there.
    let longest = Double(result.latencies.max()?.picoseconds ?? 0)
    let ends = Double(result.inFlight + result.inFlightBefore + 1) * longest
    #expect(abs(result.meanInFlight * span - spent) <= ends + 1)
  }

  @Test("time is conserved: no CPU does more than there is time", arguments: cases.indices)
  func timeIsConserved(place: Int) {
    let (load, result) = Self.runs[place]
    for use in result.uses {
      #expect((0...1).contains(use.mean) && use.hottest >= use.mean - 1e-9)
      #expect(use.waiting >= 0)
    }
    let span = Double(result.span.picoseconds)
    let time = span * Double(load.setting.physicalCPUs)
    // One piece of work that had begun may stand over the edge on each CPU.
    let guest = Double(result.guestTime.picoseconds)
    #expect(guest <= time + Double(load.setting.physicalCPUs) * 0.3 * span)
    let asked = load.setting.devices.map(\.workPerEvent).min() ?? .zero
    #expect(guest + 1 >= Double(asked.times(UInt64(result.events)).picoseconds) * 0.9 - 0.1 * span)
  }

  @Test("no more is on its way than devices may post, the way holds and queues have")
  func boundedFlight() {
    for (load, result) in Self.runs {
      let devices = load.setting.devices.reduce(0) { $0 + $1.count }
      let queues = load.setting.devices.reduce(0) { $0 + $1.count * $1.queues }
      let most =
        devices * load.setting.postedWrites + load.setting.interconnectWrites
        + load.setting.itsWrites + 4 * queues
      #expect(result.inFlight <= most)
    }
  }

  static func saturated(milliseconds: UInt64) -> LoadSetting {
    var setting = LoadEngineTests.nvme(devices: 4, queues: 4, depth: 16, service: 1000)
    setting.warmUp = nil
    setting.duration = .nanoseconds(milliseconds * 1_000_000)
    return setting
  }

  @Test(
    "in a closed loop the median does not grow with the length of the run, whatever is full",
    arguments: [CostModel.Item.tableRead, .irqfdInjection, .guestHandler, .injectionLock])
  func medianOfAClosedLoop(slow: CostModel.Item) {
    let medians = [1, 4, 12].map { (milliseconds: UInt64) -> Double in
      let result = LoadEngine(
        path: LoadEngineTests.path, costs: LoadEngineTests.costs([slow: 2000]),
        setting: Self.saturated(milliseconds: milliseconds), seed: 3
      ).run()
      return Double(result.latencies.sorted()[result.latencies.count / 2].nanoseconds)
    }
    #expect(medians[1] < 1.3 * medians[0] && medians[1] > 0.7 * medians[0], "\(medians)")
    #expect(medians[2] < 1.1 * medians[1] && medians[2] > 0.9 * medians[1], "\(medians)")
  }

  @Test("what is full is named, and its rate is that of its service")
  func bottleneck() {
    let result = LoadEngine(
      path: LoadEngineTests.path, costs: LoadEngineTests.costs([.tableRead: 1000]),
      setting: Self.saturated(milliseconds: 8), seed: 1
    ).run()
    #expect(result.bottlenecks.map(\.resource).contains(.its))
    // Two reads of 1 us for each message.
    #expect(abs(result.messageRate / 500_000 - 1) < 0.02)
    let quiet = LoadEngineTests.run(LoadEngineTests.nic(gap: 500_000))
    #expect(quiet.bottlenecks.isEmpty)
  }

  @Test("the time that exits take delays guests")
  func stolenTime() {
    // Four queues on one CPU, and no other for the host's interrupts.
    var setting = LoadEngineTests.nvme(devices: 4, queues: 1, depth: 1, service: 1000)
    (setting.virtualCPUs, setting.physicalCPUs, setting.busyCPUs) = (1, 1, 1)
    setting.devices[0].workPerEvent = .nanoseconds(5000)
    setting.duration = .nanoseconds(5_000_000)
    let cheap = LoadEngineTests.run(setting)
    let dear = LoadEngineTests.run(
      setting, costs: LoadEngineTests.costs([.hostInterruptEntry: 4000]))
    #expect(dear.throughput < 0.8 * cheap.throughput)
    for result in [cheap, dear] {
      let busy = (result.hostTime + result.guestTime).picoseconds
      #expect(Double(busy) <= 1.02 * Double(result.span.picoseconds))
      #expect(Double(busy) >= 0.95 * Double(result.span.picoseconds))
    }
  }

  @Test("what exits to the VMM take is the host's time and not the guest's")
  func hostTimeOfExits() {
    var setting = LoadEngineTests.nvme()
    setting.devices[0].masks = true
    let results = [UInt64](arrayLiteral: 100, 5000).map {
      LoadEngineTests.run(setting, costs: LoadEngineTests.costs([.exitToVMM: $0]))
    }
    let guest = results.map { $0.perInterrupt($0.guestTime) }
    let host = results.map { $0.perInterrupt($0.hostTime) }
    #expect(abs(guest[0] - guest[1]) < 0.2 * guest[0])
    #expect(host[1] - host[0] > 5000)
  }

  @Test("while a virtual CPU wakes, one doorbell is enough")
  func oneDoorbell() {
    var setting = LoadEngineTests.nic(gap: 2_000_000)
    (setting.virtualCPUs, setting.physicalCPUs, setting.busyCPUs) = (1, 1, 0)
    setting.devices[0].count = 8
    setting.devices[0].queues = 1
    // All at once: each device has an event at the same moments.
    setting.recordings = [
      RecordedTiming(
        [UInt64](arrayLiteral: 0, 400, 900).map { .init(time: .nanoseconds($0 * 1000), queue: 0) })
    ].compactMap(\.self)
    setting.devices[0].source = .recorded(place: 0, ring: 64)
    let result = LoadEngineTests.run(
      setting, path: LoadEngineTests.direct,
      costs: LoadEngineTests.costs([.hostInterruptEntry: 20_000]))
    #expect(result.delivered > 20)
    #expect(result.exits(.vPEDoorbell) * 7 <= result.delivered)
  }

  @Test("many CPUs that inject into one virtual CPU wait for its lock")
  func injectionLock() {
    var setting = LoadEngineTests.nvme(devices: 8, queues: 1, depth: 4, service: 1000)
    (setting.virtualCPUs, setting.physicalCPUs, setting.busyCPUs) = (1, 8, 1)
    let short = LoadEngineTests.run(setting)
    let long = LoadEngineTests.run(
      setting, costs: LoadEngineTests.costs([.injectionLock: 3000, .irqfdInjection: 3000]))
    let use = { (result: LoadResult) in
      result.uses.first { $0.resource == .injectionLocks }?.hottest ?? 0
    }
    #expect(use(long) > 0.9 && use(long) > use(short))
    // One after the other, whatever the number of CPUs.
    let injections = Double(long.exits(.physicalInterrupt))
    #expect(injections * 3_000_000 < 1.05 * Double(long.span.picoseconds))
  }
}
