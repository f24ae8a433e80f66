internal import ArmFormats
internal import Bits
package import Files
package import Memory
package import SMMU

/// The memory of a stopped machine and an SMMU that looks at it.
package struct MemoryImage: ~Copyable {
  package let memory: PhysicalMemory
  var smmu: SMMU

  /// Loads a memory image and sets the SMMU's registers by register writes.
  ///
  /// - Parameters:
  ///   - directory: holds `image.elf` or `image.elf.gz` (`ELFCore`), and `regs.json`
  ///     (`RegisterFile`).
  ///   - base: the SMMU to take where there are several.
  /// - Throws: `InputError` that names the file and what is wrong with it.
  package init(
    directory: String, smmu base: UInt64? = nil, personality: SMMUPersonality = .architecture,
    caches: SMMUCacheGeometry = .default
  ) throws(InputError) {
    let registers = try RegisterFile(file: directory + "/regs.json", smmu: base)
    let (core, file) = try Self.core(in: directory)
    try self.init(core, registers, file: file, personality: personality, caches: caches)
  }

  private static func core(in directory: String) throws(InputError) -> (ELFCore, String) {
    let plain = directory + "/image.elf"
    let compressed = plain + ".gz"
    let path = InputFile.exists(compressed) ? compressed : plain
    return (try ELFCore(try InputFile(path).image(magic: ELFCore.magic), file: path), path)
  }

  init(
    _ core: ELFCore, _ registers: RegisterFile, file: String, personality: SMMUPersonality,
    caches: SMMUCacheGeometry
  ) throws(InputError) {
    let regions = Self.regions(core, registers.ram)
    guard regions.count <= Self.regionLimit else {
      throw InputError(
        expected: "at most \(Self.regionLimit) separate ranges of memory",
        found: String(regions.count), at: Place(file: file))
    }
    do { memory = try PhysicalMemory(regions: regions) } catch {
      throw InputError(
        "cannot set up the memory that it describes: \(error)", at: Place(file: file))
    }
    Self.store(core, in: memory)
    smmu = SMMU(
      profile: Self.profile(registers), personality: personality, caches: caches)
    configure(registers)
  }

  /// RAM as given, and the pages of every segment outside of it.
  private static func regions(_ core: ELFCore, _ ram: [PhysicalMemory.Region])
    -> [PhysicalMemory.Region]
  {
    var pages: [(first: UInt64, last: UInt64)] = []
    for segment in core.segments {
      let first = segment.address >> 12
      let last = (segment.address &+ segment.size &- 1) >> 12
      let isInside = ram.contains {
        let base = $0.base.rawValue >> 12
        return first >= base && last < base &+ $0.size >> 12
      }
      if !isInside { pages.append((first, last)) }
    }
    var regions = ram
    for (first, last) in pages.sorted(by: { $0 < $1 }) {
      if let end = regions.indices.last, end >= ram.count,
        first <= (regions[end].base.rawValue &+ regions[end].size) >> 12
      {
        let base = regions[end].base
        let size = max(regions[end].size, (last &+ 1) << 12 &- base.rawValue)
        regions[end] = .init(base: base, size: size)
      } else {
        regions.append(.init(base: PA(first << 12), size: (last &- first &+ 1) << 12))
      }
    }
    return regions
  }

  /// The most ranges of memory that are looked at: each access may look through them all.
  private static let regionLimit = 1024

  /// Copies what the segments hold. Segments may overlap, as in dumps that hold the kernel's text a
  /// second time: each byte is copied once, from the one that begins first.
  private static func store(_ core: ELFCore, in memory: PhysicalMemory) {
    var end: UInt64 = 0
    for segment in core.segments.sorted(by: { $0.address < $1.address }) {
      let skipped = end > segment.address ? end - segment.address : 0
      guard skipped < UInt64(segment.range.count) else { continue }
      memory.store(
        core.bytes[segment.range].dropFirst(Int(skipped)), at: PA(segment.address + skipped))
      end = segment.address + UInt64(segment.range.count)
    }
  }

  private static func profile(_ registers: RegisterFile) -> SMMUProfile {
    func value(_ offset: UInt64) -> UInt32 { registers.registers[offset] ?? 0 }
    return SMMUProfile(
      idr0: value(SMMURegister.idr0), idr1: value(SMMURegister.idr1),
      idr3: value(SMMURegister.idr3), idr5: value(SMMURegister.idr5),
      implementer: value(SMMURegister.iidr), architecture: value(SMMURegister.aidr))
  }

  /// Sets the registers that translation depends on. The queues stay off, so that translating
  /// changes nothing in memory.
  private mutating func configure(_ file: RegisterFile) {
    typealias Register = SMMURegister
    for offset in [
      Register.cr1, Register.cr2, Register.streamTableBase, Register.streamTableBase + 4,
      Register.streamTableConfig,
    ] {
      write(offset, file.registers[offset] ?? 0)
    }
    write(Register.globalBypass, (file.registers[Register.globalBypass] ?? 0) | 1 << 31)
    let control = SMMUControl(rawValue: file.registers[Register.cr0] ?? 1)
    write(Register.cr0, control.intersection([.enabled, .checksTranslated]).rawValue)
  }

  private mutating func write(_ offset: UInt64, _ value: UInt32) {
    smmu.writeRegister(offset, UInt64(value), width: 4, memory: memory)
  }

  /// Translates one access and keeps every station of it.
  package mutating func translate(_ transaction: Transaction) -> TranslationReport {
    var log = TranslationLog()
    let result = smmu.translate(transaction, in: memory, observer: &log)
    return TranslationReport(transaction: transaction, reads: log.reads, result: result)
  }
}
