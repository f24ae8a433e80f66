import Simulation
import Testing

@testable import Published

@Suite("Invalidations of a guest")
struct InvalidationBenchTests {
  static func bench(_ cores: Int, _ variant: InvalidationBench.Variant = .trapped)
    -> InvalidationBench
  {
    var bench = InvalidationBench()
    bench.cores = cores
    bench.variant = variant
    bench.work = .nanoseconds(34_000)
    bench.submission = .nanoseconds(7000)
    bench.command = .nanoseconds(500)
    bench.completion = .nanoseconds(3000)
    bench.spin = .nanoseconds(30_000)
    bench.wakeUp = .nanoseconds(60_000)
    return bench
  }

  static let deferred = InvalidationBench.Variant.deferred(
    entries: 256, age: .nanoseconds(10_000_000))

  @Test("without the trap nobody sleeps on the lock: more cores never receive less")
  func withoutTrap() {
    for variant in [InvalidationBench.Variant.withoutTail, .withoutDescriptor] {
      var last = 0.0
      for cores in [1, 4, 8, 16, 20] {
        var bench = Self.bench(cores, variant)
        bench.submission = .nanoseconds(variant == .withoutTail ? 200 : 0)
        bench.completion = .zero
        let result = bench.run(buffers: 3000)
        #expect(result.exits == 0)
        #expect(result.sync < 5)
        #expect(result.throughput >= 0.99 * last)
        #expect(result.throughput > Self.bench(cores).run(buffers: 3000).throughput)
        last = result.throughput
      }
    }
  }

  @Test(
    "every unmap that was begun has ended or is under way",
    arguments: [
      InvalidationBench.Variant.trapped, .batched(4), .owned, deferred, .withoutTail,
      .withoutDescriptor,
    ], [1, 7, 20])
  func conservation(variant: InvalidationBench.Variant, cores: Int) {
    let result = Self.bench(cores, variant).run(buffers: 3000)
    #expect(result.ended + result.pending == result.begun)
    #expect(result.pending <= cores * 256)
    #expect(result.throughput <= 400.5)
  }

  @Test("one core takes the sum of its parts")
  func alone() {
    let result = Self.bench(1).run(buffers: 1000)
    #expect(abs(result.throughput - 64 * 4096 * 8 / 44_000) < 0.1)
    #expect(result.submit == 7)
    #expect(result.sync == 10)
    #expect(abs(result.exits * 44e-6 - 1) < 0.01)
  }

  @Test("waking waiters that sleep never helps")
  func monotonic() {
    let rates = ([0, 20_000, 60_000, 200_000] as [UInt64]).map { time in
      var bench = Self.bench(16)
      bench.wakeUp = .nanoseconds(time)
      return bench.run(buffers: 3000).throughput
    }
    #expect(rates == rates.sorted(by: >))
    #expect(rates[0] > 9 * rates[2])
  }

  @Test("a translation outlives a deferred flush's age by the flush at most")
  func staleness() {
    let result = Self.bench(8, Self.deferred).run(buffers: 20_000)
    #expect(result.staleMost >= 5000)
    #expect(result.staleMost < 10_000 + 44 + 8 * 70)
    #expect(result.staleMean < result.staleMost)
    #expect(Self.bench(8).run(buffers: 2000).staleMost < 100)
  }

  @Test("the guest's own queue makes no exit, and batches make fewer")
  func exits() {
    #expect(Self.bench(16, .owned).run(buffers: 2000).exits == 0)
    let trapped = Self.bench(16).run(buffers: 2000)
    let batched = Self.bench(16, .batched(8)).run(buffers: 2000)
    #expect(batched.exits / batched.throughput < trapped.exits / trapped.throughput)
  }
}
