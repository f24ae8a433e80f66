internal import ArmFormats
internal import Bits
internal import RISCVFormats

extension RISCVIOMMU {
  /// The device-context configuration checks (RISC-V IOMMU 1.0, 2.1.4).
  func isWellFormed(_ context: DeviceContext) -> Bool {
    guard personality.contains(.ignoresReservedContextBits) || !hasReservedBits(context) else {
      return false
    }
    return hasLegalATS(context) && hasLegalFirstStage(context) && hasLegalSecondStage(context)
      && hasLegalByteOrder(context)
      && (capabilities[.hardwareUpdates]
        || !(context[.updatesFirstStage] || context[.updatesSecondStage]))
  }

  /// Check 1, and 22 on QoS identifiers.
  private func hasReservedBits(_ context: DeviceContext) -> Bool {
    if context[word: 0] & 0xffff_ffff_00ff_f000 != 0 { return true }
    if context[word: 2] & 0x0000_00ff_0000_0fff != 0 { return true }
    if context[word: 3] & 0x0fff_f000_0000_0000 != 0 { return true }
    let qosMask = UInt16(
      truncatingIfNeeded: capabilities[.qosIdentifiers] ? lowBits(profile.qosBits) : 0)
    if (context[.resourceControl] | context[.monitoringCounter]) & ~qosMask != 0 { return true }
    guard capabilities[.messageTables] else { return false }
    if context[word: 4] & 0x0fff_f000_0000_0000 != 0 || context[word: 7] != 0 { return true }
    let width =
      personality.contains(.comparesGuestWidthOnly) ? 52 : capabilities.guestAddressBits &- 12
    return (context[word: 5] | context[word: 6]) & ~lowBits(width) != 0
  }

  /// Checks 2 to 7.
  private func hasLegalATS(_ context: DeviceContext) -> Bool {
    let wantsPRI = context[.enablesPRI]
    if !capabilities[.ats]
      && (context[.enablesATS] || wantsPRI || context[.responseNeedsPASID])
    {
      return false
    }
    if !context[.enablesATS] && (context[.returnsGuestAddress] || wantsPRI) { return false }
    if !wantsPRI && context[.responseNeedsPASID] { return false }
    guard context[.returnsGuestAddress] else { return true }
    return capabilities[.guestAddressReplies] && context[.secondStageMode] != .bare
  }

  /// Checks 8 to 12, and 20 on SXL: `fctl.GXL` is 0 and cannot be written.
  private func hasLegalFirstStage(_ context: DeviceContext) -> Bool {
    guard !context[.firstStage32] else { return false }
    guard context[.hasProcessDirectory] else {
      return !context[.defaultsProcess] && supports(context[.firstStageMode])
    }
    switch context.processDirectoryMode {
    case .bare: return true
    case .pd8: return capabilities[.pd8]
    case .pd17: return capabilities[.pd17]
    case .pd20: return capabilities[.pd20]
    default: return false
    }
  }

  func supports(_ mode: FirstStageMode) -> Bool {
    switch mode {
    case .bare: true
    case .sv39: capabilities[.sv39]
    case .sv48: capabilities[.sv48]
    case .sv57: capabilities[.sv57]
    default: false
    }
  }

  /// Checks 13 to 17, and the recommended one on `msiptp` without a second stage.
  private func hasLegalSecondStage(_ context: DeviceContext) -> Bool {
    let mode = context[.secondStageMode]
    let isSupported =
      switch mode {
      case .bare: true
      case .sv39x4: capabilities[.sv39x4]
      case .sv48x4: capabilities[.sv48x4]
      case .sv57x4: capabilities[.sv57x4]
      default: false
      }
    guard isSupported else { return false }
    if mode != .bare && context[.secondStagePage] & 3 != 0 { return false }
    guard capabilities[.messageTables] else { return true }
    switch context[.messageTableMode] {
    case .off: return true
    case .flat: return mode != .bare
    default: return false
    }
  }

  /// Checks 19 and 21.
  private func hasLegalByteOrder(_ context: DeviceContext) -> Bool {
    let same = context[.firstStageBigEndian] == isBigEndian
    return same || (capabilities[.bothEndians] && profile.writesEndianness)
  }

  /// The process-context configuration checks (2.2.4).
  func isWellFormed(_ context: ProcessContext) -> Bool {
    !context.hasReservedBits && supports(context[.firstStageMode])
  }
}
