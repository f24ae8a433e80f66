/// Whose behaviour the model shows: the manual's, or that of an implementation that differs from
/// it in named ways. Each member is one difference.
package struct RISCVIOMMUPersonality: OptionSet, BitwiseCopyable, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// What the manuals say.
  package static let architecture: Self = []

  // MARK: The reference model

  /// With SADE, reading a first-stage entry wants D of the second-stage leaf set, as if the entry
  /// were written (iommu_second_stage_trans.c, step 7: `is_implicit`).
  package static let wantsDirtyForTableReads = Self(rawValue: 1 << 0)
  /// W of an ATS completion is computed from D as it was before the update
  /// (iommu_translate.c, step 20).
  package static let reportsOldDirtyState = Self(rawValue: 1 << 1)
  /// Bits 55:47 of the address of a memory-resident interrupt file are lost
  /// (iommu_msi_trans.c, step 14: a bit-field shifted in its own width).
  package static let truncatesFileAddress = Self(rawValue: 1 << 2)
  /// With 2LVL and extended contexts, bit 23 of device_id is not looked at
  /// (iommu_translate.c: DDI[2] has 8 bits).
  package static let ignoresTopDeviceBit = Self(rawValue: 1 << 3)
  /// MSI masks, patterns and addresses are compared in MGPAW bits, and higher bits of mask and
  /// pattern are not refused (iommu_msi_trans.c, step 3; iommu_device_context.c).
  package static let comparesGuestWidthOnly = Self(rawValue: 1 << 4)

  /// The Global field of an ATS completion is set where the first stage is Bare, and with it no
  /// table has a G bit (iommu_two_stage_trans.c).
  package static let reportsBareAsGlobal = Self(rawValue: 1 << 5)

  /// The reference model of the specification (riscv-non-isa/riscv-iommu, August 2026).
  package static let referenceModel: Self = [
    .wantsDirtyForTableReads, .reportsOldDirtyState, .truncatesFileAddress, .ignoresTopDeviceBit,
    .comparesGuestWidthOnly, .reportsBareAsGlobal,
  ]

  // MARK: QEMU

  /// Basic translate mode writes at the start of the page (riscv-iommu.c, riscv_iommu_msi_write).
  package static let dropsMessageOffset = Self(rawValue: 1 << 8)
  /// Every offset of a virtual interrupt file sets the identity in the data, little-endian.
  package static let takesEveryOffset = Self(rawValue: 1 << 9)
  /// An identity beyond 2047 is cause 263 instead of nothing.
  package static let refusesWideIdentities = Self(rawValue: 1 << 10)
  /// The notice MSI is sent only where the identity is enabled in the file; AIA 8.3.2 demands it
  /// always.
  package static let noticesEnabledOnly = Self(rawValue: 1 << 11)
  /// `iotval` of faults of MSI translation is 0.
  package static let omitsMessageAddress = Self(rawValue: 1 << 12)
  /// C=1 is cause 262 instead of 263.
  package static let treatsCustomAsInvalid = Self(rawValue: 1 << 13)
  /// An MSI page table where nothing answers is cause 270 instead of 261.
  package static let reportsAbsentTableAsCorrupt = Self(rawValue: 1 << 14)
  /// Reserved bits of MSI page table entries in MRIF mode are not checked.
  package static let ignoresReservedFileBits = Self(rawValue: 1 << 15)
  /// File numbers beyond 255 are cause 261.
  package static let limitsMessageTables = Self(rawValue: 1 << 16)
  /// A message whose target does not answer is cause 273 with the transaction's type; the
  /// manual leaves that to the bus, and to cause 273 without a type for a notice.
  package static let recordsLostMessages = Self(rawValue: 1 << 17)
  /// A memory-resident interrupt file where nothing answers is cause 261, or 273 when writing,
  /// instead of 264.
  package static let mistakesFileFaults = Self(rawValue: 1 << 18)
  /// Reserved bits of device contexts are not checked
  /// (riscv-iommu.c, riscv_iommu_validate_device_ctx).
  package static let ignoresReservedContextBits = Self(rawValue: 1 << 19)

  /// Bits 60:59 of page table entries are refused although `Svrsw60t59b` is advertised.
  package static let refusesSoftwareBits = Self(rawValue: 1 << 20)
  /// A translation from the cache loses address bits 55:44 (riscv-iommu.c, riscv_iommu_translate: a
  /// bit-field shifted in its own width).
  package static let truncatesCachedAddress = Self(rawValue: 1 << 21)

  /// QEMU 11.1's `riscv-iommu`.
  package static let qemu11: Self = [
    .dropsMessageOffset, .takesEveryOffset, .refusesWideIdentities, .noticesEnabledOnly,
    .omitsMessageAddress, .treatsCustomAsInvalid, .reportsAbsentTableAsCorrupt,
    .ignoresReservedFileBits, .limitsMessageTables, .recordsLostMessages, .mistakesFileFaults,
    .ignoresReservedContextBits, .refusesSoftwareBits, .truncatesCachedAddress,
  ]

  /// A defect for tests to inject, of no implementation: IOTINVAL and IODIR drop nothing.
  package static let keepsTranslations = Self(rawValue: 1 << 31)
}
