import GLibSupport
import Simulation
import TestRandom
import Testing

@testable import Timing

@Suite("Service stations")
struct ServiceStationTests {
  /// The mean wait of `count` Poisson arrivals at a utilisation, in mean service times.
  static func meanWait(
    _ utilisation: Double, seed: UInt32, servers: Int = 1, exponential: Bool
  ) -> Double {
    let random = SeededRandom(seed: seed)
    let service = SimulatedTime.nanoseconds(1000)
    let gap = SimulatedTime(picoseconds: UInt64(1e6 / utilisation / Double(servers)))
    var station = ServiceStation()
    var pool = ServerPool(servers: servers)
    var now = SimulatedTime.zero
    var waited = 0.0
    let count = 200_000
    for _ in 0..<count {
      now += random.exponential(mean: gap)
      let time = exponential ? random.exponential(mean: service) : service
      let start = servers == 1 ? station.serve(at: now, for: time) : pool.serve(at: now, for: time)
      waited += Double((start - now).picoseconds) / 1e6
    }
    return waited / Double(count)
  }

  @Test("constant service waits as M/D/1 does", arguments: [0.2, 0.5, 0.7, 0.8])
  func constantService(utilisation: Double) {
    let expected = utilisation / (2 * (1 - utilisation))
    let found = Self.meanWait(utilisation, seed: 1, exponential: false)
    #expect(abs(found - expected) < 0.05 * expected + 0.005)
  }

  @Test("exponential service waits as M/M/1 does", arguments: [0.2, 0.5, 0.7, 0.8])
  func exponentialService(utilisation: Double) {
    let expected = utilisation / (1 - utilisation)
    let found = Self.meanWait(utilisation, seed: 2, exponential: true)
    #expect(abs(found - expected) < 0.08 * expected + 0.005)
  }

  @Test("two servers wait as M/M/2 does", arguments: [0.3, 0.6, 0.8])
  func twoServers(utilisation: Double) {
    // Erlang's formula for two servers.
    let expected = utilisation * utilisation / (1 - utilisation * utilisation)
    let found = Self.meanWait(utilisation, seed: 3, servers: 2, exponential: true)
    #expect(abs(found - expected) < 0.08 * expected + 0.005)
  }

  @Test("a request never starts before it comes, nor before the one ahead is done")
  func order() {
    var station = ServiceStation()
    let starts = [(5, 10), (6, 10), (90, 1)].map { (arrival: UInt64, service: UInt64) in
      station.serve(at: .nanoseconds(arrival), for: .nanoseconds(service)).nanoseconds
    }
    #expect(starts == [5, 15, 90])
    #expect(station.busy == .nanoseconds(21))
  }
}

@Suite("Tag caches")
struct TagCacheTests {
  @Test("a cache of one set replaces the least recently used tag", arguments: 0..<10)
  func leastRecentlyUsed(seed: UInt64) {
    var random = SplitMix(state: seed)
    var cache = TagCache(entries: 4, ways: 4)
    var model: [UInt64] = []
    for _ in 0..<500 {
      let tag = random.next() % 7
      let hit = cache.access(tag)
      #expect(hit == model.contains(tag))
      model.removeAll { $0 == tag }
      model.insert(tag, at: 0)
      model = Array(model.prefix(4))
      if random.next() % 10 == 0 {
        let victim = random.next() % 7
        cache.invalidate(victim)
        model.removeAll { $0 == victim }
        // An empty way is filled before a tag is replaced, wherever it stands.
        cache = TagCache(entries: 4, ways: 4)
        for tag in model.reversed() { _ = cache.access(tag) }
      }
    }
  }

  @Test("a cache without entries never hits, and one with enough never misses twice")
  func sizes() {
    var none = TagCache(entries: 0, ways: 4)
    var large = TagCache(entries: 4096, ways: 4)
    let tags: [UInt64] = Array(0..<256)
    let first = tags.map { [none.access($0), large.access($0)] }
    let second = tags.map { [none.access($0), large.access($0)] }
    #expect(first.allSatisfy { $0 == [false, false] })
    #expect(second.allSatisfy { $0 == [false, true] })
    large.invalidate(9)
    let forgotten = large.access(9)
    #expect(!forgotten)
  }
}
