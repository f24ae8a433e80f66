internal import ArmFormats
internal import Bits

extension SMMU {
  /// Whether an STE with `Config` 0b1xx is ILLEGAL: SteIllegal() of IHI 0070, 5.2.2, for a
  /// Non-secure stream of SMMUv3.1 or later.
  func isIllegal(_ entry: StreamTableEntry) -> Bool {
    let config = entry[.config]
    if config.translatesStage1 && !profile.idr0[.stage1] { return true }
    if config.translatesStage2 && !profile.idr0[.stage2] { return true }
    if hasIllegalATS(entry) { return true }
    if !ignoresWorld(entry) && entry[.streamWorld].rawValue & 1 != 0 { return true }
    if config.translatesStage1 && hasIllegalStage1(entry) { return true }
    if config.translatesStage2 && hasIllegalStage2(entry) { return true }
    return !ignoresVMID(entry) && !profile.idr0[.vmid16] && entry[.vmid] > 0xff
  }

  /// IgnoreSTESTRW() of 5.2.2.
  func ignoresWorld(_ entry: StreamTableEntry) -> Bool {
    let config = entry[.config]
    return !profile.idr0[.stage1] || !profile.idr0[.hyp] || config.translatesStage2
      || config == .bypass
  }

  /// IgnoreSTES2VMID() of 5.2.2.
  private func ignoresVMID(_ entry: StreamTableEntry) -> Bool {
    !profile.idr0[.stage2] || entry[.config] == .bypass
      || (entry[.streamWorld] != .el1 && !ignoresWorld(entry))
  }

  private func hasIllegalATS(_ entry: StreamTableEntry) -> Bool {
    guard profile.idr0[.ats], entry[.config] != .bypass else { return false }
    switch entry[.ats] {
    case .split:
      return entry[.config] != .nested || entry[.stage2Stall] || profile.idr0[.noSplitATS]
    case .full: return entry[.stage2Stall] && entry[.config].translatesStage2
    default: return false
    }
  }

  private func hasIllegalStage1(_ entry: StreamTableEntry) -> Bool {
    if entry[.stage1StallDisabled] && profile.idr0[.stallModel] != 0 { return true }
    let size = entry[.substreamBits]
    if profile.idr1[.substreamBits] != 0 {
      if size > profile.idr1[.substreamBits] { return true }
      let isTwoLevel = entry[.contextTableFormat] == 1 || entry[.contextTableFormat] == 2
      if size != 0 && !profile.idr0[.twoLevelContexts] && isTwoLevel { return true }
    } else if size != 0 && personality.contains(.refusesSubstreamTables) {
      return true
    }
    // 3.4.3: a PA beyond the OAS is illegal; an IPA is left to stage 2, which reports it.
    return !entry[.config].translatesStage2 && entry.contextAddress &>> profile.outputBits != 0
  }

  private func hasIllegalStage2(_ entry: StreamTableEntry) -> Bool {
    let stallModel = profile.idr0[.stallModel]
    if entry[.stage2Stall] ? stallModel == 1 : stallModel == 2 { return true }
    guard entry[.stage2AArch64] else { return true }
    let updates = profile.idr0[.hardwareUpdate]
    if (entry[.stage2HardwareAccess] || entry[.stage2HardwareDirty]) && updates == 0 { return true }
    if entry[.stage2HardwareDirty] && updates == 1 { return true }
    guard let granule = entry[.stage2Granule].granule, profile.supports(granule) else {
      return true
    }
    let outputBits = stage2OutputBits(entry, granule)
    if entry.stage2TableAddress &>> outputBits != 0 { return true }
    if hasIllegalStage2Size(entry, granule, outputBits) { return true }
    return !profile.supportsTables(bigEndian: entry[.stage2BigEndian])
  }

  /// The effective S2PS: capped to the OAS, and to 48 bits below the 64 KiB granule.
  func stage2OutputBits(_ entry: StreamTableEntry, _ granule: TranslationGranule) -> UInt64 {
    let bits = min(entry[.stage2OutputSize].bits, profile.outputBits)
    return granule == .kib64 ? bits : min(bits, 48)
  }

  /// STES2T0SZInvalid() and STEWalkConfigInconsistentAA64() of 5.2.2.
  private func hasIllegalStage2Size(
    _ entry: StreamTableEntry, _ granule: TranslationGranule, _ outputBits: UInt64
  ) -> Bool {
    let field = UInt64(entry[.stage2InputSize])
    let limit = personality.contains(.boundsInputByOutput) ? outputBits : profile.outputBits
    let smallest = max(granule == .kib64 ? 12 : 16, 64 - limit)
    guard field >= smallest, field <= profile.largestInputField(granule) else { return true }
    guard let level = stage2StartLevel(entry, granule) else { return true }
    // AArch64.S2InconsistentSL: one bit to a whole table, and four more by concatenation.
    let shift = levelShift(granule, level)
    let inputBits = 64 - field
    if inputBits > shift + granule.stride + 4 { return true }
    return inputBits <= shift && !personality.contains(.acceptsShallowStart)
  }

  /// The start level that S2SL0 encodes; `nil` where it is reserved (Arm ARM, VTCR_EL2.SL0).
  func stage2StartLevel(_ entry: StreamTableEntry, _ granule: TranslationGranule) -> Int8? {
    let field = Int8(entry[.stage2StartLevel])
    switch granule {
    case .kib4:
      if field == 3 { return profile.idr3[.smallTables] ? 3 : nil }
      return field == 2 && profile.outputBits < 44 ? nil : 2 - field
    case .kib16: return field == 3 || (field == 2 && profile.outputBits < 42) ? nil : 3 - field
    case .kib64: return field == 3 || (field == 2 && profile.outputBits < 44) ? nil : 3 - field
    }
  }

  /// Stage 2 of a legal STE.
  func stage2Regime(of entry: StreamTableEntry) -> StageTwoRegime {
    var regime = StageTwoRegime()
    guard let granule = entry[.stage2Granule].granule,
      let level = stage2StartLevel(entry, granule)
    else { return regime }
    regime.inputBits = 64 - UInt64(entry[.stage2InputSize])
    regime.outputBits = stage2OutputBits(entry, granule)
    let shift = levelShift(granule, level)
    let tableBits = regime.inputBits > shift ? regime.inputBits - shift : 0
    let alignment = max(tableBits + 3, regime.outputBits == 52 ? 6 : 4)
    let ignoresConcatenation = personality.contains(.ignoresConcatenation)
    regime.geometry = WalkGeometry(
      granule, startLevel: level,
      indexBits: ignoresConcatenation ? min(tableBits, granule.stride) : tableBits,
      outputBits: profile.outputBits)
    regime.table = entry.stage2TableAddress & ~lowBits(alignment)
    regime.vmid = entry[.vmid]
    regime.ignoresAccessFlag = entry[.stage2AccessFaultDisabled]
    regime.updatesAccessFlag = entry[.stage2HardwareAccess]
    regime.updatesDirtyState = entry[.stage2HardwareAccess] && entry[.stage2HardwareDirty]
    regime.protectsWalks = entry[.stage2ProtectedWalk]
    regime.forcesWriteBack = profile.idr3[.forceWriteBack] && entry[.stage2ForceWriteBack]
    regime.isBigEndian = entry[.stage2BigEndian]
    regime.stalls = entry[.stage2Stall]
    regime.records = entry[.stage2Record]
    return regime
  }
}
