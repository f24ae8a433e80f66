internal import ArmFormats
internal import Bits

extension TraceParser {
  /// The event of `kind` with the numbers of its line; `nil` when there are too few.
  func event(
    _ kind: TraceEventKind, _ v: TraceValues, _ line: borrowing Span<UInt8>, _ start: Int
  ) -> TraceEvent? {
    switch kind {
    case .commandOpcode: commandName(in: line, start).map { .command($0) }
    case .commandError: v.count >= 1 ? .commandError(v[v.count - 1]) : nil
    case .event, .eventOfOldName:
      v.count >= 1
        ? eventName(in: line, start).map { .event($0, stream: v.short(v.count - 1)) } : nil
    case .translated, .bypassed, .aborted, .disabled: access(kind, v)
    case .smmuWrite, .commandFetch, .invalidateStream, .invalidateStreamRange,
      .invalidateContext, .tlbiNHAll, .tlbiS12VMAll, .invalidateRange,
      .invalidateStage1Range, .invalidateASID, .invalidateASIDAlone:
      commandEvent(kind, v)
    case .configurationMiss, .streamLookup, .streamTable, .streamEntry, .context, .contextOutput,
      .contextTable,
      .descriptor, .cacheInsert, .cacheHit:
      walkEvent(kind, v)
    case .itsSync, .itsMapd, .itsMapc, .itsMapti, .itsMapi, .itsInv, .itsInvall, .itsMovall,
      .itsMovi, .itsInt, .itsClear, .itsDiscard, .itsVmapp, .itsVmapti, .itsVmapi, .itsVmovi,
      .itsVmovp, .itsVsync, .itsVinvall:
      itsCommand(kind, v).map { .itsCommand($0) }
    case .messageControl, .controllerInterrupt, .controllerAdminCommand, .controllerIOCommand,
      .controllerPages, .controllerCompletionQueue, .controllerSubmissionQueue:
      deviceEvent(kind, v, line, start)
    default: interruptEvent(kind, v)
    }
  }

  private func access(_ kind: TraceEventKind, _ v: TraceValues) -> TraceEvent? {
    if kind == .translated {
      guard v.count >= 4 else { return nil }
      return .translated(
        TranslatedAccess(
          stream: v.short(0), address: v[1], output: v[2], permissions: v[3],
          stage: v.count > 4 ? v[4] : onlyStage))
    }
    guard v.count >= 3 else { return nil }
    let (stream, address, isWrite) = (v.short(0), v[1], v[2] != 0)
    return kind == .aborted
      ? .aborted(stream: stream, address: address, isWrite: isWrite)
      : .bypassed(
        stream: stream, address: address, isWrite: isWrite, isOn: kind == .bypassed)
  }

  private func commandEvent(_ kind: TraceEventKind, _ v: TraceValues) -> TraceEvent? {
    switch (kind, v.count) {
    case (.smmuWrite, 3...): .smmuWrite(offset: v[0], value: v[1], width: v[2])
    case (.commandFetch, 4...):
      .commandFetch(producer: v[0], consumer: v[1], consumerWrap: v[3])
    case (.invalidateStream, 1...): .invalidateStream(v.short(0))
    case (.invalidateStreamRange, 2...):
      .invalidateStreamRange(first: v.short(0), last: v.short(1))
    case (.invalidateContext, 1...): .invalidateContext(v.short(0))
    case (.tlbiNHAll, 0): .invalidateMachine(vmid: 0)
    case (.tlbiNHAll, 1...), (.tlbiS12VMAll, 1...): .invalidateMachine(vmid: v[0])
    case (.invalidateASID, 2...): .invalidateASID(asid: v[0], vmid: v[1])
    case (.invalidateASIDAlone, 1...): .invalidateASID(asid: v[0], vmid: 0)
    case (.invalidateRange, 7...), (.invalidateStage1Range, 7...):
      .invalidateRange(
        RangeInvalidation(
          vmid: v[0], asid: v[1], address: v[2], granule: v[3], pages: v[4], level: v[5],
          isLeaf: v[6] != 0, stage: v.count > 7 ? v[7] : onlyStage))
    default: nil
    }
  }

  private func walkEvent(_ kind: TraceEventKind, _ v: TraceValues) -> TraceEvent? {
    switch (kind, v.count) {
    case (.configurationMiss, 1...): .configurationMiss(v.short(0))
    case (.streamLookup, 1...): .streamLookup(v.short(0))
    case (.streamTable, 6...):
      .streamTable(
        StreamTableRead(
          base: v[1], entryIndex: v[2], secondLevel: v[3], secondIndex: v[4],
          largestIndex: v[5]))
    case (.streamEntry, 1...): .streamEntry(v[0])
    case (.context, 1...): .context(v[0])
    case (.contextOutput, 1...): .contextOutput(v[0])
    case (.contextTable, 4...):
      .contextTable(ContextTable(index: v[0], sizeField: v[1], table: v[2], granuleBits: v[3]))
    case (.descriptor, 6...): .descriptor(descriptor(v, at: v.count - 6))
    case (.cacheInsert, 4): .cacheInsert(asid: v[0], vmid: 0, address: v[1])
    case (.cacheHit, 2), (.cacheHit, 5): .cacheHit(asid: v[0], vmid: 0, address: v[1])
    case (.cacheInsert, 3...): .cacheInsert(asid: v[0], vmid: v[1], address: v[2])
    case (.cacheHit, 3...): .cacheHit(asid: v[0], vmid: v[1], address: v[2])
    default: nil
    }
  }

  /// - Parameter first: the place of the level, behind the stage where the line has one.
  private func descriptor(_ v: TraceValues, at first: Int) -> DescriptorFetch {
    let size = v[first + 2]
    return DescriptorFetch(
      stage: first > 0 ? v[0] : onlyStage, level: v[first], input: v[first + 1],
      entryBits: UInt64(size == 0 ? 0 : size.trailingZeroBitCount), base: v[first + 3],
      index: v[first + 4], value: v[first + 5])
  }

  private func interruptEvent(_ kind: TraceEventKind, _ v: TraceValues) -> TraceEvent? {
    switch (kind, v.count) {
    case (.itsWrite, 3...): .itsWrite(offset: v[0], value: v[1], width: v[2])
    case (.itsCommandFetch, 2...): .itsCommandFetch(index: v[0])
    case (.deviceRead, 4...):
      .deviceRead(device: v.short(0), isValid: v[1] != 0, size: v[2], table: v[3])
    case (.interruptRead, 6...):
      .interruptRead(
        table: v[0], event: v.short(1), isValid: v[2] != 0, isVirtual: v[2] != 0 && v[3] == 0,
        intid: v.short(4), collection: v.short(5))
    case (.collectionRead, 3...):
      .collectionRead(collection: v.short(0), isValid: v[1] != 0, target: v[2])
    case (.message, 4...):
      .message(offset: v[0], data: v[1], width: v[2], device: v.short(3))
    case (.redistributorWrite, 4...):
      .redistributorWrite(cpu: v[0], offset: v[1], value: v[2], width: v[3])
    case (.acknowledge, 2...): .acknowledge(cpu: v[0], intid: v[1])
    default: nil
    }
  }

  /// The command as it stood in the queue, put together from its fields. DW3 is not in the trace,
  /// save for MOVALL's; neither is the ICID of INVALL, which is 0 here.
  private func itsCommand(_ kind: TraceEventKind, _ v: TraceValues) -> ITSCommand? {
    switch (kind, v.count) {
    case (.itsSync, _): make(.sync)
    case (.itsInvall, _): make(.invall)
    case (.itsMapd, 4...):
      make(.mapd, v[0], v[1] & 0x1f, (v[2] & 0xfff_ffff_ffff) &<< 8 | valid(v[3]))
    case (.itsMapc, 3...): make(.mapc, 0, 0, v[0] & 0xffff | v[1] &<< 16 | valid(v[2]))
    case (.itsMapti, 4...): make(.mapti, v[0], v[1] | v[3] &<< 32, v[2] & 0xffff)
    case (.itsMapi, 3...): make(.mapi, v[0], v[1], v[2] & 0xffff)
    case (.itsMovi, 3...): make(.movi, v[0], v[1], v[2] & 0xffff)
    case (.itsInt, 2...): make(.int, v[0], v[1])
    case (.itsClear, 2...): make(.clear, v[0], v[1])
    case (.itsInv, 2...): make(.inv, v[0], v[1])
    case (.itsDiscard, 2...): make(.discard, v[0], v[1])
    case (.itsVmapp, 5...): virtual(.vmapp, 0, 0, v[0])
    case (.itsVmapti, 5...): virtual(.vmapti, v[0], v[1], v[2], interrupt: v[3])
    case (.itsVmapi, 4...): virtual(.vmapi, v[0], v[1], v[2], interrupt: v[1])
    case (.itsVmovi, 3...): virtual(.vmovi, v[0], v[1], v[2])
    case (.itsVmovp, 2...): virtual(.vmovp, 0, 0, v[0])
    case (.itsVinvall, 1...): virtual(.vinvall, 0, 0, v[0])
    case (.itsVsync, _): virtual(.vsync, 0, 0, 0)
    case (.itsMovall, 2...):
      ITSCommand(UInt64(ITSOpcode.movall.rawValue), 0, v[0] &<< 16, v[1] &<< 16)
    default: nil
    }
  }

  private func make(
    _ opcode: ITSOpcode, _ device: UInt64 = 0, _ word1: UInt64 = 0, _ word2: UInt64 = 0
  ) -> ITSCommand {
    ITSCommand(UInt64(opcode.rawValue) | device &<< 32, word1, word2, 0)
  }

  /// A command of GICv4, as far as a story needs it.
  private func virtual(
    _ opcode: ITSOpcode, _ device: UInt64, _ event: UInt64, _ virtualPE: UInt64,
    interrupt: UInt64 = 0
  ) -> ITSCommand {
    var command = make(opcode, device, event)
    command[.virtualPE] = UInt16(truncatingIfNeeded: virtualPE)
    if interrupt != 0 { command[.virtualINTID] = UInt32(truncatingIfNeeded: interrupt) }
    return command
  }

  private func valid(_ flag: UInt64) -> UInt64 { flag != 0 ? 1 &<< 63 : 0 }
}

extension TraceValues {
  /// Number `index` as 32 bits.
  func short(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: self[index]) }
}
