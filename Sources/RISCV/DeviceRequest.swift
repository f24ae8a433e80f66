package import Bits
package import RISCVFormats

/// What a device asks of memory.
package enum DeviceAccess: UInt8, BitwiseCopyable, Sendable {
  case read
  /// A write or an atomic operation.
  case write
  /// A read for execute.
  case execute
}

/// An inbound transaction of a device, as the IOMMU sees it (RISC-V IOMMU 1.0, 2.3).
@frozen
package struct DeviceRequest: BitwiseCopyable, Sendable, Equatable {
  package enum Kind: UInt8, BitwiseCopyable, Sendable {
    case untranslated
    /// With an address from an ATS completion.
    case translated
    /// An ATS translation request.
    case translation
  }

  /// device_id, 24 bits.
  package var device: UInt32
  /// process_id, 20 bits; counts with `hasProcess`.
  package var process: UInt32 = 0
  package var hasProcess = false
  package var kind = Kind.untranslated
  /// Of a translation request: `execute` when execute permission is requested, else `read`.
  package var access: DeviceAccess
  /// A translation request that wants no write permission: NW.
  package var isReadOnly = false
  /// Supervisor privilege; counts with `hasProcess`.
  package var isPrivileged = false
  /// The device is a CXL device of type 1 or 2.
  package var isCXL = false
  package var address: IOVA

  package init(device: UInt32, address: IOVA, access: DeviceAccess) {
    self.device = device
    self.address = address
    self.access = access
  }

  /// `TTYP` of a fault record.
  package var type: TransactionType {
    switch (kind, access) {
    case (.translation, _): .translationRequest
    case (.untranslated, .execute): .untranslatedExecute
    case (.untranslated, .read): .untranslatedRead
    case (.untranslated, .write): .untranslatedWrite
    // PCIe has an execute bit only in the PASID prefix.
    case (.translated, .execute): hasProcess ? .translatedExecute : .translatedRead
    case (.translated, .read): .translatedRead
    case (.translated, .write): .translatedWrite
    }
  }

  /// What the tables must allow.
  var needs: AccessNeeds {
    var needs = AccessNeeds()
    needs.isSupervisor = hasProcess && isPrivileged
    switch kind {
    case .translation:
      needs.isRead = true
      needs.isWrite = !isReadOnly
      needs.isExecute = access == .execute && hasProcess
      needs.isRequest = true
    case .untranslated, .translated:
      needs.isWrite = access == .write
      needs.isExecute = access == .execute && (kind == .untranslated || hasProcess)
      needs.isRead = access != .write && !(access == .execute && kind == .untranslated)
    }
    return needs
  }
}

/// What the tables must allow for a request.
struct AccessNeeds: BitwiseCopyable {
  var isRead = false
  var isWrite = false
  var isExecute = false
  var isSupervisor = false
  /// An ATS translation request: missing permissions are reported and do not fault.
  var isRequest = false
  /// An access to a first-stage table.
  var isTable = false

  /// Reading a process directory.
  static let tableRead = Self(isRead: true)
  /// Reading a first-stage table.
  static let tableWalk = Self(isRead: true, isTable: true)
  /// Updating a table entry.
  static let tableUpdate = Self(isWrite: true)

  /// The cause by the type of the access: of execution, of reads, of writes.
  func cause(_ execute: FaultCause, _ read: FaultCause, _ write: FaultCause) -> FaultCause {
    if isExecute { return execute }
    return isRead ? read : write
  }

  var accessFault: FaultCause { cause(.executeAccess, .readAccess, .writeAccess) }
  var pageFault: FaultCause { cause(.executePage, .readPage, .writePage) }
  var guestPageFault: FaultCause {
    cause(.executeGuestPage, .readGuestPage, .writeGuestPage)
  }
}
