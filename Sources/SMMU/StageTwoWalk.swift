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
            .cachedPage(stage2: true), purpose(faultClass, level), at: 0, page.address, of: ipa))
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

  /// What the observer is told that stage 2 works for.
  func purpose(_ faultClass: FaultClass, _ level: Int8) -> DescriptorRead.Purpose {
    switch faultClass {
    case .context: .context
    case .table: .stage1(level: level)
    default: .output
    }
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
    if personality.contains(.ignoresConcatenation) { indexBits = min(indexBits, granule.stride) }
    if let cached = stage2Tables.findTable(ipa, space) {
      (table, level, indexBits) = (cached.table, cached.level, granule.stride)
      if Observer.isOn {
        observer.didRead(
          .init(
            .cachedTable(stage2: true, level: level), purpose(faultClass, purposeLevel), at: 0,
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
          .init(.stage2(level: level), purpose(faultClass, purposeLevel), at: place, word, of: ipa))
      }
      let descriptor = TranslationDescriptor(
        rawValue: regime.isBigEndian ? word.byteSwapped : word)
      guard descriptor[.valid], isLegalShape(descriptor, granule, level) else {
        throw .stage2(.translation, faultClass, ipa)
      }
      guard level < 3, descriptor[.table] else {
        return try finishStage2(
          ipa, needs, faultClass, regime, level, at: place, descriptor, memory)
      }
      table = descriptor.outputAddress(granule) & ~lowBits(granule.shift)
      if table &>> regime.outputBits != 0 && !personality.contains(.ignoresTableOutputSize) {
        throw .stage2(.addressSize, faultClass, ipa)
      }
      level &+= 1
      indexBits = granule.stride
      stage2Tables.insertTable(ipa, space, table, shift: shift, level: level, granule)
    }
  }

  /// Whether a valid descriptor is a table, or a block or page at a level that has one
  /// (Arm ARM, D8.3.1).
  @inline(__always)
  func isLegalShape(
    _ descriptor: TranslationDescriptor, _ granule: TranslationGranule, _ level: Int8
  ) -> Bool {
    if descriptor[.table] { return true }
    if level == 3 { return false }
    if personality.contains(.acceptsBlocksAtAnyLevel) { return true }
    switch granule {
    case .kib4: return level >= 1
    case .kib16: return level == 2
    case .kib64: return level == 2 || (level == 1 && profile.outputBits == 52)
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
    let isEarly = personality.contains(.checksPermissionEarly)
    if isTooWide && !isEarly { throw .stage2(.addressSize, faultClass, ipa) }
    var current = descriptor
    if !current[.accessFlag] && regime.updatesAccessFlag { current[.accessFlag] = true }
    if !current[.accessFlag] && !regime.ignoresAccessFlag {
      throw .stage2(.access, faultClass, ipa)
    }
    let isManaged = regime.updatesDirtyState && current[.dirtyModifier]
    if isManaged && needs.isWrite { current[.stage2Access] |= 2 }
    if isEarly && isTooWide {
      let allowed = stage2Permissions(current)
      if allowed & needs.required & TranslationPermissions.allStage2.rawValue
        == needs.required & TranslationPermissions.allStage2.rawValue
      {
        throw .stage2(.addressSize, faultClass, ipa)
      }
      throw .stage2(.permission, faultClass, ipa)
    }
    var page = PageMapping()
    page.permissions = stage2Permissions(current)
    try update(
      descriptor, to: current, at: place, regime.isBigEndian, memory,
      fault: .init(kind: .walkAbort, stage2: true, faultClass: faultClass, address: place))
    page.address = base | (ipa & lowBits(shift))
    page.ipa = ipa
    page.shift = shift
    page.granule = regime.granule
    page.level = level
    page.isClean = isManaged && current[.stage2Access] & 2 == 0
    page.attributes = stage2Attributes(current, forced: regime.forcesWriteBack)
    return page
  }

  /// Stores a descriptor that hardware updated; nothing when it did not (3.13).
  func update(
    _ old: TranslationDescriptor, to new: TranslationDescriptor, at place: UInt64,
    _ isBigEndian: Bool, _ memory: PhysicalMemory, fault: @autoclosure () -> WalkFault
  ) throws(WalkFault) {
    guard old.rawValue != new.rawValue else { return }
    let word = isBigEndian ? new.rawValue.byteSwapped : new.rawValue
    guard memory.store64(PA(place), word) else { throw fault() }
  }

  /// S2AP and XN as permissions; without FEAT_XNX only XN[1] counts (Arm ARM, D8.4.2).
  func stage2Permissions(_ descriptor: TranslationDescriptor) -> UInt16 {
    let access = descriptor[.stage2Access]
    var allowed = UInt16(access & 3) << 6
    var executeNever = descriptor[.stage2ExecuteNever]
    if !profile.idr3[.executeNeverExtended] { executeNever &= 2 }
    if personality.contains(.ignoresPrivilege) { executeNever = 0 }
    switch executeNever {
    case 0: allowed |= 0x300
    case 1: allowed |= 0x200
    case 2: break
    default: allowed |= 0x100
    }
    return allowed
  }
}
