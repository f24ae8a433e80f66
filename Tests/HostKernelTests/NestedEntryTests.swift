import ArmFormats
import Bits
import HostFixtures
import Linux
import Software
import TestRandom
import Testing

@testable import HostKernel

@Suite("HostKernel: the guest's STE")
struct NestedEntryTests {
  static let stage1 = StreamTableEntry(words: [0x1234_5000 | 0xb, 0xd6])

  /// The physical STE as it stands in memory.
  private func entry(_ bench: HostBench) throws -> StreamTableEntry {
    let place = try #require(bench.kernel.streamEntryAddress(of: .first))
    return StreamTableEntry(words: (0..<8).map { bench.memory[place + $0 * 8] ?? 0 })
  }

  @Test("V=0 is accepted whatever else is set, and the stream aborts", arguments: [1, 2, 3])
  func invalid(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var bench = try HostBench.started()
    let guest = StreamTableEntry(words: (0..<8).map { _ in random.next() & ~1 })
    #expect(bench.refusal(.attach(guestEntry: guest)) == nil)
    #expect(try entry(bench) == .abort)
  }

  @Test("bypass is stage 2 alone")
  func bypass() throws {
    var bench = try HostBench.started()
    try bench.handle(.attach(guestEntry: .bypass))
    let installed = try entry(bench)
    #expect(installed[.config] == .stage2)
    #expect(installed[.vmid] == 1)
    #expect(installed[.stage2Table] != 0)
    #expect(installed.contextAddress == 0)
  }

  @Test("stage 1 becomes nested: the guest's CD pointer, the host's stage 2, merged events")
  func stage1() throws {
    var bench = try HostBench.started()
    try bench.handle(.attach(guestEntry: .bypass))
    let parent = try entry(bench)
    try bench.handle(.attach(guestEntry: Self.stage1))
    let installed = try entry(bench)
    #expect(installed[.config] == .nested)
    #expect(installed.contextAddress == 0x1234_5000)
    #expect(installed[word: 1] == 0xd6 | BitField<StreamTableEntry, Bool>.mergeEvents.mask)
    #expect((2..<8).allSatisfy { installed[word: $0] == parent[word: $0] })
  }

  @Test("Config 0 aborts without an error")
  func abort() throws {
    var bench = try HostBench.started()
    try bench.handle(.attach(guestEntry: Self.stage1))
    try bench.handle(.attach(guestEntry: .abort))
    #expect(try entry(bench) == .abort)
  }

  @Test("every bit that is not the guest's is EIO, and the old entry stays")
  func forbiddenBits() throws {
    var bench = try HostBench.started()
    try bench.handle(.attach(guestEntry: Self.stage1))
    let before = try entry(bench)
    for word in 0..<2 {
      for bit in 0..<UInt64(64) {
        var guest = Self.stage1
        guest[word: word] ^= 1 << bit
        let errno = bench.refusal(.attach(guestEntry: guest))?.errno
        let isAllowed = Self.isGuests(word, bit)
        #expect((errno == nil) == isAllowed, "word \(word), bit \(bit)")
        #expect(isAllowed || errno == "EIO", "word \(word), bit \(bit)")
        if !isAllowed { #expect(try entry(bench) == before) }
        try bench.handle(.attach(guestEntry: Self.stage1))
      }
    }
  }

  /// Word 0: V, S1Fmt, S1ContextPtr, S1CDMax; flipping a bit of Config gives 1, 4 or 7.
  /// Word 1: S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, and the low bit of EATS.
  private static func isGuests(_ word: Int, _ bit: UInt64) -> Bool {
    word == 0
      ? [0, 1].contains(bit) || (4...55).contains(bit) || (59...63).contains(bit)
      : bit <= 7 || bit == 27 || bit == 28
  }

  @Test("Config 6 and 7 and split-stage ATS are EIO", arguments: [6, 7])
  func configs(config: UInt8) throws {
    var bench = try HostBench.started()
    var guest = Self.stage1
    guest[.config] = StreamConfig(rawValue: config)
    #expect(bench.refusal(.attach(guestEntry: guest))?.errno == "EIO")
    guest = Self.stage1
    guest[.ats] = .split
    #expect(bench.refusal(.attach(guestEntry: guest))?.errno == "EIO")
  }

  @Test("no word of the guest's beyond the second reaches the physical entry")
  func upperWords() throws {
    var bench = try HostBench.started()
    try bench.handle(.attach(guestEntry: Self.stage1))
    let clean = try entry(bench)
    var guest = Self.stage1
    for word in 2..<8 { guest[word: word] = ~0 }
    #expect(bench.refusal(.attach(guestEntry: guest)) == nil)
    #expect(try entry(bench) == clean)
  }

  @Test(
    "without a vDEVICE a translating entry is ENOENT; others attach since 6.19",
    arguments: [
      (Kernel(6, 18), false, false), (Kernel(6, 19), true, false),
      (Kernel(7, 3), true, false),
    ] as [(Kernel, Bool, Bool)])
  func withoutDevice(kernel: Kernel, bypasses: Bool, translates: Bool) throws {
    var bench = try HostBench(kernel: kernel)
    try bench.handle(.createStageTwo([]))
    #expect((bench.refusal(.attach(guestEntry: .bypass)) == nil) == bypasses)
    #expect((bench.refusal(.attach(guestEntry: .abort)) == nil) == bypasses)
    let errno = bench.refusal(.attach(guestEntry: Self.stage1))?.errno
    #expect((errno == nil) == translates)
    #expect(errno == "ENOENT")
  }

  @Test("nothing attaches without a nest parent")
  func withoutParent() throws {
    var bench = try HostBench()
    #expect(bench.refusal(.attach(guestEntry: .bypass))?.errno == "ENOENT")
    #expect(bench.refusal(.mapGuestDoorbell(0x809_0000))?.errno == "ENOENT")
  }
}
