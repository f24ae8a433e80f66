public import ArmFormats
public import Bits

/// `capabilities`: what an IOMMU can do (RISC-V IOMMU 1.0, 5.3).
@frozen
public struct IOMMUCapabilities: OneWordRecord {
  public var rawValue: UInt64
  @inlinable @inline(__always)
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let fields: [FieldDescription<Self>] = [
    .init("version", .version),
    .init("Sv32", .sv32),
    .init("Sv39", .sv39),
    .init("Sv48", .sv48),
    .init("Sv57", .sv57),
    .init("Svrsw60t59b", .softwareBits60),
    .init("Svpbmt", .memoryTypes),
    .init("Sv32x4", .sv32x4),
    .init("Sv39x4", .sv39x4),
    .init("Sv48x4", .sv48x4),
    .init("Sv57x4", .sv57x4),
    .init("AMO_MRIF", .atomicFiles),
    .init("MSI_FLAT", .messageTables),
    .init("MSI_MRIF", .memoryResidentFiles),
    .init("AMO_HWAD", .hardwareUpdates),
    .init("ATS", .ats),
    .init("T2GPA", .guestAddressReplies),
    .init("END", .bothEndians),
    .init("IGS", .interrupts),
    .init("HPM", .counters),
    .init("DBG", .debugRequests),
    .init("PAS", .physicalBits),
    .init("PD8", .pd8),
    .init("PD17", .pd17),
    .init("PD20", .pd20),
    .init("QOSID", .qosIdentifiers),
    .init("NL", .nonLeafInvalidation),
    .init("S", .rangeInvalidation),
  ]

  /// MGPAW: the width of guest physical addresses in MSI masks and patterns (2.1.3.6).
  public var guestAddressBits: UInt64 {
    if self[.sv57x4] { return 59 }
    if self[.sv48x4] { return 50 }
    if self[.sv39x4] { return 41 }
    if self[.sv32x4] { return 34 }
    return max(12, min(UInt64(self[.physicalBits]), 56))
  }
}

extension BitField where Record == IOMMUCapabilities, Value == UInt8 {
  /// `version`: 0x10 is 1.0.
  @inlinable @inline(__always)
  public static var version: Self { .init(7, 0) }

  /// `PAS`: width of physical addresses.
  @inlinable @inline(__always)
  public static var physicalBits: Self { .init(37, 32) }
}

extension BitField where Record == IOMMUCapabilities, Value == Bool {
  /// `Sv32`: 32-bit first stage.
  @inlinable @inline(__always)
  public static var sv32: Self { .init(bit: 8) }

  /// `Sv39`: 39-bit first stage.
  @inlinable @inline(__always)
  public static var sv39: Self { .init(bit: 9) }

  /// `Sv48`: 48-bit first stage.
  @inlinable @inline(__always)
  public static var sv48: Self { .init(bit: 10) }

  /// `Sv57`: 57-bit first stage.
  @inlinable @inline(__always)
  public static var sv57: Self { .init(bit: 11) }

  /// `Svrsw60t59b`: bits 60:59 of page table entries are for software.
  @inlinable @inline(__always)
  public static var softwareBits60: Self { .init(bit: 14) }

  /// `Svpbmt`: page-based memory types.
  @inlinable @inline(__always)
  public static var memoryTypes: Self { .init(bit: 15) }

  /// `Sv32x4`: 34-bit second stage.
  @inlinable @inline(__always)
  public static var sv32x4: Self { .init(bit: 16) }

  /// `Sv39x4`: 41-bit second stage.
  @inlinable @inline(__always)
  public static var sv39x4: Self { .init(bit: 17) }

  /// `Sv48x4`: 50-bit second stage.
  @inlinable @inline(__always)
  public static var sv48x4: Self { .init(bit: 18) }

  /// `Sv57x4`: 59-bit second stage.
  @inlinable @inline(__always)
  public static var sv57x4: Self { .init(bit: 19) }

  /// `AMO_MRIF`: memory-resident interrupt files are updated atomically.
  @inlinable @inline(__always)
  public static var atomicFiles: Self { .init(bit: 21) }

  /// `MSI_FLAT`: MSI page tables, and with them extended device contexts.
  @inlinable @inline(__always)
  public static var messageTables: Self { .init(bit: 22) }

  /// `MSI_MRIF`: MRIF mode of MSI page tables.
  @inlinable @inline(__always)
  public static var memoryResidentFiles: Self { .init(bit: 23) }

  /// `AMO_HWAD`: A and D are updated.
  @inlinable @inline(__always)
  public static var hardwareUpdates: Self { .init(bit: 24) }

  /// `ATS`: PCIe ATS and page requests.
  @inlinable @inline(__always)
  public static var ats: Self { .init(bit: 25) }

  /// `T2GPA`: ATS completions may carry GPAs.
  @inlinable @inline(__always)
  public static var guestAddressReplies: Self { .init(bit: 26) }

  /// `END`: both byte orders.
  @inlinable @inline(__always)
  public static var bothEndians: Self { .init(bit: 27) }

  /// `HPM`: performance counters.
  @inlinable @inline(__always)
  public static var counters: Self { .init(bit: 30) }

  /// `DBG`: the translation request registers.
  @inlinable @inline(__always)
  public static var debugRequests: Self { .init(bit: 31) }

  /// `PD8`: process directories of one level.
  @inlinable @inline(__always)
  public static var pd8: Self { .init(bit: 38) }

  /// `PD17`: process directories of two levels.
  @inlinable @inline(__always)
  public static var pd17: Self { .init(bit: 39) }

  /// `PD20`: process directories of three levels.
  @inlinable @inline(__always)
  public static var pd20: Self { .init(bit: 40) }

  /// `QOSID`: QoS identifiers.
  @inlinable @inline(__always)
  public static var qosIdentifiers: Self { .init(bit: 41) }

  /// `NL`: IOTINVAL reaches non-leaf entries.
  @inlinable @inline(__always)
  public static var nonLeafInvalidation: Self { .init(bit: 42) }

  /// `S`: IOTINVAL takes address ranges.
  @inlinable @inline(__always)
  public static var rangeInvalidation: Self { .init(bit: 43) }
}

extension BitField where Record == IOMMUCapabilities, Value == InterruptGeneration {
  /// `IGS`: how the IOMMU interrupts.
  @inlinable @inline(__always)
  public static var interrupts: Self { .init(29, 28) }
}

/// `capabilities.IGS`: how the IOMMU signals its own interrupts (RISC-V IOMMU 1.0, 5.3).
@frozen
public struct InterruptGeneration: OpenEncoding {
  public var rawValue: UInt8
  @inlinable @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable @inline(__always)
  public static var messages: Self { Self(rawValue: 0) }
  @inlinable @inline(__always)
  public static var wires: Self { Self(rawValue: 1) }
  @inlinable @inline(__always)
  public static var both: Self { Self(rawValue: 2) }
}
