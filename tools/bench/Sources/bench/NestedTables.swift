import ArmFormats
import Bits
import Memory
import SMMU

/// A nested stream whose `pageCount` pages are mapped one by one, four levels in each stage.
struct NestedTables: ~Copyable {
  static let stream: UInt32 = 0x10
  /// The first mapped IOVA: not 0, so that every level of stage 1 has an index of its own.
  static let base: UInt64 = 0x80_0000_0000
  static let memorySize: UInt64 = 256 << 20

  let memory: PhysicalMemory
  var smmu: SMMU
  private(set) var bareWalk: BareWalk
  private var next: UInt64 = 0x100_0000

  init(pageCount: Int, stage2: Bool, caches: SMMUCacheGeometry) throws {
    memory = try PhysicalMemory(regions: [.init(base: 0, size: Self.memorySize)])
    smmu = SMMU(profile: .qemu, caches: caches)
    bareWalk = BareWalk(memory: memory, stage1Root: 0, stage2Root: 0)
    let stage2Root = stage2 ? allocate() : 0
    let stage1Root = allocate()
    let context = allocate()
    bareWalk = BareWalk(memory: memory, stage1Root: stage1Root, stage2Root: stage2Root)
    for page in 0..<UInt64(pageCount) {
      let iova = Self.base &+ page &* 4096
      // The output stands 64 GiB up in IPA space, scattered by a stride.
      let ipa = 0x10_0000_0000 &+ page &* 4096
      map(iova, to: stage2 ? ipa : page &* 4096, root: stage1Root, leaf: 0x743)
      if stage2 { map(ipa, to: page &* 4096, root: stage2Root, leaf: 0x7ff) }
    }
    if stage2 {
      // Tables and CD are at the same IPA as their PA.
      for place in stride(from: UInt64(0x100_0000), to: next, by: 4096) {
        map(place, to: place, root: stage2Root, leaf: 0x7ff)
      }
    }
    writeConfiguration(stage1Root, stage2 ? stage2Root : nil, context)
  }

  private mutating func allocate() -> UInt64 {
    defer { next &+= 4096 }
    return next
  }

  private mutating func map(_ input: UInt64, to output: UInt64, root: UInt64, leaf: UInt64) {
    var table = root
    for level in 0..<3 {
      let place = PA(table &+ bits(input, UInt64(47 - 9 * level), UInt64(39 - 9 * level)) &* 8)
      var word = memory.load64(place) ?? 0
      if word == 0 {
        word = allocate() | 3
        memory.store64(place, word)
      }
      table = word & ~0xfff
    }
    memory.store64(PA(table &+ bits(input, 20, 12) &* 8), output | leaf)
  }

  private mutating func writeConfiguration(
    _ stage1Root: UInt64, _ stage2Root: UInt64?, _ context: UInt64
  ) {
    var descriptor = ContextDescriptor()
    descriptor[.inputSize0] = 16
    descriptor[.walkDisabled1] = true
    descriptor[.valid] = true
    descriptor[.outputSize] = .bits44
    descriptor[.aarch64] = true
    descriptor[.record] = true
    descriptor[.abort] = true
    descriptor[.table0] = stage1Root >> 4
    memory.store(descriptor, at: PA(context))
    var entry = StreamTableEntry()
    entry[.valid] = true
    entry[.config] = stage2Root == nil ? .stage1 : .nested
    entry[.contextPointer] = context >> 6
    if let stage2Root {
      entry[.stage2InputSize] = 20
      entry[.stage2StartLevel] = 2
      entry[.stage2OutputSize] = .bits44
      entry[.stage2AArch64] = true
      entry[.stage2Record] = true
      entry[.stage2Table] = stage2Root >> 4
    }
    memory.store(entry, at: PA(0x1000 &+ UInt64(Self.stream) &* 64))
    smmu.writeRegister(SMMURegister.streamTableBase, 0x1000, width: 8, memory: memory)
    smmu.writeRegister(SMMURegister.streamTableConfig, 5, width: 4, memory: memory)
    smmu.writeRegister(SMMURegister.cr0, 1, width: 4, memory: memory)
  }

  static func access(_ page: UInt32) -> Transaction {
    Transaction(
      streamID: stream, address: IOVA(base &+ UInt64(page) &* 4096), isWrite: true)
  }
}
