internal import ArmFormats
package import Bits
package import Memory

/// Offsets of registers (AMD I/O Virtualization 3.08, 3.4).
package enum AMDRegister {
  package static let deviceTable: UInt64 = 0x0
  package static let commandBuffer: UInt64 = 0x8
  package static let eventLog: UInt64 = 0x10
  package static let control: UInt64 = 0x18
  package static let features: UInt64 = 0x30
  package static let commandHead: UInt64 = 0x2000
  package static let commandTail: UInt64 = 0x2008
  package static let eventHead: UInt64 = 0x2010
  package static let eventTail: UInt64 = 0x2018
  package static let status: UInt64 = 0x2020
}

/// Named differences from the manual, of an implementation.
package struct AMDPersonality: OptionSet, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let architecture: Self = []
  /// No event is logged for an interrupt that is blocked, but for an illegal device table entry.
  package static let logsNoInterrupts = Self(rawValue: 1 << 0)
  /// `IntTabLen` is not compared with the index.
  package static let ignoresTableLength = Self(rawValue: 1 << 1)
  /// `IntCtl` 1 delivers an empty message.
  package static let emptiesPassedMessages = Self(rawValue: 1 << 2)
  /// NMI, INIT and ExtINT with a logical destination are blocked whatever the pass bits say.
  package static let blocksLogicalModes = Self(rawValue: 1 << 3)
  /// Reserved bits of interrupt table entries are not looked at.
  package static let ignoresReservedEntryBits = Self(rawValue: 1 << 4)
  /// Permissions of the device table entry and of non-leaf entries are not looked at.
  package static let checksLeafPermissionsOnly = Self(rawValue: 1 << 6)
  /// Commands behind one that is illegal are carried out.
  package static let skipsIllegalCommands = Self(rawValue: 1 << 8)
  /// Events have no address, and flags of their own; those of an illegal device table entry come twice
  /// for DMA, and a reserved mode has none.
  package static let writesOwnEvents = Self(rawValue: 1 << 7)

  /// QEMU 11.1's `amd-iommu`.
  package static let qemu11: Self = [
    .logsNoInterrupts, .ignoresTableLength, .emptiesPassedMessages, .blocksLogicalModes,
    .ignoresReservedEntryBits, .checksLeafPermissionsOnly,
    .writesOwnEvents, .skipsIllegalCommands,
  ]
}

/// An AMD I/O memory management unit: interrupts and DMA, with its registers, event log, command buffer
/// and caches (AMD I/O Virtualization Technology Specification, 3.08).
package struct AMDUnit: ~Copyable {
  /// `EXT_FEATURE_REG`.
  package let features: UInt64
  package let personality: AMDPersonality
  var deviceTable: UInt64 = 0
  var commandBuffer: UInt64 = 0
  var eventLog: UInt64 = 0
  var control: UInt64 = 0
  var commandHead: UInt64 = 0
  var commandTail: UInt64 = 0
  var eventHead: UInt64 = 0
  var eventTail: UInt64 = 0
  /// `STATUS_REG`, without the bits that follow from others.
  var status: UInt64 = 0
  /// `STATUS.CmdBufRun` is 0 after a command that is illegal, until software starts the buffer anew.
  var isHalted = false
  var pages: [CachedTranslation] = []
  var interrupts: [InterruptKey: InterruptTableEntry] = [:]

  /// A unit after reset.
  package init(features: UInt64, personality: AMDPersonality = .architecture) {
    self.features = features
    self.personality = personality
  }

  var isOn: Bool { isSet(control, bit: 0) }
  /// `CONTROL.GAEn`: interrupt table entries have 128 bits.
  var hasWideEntries: Bool { isSet(control, bit: 17) }
  /// `CONTROL.XTEn`: destinations have 32 bits.
  var hasWideDestinations: Bool { isSet(control, bit: 50) }
  /// `CONTROL.GAMEn`, where `GASup` is: guests' entries are followed.
  var postsToGuests: Bool { isSet(features, bit: 7) && bits(control, 27, 25) == 1 }

  // MARK: Registers

  /// Reads 8 bytes.
  package func readRegister(_ offset: UInt64) -> UInt64 {
    switch offset {
    case AMDRegister.deviceTable: deviceTable
    case AMDRegister.commandBuffer: commandBuffer
    case AMDRegister.eventLog: eventLog
    case AMDRegister.control: control
    case AMDRegister.features: features
    case AMDRegister.commandHead: commandHead
    case AMDRegister.commandTail: commandTail
    case AMDRegister.eventHead: eventHead
    case AMDRegister.eventTail: eventTail
    case AMDRegister.status:
      status | (isOn && isSet(control, bit: 2) ? 1 << 3 : 0)
        | (isOn && isSet(control, bit: 12) && !isHalted ? 1 << 4 : 0)
    default: 0
    }
  }

  /// Writes 8 bytes; what the write sets off is done when it returns.
  package mutating func writeRegister(_ offset: UInt64, _ value: UInt64, memory: PhysicalMemory) {
    switch offset {
    case AMDRegister.deviceTable: deviceTable = value
    case AMDRegister.commandBuffer: commandBuffer = value
    case AMDRegister.eventLog: eventLog = value
    case AMDRegister.control:
      if !isSet(value, bit: 12) { isHalted = false }
      control = value
      consumeCommands(memory)
    case AMDRegister.commandHead: commandHead = value & 0x7_fff0
    case AMDRegister.commandTail:
      commandTail = value & 0x7_fff0
      consumeCommands(memory)
    case AMDRegister.eventHead: eventHead = value & 0x7_fff0
    case AMDRegister.eventTail: eventTail = value & 0x7_fff0
    case AMDRegister.status: status &= ~(value & 0x67)
    default: break
    }
  }

  // MARK: Device table and event log

  /// The entry of a device; `nil` where nothing answers, or the table is shorter.
  func entry(of device: UInt16, _ memory: PhysicalMemory) -> DeviceTableEntry? {
    let size = (bits(deviceTable, 8, 0) &+ 1) &<< 12
    let offset = UInt64(device) &<< 5
    guard offset < size else { return nil }
    return memory.load(
      DeviceTableEntry.self, at: PA(deviceTable & 0x000f_ffff_ffff_f000) + offset)
  }

  /// Writes an event (2.5.2); a full log sets `EventOverflow`.
  mutating func log(_ event: EventLogEntry, _ memory: PhysicalMemory) {
    guard isOn, isSet(control, bit: 2), !isSet(status, bit: 0) else { return }
    let length = UInt64(16) &<< max(8, bits(eventLog, 59, 56))
    let next = (eventTail &+ 16) % length
    guard next != eventHead else {
      status |= 1
      return
    }
    memory.store(event, at: PA(eventLog & 0x000f_ffff_ffff_f000) + eventTail)
    eventTail = next
    status |= 2
  }

  mutating func logIllegalEntry(
    of device: UInt16, _ address: UInt64, isInterrupt: Bool, _ memory: PhysicalMemory
  ) {
    var event = EventLogEntry()
    event[.code] = .illegalDeviceEntry
    event[.device] = device
    if !personality.contains(.writesOwnEvents) {
      event[.isInterrupt] = isInterrupt
      event[.address] = address & ~3
    }
    log(event, memory)
    if personality.contains(.writesOwnEvents), !isInterrupt { log(event, memory) }
  }

  /// An IO_PAGE_FAULT.
  mutating func logPageFault(
    of device: UInt16, _ entry: DeviceTableEntry, _ address: UInt64, isWrite: Bool,
    isPresent: Bool = false, isInterrupt: Bool = false, _ memory: PhysicalMemory
  ) {
    var event = EventLogEntry()
    event[.code] = .pageFault
    event[.device] = device
    if personality.contains(.writesOwnEvents) {
      event[word: 0] |= (isWrite ? 0xa : 9) << 48
    } else {
      event[.domain] = entry[.domain]
      event[.isInterrupt] = isInterrupt
      event[.isPresent] = isPresent
      event[.isWrite] = isWrite
      event[.address] = address
    }
    log(event, memory)
  }
}
