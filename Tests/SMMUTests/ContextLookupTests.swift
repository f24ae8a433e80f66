import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("Context lookup")
struct ContextLookupTests {
  struct Rule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout ContextDescriptor) -> Void
    init(_ name: String, _ change: @escaping @Sendable (inout ContextDescriptor) -> Void) {
      testDescription = name
      self.change = change
    }
  }

  @Test(
    "CdIllegal: each illegal field is C_BAD_CD (5.4.2)",
    arguments: [
      Rule("V clear") { $0[.valid] = false },
      Rule("AA64 clear without VMSAv8-32") { $0[.aarch64] = false },
      Rule("T0SZ below 16") { $0[.inputSize0] = 15 },
      Rule("T0SZ above 48") { $0[.inputSize0] = 49 },
      Rule("reserved TG0") { $0[.granule0] = LowGranule(rawValue: 3) },
      Rule("reserved TG1") {
        $0[.walkDisabled1] = false; $0[.inputSize1] = 20
      },
      Rule("TTB0 beyond IPS") {
        $0[.outputSize] = .bits32; $0[.table0] = 1 << 30
      },
      Rule("A clear where terminated transactions abort") { $0[.abort] = false },
    ])
  func illegal(rule: Rule) throws {
    var profile = SMMUProfile.full
    profile.idr0[.terminateAborts] = true
    let machine = try Machine(profile)
    var stream = Stream(machine, .stage1)
    rule.change(&stream.context)
    stream.install()
    _ = machine.access(0)
    #expect(machine.events().map(\.words) == [[0x1_0000_000a, 0, 0, 0]])
  }

  @Test("what EPDx disables is not checked (5.4.1.1)")
  func disabledHalf() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.context[.inputSize1] = 3
    stream.context[.granule1] = HighGranule(rawValue: 0)
    stream.context[.table1] = .max
    stream.install()
    stream.low.map(0x5000, to: 0x4000_6000, stage1Leaf)
    #expect(machine.output(0x5010) == 0x4000_6010)
    _ = machine.access(0xffff_ffff_ffff_0000)
    #expect(machine.events().map { $0[.kind] } == [.translation])
  }

  @Test("HA, HD and stalls are illegal where they are not advertised")
  func absentFeatures() throws {
    for change: (inout ContextDescriptor) -> Void in [
      { $0[.hardwareAccess] = true }, { $0[.hardwareDirty] = true }, { $0[.stall] = true },
    ] {
      let machine = try Machine(.qemu)
      var stream = Stream(machine, .stage1)
      change(&stream.context)
      stream.install()
      _ = machine.access(0)
      #expect(machine.events().map { $0[.kind] } == [.badContext])
    }
  }

  @Test(
    "S1DSS and S1CDMax route traffic with and without a SubstreamID (5.2, 7.3.7, 7.3.9)",
    arguments: [
      (0, 0, nil, nil), (0, 0, 1, .badSubstreamID), (2, 0, nil, .streamDisabled),
      (2, 1, nil, nil), (2, 2, nil, nil), (2, 3, nil, .streamDisabled), (2, 2, 0, .streamDisabled),
      (2, 0, 0, nil), (2, 2, 3, nil), (2, 2, 4, .badSubstreamID),
    ] as [(UInt8, UInt8, UInt32?, EventKind?)])
  func substreams(bits: UInt8, rule: UInt8, substream: UInt32?, expected: EventKind?) throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.entry[.substreamBits] = bits
    stream.entry[.defaultSubstream] = DefaultSubstream(rawValue: rule)
    stream.install()
    for index in 0..<4 as Range<UInt64> {
      machine.memory.store(stream.context, at: PA(stream.contextPlace + index * 64))
    }
    stream.low.map(0x5000, to: 0x4000_6000, stage1Leaf)
    let result = machine.access(0x5000, substream: substream)
    let kinds = machine.events().map { $0[.kind] }
    #expect(kinds == (expected.map { [$0] } ?? []))
    if expected == nil && rule == 1 && substream == nil && bits > 0 {
      #expect(result == .bypassed(0x5000))
    }
  }

  @Test(
    "a two-level CD table finds its leaf; an invalid L1CD is C_BAD_SUBSTREAMID", arguments: [1, 2])
  func twoLevels(format: UInt8) throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    let first = machine.table()
    let leaf = machine.table(16)
    let leafBits: UInt64 = format == 1 ? 6 : 10
    stream.entry[.substreamBits] = 12
    stream.entry[.contextTableFormat] = format
    stream.entry[.contextPointer] = first >> 6
    stream.install()
    let substream = 2 << leafBits | 5
    machine.memory.store64(PA(first + 16), leaf | 1)
    machine.memory.store(stream.context, at: PA(leaf + 5 * 64))
    stream.low.map(0x5000, to: 0x4000_6000, stage1Leaf)
    let found = machine.access(0x5000, substream: UInt32(substream))
    guard case .translated(let page) = found else {
      Issue.record("not translated: \(found)")
      return
    }
    #expect(page.address == 0x4000_6000)
    _ = machine.access(0x5000, substream: 3)
    let event = machine.events()
    #expect(event.map(\.words) == [[0x1_0000_3008, 0, 0, 0]])
  }

  @Test("the fetch of a CD that aborts is F_CD_FETCH with the PA")
  func fetchAbort() throws {
    let machine = try Machine()
    var stream = Stream(machine, .stage1)
    stream.entry[.contextPointer] = (Machine.hole + 0x40) >> 6
    stream.install()
    _ = machine.access(0x1000)
    #expect(machine.events().map(\.words) == [[0x1_0000_0009, 0, 0, Machine.hole + 0x40]])
  }
}
