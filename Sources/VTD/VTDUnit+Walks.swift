internal import ArmFormats
internal import Bits
internal import Memory

/// The reasons that a walk of the second stage reports.
struct SecondStageReasons {
  let access: FaultReason
  /// Neither R nor W.
  let absent: (read: FaultReason, write: FaultReason)
  let permission: (read: FaultReason, write: FaultReason)
  let reserved: FaultReason

  static let legacy = Self(
    access: .pagingAccess, absent: (.readNotPermitted, .writeNotPermitted),
    permission: (.readNotPermitted, .writeNotPermitted), reserved: .pagingReserved)
  static let scalable = Self(
    access: .secondStageAccess, absent: (.secondStagePermission, .secondStagePermission),
    permission: (.scalableReadNotPermitted, .scalableWriteNotPermitted),
    reserved: .secondStageReserved)
  /// Behind a first stage.
  static let nested = scalable
}

extension VTDUnit {
  /// Walks the second stage (3.7).
  func walkSecondStage(
    _ address: UInt64, _ root: UInt64, _ levels: UInt64, _ isWrite: Bool,
    _ reasons: SecondStageReasons, _ memory: PhysicalMemory
  ) throws(DMAFault) -> WalkedPage {
    guard address >> (12 &+ 9 &* levels) == 0 else { throw DMAFault(.secondStageBeyondWidth) }
    var table = root
    var page = WalkedPage(output: 0, shift: 12)
    var level = levels
    while true {
      let shift = 3 &+ 9 &* level
      let place = table &+ (address >> shift & 0x1ff) << 3
      guard let word = memory.load64(PA(place & lowBits(52))) else {
        throw DMAFault(reasons.access)
      }
      let entry = PagingEntry(rawValue: word)
      guard word & 3 != 0 else {
        throw DMAFault(isWrite ? reasons.absent.write : reasons.absent.read)
      }
      guard isWrite ? entry[.writable] : entry[.present] else {
        throw DMAFault(isWrite ? reasons.permission.write : reasons.permission.read)
      }
      page.isReadable = page.isReadable && entry[.present]
      page.isWritable = page.isWritable && entry[.writable]
      let isLeaf = level == 1 || entry[.isLarge]
      guard !hasReservedBits(entry, level: level, isLeaf: isLeaf, shift: shift) else {
        throw DMAFault(reasons.reserved)
      }
      if isLeaf {
        page.shift = shift
        page.output = entry.address & ~lowBits(shift) | address & lowBits(shift)
        return page
      }
      table = entry.address
      level &-= 1
    }
  }

  /// Bits beyond the host's address width, sizes that are not supported, SNP and TM where they are not.
  private func hasReservedBits(
    _ entry: PagingEntry, level: UInt64, isLeaf: Bool, shift: UInt64
  ) -> Bool {
    var reserved: UInt64 = 0x000f_0000_0000_0000
    if !profile.snoops { reserved |= 1 << 11 }
    if !profile.hasDeviceTLBs { reserved |= 1 << 62 }
    if level > 1, isLeaf {
      reserved |= lowBits(shift) & ~0xfff
      if level > 3 || !isSet(profile.secondStageLarge, bit: level &- 2) { reserved |= 1 << 7 }
    }
    return entry.rawValue & reserved != 0
  }

  /// Walks the first stage (3.6), whose tables are the guest's when nested, setting A and D.
  func walkFirstStage(
    _ address: UInt64, _ entry: PASIDTableEntry, _ isWrite: Bool, _ memory: PhysicalMemory
  ) throws(DMAFault) -> WalkedPage {
    let isNested = entry[.type] == PASIDTableEntry.Translation.nested
    let top = Int64(bitPattern: address) >> 47
    guard top == 0 || top == -1 else { throw DMAFault(.notCanonical) }
    var table = entry[.firstStageTable] << 12
    var level: UInt64 = 4
    var page = WalkedPage(output: 0, shift: 12)
    while true {
      let shift = 3 &+ 9 &* level
      var place = table &+ (address >> shift & 0x1ff) << 3
      if isNested { place = try nestedPlace(place, entry, memory) }
      guard let word = memory.load64(PA(place & lowBits(52))) else {
        throw DMAFault(.firstStageAccess)
      }
      var found = PagingEntry(rawValue: word)
      guard found[.present] else { throw DMAFault(.firstStageNotPresent) }
      guard found[.user] else { throw DMAFault(.userNotPermitted) }
      page.isWritable = page.isWritable && found[.writable]
      guard !isWrite || found[.writable] else { throw DMAFault(.scalableWriteNotPermitted) }
      let isLeaf = level == 1 || found[.isLarge]
      guard !isReserved(found, level: level, isLeaf: isLeaf, shift: shift) else {
        throw DMAFault(.firstStageReserved)
      }
      let leavesDirty = found[.accessed] && personality.contains(.setsDirtyWithAccessed)
      found[.accessed] = true
      if isLeaf && isWrite && !leavesDirty { found[.dirty] = true }
      if found.rawValue != word { memory.store64(PA(place & lowBits(52)), found.rawValue) }
      // A read-only translation of a clean page is not used for a write.
      if isLeaf {
        page.shift = shift
        page.isWritable = page.isWritable && found[.dirty]
        page.output = found.address & ~lowBits(shift) | address & lowBits(shift)
        return page
      }
      table = found.address
      level &-= 1
    }
  }

  private func isReserved(_ entry: PagingEntry, level: UInt64, isLeaf: Bool, shift: UInt64) -> Bool
  {
    var reserved: UInt64 = 0x000f_0000_0000_0000
    if isLeaf, level > 1 {
      // Bit 12 is PAT.
      reserved |= lowBits(shift) & ~0x1fff
      if level > 3 || level == 3 && !profile.hasFirstStage1G { reserved |= 1 << 7 }
    }
    return entry.rawValue & reserved != 0
  }

  /// Where a first-stage entry of a guest's is.
  private func nestedPlace(
    _ place: UInt64, _ entry: PASIDTableEntry, _ memory: PhysicalMemory
  ) throws(DMAFault) -> UInt64 {
    let levels = UInt64(entry[.width]) &+ 2
    guard place >> (12 &+ 9 &* levels) == 0 else { throw DMAFault(.nestedBeyondWidth) }
    return try walkSecondStage(
      place, entry[.secondStageTable] << 12, levels, false, .nested, memory
    ).output
  }
}
