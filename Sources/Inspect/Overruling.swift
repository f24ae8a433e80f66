internal import ArmFormats
internal import Bits
internal import RISCV
internal import VTD

/// A rule of the manual that the second opinion in vector files leaves out, and that decides
/// against it.
package enum Overruling: CaseIterable, Sendable {
  case wideInput
  case onePageRange
  case everyNotice
  case lostNoticeRecord
  case bareIsNotGlobal
  case reservedMaskBits
  case wholeCachedAddress
  case scalableReasons

  /// The rule and where it stands.
  package var reason: String {
    switch self {
    case .wideInput:
      "with stage 1 off, an input beyond the IAS is a stage 1 F_ADDR_SIZE (IHI 0070, 3.4)."
    case .onePageRange:
      "a range invalidation with TG and without NUM, SCALE and TTL is CERROR_ILL (IHI 0070, "
        + "4.4.1); what follows in these vectors is not judged."
    case .everyNotice:
      "a notice MSI follows every message that is recorded in a memory-resident interrupt file, "
        + "whatever its enable bit (RISC-V AIA 1.0, 8.3.2)."
    case .lostNoticeRecord:
      "a notice MSI that cannot be written is recorded without a transaction, with its own address "
        + "(RISC-V IOMMU 1.0, 3.2 and 5.29)."
    case .bareIsNotGlobal:
      "Global of an ATS completion is 0 where no first-stage table translates (RISC-V IOMMU 1.0, "
        + "2.6)."
    case .reservedMaskBits:
      "MSI masks and patterns beyond the width of guest physical addresses are reserved, and a "
        + "GPA beyond it is no interrupt file (RISC-V IOMMU 1.0, 2.1.3.6 and 2.1.4)."
    case .wholeCachedAddress:
      "a cached translation leads where the tables led (RISC-V IOMMU 1.0, 2.8)."
    case .scalableReasons:
      "in scalable mode root, context and second-stage entries have fault reasons of their own (VT-d "
        + "4.1, 7.1.3; Linux, dmar.c, dma_remap_sm_fault_reasons)."
    }
  }

  /// Bits of an input address: IDR5.OAS of every SMMU in vector files.
  private static let inputBits: UInt64 = 44

  /// The answer by the manual where `opinion` is a stage 2 fault on an input address that stage 2
  /// never sees.
  static func inputTooWide(_ opinion: AccessSummary, address: UInt64) -> AccessSummary? {
    guard address >> inputBits != 0, opinion.event == "F_TRANSLATION", opinion.stage2 == true,
      opinion.faultClass == 2, opinion.ipaPage == address & 0xf_ffff_ffff_f000
    else { return nil }
    var answer = AccessSummary(outcome: "fault")
    answer.event = "F_ADDR_SIZE"
    answer.stage2 = false
    answer.faultClass = 2
    return answer
  }

  /// Whether a command is a range of one page without a level.
  static func isIllegal(_ words: [UInt64]) -> Bool {
    let command = SMMUCommand(words: words)
    let ranges: [SMMUOpcode] = [
      .tlbiNHVA, .tlbiNHVAA, .tlbiEL2VA,
      .tlbiEL2VAA, .tlbiS2IPA,
    ]
    return ranges.contains(command[.opcode]) && command[.granule] != 0
      && command[.rangeCount] == 0 && command[.rangeScale] == 0 && command[.level] == 0
  }
}

extension Overruling {
  /// The rules that decide against opinions on RISC-V vectors, each with the personality of an
  /// implementation that does what the opinion has.
  /// The same for VT-d.
  static let vtd: [(rule: Self, personality: VTDPersonality)] = [
    (.scalableReasons, .reportsLegacyReasons)
  ]

  static let riscv: [(rule: Self, personality: RISCVIOMMUPersonality)] = [
    (.everyNotice, .noticesEnabledOnly),
    (.lostNoticeRecord, [.recordsLostMessages, .omitsMessageAddress]),
    (.wholeCachedAddress, .truncatesCachedAddress),
    (.bareIsNotGlobal, .reportsBareAsGlobal), (.reservedMaskBits, .comparesGuestWidthOnly),
  ]
}
