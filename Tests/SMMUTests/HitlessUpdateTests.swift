import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

/// Linux's `arm-smmu-v3-test.c` seen from the hardware: an entry is rewritten word by word with
/// an invalidation after each batch, and a device keeps accessing memory.
@Suite("Hitless updates")
struct HitlessUpdateTests {
  enum Kind: Sendable {
    case abort, bypass, stage1, stage1Bypass, stage2, otherContext
  }

  /// One machine with two sets of tables, and the entries that the kernel's test uses.
  struct Setup {
    let machine: Machine
    let stream: Stream
    let second: Stream

    init() throws {
      machine = try Machine(caches: .strict)
      stream = Stream(machine, .stage1)
      stream.low.map(0x5000, to: 0x4200_0000, stage1Leaf)
      var second = Stream(machine, .stage1)
      second.context[.asid] = 4
      second.install()
      self.second = second
      second.low.map(0x5000, to: 0x4300_0000, stage1Leaf)
    }

    func entry(_ kind: Kind) -> StreamTableEntry {
      var entry = StreamTableEntry()
      entry[.valid] = true
      switch kind {
      case .abort: break
      case .bypass:
        entry[.config] = .bypass
        entry[.shareabilityConfig] = 1
      case .stage1, .stage1Bypass, .otherContext:
        entry = kind == .otherContext ? second.entry : stream.entry
        entry[.substreamBits] = 2
        entry[.defaultSubstream] = kind == .stage1 ? .substream0 : .bypassStage1
        if kind == .otherContext { entry[.defaultSubstream] = .substream0 }
        entry[.ats] = .full
        if kind == .stage1Bypass { entry[.shareabilityConfig] = 1 }
      case .stage2:
        var other = Stream(machine, .stage2)
        other.stage2.map(0x5000, to: 0x4250_0000, stage2Leaf)
        other.entry[.shareabilityConfig] = 1
        entry = other.entry
      }
      return entry
    }

    /// Stores words of the entry and makes them take effect.
    func write(_ entry: StreamTableEntry, _ words: [Int]) {
      let place = Machine.streamTable + 64
      for word in words {
        machine.memory.store64(PA(place + UInt64(word) * 8), entry[word: word])
      }
      var command = SMMUCommand(.invalidateStream)
      command[.stream] = 1
      machine.send(command, SMMUCommand(.sync))
    }

    func answer() -> TranslationResult { machine.access(0x5010) }
  }

  /// The words to write before, and after, word 0: what the target uses that the source does not.
  @Test(
    "each step of a hitless update behaves like the old entry or the new one",
    arguments: [
      (.bypass, .abort), (.abort, .bypass), (.stage1, .abort), (.abort, .stage1),
      (.stage1, .bypass), (.bypass, .stage1), (.stage1, .stage1Bypass), (.stage1Bypass, .stage1),
      (.stage2, .abort), (.abort, .stage2), (.stage2, .bypass), (.bypass, .stage2),
    ] as [(Kind, Kind)])
  func hitless(from: Kind, to: Kind) throws {
    let setup = try Setup()
    let old = setup.entry(from)
    let new = setup.entry(to)
    setup.write(old, Array(0..<8))
    let before = setup.answer()
    var answers: [TranslationResult] = []
    let usesNew = to != .abort && from != .stage1Bypass && to != .stage1Bypass
    if usesNew {
      // The unused words first: they have no effect yet.
      var merged = old
      for word in 1..<4 { merged[word: word] = old[word: word] | new[word: word] }
      setup.write(merged, [1, 2, 3])
      answers.append(setup.answer())
    }
    if old[word: 0] != new[word: 0] {
      setup.write(new, [0])
      answers.append(setup.answer())
    }
    setup.write(new, [1, 2, 3])
    let after = setup.answer()
    for answer in answers { #expect(answer == before || answer == after) }
    let kinds = setup.machine.events().map { $0[.kind] }
    #expect(!kinds.contains(.badStreamEntry))
  }

  @Test("a change of the CD pointer and of S1DSS at once passes through V=0: C_BAD_STE, never both")
  func breaking() throws {
    let setup = try Setup()
    let old = setup.entry(.stage1)
    let new = setup.entry(.otherContext)
    setup.write(old, Array(0..<8))
    let before = setup.answer()
    setup.write(StreamTableEntry(), [0])
    let between = setup.answer()
    setup.write(new, [1, 2, 3])
    let still = setup.answer()
    setup.write(new, [0])
    let after = setup.answer()
    #expect(before != after)
    #expect(between == still)
    #expect(setup.machine.events().map { $0[.kind] } == [.badStreamEntry, .badStreamEntry])
  }

  @Test("an ASID change is hitless; clearing a CD passes through C_BAD_CD")
  func contexts() throws {
    let setup = try Setup()
    var stream = setup.stream
    var command = SMMUCommand(.invalidateContext)
    command[.stream] = 1
    stream.install()
    let before = setup.answer()
    stream.context[.asid] = 1997
    stream.install()
    setup.machine.send(command)
    #expect(setup.answer() == before)
    stream.context = ContextDescriptor()
    stream.install()
    setup.machine.send(command)
    _ = setup.answer()
    #expect(setup.machine.events().map { $0[.kind] } == [.badContext])
  }
}
