internal import ArmFormats
package import Bits
package import Memory

/// What a unit can do.
package struct VTDProfile: Sendable, Equatable {
  /// `CAP_REG`.
  package var capabilities: UInt64
  /// `ECAP_REG`.
  package var extended: UInt64

  package init(capabilities: UInt64, extended: UInt64) {
    self.capabilities = capabilities
    self.extended = extended
  }

  /// Whether interrupts can be posted: `CAP.PI`.
  var posts: Bool { isSet(capabilities, bit: 59) }
  /// `CAP.SLLPS`: second-stage pages of 2 MiB (bit 0) and of 1 GiB.
  var secondStageLarge: UInt64 { bits(capabilities, 37, 34) }
  /// `CAP.FS1GP`: first-stage pages of 1 GiB.
  var hasFirstStage1G: Bool { isSet(capabilities, bit: 56) }
  /// `CAP.SAGAW`: the widths of the second stage, bit n for 30 + 9n bits.
  var widths: UInt64 { bits(capabilities, 12, 8) }
  /// The width of guest addresses.
  var guestBits: UInt64 { bits(capabilities, 21, 16) &+ 1 }
  /// Fault recording registers.
  var faultRecords: Int { Int(bits(capabilities, 47, 40)) &+ 1 }
  /// Where they are.
  var faultOffset: UInt64 { bits(capabilities, 33, 24) &* 16 }
  var invalidationOffset: UInt64 { bits(extended, 17, 8) &* 16 }
  /// The largest `AM` of an invalidation.
  var largestMask: UInt64 { bits(capabilities, 53, 48) }
  var remapsInterrupts: Bool { isSet(extended, bit: 3) }
  var hasExtendedMode: Bool { isSet(extended, bit: 4) }
  var passesThrough: Bool { isSet(extended, bit: 6) }
  var hasDeviceTLBs: Bool { isSet(extended, bit: 2) }
  var snoops: Bool { isSet(extended, bit: 7) }
  var nests: Bool { isSet(extended, bit: 26) }
  var isScalable: Bool { isSet(extended, bit: 43) }
  var hasSecondStage: Bool { isSet(extended, bit: 46) }
  var hasFirstStage: Bool { isSet(extended, bit: 47) }
  /// `ECAP.RPS`: `RID_PASID` is supported.
  var hasRequesterPASID: Bool { isSet(extended, bit: 49) }

  /// Everything that the model implements.
  package static let full = Self(
    capabilities: 0x89d2_018c_222f_0606 | 1 << 59 | 1 << 56,
    extended: 0xf0_0f5a | 1 << 26 | 1 << 43 | 1 << 46 | 1 << 47 | 1 << 49)
}

/// Named differences from the manual, of an implementation or of a reading.
package struct VTDPersonality: OptionSet, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let architecture: Self = []
  /// Interrupts of compatibility format pass whatever `CFI` and `EIME` say, and `GSTS.CFIS` stays 0.
  package static let passesCompatibility = Self(rawValue: 1 << 0)
  /// `SVT` 2 takes the last bus from `SID` [15:8] and the first from [7:0].
  package static let swapsBuses = Self(rawValue: 1 << 1)
  /// `SVT` 3 is a mismatch, not reserved.
  package static let mismatchesReservedCheck = Self(rawValue: 1 << 2)
  /// Reserved delivery modes are passed on.
  package static let passesReservedModes = Self(rawValue: 1 << 3)
  /// `IM` is not looked at: every entry is remapped.
  package static let ignoresPosting = Self(rawValue: 1 << 4)
  /// Reserved bits of the destination are not looked at.
  package static let ignoresDestinationBits = Self(rawValue: 1 << 5)
  /// In scalable mode root, context and second stage report the reasons of legacy mode.
  package static let reportsLegacyReasons = Self(rawValue: 1 << 6)
  /// The fault of reserved bits in an interrupt request has no index.
  package static let omitsIndex = Self(rawValue: 1 << 7)
  /// A `RID_PASID` without `ECAP.RPS` makes the PASID entry invalid.
  package static let refusesRequesterPASID = Self(rawValue: 1 << 8)
  /// `FPD` of a context entry in scalable mode is not looked at.
  package static let ignoresScalableFPD = Self(rawValue: 1 << 9)
  /// A fault of a requester that a record names already is dropped. The manual leaves that to the
  /// implementation (7.2.1).
  package static let collapsesFaults = Self(rawValue: 1 << 10)
  /// DMA writes to the interrupt window have no requester: no source is checked.
  package static let forgetsWriters = Self(rawValue: 1 << 11)
  /// `D` of a first-stage entry is set only together with `A`.
  package static let setsDirtyWithAccessed = Self(rawValue: 1 << 12)

  /// QEMU 11.1's `intel-iommu`.
  package static let qemu11: Self = [
    .passesCompatibility, .swapsBuses, .mismatchesReservedCheck, .passesReservedModes,
    .ignoresPosting, .ignoresDestinationBits, .reportsLegacyReasons, .omitsIndex,
    .refusesRequesterPASID, .ignoresScalableFPD, .collapsesFaults, .forgetsWriters,
    .setsDirtyWithAccessed,
  ]
}

/// A remapping unit of Intel VT-d: interrupts and DMA, with its registers, fault records, invalidation
/// queue and caches (Intel Virtualization Technology for Directed I/O, revision 4.1).
///
/// Software reaches it through `readRegister` and `writeRegister` and through memory; devices through
/// `remap` and `translate`. Messages of its own wait in `nextMessage`.
package struct VTDUnit: ~Copyable {
  package let profile: VTDProfile
  package let personality: VTDPersonality
  var registers = VTDRegisters()
  var pages: [CachedPage] = []
  var interrupts: [UInt16: InterruptEntry] = [:]
  var outgoing = MessageQueue<APICMessage>()

  /// A unit after reset.
  package init(profile: VTDProfile, personality: VTDPersonality = .architecture) {
    self.profile = profile
    self.personality = personality
    registers.faults = Array(repeating: FaultRecord(), count: profile.faultRecords)
  }

  /// The next message of the unit's own, oldest first; `nil` when none waits.
  package mutating func nextMessage() -> APICMessage? { outgoing.next() }
}

/// A message at the window 0xfeexxxxx as the interrupt controllers take it: what stands in an MSI, with
/// bits [31:8] of an x2APIC destination in address bits [63:40].
package struct APICMessage: Equatable, Sendable, BitwiseCopyable {
  package var address: UInt64
  package var data: UInt32

  package init(address: UInt64, data: UInt32) {
    self.address = address
    self.data = data
  }

  /// The message that an entry asks for.
  package init(
    destination: UInt32, isLogical: Bool, redirects: Bool, mode: UInt8, vector: UInt8, isLevel: Bool
  ) {
    var address: UInt64 = 0xfee0_0000 | UInt64(destination & 0xff) << 12
    address |= UInt64(destination >> 8) << 40
    if redirects { address |= 8 }
    if isLogical { address |= 4 }
    self.address = address
    data = UInt32(vector) | UInt32(mode & 7) << 8 | 1 << 14 | (isLevel ? 1 << 15 : 0)
  }

  package var destination: UInt32 {
    UInt32(bits(address, 19, 12)) | UInt32(truncatingIfNeeded: address >> 40) << 8
  }
  package var isLogical: Bool { isSet(address, bit: 2) }
  package var mode: UInt8 { UInt8(data >> 8 & 7) }
  package var vector: UInt8 { UInt8(data & 0xff) }
  package var isLevel: Bool { data >> 15 & 1 != 0 }
}
