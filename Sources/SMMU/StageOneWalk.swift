internal import ArmFormats
internal import Bits
internal import Memory

extension SMMU {
  /// Translates `address` through stage 1 by a walk (IHI 0070, 7.3.22; Arm ARM,
  /// AArch64.S1Translate); the descriptors go through stage 2 where that is on.
  ///
  /// - Parameter address: canonical: an ignored top byte is a copy of bit 55.
  mutating func walkStage1<Observer: TranslationObserver>(
    _ address: UInt64, _ needs: AccessNeeds, _ context: borrowing TranslationContext,
    _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> PageMapping {
    let region =
      context.stage1.isHigh(address) ? context.stage1.high : context.stage1.low
    guard region.isWalked, region.contains(address, context.stage1.world) else {
      throw .stage1(.translation)
    }
    let geometry = region.geometry
    var level = geometry.startLevel
    var shift = geometry.startShift
    var mask = geometry.startMask
    var table = region.table
    var hierarchy: UInt16 = 0
    // QEMU translates the TTB when it reads the CD; see translateTables(of:).
    var isPhysical =
      !context.usesStage2 || rules.personality.contains(.translatesTablesNotDescriptors)
    if let cached = stage1Tables.findTable(address, context.space) {
      (table, level, hierarchy) = (cached.table, cached.level, cached.hierarchy)
      shift = levelShift(geometry.granule, level)
      (mask, isPhysical) = (lowBits(geometry.stride), !context.usesStage2)
      if Observer.isOn {
        observer.didRead(
          .init(.cachedTable(stage2: false, level: level), .none, at: 0, table, of: address))
      }
    }
    while true {
      let input = table &+ ((address &>> shift) & mask) &<< 3
      var place = input
      if !isPhysical {
        place = try descriptorAddress(place, in: table, level, context.stage2, memory, &observer)
      }
      guard let raw = memory.load64(PA(place)) else {
        throw .init(kind: .walkAbort, faultClass: .table, address: place)
      }
      if Observer.isOn {
        observer.didRead(.init(.stage1(level: level), .none, at: place, raw, of: address))
      }
      let word = context.stage1.isBigEndian ? raw.byteSwapped : raw
      let descriptor = TranslationDescriptor(rawValue: word)
      guard word & 3 == 3, level < 3 else {
        guard rules.isLegalLeaf(descriptor, geometry.granule, level) else {
          throw .stage1(.translation)
        }
        return try finishStage1(
          address, needs, context, geometry, level, shift, hierarchy, at: input, descriptor,
          memory, &observer)
      }
      table = geometry.table(word)
      guard rules.accepts(table: table, context.stage1.outputBits) else {
        throw .stage1(.addressSize)
      }
      if !region.ignoresHierarchy {
        hierarchy |= Hierarchy.bits(of: descriptor)
        if rules.refusesEarly(needs, hierarchy) { throw .stage1(.permission) }
      }
      isPhysical = !context.usesStage2
      level &+= 1
      stage1Tables.insertTable(
        address, context.space, table, shift: shift, level: level, geometry.granule,
        hierarchy: hierarchy)
      shift &-= geometry.stride
      mask = lowBits(geometry.stride)
    }
  }

  /// The PA of a stage 1 descriptor of a nested stream.
  @inline(__always)
  private mutating func descriptorAddress<Observer: TranslationObserver>(
    _ place: UInt64, in table: UInt64, _ level: Int8, _ regime: StageTwoRegime,
    _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) -> UInt64 {
    guard rules.personality.contains(.translatesTablesNotDescriptors) else {
      return try translateStage2(
        place, .walk, .table, level: level, regime, memory, &observer
      ).address
    }
    do throws(WalkFault) {
      return try translateStage2(
        table, .walk, .table, level: level, regime, memory, &observer
      ).address &+ (place &- table)
    } catch {
      var fault = error
      if rules.personality.contains(.losesStageOfTableFaults) { fault.stage2 = false }
      if rules.personality.contains(.reportsTableForWalkAbort) { fault.address = table }
      throw fault
    }
  }

  /// The checks on a block or page: output size, access flag, permission, dirty state.
  private mutating func finishStage1<Observer: TranslationObserver>(
    _ address: UInt64, _ needs: AccessNeeds, _ context: borrowing TranslationContext,
    _ geometry: WalkGeometry, _ level: Int8, _ shift: UInt64, _ hierarchy: UInt16,
    at inputPlace: UInt64, _ descriptor: TranslationDescriptor, _ memory: PhysicalMemory,
    _ observer: inout Observer
  ) throws(WalkFault) -> PageMapping {
    let base = geometry.page(descriptor.rawValue, shift)
    let isTooWide = base &>> context.stage1.outputBits != 0
    let isEarly = rules.personality.contains(.checksPermissionEarly)
    if isTooWide && !isEarly { throw .stage1(.addressSize) }
    var current = descriptor
    if !current[.accessFlag] {
      if context.stage1.updatesAccessFlag {
        current[.accessFlag] = true
      } else if !context.stage1.ignoresAccessFlag {
        throw .stage1(.access)
      }
    }
    let updatesDirtyState = context.stage1.updatesDirtyState
    let isManaged = updatesDirtyState && current[.dirtyModifier]
    if isManaged && needs.isWrite { current[.accessPermissions] &= 1 }
    var page = PageMapping()
    page.permissions = rules.stage1Permissions(current, hierarchy, context.stage1)
    let required = needs.required & TranslationPermissions.allStage1.rawValue
    if page.permissions & required != required {
      // The dirty state is not updated for an access that faults.
      if current[.accessFlag] != descriptor[.accessFlag] {
        var accessed = descriptor
        accessed[.accessFlag] = true
        try updateStage1(
          descriptor, to: accessed, at: inputPlace, level, context, memory, &observer)
      }
      throw .stage1(.permission)
    }
    if isTooWide { throw .stage1(.addressSize) }
    try updateStage1(descriptor, to: current, at: inputPlace, level, context, memory, &observer)
    page.address = base | (address & lowBits(shift))
    page.ipa = page.address
    page.shift = shift
    page.granule = geometry.granule
    page.level = level
    let hasASIDs = context.stage1.world != .el2
    page.isGlobal = sharesGlobalPages && hasASIDs && !descriptor[.notGlobal]
    page.isClean = isManaged && current[.accessPermissions] & 2 != 0
    page.attributes = MemoryAttributes(stage1: current, types: context.stage1.memoryTypes)
    return page
  }

  /// Stores a stage 1 descriptor that hardware updated; stage 2 must let it (3.13.4).
  private mutating func updateStage1<Observer: TranslationObserver>(
    _ old: TranslationDescriptor, to new: TranslationDescriptor, at place: UInt64, _ level: Int8,
    _ context: borrowing TranslationContext, _ memory: PhysicalMemory, _ observer: inout Observer
  ) throws(WalkFault) {
    guard old.rawValue != new.rawValue else { return }
    var target = place
    if context.usesStage2 {
      do throws(WalkFault) {
        target = try translateStage2(
          place, .init(isWrite: true, isPrivileged: true), .table, level: level, context.stage2,
          memory, &observer
        ).address
      } catch {
        var fault = error
        fault.tableWrite = true
        throw fault
      }
    }
    guard memory.update(old, to: new, at: target, isBigEndian: context.stage1.isBigEndian) else {
      throw .init(kind: .walkAbort, faultClass: .table, address: target)
    }
  }
}
