internal import ArmFormats
internal import Bits
package import Memory

/// Offsets of registers (VT-d 4.1, 11.4).
package enum VTDRegister {
  package static let version: UInt64 = 0x0
  package static let capabilities: UInt64 = 0x8
  package static let extended: UInt64 = 0x10
  package static let command: UInt64 = 0x18
  package static let status: UInt64 = 0x1c
  package static let rootTable: UInt64 = 0x20
  package static let contextCommand: UInt64 = 0x28
  package static let faultStatus: UInt64 = 0x34
  package static let faultControl: UInt64 = 0x38
  package static let faultData: UInt64 = 0x3c
  package static let faultAddress: UInt64 = 0x40
  package static let faultUpperAddress: UInt64 = 0x44
  package static let queueHead: UInt64 = 0x80
  package static let queueTail: UInt64 = 0x88
  package static let queueAddress: UInt64 = 0x90
  package static let completionStatus: UInt64 = 0x9c
  package static let interruptTable: UInt64 = 0xb8
}

/// Bits of `GCMD_REG` and `GSTS_REG`.
package enum VTDCommand {
  package static let translation: UInt64 = 1 << 31
  package static let rootTable: UInt64 = 1 << 30
  package static let queue: UInt64 = 1 << 26
  package static let interrupts: UInt64 = 1 << 25
  package static let interruptTable: UInt64 = 1 << 24
  package static let compatibility: UInt64 = 1 << 23
}

/// The registers that hold state.
struct VTDRegisters {
  /// `GSTS_REG`.
  var status: UInt64 = 0
  /// `RTADDR_REG`, as written and as `SRTP` took it.
  var rootAddress: UInt64 = 0
  var root: UInt64 = 0
  /// `IRTA_REG`, as written and as `SIRTP` took it.
  var interruptAddress: UInt64 = 0
  var interruptTable: UInt64 = 0
  /// `FSTS_REG`: PFO bit 0, IQE bit 4; PPF follows from the records.
  var isOverflown = false
  var queueError = false
  /// `FECTL_REG`: IM bit 31, IP bit 30.
  var isFaultMasked = true
  var isFaultPending = false
  var faultData: UInt32 = 0
  var faultAddress: UInt64 = 0
  var queueAddress: UInt64 = 0
  var queueHead: UInt64 = 0
  var queueTail: UInt64 = 0
  /// `ICS_REG.IWC`.
  var isWaitComplete = false
  var faults: [FaultRecord] = []
  /// The record that the next fault goes to.
  var nextFault = 0

  var isScalable: Bool { bits(root, 11, 10) == 1 }
  var usesExtendedMode: Bool { isSet(interruptTable, bit: 11) }
  /// Bytes of a descriptor in the queue.
  var descriptorSize: UInt64 { isSet(queueAddress, bit: 11) ? 32 : 16 }
}

extension VTDUnit {
  /// Reads a register, 4 or 8 bytes wide; others read as 0.
  package func readRegister(_ offset: UInt64, width: Int) -> UInt64 {
    guard width == 4 || width == 8, offset & UInt64(width &- 1) == 0 else { return 0 }
    if width == 4 {
      let word = value(offset & ~7)
      return offset & 4 == 0 ? word & lowBits(32) : word >> 32
    }
    return value(offset)
  }

  /// The eight bytes at an offset.
  private func value(_ offset: UInt64) -> UInt64 {
    let record = offset &- profile.faultOffset
    if record < UInt64(registers.faults.count) &* 16 {
      return registers.faults[Int(record / 16)][word: record & 8 == 0 ? 0 : 1]
    }
    switch offset {
    case VTDRegister.version: return 0x10
    case VTDRegister.capabilities: return profile.capabilities
    case VTDRegister.extended: return profile.extended
    case VTDRegister.command: return registers.status << 32
    case VTDRegister.rootTable: return registers.rootAddress
    case 0x30: return faultStatus << 32
    case VTDRegister.faultControl:
      let control: UInt64 =
        (registers.isFaultMasked ? 1 << 31 : 0) | (registers.isFaultPending ? 1 << 30 : 0)
      return control | UInt64(registers.faultData) << 32
    case VTDRegister.faultAddress: return registers.faultAddress
    case VTDRegister.queueHead: return registers.queueHead
    case VTDRegister.queueTail: return registers.queueTail
    case VTDRegister.queueAddress: return registers.queueAddress
    case 0x98: return (registers.isWaitComplete ? 1 : 0) << 32
    case VTDRegister.interruptTable: return registers.interruptAddress
    default: return 0
    }
  }

  /// `FSTS_REG`.
  var faultStatus: UInt64 {
    var status: UInt64 = registers.isOverflown ? 1 : 0
    if let first = registers.faults.firstIndex(where: { $0[.isValid] }) {
      status |= 2 | UInt64(first) << 8
    }
    return status | (registers.queueError ? 1 << 4 : 0)
  }

  /// Writes a register, 4 or 8 bytes wide; what it sets off is done when it returns.
  package mutating func writeRegister(
    _ offset: UInt64, _ value: UInt64, width: Int, memory: PhysicalMemory
  ) {
    guard width == 4 || width == 8, offset & UInt64(width &- 1) == 0 else { return }
    if width == 8, Self.isPair(offset) {
      writeRegister(offset, value & lowBits(32), width: 4, memory: memory)
      writeRegister(offset &+ 4, value >> 32, width: 4, memory: memory)
      return
    }
    let base = offset & ~7
    let merged =
      width == 8
      ? value
      : offset & 4 == 0
        ? self.value(base) & ~lowBits(32) | value & lowBits(32)
        : self.value(base) & lowBits(32) | value << 32
    let record = offset &- profile.faultOffset
    if record < UInt64(registers.faults.count) &* 16 { return clearFault(record, merged) }
    switch base {
    case VTDRegister.command where offset == VTDRegister.command: command(value, memory)
    case VTDRegister.rootTable: registers.rootAddress = merged
    case VTDRegister.contextCommand:
      if isSet(merged, bit: 63) { invalidateContexts() }
    case 0x30 where offset == VTDRegister.faultStatus: clearStatus(value)
    case VTDRegister.faultControl:
      if offset == VTDRegister.faultControl {
        registers.isFaultMasked = isSet(value, bit: 31)
        if registers.isFaultPending { sendFaultEvent() }
      } else {
        registers.faultData = UInt32(truncatingIfNeeded: value)
      }
    case VTDRegister.faultAddress: registers.faultAddress = merged
    case VTDRegister.queueTail:
      registers.queueTail = merged & lowBits(19) & ~(registers.descriptorSize &- 1)
      consumeQueue(memory)
    case VTDRegister.queueAddress: registers.queueAddress = merged
    case 0x98 where offset == VTDRegister.completionStatus:
      if isSet(value, bit: 0) { registers.isWaitComplete = false }
    case VTDRegister.interruptTable: registers.interruptAddress = merged
    case profile.invalidationOffset &+ 8: if isSet(merged, bit: 63) { pages = [] }
    default: break
    }
  }

  /// Whether eight bytes are two registers.
  private static func isPair(_ offset: UInt64) -> Bool {
    switch offset {
    case VTDRegister.command, 0x30, VTDRegister.faultControl, 0x98: true
    default: false
    }
  }

  /// `GCMD_REG`: bits that are on stay on when written again; one changes at a time.
  private mutating func command(_ value: UInt64, _ memory: PhysicalMemory) {
    let sticky =
      VTDCommand.translation | VTDCommand.queue | VTDCommand.interrupts
      | (personality.contains(.passesCompatibility) ? 0 : VTDCommand.compatibility)
    let old = registers.status
    registers.status = registers.status & ~sticky | value & sticky
    if value & VTDCommand.rootTable != 0 {
      registers.root = registers.rootAddress
      registers.status |= VTDCommand.rootTable
    }
    if value & VTDCommand.interruptTable != 0 {
      registers.interruptTable = registers.interruptAddress
      registers.status |= VTDCommand.interruptTable
      interrupts = [:]
    }
    let queue = VTDCommand.queue
    if old & queue == 0, registers.status & queue != 0 { registers.queueHead = 0 }
    if old & queue != 0, registers.status & queue == 0 { registers.queueHead = 0 }
  }

  // MARK: Faults

  private mutating func clearFault(_ offset: UInt64, _ value: UInt64) {
    guard offset & 8 != 0, isSet(value, bit: 63) else { return }
    registers.faults[Int(offset / 16)][.isValid] = false
    quietFaultEvent()
  }

  private mutating func clearStatus(_ value: UInt64) {
    if isSet(value, bit: 0) { registers.isOverflown = false }
    if isSet(value, bit: 4) { registers.queueError = false }
    quietFaultEvent()
  }

  /// `IP` goes when software has dealt with all that it stood for.
  private mutating func quietFaultEvent() {
    if faultStatus & 0x13 == 0 { registers.isFaultPending = false }
  }

  /// Records a fault (7.2.1); one that finds its register in use is lost.
  mutating func record(
    _ reason: FaultReason, of requester: UInt16, information: UInt64, isRead: Bool
  ) {
    let before = faultStatus & 0x13
    guard !registers.isOverflown else { return }
    if personality.contains(.collapsesFaults),
      registers.faults.contains(where: { $0[.isValid] && $0[.source] == requester })
    {
      return
    }
    let index = registers.nextFault
    guard !registers.faults[index][.isValid] else {
      registers.isOverflown = true
      return
    }
    var record = FaultRecord()
    record[word: 0] = information & ~0xfff
    record[.source] = requester
    record[.reason] = reason
    record[.type1] = isRead
    record[.isValid] = true
    registers.faults[index] = record
    registers.nextFault = (index + 1) % registers.faults.count
    if before == 0 { raiseFaultEvent() }
  }

  mutating func raiseFaultEvent() {
    registers.isFaultPending = true
    sendFaultEvent()
  }

  private mutating func sendFaultEvent() {
    guard !registers.isFaultMasked else { return }
    registers.isFaultPending = false
    outgoing.append(APICMessage(address: registers.faultAddress, data: registers.faultData))
  }
}
