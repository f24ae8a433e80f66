import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

/// The device directory cases of the RISC-V IOMMU reference tests, as a stream table has them.
@Suite("RISC-V rows: streams")
struct StreamRowTests {
  private static func bypass() -> StreamTableEntry {
    var entry = StreamTableEntry()
    entry[.valid] = true
    entry[.config] = .bypass
    return entry
  }

  @Test("RV-01: with SMMUEN clear GBPA passes every access or, with ABORT, terminates it")
  func disabled() throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    for aborts in [false, true, false] {
      machine.write(SMMURegister.globalBypass, 1 << 31 | (aborts ? 1 << 20 : 0))
      for stream in [0, 1, 0xffff_ffff] as [UInt32] {
        for write in [false, true] {
          let result = machine.access(0x1234_5678, write: write, stream: stream)
          #expect(result == (aborts ? .aborted : .bypassed(0x1234_5678)))
        }
      }
    }
    #expect(machine.events().isEmpty)
  }

  @Test("RV-02: the first StreamID beyond every LOG2SIZE is C_BAD_STREAMID, the last within is not")
  func wideStream() throws {
    for size in 0...14 as ClosedRange<UInt64> {
      let machine = try Machine()
      machine.write(SMMURegister.cr0, 0)
      machine.write(SMMURegister.streamTableConfig, size)
      machine.write(SMMURegister.cr0, 0xf)
      let beyond = UInt32(1) << UInt32(size)
      machine.set(Self.bypass(), stream: beyond - 1)
      machine.set(Self.bypass(), stream: beyond)
      #expect(machine.output(0x5000, stream: beyond - 1) == 0x5000)
      for stream in [beyond, .max] {
        #expect(machine.output(0x5000, stream: stream) == nil)
        #expect(machine.events().map(\.words) == [[UInt64(stream) << 32 | 2, 0, 0, 0]])
      }
    }
  }

  @Test("RV-03: an L1 descriptor with Span 0 is C_BAD_STREAMID; a fetch that aborts F_STE_FETCH")
  func firstLevel() throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.streamTableConfig, 1 << 16 | 8 << 6 | 16)
    machine.write(SMMURegister.cr0, 0xf)
    let sid: UInt32 = 0x312
    let place = PA(Machine.streamTable + 3 * 8)
    // The words of the table beside Span are as good as they can be.
    let second = machine.table(14)
    machine.memory.store64(place, second)
    _ = machine.access(0x5000, stream: sid)
    #expect(machine.events().map(\.words) == [[UInt64(sid) << 32 | 2, 0, 0, 0]])
    machine.memory.store64(place, Machine.hole | 9)
    _ = machine.access(0x5000, stream: sid)
    #expect(
      machine.events().map(\.words)
        == [[UInt64(sid) << 32 | 3, 0, 0, Machine.hole + 0x12 * 64]])
    machine.memory.store(Self.bypass(), at: PA(second + 0x12 * 64))
    machine.memory.store64(place, second | 9)
    #expect(machine.output(0x5000, stream: sid) == 0x5000)
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.streamTableBase, Machine.hole, 8)
    machine.write(SMMURegister.cr0, 0xf)
    _ = machine.access(0x5000, stream: sid)
    #expect(machine.events().map(\.words) == [[UInt64(sid) << 32 | 3, 0, 0, Machine.hole + 24]])
  }

  /// What one flipped bit of a legal STE does, for those bits that do something.
  struct Flips: Sendable {
    var config: StreamConfig
    /// C_BAD_STE: V, and the fields that SteIllegal() names (5.2.2). As bit numbers of the STE.
    var illegal: Set<Int>
    /// Legal, but another translation: a different stage, table or CD.
    var redirects: Set<Int>
    /// Config 0b0xx: abort without an event.
    var silent: Set<Int>
  }

  static let flips: [Flips] = [
    // Config 4 to 6 leaves a stage 2 without S2AA64. To 5: a CD at address 0.
    Flips(config: .bypass, illegal: [0, 2], redirects: [1], silent: [3]),
    // S1ContextPtr beyond the OAS, EATS split without nesting, STRW 1. S1CDMax asks for a
    // SubstreamID; STRW 2 is EL2.
    Flips(
      config: .stage1, illegal: Set(48...55).union([0, 2, 64 + 29, 64 + 30]),
      redirects: Set(6...47).union(59...63).union([1, 64 + 31]), silent: [3]),
    // S2T0SZ too wide or too narrow for S2SL0, S2SL0, 64 KiB granule at that level, S2AA64,
    // S2TTB beyond S2PS. 16 KiB tables of these sizes, another byte order and another S2TTB are
    // legal.
    Flips(
      config: .stage2,
      illegal: Set([32, 33, 34, 36, 37, 38, 39, 46, 51].map { 128 + $0 })
        .union((48...51).map { 192 + $0 }).union([0, 64 + 28 + 1]),
      redirects: Set((4...47).map { 192 + $0 }).union([1, 2, 128 + 47, 128 + 52]), silent: [3]),
    Flips(
      config: .nested,
      illegal: Set([32, 33, 34, 36, 37, 38, 39, 46, 51].map { 128 + $0 })
        .union((48...51).map { 192 + $0 }).union([0]),
      redirects: Set((4...47).map { 192 + $0 }).union(6...55).union(59...63)
        .union([1, 2, 128 + 47, 128 + 52]), silent: [3]),
  ]

  @Test("RV-04: each bit of an STE alone: C_BAD_STE where 5.2.2 says so, reserved bits are RES0")
  func eachBit() throws {
    for row in Self.flips {
      let machine = try Machine()
      var stream = Stream(machine, row.config)
      stream.low.map(0x5000, to: row.config == .nested ? 0x7_0000_5000 : 0x4200_0000, stage1Leaf)
      stream.stage2.map(row.config == .nested ? 0x7_0000_5000 : 0x5000, to: 0x4200_0000, stage2Leaf)
      let legal = stream.entry
      let answer: UInt64 = row.config == .bypass ? 0x5123 : 0x4200_0123
      #expect(machine.output(0x5123) == answer)
      for bit in 0..<512 {
        stream.entry = legal
        stream.entry[word: bit / 64] ^= 1 << UInt64(bit % 64)
        stream.install()
        let output = machine.output(0x5123)
        let kinds = machine.events().map { $0[.kind] }
        let place = "Config \(row.config), word \(bit / 64) bit \(bit % 64)"
        if row.illegal.contains(bit) {
          #expect(kinds == [.badStreamEntry], "\(place)")
        } else if row.silent.contains(bit) {
          #expect(output == nil && kinds.isEmpty, "\(place)")
        } else if row.redirects.contains(bit) {
          #expect(!kinds.contains(.badStreamEntry), "\(place)")
        } else {
          #expect(output == answer && kinds.isEmpty, "\(place): \(kinds)")
        }
      }
    }
  }
}
