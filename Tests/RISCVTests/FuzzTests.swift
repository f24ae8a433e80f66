import ArmFormats
import Bits
import Memory
import RISCVFormats
import TestRandom
import Testing

@testable import RISCV

/// An IOMMU in front of random memory, driven by random registers, stores, commands, requests and
/// messages in any order. A run must end without a trap, whatever comes.
@Suite("Random operations")
struct FuzzTests {
  private struct Run {
    static let size: UInt64 = 0x8_0000
    var random: SplitMix
    let memory: PhysicalMemory
    var counts: [String: Int] = [:]

    init(seed: UInt64) throws {
      random = SplitMix(state: seed)
      memory = try PhysicalMemory(regions: [.init(base: 0, size: Self.size)])
    }

    mutating func count(_ what: String) { counts[what, default: 0] += 1 }

    /// Mostly a word that could be an entry of one of the tables.
    mutating func word() -> UInt64 {
      let page = random.oneIn(20) ? random.next() & lowBits(44) : random.below(128)
      switch random.below(8) {
      case 0: return random.next()
      case 1: return 0
      case 2: return page << 10 | 1
      case 3: return page << 10 | 0xdf
      case 4: return page << 10 | random.below(256)
      case 5: return page | random.pick([0, 1, 2, 3, 8, 8, 9, 10]) << 60 | random.below(4) << 44
      case 6: return random.next() & 0x7ff | 1
      default: return page << 10 | random.pick([3, 7])
      }
    }

    mutating func profile() -> RISCVIOMMUProfile {
      var profile = RISCVIOMMUProfile.full
      if random.oneIn(8) { profile = RISCVIOMMUProfile(capabilities: random.next()) }
      if random.oneIn(4) { profile.capabilities[.messageTables] = false }
      profile.interruptFiles = AddressRange(from: 0x4_0000_0000, length: 0x10000)
      return profile
    }

    mutating func request() -> DeviceRequest {
      let address = random.oneIn(3) ? random.next() : random.below(1 << 40)
      var request = DeviceRequest(
        device: UInt32(truncatingIfNeeded: random.oneIn(10) ? random.next() : random.below(64)),
        address: IOVA(address), access: random.pick([.read, .write, .execute]))
      request.kind = random.pick([.untranslated, .untranslated, .translated, .translation])
      request.hasProcess = random.oneIn(3)
      request.process = UInt32(
        truncatingIfNeeded: random.oneIn(9) ? random.next() : random.below(9))
      request.isPrivileged = random.oneIn(2)
      request.isReadOnly = random.oneIn(2)
      request.isCXL = random.oneIn(2)
      return request
    }

    /// Mostly a legal one.
    mutating func context() -> DeviceContext {
      var context = DeviceContext.bare
      context[.enablesATS] = random.oneIn(2)
      context[.updatesFirstStage] = random.oneIn(2)
      context[.updatesSecondStage] = random.oneIn(2)
      context[.hasProcessDirectory] = random.oneIn(3)
      let modes: [UInt64] = context[.hasProcessDirectory] ? [0, 1, 2, 3] : [0, 8, 9, 10]
      context[word: 3] = random.below(128) | random.pick(modes) << 60
      if random.oneIn(2) {
        context[word: 1] =
          random.below(32) * 4 | random.pick([8, 9, 10]) << 60 | random.below(3) << 44
        context[.returnsGuestAddress] = context[.enablesATS] && random.oneIn(2)
        if random.oneIn(2) {
          context = context.with(
            messageTable: random.below(128) << 12, mask: random.below(32),
            pattern: random.below(1 << 28))
        }
      }
      if random.oneIn(10) { context[word: Int(random.below(8))] ^= 1 << random.below(64) }
      return context
    }

    mutating func step(_ iommu: inout RISCVIOMMU) {
      switch random.below(12) {
      case 0...3:
        let request = request()
        switch iommu.translate(request, in: memory) {
        case .translated: count("translated")
        case .memoryResident(let target):
          let result = iommu.record(
            UInt32(truncatingIfNeeded: random.oneIn(2) ? random.next() : random.below(2048)),
            at: target, of: request, memory: memory)
          if case .recorded = result { count("recorded") }
        case .completed: count("completed")
        case .refused: count("refused")
        }
      case 4:
        let context = context()
        let anywhere = PA(random.below(Self.size / 64) * 64)
        memory.store(
          context, at: random.oneIn(4) ? anywhere : PA(0x1000 + random.below(64) * 64))
      case 5, 6: memory.store64(PA(random.below(Self.size / 8) * 8), word())
      case 7:
        let offset = random.oneIn(5) ? random.next() & 0x1fff : random.below(1024) & ~3
        let value = random.oneIn(2) ? random.next() : word()
        iommu.writeRegister(offset, value, width: random.pick([4, 8, 2]), memory: memory)
        _ = iommu.readRegister(random.below(1100), width: random.pick([4, 8]))
      case 8:
        iommu.writeRegister(IOMMURegister.ddtp, 0, width: 8, memory: memory)
        let directory = random.oneIn(5) ? random.below(6) | random.below(16) << 10 : 2 | 1 << 10
        iommu.writeRegister(IOMMURegister.ddtp, directory, width: 8, memory: memory)
      case 9:
        iommu.writeRegister(IOMMURegister.cqcsr, 0xf03, width: 4, memory: memory)
        iommu.writeRegister(IOMMURegister.fqcsr, 0xf03, width: 4, memory: memory)
        iommu.writeRegister(
          IOMMURegister.cqt, random.below(1 << 16), width: 4, memory: memory)
      case 10:
        var request = IOMMUPageRequest()
        request[word: 0] = random.next()
        request[word: 1] = random.next()
        iommu.receive(request, hasSegment: random.oneIn(2), memory: memory)
      default:
        iommu.invalidationCompleted(
          UInt32(truncatingIfNeeded: random.next()),
          requester: UInt16(truncatingIfNeeded: random.next()),
          expected: UInt8(random.below(9)), memory: memory)
        iommu.invalidationTimedOut(UInt32(truncatingIfNeeded: random.next()), memory: memory)
      }
      while iommu.nextOutgoingMessage() != nil { count("message") }
      while iommu.nextBridgeMessage() != nil { count("bridge") }
      _ = iommu.wires
    }
  }

  @Test("end, whatever memory, registers, commands, requests and messages hold", arguments: 0..<6)
  func runs(part: Int) throws {
    var sum: [String: Int] = [:]
    for seed in 0..<20 {
      var run = try Run(seed: UInt64(part * 100 + seed))
      for _ in 0..<20_000 where run.random.oneIn(3) {
        run.memory.store64(PA(run.random.below(Run.size / 8) * 8), run.word())
      }
      for device in 0..<64 as Range<UInt64> {
        run.memory.store(run.context(), at: PA(0x1000 + device * 64))
      }
      var iommu = RISCVIOMMU(
        profile: run.profile(),
        personality: run.random.pick([.architecture, .referenceModel, .qemu11]),
        caches: run.random.pick([.default, .none]))
      iommu.writeRegister(IOMMURegister.ddtp, 1 << 10 | 2, width: 8, memory: run.memory)
      iommu.writeRegister(IOMMURegister.cqb, 0x40 << 10 | 4, width: 8, memory: run.memory)
      iommu.writeRegister(IOMMURegister.fqb, 0x50 << 10 | 4, width: 8, memory: run.memory)
      iommu.writeRegister(IOMMURegister.pqb, 0x60 << 10 | 4, width: 8, memory: run.memory)
      if run.random.oneIn(4) { iommu.corruptPages = [0x3000, 0x1_0000] }
      for _ in 0..<1500 { run.step(&iommu) }
      sum.merge(run.counts, uniquingKeysWith: +)
    }
    for what in ["translated", "completed", "refused"] {
      #expect(sum[what, default: 0] > 100, "\(sum)")
    }
  }

  @Test("random contexts with a big command queue end soon: a queue has at most 2^16 entries")
  func bounded() throws {
    let memory = try PhysicalMemory(regions: [.init(base: 0, size: 0x20_0000)])
    var iommu = RISCVIOMMU(profile: .full)
    iommu.writeRegister(IOMMURegister.cqb, 0x1f, width: 8, memory: memory)
    #expect(iommu.readRegister(IOMMURegister.cqb, width: 8) & 0x1f == 15)
    for index in 0..<0x1_0000 as Range<UInt64> {
      memory.store(IOMMUCommand.fence, at: PA(16 * index))
    }
    iommu.writeRegister(IOMMURegister.cqcsr, 1, width: 4, memory: memory)
    iommu.writeRegister(IOMMURegister.cqt, 0xffff_ffff, width: 4, memory: memory)
    #expect(iommu.readRegister(IOMMURegister.cqh, width: 4) == 0xffff)
  }
}
