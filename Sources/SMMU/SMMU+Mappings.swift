internal import ArmFormats
internal import Bits
public import Memory

extension SMMU {
  /// Returns the mappings of a stream by the tables in memory, whatever is cached and whatever
  /// software means its tables to say.
  ///
  /// Reads the STE, the CD of the default substream and every table below them.
  public func mappings(of stream: UInt32, in memory: PhysicalMemory) -> StreamMappings {
    var reader = SMMU(profile: profile, personality: personality, caches: .none)
    reader.registers = registers
    let transaction = Transaction(streamID: stream, address: 0, isWrite: false)
    var observer = NoObserver()
    let context: TranslationContext
    do throws(WalkFault) {
      let place = try reader.context(for: transaction, memory, &observer)
      context = reader.contexts.entries[place].value
    } catch {
      return StreamMappings(configuration: .faults, stage1: nil, stage2: nil)
    }
    let stage2 =
      context.usesStage2
      ? TableReader(memory, rules).stage2(context.stage2) : nil
    let stage1 =
      context.usesStage1
      ? TableReader(memory, rules, through: stage2).stage1(context.stage1) : nil
    let configuration: StreamMappings.Configuration =
      switch context.outcome {
      case .abort: .aborts
      case .bypass: .bypasses
      case .translate: .translates
      case .badContext: .faults
      }
    return StreamMappings(configuration: configuration, stage1: stage1, stage2: stage2)
  }
}

/// Reads whole translation tables, as the walks of `StageOneWalk` and `StageTwoWalk` read one
/// descriptor of each level.
private struct TableReader {
  private let memory: PhysicalMemory
  private let rules: WalkRules
  /// Stage 2 mappings of the addresses of stage 1 tables; `nil` if those are PAs.
  private let stage2: StageMappings?
  private var mappings = StageMappings()
  /// Number of descriptors that are still read: those of 8 GiB of 4 KiB pages, and few enough for
  /// tables that contain themselves.
  private var descriptorsLeft = 1 << 21

  init(_ memory: PhysicalMemory, _ rules: WalkRules, through stage2: StageMappings? = nil) {
    self.memory = memory
    self.rules = rules
    self.stage2 = stage2
  }

  /// Parameters of a stage that the meaning of its descriptors depends on.
  private struct Stage {
    let geometry: WalkGeometry
    let outputBits: UInt64
    let isBigEndian: Bool
    /// Whether a clear access flag is no fault.
    let toleratesAccessFlag: Bool
    /// Whether one may read, and write, through a leaf, given the bits of the tables above it.
    let permissions: (TranslationDescriptor, UInt16) -> (reads: Bool, writes: Bool)
    let ignoresHierarchy: Bool
  }

  func stage2(_ regime: StageTwoRegime) -> StageMappings {
    let stage = Stage(
      geometry: regime.geometry, outputBits: regime.outputBits, isBigEndian: regime.isBigEndian,
      toleratesAccessFlag: regime.ignoresAccessFlag || regime.updatesAccessFlag,
      permissions: { [rules] descriptor, _ in
        let allowed = rules.stage2Permissions(descriptor)
        return (allowed & 0x40 != 0, allowed & 0x80 != 0)
      }, ignoresHierarchy: true)
    var reader = self
    reader.readStart(regime.table, of: stage, from: 0, inputBits: regime.inputBits)
    return reader.mappings
  }

  func stage1(_ regime: StageOneRegime) -> StageMappings {
    var reader = self
    for (region, base) in [
      (regime.low, UInt64(0)), (regime.high, ~lowBits(regime.high.inputBits)),
    ] where region.isWalked && (base == 0 || regime.world != .el2) {
      let stage = Stage(
        geometry: region.geometry, outputBits: regime.outputBits,
        isBigEndian: regime.isBigEndian,
        toleratesAccessFlag: regime.ignoresAccessFlag || regime.updatesAccessFlag,
        permissions: { [rules] descriptor, hierarchy in
          let allowed = rules.stage1Permissions(descriptor, hierarchy, regime)
          return (allowed & 0x09 != 0, allowed & 0x12 != 0)
        }, ignoresHierarchy: region.ignoresHierarchy)
      reader.readStart(region.table, of: stage, from: base, inputBits: region.inputBits)
    }
    return reader.mappings
  }

  private mutating func readStart(
    _ table: UInt64, of stage: Stage, from base: UInt64, inputBits: UInt64
  ) {
    let geometry = stage.geometry
    let count = min(geometry.startMask, lowBits(inputBits) >> geometry.startShift) + 1
    read(
      table, of: stage, level: geometry.startLevel, shift: geometry.startShift, count: count,
      from: base, hierarchy: 0)
  }

  /// Reads `count` descriptors of a table whose first maps `base`, and the tables that they name.
  private mutating func read(
    _ table: UInt64, of stage: Stage, level: Int8, shift: UInt64, count: UInt64,
    from base: UInt64, hierarchy: UInt16
  ) {
    for index in 0..<count {
      guard descriptorsLeft > 0 else {
        mappings.isComplete = false
        return
      }
      descriptorsLeft -= 1
      guard let place = physical(table &+ index &* 8), let raw = memory.load64(PA(place)) else {
        continue
      }
      let descriptor = TranslationDescriptor(
        rawValue: stage.isBigEndian ? raw.byteSwapped : raw)
      let input = base &+ index &<< shift
      if descriptor.rawValue & 3 == 3, level < 3 {
        let next = stage.geometry.table(descriptor.rawValue)
        guard rules.accepts(table: next, stage.outputBits) else { continue }
        let below = stage.ignoresHierarchy ? hierarchy : hierarchy | Hierarchy.bits(of: descriptor)
        read(
          next, of: stage, level: level &+ 1, shift: shift &- stage.geometry.stride,
          count: 1 &<< stage.geometry.stride, from: input, hierarchy: below)
      } else {
        append(descriptor, of: stage, level: level, shift: shift, from: input, hierarchy)
      }
    }
  }

  /// Adds a block or a page, unless every access to it faults.
  private mutating func append(
    _ descriptor: TranslationDescriptor, of stage: Stage, level: Int8, shift: UInt64,
    from input: UInt64, _ hierarchy: UInt16
  ) {
    let output = stage.geometry.page(descriptor.rawValue, shift)
    guard rules.isLegalLeaf(descriptor, stage.geometry.granule, level),
      output &>> stage.outputBits == 0, descriptor[.accessFlag] || stage.toleratesAccessFlag
    else { return }
    let (reads, writes) = stage.permissions(descriptor, hierarchy)
    guard reads || writes else { return }
    mappings.append(
      MappedRange(
        input: input, output: output, length: 1 &<< shift, isReadable: reads, isWritable: writes))
  }

  private func physical(_ place: UInt64) -> UInt64? {
    stage2 == nil ? place : stage2?.output(of: place)
  }
}
