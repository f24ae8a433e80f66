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
    if faultClass != .input && regime.protectsWalks && page.attributes.isDevice
      && !personality.contains(.walksThroughDevices)
    {
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
    let space = AddressSpaceTag.make(vmid: regime.vmid)
    var level = regime.geometry.startLevel
    var shift = regime.geometry.startShift
    var mask = regime.geometry.startMask
    var table = regime.table
    if let cached = stage2Tables.findTable(ipa, space) {
      (table, level) = (cached.table, cached.level)
      shift = levelShift(regime.geometry.granule, level)
      mask = lowBits(regime.geometry.stride)
      if Observer.isOn {
        observer.didRead(
          .init(
            .cachedTable(stage2: true, level: level), .init(faultClass, purposeLevel), at: 0,
            table, of: ipa))
      }
    }
    while true {
      let place = table &+ ((ipa &>> shift) & mask) &<< 3
      guard let raw = memory.load64(PA(place)) else {
        throw .init(kind: .walkAbort, stage2: true, faultClass: faultClass, address: place)
      }
      if Observer.isOn {
        observer.didRead(
          .init(.stage2(level: level), .init(faultClass, purposeLevel), at: place, raw, of: ipa))
      }
      let word = regime.isBigEndian ? raw.byteSwapped : raw
      guard word & 3 == 3, level < 3 else {
        let descriptor = TranslationDescriptor(rawValue: word)
        guard rules.isLegalLeaf(descriptor, regime.geometry.granule, level) else {
          throw .stage2(.translation, faultClass, ipa)
        }
        return try finishStage2(
          ipa, needs, faultClass, regime, level, shift, at: place, descriptor, memory)
      }
      table = regime.geometry.table(word)
      guard rules.accepts(table: table, regime.outputBits) else {
        throw .stage2(.addressSize, faultClass, ipa)
      }
      level &+= 1
      stage2Tables.insertTable(
        ipa, space, table, shift: shift, level: level, regime.geometry.granule)
      shift &-= regime.geometry.stride
      mask = lowBits(regime.geometry.stride)
    }
  }

  /// The checks on a block or page: output size, access flag, dirty state.
  private mutating func finishStage2(
    _ ipa: UInt64, _ needs: AccessNeeds, _ faultClass: FaultClass, _ regime: StageTwoRegime,
    _ level: Int8, _ shift: UInt64, at place: UInt64, _ descriptor: TranslationDescriptor,
    _ memory: PhysicalMemory
  ) throws(WalkFault) -> PageMapping {
    let base = regime.geometry.page(descriptor.rawValue, shift)
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
    page.granule = regime.geometry.granule
    page.level = level
    page.isClean = isManaged && current[.stage2Access] & 2 == 0
    page.attributes = MemoryAttributes(stage2: current, forced: regime.forcesWriteBack)
    return page
  }
}
