import Simulation
import TestRandom
import Testing

@testable import Published

@Suite("LPIs through a translation cache")
struct InjectionBenchTests {
  static func bench(
    _ placement: (v: Int, d: Int, e: Int), _ cache: InjectionBench.Cache, iterations: Int = 50
  ) -> InjectionBench {
    var bench = InjectionBench()
    (bench.virtualCPUs, bench.devices, bench.events) = placement
    bench.iterations = iterations
    bench.cache = cache
    bench.slow = .nanoseconds(1282)
    bench.fast = .nanoseconds(797)
    bench.hold = .nanoseconds(197)
    bench.handOver = 250_000
    bench.gracePeriod = .nanoseconds(6_700_000)
    bench.wakeUp = .nanoseconds(1500)
    bench.stagger = .nanoseconds(30_000)
    return bench
  }

  @Test(
    "every LPI is injected once, and either hit or missed",
    arguments: InjectionBench.Cache.allCases, [true, false])
  func conservation(cache: InjectionBench.Cache, targetsFirst: Bool) {
    for placement in [(1, 1, 1), (2, 3, 17), (4, 4, 17), (8, 8, 1)] {
      var bench = Self.bench(placement, cache, iterations: 10)
      bench.targetsFirst = targetsFirst
      let result = bench.run()
      #expect(result.injected == placement.1 * placement.2 * 10)
      #expect(result.hits + result.misses == result.injected)
      #expect(cache != .none || result.hits == 0)
      #expect(cache != .unlimited || result.misses == placement.1 * placement.2)
    }
  }

  @Test("a lone thread takes its service time")
  func alone() {
    let none = Self.bench((1, 1, 1), .none).run()
    #expect(abs(none.rate * 1282e-9 - 1) < 1e-3)
    let cached = Self.bench((1, 1, 1), .unlimited, iterations: 10_000).run()
    #expect(abs(cached.rate * 797e-9 - 1) < 1e-3)
  }

  @Test("one event more than the cache holds evicts on every miss, in order of use")
  func thrashing() {
    let result = Self.bench((1, 1, 17), .limited).run()
    #expect(result.hits == 0)
    #expect(result.evictions == result.misses - 16)
    #expect(Self.bench((1, 1, 16), .limited).run().evictions == 0)
  }

  @Test("an unlimited cache is never slower than a limited one, nor that than grace periods")
  func ordering() {
    for placement in [(1, 1, 17), (4, 4, 17), (16, 16, 1)] {
      let rates = [InjectionBench.Cache.limitedWithGracePeriod, .limited, .unlimited].map {
        Self.bench(placement, $0).run().rate
      }
      #expect(rates[0] <= rates[1] * 1.001 && rates[1] <= rates[2] * 1.15, "\(placement)")
    }
  }

  @Test("a single destination is the limit of many threads; one each is not")
  func targeting() {
    var bench = Self.bench((16, 16, 16), .unlimited, iterations: 100)
    let first = bench.run().rate
    #expect(first < 1e9 / 197 * 1.001)
    bench.targetsFirst = false
    #expect(bench.run().rate > 2.5 * first)
  }

  @Test("the list of recent keys agrees with a plain one")
  func recency() {
    var random = SplitMix(state: 11)
    var list = RecencyList(keys: 40)
    var plain: [Int] = []
    for _ in 0..<5000 {
      let key = Int(random.below(40))
      let place = plain.firstIndex(of: key)
      #expect(list.use(key) == (place != nil))
      if let place { plain.remove(at: place) }
      if place == nil {
        if plain.count == 16 {
          plain.removeFirst()
          list.evict()
        }
        list.insert(key)
      }
      plain.append(key)
      #expect(list.count == plain.count)
    }
  }

  @Test("without a cache nearly every interrupt is a context switch, with one hardly any")
  func workers() {
    let load = { (isCached: Bool) in
      WorkerLoad(
        queues: 4, gap: .nanoseconds(2000), wakeUp: .nanoseconds(1500), work: .nanoseconds(1282),
        isCached: isCached
      ).switches(interrupts: 20_000, seed: 1)
    }
    #expect((350_000...500_000).contains(load(false)))
    #expect(load(true) < 200)
  }
}
