internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// Terminates or stalls a transaction that faulted, and records its event as the
  /// configuration wants (IHI 0070, 5.5 and 3.12).
  ///
  /// - Parameter place: of the configuration in `contexts`; -1 when there is none.
  @inline(never)
  mutating func fault(
    _ fault: WalkFault, _ transaction: Transaction, _ needs: AccessNeeds, at place: Int,
    _ memory: PhysicalMemory
  ) -> TranslationResult {
    let context = place < 0 ? faultingContext(transaction, fault) : contexts.entries[place].value
    return report(fault, transaction, needs, context, memory)
  }

  /// The same, under a configuration that the cache does not hold.
  mutating func report(
    _ fault: WalkFault, _ transaction: Transaction, _ needs: AccessNeeds,
    _ context: TranslationContext, _ memory: PhysicalMemory
  ) -> TranslationResult {
    var event = record(of: fault, transaction, needs)
    guard fault.kind.isTranslationRelated else {
      let isHidden =
        fault.kind == .badStreamID && !registers.control2.contains(.recordsBadStreams)
        && !personality.contains(.recordsEveryBadStream)
      if isHidden { return .faulted(event, .suppressed) }
      return .faulted(event, recordMerging(event, context, memory))
    }
    let policy = faultPolicy(fault, context)
    if policy.stalls { return stall(transaction, &event, memory) }
    let outcome: FaultRecording =
      policy.records ? recordMerging(event, context, memory) : .suppressed
    return policy.aborts ? .faulted(event, outcome) : .ignored(event, outcome)
  }

  /// The configuration under which a fault before the end of the lookup is reported: that of the
  /// STE, when it has been read.
  private func faultingContext(_ transaction: Transaction, _ fault: WalkFault)
    -> TranslationContext
  {
    var context = TranslationContext()
    guard fault.kind != .badStreamID, fault.kind != .streamEntryFetch else { return context }
    let entry = lastEntry
    context.mergesEvents = entry[.mergeEvents]
    context.usesStage2 = entry[.config].translatesStage2
    if context.usesStage2 && fault.kind.isTranslationRelated {
      context.stage2 = stage2Regime(of: entry)
    }
    return context
  }

  /// Returns A, R and S of the faulting stage.
  private func faultPolicy(_ fault: WalkFault, _ context: borrowing TranslationContext)
    -> (stalls: Bool, records: Bool, aborts: Bool)
  {
    if fault.stage2 { return (context.stage2.stalls, context.stage2.records, true) }
    // The only other fault that is not of the input is one that lost its stage.
    if context.usesStage2 && fault.faultClass != .input {
      return (context.stage2.stalls, context.stage2.records, true)
    }
    // An address size fault of a bypassed stage 1 has no CD that could say anything (3.4).
    guard context.usesStage1 else { return (false, true, true) }
    return (context.stage1.stalls, context.stage1.records, context.stage1.aborts)
  }

  /// The event record of a fault (7.3.2 to 7.3.16).
  private func record(of fault: WalkFault, _ transaction: Transaction, _ needs: AccessNeeds)
    -> EventRecord
  {
    var event = EventRecord()
    event[.kind] = fault.kind
    event[.stream] = transaction.streamID
    if let substream = transaction.substreamID {
      if fault.kind != .badSubstreamID { event[.substreamValid] = true }
      event[.substream] = substream
    }
    switch fault.kind {
    case .streamEntryFetch: event[.fetchAddress] = fault.address &>> 3
    case .contextFetch:
      if personality.contains(.misplacesContextFetchAddress) {
        event[.inputAddress] = fault.address
      } else {
        event[.fetchAddress] = fault.address &>> 3
      }
    case .walkAbort, .translation, .addressSize, .access, .permission:
      describeAccess(fault, transaction, needs, &event)
    default: break
    }
    return event
  }

  private func describeAccess(
    _ fault: WalkFault, _ transaction: Transaction, _ needs: AccessNeeds,
    _ event: inout EventRecord
  ) {
    event[.privileged] = needs.isPrivileged
    event[.instruction] = needs.isInstruction
    event[.read] = !needs.isWrite
    let isContextTime = fault.faultClass == .context || fault.isContextTime
    if isContextTime && personality.contains(.reportsReadForContextFaults) { event[.read] = true }
    event[.stage2] = fault.stage2
    event[.faultClass] = fault.faultClass
    event[.inputAddress] = transaction.address.rawValue
    if fault.kind == .walkAbort {
      event[.fetchAddress] = fault.address &>> 3
    } else if personality.contains(.reportsWholeIPA) {
      event[word: 3] = fault.address
    } else {
      event[.ipa] = fault.address &>> 12
    }
    if fault.stage2 && fault.faultClass == .table && fault.kind == .permission {
      event[.tableRead] = !fault.tableWrite && !personality.contains(.omitsTableReadFlag)
    }
  }
}
