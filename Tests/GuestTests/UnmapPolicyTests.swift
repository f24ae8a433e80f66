import ArmFormats
import Bits
import Linux
import Software
import Testing

@testable import Guest

/// drivers/iommu/dma-iommu.c: `queue_iova`, `fq_full`, `fq_flush_timeout`.
@Suite("UnmapPolicy")
struct UnmapPolicyTests {
  static let input: IOVA = 0x9000_0000

  private func bench(_ policy: UnmapPolicy) throws -> GuestBench {
    var bench = try GuestBench()
    bench.kernel.unmapPolicy = policy
    try bench.perform(.boot, .attachDMADomain)
    return bench
  }

  /// Maps and unmaps a page; the commands that the unmapping queues.
  private func use(_ page: IOVA, _ bench: inout GuestBench) throws -> [SMMUOpcode] {
    try bench.perform(.activity(.map(page, 0x4100_0000, size: 4096, .buffer)))
    return opcodes(try bench.perform(.activity(.unmap(page, size: 4096))))
  }

  /// The commands that a flow queues, by opcode, without CMD_SYNC.
  private func opcodes(_ steps: [Step<Never>]) -> [SMMUOpcode] {
    steps.flatMap { step -> [SMMUOpcode] in
      guard case .smmuCommands(let commands) = step.payload else { return [] }
      return commands.map { $0[.opcode] }.filter { $0 != .sync }
    }
  }

  @Test("a strict guest invalidates each range, and starts no timer")
  func strict() throws {
    var bench = try bench(.strict)
    for _ in 1...300 { #expect(try use(Self.input, &bench) == [.tlbiNHVA]) }
    #expect(bench.kernel.takeStartedTimers().isEmpty)
  }

  @Test("a lazy guest invalidates everything when 255 ranges wait and another comes")
  func full() throws {
    var bench = try bench(.lazy)
    var flushes: [Int] = []
    for number in 1...800 {
      let commands = try use(Self.input, &bench)
      if commands.isEmpty { continue }
      #expect(commands == [.tlbiNHASID])
      flushes.append(number)
    }
    // The range that finds the ring full is the first of the next: 1 + 255, then 255 more each.
    #expect(flushes == [256, 511, 766])
  }

  @Test("the timer starts with the first range that waits, and again after it has run down")
  func timer() throws {
    var bench = try bench(.lazy)
    #expect(bench.kernel.takeStartedTimers().isEmpty)
    _ = try use(Self.input, &bench)
    #expect(bench.kernel.takeStartedTimers() == [0])
    // A queue that was full in between does not start it anew.
    for _ in 1...300 { _ = try use(Self.input, &bench) }
    #expect(bench.kernel.takeStartedTimers().isEmpty)
    #expect(opcodes(bench.kernel.flushTimeout(of: 0)) == [.tlbiNHASID])
    _ = try use(Self.input, &bench)
    #expect(bench.kernel.takeStartedTimers() == [0])
  }

  /// The page that the doorbell gets, after the page below 4 GiB was used and unmapped.
  private func doorbell(
    _ policy: UnmapPolicy, _ change: (inout GuestBench) throws -> Void
  ) throws -> UInt64? {
    var bench = try bench(policy)
    _ = try use(0xffff_f000, &bench)
    try change(&bench)
    return tableWrites(try bench.perform(.enableVectors(1))).first?.last
  }

  @Test("addresses are given out again after the invalidation, not before")
  func reuse() throws {
    #expect(try doorbell(.strict) { _ in } == 0xffff_f040)
    #expect(try doorbell(.lazy) { _ in } == 0xffff_e040)
    #expect(try doorbell(.lazy) { _ = $0.kernel.flushTimeout(of: 0) } == 0xffff_f040)
    #expect(
      try doorbell(.lazy) { bench in
        for _ in 1...254 { _ = try use(Self.input, &bench) }
      } == 0xffff_e040)
    #expect(
      try doorbell(.lazy) { bench in
        for _ in 1...255 { _ = try use(Self.input, &bench) }
      } == 0xffff_f040)
  }

  @Test("a user's domain has no flush queue")
  func userDomain() throws {
    for interface in [.type1, .iommufd] as [DeviceInterface] {
      var bench = try GuestBench(remapPermitted: nil)
      bench.kernel.unmapPolicy = .lazy
      try bench.perform(.boot, .attachDMADomain, .claim(interface), .attachUserDomain)
      #expect(try use(Self.input, &bench) == [.tlbiNHVA])
    }
  }
}
