internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

/// What an MSI page table says of a GPA.
enum MessageTarget: BitwiseCopyable {
  /// No virtual interrupt file: the second stage translates.
  case none
  /// An interrupt file at this address.
  case file(UInt64)
  case memoryResident(MemoryResidentTarget)
}

extension RISCVIOMMU {
  /// Looks a GPA up in the MSI page table of a device (RISC-V IOMMU 1.0, 2.3.3).
  func translateMessage(
    _ address: UInt64, _ needs: AccessNeeds, _ context: DeviceContext, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> MessageTarget {
    guard context[.messageTableMode] != .off, isInterruptFile(address, context) else {
      return .none
    }
    let number = Self.fileNumber(address &>> 12, context[.messageMask] & messageWidth)
    if personality.contains(.limitsMessageTables) && number > 255 {
      throw TranslationFault(.messageEntryAccess)
    }
    let entry = try readEntry(context.messageTable | number &* 16, memory)
    try check(entry)
    guard needs.isRequest || !needs.isExecute else { throw TranslationFault(.executeAccess) }
    if entry[.mode] == MSIPageTableEntry.basic {
      let offset = personality.contains(.dropsMessageOffset) ? 0 : address & 0xfff
      return .file(entry.address | offset)
    }
    var file = entry.file
    if personality.contains(.truncatesFileAddress) { file &= lowBits(47) }
    return .memoryResident(
      MemoryResidentTarget(
        file: PA(file), notice: PA(entry.noticeAddress), identity: entry.noticeIdentity,
        offset: UInt16(truncatingIfNeeded: address & 0xfff)))
  }

  /// The bits of a page number that are compared and extracted.
  private var messageWidth: UInt64 {
    personality.contains(.comparesGuestWidthOnly)
      ? lowBits(capabilities.guestAddressBits &- 12) : lowBits(52)
  }

  /// Whether a GPA is that of a virtual interrupt file (2.1.3.6).
  @inline(__always)
  func isInterruptFile(_ address: UInt64, _ context: DeviceContext) -> Bool {
    (address &>> 12 ^ context[.messagePattern]) & ~context[.messageMask] & messageWidth == 0
  }

  /// The largest part, by factors of 512, of a page of 2^`shift` bytes around `address` that has
  /// no virtual interrupt file in it.
  func shiftWithoutFiles(_ address: UInt64, _ shift: UInt64, _ context: DeviceContext) -> UInt64 {
    guard context[.messageTableMode] != .off else { return shift }
    var shift = shift
    while shift > 12 {
      let inPage = lowBits(shift &- 12)
      let different = (address &>> 12 ^ context[.messagePattern]) & ~context[.messageMask]
      guard different & ~inPage & lowBits(52) == 0 else { break }
      shift = shift <= 21 ? 12 : shift &- 9
    }
    return shift
  }

  /// The number of an interrupt file: the bits of a page number that `mask` selects, packed.
  static func fileNumber(_ page: UInt64, _ mask: UInt64) -> UInt64 {
    var number: UInt64 = 0
    var position: UInt64 = 0
    var rest = mask
    while rest != 0 {
      number |= (page &>> UInt64(rest.trailingZeroBitCount) & 1) &<< position
      position &+= 1
      rest &= rest &- 1
    }
    return number
  }

  private func readEntry(_ address: UInt64, _ memory: PhysicalMemory) throws(TranslationFault)
    -> MSIPageTableEntry
  {
    do throws(MemoryFailure) {
      let entry = try read(
        MSIPageTableEntry.self, at: address, bigEndian: isBigEndian, memory)
      log?.add(.messageEntry, at: address, [entry[word: 0], entry[word: 1]])
      return entry
    } catch {
      let isCorrupt = error == .corrupt || personality.contains(.reportsAbsentTableAsCorrupt)
      throw TranslationFault(isCorrupt ? .messageTableCorrupt : .messageEntryAccess)
    }
  }

  /// V, C, M and the reserved bits. A custom entry is misconfigured: there is no custom use.
  private func check(_ entry: MSIPageTableEntry) throws(TranslationFault) {
    guard entry[.valid] else { throw TranslationFault(.messageEntryInvalid) }
    guard !entry[.custom] else {
      throw TranslationFault(
        personality.contains(.treatsCustomAsInvalid)
          ? .messageEntryInvalid : .messageEntryMisconfigured)
    }
    let isLegal =
      switch entry[.mode] {
      case MSIPageTableEntry.basic: true
      case MSIPageTableEntry.memoryResident: capabilities[.memoryResidentFiles]
      default: false
      }
    let ignoresReserved =
      personality.contains(.ignoresReservedFileBits)
      && entry[.mode] == MSIPageTableEntry.memoryResident
    guard isLegal, ignoresReserved || !entry.hasReservedBits else {
      throw TranslationFault(.messageEntryMisconfigured)
    }
  }
}
