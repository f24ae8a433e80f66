import Simulation
import Testing

@testable import Published

@Suite("A command queue under contention")
struct ContendedQueueTests {
  static func queue(
    _ cpus: Int, _ allocation: ContendedQueue.Allocation, transfer: Double = 20_000
  ) -> ContendedQueue {
    var queue = ContendedQueue()
    queue.cpus = cpus
    queue.allocation = allocation
    queue.work = .nanoseconds(2000)
    queue.service = .nanoseconds(250)
    queue.transfer = transfer
    return queue
  }

  @Test(
    "every operation that was begun has ended or is under way",
    arguments: ContendedQueue.Allocation.allCases, [1, 2, 13, 64])
  func conservation(allocation: ContendedQueue.Allocation, cpus: Int) {
    let result = Self.queue(cpus, allocation).run(operations: 500, seed: 3)
    #expect(result.ended == 500)
    #expect(result.begun == result.ended + result.waiting)
    #expect(result.waiting <= cpus)
  }

  @Test("a lone CPU never retries and takes the sum of its parts")
  func alone() {
    let result = Self.queue(1, .compareAndSwap).run(operations: 4000, seed: 1)
    #expect(result.attempts == 1)
    // Work, six lines, the SMMU: the work's mean is known to some per cent.
    #expect(abs(1e9 / result.rate / (2000 + 6 * 20 + 250) - 1) < 0.05)
  }

  @Test(
    "with k CPUs at one line a success takes sqrt(pi k / 2) attempts (the birthday problem)",
    arguments: [16, 64, 256])
  func birthday(cpus: Int) {
    var queue = Self.queue(cpus, .compareAndSwap)
    queue.work = .zero
    queue.service = .zero
    let attempts = queue.run(operations: 60 * cpus, seed: 5).attempts
    let expected = (Double.pi * Double(cpus) / 2).squareRoot()
    // The first attempt after a read is one more; a few CPUs are always elsewhere.
    #expect((0.8...1.25).contains(attempts / expected), "\(attempts), not \(expected)")
  }

  @Test("a longer way for the lines never helps", arguments: ContendedQueue.Allocation.allCases)
  func monotonic(allocation: ContendedQueue.Allocation) {
    let rates = [5_000.0, 20_000, 80_000].map {
      Self.queue(32, allocation, transfer: $0).run(operations: 3000, seed: 2).rate
    }
    #expect(rates == rates.sorted(by: >))
  }

  @Test("an atomic addition beats compare-and-swap from 16 CPUs on", arguments: [16, 32, 64, 96])
  func addition(cpus: Int) {
    let rates = ContendedQueue.Allocation.allCases.map {
      Self.queue(cpus, $0).run(operations: 40 * cpus, seed: 1).rate
    }
    #expect(rates[1] > rates[0])
  }
}
