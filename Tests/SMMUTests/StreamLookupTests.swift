import ArmFormats
import Bits
import Memory
import SMMUFixtures
import Testing

@testable import SMMU

@Suite("Stream lookup")
struct StreamLookupTests {
  @Test("a StreamID beyond LOG2SIZE is C_BAD_STREAMID, recorded only with RECINVSID")
  func outOfRange() throws {
    let machine = try Machine()
    _ = machine.access(0, stream: 256)
    #expect(machine.events().map(\.words) == [[0x0000_0100_0000_0002, 0, 0, 0]])
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.cr2, 0)
    machine.write(SMMURegister.cr0, 0xf)
    let result = machine.access(0, stream: 256)
    guard case .faulted(_, .suppressed) = result else {
      Issue.record("expected a suppressed fault, got \(result)")
      return
    }
    #expect(machine.events().isEmpty)
  }

  @Test(
    "a two-level table reaches an STE, or C_BAD_STREAMID by the span",
    arguments: [
      (9, 0x1ff, true), (9, 0x17f, true), (8, 0x17f, true), (8, 0x180, false), (1, 0x100, true),
      (1, 0x101, false), (0, 0x100, false), (10, 0x100, false), (31, 0x100, false),
    ] as [(UInt8, UInt32, Bool)])
  func spans(span: UInt8, stream: UInt32, isReached: Bool) throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.streamTableConfig, 1 << 16 | 8 << 6 | 10)
    machine.write(SMMURegister.cr0, 0xf)
    let second = machine.table(14)
    machine.memory.store64(PA(Machine.streamTable + 8), second | UInt64(span))
    var bypass = StreamTableEntry()
    bypass[.valid] = true
    bypass[.config] = .bypass
    machine.memory.store(bypass, at: PA(second + UInt64(stream & 0xff) * 64))
    let result = machine.access(0x1234, stream: stream)
    #expect(result == .bypassed(0x1234) || !isReached)
    let kinds = machine.events().map { $0[.kind] }
    #expect(kinds == (isReached ? [] : [.badStreamID]))
  }

  @Test("an abort on the fetch of an STE or an L1 descriptor is F_STE_FETCH with its address")
  func fetchAborts() throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.streamTableBase, Machine.hole, 8)
    machine.write(SMMURegister.cr0, 0xf)
    _ = machine.access(0, stream: 5)
    #expect(
      machine.events().map(\.words) == [[0x0000_0005_0000_0003, 0, 0, Machine.hole + 5 * 64]])
    machine.write(SMMURegister.cr0, 0)
    machine.write(SMMURegister.streamTableConfig, 1 << 16 | 6 << 6 | 8)
    machine.write(SMMURegister.cr0, 0xf)
    _ = machine.access(0, stream: 0x45)
    #expect(machine.events().map { $0[word: 3] } == [Machine.hole + 8])
  }

  @Test("Config 0b0xx aborts without an event, whatever else the STE says", arguments: 0..<4)
  func abort(config: UInt8) throws {
    let machine = try Machine()
    var entry = StreamTableEntry(words: Array(repeating: .max, count: 8))
    entry[.config] = StreamConfig(rawValue: config)
    machine.set(entry)
    #expect(machine.access(0x1000) == .aborted)
    #expect(machine.events().isEmpty)
  }

  @Test("an STE that is not valid is C_BAD_STE", arguments: 0..<8)
  func invalid(config: UInt8) throws {
    let machine = try Machine()
    var entry = StreamTableEntry()
    entry[.config] = StreamConfig(rawValue: config)
    machine.set(entry)
    _ = machine.access(0x1000)
    #expect(machine.events().map { $0[.kind] } == [.badStreamEntry])
  }

  @Test("bypass passes the address, and faults beyond the OAS with a stage 1 F_ADDR_SIZE (3.4)")
  func bypass() throws {
    let machine = try Machine()
    var entry = StreamTableEntry()
    entry[.valid] = true
    entry[.config] = .bypass
    machine.set(entry)
    #expect(machine.output(0xffff_ffff_f123) == 0xffff_ffff_f123)
    _ = machine.access(1 << 48, write: true)
    #expect(machine.events().map(\.words) == [[0x1_0000_0011, 0x0200_0000_0000, 1 << 48, 0]])
  }

  @Test("with SMMUEN clear GBPA decides; an address beyond the OAS aborts without an event")
  func disabled() throws {
    let machine = try Machine()
    machine.write(SMMURegister.cr0, 0xe)
    #expect(machine.output(0x1234) == 0x1234)
    #expect(machine.access(1 << 48) == .aborted)
    machine.write(SMMURegister.globalBypass, 1 << 20)
    #expect(machine.output(0x1234) == 0x1234, "ABORT without UPDATE is not taken")
    machine.write(SMMURegister.globalBypass, 1 << 31 | 1 << 20)
    #expect(machine.access(0x1234) == .aborted)
    #expect(machine.read(SMMURegister.globalBypass) == 1 << 20)
    #expect(machine.events().isEmpty)
  }

  /// A rule that makes a legal nested STE illegal.
  struct Rule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout StreamTableEntry) -> Void
    init(_ name: String, _ change: @escaping @Sendable (inout StreamTableEntry) -> Void) {
      testDescription = name
      self.change = change
    }
  }

  @Test(
    "SteIllegal: each illegal field is C_BAD_STE (5.2.2)",
    arguments: [
      Rule("S2AA64 clear without VMSAv8-32") { $0[.stage2AArch64] = false },
      Rule("reserved S2TG") { $0[.stage2Granule] = LowGranule(rawValue: 3) },
      Rule("S2T0SZ below 64 - IAS") { $0[.stage2InputSize] = 15 },
      Rule("S2T0SZ above 48") { $0[.stage2InputSize] = 49 },
      Rule("S2SL0 too deep for the size") { $0[.stage2StartLevel] = 0 },
      Rule("S2SL0 too shallow for the size") {
        $0[.stage2StartLevel] = 2; $0[.stage2InputSize] = 26
      },
      Rule("S2TTB beyond S2PS") {
        $0[.stage2OutputSize] = .bits32; $0[.stage2Table] = 1 << 30
      },
      Rule("S1CDMax above SSIDSIZE") { $0[.substreamBits] = 21 },
      Rule("split-stage ATS with stage 2 stalls") {
        $0[.ats] = .split; $0[.stage2Stall] = true
      },
      Rule("full ATS with stage 2 stalls") {
        $0[.ats] = .full; $0[.stage2Stall] = true
      },
    ])
  func illegal(rule: Rule) throws {
    let machine = try Machine()
    var stream = Stream(machine, .nested)
    _ = machine.access(0)
    #expect(machine.events().map { $0[.kind] } != [.badStreamEntry], "legal before the change")
    rule.change(&stream.entry)
    stream.install()
    _ = machine.access(0)
    #expect(machine.events().map { $0[.kind] } == [.badStreamEntry])
  }

  @Test("a stage that does not exist is C_BAD_STE")
  func absentStages() throws {
    for (profile, config) in [
      (SMMUProfile.qemuStage1, StreamConfig.stage2), (.qemuStage2, .stage1),
    ] {
      let machine = try Machine(profile)
      _ = Stream(machine, config)
      _ = machine.access(0)
      #expect(machine.events().map { $0[.kind] } == [.badStreamEntry])
    }
  }

  @Test("one VMID bit above 8 is illegal without VMID16")
  func narrowVMID() throws {
    var profile = SMMUProfile.full
    profile.idr0[.vmid16] = false
    let machine = try Machine(profile)
    var stream = Stream(machine, .stage2)
    stream.entry[.vmid] = 0x100
    stream.install()
    _ = machine.access(0)
    #expect(machine.events().map { $0[.kind] } == [.badStreamEntry])
  }
}
