import Bits
import Engine
import Guest
import Linux
import Simulation
import Testing

@testable import Designs

/// The DMA API's flush queue in a run: `IOVA_DEFAULT_FQ_TIMEOUT` is 10 ms.
@Suite("Flush timer")
struct FlushTimerTests {
  static let buffer: IOVA = 0x9000_0000

  /// A buffer that is unmapped at once and written to by the device again and again.
  static func workload(until end: UInt64, every step: UInt64) -> Workload {
    var entries: [Workload.Entry] = [
      .init(nanoseconds: 0, .map(buffer, 0x4100_0000, size: 4096, .buffer)),
      .init(nanoseconds: 100_000, .dma(buffer, isWrite: true, count: 1)),
      .init(nanoseconds: 200_000, .unmap(buffer, size: 4096)),
    ]
    for time in stride(from: 300_000, through: end, by: Int(step)) {
      entries.append(.init(nanoseconds: UInt64(time), .dma(buffer, isWrite: true, count: 1)))
    }
    entries.append(.init(nanoseconds: end + step, .message(vector: 0)))
    return Workload(device: Fixtures.device, entries: entries)
  }

  @Test("a device reaches an unmapped buffer for 10 ms in a lazy guest, and not in a strict one")
  func window() throws {
    for policy in UnmapPolicy.allCases {
      var specification = Fixtures.specification(
        Fixtures.forward, Self.workload(until: 14_300_000, every: 1_000_000))
      specification.unmapPolicy = policy
      let result = try specification.run()
      #expect(result.verdict == .delivered, "\(result.why)")
      // At 0.1 ms; unmapped at 0.2 ms; at 0.3, 1.3, ... 10.2 ms is the last moment.
      let open = result.accesses.map { $0.translated != nil }
      let expected: [Bool] =
        [true] + (0...14).map { policy == .lazy && 0.3 + Double($0) < 10.2 }
      #expect(open == expected, "\(policy)")
    }
  }

  @Test("the timer ends a wait, and the guest goes on where it was")
  func order() throws {
    for idle in IdleVirtualCPU.allCases {
      var specification = Fixtures.specification(
        Fixtures.forward, Self.workload(until: 14_300_000, every: 1_000_000))
      specification.idle = idle
      let strict = try specification.run()
      specification.unmapPolicy = .lazy
      let lazy = try specification.run()
      #expect(lazy.verdicts == strict.verdicts)
      let flush = lazy.steps.filter { $0.function == "fq_flush_iotlb" }
      #expect(!flush.isEmpty)
      // The timer starts with the first page that waits.
      let waits = try #require(lazy.steps.first { $0.function == "arm_lpae_unmap" })
      let delay = try #require(flush.first).time - waits.time
      #expect(delay >= .nanoseconds(10_000_000) && delay < .nanoseconds(10_100_000))
      #expect(strict.steps.allSatisfy { $0.function != "fq_flush_iotlb" })
      #expect(lazy.steps.map(\.time) == lazy.steps.map(\.time).sorted())
      #expect(try specification.run().digest == lazy.digest)
    }
  }
}
