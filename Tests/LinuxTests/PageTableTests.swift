import ArmFormats
import Bits
import Linux
import Memory
import SMMU
import Software
import TestRandom
import Testing

@Suite("PageTable")
struct PageTableTests {
  typealias Sizes = (granule: UInt64, pages: [UInt64])

  /// What io-pgtable's own test maps (`io-pgtable-arm.c`, `arm_lpae_run_tests`).
  static let sizes: [Sizes] = [
    (12, [1 << 12, 1 << 21, 1 << 30]), (14, [1 << 14, 1 << 25]), (16, [1 << 16, 1 << 29]),
  ]
  static let widths: [UInt64] = [32, 36, 40, 42, 44, 48]

  @Test(
    "an empty table maps nothing; each page size maps once, and not twice",
    arguments: [PageTable.Stage.one, .two], sizes.map(\.granule))
  func everyPageSize(stage: PageTable.Stage, granule: UInt64) throws {
    let pages = try #require(Self.sizes.first { $0.granule == granule }).pages
    for output in Self.widths {
      for input in Self.widths where input <= output {
        var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
        var table = try PageTable(
          stage: stage, granule: granule, inputBits: input, outputBits: output, frames: &frames)
        for probe in [42, 1 << 30 + 42, 2 << 30 + 42] as [UInt64] {
          #expect(table.output(of: probe) == nil)
        }
        for (index, size) in pages.enumerated() {
          let base = UInt64(index) << 30
          _ = try table.map(base, to: base, size: size, .buffer, frames: &frames)
          #expect(throws: PageTable.Failure.alreadyMapped) {
            try table.map(base, to: base, size: size, .buffer, frames: &frames)
          }
          #expect(table.output(of: base + 42) == base + 42, "\(granule) \(input) \(output)")
        }
      }
    }
  }

  @Test(
    "stage 2 concatenates tables only where the architecture demands it",
    arguments: [
      (12, 40, 40, 1), (12, 42, 42, 1), (12, 44, 44, 0), (12, 48, 48, 0), (12, 32, 32, 1),
      (12, 36, 36, 1), (14, 48, 48, 1), (14, 40, 40, 2), (14, 42, 42, 1), (16, 48, 48, 1),
      (16, 42, 42, 2), (16, 32, 32, 2),
    ] as [(UInt64, UInt64, UInt64, Int)])
  func startLevel(granule: UInt64, input: UInt64, output: UInt64, level: Int) throws {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    let table = try PageTable(
      stage: .two, granule: granule, inputBits: input, outputBits: output, frames: &frames)
    #expect(table.startLevel == level)
  }

  @Test("the largest block that alignment and size allow is used")
  func blocks() throws {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    var table = try PageTable(stage: .two, inputBits: 44, frames: &frames)
    _ = try table.map(
      0x3fe0_0000, to: 0x3fe0_0000, size: 0x4040_1000, .buffer, frames: &frames)
    let levels = [0x3fe0_0000, 0x4000_0000, 0x8000_0000, 0x8020_0000].map {
      table.leaf(of: $0)?.level
    }
    #expect(levels == [2, 1, 2, 3])
    #expect(table.leaf(of: 0x8020_1000) == nil)
  }

  @Test(
    "a leaf has the bits that Linux writes",
    arguments: [
      // Read from a running kernel: a buffer of stage 2, the doorbell of stage 2, an RMR page.
      (.two, [.read, .write, .cache], 0x7ff), (.two, [.read, .write, .mmio], 0x6c7),
      (.one, [.read, .write, .mmio], 0xe4b),
      (.one, [.write, .noExecute, .mmio], 0x40_0000_0000_0e4b), (.one, [.read, .cache], 0xfc7),
    ] as [(PageTable.Stage, MappingAttributes, UInt64)])
  func attributes(stage: PageTable.Stage, attributes: MappingAttributes, bits: UInt64) throws {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    var table = try PageTable(stage: stage, inputBits: 44, frames: &frames)
    let writes = try table.map(0, to: 0x809_0000, size: 0x1000, attributes, frames: &frames)
    #expect(writes.last?.value == 0x809_0000 | bits)
  }

  @Test(
    "a range that is misaligned, empty, wrapping or too high is refused",
    arguments: [
      (0x800, 0, 0x1000), (0, 0x800, 0x1000), (0, 0, 0x800), (0, 0, 0), (1 << 44, 0, 0x1000),
      (0, 1 << 44, 0x1000), ((1 << 44) - 0x1000, 0, 0x2000), (0, (1 << 44) - 0x1000, 0x2000),
      (0xffff_ffff_ffff_f000, 0, 0x2000), (0, 0xffff_ffff_ffff_f000, 0x2000),
    ] as [(UInt64, UInt64, UInt64)])
  func badRanges(input: UInt64, output: UInt64, size: UInt64) throws {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    var table = try PageTable(stage: .two, inputBits: 44, outputBits: 44, frames: &frames)
    #expect(throws: PageTable.Failure.misalignedOrOutOfRange) {
      try table.map(input, to: output, size: size, .buffer, frames: &frames)
    }
  }

  @Test(
    "sizes that the format does not have are refused",
    arguments: [(12, 12), (13, 40), (12, 52), (16, 16)] as [(UInt64, UInt64)])
  func badShapes(granule: UInt64, inputBits: UInt64) {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    #expect(throws: PageTable.Failure.misalignedOrOutOfRange) {
      try PageTable(stage: .one, granule: granule, inputBits: inputBits, frames: &frames)
    }
  }

  @Test("a mapping that fails half-way leaves the table as it was")
  func failureIsAtomic() throws {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    var table = try PageTable(stage: .one, inputBits: 48, frames: &frames)
    var memory: [PA: UInt64] = [:]
    for write in try table.map(
      0x40_3000, to: 0x3000, size: 0x1000, .buffer, frames: &frames)
    {
      memory[write.address] = write.value
    }
    #expect(throws: PageTable.Failure.alreadyMapped) {
      try table.map(0x3f_f000, to: 0, size: 0x6000, .buffer, frames: &frames)
    }
    for page in stride(from: 0x3f_e000, to: 0x40_6000, by: 0x1000) as StrideTo<UInt64> {
      #expect((table.output(of: page) != nil) == (page == 0x40_3000))
    }
    // What is mapped now must be reachable from the words written so far.
    for write in try table.map(0x3f_f000, to: 0, size: 0x1000, .buffer, frames: &frames) {
      memory[write.address] = write.value
    }
    var place = table.root.rawValue
    for shift in [39, 30, 21] as [UInt64] {
      let word = try #require(memory[PA(place + (0x3f_f000 >> shift & 0x1ff) * 8)])
      place = word & 0xffff_ffff_f000
    }
    #expect(memory[PA(place + 0x1ff * 8)] ?? 0 != 0)
  }

  @Test("an exhausted allocator refuses the mapping")
  func exhausted() throws {
    var frames = BumpFrames(base: 0x4000_0000, size: 0x3000)
    var table = try PageTable(stage: .one, inputBits: 48, frames: &frames)
    #expect(throws: PageTable.Failure.noMemory) {
      try table.map(0, to: 0, size: 0x1000, .buffer, frames: &frames)
    }
  }

  @Test(
    "map, unmap and look-up agree with a dictionary of pages, and the SMMU with both",
    arguments: [PageTable.Stage.one, .two], [12, 14, 16] as [UInt64])
  func agreesWithDictionary(stage: PageTable.Stage, granule: UInt64) throws {
    var random = SplitMix(state: granule)
    var frames = BumpFrames(base: 0x4000_0000, size: 0x1000_0000)
    let bits: UInt64 = 44
    var table = try PageTable(
      stage: stage, granule: granule, inputBits: bits, outputBits: bits, frames: &frames)
    let memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x2000_0000)])
    var pages: [UInt64: UInt64] = [:]
    let page = UInt64(1) << granule
    for _ in 0..<60 {
      // Few places, so that ranges meet.
      let input = (random.below(4) << 34) + random.below(64) * page
      if random.below(3) == 0 {
        let write = table.unmap(input)
        #expect((write != nil) == (pages[input] != nil))
        pages[input] = nil
        if let write { memory.store64(write.address, write.value) }
        continue
      }
      let output = random.below(1 << (bits - granule - 8)) * page
      let size = (1 + random.below(8)) * page
      let isFree = stride(from: input, to: input + size, by: Int(page)).allSatisfy {
        pages[$0] == nil
      }
      let writes = try? table.map(
        input, to: output, size: size, .buffer, pagesOnly: true, frames: &frames)
      #expect((writes != nil) == isFree)
      guard let writes else { continue }
      for offset in stride(from: 0, to: size, by: Int(page)) {
        pages[input + offset] = output + offset
      }
      for write in writes { memory.store64(write.address, write.value) }
    }
    try check(table, pages, memory, page)
  }

  /// The words that were written, walked by the SMMU.
  private func check(
    _ table: PageTable, _ pages: [UInt64: UInt64], _ memory: PhysicalMemory, _ page: UInt64
  ) throws {
    var smmu = try WalkingSMMU(table, memory)
    for space in 0..<UInt64(4) {
      for index in 0..<UInt64(80) {
        let input = (space << 34) + index * page
        let expected = pages[input].map { $0 + 0x40 }
        #expect(table.output(of: input + 0x40) == expected)
        let walked = smmu.output(of: input + 0x40)
        #expect(walked == expected, "\(hex(input))")
      }
    }
  }
}

/// An SMMU whose only stream translates through one table.
struct WalkingSMMU: ~Copyable {
  private var smmu = SMMU(profile: .qemu, caches: .none)
  private let memory: PhysicalMemory

  init(_ table: PageTable, _ memory: PhysicalMemory) throws {
    self.memory = memory
    let structures: PA = 0x5800_0000
    let context = structures + 0x1000
    let entry: StreamTableEntry
    if table.stage == .one {
      memory.store(
        ContextDescriptor.paging(table, asid: 1, outputSize: .bits44), at: context)
      entry = .stage1(context: context)
    } else {
      entry = .stage2(table, vmid: 1, outputSize: .bits44)
    }
    memory.store(entry, at: structures)
    for (offset, value) in [
      (SMMURegister.cr1, 0xd75), (SMMURegister.streamTableBase, structures.rawValue),
      (SMMURegister.streamTableConfig, 0), (SMMURegister.cr0, 1),
    ] as [(UInt64, UInt64)] {
      smmu.writeRegister(
        offset, value, width: offset == SMMURegister.streamTableBase ? 8 : 4, memory: memory)
    }
  }

  mutating func output(of input: UInt64) -> UInt64? {
    var observer = NoObserver()
    let access = Transaction(streamID: 0, address: IOVA(input), isWrite: true)
    guard
      case .translated(let result) = smmu.translate(access, in: memory, observer: &observer)
    else { return nil }
    return result.address.rawValue
  }
}
