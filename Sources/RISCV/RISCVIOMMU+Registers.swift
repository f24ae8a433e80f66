internal import ArmFormats
internal import Bits
package import Memory
internal import RISCVFormats

/// The registers that hold state (RISC-V IOMMU 1.0, 5).
struct IOMMURegisterFile: BitwiseCopyable {
  /// cqmf, cmd_to and cmd_ill: the queue stands while one of them is set.
  static let commandErrors: UInt64 = 0x700

  var features: FeatureControl
  var directory = DirectoryPointer()
  var commands = IOMMUQueue()
  var faults = IOMMUQueue()
  var pageRequests = IOMMUQueue()
  /// `ipsr`.
  var pending: UInt8 = 0
  var vectors = InterruptVectors()
  var messages = InlineArray<16, MessageVector>(repeating: MessageVector())
  /// `iommu_qosid`.
  var qos: UInt32 = 0
  var debugAddress: UInt64 = 0
  var debugRequest = DebugRequest()
  var debugResponse = DebugResponse()

  init(_ profile: RISCVIOMMUProfile) {
    features = profile.features
    if profile.capabilities[.interrupts] == .wires { features[.wiredInterrupts] = true }
    if profile.capabilities[.interrupts] == .messages { features[.wiredInterrupts] = false }
  }
}

extension RISCVIOMMU {
  /// Reads a register.
  ///
  /// - Parameters:
  ///   - offset: in the IOMMU's 4 KiB page.
  ///   - width: 4 or 8 bytes; an access that is not aligned or spans registers reads as 0.
  package func readRegister(_ offset: UInt64, width: Int) -> UInt64 {
    guard width == 4 || width == 8, offset & UInt64(width &- 1) == 0, offset < 4096 else {
      return 0
    }
    let base = offset & ~7
    guard Self.isWide(base) else { return width == 4 ? value32(offset) : 0 }
    let value = value64(base)
    if width == 8 { return value }
    return offset == base ? value & 0xffff_ffff : value &>> 32
  }

  /// Writes a register; what the write sets off is done when it returns.
  ///
  /// - Parameters:
  ///   - offset: in the IOMMU's 4 KiB page.
  ///   - width: 4 or 8 bytes; an access that is not aligned or spans registers is ignored.
  package mutating func writeRegister(
    _ offset: UInt64, _ value: UInt64, width: Int, memory: PhysicalMemory
  ) {
    guard width == 4 || width == 8, offset & UInt64(width &- 1) == 0, offset < 4096 else {
      return
    }
    let base = offset & ~7
    guard Self.isWide(base) else {
      if width == 4 { write32(offset, UInt32(truncatingIfNeeded: value), memory) }
      return
    }
    guard width == 4 else { return write64(base, value, memory) }
    let old = value64(base)
    let low = value & 0xffff_ffff
    let merged =
      offset == base ? old & ~0xffff_ffff | low : old & 0xffff_ffff | low &<< 32
    write64(base, merged, memory)
  }

  /// Whether the eight bytes at an offset are one register.
  private static func isWide(_ base: UInt64) -> Bool {
    switch base {
    case IOMMURegister.capabilities, IOMMURegister.ddtp, IOMMURegister.cqb, IOMMURegister.fqb,
      IOMMURegister.pqb, IOMMURegister.trReqIOVA, IOMMURegister.trReqControl,
      IOMMURegister.trResponse, IOMMURegister.icvec:
      true
    case IOMMURegister.messageTable..<IOMMURegister.messageTable + 256: base & 8 == 0
    default: false
    }
  }

  private func value64(_ offset: UInt64) -> UInt64 {
    switch offset {
    case IOMMURegister.capabilities: capabilities.rawValue
    case IOMMURegister.ddtp: registers.directory.rawValue
    case IOMMURegister.cqb: registers.commands.base.rawValue
    case IOMMURegister.fqb: registers.faults.base.rawValue
    case IOMMURegister.pqb: registers.pageRequests.base.rawValue
    case IOMMURegister.trReqIOVA: registers.debugAddress
    case IOMMURegister.trReqControl: registers.debugRequest.rawValue
    case IOMMURegister.trResponse: registers.debugResponse.rawValue
    case IOMMURegister.icvec: registers.vectors.rawValue
    default: registers.messages[Int(offset &- IOMMURegister.messageTable) / 16].address
    }
  }

  private func value32(_ offset: UInt64) -> UInt64 {
    switch offset {
    case IOMMURegister.fctl: registers.features.rawValue
    case IOMMURegister.cqh: UInt64(registers.commands.head)
    case IOMMURegister.cqt: UInt64(registers.commands.tail)
    case IOMMURegister.fqh: UInt64(registers.faults.head)
    case IOMMURegister.fqt: UInt64(registers.faults.tail)
    case IOMMURegister.pqh: UInt64(registers.pageRequests.head)
    case IOMMURegister.pqt: UInt64(registers.pageRequests.tail)
    case IOMMURegister.cqcsr: registers.commands.control.rawValue
    case IOMMURegister.fqcsr: registers.faults.control.rawValue
    case IOMMURegister.pqcsr: registers.pageRequests.control.rawValue
    case IOMMURegister.ipsr: UInt64(registers.pending)
    case IOMMURegister.qosid: UInt64(registers.qos)
    case IOMMURegister.messageTable..<IOMMURegister.messageTable + 256:
      messageWord(offset &- IOMMURegister.messageTable)
    default: 0
    }
  }

  private func messageWord(_ offset: UInt64) -> UInt64 {
    let vector = registers.messages[Int(offset) / 16]
    return offset & 4 == 0 ? UInt64(vector.data) : vector.isMasked ? 1 : 0
  }

  // MARK: Writing

  private mutating func write64(_ offset: UInt64, _ value: UInt64, _ memory: PhysicalMemory) {
    let pageMask = (addressMask &>> 12) &<< 10
    switch offset {
    case IOMMURegister.ddtp: writeDirectory(value & (pageMask | 0xf))
    case IOMMURegister.cqb:
      guard !registers.commands.control[.isOn] else { return }
      registers.commands.base = queueBase(value)
      registers.commands.tail = 0
    case IOMMURegister.fqb:
      guard !registers.faults.control[.isOn] else { return }
      registers.faults.base = queueBase(value)
      registers.faults.head = 0
    case IOMMURegister.pqb:
      guard capabilities[.ats], !registers.pageRequests.control[.isOn] else { return }
      registers.pageRequests.base = queueBase(value)
      registers.pageRequests.head = 0
    case IOMMURegister.trReqIOVA:
      if capabilities[.debugRequests] { registers.debugAddress = value & ~0xfff }
    case IOMMURegister.trReqControl:
      if capabilities[.debugRequests] { debugTranslate(DebugRequest(rawValue: value), memory) }
    case IOMMURegister.icvec: writeVectors(value)
    case IOMMURegister.messageTable..<IOMMURegister.messageTable + 256:
      let number = Int(offset &- IOMMURegister.messageTable) / 16
      guard hasVector(number) else { return }
      registers.messages[number].address = value & addressMask & ~3
    default: break
    }
  }

  /// A mode that is not supported keeps the old one; between levels software goes through Off.
  private mutating func writeDirectory(_ value: UInt64) {
    let new = DirectoryPointer(rawValue: value)
    let old = registers.directory[.mode]
    guard new[.mode].rawValue <= max(1, min(profile.largestMode.rawValue, 4)) else { return }
    guard !old.hasDirectory || !new[.mode].hasDirectory else { return }
    registers.directory = new
  }

  private func queueBase(_ value: UInt64) -> QueueBase {
    var base = QueueBase(rawValue: value & ((addressMask &>> 12) &<< 10))
    base[.sizeBitsMinus1] = min(UInt8(value & 0x1f), profile.queueSizeBits &- 1)
    return base
  }

  private mutating func writeVectors(_ value: UInt64) {
    let field = lowBits(profile.vectorBits)
    var vectors = value & (field | field &<< 4)
    if capabilities[.ats] { vectors |= value & field &<< 12 }
    registers.vectors = InterruptVectors(rawValue: vectors)
  }

  private func hasVector(_ number: Int) -> Bool {
    capabilities[.interrupts] != .wires && number >> Int(profile.vectorBits) == 0
  }

  private mutating func write32(_ offset: UInt64, _ value: UInt32, _ memory: PhysicalMemory) {
    switch offset {
    case IOMMURegister.fctl: writeFeatures(UInt64(value))
    case IOMMURegister.cqt:
      registers.commands.tail = value & registers.commands.base.indexMask
      consumeCommands(memory)
    case IOMMURegister.fqh: registers.faults.head = value & registers.faults.base.indexMask
    case IOMMURegister.pqh:
      registers.pageRequests.head = value & registers.pageRequests.base.indexMask
    case IOMMURegister.cqcsr: writeCommandControl(UInt64(value), memory)
    case IOMMURegister.fqcsr:
      if registers.faults.writeControl(UInt64(value)) { registers.faults.tail = 0 }
      interruptForErrors(.faults, memory)
    case IOMMURegister.pqcsr:
      guard capabilities[.ats] else { return }
      if registers.pageRequests.writeControl(UInt64(value)) { registers.pageRequests.tail = 0 }
      interruptForErrors(.pageRequests, memory)
    case IOMMURegister.ipsr: acknowledge(UInt8(truncatingIfNeeded: value), memory)
    case IOMMURegister.qosid:
      guard capabilities[.qosIdentifiers] else { return }
      let field = UInt32(truncatingIfNeeded: lowBits(profile.qosBits))
      registers.qos = value & (field | field &<< 16)
    case IOMMURegister.messageTable..<IOMMURegister.messageTable + 256:
      writeMessageWord(offset &- IOMMURegister.messageTable, value, memory)
    default: break
    }
  }

  /// Features change only while the IOMMU and its queues are off.
  private mutating func writeFeatures(_ value: UInt64) {
    let on =
      registers.commands.control.rawValue | registers.faults.control.rawValue
      | registers.pageRequests.control.rawValue
    guard registers.directory[.mode] == .off, on & 1 == 0 else { return }
    let new = FeatureControl(rawValue: value)
    if capabilities[.bothEndians] && profile.writesEndianness {
      registers.features[.bigEndian] = new[.bigEndian]
    }
    if capabilities[.interrupts] == .both {
      registers.features[.wiredInterrupts] = new[.wiredInterrupts]
    }
  }

  private mutating func writeCommandControl(_ value: UInt64, _ memory: PhysicalMemory) {
    let wasOn = registers.commands.control[.enable]
    let new = QueueControl(rawValue: value)
    var control = QueueControl(
      rawValue: registers.commands.control.rawValue & ~(value & 0xf00) & 0xf00)
    if new[.enable] && !wasOn {
      control = QueueControl()
      registers.commands.head = 0
    }
    control[.enable] = new[.enable]
    control[.isOn] = new[.enable]
    control[.interruptEnable] = new[.interruptEnable]
    registers.commands.control = control
    interruptForErrors(.commands, memory)
    consumeCommands(memory)
  }

  /// Clears pending bits; those whose condition still holds are set again (5.18).
  private mutating func acknowledge(_ value: UInt8, _ memory: PhysicalMemory) {
    let cleared = registers.pending & value
    registers.pending &= ~value
    for source: IOMMUInterrupts in [.commands, .faults, .pageRequests]
    where cleared & source.rawValue != 0 {
      interruptForErrors(source, memory)
    }
  }

  /// Interrupts when an error bit of a queue is set.
  private mutating func interruptForErrors(_ source: IOMMUInterrupts, _ memory: PhysicalMemory) {
    let control =
      switch source {
      case .commands: registers.commands.control
      case .faults: registers.faults.control
      default: registers.pageRequests.control
      }
    if control.rawValue & 0xf00 != 0 { interrupt(source, memory) }
  }

  private mutating func writeMessageWord(
    _ offset: UInt64, _ value: UInt32, _ memory: PhysicalMemory
  ) {
    let number = Int(offset) / 16
    guard hasVector(number) else { return }
    guard offset & 4 != 0 else {
      registers.messages[number].data = value
      return
    }
    registers.messages[number].isMasked = value & 1 != 0
    guard value & 1 == 0, registers.messages[number].isPending else { return }
    registers.messages[number].isPending = false
    sendVector(number, memory)
  }
}

extension IOMMUQueue {
  /// Writes `fqcsr` or `pqcsr`.
  ///
  /// - Returns: `true` when the queue was switched on, which sets its tail to 0.
  fileprivate mutating func writeControl(_ value: UInt64) -> Bool {
    let new = QueueControl(rawValue: value)
    let isSwitchedOn = new[.enable] && !control[.enable]
    var next = QueueControl(rawValue: control.rawValue & ~value & 0x300)
    if isSwitchedOn { next = QueueControl() }
    next[.enable] = new[.enable]
    next[.isOn] = new[.enable]
    next[.interruptEnable] = new[.interruptEnable]
    control = next
    return isSwitchedOn
  }
}
