import Fuzz
import Testing

@Suite("FuzzMachine")
struct FuzzMachineTests {
  /// Random bytes, the same on every run.
  private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }

  @Test(
    "random memory, registers, commands, accesses and messages end, and every walk is bounded",
    arguments: 0..<4 as Range<UInt64>)
  func randomRuns(part: UInt64) throws {
    var sum = FuzzSummary()
    for seed in 0..<60 as Range<UInt64> {
      let summary = try #require(FuzzMachine.run(bytes(6000, seed: seed &+ part &* 1000)))
      sum.operations += summary.operations
      sum.longestWalk = max(sum.longestWalk, summary.longestWalk)
      sum.translated += summary.translated
      sum.faulted += summary.faulted
      sum.messagesDelivered += summary.messagesDelivered
    }
    // Two levels of stream table and of CDs, four levels of stage 1, each through four of stage 2,
    // four for the output, and a record for each cache in front.
    #expect(sum.longestWalk <= 64)
    #expect(sum.longestWalk >= 15)
    #expect(sum.operations > 30_000)
    #expect(sum.faulted > 1000)
    #expect(sum.translated > 500)
  }

  @Test("a run depends on its bytes alone")
  func deterministic() {
    let input = bytes(4000, seed: 5)
    #expect(FuzzMachine.run(input) == FuzzMachine.run(input))
  }

  @Test("any length of input will do", arguments: [0, 1, 2, 7, 100])
  func lengths(count: Int) {
    #expect(FuzzMachine.run(bytes(count, seed: 1)) != nil)
  }
}
