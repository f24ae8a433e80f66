public import ArmFormats
public import Bits
public import Software

/// Linux's SMMUv3 driver (`drivers/iommu/arm/arm-smmu-v3`) on one SMMU, as the flows that act on
/// it: stream table, entries, commands.
public struct SMMUDriver: Sendable {
  public enum Failure: Error, Equatable, Sendable { case noMemory }

  /// StreamIDs below 2^8 share one leaf of the stream table (`STRTAB_SPLIT`).
  static let split: UInt64 = 8

  public let agent: Agent
  private let kernel: Kernel
  /// Register page 0.
  public let base: PA
  /// log2 of the number of StreamIDs.
  public let streamBits: UInt64
  private let commandQueue: PA
  private let eventQueue: PA
  private let levelOne: PA
  private var leaves: [UInt64: PA]
  private var entries: [UInt32: StreamTableEntry] = [:]
  private var commandProducer: UInt32 = 0
  /// Whether the SMMU offers ATS (`ARM_SMMU_FEAT_ATS`): translated transactions are checked.
  public var hasATS = false

  /// log2 of the entries of the command queue, 16 bytes each, and of the event queue, 32 each.
  private static let queueBits: UInt64 = 8

  /// Allocates the queues and the first level; leaves come with the streams.
  ///
  /// - Parameter placed: where a recording saw the first level and the leaf of StreamIDs 0 to 255.
  public init(
    agent: Agent, kernel: Kernel = Kernel(Kernel.newest), base: PA, streamBits: UInt64,
    placed: (levelOne: PA, leaf: PA)? = nil, frames: inout some FrameAllocator
  ) throws(Failure) {
    guard let commands = frames.allocate(size: 16 << Self.queueBits),
      let events = frames.allocate(size: 32 << Self.queueBits),
      let table = placed?.levelOne ?? frames.allocate(size: 8 << (streamBits - Self.split))
    else { throw .noMemory }
    self.agent = agent
    self.kernel = kernel
    self.base = base
    self.streamBits = streamBits
    commandQueue = commands
    eventQueue = events
    levelOne = table
    leaves = placed.map { [0: $0.leaf] } ?? [:]
  }

  // MARK: Probe

  /// Gives the SMMU its stream table and queues and turns it on (`arm_smmu_device_reset`).
  ///
  /// - Parameter bypassing: streams that firmware's RMRs name: they get a bypass STE before the
  ///   table goes live (`arm_smmu_rmr_install_bypass_ste`).
  public mutating func probe(
    bypassing: [UInt32], frames: inout some FrameAllocator
  ) throws(Failure) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for stream in bypassing {
      steps += try prepareLeaf(of: stream, frames: &frames)
      steps.append(
        store(.bypass, stream, "arm_smmu_rmr_install_bypass_ste", "bypass, for firmware's RMR"))
    }
    let reset = "arm_smmu_device_reset"
    func register(_ offset: UInt64, _ value: UInt64, _ width: Int, _ text: String) -> Step<Never> {
      Step(agent, reset, "SMMU: \(text)", .mmio(base + offset, value, width: width))
    }
    steps += [
      register(SMMURegister.cr1, 0xd75, 4, "tables and queues are inner shareable, write-back"),
      register(SMMURegister.cr2, 0x6, 4, "record unknown StreamIDs; private TLB maintenance"),
      register(
        SMMURegister.streamTableBase, levelOne.rawValue | 1 << 62, 8,
        "stream table at \(levelOne)"),
      register(
        SMMURegister.streamTableConfig, 1 << 16 | Self.split << 6 | streamBits, 4,
        "two levels, 2^\(streamBits) StreamIDs"),
      register(
        SMMURegister.commandQueueBase, commandQueue.rawValue | 1 << 62 | Self.queueBits, 8,
        "command queue at \(commandQueue)"),
      register(SMMURegister.cr0, 0x8, 4, "command queue on"),
    ]
    steps += send(
      [Self.invalidateAllStreams, SMMUCommand(.tlbiNSNHAll)], reset, "CFGI_ALL, TLBI_NSNH_ALL")
    steps += [
      register(
        SMMURegister.eventQueueBase, eventQueue.rawValue | 1 << 62 | Self.queueBits, 8,
        "event queue at \(eventQueue)"),
      register(SMMURegister.cr0, 0xc, 4, "event queue on"),
    ]
    if hasATS {
      steps.append(register(SMMURegister.cr0, 0x1c, 4, "translated transactions are checked"))
    }
    return steps + [
      register(SMMURegister.cr0, hasATS ? 0x1d : 0xd, 4, "translation on")
    ]
  }

  private static var invalidateAllStreams: SMMUCommand {
    var command = SMMUCommand(.invalidateStreamRange)
    command[.streamRange] = 31
    return command
  }

  // MARK: Stream table

  /// Makes a stream known: its leaf, full of aborting entries (`arm_smmu_init_sid_strtab`).
  public mutating func prepareLeaf(
    of stream: UInt32, frames: inout some FrameAllocator
  ) throws(Failure) -> [Step<Never>] {
    let index = UInt64(stream) >> Self.split
    if leaves[index] != nil && entries[stream] != nil { return [] }
    var writes: [MemoryWrite] = []
    if entries.keys.allSatisfy({ UInt64($0) >> Self.split != index }) {
      guard let leaf = leaves[index] ?? frames.allocate(size: 64 << Self.split) else {
        throw .noMemory
      }
      leaves[index] = leaf
      for entry in 0..<(UInt64(1) << Self.split) {
        writes.append(MemoryWrite(leaf + entry * 64, StreamTableEntry.abort[word: 0]))
      }
      writes.append(MemoryWrite(levelOne + index * 8, leaf.rawValue | (Self.split + 1)))
    }
    entries[stream] = .abort
    return [
      Step(
        agent, "arm_smmu_init_sid_strtab",
        "StreamID \(hex(UInt64(stream))): entry at \(address(of: stream) ?? 0) aborts",
        .write(writes))
    ]
  }

  /// Where a stream's entry stands; `nil` for a stream whose leaf is not there.
  public func address(of stream: UInt32) -> PA? {
    leaves[UInt64(stream) >> Self.split].map { $0 + (UInt64(stream) & lowBits(Self.split)) * 64 }
  }

  /// The entry of a stream, as last written.
  public func entry(of stream: UInt32) -> StreamTableEntry { entries[stream] ?? .abort }

  /// Rewrites a live entry, hitlessly where that is possible (`arm_smmu_write_ste`).
  public mutating func write(
    _ entry: StreamTableEntry, of stream: UInt32, function: String, text: String
  ) -> [Step<Never>] {
    let update = EntryUpdate(
      from: self.entry(of: stream), to: entry, used: { $0.used },
      safe: { kernel.has(.hitlessMEVAndEATS) ? StreamTableEntry.updateSafe($0, $1) : .init() })
    var steps: [Step<Never>] = []
    for (number, batch) in update.batches.enumerated() {
      let suffix = update.batches.count > 1 ? " (\(number + 1) of \(update.batches.count))" : ""
      steps.append(store(batch, stream, function, text + suffix))
      var command = SMMUCommand(.invalidateStream)
      command[.stream] = stream
      command[.leaf] = true
      steps += send([command], "arm_smmu_ste_writer_sync_entry", "CFGI_STE")
    }
    return steps
  }

  private mutating func store(
    _ entry: StreamTableEntry, _ stream: UInt32, _ function: String, _ text: String
  ) -> Step<Never> {
    let old = self.entry(of: stream)
    entries[stream] = entry
    let place = address(of: stream) ?? 0
    let changed = (0..<StreamTableEntry.wordCount).filter { old[word: $0] != entry[word: $0] }
    return Step(
      agent, function, "STE of StreamID \(hex(UInt64(stream))): \(text)",
      .write(changed.map { MemoryWrite(place + UInt64($0) * 8, entry[word: $0]) })
    ).carrying(.streamEntry(of: stream))
  }

  // MARK: Commands

  /// Queues commands with a CMD_SYNC behind them and moves SMMU_CMDQ_PROD
  /// (`arm_smmu_cmdq_issue_cmdlist`).
  public mutating func send(
    _ commands: [SMMUCommand], _ function: String, _ text: String
  ) -> [Step<Never>] {
    var writes: [MemoryWrite] = []
    let commands = commands + [SMMUCommand(.sync)]
    for command in commands {
      let slot = UInt64(commandProducer) & lowBits(Self.queueBits)
      for word in 0..<SMMUCommand.wordCount {
        let place = commandQueue + slot * 16 + UInt64(word) * 8
        writes.append(MemoryWrite(place, command[word: word]))
      }
      // The index and its wrap bit.
      commandProducer = (commandProducer + 1) & UInt32(lowBits(Self.queueBits + 1))
    }
    return [
      Step(agent, function, text, .write(writes)).carrying(.smmuCommands(commands)),
      Step(
        agent, function, "SMMU_CMDQ_PROD = \(hex(UInt64(commandProducer)))",
        .mmio(base + SMMURegister.commandQueueProducer, UInt64(commandProducer), width: 4)
      ).carrying(.queuePointer),
    ]
  }
}

extension StreamTableEntry {
  /// Linux's aborting entry (`arm_smmu_make_abort_ste`).
  public static var abort: Self {
    var entry = Self()
    entry[.valid] = true
    return entry
  }

  /// Linux's bypass entry without attribute overrides (`arm_smmu_make_bypass_ste`).
  public static var bypass: Self {
    var entry = abort
    entry[.config] = .bypass
    return entry
  }

  /// Stage 1 through a single CD (`arm_smmu_make_cdtable_ste`).
  public static func stage1(context: PA) -> Self {
    var entry = abort
    entry[.config] = .stage1
    entry[.contextPointer] = context.rawValue >> 6
    entry[.defaultSubstream] = .substream0
    entry[.contextInnerCache] = 1
    entry[.contextOuterCache] = 1
    entry[.contextShareability] = 3
    return entry
  }

  /// Stage 2 alone (`arm_smmu_make_s2_domain_ste`).
  public static func stage2(_ table: PageTable, vmid: UInt16, outputSize: AddressSizeField) -> Self
  {
    var entry = abort
    entry[.config] = .stage2
    entry[.vmid] = vmid
    entry[.stage2InputSize] = UInt8(truncatingIfNeeded: 64 - table.inputBits)
    // SL0 counts levels up from the deepest start level that the granule allows.
    let deepest = table.granule == 12 ? 2 : 3
    entry[.stage2StartLevel] = UInt8(truncatingIfNeeded: max(0, deepest - table.startLevel))
    entry[.stage2InnerCache] = 1
    entry[.stage2OuterCache] = 1
    entry[.stage2Shareability] = 3
    entry[.stage2Granule] = table.granule == 12 ? .kib4 : table.granule == 14 ? .kib16 : .kib64
    entry[.stage2OutputSize] = outputSize
    entry[.stage2AArch64] = true
    entry[.stage2ProtectedWalk] = true
    entry[.stage2Record] = true
    entry[.stage2Table] = table.root.rawValue >> 4
    return entry
  }
}

extension ContextDescriptor {
  /// The memory attributes that Linux's stage 1 tables index (`ARM_LPAE_MAIR_ATTR_*`): 0
  /// non-cacheable, 1 write-back, 2 device, 3 inner-outer cacheable.
  static let linuxMemoryAttributes: UInt64 = 0xffff_ffff_f404_ff44

  /// The CD of a paging domain (`arm_smmu_make_s1_cd`).
  public static func paging(
    _ table: PageTable, asid: UInt16, outputSize: AddressSizeField
  ) -> Self {
    var descriptor = Self()
    descriptor[.inputSize0] = UInt8(truncatingIfNeeded: 64 - table.inputBits)
    descriptor[.granule0] = table.granule == 12 ? .kib4 : table.granule == 14 ? .kib16 : .kib64
    descriptor[.innerCache0] = 1
    descriptor[.outerCache0] = 1
    descriptor[.shareability0] = 3
    descriptor[.walkDisabled1] = true
    descriptor[.valid] = true
    descriptor[.outputSize] = outputSize
    descriptor[.aarch64] = true
    descriptor[.record] = true
    descriptor[.abort] = true
    descriptor[.sharedASID] = true
    descriptor[.asid] = asid
    descriptor[.table0] = table.root.rawValue >> 4
    descriptor[.memoryAttributes] = linuxMemoryAttributes
    return descriptor
  }
}
