package import Bits
package import RISCVFormats

/// Where a request leads.
@frozen
package struct RISCVTranslation: BitwiseCopyable, Sendable, Equatable {
  package var address: PA
  /// log2 of the size of the page, with the same result for every address in it.
  package var pageShift: UInt8 = 12
  /// The page is an interrupt file that an MSI page table names.
  package var isMessage = false
  /// Svpbmt of both stages: 0 as the platform says, 1 non-cacheable, 2 I/O.
  package var memoryType: UInt8 = 0
}

/// Where a message to a virtual interrupt file is recorded (RISC-V AIA 1.0, 8.5.2).
@frozen
package struct MemoryResidentTarget: BitwiseCopyable, Sendable, Equatable {
  /// The memory-resident interrupt file, 512 bytes.
  package var file: PA
  /// Where the notice MSI goes.
  package var notice: PA
  /// The data of the notice MSI.
  package var identity: UInt32
  /// GPA [11:0] of the access.
  package var offset: UInt16
}

/// The completion of an ATS translation request (RISC-V IOMMU 1.0, 2.6).
@frozen
package struct TranslationCompletion: BitwiseCopyable, Sendable, Equatable {
  /// A PA, or a GPA with `T2GPA`; unspecified where `cause` is set.
  package var address: UInt64 = 0
  /// log2 of the size of the range.
  package var pageShift: UInt8 = 12
  package var read = false
  package var write = false
  package var execute = false
  /// U: only untranslated requests may use the page.
  package var untranslatedOnly = false
  package var isGlobal = false
  package var isPrivileged = false
  /// The page must be reached through CXL.io.
  package var cxlIO = false
  package var memoryType: UInt8 = 0
  /// The page is an interrupt file that an MSI page table names.
  package var isMessage = false
  /// Why nothing is granted; nothing is recorded then.
  package var cause: FaultCause?
}

/// The answer to a request.
package enum RequestResult: BitwiseCopyable, Sendable, Equatable {
  case translated(RISCVTranslation)
  /// A virtual interrupt file in memory: the write is recorded there by
  /// `RISCVIOMMU.record(_:at:memory:)`.
  case memoryResident(MemoryResidentTarget)
  case completed(TranslationCompletion)
  case refused(RequestFault)
}

/// Why a request was refused.
@frozen
package struct RequestFault: BitwiseCopyable, Sendable, Equatable {
  package var cause: FaultCause
  /// `iotval2`.
  package var value2: UInt64
  /// What the device is told: Completer Abort, or else Unsupported Request.
  package var isCompleterAbort: Bool
  /// A fault record was written.
  package var isRecorded: Bool
}

/// A fault of the translation process, with the evidence that its record carries.
struct TranslationFault: Error, BitwiseCopyable {
  var cause: FaultCause
  /// `iotval2`.
  var value2: UInt64 = 0

  init(_ cause: FaultCause, value2: UInt64 = 0) {
    self.cause = cause
    self.value2 = value2
  }
}
