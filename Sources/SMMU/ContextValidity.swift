internal import ArmFormats
internal import Bits

extension SMMU {
  /// The stage 1 regime of a CD reached through `entry`; `nil` when the CD is ILLEGAL:
  /// CdIllegal() of IHI 0070, 5.4.2, for a Non-secure stream of SMMUv3.1 or later.
  func stage1Regime(of descriptor: ContextDescriptor, through entry: StreamTableEntry)
    -> StageOneRegime?
  {
    let world = streamWorld(of: entry)
    guard !hasIllegalControls(descriptor, entry, world) else { return nil }
    var regime = StageOneRegime()
    regime.world = world
    regime.outputBits = min(descriptor[.outputSize].bits, profile.outputBits)
    guard
      let low = lowRegion(descriptor, regime.outputBits, world),
      let high = highRegion(descriptor, regime.outputBits, world)
    else { return nil }
    let isWalked = low.isWalked || high.isWalked
    regime.isBigEndian = descriptor[.bigEndian]
    if isWalked && !profile.supportsTables(bigEndian: regime.isBigEndian) { return nil }
    regime.low = low
    regime.high = high
    regime.memoryTypes = descriptor[.memoryAttributes]
    regime.ignoresAccessFlag = descriptor[.accessFaultDisabled]
    regime.updatesAccessFlag = descriptor[.hardwareAccess]
    regime.updatesDirtyState = descriptor[.hardwareAccess] && descriptor[.hardwareDirty]
    regime.neverExecutesWritable = descriptor[.writeNeverExecute]
    regime.neverAccessesUser = descriptor[.privilegedAccessNever] && world != .el2
    regime.stalls = descriptor[.stall]
    regime.records = descriptor[.record]
    regime.aborts = descriptor[.abort]
    return regime
  }

  /// SteStreamWorld(): who owns the stage 1 tables of a Non-secure stream (5.2, STRW).
  func streamWorld(of entry: StreamTableEntry) -> StreamWorld {
    guard !ignoresWorld(entry), entry[.streamWorld] == .el2 else { return .el1 }
    return registers.control2.contains(.hostExtensions) ? .el2Host : .el2
  }

  private func hasIllegalControls(
    _ descriptor: ContextDescriptor, _ entry: StreamTableEntry, _ world: StreamWorld
  ) -> Bool {
    guard descriptor[.valid], descriptor[.aarch64] else { return true }
    if entry[.stage1StallDisabled] && descriptor[.stall] { return true }
    if profile.idr0[.terminateAborts] && !descriptor[.abort] { return true }
    let stallModel = profile.idr0[.stallModel]
    if descriptor[.stall] ? stallModel == 1 : stallModel == 2 { return true }
    let updates = profile.idr0[.hardwareUpdate]
    if (descriptor[.hardwareAccess] || descriptor[.hardwareDirty]) && updates == 0 { return true }
    if descriptor[.hardwareDirty] && updates == 1 { return true }
    return world != .el2 && !profile.idr0[.asid16] && descriptor[.asid] > 0xff
  }

  private func lowRegion(
    _ descriptor: ContextDescriptor, _ outputBits: UInt64, _ world: StreamWorld
  ) -> StageOneRegion? {
    var region = StageOneRegion()
    // EffectiveCDEPD0(): EL2 cannot disable its only half.
    region.isWalked = !descriptor[.walkDisabled0] || world == .el2
    region.ignoresTopByte = descriptor[.topByteIgnored0]
    region.ignoresHierarchy = profile.idr3[.hierarchyDisable] && descriptor[.hierarchyDisabled0]
    region.refusesUnprivileged =
      profile.idr3[.unprivilegedDisable] && world != .el2 && descriptor[.unprivilegedDisabled0]
    guard region.isWalked else { return region }
    return sized(
      region, field: UInt64(descriptor[.inputSize0]), granule: descriptor[.granule0].granule,
      table: descriptor.table0Address, outputBits: outputBits)
  }

  private func highRegion(
    _ descriptor: ContextDescriptor, _ outputBits: UInt64, _ world: StreamWorld
  ) -> StageOneRegion? {
    var region = StageOneRegion()
    region.isWalked = !descriptor[.walkDisabled1] && world != .el2
    region.ignoresTopByte =
      personality.contains(.confusesTopByteBits)
      ? descriptor[.topByteIgnored0] : descriptor[.topByteIgnored1]
    region.ignoresHierarchy = profile.idr3[.hierarchyDisable] && descriptor[.hierarchyDisabled1]
    region.refusesUnprivileged =
      profile.idr3[.unprivilegedDisable] && descriptor[.unprivilegedDisabled1]
    guard region.isWalked else { return region }
    return sized(
      region, field: UInt64(descriptor[.inputSize1]), granule: descriptor[.granule1].granule,
      table: descriptor.table1Address, outputBits: outputBits)
  }

  /// Fills in what TxSZ, TGx and TTBx say; `nil` where one of them is illegal: CDTxSZInvalid()
  /// and CDTTBxOutOfRange().
  private func sized(
    _ region: StageOneRegion, field: UInt64, granule: TranslationGranule?, table: UInt64,
    outputBits: UInt64
  ) -> StageOneRegion? {
    guard let granule, profile.supports(granule) else { return nil }
    let smallest: UInt64 = profile.idr5[.virtualSize] != 0 && granule == .kib64 ? 12 : 16
    guard field >= smallest, field <= profile.largestInputField(granule) else { return nil }
    let tableBits = granule == .kib64 ? outputBits : min(outputBits, 48)
    guard table &>> tableBits == 0 else { return nil }
    var region = region
    region.inputBits = 64 - field
    let levels = (region.inputBits - granule.shift + granule.stride - 1) / granule.stride
    let level = 4 - Int8(levels)
    let indexBits = region.inputBits - levelShift(granule, level)
    region.geometry = WalkGeometry(
      granule, startLevel: level, indexBits: indexBits, outputBits: profile.outputBits)
    region.table = table & ~lowBits(max(indexBits + 3, outputBits == 52 ? 6 : 4))
    return region
  }
}
