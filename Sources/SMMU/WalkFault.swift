internal import ArmFormats

/// Fault of a transaction that cannot be translated, with the evidence that its event carries.
struct WalkFault: Error, BitwiseCopyable {
  var kind: EventKind
  /// Stage 2 faulted: `S2`.
  var stage2 = false
  var faultClass = FaultClass.input
  /// The IPA, or the address of an aborted fetch.
  var address: UInt64 = 0
  /// The access to a stage 1 table that stage 2 refused was a write (HTTU).
  var tableWrite = false
  /// It arose while the CD was read, before any walk of stage 1 (QEMU's TTB check).
  var isContextTime = false

  /// A stage 1 fault: always CLASS=IN, without an IPA (7.3.13).
  @inline(__always)
  static func stage1(_ kind: EventKind) -> Self { Self(kind: kind) }

  /// A stage 2 fault on `ipa`.
  @inline(__always)
  static func stage2(_ kind: EventKind, _ faultClass: FaultClass, _ ipa: UInt64) -> Self {
    Self(kind: kind, stage2: true, faultClass: faultClass, address: ipa)
  }

  /// An error of the configuration, or an abort on fetching it.
  static func configuration(_ kind: EventKind, at address: UInt64 = 0) -> Self {
    Self(kind: kind, faultClass: .context, address: address)
  }
}

/// Needs of an access: read or write, instruction or data, privilege, after the overrides by the
/// STE.
struct AccessNeeds: BitwiseCopyable {
  var isWrite = false
  var isInstruction = false
  var isPrivileged = false

  /// A read of configuration or of a table: data, privileged.
  static let walk = Self(isPrivileged: true)

  /// The permissions of both stages without which the access faults.
  @inline(__always)
  var required: UInt16 {
    if isWrite { return (isPrivileged ? 0x02 : 0x10) | 0x80 }
    if isInstruction { return isPrivileged ? 0x104 : 0x220 }
    return (isPrivileged ? 0x01 : 0x08) | 0x40
  }
}

/// Mapping of a page by one or both stages.
struct PageMapping: BitwiseCopyable {
  /// The output of the input address itself.
  var address: UInt64 = 0
  /// The IPA in between, for nested translations.
  var ipa: UInt64 = 0
  /// log2 of the page's size.
  var shift: UInt64 = 12
  var permissions: UInt16 = 0
  var attributes = MemoryAttributes.writeBack
  var granule: TranslationGranule = .kib4
  var level: Int8 = 3
  var isGlobal = false
  /// A write may still be allowed by updating the dirty state: a refusal needs a walk.
  var isClean = false
}
