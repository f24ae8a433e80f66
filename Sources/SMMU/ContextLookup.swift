internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// The place in `contexts` of the configuration that `transaction` uses, decoded.
  @inline(__always)
  mutating func context<Observer: TranslationObserver>(
    for transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> Int {
    let key = ConfigurationKey.make(transaction.streamID, transaction.substreamID)
    let place = contexts.index(of: key)
    if cachesContexts && contexts.entries[place].key == key {
      if Observer.isOn {
        observer.didRead(
          .init(.cachedContext, .none, at: 0, 0, of: UInt64(transaction.streamID)))
      }
      return place
    }
    let fresh = try fetchContext(transaction, memory, &observer)
    contexts.insert(key, fresh)
    return place
  }

  /// Fetches and decodes the STE and, where stage 1 translates, the CD, in the order of
  /// IHI 0070, 7.3.22.
  private mutating func fetchContext<Observer: TranslationObserver>(
    _ transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> TranslationContext {
    let entry = try streamEntry(transaction.streamID, memory, &observer)
    guard entry[.valid] else { throw .configuration(.badStreamEntry) }
    var context = TranslationContext()
    let config = entry[.config]
    guard !config.aborts else { return context }
    guard !isIllegal(entry) else { throw .configuration(.badStreamEntry) }
    context.mergesEvents = entry[.mergeEvents]
    if profile.idr1[.overridesPermissions] {
      context.privilegeConfig = entry[.privilegeConfig]
      context.instructionConfig = entry[.instructionConfig]
    }
    context.ats = profile.idr0[.ats] && config != .bypass ? entry[.ats] : .disabled
    context.outcome = .bypass
    context.usesStage2 = config.translatesStage2
    if context.usesStage2 { context.stage2 = stage2Regime(of: entry) }
    let substream = try selectedSubstream(transaction.substreamID, entry)
    guard let substream else {
      if context.usesStage2 { context.outcome = .translate }
      return context
    }
    context.outcome = .translate
    context.usesStage1 = true
    let descriptor = try contextDescriptor(
      substream, transaction.streamID, entry, context, memory, &observer)
    guard let regime = stage1Regime(of: descriptor, through: entry) else {
      // A fetched CD may be cached in any state (5.4.1).
      context.outcome = .badContext
      context.usesStage1 = false
      return context
    }
    context.stage1 = regime
    context.checksUnprivileged = regime.low.refusesUnprivileged || regime.high.refusesUnprivileged
    context.space = AddressSpaceTag.make(
      world: regime.world, asid: descriptor[.asid],
      vmid: profile.idr0[.stage2] ? entry[.vmid] : 0, nested: context.usesStage2)
    if personality.contains(.translatesTablesNotDescriptors) && context.usesStage2 {
      try translateTables(of: &context, memory, &observer)
    }
    return context
  }

  /// Which CD of the stream's table serves the transaction; `nil` where stage 1 is off or
  /// bypassed (5.2, S1CDMax and S1DSS; 7.3.7; 7.3.9).
  private func selectedSubstream(_ substream: UInt32?, _ entry: StreamTableEntry)
    throws(WalkFault) -> UInt32?
  {
    let isOn = entry[.config].translatesStage1
    let hasSubstreams = profile.idr1[.substreamBits] != 0 && entry[.substreamBits] != 0
    guard let substream else {
      guard isOn else { return nil }
      guard hasSubstreams else { return 0 }
      switch entry[.defaultSubstream] {
      case .bypassStage1: return nil
      case .substream0: return 0
      default: throw .configuration(.streamDisabled)
      }
    }
    guard isOn, hasSubstreams, UInt64(substream) &>> UInt64(entry[.substreamBits]) == 0 else {
      throw .configuration(.badSubstreamID)
    }
    if substream == 0 && entry[.defaultSubstream] == .substream0 {
      throw .configuration(.streamDisabled)
    }
    return substream
  }

  private mutating func contextDescriptor<Observer: TranslationObserver>(
    _ substream: UInt32, _ stream: UInt32, _ entry: StreamTableEntry,
    _ context: borrowing TranslationContext, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> ContextDescriptor {
    let place = try contextAddress(substream, stream, entry, context, memory, &observer)
    let target = try contextFetchAddress(place, context, memory, &observer)
    guard let descriptor = memory.load(ContextDescriptor.self, at: PA(target)) else {
      throw .configuration(.contextFetch, at: target)
    }
    if Observer.isOn {
      observer.didRead(
        .init(.context, .none, at: target, words: descriptor.storage, of: UInt64(substream)))
    }
    return descriptor
  }

  /// The address of a CD in the stream's table: a PA or, with stage 2, an IPA (5.3).
  private mutating func contextAddress<Observer: TranslationObserver>(
    _ substream: UInt32, _ stream: UInt32, _ entry: StreamTableEntry,
    _ context: borrowing TranslationContext, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> UInt64 {
    let index = UInt64(substream)
    let size = profile.idr1[.substreamBits] == 0 ? 0 : UInt64(entry[.substreamBits])
    let format = entry[.contextTableFormat]
    guard size != 0, format == 1 || format == 2 else {
      // A linear table is aligned to its size.
      return (entry.contextAddress & ~lowBits(size + 6)) &+ index &* 64
    }
    let leafBits: UInt64 = format == 1 ? 6 : 10
    let levelBits = size > leafBits ? size - leafBits + 3 : 3
    let base = entry.contextAddress & ~lowBits(max(levelBits, 6))
    let place = base &+ (index &>> leafBits) &* 8
    let key = ConfigurationKey.make(stream, UInt32(truncatingIfNeeded: index &>> leafBits))
    var word = contextTables.find(key)
    if word == nil {
      let target = try contextFetchAddress(place, context, memory, &observer)
      guard let fetched = memory.load64(PA(target)) else {
        throw .configuration(.contextFetch, at: target)
      }
      if Observer.isOn {
        observer.didRead(.init(.contextTable, .none, at: target, fetched, of: index))
      }
      contextTables.insert(key, fetched)
      word = fetched
    }
    let descriptor = ContextTableDescriptor(rawValue: word ?? 0)
    let table = descriptor.tableAddress & ~lowBits(leafBits + 6)
    guard descriptor[.valid], context.usesStage2 || table &>> profile.outputBits == 0 else {
      throw .configuration(.badSubstreamID)
    }
    return table &+ (index & lowBits(leafBits)) &* 64
  }

  /// The PA of a CD or L1CD.
  private mutating func contextFetchAddress<Observer: TranslationObserver>(
    _ place: UInt64, _ context: borrowing TranslationContext, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) throws(WalkFault) -> UInt64 {
    guard context.usesStage2 else { return place }
    return try translateStage2(
      place, .walk, .context, context.stage2, memory, &observer
    ).address
  }

  /// QEMU's order: both start tables go through stage 2 before anything is walked.
  private mutating func translateTables<Observer: TranslationObserver>(
    of context: inout TranslationContext, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) {
    let stage2 = context.stage2
    if context.stage1.low.isWalked {
      context.stage1.low.table = try startTable(
        context.stage1.low.table, stage2, memory, &observer)
    }
    if context.stage1.high.isWalked {
      context.stage1.high.table = try startTable(
        context.stage1.high.table, stage2, memory, &observer)
    }
  }

  private mutating func startTable<Observer: TranslationObserver>(
    _ table: UInt64, _ regime: StageTwoRegime, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) throws(WalkFault) -> UInt64 {
    do throws(WalkFault) {
      return try translateStage2(table, .walk, .table, regime, memory, &observer).address
    } catch {
      var fault = error
      fault.isContextTime = true
      throw fault
    }
  }
}
