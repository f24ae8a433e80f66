internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// Translates `ipa` through stage 2 (IHI 0070, 7.3.22; Arm ARM, AArch64.S2Translate).
  ///
  /// - Parameters:
  ///   - needs: the access whose permission is checked.
  ///   - faultClass: which address this is, for the event.
  mutating func translateStage2<Observer: TranslationObserver>(
    _ ipa: UInt64, _ needs: AccessNeeds, _ faultClass: FaultClass, level: Int8 = 0,
    _ regime: StageTwoRegime, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> PageMapping {
    let required = needs.required & TranslationPermissions.allStage2.rawValue
    let space = AddressSpaceTag.make(vmid: regime.vmid)
    var page = PageMapping()
    if stage2Cache.find(ipa, space, &page)
      && (page.permissions & required == required || !page.isClean)
    {
      if Observer.isOn {
        observer.didRead(
          .init(
            .cachedPage(stage2: true), .init(faultClass, level), at: 0, page.address, of: ipa))
      }
    } else {
      page = try walkStage2(ipa, needs, faultClass, level: level, regime, memory, &observer)
      stage2Cache.insert(ipa, space, page)
    }
    if page.permissions & required != required {
      throw .stage2(.permission, faultClass, ipa)
    }
    if faultClass != .input && regime.protectsWalks && page.attributes.isDevice {
      throw .stage2(.permission, faultClass, ipa)
    }
    return page
  }

  /// Walks stage 2 from the deepest cached table, or from S2TTB.
  private mutating func walkStage2<Observer: TranslationObserver>(
    _ ipa: UInt64, _ needs: AccessNeeds, _ faultClass: FaultClass, level purposeLevel: Int8,
    _ regime: StageTwoRegime, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> PageMapping {
    guard ipa &>> regime.inputBits == 0 else {
      throw .stage2(.translation, faultClass, ipa)
    }
    let granule = regime.granule
    let space = AddressSpaceTag.make(vmid: regime.vmid)
    var level = regime.startLevel
    var table = regime.table
    var indexBits = regime.startIndexBits
    if rules.personality.contains(.ignoresConcatenation) {
      indexBits = min(indexBits, granule.stride)
    }
    if let cached = stage2Tables.findTable(ipa, space) {
      (table, level, indexBits) = (cached.table, cached.level, granule.stride)
      if Observer.isOn {
        observer.didRead(
          .init(
            .cachedTable(stage2: true, level: level), .init(faultClass, purposeLevel), at: 0,
            table, of: ipa))
      }
    }
    while true {
      let shift = levelShift(granule, level)
      let place = table &+ ((ipa &>> shift) & lowBits(indexBits)) &* 8
      guard let word = memory.load64(PA(place)) else {
        throw .init(kind: .walkAbort, stage2: true, faultClass: faultClass, address: place)
      }
      if Observer.isOn {
        observer.didRead(
          .init(.stage2(level: level), .init(faultClass, purposeLevel), at: place, word, of: ipa))
      }
      let descriptor = TranslationDescriptor(
        rawValue: regime.isBigEndian ? word.byteSwapped : word)
      guard descriptor[.valid], rules.isLegal(descriptor, granule, level) else {
        throw .stage2(.translation, faultClass, ipa)
      }
      guard level < 3, descriptor[.table] else {
        return try finishStage2(
          ipa, needs, faultClass, regime, level, at: place, descriptor, memory)
      }
      table = descriptor.outputAddress(granule) & ~lowBits(granule.shift)
      if table &>> regime.outputBits != 0 && !rules.personality.contains(.ignoresTableOutputSize) {
        throw .stage2(.addressSize, faultClass, ipa)
      }
      level &+= 1
      indexBits = granule.stride
      stage2Tables.insertTable(ipa, space, table, shift: shift, level: level, granule)
    }
  }

  /// The checks on a block or page: output size, access flag, dirty state.
  private mutating func finishStage2(
    _ ipa: UInt64, _ needs: AccessNeeds, _ faultClass: FaultClass, _ regime: StageTwoRegime,
    _ level: Int8, at place: UInt64, _ descriptor: TranslationDescriptor, _ memory: PhysicalMemory
  ) throws(WalkFault) -> PageMapping {
    let shift = levelShift(regime.granule, level)
    let base = descriptor.outputAddress(regime.granule) & ~lowBits(shift)
    let isTooWide = base &>> regime.outputBits != 0
    let isEarly = rules.personality.contains(.checksPermissionEarly)
    if isTooWide && !isEarly { throw .stage2(.addressSize, faultClass, ipa) }
    var current = descriptor
    if !current[.accessFlag] && regime.updatesAccessFlag { current[.accessFlag] = true }
    if !current[.accessFlag] && !regime.ignoresAccessFlag {
      throw .stage2(.access, faultClass, ipa)
    }
    let isManaged = regime.updatesDirtyState && current[.dirtyModifier]
    if isManaged && needs.isWrite { current[.stage2Access] |= 2 }
    if isEarly && isTooWide {
      let allowed = rules.stage2Permissions(current)
      if allowed & needs.required & TranslationPermissions.allStage2.rawValue
        == needs.required & TranslationPermissions.allStage2.rawValue
      {
        throw .stage2(.addressSize, faultClass, ipa)
      }
      throw .stage2(.permission, faultClass, ipa)
    }
    var page = PageMapping()
    page.permissions = rules.stage2Permissions(current)
    guard memory.update(descriptor, to: current, at: place, isBigEndian: regime.isBigEndian) else {
      throw .init(kind: .walkAbort, stage2: true, faultClass: faultClass, address: place)
    }
    page.address = base | (ipa & lowBits(shift))
    page.ipa = ipa
    page.shift = shift
    page.granule = regime.granule
    page.level = level
    page.isClean = isManaged && current[.stage2Access] & 2 == 0
    page.attributes = MemoryAttributes(stage2: current, forced: regime.forcesWriteBack)
    return page
  }
}
