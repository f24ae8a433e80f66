internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// Translated transactions and translation requests of PCIe ATS (IHI 0070, 3.9.1).
  @inline(never)
  mutating func answerATS<Observer: TranslationObserver>(
    _ transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) -> TranslationResult {
    transaction.kind == .translated
      ? answerTranslated(transaction, memory, &observer)
      : answerRequest(transaction, memory, &observer)
  }

  // MARK: Translated transactions (3.9.1.3)

  private mutating func answerTranslated<Observer: TranslationObserver>(
    _ transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) -> TranslationResult {
    guard profile.idr0[.ats], registers.control.contains(.enabled) else {
      return forbid(transaction, TranslationContext(), memory)
    }
    let address = transaction.address.rawValue
    guard registers.control.contains(.checksTranslated) else {
      return address &>> profile.outputBits == 0 ? .bypassed(PA(address)) : .aborted
    }
    // The STE decides; a PASID plays no part (SMMU_IDR3.PASIDTT is 0).
    let entry: StreamTableEntry
    do throws(WalkFault) {
      entry = try streamEntry(transaction.streamID, memory, &observer)
    } catch {
      return abortTranslated(error, transaction, memory)
    }
    guard entry[.valid] else {
      return abortTranslated(.configuration(.badStreamEntry), transaction, memory)
    }
    let config = entry[.config]
    guard !config.aborts else { return .aborted }
    guard !isIllegal(entry) else {
      return abortTranslated(.configuration(.badStreamEntry), transaction, memory)
    }
    var context = TranslationContext()
    context.mergesEvents = entry[.mergeEvents]
    guard config != .bypass, entry[.ats] == .full || entry[.ats] == .split else {
      return forbid(transaction, context, memory)
    }
    guard address &>> profile.outputBits == 0 else { return .aborted }
    guard entry[.ats] == .split else { return .bypassed(PA(address)) }
    context.usesStage2 = true
    context.stage2 = stage2Regime(of: entry)
    return translateIPA(transaction, context, memory, &observer)
  }

  /// Split-stage ATS: the device holds an IPA, stage 2 still applies.
  private mutating func translateIPA<Observer: TranslationObserver>(
    _ transaction: Transaction, _ context: TranslationContext, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) -> TranslationResult {
    let needs = AccessNeeds(isWrite: transaction.isWrite)
    var plain = transaction
    (plain.substreamID, plain.isPrivileged, plain.isInstruction) = (nil, false, false)
    do throws(WalkFault) {
      let page = try translateStage2(
        transaction.address.rawValue, needs, .input, context.stage2, memory, &observer)
      return .translated(
        Translation(
          address: PA(page.address), pageShift: UInt8(truncatingIfNeeded: page.shift),
          permissions: .init(
            rawValue: page.permissions | TranslationPermissions.allStage1.rawValue),
          attributes: page.attributes))
    } catch {
      return report(error, plain, needs, context, memory)
    }
  }

  /// F_TRANSL_FORBIDDEN: traffic marked as translated that may not be (7.3.8).
  private mutating func forbid(
    _ transaction: Transaction, _ context: TranslationContext, _ memory: PhysicalMemory
  ) -> TranslationResult {
    var event = EventRecord()
    event[.kind] = .translationForbidden
    event[.stream] = transaction.streamID
    event[.read] = !transaction.isWrite
    event[.inputAddress] = transaction.address.rawValue
    return .faulted(event, recordMerging(event, context, memory))
  }

  private mutating func abortTranslated(
    _ fault: WalkFault, _ transaction: Transaction, _ memory: PhysicalMemory
  ) -> TranslationResult {
    guard registers.control2.contains(.recordsATSErrors) else { return .aborted }
    return report(fault, transaction, .incoming(transaction), TranslationContext(), memory)
  }

  // MARK: Translation requests (3.9.1.2)

  private mutating func answerRequest<Observer: TranslationObserver>(
    _ transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) -> TranslationResult {
    guard profile.idr0[.ats], registers.control.contains(.enabled) else {
      return refuse(transaction, memory)
    }
    let place: Int
    do throws(WalkFault) {
      if let refusal = try requestRefusal(transaction, memory, &observer) { return refusal }
      place = try context(for: transaction, memory, &observer)
    } catch {
      return answerRequestFault(error, transaction, memory)
    }
    let context = contexts.entries[place].value
    if context.outcome == .badContext {
      return answerRequestFault(.configuration(.badContext), transaction, memory)
    }
    let needs = AccessNeeds(transaction, context)
    do throws(WalkFault) {
      return .translated(
        try completion(of: transaction, needs, context, memory, &observer))
    } catch {
      return answerRequestFault(error, transaction, memory)
    }
  }

  /// Unsupported Request, where the STE keeps the device from using ATS.
  private mutating func requestRefusal<Observer: TranslationObserver>(
    _ transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> TranslationResult? {
    let entry = try streamEntry(transaction.streamID, memory, &observer)
    guard entry[.valid] else { throw .configuration(.badStreamEntry) }
    let config = entry[.config]
    guard !config.aborts else { return .refused(unsupported: true) }
    guard !isIllegal(entry) else { throw .configuration(.badStreamEntry) }
    let checks = registers.control.contains(.checksTranslated)
    let allowed = entry[.ats] == .full || (entry[.ats] == .split && checks)
    guard config != .bypass, allowed else { return refuse(transaction, memory) }
    return nil
  }

  /// The translation that the device gets: what may be granted of what it asks for.
  private mutating func completion<Observer: TranslationObserver>(
    of transaction: Transaction, _ needs: AccessNeeds, _ context: TranslationContext,
    _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> Translation {
    let address = transaction.address.rawValue
    guard context.outcome == .translate else {
      return Translation(
        address: PA(address), pageShift: 12, permissions: .all, attributes: .writeBack)
    }
    var page: PageMapping
    do throws(WalkFault) {
      page = try grantedPage(address, needs, context, memory, &observer)
    } catch {
      // A device that asked to write may be granted a read.
      guard error.kind == .permission, error.faultClass == .input, needs.isWrite else {
        throw error
      }
      let less = AccessNeeds(isPrivileged: needs.isPrivileged)
      page = try grantedPage(address, less, context, memory, &observer)
    }
    return Translation(
      address: PA(page.address), pageShift: UInt8(truncatingIfNeeded: page.shift),
      permissions: .init(rawValue: page.permissions), attributes: page.attributes)
  }

  private mutating func grantedPage<Observer: TranslationObserver>(
    _ address: UInt64, _ needs: AccessNeeds, _ context: TranslationContext,
    _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> PageMapping {
    guard context.usesStage1 else {
      guard address &>> profile.outputBits == 0 else { throw .stage1(.addressSize) }
      var page = try translateStage2(address, needs, .input, context.stage2, memory, &observer)
      page.permissions |= TranslationPermissions.allStage1.rawValue
      return page
    }
    var page = try walk(canonicalInput(address, context), needs, context, memory, &observer)
    // Split stage: the device holds the IPA, and comes back with it.
    if context.ats == .split { page.address = page.ipa }
    return page
  }

  private func canonicalInput(_ address: UInt64, _ context: TranslationContext) -> UInt64 {
    let isHigh = context.stage1.isHigh(address)
    let region = isHigh ? context.stage1.high : context.stage1.low
    guard region.ignoresTopByte else { return address }
    return isHigh ? address | 0xff00_0000_0000_0000 : address & 0x00ff_ffff_ffff_ffff
  }

  /// A translation fault gives a success that grants nothing; a configuration error Completer
  /// Abort.
  private mutating func answerRequestFault(
    _ fault: WalkFault, _ transaction: Transaction, _ memory: PhysicalMemory
  ) -> TranslationResult {
    guard !fault.kind.isTranslationRelated else {
      return .translated(
        Translation(
          address: PA(0), pageShift: 12, permissions: [], attributes: .writeBack))
    }
    let isRecorded =
      registers.control2.contains(.recordsATSErrors)
      && (fault.kind != .badStreamID || registers.control2.contains(.recordsBadStreams))
    if isRecorded {
      _ = report(fault, transaction, .incoming(transaction), TranslationContext(), memory)
    }
    return .refused(unsupported: false)
  }

  /// F_BAD_ATS_TREQ and Unsupported Request (7.3.6).
  private mutating func refuse(_ transaction: Transaction, _ memory: PhysicalMemory)
    -> TranslationResult
  {
    var event = EventRecord()
    event[.kind] = .badTranslationRequest
    event[.stream] = transaction.streamID
    if let substream = transaction.substreamID {
      event[.substreamValid] = true
      event[.substream] = substream
    }
    event[.requestSpan] = 1
    event[.requestRead] = true
    event[.requestWrite] = transaction.isWrite
    event[.requestExecute] = transaction.isInstruction
    event[.requestPrivileged] = transaction.isPrivileged
    event[.inputAddress] = transaction.address.rawValue & ~0xfff
    _ = recordEvent(event, memory)
    return .refused(unsupported: true)
  }
}
