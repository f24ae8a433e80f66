import ArmFormats
import Bits
import HostKernel
import Memory
import TestRandom
import Testing

@testable import VMM

@Suite("VirtualSMMU")
struct VirtualSMMUTests {
  static let table = VMMBench.ram + 0x1_0000
  static let leaf = VMMBench.ram + 0x2_0000
  static let queue = VMMBench.ram + 0x3_0000
  static let stage1 = StreamTableEntry(words: [0x4033_8000 | 0xb, 0xd6])

  /// A linear table of 2^13 streams, a queue of 256 commands, all off.
  private func linear() throws -> VMMBench {
    var bench = try VMMBench()
    _ = bench.register(SMMURegister.streamTableBase, Self.table.rawValue, width: 8)
    _ = bench.register(SMMURegister.streamTableConfig, 13)
    _ = bench.register(SMMURegister.commandQueueBase, Self.queue.rawValue | 8, width: 8)
    return bench
  }

  private func twoLevel(span: UInt64, config: UInt64 = 1 << 16 | 8 << 6 | 16) throws -> VMMBench {
    var bench = try linear()
    _ = bench.register(SMMURegister.streamTableConfig, config)
    bench.memory.store64(Self.table + 0x11 * 8, Self.leaf.rawValue | span)
    bench.memory.store(Self.stage1, at: Self.leaf)
    return bench
  }

  private func queue(_ commands: [SMMUCommand], in bench: inout VMMBench, from first: UInt64 = 0)
    -> [HostCall]
  {
    for (index, command) in commands.enumerated() {
      let slot = (first + UInt64(index)) & 0xff
      bench.memory.store(command, at: Self.queue + slot * 16)
    }
    let producer = (first + UInt64(commands.count)) & 0x1ff
    return bench.register(SMMURegister.commandQueueProducer, producer)
  }

  private func invalidate(_ stream: UInt32) -> SMMUCommand {
    var command = SMMUCommand(.invalidateStream)
    command[.stream] = stream
    return command
  }

  // MARK: Stream table

  @Test("turning translation on installs the entry of a linear table")
  func linearTable() throws {
    var bench = try linear()
    bench.memory.store(Self.stage1, at: Self.table + 0x1100 * 64)
    #expect(bench.register(SMMURegister.cr0, 1).names == ["attach stage 1"])
    #expect(bench.register(SMMURegister.cr0, 1).isEmpty)
  }

  @Test("turning translation on installs the entry of a two-level table")
  func twoLevelTable() throws {
    var bench = try twoLevel(span: 9)
    #expect(bench.register(SMMURegister.cr0, 1).names == ["attach stage 1"])
  }

  @Test("64-bit registers may be written in halves")
  func halves() throws {
    var bench = try twoLevel(span: 9)
    _ = bench.register(SMMURegister.streamTableBase, 0xdead_beef_0000, width: 8)
    _ = bench.register(SMMURegister.streamTableBase, Self.table.rawValue)
    _ = bench.register(SMMURegister.streamTableBase + 4, 0x4000_0000)
    #expect(bench.register(SMMURegister.cr0, 1).names == ["attach stage 1"])
  }

  @Test(
    "a table that does not hold the stream is an invalid entry",
    arguments: [
      // Span: none, reserved, too small for the index.
      (0, 1 << 16 | 8 << 6 | 16), (12, 1 << 16 | 8 << 6 | 16), (31, 1 << 16 | 8 << 6 | 16),
      // The StreamID lies beyond LOG2SIZE, or beyond a huge table's RAM.
      (9, 1 << 16 | 8 << 6 | 12), (9, 63), (9, 1 << 16 | 63),
    ] as [(UInt64, UInt64)])
  func unreadable(span: UInt64, config: UInt64) throws {
    var bench = try twoLevel(span: span, config: config)
    if config >> 16 == 0 {
      _ = bench.register(SMMURegister.streamTableBase, 0xffff_ffff_ffff_ffc0, width: 8)
    }
    #expect(bench.register(SMMURegister.cr0, 1).names == ["attach invalid"])
  }

  @Test("a Span that ends before the stream's index is an invalid entry")
  func shortSpan() throws {
    var bench = try VMMBench()
    // StreamID 0x1100 has index 0x100 with a split of 10.
    _ = bench.register(SMMURegister.streamTableBase, Self.table.rawValue, width: 8)
    _ = bench.register(SMMURegister.streamTableConfig, 1 << 16 | 10 << 6 | 16)
    bench.memory.store64(Self.table + 4 * 8, Self.leaf.rawValue | 9)
    bench.memory.store(Self.stage1, at: Self.leaf + 0x100 * 64)
    #expect(bench.register(SMMURegister.cr0, 1).names == ["attach invalid"])
    _ = bench.register(SMMURegister.cr0, 0)
    bench.memory.store64(Self.table + 4 * 8, Self.leaf.rawValue | 10)
    #expect(bench.register(SMMURegister.cr0, 1).names == ["attach stage 1"])
  }

  @Test("turning translation off leaves stage 2 alone, or aborts, as GBPA says")
  func off() throws {
    var bench = try twoLevel(span: 9)
    _ = bench.register(SMMURegister.cr0, 1)
    #expect(bench.register(SMMURegister.cr0, 0).names == ["attach bypass"])
    #expect(bench.register(SMMURegister.globalBypass, 1 << 20).isEmpty)
    #expect(bench.register(SMMURegister.globalBypass, 1 << 31 | 1 << 20).names == ["attach abort"])
    #expect(bench.register(SMMURegister.globalBypass, 1 << 31).names == ["attach bypass"])
  }

  // MARK: Commands

  @Test("CFGI_STE of the stream, and CFGI_ALL, install a changed entry once")
  func configuration() throws {
    var bench = try twoLevel(span: 9)
    _ = bench.register(SMMURegister.cr0, 9)
    var bypass = Self.stage1
    bypass[.config] = .bypass
    bench.memory.store(bypass, at: Self.leaf)
    #expect(queue([invalidate(0x10)], in: &bench).isEmpty)
    #expect(queue([invalidate(0x1100)], in: &bench, from: 1).names == ["attach bypass"])
    #expect(queue([invalidate(0x1100)], in: &bench, from: 2).isEmpty)
    bench.memory.store(Self.stage1, at: Self.leaf)
    var all = SMMUCommand(.invalidateStreamRange)
    all[.streamRange] = 31
    #expect(queue([all], in: &bench, from: 3).names == ["attach stage 1"])
  }

  @Test("invalidations are forwarded; SYNC and prefetches end at the VMM")
  func forwarding() throws {
    var bench = try twoLevel(span: 9)
    _ = bench.register(SMMURegister.cr0, 9)
    let opcodes: [SMMUOpcode] = [
      .tlbiNHAll, .sync, .tlbiNHVA, .prefetchAddress, .prefetchConfiguration,
      .invalidateContext, .invalidateDevice, .tlbiNSNHAll,
    ]
    #expect(
      queue(opcodes.map { SMMUCommand($0) }, in: &bench).names
        == ["0x10", "0x12", "0x5", "0x40", "0x30"].map { "invalidate \($0)" })
  }

  @Test("nothing is consumed before the queue is on, and then all of it")
  func queueOff() throws {
    var bench = try linear()
    #expect(queue([SMMUCommand(.tlbiNHAll)], in: &bench).isEmpty)
    #expect(bench.register(SMMURegister.cr0, 8).names == ["invalidate 0x10"])
    #expect(bench.register(SMMURegister.cr0, 8).isEmpty)
  }

  @Test("the queue wraps, entry by entry")
  func wrap() throws {
    var bench = try linear()
    _ = bench.register(SMMURegister.cr0, 8)
    for index in 0..<UInt64(600) {
      let calls = queue([SMMUCommand(.tlbiNHAll)], in: &bench, from: index)
      #expect(calls.names == ["invalidate 0x10"])
    }
  }

  @Test("a producer index from nowhere costs one round of the queue at most")
  func wildProducer() throws {
    var bench = try linear()
    _ = bench.register(SMMURegister.cr0, 8)
    #expect(bench.register(SMMURegister.commandQueueProducer, ~0).count <= 256)
    _ = bench.register(SMMURegister.commandQueueBase, 0xffff_ffff_ffff_ffff, width: 8)
    #expect(bench.register(SMMURegister.commandQueueProducer, 0x1234_5678).isEmpty)
  }

  @Test("no register value and no content of memory crashes or hangs it", arguments: 1...4)
  func garbage(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed))
    var bench = try VMMBench()
    for offset in stride(from: 0, to: 0x4_0000, by: 8) as StrideTo<UInt64> {
      bench.memory.store64(VMMBench.ram + offset, random.next())
    }
    let offsets: [UInt64] = [0x20, 0x44, 0x80, 0x84, 0x88, 0x90, 0x94, 0x98, 0x9c, 0xa0]
    for _ in 0..<600 {
      let offset = offsets[Int(random.below(UInt64(offsets.count)))]
      var value = random.next()
      // Half of the addresses are RAM, and queues are short enough for the test.
      if offset & 0x84 == 0x80, random.below(2) == 0 { value = 0x4000_0000 | value & 0x3_ffff }
      if offset == 0x90 { value &= ~0x18 }
      let width = random.below(2) == 0 ? 4 : 8
      #expect(bench.register(offset, value, width: width).count <= 258)
    }
  }
}

extension VirtualSMMUTests {
  @Test(
    "a bad command stops the queue at itself until GERRORN acknowledges it",
    arguments: [0x00, 0x07, 0x20, 0x28, 0x2a, 0xff] as [UInt8])
  func badCommand(opcode: UInt8) throws {
    var bench = try VMMBench()
    _ = bench.register(SMMURegister.commandQueueBase, Self.queue.rawValue | 8, width: 8)
    _ = bench.register(SMMURegister.cr0, 0x8)
    let commands = [
      SMMUCommand(.tlbiNHAll), SMMUCommand(SMMUOpcode(rawValue: opcode)),
      SMMUCommand(.tlbiNSNHAll),
    ]
    for (slot, command) in commands.enumerated() {
      bench.memory.store(command, at: Self.queue + UInt64(slot) * 16)
    }
    #expect(
      bench.register(SMMURegister.commandQueueProducer, 3).names == ["invalidate 0x10"])
    // Nothing moves before the acknowledgement, and then it stops at the same place.
    #expect(bench.register(SMMURegister.commandQueueProducer, 3).names == [])
    #expect(bench.register(SMMURegister.globalErrorAcknowledge, 1).names == [])
    // Repaired and acknowledged, the queue goes on by itself.
    bench.memory.store(SMMUCommand(.sync), at: Self.queue + 16)
    #expect(
      bench.register(SMMURegister.globalErrorAcknowledge, 0).names == ["invalidate 0x30"])
  }
}
