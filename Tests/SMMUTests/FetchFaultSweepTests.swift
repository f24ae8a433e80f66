import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

/// Each fetch of a translation fails in turn.
@Suite("Fetch fault sweep")
struct FetchFaultSweepTests {
  struct Setting: Sendable, CustomTestStringConvertible {
    let config: StreamConfig
    let granule: TranslationGranule

    var testDescription: String { "\(config), granule 1 << \(granule.shift)" }

    static let all: [Setting] = [StreamConfig.stage1, .stage2, .nested].flatMap { config in
      [TranslationGranule.kib4, .kib16, .kib64].map { Setting(config: config, granule: $0) }
    }
  }

  static let input: UInt64 = 0x12_3456_7000

  /// A stream that maps `input`, and every fetch of its translation.
  func mapped(_ setting: Setting) throws -> (machine: Machine, reads: [DescriptorRead]) {
    let machine = try Machine()
    let stream = Stream(machine, setting.config, setting.granule)
    let ipa: UInt64 = 0x7_0001_0000
    stream.low.map(Self.input, to: setting.config == .stage1 ? 0x4200_0000 : ipa, stage1Leaf)
    stream.stage2.map(
      setting.config == .stage2 ? Self.input : ipa, to: 0x4200_0000, stage2Leaf)
    var log = TranslationLog()
    let result = machine.smmu.translate(
      Transaction(streamID: 1, address: IOVA(Self.input), isWrite: false), in: machine.memory,
      observer: &log)
    guard case .translated = result else {
      Issue.record("\(setting.testDescription) does not translate: \(result)")
      return (machine, [])
    }
    return (machine, log.reads)
  }

  /// The event for a fetch that finds nothing.
  func expected(_ read: DescriptorRead) -> (kind: UInt64, isStage2: Bool, place: UInt64) {
    let place = read.address.rawValue
    return switch read.step {
    case .streamTable, .streamEntry: (0x03, false, place)
    case .contextTable, .context: (0x09, false, place)
    case .stage1: (0x0b, false, place)
    default: (0x0b, true, place)
    }
  }

  @Test(
    "a fetch that nothing answers terminates the access with the event of that fetch",
    arguments: Setting.all)
  func sweep(_ setting: Setting) throws {
    let (machine, reads) = try mapped(setting)
    let pages = Set(reads.map { $0.address.rawValue & ~0xfff })
    #expect(pages.count >= 3)
    for page in pages.sorted() {
      let victim = try #require(reads.first { $0.address.rawValue & ~0xfff == page })
      let broken = try Machine(missing: page)
      for other in pages where other != page { copy(other, from: machine, to: broken) }
      let result = broken.access(Self.input)
      guard case .faulted = result else {
        Issue.record("without \(hex(page)), where \(victim.step) was read: \(result)")
        continue
      }
      let events = broken.events()
      #expect(events.count == 1)
      let words = try #require(events.first?.words)
      let event = expected(victim)
      #expect(words[0] == 1 << 32 | event.kind, "\(victim.step)")
      #expect(words[1] >> 39 & 1 == (event.isStage2 ? 1 : 0), "\(victim.step): S2")
      #expect(words[3] == event.place, "\(victim.step): FetchAddr")
    }
  }

  private func copy(_ page: UInt64, from source: Machine, to target: Machine) {
    for place in stride(from: page, to: page + 0x1000, by: 8) {
      guard let word = source.memory.load64(PA(place)), word != 0 else { continue }
      target.memory.store64(PA(place), word)
    }
  }
}
