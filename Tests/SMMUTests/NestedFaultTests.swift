import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("Nested faults")
struct NestedFaultTests {
  /// A nested stream with one page, and the words of the event that a change of it causes.
  func event(write: Bool = false, caches: SMMUCacheGeometry = .none, _ change: (Stream) -> Void)
    throws -> [UInt64]
  {
    let machine = try Machine(caches: caches)
    let stream = Stream(machine, .nested)
    stream.low.map(Self.input, to: Self.ipa, stage1Leaf)
    stream.stage2.map(Self.ipa, to: 0x4200_0000, stage2Leaf)
    change(stream)
    _ = machine.access(Self.input | 0x123, write: write)
    let events = machine.events()
    #expect(events.count == 1)
    return events.first?.words ?? []
  }
  static let input: UInt64 = 0x12_3456_7000
  static let ipa: UInt64 = 0x7_0000_5000

  func clear(_ stream: Stream, ipa: UInt64, _ bits: UInt64) {
    let place = PA(stream.stage2.place(ipa))
    let memory = stream.machine.memory
    memory.store64(place, (memory.load64(place) ?? 0) & ~bits)
  }

  @Test("a stage 2 fault on the CD says CLASS=CD and the IPA of the CD")
  func contextFetch() throws {
    var ipa: UInt64 = 0
    let words = try event(write: true) { stream in
      ipa = stream.contextPlace + Stream.offset
      clear(stream, ipa: ipa, 1)
    }
    #expect(words == [0x1_0000_0010, 0x0000_0080_0000_0000, Self.input | 0x123, ipa])
  }

  @Test("a stage 2 fault on a stage 1 table says CLASS=TT and the IPA of the descriptor")
  func tableFetch() throws {
    for (bits, kind) in [(UInt64(1), UInt64(0x10)), (1 << 10, 0x12), (1 << 6, 0x13)] {
      var place: UInt64 = 0
      let words = try event(write: true) { stream in
        place = stream.low.place(Self.input) + Stream.offset
        clear(stream, ipa: place, bits)
      }
      let read: UInt64 = kind == 0x13 ? 1 << 44 : 0
      #expect(
        words == [
          0x1_0000_0000 | kind, 0x0000_0180_0000_0000 | read, Self.input | 0x123, place & ~0xfff,
        ])
    }
  }

  @Test("a stage 2 fault on the output says CLASS=IN and the IPA of the page")
  func outputFault() throws {
    for (bits, kind) in [(UInt64(1), UInt64(0x10)), (1 << 10, 0x12), (1 << 7, 0x13)] {
      let words = try event(write: true) { clear($0, ipa: Self.ipa, bits) }
      #expect(
        words == [0x1_0000_0000 | kind, 0x0000_0280_0000_0000, Self.input | 0x123, Self.ipa])
    }
  }

  @Test("a stage 1 fault says CLASS=IN, S2=0 and no IPA, and comes before that of its output")
  func stage1Fault() throws {
    let words = try event { stream in
      let place = PA(stream.low.place(Self.input))
      stream.machine.memory.store64(place, Self.ipa | stage1Leaf & ~(1 << 6) | 3)
      clear(stream, ipa: Self.ipa, 1)
    }
    #expect(words == [0x1_0000_0013, 0x0000_0208_0000_0000, Self.input | 0x123, 0])
  }

  @Test("aborts on descriptors are F_WALK_EABT with the PA of the descriptor")
  func walkAborts() throws {
    let stage1 = try event { stream in
      let table = stream.low.place(Self.input) & ~0xfff
      stream.stage2.map(table + Stream.offset, to: Machine.hole, stage2Leaf)
    }
    let offset = (Self.input >> 12 & 0x1ff) * 8
    #expect(
      stage1 == [0x1_0000_000b, 0x0000_0108_0000_0000, Self.input | 0x123, Machine.hole + offset])
    let stage2 = try event { stream in
      let place = PA(stream.stage2.place(Self.ipa, 2))
      stream.machine.memory.store64(place, Machine.hole | 3)
    }
    let index = (Self.ipa >> 12 & 0x1ff) * 8
    #expect(
      stage2 == [0x1_0000_000b, 0x0000_0288_0000_0000, Self.input | 0x123, Machine.hole + index])
  }

  @Test("an IPA beyond S2T0SZ is a stage 2 translation fault")
  func wideIPA() throws {
    let words = try event { stream in
      stream.low.map(Self.input, to: 1 << 41, stage1Leaf)
    }
    #expect(words == [0x1_0000_0010, 0x0000_0288_0000_0000, Self.input | 0x123, 1 << 41])
  }

  @Test("with stage 1 off an input beyond the IAS is a stage 1 F_ADDR_SIZE, within it stage 2's")
  func wideInput() throws {
    let machine = try Machine()
    _ = Stream(machine, .stage2)
    _ = machine.access(1 << 50)
    _ = machine.access(1 << 45)
    #expect(
      machine.events().map(\.words) == [
        [0x1_0000_0011, 0x0000_0208_0000_0000, 1 << 50, 0],
        [0x1_0000_0010, 0x0000_0288_0000_0000, 1 << 45, 1 << 45],
      ])
  }

  @Test("S2PTW refuses tables and CDs in stage 2 Device memory")
  func protectedWalk() throws {
    let words = try event { stream in
      var stream = stream
      stream.entry[.stage2ProtectedWalk] = true
      stream.install()
      clear(stream, ipa: stream.low.place(Self.input) + Stream.offset, 0xf << 2)
    }
    #expect(words.first == 0x1_0000_0013)
    #expect(words.dropFirst().first == 0x0000_1188_0000_0000)
  }

  @Test("an update of a stage 1 descriptor needs stage 2 write permission; TTRnW says write")
  func updateFault() throws {
    let words = try event { stream in
      var stream = stream
      stream.context[.hardwareAccess] = true
      stream.install()
      stream.low.map(Self.input, to: Self.ipa, stage1Leaf & ~(1 << 10))
      clear(stream, ipa: stream.low.place(Self.input) + Stream.offset, 1 << 7)
    }
    #expect(words.first == 0x1_0000_0013)
    #expect(words.dropFirst().first == 0x0000_0188_0000_0000)
  }

  @Test("a permission fault on a TLB hit is blamed on the stage that refuses")
  func blameOnHit() throws {
    for isStage2 in [true, false] {
      let machine = try Machine(caches: .strict)
      let stream = Stream(machine, .nested)
      stream.low.map(Self.input, to: Self.ipa, isStage2 ? stage1Leaf : stage1Leaf | 1 << 7)
      stream.stage2.map(Self.ipa, to: 0x4200_0000, isStage2 ? stage2Leaf & ~(1 << 7) : stage2Leaf)
      #expect(machine.output(Self.input) == 0x4200_0000)
      _ = machine.access(Self.input, write: true)
      let event = try #require(machine.events().first)
      #expect(event[.kind] == .permission)
      #expect(event[.stage2] == isStage2)
      #expect(event[word: 3] == (isStage2 ? Self.ipa : 0))
    }
  }

  @Test("CD.R and S2R suppress the records of their own stage's translation faults only")
  func suppression() throws {
    let machine = try Machine()
    var stream = Stream(machine, .nested)
    stream.low.map(0x5000, to: Self.ipa, stage1Leaf)
    stream.context[.record] = false
    stream.install()
    _ = machine.access(0x6000)
    #expect(machine.events().isEmpty)
    _ = machine.access(0x5000)
    #expect(machine.events().map { $0[.stage2] } == [true])
    stream.entry[.stage2Record] = false
    stream.context[.valid] = false
    stream.install()
    _ = machine.access(0x5000)
    #expect(machine.events().map { $0[.kind] } == [.badContext], "configuration errors stay")
  }

  @Test("A clear ends a faulting access quietly where that is supported")
  func quietTermination() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.context[.abort] = false
    stream.install()
    guard case .ignored(let event, .recorded) = machine.access(0x5000) else {
      Issue.record("not ignored")
      return
    }
    #expect(event[.kind] == .translation)
  }
}
