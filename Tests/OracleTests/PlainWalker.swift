import Bits
import Files
import Memory

/// A second SMMU for comparison: slow, without caches, written from the pseudocode of the
/// manuals (IHI 0070, chapters 3, 5 and 7; Arm ARM, D8.2), sharing no code with the model.
///
/// It knows Non-secure data accesses, linear and two-level stream tables, one CD for each stream,
/// VMSAv8-64 tables of 48 bits in little-endian order, and no hardware updates.
struct PlainWalker {
  /// What becomes of an access.
  enum Answer: Equatable {
    case translated(UInt64)
    case bypassed(UInt64)
    case aborted
    case fault(Fault)
  }

  /// An event as the manual defines it for its type.
  struct Fault: Error, Equatable {
    var type: UInt8
    var stage2 = false
    var faultClass: UInt64 = 2
    /// Page of the IPA of a stage 2 fault.
    var ipaPage: UInt64 = 0
    var isRecorded = true
  }

  struct Access {
    var stream: UInt64
    var address: UInt64
    var isWrite: Bool
    var isPrivileged: Bool
  }

  let memory: PhysicalMemory
  let streamTableBase: UInt64
  let streamTableConfig: UInt64
  let outputBits: UInt64 = 48

  private static let sizes: [UInt64] = [32, 36, 40, 42, 44, 48, 52, 52]

  func answer(_ access: Access) -> Answer {
    do { return try translate(access) } catch { return .fault(error) }
  }

  private func field(_ word: UInt64, _ high: UInt64, _ low: UInt64) -> UInt64 {
    (word >> low) % (1 << (high - low + 1))
  }

  private func read(_ address: UInt64, orFault type: UInt8) throws(Fault) -> UInt64 {
    guard let word = memory.load64(PA(address)) else { throw Fault(type: type, faultClass: 0) }
    return word
  }

  // MARK: Configuration (IHI 0070, 3.3 and chapter 5)

  private func streamEntry(_ stream: UInt64) throws(Fault) -> [UInt64] {
    let log2size = field(streamTableConfig, 5, 0)
    let split = field(streamTableConfig, 10, 6)
    guard stream < 1 << log2size else { throw Fault(type: 0x02, faultClass: 0) }
    var address = (streamTableBase & 0xf_ffff_ffff_ffc0) + stream * 64
    if field(streamTableConfig, 17, 16) == 1 {
      let table = streamTableBase & 0xf_ffff_ffff_ffc0
      let descriptor = try read(table + (stream >> split) * 8, orFault: 0x03)
      let span = field(descriptor, 4, 0)
      let index = stream % (1 << split)
      guard span != 0, span <= 11, span <= split + 1, index < 1 << (span - 1) else {
        throw Fault(type: 0x02, faultClass: 0)
      }
      let aligned = (descriptor & 0xff_ffff_ffff_ffc0) / (32 << span) * (32 << span)
      address = aligned + index * 64
    }
    var words: [UInt64] = []
    for index in 0..<8 { words.append(try read(address + UInt64(index) * 8, orFault: 0x03)) }
    return words
  }

  private func translate(_ access: Access) throws(Fault) -> Answer {
    let entry = try streamEntry(access.stream)
    guard entry[0] & 1 == 1 else { throw Fault(type: 0x04, faultClass: 0) }
    let config = field(entry[0], 3, 1)
    if config < 4 { return .aborted }
    if config == 4 {
      // 3.4: a stage 1 Address Size fault, although stage 1 is off.
      guard access.address < 1 << outputBits else { throw Fault(type: 0x11) }
      return .bypassed(access.address)
    }
    let stage1 = config == 5 || config == 7
    let stage2 = config >= 6 ? try Stage2(entry, outputBits) : nil
    guard stage1 else {
      guard access.address < 1 << outputBits else { throw Fault(type: 0x11) }
      guard let stage2 else { return .aborted }
      return .translated(
        try walk(stage2, access.address, isWrite: access.isWrite, faultClass: 2))
    }
    let context = try contextDescriptor(entry, stage2)
    let output = try walkStage1(context, stage2, access)
    guard let stage2 else { return .translated(output) }
    return .translated(try walk(stage2, output, isWrite: access.isWrite, faultClass: 2))
  }

  private func contextDescriptor(_ entry: [UInt64], _ stage2: Stage2?) throws(Fault) -> [UInt64] {
    var address = entry[0] & 0xff_ffff_ffff_ffc0
    if let stage2 {
      address = try walk(stage2, address, isWrite: false, faultClass: 0, isStructure: true)
    } else if address >= 1 << outputBits {
      // An S1ContextPtr beyond the OAS makes the STE illegal (3.4.3, 5.2).
      throw Fault(type: 0x04, faultClass: 0)
    }
    var words: [UInt64] = []
    for index in 0..<8 { words.append(try read(address + UInt64(index) * 8, orFault: 0x09)) }
    try checkContext(words)
    return words
  }

  /// CdIllegal() (IHI 0070, 5.4.2).
  private func checkContext(_ words: [UInt64]) throws(Fault) {
    let bad = Fault(type: 0x0a, faultClass: 0)
    guard field(words[0], 31, 31) == 1, field(words[0], 41, 41) == 1 else { throw bad }
    let limit = min(Self.sizes[Int(field(words[0], 34, 32))], outputBits)
    for half in [0, 1] as [UInt64] where field(words[0], 14 + 16 * half, 14 + 16 * half) == 0 {
      let size = field(words[0], 5 + 16 * half, 16 * half)
      guard size >= 16, size <= 39, granule(words[0], half) != nil else { throw bad }
      guard words[1 + Int(half)] & 0xf_ffff_ffff_fff0 < 1 << limit else { throw bad }
    }
  }

  /// log2 of the granule of a half; TG0 and TG1 are encoded differently.
  private func granule(_ word: UInt64, _ half: UInt64) -> UInt64? {
    let encoded = field(word, 7 + 16 * half, 6 + 16 * half)
    return half == 0 ? [0: 12, 1: 16, 2: 14][encoded] : [1: 14, 2: 12, 3: 16][encoded]
  }

  // MARK: Stage 2

  /// The stage 2 fields of an STE.
  struct Stage2 {
    var granule: UInt64
    var level: Int
    var inputBits: UInt64
    var limit: UInt64
    var table: UInt64
    var isAccessFlagIgnored: Bool
    var protectsWalks: Bool
    var records: Bool

    /// SteIllegal(), as far as stage 2 goes (IHI 0070, 5.2.2).
    init(_ entry: [UInt64], _ outputBits: UInt64) throws(Fault) {
      func field(_ high: UInt64, _ low: UInt64) -> UInt64 {
        (entry[2] >> low) % (1 << (high - low + 1))
      }
      let bad = Fault(type: 0x04, faultClass: 0)
      guard field(51, 51) == 1, let granule = [0: 12, 1: 16, 2: 14][field(47, 46)] as UInt64? else {
        throw bad
      }
      let encodedLevel = field(39, 38)
      guard encodedLevel < 3 else { throw bad }
      let size = field(37, 32)
      guard size >= 64 - outputBits, size <= 39 else { throw bad }
      self.granule = granule
      level = Int(granule == 12 ? 2 - encodedLevel : 3 - encodedLevel)
      inputBits = 64 - size
      // The start table resolves at least one bit, and at most four more than a table holds.
      let below = granule + (granule - 3) * UInt64(3 - level)
      guard inputBits > below, inputBits - below <= granule - 3 + 4 else { throw bad }
      limit = min(PlainWalker.sizes[Int(field(50, 48))], outputBits)
      table = entry[3] & 0xf_ffff_ffff_fff0
      guard table < 1 << limit else { throw bad }
      isAccessFlagIgnored = field(53, 53) == 1
      protectsWalks = field(54, 54) == 1
      records = field(58, 58) == 1
    }
  }

  private func walk(
    _ stage: Stage2, _ ipa: UInt64, isWrite: Bool, faultClass: UInt64, isStructure: Bool = false
  ) throws(Fault) -> UInt64 {
    func fault(_ type: UInt8) -> Fault {
      Fault(
        type: type, stage2: true, faultClass: faultClass,
        ipaPage: (ipa & 0xff_ffff_ffff_ffff) >> 12, isRecorded: stage.records)
    }
    guard ipa < 1 << stage.inputBits else { throw fault(0x10) }
    var level = stage.level
    var table = stage.table
    var top = stage.inputBits
    while true {
      let shift = stage.granule + (stage.granule - 3) * UInt64(3 - level)
      let entries: UInt64 = 1 << (top - shift)
      let base = table / (entries * 8) * (entries * 8)
      let place = base + (ipa >> shift) % entries * 8
      guard let descriptor = memory.load64(PA(place)) else { throw Fault(type: 0x0b) }
      let leaf = try shape(descriptor, level, stage.granule).orThrow(fault(0x10))
      let address = outputAddress(descriptor, stage.granule)
      if !leaf {
        let next = (address >> stage.granule) << stage.granule
        guard next < 1 << stage.limit else { throw fault(0x11) }
        (table, top, level) = (next, shift, level + 1)
        continue
      }
      let output = (address >> shift) << shift
      guard output < 1 << stage.limit else { throw fault(0x11) }
      guard field(descriptor, 10, 10) == 1 || stage.isAccessFlagIgnored else { throw fault(0x12) }
      let allowed = isWrite ? field(descriptor, 7, 7) : field(descriptor, 6, 6)
      guard allowed == 1 else { throw fault(0x13) }
      // S2PTW: a structure in Device memory (MemAttr 0b00xx).
      if isStructure, stage.protectsWalks, field(descriptor, 5, 4) == 0 { throw fault(0x13) }
      return output + ipa % (1 << shift)
    }
  }

  /// Whether a descriptor is a leaf, a table, or neither.
  private func shape(_ descriptor: UInt64, _ level: Int, _ granule: UInt64) -> Shape {
    switch descriptor % 4 {
    case 3: return level == 3 ? .leaf : .table
    case 1 where level == 2: return .leaf
    case 1 where level == 1 && granule == 12: return .leaf
    default: return .invalid
    }
  }

  /// With 64 KiB granules bits [15:12] are address bits [51:48] where there are 52; here there are
  /// not, and they are ignored.
  private func outputAddress(_ descriptor: UInt64, _ granule: UInt64) -> UInt64 {
    ((descriptor & 0xffff_ffff_ffff) >> granule) << granule
  }

  private enum Shape {
    case leaf
    case table
    case invalid

    /// Whether it is a leaf.
    func orThrow(_ fault: Fault) throws(Fault) -> Bool {
      if self == .invalid { throw fault }
      return self == .leaf
    }
  }

  // MARK: Stage 1

  private func walkStage1(_ context: [UInt64], _ stage2: Stage2?, _ access: Access) throws(Fault)
    -> UInt64
  {
    let word = context[0]
    func fault(_ type: UInt8) -> Fault { Fault(type: type, isRecorded: field(word, 45, 45) == 1) }
    let half = field(access.address, 55, 55)
    guard field(word, 14 + 16 * half, 14 + 16 * half) == 0, let granule = granule(word, half) else {
      throw fault(0x10)
    }
    let inputBits = 64 - field(word, 5 + 16 * half, 16 * half)
    let ignoresTop = field(word, 38 + half, 38 + half) == 1
    let upper = (access.address << (ignoresTop ? 8 : 0)) >> (inputBits + (ignoresTop ? 8 : 0))
    let expected = half == 0 ? 0 : UInt64.max >> (inputBits + (ignoresTop ? 8 : 0))
    guard upper == expected else { throw fault(0x10) }
    let limit = min(Self.sizes[Int(field(word, 34, 32))], outputBits)
    let ignoresHierarchy = field(context[1 + Int(half)], 1, 1) == 1
    var level = 4 - Int((inputBits - granule + granule - 4) / (granule - 3))
    var table = context[1 + Int(half)] & 0xf_ffff_ffff_fff0
    var top = inputBits
    var tablePermissions: UInt64 = 0
    while true {
      let shift = granule + (granule - 3) * UInt64(3 - level)
      let entries: UInt64 = 1 << (top - shift)
      let base = table / (entries * 8) * (entries * 8)
      var place = base + (access.address >> shift) % entries * 8
      if let stage2 {
        place = try walk(stage2, place, isWrite: false, faultClass: 1, isStructure: true)
      }
      guard let descriptor = memory.load64(PA(place)) else { throw Fault(type: 0x0b) }
      let leaf = try shape(descriptor, level, granule).orThrow(fault(0x10))
      let address = outputAddress(descriptor, granule)
      if !leaf {
        let next = (address >> granule) << granule
        guard next < 1 << limit else { throw fault(0x11) }
        if !ignoresHierarchy { tablePermissions |= field(descriptor, 62, 61) }
        (table, top, level) = (next, shift, level + 1)
        continue
      }
      let output = (address >> shift) << shift
      guard output < 1 << limit else { throw fault(0x11) }
      guard field(descriptor, 10, 10) == 1 || field(word, 35, 35) == 1 else { throw fault(0x12) }
      let isReadOnly = field(descriptor, 7, 7) | tablePermissions >> 1 == 1
      let isUnprivileged = field(descriptor, 6, 6) == 1 && tablePermissions & 1 == 0
      guard access.isPrivileged || isUnprivileged, !(access.isWrite && isReadOnly) else {
        throw fault(0x13)
      }
      return output + access.address % (1 << shift)
    }
  }
}
