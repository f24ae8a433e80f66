internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

extension RISCVIOMMU {
  /// The completion of an ATS translation request that was translated (RISC-V IOMMU 1.0, 2.6).
  func completion(
    _ request: DeviceRequest, _ first: StageMapping, _ second: StageMapping,
    _ context: DeviceContext, isBare: Bool, isResident: Bool
  ) -> TranslationCompletion {
    var answer = TranslationCompletion()
    let shift = min(first.shift, second.shift)
    let both = first.permissions.intersection(second.permissions)
    answer.address = context[.returnsGuestAddress] ? first.address : second.address
    answer.pageShift = UInt8(truncatingIfNeeded: shift)
    answer.memoryType = first.memoryType != 0 ? first.memoryType : second.memoryType
    answer.isMessage = second.isMessage
    answer.untranslatedOnly = isResident
    answer.read = both.contains(.read)
    let dirty: StagePermissions =
      personality.contains(.reportsOldDirtyState) ? .wasDirty : .dirty
    answer.write = both.contains([.write, dirty])
    answer.execute = request.access == .execute && both.contains([.execute, .read])
    answer.isPrivileged = request.hasProcess && request.isPrivileged
    answer.isGlobal =
      request.hasProcess && !second.isMessage
      && (first.isGlobal || (isBare && personality.contains(.reportsBareAsGlobal)))
    answer.cxlIO =
      request.isCXL
      && (answer.memoryType != 0 || second.isMessage || context[.returnsGuestAddress])
    return answer
  }

  /// Records a fault and answers the device.
  mutating func refuse(
    _ request: DeviceRequest, _ fault: TranslationFault, _ disablesFaults: Bool,
    _ memory: PhysicalMemory
  ) -> RequestResult {
    if request.kind == .translation && fault.cause.grantsNothing {
      var answer = TranslationCompletion()
      answer.cause = fault.cause
      answer.isPrivileged = request.hasProcess && request.isPrivileged
      return .completed(answer)
    }
    var isRecorded = false
    if !disablesFaults || fault.cause.isReportedDespiteDTF {
      var record = FaultRecord(request, fault.cause)
      record[.value2] = fault.value2
      if personality.contains(.omitsMessageAddress) && fault.cause.isOfMessages {
        record[.value] = 0
      }
      isRecorded = recordFault(record, memory)
    }
    return .refused(
      RequestFault(
        cause: fault.cause, value2: fault.value2,
        isCompleterAbort: request.kind == .translation && fault.cause.abortsCompletion,
        isRecorded: isRecorded))
  }
}

extension FaultRecord {
  /// The record of a fault of a request, without `iotval2`.
  init(_ request: DeviceRequest, _ cause: FaultCause) {
    self.init()
    self[.cause] = cause
    self[.device] = request.device
    self[.transaction] = request.type
    self[.value] = request.address.rawValue
    guard request.hasProcess else { return }
    self[.processValid] = true
    self[.process] = request.process
    self[.isPrivileged] = request.isPrivileged
  }
}

extension FaultCause {
  /// A translation request is completed without access, and nothing is recorded (2.6).
  var grantsNothing: Bool {
    switch self {
    case .executePage, .readPage, .writePage, .executeGuestPage, .readGuestPage, .writeGuestPage,
      .processEntryInvalid, .messageEntryInvalid:
      true
    default: false
    }
  }

  /// A translation request is answered with Completer Abort (2.6, and 6.3 for corrupt data).
  var abortsCompletion: Bool {
    switch self {
    case .executeAccess, .readAccess, .writeAccess, .messageEntryAccess,
      .messageEntryMisconfigured, .processEntryAccess, .processEntryMisconfigured,
      .deviceTableCorrupt, .processTableCorrupt, .messageTableCorrupt, .fileCorrupt,
      .internalError, .pageTableCorrupt:
      true
    default: false
    }
  }

  /// A fault of the MSI page table.
  var isOfMessages: Bool {
    self == .messageEntryAccess || self == .messageEntryInvalid
      || self == .messageEntryMisconfigured || self == .messageTableCorrupt
  }
}
