internal import ArmFormats
internal import Bits
internal import Memory

/// Accesses that table descriptors forbid below them, in the low bits of a cached table's entry.
enum Hierarchy {
  static let unprivileged: UInt16 = 1
  static let write: UInt16 = 2
  static let privilegedExecute: UInt16 = 4
  static let unprivilegedExecute: UInt16 = 8

  static func bits(of descriptor: TranslationDescriptor) -> UInt16 {
    UInt16(descriptor[.tableAccessPermissions])
      | (descriptor[.tablePrivilegedExecuteNever] ? privilegedExecute : 0)
      | (descriptor[.tableUnprivilegedExecuteNever] ? unprivilegedExecute : 0)
  }
}

/// Rules for descriptors by the profile and the personality, small enough to pass around.
struct WalkRules: BitwiseCopyable {
  let personality: SMMUPersonality
  private let outputBits: UInt64
  private let hasExecuteNeverByPrivilege: Bool

  init(_ profile: SMMUProfile, _ personality: SMMUPersonality) {
    self.personality = personality
    outputBits = profile.outputBits
    hasExecuteNeverByPrivilege = profile.idr3[.executeNeverExtended]
  }

  /// Whether a descriptor that ends a walk is a page, or a block at a level that has one
  /// (Arm ARM, D8.3.1).
  @inline(__always)
  func isLegalLeaf(
    _ descriptor: TranslationDescriptor, _ granule: TranslationGranule, _ level: Int8
  ) -> Bool {
    let type = descriptor.rawValue & 3
    if level == 3 { return type == 3 }
    guard type == 1 else { return false }
    if personality.contains(.acceptsBlocksAtAnyLevel) { return true }
    switch granule {
    case .kib4: return level >= 1
    case .kib16: return level == 2
    case .kib64: return level == 2 || (level == 1 && outputBits == 52)
    }
  }

  /// Whether the address of a next table is within the output size of its stage (7.3.14).
  @inline(__always)
  func accepts(table: UInt64, _ outputBits: UInt64) -> Bool {
    table &>> outputBits == 0 || personality.contains(.ignoresTableOutputSize)
  }

  /// Whether a write is refused at the table that forbids it, before the walk ends.
  @inline(__always)
  func refusesEarly(_ needs: AccessNeeds, _ hierarchy: UInt16) -> Bool {
    needs.isWrite && hierarchy & Hierarchy.write != 0
      && personality.contains(.checksPermissionEarly)
  }

  /// S2AP and XN as permissions; without FEAT_XNX only XN[1] counts (Arm ARM, D8.4.2).
  func stage2Permissions(_ descriptor: TranslationDescriptor) -> UInt16 {
    let access = descriptor[.stage2Access]
    var allowed = UInt16(access & 3) << 6
    var executeNever = descriptor[.stage2ExecuteNever]
    if !hasExecuteNeverByPrivilege { executeNever &= 2 }
    if personality.contains(.ignoresPrivilege) { executeNever = 0 }
    switch executeNever {
    case 0: allowed |= 0x300
    case 1: allowed |= 0x200
    case 2: break
    default: allowed |= 0x100
    }
    return allowed
  }

  /// AP, APTable, XN and PAN as permissions (Arm ARM, D8.4; IHI 0070, 13.4.1).
  func stage1Permissions(
    _ descriptor: TranslationDescriptor, _ hierarchy: UInt16, _ regime: borrowing StageOneRegime
  ) -> UInt16 {
    let access = UInt16(descriptor[.accessPermissions])
    let writes = (access | hierarchy) & 2 == 0
    if personality.contains(.ignoresPrivilege) { return writes ? 0x3f : 0x2d }
    let isSingle = regime.world == .el2
    let user = isSingle || (access & 1 != 0 && hierarchy & Hierarchy.unprivileged == 0)
    let userExecute =
      !descriptor[.unprivilegedExecuteNever] && hierarchy & Hierarchy.unprivilegedExecute == 0
    let privilegedExecute =
      !descriptor[.privilegedExecuteNever] && hierarchy & Hierarchy.privilegedExecute == 0
    let lockedByWrite = regime.neverExecutesWritable && writes
    if isSingle {
      let execute = userExecute && !lockedByWrite
      return 0x09 | (writes ? 0x12 : 0) | (execute ? 0x24 : 0)
    }
    var allowed: UInt16 = 0
    if !(regime.neverAccessesUser && user) { allowed |= writes ? 0x03 : 0x01 }
    // What unprivileged code can write is never executed with privilege.
    if privilegedExecute && !(user && writes) && !lockedByWrite { allowed |= 0x04 }
    if user { allowed |= writes ? 0x18 : 0x08 }
    if userExecute && !(lockedByWrite && user) { allowed |= 0x20 }
    return allowed
  }
}

extension StageOneRegion {
  /// Whether bits [top:N] of an N-bit input agree with the half that it is in (3.4.1).
  @inline(__always)
  func contains(_ address: UInt64, _ world: StreamWorld) -> Bool {
    let above = Int64(bitPattern: address) &>> Int64(truncatingIfNeeded: inputBits)
    if world == .el2 { return above == 0 }
    return above == ((address &>> 55) & 1 != 0 ? -1 : 0)
  }
}

extension PhysicalMemory {
  /// Stores a descriptor that hardware updated, if it did (IHI 0070, 3.13); `false` for an abort.
  func update(
    _ old: TranslationDescriptor, to new: TranslationDescriptor, at place: UInt64,
    isBigEndian: Bool
  ) -> Bool {
    guard old.rawValue != new.rawValue else { return true }
    return store64(PA(place), isBigEndian ? new.rawValue.byteSwapped : new.rawValue)
  }
}

extension DescriptorRead.Purpose {
  /// Creates the purpose of a stage 2 translation from the class of the faults that it would
  /// report.
  init(_ faultClass: FaultClass, _ level: Int8) {
    switch faultClass {
    case .context: self = .context
    case .table: self = .stage1(level: level)
    default: self = .output
    }
  }
}
