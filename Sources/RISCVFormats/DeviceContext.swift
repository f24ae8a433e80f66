public import ArmFormats
public import Bits

/// DC: what the IOMMU does with the traffic of one device (RISC-V IOMMU 1.0, 2.1.2). 64 bytes in
/// the extended format; the 32 bytes of the base format are its first half.
@frozen
public struct DeviceContext: InlineRecord {
  public var storage: InlineArray<8, UInt64>
  @inlinable @inline(__always)
  public init(storage: InlineArray<8, UInt64>) { self.storage = storage }

  public static let fields: [FieldDescription<Self>] = [
    .init("tc.V", .valid),
    .init("tc.EN_ATS", .enablesATS),
    .init("tc.EN_PRI", .enablesPRI),
    .init("tc.T2GPA", .returnsGuestAddress),
    .init("tc.DTF", .disablesFaults),
    .init("tc.PDTV", .hasProcessDirectory),
    .init("tc.PRPR", .responseNeedsPASID),
    .init("tc.GADE", .updatesSecondStage),
    .init("tc.SADE", .updatesFirstStage),
    .init("tc.DPE", .defaultsProcess),
    .init("tc.SBE", .firstStageBigEndian),
    .init("tc.SXL", .firstStage32),
    .init("iohgatp.PPN", .secondStagePage),
    .init("iohgatp.GSCID", .guestSoftContext),
    .init("iohgatp.MODE", .secondStageMode),
    .init("ta.PSCID", .processSoftContext),
    .init("ta.RCID", .resourceControl),
    .init("ta.MCID", .monitoringCounter),
    .init("fsc.PPN", .firstStagePage),
    .init("fsc.MODE", .firstStageMode),
    .init("msiptp.PPN", .messageTablePage),
    .init("msiptp.MODE", .messageTableMode),
    .init("msi_addr_mask", .messageMask),
    .init("msi_addr_pattern", .messagePattern),
  ]

  /// `fsc.MODE` as `pdtp.MODE`, where `PDTV` is 1.
  @inlinable @inline(__always)
  public var processDirectoryMode: ProcessDirectoryMode {
    ProcessDirectoryMode(pattern: self[word: 3] &>> 60)
  }

  /// The address of the first-stage root table or of the process directory: a GPA where the
  /// second stage translates.
  @inlinable @inline(__always)
  public var firstStageTable: UInt64 { self[.firstStagePage] &<< 12 }
  /// The address of the second-stage root table.
  @inlinable @inline(__always)
  public var secondStageTable: UInt64 { self[.secondStagePage] &<< 12 }
  /// The address of the MSI page table.
  @inlinable @inline(__always)
  public var messageTable: UInt64 { self[.messageTablePage] &<< 12 }
}

extension BitField where Record == DeviceContext, Value == Bool {
  /// `tc.V`: the context is valid.
  @inlinable @inline(__always)
  public static var valid: Self { .init(bit: 0) }

  /// `tc.EN_ATS`: ATS translation requests and translated requests are served.
  @inlinable @inline(__always)
  public static var enablesATS: Self { .init(bit: 1) }

  /// `tc.EN_PRI`: page requests are queued.
  @inlinable @inline(__always)
  public static var enablesPRI: Self { .init(bit: 2) }

  /// `tc.T2GPA`: ATS completions carry a GPA, and translated requests pass the second stage.
  @inlinable @inline(__always)
  public static var returnsGuestAddress: Self { .init(bit: 3) }

  /// `tc.DTF`: faults of the translation process are not recorded.
  @inlinable @inline(__always)
  public static var disablesFaults: Self { .init(bit: 4) }

  /// `tc.PDTV`: `fsc` is a `pdtp`.
  @inlinable @inline(__always)
  public static var hasProcessDirectory: Self { .init(bit: 5) }

  /// `tc.PRPR`: the page request responses that the IOMMU makes carry the PASID.
  @inlinable @inline(__always)
  public static var responseNeedsPASID: Self { .init(bit: 6) }

  /// `tc.GADE`: A and D of second-stage entries are updated.
  @inlinable @inline(__always)
  public static var updatesSecondStage: Self { .init(bit: 7) }

  /// `tc.SADE`: A and D of first-stage entries are updated.
  @inlinable @inline(__always)
  public static var updatesFirstStage: Self { .init(bit: 8) }

  /// `tc.DPE`: requests without a process_id use 0.
  @inlinable @inline(__always)
  public static var defaultsProcess: Self { .init(bit: 9) }

  /// `tc.SBE`: process directory and first-stage tables are big-endian.
  @inlinable @inline(__always)
  public static var firstStageBigEndian: Self { .init(bit: 10) }

  /// `tc.SXL`: first-stage modes are those of 32-bit harts.
  @inlinable @inline(__always)
  public static var firstStage32: Self { .init(bit: 11) }
}

extension BitField where Record == DeviceContext, Value == UInt64 {
  /// `iohgatp.PPN`: page number of the second-stage root table.
  @inlinable @inline(__always)
  public static var secondStagePage: Self { .init(word: 1, 43, 0) }

  /// `fsc.PPN`: page number of the first-stage root table, or of the process directory.
  @inlinable @inline(__always)
  public static var firstStagePage: Self { .init(word: 3, 43, 0) }

  /// `msiptp.PPN`: page number of the MSI page table.
  @inlinable @inline(__always)
  public static var messageTablePage: Self { .init(word: 4, 43, 0) }

  /// `msi_addr_mask`: bits of a page number that select an interrupt file.
  @inlinable @inline(__always)
  public static var messageMask: Self { .init(word: 5, 51, 0) }

  /// `msi_addr_pattern`: the other bits of the page number of an interrupt file.
  @inlinable @inline(__always)
  public static var messagePattern: Self { .init(word: 6, 51, 0) }
}

extension BitField where Record == DeviceContext, Value == UInt16 {
  /// `iohgatp.GSCID`: GSCID, which tags cached translations of a VM.
  @inlinable @inline(__always)
  public static var guestSoftContext: Self { .init(word: 1, 59, 44) }

  /// `ta.RCID`: resource control identifier (QoS).
  @inlinable @inline(__always)
  public static var resourceControl: Self { .init(word: 2, 51, 40) }

  /// `ta.MCID`: monitoring counter identifier (QoS).
  @inlinable @inline(__always)
  public static var monitoringCounter: Self { .init(word: 2, 63, 52) }
}

extension BitField where Record == DeviceContext, Value == SecondStageMode {
  /// `iohgatp.MODE`: the second-stage scheme.
  @inlinable @inline(__always)
  public static var secondStageMode: Self { .init(word: 1, 63, 60) }
}

extension BitField where Record == DeviceContext, Value == UInt32 {
  /// `ta.PSCID`: PSCID, which tags cached translations of an address space.
  @inlinable @inline(__always)
  public static var processSoftContext: Self { .init(word: 2, 31, 12) }
}

extension BitField where Record == DeviceContext, Value == FirstStageMode {
  /// `fsc.MODE`: the first-stage scheme, where `PDTV` is 0.
  @inlinable @inline(__always)
  public static var firstStageMode: Self { .init(word: 3, 63, 60) }
}

extension BitField where Record == DeviceContext, Value == MessageTableMode {
  /// `msiptp.MODE`: whether accesses to virtual interrupt files are recognised.
  @inlinable @inline(__always)
  public static var messageTableMode: Self { .init(word: 4, 63, 60) }
}

/// `iosatp.MODE` and `PC.fsc.MODE` with `SXL` 0 (RISC-V IOMMU 1.0, 2.1.3.4).
@frozen
public struct FirstStageMode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var bare: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var sv39: Self { Self(rawValue: 8) }
  @inlinable @inline(__always)
  public static var sv48: Self { Self(rawValue: 9) }
  @inlinable @inline(__always)
  public static var sv57: Self { Self(rawValue: 10) }
}

/// `iohgatp.MODE` with `fctl.GXL` 0 (RISC-V IOMMU 1.0, 2.1.3.2).
@frozen
public struct SecondStageMode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var bare: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var sv39x4: Self { Self(rawValue: 8) }
  @inlinable @inline(__always)
  public static var sv48x4: Self { Self(rawValue: 9) }
  @inlinable @inline(__always)
  public static var sv57x4: Self { Self(rawValue: 10) }
}

/// `pdtp.MODE`: the width of process_id (RISC-V IOMMU 1.0, 2.1.3.4).
@frozen
public struct ProcessDirectoryMode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var bare: Self { Self(rawValue: 0) }
  /// One level, 8 bits.
  @inlinable @inline(__always)
  public static var pd8: Self { Self(rawValue: 1) }
  /// Two levels, 17 bits.
  @inlinable @inline(__always)
  public static var pd17: Self { Self(rawValue: 2) }
  /// Three levels, 20 bits.
  @inlinable @inline(__always)
  public static var pd20: Self { Self(rawValue: 3) }
}

/// `msiptp.MODE` (RISC-V IOMMU 1.0, 2.1.3.5).
@frozen
public struct MessageTableMode: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var off: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var flat: Self { Self(rawValue: 1) }
}
