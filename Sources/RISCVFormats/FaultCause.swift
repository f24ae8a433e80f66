public import Bits

/// `CAUSE` of a fault record (RISC-V IOMMU 1.0, 3.2).
@frozen
public struct FaultCause: OpenEncoding, CustomStringConvertible {
  public var rawValue: UInt16
  @inlinable @inline(__always)
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Instruction, read and write/AMO access fault.
  public static let executeAccess = Self(rawValue: 1)
  public static let readAccess = Self(rawValue: 5)
  public static let writeAccess = Self(rawValue: 7)
  /// Instruction, read and write/AMO page fault: the first stage.
  public static let executePage = Self(rawValue: 12)
  public static let readPage = Self(rawValue: 13)
  public static let writePage = Self(rawValue: 15)
  /// Instruction, read and write/AMO guest page fault: the second stage.
  public static let executeGuestPage = Self(rawValue: 20)
  public static let readGuestPage = Self(rawValue: 21)
  public static let writeGuestPage = Self(rawValue: 23)
  public static let allDisallowed = Self(rawValue: 256)
  public static let deviceEntryAccess = Self(rawValue: 257)
  public static let deviceEntryInvalid = Self(rawValue: 258)
  public static let deviceEntryMisconfigured = Self(rawValue: 259)
  public static let typeDisallowed = Self(rawValue: 260)
  public static let messageEntryAccess = Self(rawValue: 261)
  public static let messageEntryInvalid = Self(rawValue: 262)
  public static let messageEntryMisconfigured = Self(rawValue: 263)
  public static let fileAccess = Self(rawValue: 264)
  public static let processEntryAccess = Self(rawValue: 265)
  public static let processEntryInvalid = Self(rawValue: 266)
  public static let processEntryMisconfigured = Self(rawValue: 267)
  public static let deviceTableCorrupt = Self(rawValue: 268)
  public static let processTableCorrupt = Self(rawValue: 269)
  public static let messageTableCorrupt = Self(rawValue: 270)
  public static let fileCorrupt = Self(rawValue: 271)
  public static let internalError = Self(rawValue: 272)
  public static let messageWriteAccess = Self(rawValue: 273)
  public static let pageTableCorrupt = Self(rawValue: 274)

  /// Whether the fault is recorded although `DC.tc.DTF` is 1.
  public var isReportedDespiteDTF: Bool {
    switch rawValue {
    case 256...259, 268, 272, 273: true
    default: false
    }
  }

  /// Whether it is a guest page fault, whose record has the GPA.
  public var isGuestPageFault: Bool { rawValue == 20 || rawValue == 21 || rawValue == 23 }

  /// The manual's words.
  public var description: String {
    switch rawValue {
    case 1: "Instruction access fault"
    case 4: "Read address misaligned"
    case 5: "Read access fault"
    case 6: "Write/AMO address misaligned"
    case 7: "Write/AMO access fault"
    case 12: "Instruction page fault"
    case 13: "Read page fault"
    case 15: "Write/AMO page fault"
    case 20: "Instruction guest page fault"
    case 21: "Read guest-page fault"
    case 23: "Write/AMO guest-page fault"
    case 256: "All inbound transactions disallowed"
    case 257: "DDT entry load access fault"
    case 258: "DDT entry not valid"
    case 259: "DDT entry misconfigured"
    case 260: "Transaction type disallowed"
    case 261: "MSI PTE load access fault"
    case 262: "MSI PTE not valid"
    case 263: "MSI PTE misconfigured"
    case 264: "MRIF access fault"
    case 265: "PDT entry load access fault"
    case 266: "PDT entry not valid"
    case 267: "PDT entry misconfigured"
    case 268: "DDT data corruption"
    case 269: "PDT data corruption"
    case 270: "MSI PT data corruption"
    case 271: "MSI MRIF data corruption"
    case 272: "Internal data path error"
    case 273: "IOMMU MSI write access fault"
    case 274: "First/second-stage PT data corruption"
    default: "cause \(rawValue)"
    }
  }
}
