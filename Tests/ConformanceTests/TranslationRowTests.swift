import ArmFormats
import Bits
import Memory
import SMMU
import SMMUFixtures
import Testing

/// The translation cases of the RISC-V IOMMU reference tests, for both stages.
@Suite("RISC-V rows: translation")
struct TranslationRowTests {
  /// One stage on its own, as a table of cases sees it.
  private struct Stage {
    let machine: Machine
    let tables: Tables
    let isSecond: Bool

    init(second: Bool, _ granule: TranslationGranule = .kib4) throws {
      machine = try Machine()
      isSecond = second
      let start = granule == .kib16 ? 1 : nil as Int?
      let stream = Stream(
        machine, second ? .stage2 : .stage1, granule, stage1Bits: 48, stage2Bits: 48,
        stage2Start: start)
      tables = second ? stream.stage2 : stream.low
    }

    var leaf: UInt64 { isSecond ? stage2Leaf : stage1Leaf }

    /// Expects one fault of this stage on the input itself, with the IPA where it is stage 2.
    func expectFault(
      _ kind: EventKind, at address: UInt64, read: Bool = true, _ name: @autoclosure () -> String
    ) {
      let events = machine.events()
      #expect(events.map { $0[.kind] } == [kind], "\(name())")
      guard let event = events.first else { return }
      #expect(event[.stage2] == isSecond, "\(name())")
      #expect(event[.faultClass] == .input, "\(name())")
      #expect(event[.inputAddress] == address, "\(name())")
      #expect(event[.read] == read, "\(name())")
      #expect(event[.ipa] == (isSecond ? address >> 12 : 0), "\(name())")
    }
  }

  private static let sizes: [(TranslationGranule, [Int])] = [
    (.kib4, [1, 2, 3]), (.kib16, [2, 3]), (.kib64, [2, 3]),
  ]

  @Test("RV-10: each page and block size maps itself and nothing beside it, at either stage")
  func sizes() throws {
    for second in [false, true] {
      for (granule, levels) in Self.sizes {
        for level in levels {
          let stage = try Stage(second: second, granule)
          let size = UInt64(1) << stage.tables.shift(level)
          let input = size * 3
          stage.tables.map(input, to: size * 5, level: level, stage.leaf)
          let name = "\(granule) level \(level), stage \(second ? 2 : 1)"
          #expect(stage.machine.output(input) == size * 5, "\(name)")
          #expect(stage.machine.output(input + size - 1) == size * 6 - 1, "\(name)")
          for address in [input - 1, input + size] {
            #expect(stage.machine.output(address) == nil, "\(name)")
            stage.expectFault(.translation, at: address, "\(name)")
          }
        }
      }
    }
  }

  @Test("RV-10: address bits below a block's size are RES0: a misaligned block is an aligned one")
  func misaligned() throws {
    for second in [false, true] {
      for (granule, levels) in Self.sizes {
        for level in levels where level < 3 {
          let stage = try Stage(second: second, granule)
          let shift = stage.tables.shift(level)
          let place = PA(stage.tables.place(0, level))
          // From bit 17: nT and, with 52-bit addresses, more output bits stand below.
          for bit in 17..<shift {
            stage.machine.memory.store64(place, 1 << shift | 1 << bit | stage.leaf | 1)
            #expect(stage.machine.output(0x123) == 1 << shift | 0x123, "bit \(bit) of \(granule)")
          }
        }
      }
    }
  }

  @Test("RV-10: a descriptor that is not valid, or a block where there are none, at each level")
  func invalid() throws {
    for second in [false, true] {
      let stage = try Stage(second: second)
      for level in 0...3 {
        let place = PA(stage.tables.place(0x5000, level))
        let kept = stage.machine.memory.load64(place) ?? 0
        let bad: [UInt64] = level == 0 || level == 3 ? [0, 1, 2] : [0, 2]
        for type in bad {
          stage.machine.memory.store64(place, 0x4200_0000 | stage.leaf | type)
          #expect(stage.machine.output(0x5000, write: true) == nil)
          stage.expectFault(.translation, at: 0x5000, read: false, "level \(level) type \(type)")
        }
        stage.machine.memory.store64(place, kept)
      }
    }
  }

  /// Every kind of access.
  private static let accesses: [(write: Bool, fetch: Bool, privileged: Bool)] = [
    (false, false, false), (false, false, true), (true, false, false), (true, false, true),
    (false, true, false), (false, true, true),
  ]

  @Test("RV-10: stage 1 permissions by AP, UXN and PXN: F_PERMISSION with S2 = 0")
  func stage1Permissions() throws {
    let stage = try Stage(second: false)
    for bits in 0..<16 as Range<UInt64> {
      let (user, readOnly) = (bits & 1 != 0, bits & 2 != 0)
      let (privilegedNever, userNever) = (bits & 4 != 0, bits & 8 != 0)
      var leaf: UInt64 = 1 << 10 | (bits & 3) << 6
      leaf |= (privilegedNever ? 1 << 53 : 0) | (userNever ? 1 << 54 : 0)
      stage.tables.map(0x5000, to: 0x4200_0000, leaf)
      for access in Self.accesses {
        let data = (access.privileged || user) && !(access.write && readOnly)
        // What EL0 can write, EL1 never executes (Arm ARM, D8.4.1).
        let fetch =
          access.privileged ? !privilegedNever && (!user || readOnly) : !userNever
        expect(
          stage, access, allowed: access.fetch ? fetch : data,
          "AP \(bits & 3) PXN \(privilegedNever) UXN \(userNever) \(access)")
      }
    }
  }

  @Test("RV-10: stage 2 permissions by S2AP and XN: F_PERMISSION with S2 = 1 and the IPA")
  func stage2Permissions() throws {
    let stage = try Stage(second: true)
    for bits in 0..<16 as Range<UInt64> {
      let (reads, writes, never) = (bits & 1 != 0, bits & 2 != 0, bits >> 2)
      stage.tables.map(0x5000, to: 0x4200_0000, 1 << 10 | 0x3c | (bits & 3) << 6 | never << 53)
      for access in Self.accesses {
        // Whether a page that cannot be read can be executed is not this case's business.
        if access.fetch && !reads { continue }
        // XN[1:0] (FEAT_XNX): 0 all, 1 EL0 only, 2 nobody, 3 EL1 only. STE.Config = 6 leaves
        // PnU of the access as the exception level.
        let fetch = never == 0 || never == (access.privileged ? 3 : 1)
        let data = access.write ? writes : reads
        expect(
          stage, access, allowed: access.fetch ? fetch : data,
          "S2AP \(bits & 3) XN \(never) \(access)")
      }
    }
  }

  private func expect(
    _ stage: Stage, _ access: (write: Bool, fetch: Bool, privileged: Bool), allowed: Bool,
    _ name: String
  ) {
    let result = stage.machine.access(
      0x5000, write: access.write, instruction: access.fetch, privileged: access.privileged)
    if case .translated(let page) = result {
      #expect(allowed, "\(name)")
      #expect(page.address == 0x4200_0000, "\(name)")
      #expect(stage.machine.events().isEmpty, "\(name)")
    } else {
      #expect(!allowed, "\(name)")
      stage.expectFault(.permission, at: 0x5000, read: !access.write, "\(name)")
    }
  }

  @Test("RV-10: a clear access flag is F_ACCESS before F_PERMISSION; hardware sets it with HA")
  func accessFlag() throws {
    for second in [false, true] {
      let stage = try Stage(second: second)
      // Nobody may write this page.
      let leaf = stage.leaf & ~(1 << 10) & ~(second ? 2 << 6 : 0) | (second ? 0 : 1 << 7)
      stage.tables.map(0x5000, to: 0x4200_0000, leaf)
      #expect(stage.machine.output(0x5000, write: true) == nil)
      stage.expectFault(.access, at: 0x5000, read: false, "stage \(second ? 2 : 1)")
      stage.tables.map(0x5000, to: 0x4200_0000, leaf | 1 << 10)
      #expect(stage.machine.output(0x5000, write: true) == nil)
      stage.expectFault(.permission, at: 0x5000, read: false, "stage \(second ? 2 : 1)")
    }
    for config in [StreamConfig.stage1, .stage2] {
      let machine = try Machine()
      var stream = Stream(machine, config)
      stream.context[.hardwareAccess] = true
      stream.entry[.stage2HardwareAccess] = true
      stream.install()
      let tables = config == .stage1 ? stream.low : stream.stage2
      let leaf = (config == .stage1 ? stage1Leaf : stage2Leaf) & ~(1 << 10)
      tables.map(0x5000, to: 0x4200_0000, leaf)
      #expect(machine.output(0x5000) == 0x4200_0000)
      #expect(machine.memory.load64(PA(tables.place(0x5000))) == 0x4200_0000 | leaf | 1 << 10 | 3)
    }
  }
}
