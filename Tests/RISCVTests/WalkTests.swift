import ArmFormats
import Bits
import RISCVFormats
import Testing

@testable import RISCV

@Suite("Both stages")
struct WalkTests {
  static let firstStages: [FirstStageMode] = [.sv39, .sv48, .sv57]
  static let secondStages: [SecondStageMode] = [.sv39x4, .sv48x4, .sv57x4]

  @Test(
    "RV-10: every page size of a first stage maps itself; addresses are sign-extended",
    arguments: firstStages)
  func firstStage(mode: FirstStageMode) throws {
    let levels = UInt64(mode.rawValue) - 5
    let top = 12 + 9 * levels
    for level in 0..<levels {
      let machine = try Machine()
      let root = machine.allocate()
      machine.set(.firstStage(mode, root), for: 1)
      let size = 12 + 9 * level
      // The highest page of the lower half, and the lowest of the upper half.
      let low = lowBits(top - 1) & ~lowBits(size)
      let high = ~lowBits(top - 1)
      machine.map(
        low, to: 0x40_0000_0000_0000 & ~lowBits(size), root: root, levels: levels, level: level)
      machine.map(high, to: 0, root: root, levels: levels, level: level)
      #expect(machine.output(1, low | 0x123) == 0x40_0000_0000_0123 & ~lowBits(size) | 0x123)
      #expect(machine.output(1, high | lowBits(size)) == lowBits(size))
      #expect(machine.cause(1, 1 << (top - 1)) == 13, "not sign-extended")
      #expect(machine.cause(1, high - 1) == (level == levels - 1 ? 13 : 13))
      if level > 0 {
        machine.map(low, to: 0x1000, root: root, levels: levels, level: level)
        machine.submit([.make(.iotinval)])
        #expect(machine.cause(1, low) == 13, "misaligned at level \(level)")
      }
    }
  }

  @Test(
    "RV-10: every page size of a second stage maps itself, and the root table has 2048 entries",
    arguments: secondStages)
  func secondStage(mode: SecondStageMode) throws {
    let levels = UInt64(mode.rawValue) - 5
    let top = 14 + 9 * levels
    for level in 0..<levels {
      let machine = try Machine()
      let root = machine.allocate(pages: 4)
      machine.set(DeviceContext.bare.with(mode, root), for: 1)
      let size = 12 + 9 * level
      let input = lowBits(top) & ~lowBits(size)
      machine.map(input, to: 0, root: root, levels: levels, level: level, rootBits: 11)
      #expect(machine.output(1, input | 0x123) == 0x123)
      #expect(machine.cause(1, 1 << top) == 21)
      let record = try #require(machine.faults().last)
      #expect(record[.value2] == 1 << top, "the GPA, not a first-stage table")
    }
  }

  @Test("RV-10: R, W, X and U decide at each stage, with the causes of the access and the stage")
  func permissions() throws {
    for bits in 0..<16 as Range<UInt64> {
      let machine = try Machine(caches: .none)
      let (root, guestRoot) = (machine.allocate(), machine.allocate(pages: 4))
      machine.set(.firstStage(.sv39, root), for: 1)
      machine.set(DeviceContext.bare.with(.sv39x4, guestRoot), for: 2)
      let entry = 0xc1 | bits << 1
      machine.map(0x1000, to: 0x7000, root: root, levels: 3, bits: entry)
      machine.map(0x1000, to: 0x7000, root: guestRoot, levels: 3, rootBits: 11, bits: entry)
      let (read, write, execute, user) =
        (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0, bits & 8 != 0)
      let isLeaf = read || execute
      let isLegal = isLeaf && !(write && !read) && user
      for (device, causes) in [(1, [13, 15, 12]), (2, [21, 23, 20])] as [(UInt32, [UInt16])] {
        #expect(
          machine.cause(device, 0x1000, .read) == (isLegal && read ? nil : causes[0]), "\(bits)")
        #expect(
          machine.cause(device, 0x1000, .write) == (isLegal && write ? nil : causes[1]), "\(bits)")
        #expect(
          machine.cause(device, 0x1000, .execute) == (isLegal && execute ? nil : causes[2]),
          "\(bits)")
      }
    }
  }

  @Test("RV-10: reserved bits of an entry fault, unless the capability gives them a meaning")
  func reservedBits() throws {
    var plain = RISCVIOMMUProfile.full
    plain.capabilities[.softwareBits60] = false
    plain.capabilities[.memoryTypes] = false
    for (profile, faulting) in [
      (RISCVIOMMUProfile.full, Set(54...58)), (plain, Set(54...62)),
    ] as [(RISCVIOMMUProfile, Set<UInt64>)] {
      let machine = try Machine(profile, caches: .none)
      let root = machine.allocate()
      machine.set(.firstStage(.sv39, root), for: 1)
      for bit in 54...62 as ClosedRange<UInt64> {
        machine.map(0x1000, to: 0x7000, root: root, levels: 3, bits: 0xdf | 1 << bit)
        #expect((machine.cause(1, 0x1000) == 13) == faulting.contains(bit), "bit \(bit)")
      }
      machine.map(0x1000, to: 0x7000, root: root, levels: 3, bits: 0xdf | 3 << 61)
      #expect(machine.cause(1, 0x1000) == 13, "PBMT 3")
    }
  }

  @Test("a non-leaf entry with A, D, U, PBMT or N set faults, and so does one at the last level")
  func nonLeaf() throws {
    let machine = try Machine(caches: .none)
    let root = machine.allocate()
    machine.set(.firstStage(.sv39, root), for: 1)
    machine.map(0x1000, to: 0x7000, root: root, levels: 3)
    let good = machine.load(root)
    for bit in [4, 6, 7, 61, 62, 63] as [UInt64] {
      machine.store(root, good | 1 << bit)
      #expect(machine.cause(1, 0x1000) == 13, "bit \(bit)")
    }
    machine.store(root, good | 1 << 5)
    #expect(machine.output(1, 0x1000) == 0x7000, "G is legal in a table entry")
    let leaf = machine.map(0x1000, to: 0x7000, root: root, levels: 3)
    machine.store(leaf, (0x7000 >> 12) << 10 | 1)
    #expect(machine.cause(1, 0x1000) == 13)
  }

  @Test("Svnapot: PPN[3:0] = 8 is a 64 KiB page; other encodings, and N above level 0, fault")
  func contiguous() throws {
    let machine = try Machine(caches: .none)
    let root = machine.allocate()
    machine.set(.firstStage(.sv39, root), for: 1)
    for low in 0..<16 as Range<UInt64> {
      for page in 0..<16 as Range<UInt64> {
        machine.map(
          page << 12, to: 0x12_0000 | low << 12, root: root, levels: 3, bits: 0xdf | 1 << 63)
      }
      let expected: UInt64? = low == 8 ? 0x12_5abc : nil
      #expect(machine.output(1, 0x5abc) == expected, "\(low)")
    }
    machine.map(0x4000_0000, to: 0x8000_0000, root: root, levels: 3, level: 1, bits: 0xdf | 1 << 63)
    #expect(machine.cause(1, 0x4000_0000) == 13)
  }

  @Test("A and D: a page fault without SADE or GADE, and set in memory with them")
  func accessedAndDirty() throws {
    let machine = try Machine(caches: .none)
    let (root, guestRoot) = (machine.allocate(), machine.allocate(pages: 4))
    var first = DeviceContext.firstStage(.sv39, root)
    var second = DeviceContext.bare.with(.sv39x4, guestRoot)
    let leaf = machine.map(0x1000, to: 0x7000, root: root, levels: 3, bits: 0x1f)
    let guestLeaf = machine.map(
      0x1000, to: 0x7000, root: guestRoot, levels: 3, rootBits: 11, bits: 0x1f)
    machine.set(first, for: 1)
    machine.set(second, for: 2)
    #expect(machine.cause(1, 0x1000) == 13)
    #expect(machine.cause(2, 0x1000, .write) == 23)
    first[.updatesFirstStage] = true
    second[.updatesSecondStage] = true
    machine.set(first, for: 1)
    machine.set(second, for: 2)
    for (device, place) in [(1, leaf), (2, guestLeaf)] as [(UInt32, UInt64)] {
      #expect(machine.cause(device, 0x1000) == nil)
      #expect(machine.load(place) & 0xff == 0x5f, "A alone for a read")
      #expect(machine.cause(device, 0x1000, .write) == nil)
      #expect(machine.load(place) & 0xff == 0xdf, "A and D for a write")
    }
    machine.store(leaf, machine.load(leaf) & ~4)
    #expect(machine.cause(1, 0x1000, .write) == 15)
    #expect(machine.load(leaf) & 0x40 != 0)
  }

  @Test("first-stage tables pass the second stage: iotval2 is the entry's GPA with bit 0")
  func nested() throws {
    let machine = try Machine(caches: .none)
    let (root, guestRoot) = (machine.allocate(), machine.allocate(pages: 4))
    let shift: UInt64 = 0x1000_0000
    machine.set(
      DeviceContext.firstStage(.sv39, root + shift).with(.sv48x4, guestRoot), for: 1)
    // The tables, which are in the first 16 MiB, at a GPA 256 MiB higher.
    let tables = machine.map(
      shift, to: 0, root: guestRoot, levels: 4, level: 2, rootBits: 11, bits: 0xdf)
    machine.store(tables, 0)
    for page in 0..<0x200 as Range<UInt64> {
      machine.map(
        shift + page << 12, to: page << 12, root: guestRoot, levels: 4, rootBits: 11)
    }
    machine.map(0x40_2000, to: 0x8000, root: guestRoot, levels: 4, rootBits: 11)
    let leaf = machine.map(0x6000, to: 0x40_2000, root: root, levels: 3)
    // The pointers of the first stage are GPAs.
    var table = root
    for level in [2, 1] as [UInt64] {
      let entry = table + 8 * (0x6000 >> (12 + 9 * level) & 0x1ff)
      let word = machine.load(entry)
      table = (word >> 10 & lowBits(44)) << 12
      machine.store(entry, ((table + shift) >> 12) << 10 | 1)
    }
    #expect(machine.output(1, 0x6044) == 0x8044)
    machine.map(shift + root, to: root, root: guestRoot, levels: 4, rootBits: 11, bits: 0)
    #expect(machine.cause(1, 0x6044) == 21)
    #expect(machine.faults().last?[.value2] == (root + shift) | 1)
    // A write to the entry needs W of its page, which reads as bit 1.
    machine.map(shift + root, to: root, root: guestRoot, levels: 4, rootBits: 11)
    let page = leaf & ~0xfff
    machine.map(shift + page, to: page, root: guestRoot, levels: 4, rootBits: 11, bits: 0xdb)
    machine.store(leaf, (0x40_2000 >> 12) << 10 | 0x1f)
    var context = DeviceContext.firstStage(.sv39, root + shift).with(.sv48x4, guestRoot)
    context[.updatesFirstStage] = true
    machine.set(context, for: 1)
    #expect(machine.cause(1, 0x6044) == 21)
    #expect(machine.faults().last?[.value2] == (leaf + shift) & ~3 | 3)
    #expect(machine.cause(1, 0x6044, .write) == 23)
  }

  @Test("a table where nothing answers, beyond PAS, or corrupt: 5 or 7 or 1, and 274")
  func tableFaults() throws {
    var profile = RISCVIOMMUProfile.full
    profile.capabilities[.physicalBits] = 23
    let machine = try Machine(profile, caches: .none)
    machine.set(.firstStage(.sv39, 0x80_0000), for: 1)
    #expect(machine.cause(1, 0) == 5, "PAS is 23 bits")
    machine.set(.firstStage(.sv39, 0x7f_0000), for: 1)
    machine.map(0, to: 0x1000, root: 0x7f_0000, levels: 3)
    #expect(machine.output(1, 0) == 0x1000)
    machine.iommu.corruptPages = [0x7f_0000]
    #expect(machine.cause(1, 0, .write) == 274)
    machine.iommu.corruptPages = []
    machine.set(.firstStage(.sv39, 0x7fff_f000), for: 1)
    #expect(machine.cause(1, 0, .write) == 7)
    #expect(machine.cause(1, 0, .execute) == 1)
    machine.set(DeviceContext.bare.with(.sv39x4, 0x7fff_c000), for: 1)
    #expect(machine.cause(1, 0, .execute) == 1)
  }

  @Test("PBMT of the first stage counts, else that of the second")
  func memoryTypes() throws {
    let machine = try Machine()
    let (root, guestRoot) = (machine.allocate(), machine.allocate(pages: 4))
    machine.set(DeviceContext.firstStage(.sv39, root).with(.sv39x4, guestRoot), for: 1)
    machine.map(0, to: 0, root: guestRoot, levels: 3, level: 2, rootBits: 11, bits: 0xdf | 2 << 61)
    for (type, expected) in [(0, 2), (1, 1), (2, 2)] as [(UInt64, UInt8)] {
      machine.map(type << 12, to: 0x9000, root: root, levels: 3, bits: 0xdf | type << 61)
      guard case .translated(let page) = machine.request(1, type << 12) else {
        Issue.record("refused: \(machine.causes())")
        continue
      }
      #expect(page.memoryType == expected)
    }
  }
}
