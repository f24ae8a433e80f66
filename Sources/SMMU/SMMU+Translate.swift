internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// The answer to a transaction of any kind.
  @inline(__always)
  mutating func answer<Observer: TranslationObserver>(
    _ transaction: Transaction, _ memory: PhysicalMemory, _ observer: inout Observer
  ) -> TranslationResult {
    guard transaction.kind == .untranslated else {
      return answerATS(transaction, memory, &observer)
    }
    guard registers.control.contains(.enabled) else { return answerDisabled(transaction) }
    let place: Int
    do throws(WalkFault) {
      place = try context(for: transaction, memory, &observer)
    } catch {
      return fault(error, transaction, .incoming(transaction), at: -1, memory)
    }
    let needs = AccessNeeds(transaction, contexts.entries[place].value)
    if contexts.entries[place].value.usesStage1 {
      return answerStage1(transaction, needs, at: place, memory, &observer)
    }
    return answerWithoutStage1(transaction, needs, at: place, memory, &observer)
  }

  /// Stage 1 translates: the TLB, or a walk.
  @inline(__always)
  private mutating func answerStage1<Observer: TranslationObserver>(
    _ transaction: Transaction, _ needs: AccessNeeds, at place: Int, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) -> TranslationResult {
    let address = canonical(transaction.address.rawValue, place)
    if contexts.entries[place].value.checksUnprivileged && !needs.isPrivileged {
      let regime = contexts.entries[place].value.stage1
      if (regime.isHigh(address) ? regime.high : regime.low).refusesUnprivileged {
        return fault(.stage1(.translation), transaction, needs, at: place, memory)
      }
    }
    let found = pages.probe(address, contexts.entries[place].value.space)
    if found >= 0 {
      let entry = pages.entries[found]
      let missing = needs.required & ~entry.permissions
      if missing == 0 {
        let translation = Translation(
          address: PA(entry.output(of: address)),
          pageShift: UInt8(truncatingIfNeeded: entry.shift),
          permissions: .init(rawValue: entry.permissions), attributes: entry.attributes)
        if Observer.isOn {
          observer.didRead(
            .init(
              .cachedPage(stage2: false), .none, at: 0, translation.address.rawValue, of: address))
        }
        return .translated(translation)
      }
      if !entry.isClean {
        let refused: WalkFault =
          missing & TranslationPermissions.allStage1.rawValue != 0
          ? .stage1(.permission) : .stage2(.permission, .input, entry.ipa(of: address))
        return fault(refused, transaction, needs, at: place, memory)
      }
    }
    do throws(WalkFault) {
      let page = try walk(address, needs, contexts.entries[place].value, memory, &observer)
      return .translated(
        Translation(
          address: PA(page.address), pageShift: UInt8(truncatingIfNeeded: page.shift),
          permissions: .init(rawValue: page.permissions), attributes: page.attributes))
    } catch {
      return fault(error, transaction, needs, at: place, memory)
    }
  }

  /// The input address with an ignored top byte made a copy of bit 55 (3.4.1).
  @inline(__always)
  private func canonical(_ address: UInt64, _ place: Int) -> UInt64 {
    let isHigh = contexts.entries[place].value.stage1.isHigh(address)
    let ignores =
      isHigh
      ? contexts.entries[place].value.stage1.high.ignoresTopByte
      : contexts.entries[place].value.stage1.low.ignoresTopByte
    guard ignores else { return address }
    return isHigh ? address | 0xff00_0000_0000_0000 : address & 0x00ff_ffff_ffff_ffff
  }

  /// Walks stage 1, and stage 2 of its output, and caches the page that both make.
  mutating func walk<Observer: TranslationObserver>(
    _ address: UInt64, _ needs: AccessNeeds, _ context: TranslationContext,
    _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> PageMapping {
    var page = try walkStage1(address, needs, context, memory, &observer)
    if context.usesStage2 {
      let ipa = page.address
      let output = try translateStage2(
        ipa, needs, .input, context.stage2, memory, &observer)
      page.address = output.address
      page.ipa = ipa
      page.shift = min(page.shift, output.shift)
      page.permissions |= output.permissions
      page.isClean = page.isClean || output.isClean
      page.attributes = page.attributes.combined(with: output.attributes)
    } else {
      page.permissions |= TranslationPermissions.allStage2.rawValue
    }
    pages.insert(address, context.space, page)
    return page
  }

  /// Stage 1 is off: bypass, abort, or stage 2 alone.
  private mutating func answerWithoutStage1<Observer: TranslationObserver>(
    _ transaction: Transaction, _ needs: AccessNeeds, at place: Int, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) -> TranslationResult {
    let address = transaction.address.rawValue
    let context = contexts.entries[place].value
    switch context.outcome {
    case .abort: return .aborted
    case .badContext:
      return fault(.configuration(.badContext), transaction, needs, at: place, memory)
    case .bypass, .translate: break
    }
    // 3.4: beyond the OAS, or the IAS, a stage 1 Address Size fault although stage 1 is off.
    if address &>> profile.outputBits != 0 {
      if context.outcome == .translate && personality.contains(.silentOnWideInput) {
        return .aborted
      }
      if context.outcome == .translate || profile.checksBypassedAddresses {
        return fault(.stage1(.addressSize), transaction, needs, at: place, memory)
      }
    }
    guard context.outcome == .translate else { return .bypassed(PA(address)) }
    do throws(WalkFault) {
      let page = try translateStage2(address, needs, .input, context.stage2, memory, &observer)
      return .translated(
        Translation(
          address: PA(page.address), pageShift: UInt8(truncatingIfNeeded: page.shift),
          permissions: .init(
            rawValue: page.permissions | TranslationPermissions.allStage1.rawValue),
          attributes: page.attributes))
    } catch {
      return fault(error, transaction, needs, at: place, memory)
    }
  }

  /// SMMUEN is clear: GBPA decides (3.4, 6.3.14).
  private mutating func answerDisabled(_ transaction: Transaction) -> TranslationResult {
    let address = transaction.address.rawValue
    if registers.globalBypass & RegisterFile.bypassAborts != 0 { return .aborted }
    if address &>> profile.outputBits != 0 && profile.checksBypassedAddresses {
      return .aborted
    }
    return .bypassed(PA(address))
  }
}

extension AccessNeeds {
  /// Returns the needs of an access as the device sent it.
  static func incoming(_ transaction: Transaction) -> Self {
    Self(
      isWrite: transaction.isWrite,
      isInstruction: transaction.isInstruction && !transaction.isWrite,
      isPrivileged: transaction.isPrivileged)
  }

  /// Creates the needs of an access as the device sent it, after the overrides by the STE; a write
  /// is never an instruction.
  @inline(__always)
  init(_ transaction: Transaction, _ context: borrowing TranslationContext) {
    isWrite = transaction.isWrite
    let fetches = context.instructionConfig.applied(to: transaction.isInstruction)
    isInstruction = fetches && !transaction.isWrite
    isPrivileged = context.privilegeConfig.applied(to: transaction.isPrivileged)
  }
}
