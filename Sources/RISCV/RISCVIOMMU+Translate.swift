internal import ArmFormats
internal import Bits
package import Memory
internal import RISCVFormats

extension RISCVIOMMU {
  /// Answers one request of a device, recording the fault that it may cause (RISC-V IOMMU 1.0, 2.3).
  ///
  /// - Parameter memory: where directories, tables and queues live.
  package mutating func translate(_ request: DeviceRequest, in memory: PhysicalMemory)
    -> RequestResult
  {
    var disablesFaults = false
    do throws(TranslationFault) {
      return try answer(request, &disablesFaults, memory)
    } catch {
      return refuse(request, error, disablesFaults, memory)
    }
  }

  /// Steps 1 to 20 of the process to translate an IOVA.
  private mutating func answer(
    _ request: DeviceRequest, _ disablesFaults: inout Bool, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> RequestResult {
    let mode = registers.directory[.mode]
    guard mode != .off else { throw TranslationFault(.allDisallowed) }
    guard mode.hasDirectory else {
      guard request.kind == .untranslated else { throw TranslationFault(.typeDisallowed) }
      return .translated(RISCVTranslation(address: PA(request.address.rawValue)))
    }
    let context = try deviceContext(request.device, memory)
    disablesFaults = context[.disablesFaults]
    try checkType(request, context)
    guard request.kind != .translated || context[.returnsGuestAddress] else {
      return .translated(RISCVTranslation(address: PA(request.address.rawValue)))
    }
    let stage = try firstStage(of: request, context, memory)
    return try answer(request, stage, context, memory)
  }

  /// Step 7: requests that the context does not allow.
  private func checkType(_ request: DeviceRequest, _ context: DeviceContext)
    throws(TranslationFault)
  {
    let isATS = request.kind != .untranslated
    guard !isATS || context[.enablesATS] else { throw TranslationFault(.typeDisallowed) }
    guard request.hasProcess else { return }
    guard context[.hasProcessDirectory] else { throw TranslationFault(.typeDisallowed) }
    let bits: UInt32 =
      switch context.processDirectoryMode {
      case .pd8: 8
      case .pd17: 17
      default: 20
      }
    guard request.process >> bits == 0 else { throw TranslationFault(.typeDisallowed) }
  }

  /// Steps 9 to 16: which first stage translates.
  private mutating func firstStage(
    of request: DeviceRequest, _ context: DeviceContext, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> FirstStage {
    guard request.kind != .translated else { return FirstStage() }
    guard context[.hasProcessDirectory] else {
      return FirstStage(
        mode: context[.firstStageMode], table: context.firstStageTable,
        processSoftContext: context[.processSoftContext])
    }
    guard request.hasProcess || context[.defaultsProcess],
      context.processDirectoryMode != .bare
    else { return FirstStage() }
    let needs = request.needs
    let process = try processContext(
      request.hasProcess ? request.process : 0, of: request.device, context, needs, memory)
    guard process[.enablesSupervisor] || !needs.isSupervisor else {
      throw TranslationFault(.typeDisallowed)
    }
    return FirstStage(
      mode: process[.firstStageMode], table: process.firstStageTable,
      processSoftContext: process[.processSoftContext],
      permitsUserMemory: process[.permitsUserMemory])
  }

  /// Steps 17 to 20: a cached translation, or a walk.
  private mutating func answer(
    _ request: DeviceRequest, _ stage: FirstStage, _ context: DeviceContext,
    _ memory: PhysicalMemory
  ) throws(TranslationFault) -> RequestResult {
    let needs = request.needs
    let tag = AddressTranslationCache.Tag(stage, context, request.device)
    let address = request.address.rawValue
    if request.kind != .translation, let index = pages.find(address, tag) {
      let entry = pages.entries[index]
      if entry.allows(needs, stage) {
        var output = entry.output(of: address)
        if personality.contains(.truncatesCachedAddress) { output &= lowBits(44) }
        return .translated(
          RISCVTranslation(
            address: PA(output),
            pageShift: UInt8(truncatingIfNeeded: entry.shift), isMessage: entry.isMessage,
            memoryType: entry.memoryType))
      }
      // The walk finds out which stage refuses, or sets D.
      pages.remove(at: index)
    }
    let first = try translateFirstStage(address, needs, stage, context, memory)
    switch try translateMessage(first.address, needs, context, memory) {
    case .memoryResident(let target):
      guard request.kind == .translation else { return .memoryResident(target) }
      return .completed(
        completion(
          request, first, StageMapping.message(target.notice.rawValue), context,
          isBare: stage.mode == .bare, isResident: true))
    case .file(let file):
      let second = StageMapping.message(file)
      return finish(request, first, second, context, tag)
    case .none:
      var second = try translateGuest(first.address, needs, context, memory)
      second.shift = shiftWithoutFiles(first.address, second.shift, context)
      return finish(request, first, second, context, tag)
    }
  }

  /// Step 19: the second stage for the address of the request itself.
  private func translateGuest(
    _ address: UInt64, _ needs: AccessNeeds, _ context: DeviceContext, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> StageMapping {
    do throws(SecondStageFailure) {
      return try translateSecondStage(address, needs, context, memory)
    } catch {
      switch error {
      case .page: throw TranslationFault(needs.guestPageFault, value2: address & ~3)
      case .access: throw TranslationFault(needs.accessFault)
      case .corrupt: throw TranslationFault(.pageTableCorrupt)
      }
    }
  }

  /// Answers, and keeps the translation: not the identity of two bare stages, and not one where a
  /// GSCID stands beside a bare second stage, since software may invalidate that as the host's or
  /// as the guest's.
  private mutating func finish(
    _ request: DeviceRequest, _ first: StageMapping, _ second: StageMapping,
    _ context: DeviceContext, _ tag: AddressTranslationCache.Tag
  ) -> RequestResult {
    if request.kind == .translation {
      return .completed(
        completion(request, first, second, context, isBare: !tag.hasFirstStage, isResident: false))
    }
    let shift = min(first.shift, second.shift)
    let type = first.memoryType != 0 ? first.memoryType : second.memoryType
    if tag.isGuest || tag.hasFirstStage && context[.guestSoftContext] == 0 {
      pages.insert(
        AddressTranslationCache.Entry(
          page: request.address.rawValue & ~lowBits(shift) | shift, tag: tag,
          output: second.address, guestPage: first.address, firstStage: first.permissions,
          secondStage: second.permissions, memoryType: type, isGlobal: first.isGlobal,
          isMessage: second.isMessage))
    }
    return .translated(
      RISCVTranslation(
        address: PA(second.address), pageShift: UInt8(truncatingIfNeeded: shift),
        isMessage: second.isMessage, memoryType: type))
  }
}

extension StageMapping {
  /// A page that an MSI page table maps: R, W and U, and as if A and D were set (2.3.3).
  static func message(_ address: UInt64) -> Self {
    var mapping = Self(address: address)
    mapping.permissions = [.read, .write, .user, .dirty, .wasDirty]
    mapping.isMessage = true
    return mapping
  }
}

extension AddressTranslationCache.Tag {
  init(_ stage: FirstStage, _ context: DeviceContext, _ device: UInt32) {
    self.init(rawValue: Self.valid)
    if context[.secondStageMode] != .bare {
      rawValue |= Self.guest | UInt64(context[.guestSoftContext])
    }
    if stage.mode != .bare {
      rawValue |= Self.process | UInt64(stage.processSoftContext & 0xf_ffff) &<< 16
    }
    if context[.messageTableMode] != .off {
      rawValue |= Self.device | UInt64(device & 0xff_ffff) &<< 36
    }
  }
}

extension AddressTranslationCache.Entry {
  /// Whether a request passes without a walk.
  func allows(_ needs: AccessNeeds, _ stage: FirstStage) -> Bool {
    guard firstStage.allow(needs), secondStage.allow(needs) else { return false }
    if stage.mode != .bare && !firstStage.allowPrivilege(needs, stage) { return false }
    // A write whose walk set D is not served from the entries that it read before.
    return !needs.isWrite || (firstStage.contains(.wasDirty) && secondStage.contains(.wasDirty))
  }
}
