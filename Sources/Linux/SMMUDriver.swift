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
  private var eventConsumer: UInt32 = 0
  /// Whether the SMMU offers ATS (`ARM_SMMU_FEAT_ATS`): translated transactions are checked.
  public var hasATS = false

  /// log2 of the entries of the queues: commands have 16 bytes, events 32.
  public struct QueueBits: Equatable, Sendable {
    public let commands: UInt64
    public let events: UInt64

    public init(commands: UInt64, events: UInt64) {
      self.commands = commands
      self.events = events
    }

    /// As many as a contiguous allocation has room for, at most 2^19 (`Q_MAX_SZ_SHIFT`,
    /// SMMU_IDR1).
    public init(pageShift: UInt64) {
      self.init(commands: min(19, pageShift + 8 - 4), events: min(19, pageShift + 8 - 5))
    }

    /// Small queues: 256 entries each.
    public static let small = Self(commands: 8, events: 8)
  }

  private let queueBits: QueueBits

  /// Allocates the queues and the first level; leaves come with the streams.
  ///
  /// - Parameter placed: addresses of the first level and of the leaf of StreamIDs 0 to 255 in a
  ///   recording.
  public init(
    agent: Agent, kernel: Kernel = Kernel(Kernel.newest), base: PA, streamBits: UInt64,
    placed: (levelOne: PA, leaf: PA)? = nil, queues: QueueBits = .small,
    frames: inout some FrameAllocator
  ) throws(Failure) {
    guard let commands = frames.allocate(size: 16 << queues.commands),
      let events = frames.allocate(size: 32 << queues.events),
      let table = placed?.levelOne ?? frames.allocate(size: 8 << (streamBits - Self.split))
    else { throw .noMemory }
    self.agent = agent
    self.kernel = kernel
    self.base = base
    self.streamBits = streamBits
    queueBits = queues
    commandQueue = commands
    eventQueue = events
    levelOne = table
    leaves = placed.map { [0: $0.leaf] } ?? [:]
  }

  // MARK: Probe

  /// Reads the ID registers for a VMM (`arm_smmu_hw_info`).
  public var hardwareInfo: Step<Never> {
    let registers = [
      SMMURegister.idr0, SMMURegister.idr1, SMMURegister.idr2, SMMURegister.idr3,
      SMMURegister.idr4, SMMURegister.idr5, SMMURegister.iidr, SMMURegister.aidr,
    ]
    return Step(agent, "arm_smmu_hw_info", "SMMU: what it can do", .decide)
      .reading(registers.map { read($0) }).during(.iommufdHardwareInfo)
  }

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
    func register(
      _ offset: UInt64, _ value: UInt64, _ width: Int, _ text: String, acknowledged: UInt64? = nil
    ) -> Step<Never> {
      Step(agent, reset, "SMMU: \(text)", .mmio(base + offset, value, width: width))
        .reading(after: acknowledged.map { [read($0)] } ?? [])
    }
    let acknowledge = SMMURegister.cr0Acknowledge
    let interrupts = SMMURegister.interruptControl
    let identification =
      [SMMURegister.idr0, SMMURegister.idr1, SMMURegister.idr3, SMMURegister.idr5]
      + (kernel.has(.smmuReadsIIDR) ? [SMMURegister.iidr] : [])
    steps += [
      Step(agent, "arm_smmu_device_hw_probe", "SMMU: what it is", .decide)
        .reading(identification.map { read($0) }),
      register(SMMURegister.cr0, 0, 4, "off", acknowledged: acknowledge)
        .reading([read(SMMURegister.cr0)]),
      register(SMMURegister.cr1, 0xd75, 4, "tables and queues are inner shareable, write-back"),
      register(
        SMMURegister.cr2, kernel.has(.smmuE2HByStream) ? 0x6 : 0x7, 4,
        "record unknown StreamIDs; private TLB maintenance"),
      register(
        SMMURegister.streamTableBase, levelOne.rawValue | 1 << 62, 8,
        "stream table at \(levelOne)"),
      register(
        SMMURegister.streamTableConfig, 1 << 16 | Self.split << 6 | streamBits, 4,
        "two levels, 2^\(streamBits) StreamIDs"),
      register(
        SMMURegister.commandQueueBase, commandQueue.rawValue | 1 << 62 | queueBits.commands, 8,
        "command queue at \(commandQueue)"),
      register(SMMURegister.commandQueueProducer, 0, 4, "the command queue is empty"),
      register(SMMURegister.commandQueueConsumer, 0, 4, "the command queue is empty"),
      register(SMMURegister.cr0, 0x8, 4, "command queue on", acknowledged: acknowledge),
    ]
    steps += post(Self.invalidateAllStreams, reset, "CFGI_ALL")
    steps += post(SMMUCommand(.tlbiNSNHAll), reset, "TLBI_NSNH_ALL")
    steps += [
      register(
        SMMURegister.eventQueueBase, eventQueue.rawValue | 1 << 62 | queueBits.events, 8,
        "event queue at \(eventQueue)"),
      register(SMMURegister.eventQueueProducer, 0, 4, "the event queue is empty"),
      register(SMMURegister.eventQueueConsumer, 0, 4, "the event queue is empty"),
      register(SMMURegister.cr0, 0xc, 4, "event queue on", acknowledged: acknowledge),
    ]
    if hasATS {
      steps.append(
        register(
          SMMURegister.cr0, 0x1c, 4, "translated transactions are checked",
          acknowledged: acknowledge))
    }
    steps += [
      register(
        interrupts, 0, 4, "interrupts off",
        acknowledged: SMMURegister.interruptControlAcknowledge),
      register(SMMURegister.globalErrorMessage, 0, 8, "no message for global errors"),
      register(SMMURegister.eventQueueMessage, 0, 8, "no message for events"),
      register(
        interrupts, 0x5, 4, "interrupts on",
        acknowledged: SMMURegister.interruptControlAcknowledge),
      register(
        SMMURegister.cr0, hasATS ? 0x1d : 0xd, 4, "translation on", acknowledged: acknowledge),
    ]
    return steps.during(.smmuProbe)
  }

  private func read(_ offset: UInt64) -> RegisterRead { .register(base + offset, width: 4) }

  /// Takes `count` records from the event queue, one write of its consumer for each, as they come in
  /// (`arm_smmu_evtq_thread`, `queue_remove_raw`).
  public mutating func takeEvents(_ count: Int) -> [Step<Never>] {
    let produced = read(SMMURegister.eventQueueProducer)
    return (0..<max(0, count)).map { index in
      eventConsumer = (eventConsumer + 1) & UInt32(lowBits(queueBits.events + 1))
      return Step<Never>(
        agent, "arm_smmu_evtq_thread", "SMMU_EVENTQ_CONS = \(hex(UInt64(eventConsumer)))",
        .mmio(base + SMMURegister.eventQueueConsumer, UInt64(eventConsumer), width: 4)
      ).reading(index == 0 ? [produced] : [], after: index == count - 1 ? [produced] : [])
        .during(.smmuFault)
    }
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

  /// Returns the address of a stream's entry; `nil` for a stream without a leaf table.
  public func address(of stream: UInt32) -> PA? {
    leaves[UInt64(stream) >> Self.split].map { $0 + (UInt64(stream) & lowBits(Self.split)) * 64 }
  }

  /// The entry of a stream, as last written.
  public func entry(of stream: UInt32) -> StreamTableEntry { entries[stream] ?? .abort }

  /// Rewrites a live entry, hitlessly where that is possible (`arm_smmu_write_ste`), and says that it
  /// will be used soon. Nothing waits for that.
  ///
  /// Before `context-before-entry` an entry that translates is written in two parts, and another one at
  /// once, without the hint (`arm_smmu_write_strtab_ent`).
  public mutating func write(
    _ entry: StreamTableEntry, of stream: UInt32, function: String, text: String
  ) -> [Step<Never>] {
    let batches = batches(from: self.entry(of: stream), to: entry)
    var steps: [Step<Never>] = []
    for (number, batch) in batches.enumerated() {
      let suffix = batches.count > 1 ? " (\(number + 1) of \(batches.count))" : ""
      steps.append(store(batch, stream, function, text + suffix))
      var command = SMMUCommand(.invalidateStream)
      command[.stream] = stream
      command[.leaf] = true
      steps += post(command, "arm_smmu_ste_writer_sync_entry", "CFGI_STE")
    }
    guard kernel.has(.contextBeforeEntry) || entry[.config].rawValue & 3 != 0 else { return steps }
    guard entry[.config] != .bypass || kernel.has(.contextBeforeEntry) else { return steps }
    var hint = SMMUCommand(.prefetchConfiguration)
    hint[.stream] = stream
    return steps + queue([hint], "arm_smmu_write_ste", "PREFETCH_CFG")
  }

  /// The contents of an entry after each invalidation on its way to the new one.
  private func batches(
    from old: StreamTableEntry, to new: StreamTableEntry
  ) -> [StreamTableEntry] {
    guard !kernel.has(.contextBeforeEntry) else {
      return EntryUpdate(
        from: old, to: new, used: { $0.used },
        safe: { kernel.has(.hitlessMEVAndEATS) ? StreamTableEntry.updateSafe($0, $1) : .init() }
      ).batches
    }
    let translates = new[.config] == .stage1 || new[.config] == .stage2 || new[.config] == .nested
    guard translates else { return [new] }
    var rest = new
    rest[word: 0] = old[word: 0]
    return [rest, new]
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
    queue(commands + [SMMUCommand(.sync)], function, text).awaiting(
      read(SMMURegister.commandQueueConsumer))
  }

  /// Queues one command and waits for it: with its CMD_SYNC at once, or before
  /// `smmu-command-with-sync` one after the other (`arm_smmu_cmdq_issue_cmd_with_sync`).
  public mutating func post(
    _ command: SMMUCommand, _ function: String, _ text: String
  ) -> [Step<Never>] {
    guard !kernel.has(.smmuCommandWithSync) else { return send([command], function, text) }
    return queue([command], function, text) + send([], function, "CMD_SYNC")
  }

  /// Queues commands and moves SMMU_CMDQ_PROD once.
  private mutating func queue(
    _ commands: [SMMUCommand], _ function: String, _ text: String
  ) -> [Step<Never>] {
    var writes: [MemoryWrite] = []
    for command in commands {
      let slot = UInt64(commandProducer) & lowBits(queueBits.commands)
      for word in 0..<SMMUCommand.wordCount {
        let place = commandQueue + slot * 16 + UInt64(word) * 8
        writes.append(MemoryWrite(place, command[word: word]))
      }
      // The index and its wrap bit.
      commandProducer = (commandProducer + 1) & UInt32(lowBits(queueBits.commands + 1))
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

extension [Step<Never>] {
  /// The same steps, after the last of which the queue's consumer is polled until it has caught up
  /// (`arm_smmu_cmdq_poll_until_sync`).
  fileprivate func awaiting(_ consumer: RegisterRead) -> Self {
    var steps = self
    if let last = steps.popLast() { steps.append(last.reading(after: [consumer])) }
    return steps
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
