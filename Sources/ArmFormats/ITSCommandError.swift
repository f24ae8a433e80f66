public import Bits

/// Error code of a refused ITS command: the codes that IHI 0069, 5.3 lists with each command and
/// that Linux's `arm-gic-v3.h` names (`E_ITS_*`).
///
/// Bits [15:8] name the command and bits [7:0] the rule. CLEAR is the exception: its codes carry
/// 0x05, although its opcode is 0x04.
public struct ITSCommandError: OpenEncoding, Error {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The rule that a command broke: bits [7:0] of the code.
  public struct Rule: OpenEncoding {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The DeviceID does not fit the device table; for MOVALL, the processor does not exist.
    public static let deviceOutOfRange = Rule(rawValue: 0x01)
    /// MAPD: the table is larger than EventIDs are.
    public static let tableSizeOutOfRange = Rule(rawValue: 0x02)
    /// MAPC, VMAPP, VMOVP: no redistributor with that number or address.
    public static let processorOutOfRange = Rule(rawValue: 0x02)
    public static let collectionOutOfRange = Rule(rawValue: 0x03)
    public static let deviceUnmapped = Rule(rawValue: 0x04)
    public static let eventOutOfRange = Rule(rawValue: 0x05)
    public static let interruptOutOfRange = Rule(rawValue: 0x06)
    public static let interruptUnmapped = Rule(rawValue: 0x07)
    public static let collectionUnmapped = Rule(rawValue: 0x09)
    /// GICv4: the vPEID does not fit the vPE table.
    public static let virtualPEOutOfRange = Rule(rawValue: 0x11)
    /// GICv4: the virtual INTID is no LPI or does not fit.
    public static let virtualInterruptOutOfRange = Rule(rawValue: 0x13)
    /// GICv4: the vPE is not mapped.
    public static let virtualPEUnmapped = Rule(rawValue: 0x14)
    /// VMOVI: the event is mapped to a physical interrupt.
    public static let eventIsPhysical = Rule(rawValue: 0x15)
    /// VMOVI: the vPE that the event is mapped to is not mapped.
    public static let sourceVirtualPEUnmapped = Rule(rawValue: 0x16)
    /// VMOVI: the vPE that the command names is not mapped.
    public static let destinationVirtualPEUnmapped = Rule(rawValue: 0x17)
    /// A table or the command itself could not be read. The number is this model's.
    public static let externalAbort = Rule(rawValue: 0x20)
    /// No such command in this version of the architecture. The number is this model's.
    public static let unknownCommand = Rule(rawValue: 0x21)
  }

  public init(_ opcode: ITSOpcode, _ rule: Rule) {
    let byte: UInt8 = opcode == .clear ? 0x05 : opcode.rawValue
    rawValue = 0x01_0000 | UInt32(byte) << 8 | UInt32(rule.rawValue)
  }

  /// The rule that the command broke.
  public var rule: Rule { Rule(rawValue: UInt8(truncatingIfNeeded: rawValue)) }
}
