package import ArmFormats
import Bits
package import Memory
package import SMMU

/// An SMMU with 64 MiB of RAM, and what software does to set it up.
package final class Machine {
  package static let ram: UInt64 = 0x4000_0000
  package static let streamTable: UInt64 = 0x4010_0000
  package static let commandQueue: UInt64 = 0x4020_0000
  package static let eventQueue: UInt64 = 0x4021_0000
  package static let pageQueue: UInt64 = 0x4022_0000
  /// Nothing answers here.
  package static let hole: UInt64 = 0x9_0000_0000

  package let memory: PhysicalMemory
  package var smmu: SMMU
  /// Where the next table goes.
  private var top: UInt64 = 0x4100_0000
  private var producer: UInt32 = 0
  private var eventsRead: UInt32 = 0
  /// log2 of the sizes of the queues.
  package let queueBits: UInt64

  /// - Parameter missing: a page of 4 KiB within RAM at which nothing answers.
  package init(
    _ profile: SMMUProfile = .full, _ personality: SMMUPersonality = .architecture,
    caches: SMMUCacheGeometry = .none, queueBits: UInt64 = 5, missing: UInt64? = nil
  ) throws {
    let end = Self.ram + (64 << 20)
    let parts = missing.map { [(Self.ram, $0), ($0 + 0x1000, end)] } ?? [(Self.ram, end)]
    memory = try PhysicalMemory(
      regions: parts.map { .init(base: PA($0.0), size: $0.1 - $0.0) })
    smmu = SMMU(profile: profile, personality: personality, caches: caches)
    self.queueBits = queueBits
    write(SMMURegister.streamTableBase, Self.streamTable, 8)
    write(SMMURegister.streamTableConfig, 8)
    write(SMMURegister.commandQueueBase, Self.commandQueue | queueBits, 8)
    write(SMMURegister.eventQueueBase, Self.eventQueue | queueBits, 8)
    write(SMMURegister.pageQueueBase, Self.pageQueue | queueBits, 8)
    write(SMMURegister.cr2, 2)
    write(SMMURegister.cr0, 0x1f)
  }

  package func write(_ offset: UInt64, _ value: UInt64, _ width: Int = 4) {
    smmu.writeRegister(offset, value, width: width, memory: memory)
  }
  package func read(_ offset: UInt64, _ width: Int = 4) -> UInt64 {
    smmu.readRegister(offset, width: width)
  }

  /// A zeroed table of 2^bits bytes, aligned to its size.
  package func table(_ bits: UInt64 = 12) -> UInt64 {
    top = (top + lowBits(bits)) & ~lowBits(bits)
    defer { top += 1 << max(bits, 12) }
    return top
  }

  package func set(_ entry: StreamTableEntry, stream: UInt32 = 1) {
    memory.store(entry, at: PA(Self.streamTable + UInt64(stream) * 64))
  }

  /// Puts commands into the queue and rings its doorbell.
  package func send(_ commands: SMMUCommand...) {
    for command in commands {
      let slot = UInt64(producer) & lowBits(queueBits)
      memory.store(command, at: PA(Self.commandQueue + slot * 16))
      producer = UInt32((UInt64(producer) + 1) & lowBits(queueBits + 1))
    }
    write(SMMURegister.commandQueueProducer, UInt64(producer))
  }

  /// The events recorded since the last call; the consumer index follows.
  package func events() -> [EventRecord] {
    var found: [EventRecord] = []
    let end = UInt32(truncatingIfNeeded: read(SMMURegister.eventQueueProducer))
    let mask = UInt32(lowBits(queueBits + 1))
    while (eventsRead ^ end) & mask != 0 {
      let slot = UInt64(eventsRead) & lowBits(queueBits)
      found.append(
        memory.load(EventRecord.self, at: PA(Self.eventQueue + slot * 32)) ?? EventRecord())
      eventsRead = (eventsRead + 1) & mask
    }
    write(SMMURegister.eventQueueConsumer, UInt64(eventsRead | end & 0x8000_0000))
    return found
  }

  package func access(
    _ address: UInt64, write: Bool = false, stream: UInt32 = 1, substream: UInt32? = nil,
    instruction: Bool = false, privileged: Bool = false, kind: Transaction.Kind = .untranslated
  ) -> TranslationResult {
    smmu.translate(
      Transaction(
        streamID: stream, substreamID: substream, address: IOVA(address), isWrite: write,
        isInstruction: instruction, isPrivileged: privileged, kind: kind), in: memory)
  }

  /// The output address, or `nil` when the access does not translate.
  package func output(_ address: UInt64, write: Bool = false, stream: UInt32 = 1) -> UInt64? {
    access(address, write: write, stream: stream).outputAddress?.rawValue
  }
}

/// A translation table as software builds it: plain, one descriptor at a time.
package struct Tables {
  package let machine: Machine
  package let granule: TranslationGranule
  package let inputBits: UInt64
  package let start: Int
  /// What software adds to the address of a table to store it in a descriptor.
  package var offset: UInt64 = 0
  package let root: UInt64

  package init(
    _ machine: Machine, _ granule: TranslationGranule = .kib4, inputBits: UInt64 = 48,
    start: Int? = nil, offset: UInt64 = 0
  ) {
    self.machine = machine
    self.granule = granule
    self.inputBits = inputBits
    self.offset = offset
    let levels = (inputBits - granule.shift + granule.stride - 1) / granule.stride
    self.start = start ?? 4 - Int(levels)
    let shift = granule.shift + granule.stride * UInt64(3 - self.start)
    root = machine.table(max(6, inputBits - shift + 3))
  }

  /// The address that software calls the start table.
  package var base: UInt64 { root + offset }

  package func shift(_ level: Int) -> UInt64 { granule.shift + granule.stride * UInt64(3 - level) }

  /// Where the descriptor of `level` for `address` is; tables above are made as needed.
  package func place(_ address: UInt64, _ level: Int = 3, tableBits: UInt64 = 0) -> UInt64 {
    var table = root
    var index = (address & lowBits(inputBits)) >> shift(start)
    for step in start..<level {
      let place = table + index * 8
      let word = machine.memory.load64(PA(place)) ?? 0
      if word & 1 == 0 {
        table = machine.table(granule.shift)
        machine.memory.store64(PA(place), (table + offset) | 3 | tableBits)
      } else {
        table = (word & 0xffff_ffff_f000 & ~lowBits(granule.shift)) - offset
      }
      index = (address >> shift(step + 1)) & lowBits(granule.stride)
    }
    return table + index * 8
  }

  package func map(
    _ address: UInt64, to output: UInt64, level: Int = 3, _ attributes: UInt64,
    tableBits: UInt64 = 0
  ) {
    let place = place(address, level, tableBits: tableBits)
    let page = output & ~lowBits(shift(level))
    machine.memory.store64(PA(place), page | attributes | (level == 3 ? 3 : 1))
  }
}

/// AF, nG, read-write for everybody.
package let stage1Leaf: UInt64 = 1 << 10 | 1 << 11 | 1 << 6
/// AF, read-write, Normal write-back.
package let stage2Leaf: UInt64 = 1 << 10 | 3 << 6 | 0xf << 2

/// A stream with a legal configuration that tests then bend.
package struct Stream {
  package let machine: Machine
  package var entry = StreamTableEntry()
  package var context = ContextDescriptor()
  package var contextPlace: UInt64 = 0
  package var low: Tables
  package var stage2: Tables

  /// - Parameter config: which stages translate; nested tables live at IPA = PA + 4 GiB.
  package init(
    _ machine: Machine, _ config: StreamConfig, _ granule: TranslationGranule = .kib4,
    stage1Bits: UInt64 = 40, stage2Bits: UInt64 = 40, stage2Start: Int? = nil
  ) {
    self.machine = machine
    let offset: UInt64 = config == .nested ? Self.offset : 0
    low = Tables(machine, granule, inputBits: stage1Bits, offset: offset)
    stage2 = Tables(machine, granule, inputBits: stage2Bits, start: stage2Start)
    contextPlace = machine.table()
    entry[.valid] = true
    entry[.config] = config
    if config.translatesStage2 { describeStage2(granule, stage2Bits) }
    entry[.vmid] = 7
    guard config.translatesStage1 else {
      install()
      return
    }
    entry[.contextPointer] = (contextPlace + offset) >> 6
    describeStage1(granule, stage1Bits)
    if config == .nested { mapTables() }
    install()
  }

  package static let offset: UInt64 = 0x1_0000_0000

  private mutating func describeStage2(_ granule: TranslationGranule, _ bits: UInt64) {
    entry[.stage2InputSize] = UInt8(64 - bits)
    let deepest = granule == .kib4 && stage2.start < 3 ? 2 : 3
    entry[.stage2StartLevel] = UInt8(
      stage2.start == 3 && granule == .kib4 ? 3 : deepest - stage2.start)
    entry[.stage2Granule] = granule == .kib4 ? .kib4 : granule == .kib16 ? .kib16 : .kib64
    entry[.stage2OutputSize] = .bits48
    entry[.stage2AArch64] = true
    entry[.stage2Record] = true
    entry[.stage2Table] = stage2.root >> 4
  }

  private mutating func describeStage1(_ granule: TranslationGranule, _ bits: UInt64) {
    context[.valid] = true
    context[.aarch64] = true
    context[.abort] = true
    context[.record] = true
    context[.inputSize0] = UInt8(64 - bits)
    context[.granule0] = granule == .kib4 ? .kib4 : granule == .kib16 ? .kib16 : .kib64
    context[.walkDisabled1] = true
    context[.outputSize] = .bits48
    context[.asid] = 3
    context[.table0] = low.base >> 4
    context[.memoryAttributes] = 0xff
  }

  /// Lets the first 32 MiB of RAM be reached at IPA = PA + 4 GiB.
  private func mapTables() {
    let size = UInt64(1) << stage2.granule.shift
    for page in stride(from: Machine.ram, to: Machine.ram + (32 << 20), by: Int(size)) {
      stage2.map(page + Self.offset, to: page, stage2Leaf)
    }
  }

  package func install(stream: UInt32 = 1) {
    machine.set(entry, stream: stream)
    machine.memory.store(context, at: PA(contextPlace))
  }
}

extension EventRecord {
  /// The words, zero-padded, for readable failures.
  package var text: String { words.map { hex($0) }.joined(separator: " ") }
}
