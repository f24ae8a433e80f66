import Foundation
import SMMU
import TestRandom
import Testing

@testable import Published

@Suite("A NIC behind the SMMU")
struct ReceiveLoadTests {
  static func load(
    _ flows: Int = 20, _ stageTwo: TranslatedMemory.StageTwo = .none,
    _ invalidation: TranslatedMemory.Invalidation = .tables, isCached: Bool = true
  ) -> ReceiveLoad {
    var load = ReceiveLoad()
    load.flows = flows
    load.ring = 4
    load.stageTwo = stageTwo
    load.invalidation = invalidation
    load.caches = .none
    load.caches.streamEntries = 64
    load.caches.contexts = 64
    if isCached {
      load.caches.pages = 128
      load.caches.stage1Tables = 64
      load.caches.stage2Pages = 256
      load.caches.stage2Tables = 256
    }
    return load
  }

  @Test(
    "a strict unmap leaves no access to the page", arguments: TranslatedMemory.StageTwo.allCases)
  func strict(stageTwo: TranslatedMemory.StageTwo) throws {
    for kind in [TranslatedMemory.Invalidation.tables, .leaf] {
      let result = try Self.load(20, stageTwo, kind).run(pages: 800, seed: 1)
      #expect(result.wrong == 0)
    }
    #expect(try Self.load(20, stageTwo, .none).run(pages: 800, seed: 1).wrong > 0)
  }

  @Test(
    "without caches a walk takes (n + 1)(m + 1) - 1 reads",
    arguments: TranslatedMemory.StageTwo.allCases)
  func bound(stageTwo: TranslatedMemory.StageTwo) throws {
    let result = try Self.load(20, stageTwo, isCached: false).run(pages: 400, seed: 1)
    #expect(abs(result.reads / result.misses - Double(stageTwo.uncachedReads)) < 1e-9)
    let cached = try Self.load(20, stageTwo).run(pages: 400, seed: 1)
    #expect(cached.reads < result.reads)
  }

  @Test("every mapped page is unmapped once, or live")
  func conservation() throws {
    let load = Self.load()
    let result = try load.run(pages: 2000, seed: 2)
    #expect(result.mapped == result.unmapped + result.live)
    // Rings and completions, with the acknowledgements and descriptors of the last poll.
    let standing = load.cores * (load.ring * 64 + 16)
    #expect((standing - load.cores * 64...standing + load.cores * 3).contains(result.live))
  }

  @Test("more flows mean more acknowledgements, and more misses")
  func flows() throws {
    let misses = try [5, 10, 20, 40].map { try Self.load($0).run(pages: 3000, seed: 1).misses }
    #expect(misses == misses.sorted())
  }

  @Test("no magazine hands an address out twice")
  func magazines() {
    var random = SplitMix(state: 3)
    var magazines = AddressMagazines(cores: 3)
    var live: [(UInt64, Int)] = []
    var seen: Set<UInt64> = []
    for _ in 0..<20_000 {
      let core = Int(random.below(3))
      if live.count < 900, random.below(2) == 0 || live.isEmpty {
        guard let address = magazines.allocate(on: core) else {
          Issue.record("used up")
          return
        }
        #expect(seen.insert(address).inserted && address % 4096 == 0 && address < 1 << 32)
        live.append((address, core))
      } else {
        let (address, _) = live.remove(at: Int(random.below(UInt64(live.count))))
        seen.remove(address)
        magazines.free(address, on: core)
      }
    }
  }

  @Test("what was freed last is used first")
  func stack() {
    var magazines = AddressMagazines(cores: 1)
    let pages = (0..<3).compactMap { _ in magazines.allocate(on: 0) }
    for page in pages { magazines.free(page, on: 0) }
    #expect((0..<3).compactMap { _ in magazines.allocate(on: 0) } == pages.reversed())
  }
}
