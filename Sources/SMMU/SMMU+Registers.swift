internal import ArmFormats
internal import Bits
public import Memory

extension SMMU {
  /// Reads a register of either page; RES0 and unknown offsets read as zero.
  ///
  /// - Parameters:
  ///   - offset: bytes from the base of page 0.
  ///   - width: 4 or 8 bytes.
  public mutating func readRegister(_ offset: UInt64, width: Int) -> UInt64 {
    guard width == 8 else { return UInt64(read32(offset)) }
    return UInt64(read32(offset)) | UInt64(read32(offset &+ 4)) &<< 32
  }

  /// Writes a register of either page; writes to read-only and unknown offsets are ignored.
  ///
  /// A write that lets the Command queue move consumes commands, at most one queue full.
  public mutating func writeRegister(
    _ offset: UInt64, _ value: UInt64, width: Int, memory: PhysicalMemory
  ) {
    recent.removeAll()
    write32(offset, UInt32(truncatingIfNeeded: value), memory)
    if width == 8 { write32(offset &+ 4, UInt32(truncatingIfNeeded: value &>> 32), memory) }
  }

  private func read32(_ offset: UInt64) -> UInt32 {
    typealias Register = SMMURegister
    switch offset {
    case Register.idr0: return UInt32(truncatingIfNeeded: profile.idr0.rawValue)
    case Register.idr1: return UInt32(truncatingIfNeeded: profile.idr1.rawValue)
    case Register.idr3: return UInt32(truncatingIfNeeded: profile.idr3.rawValue)
    case Register.idr5: return UInt32(truncatingIfNeeded: profile.idr5.rawValue)
    case Register.iidr: return profile.implementer
    case Register.aidr: return profile.architecture
    case Register.cr0, Register.cr0Acknowledge: return registers.control.rawValue
    case Register.cr1: return registers.control1
    case Register.cr2: return registers.control2.rawValue
    case Register.globalBypass: return registers.globalBypass
    case Register.interruptControl, Register.interruptControlAcknowledge:
      return registers.interruptControl.rawValue
    case Register.globalError: return registers.globalError
    case Register.globalErrorAcknowledge: return registers.globalErrorAcknowledged
    case Register.streamTableBase: return registers.streamTableBase.low
    case Register.streamTableBase + 4: return registers.streamTableBase.high
    case Register.streamTableConfig: return registers.streamTableConfig
    default: return readMessage(offset) ?? readQueue(offset) ?? 0
    }
  }

  private func readMessage(_ offset: UInt64) -> UInt32? {
    guard profile.idr0[.messages] else { return nil }
    switch offset {
    case SMMURegister.globalErrorMessage..<SMMURegister.globalErrorMessage + 16:
      return registers.errorMessage[offset - SMMURegister.globalErrorMessage]
    case SMMURegister.eventQueueMessage..<SMMURegister.eventQueueMessage + 16:
      return registers.eventMessage[offset - SMMURegister.eventQueueMessage]
    case SMMURegister.pageQueueMessage..<SMMURegister.pageQueueMessage + 16
    where profile.idr0[.pageRequests]:
      return registers.pageMessage[offset - SMMURegister.pageQueueMessage]
    default: return nil
    }
  }

  private func readQueue(_ offset: UInt64) -> UInt32? {
    typealias Register = SMMURegister
    switch offset {
    case Register.commandQueueBase: return registers.commandQueue.base.low
    case Register.commandQueueBase + 4: return registers.commandQueue.base.high
    case Register.commandQueueProducer: return registers.commandQueue.producer
    case Register.commandQueueConsumer: return registers.commandQueue.consumer
    case Register.eventQueueBase: return registers.eventQueue.base.low
    case Register.eventQueueBase + 4: return registers.eventQueue.base.high
    case Register.eventQueueProducer: return registers.eventQueue.producer
    case Register.eventQueueConsumer: return registers.eventQueue.consumer
    case _ where !profile.idr0[.pageRequests]: return nil
    case Register.pageQueueBase: return registers.pageQueue.base.low
    case Register.pageQueueBase + 4: return registers.pageQueue.base.high
    case Register.pageQueueProducer: return registers.pageQueue.producer
    case Register.pageQueueConsumer: return registers.pageQueue.consumer
    default: return nil
    }
  }

  private mutating func write32(_ offset: UInt64, _ value: UInt32, _ memory: PhysicalMemory) {
    typealias Register = SMMURegister
    switch offset {
    case Register.cr0: writeControl(value, memory)
    case Register.cr1: registers.control1 = value & 0xfff
    case Register.cr2: writeControl2(value)
    case Register.globalBypass: writeBypass(value)
    case Register.interruptControl: writeInterruptControl(value)
    case Register.globalErrorAcknowledge:
      registers.globalErrorAcknowledged = value & 0x1fd
      consumeCommands(memory)
      flushStalledEvents(memory)
    case Register.streamTableBase where !isEnabled:
      registers.streamTableBase.low = value & ~0x3f
    case Register.streamTableBase + 4 where !isEnabled:
      registers.streamTableBase.high = value & 0x40ff_ffff
    case Register.streamTableConfig where !isEnabled:
      // Without two-level tables FMT and SPLIT are RES0 (6.3.24).
      let hasLevels = profile.idr0[.streamTableLevels] != 0
      registers.streamTableConfig = value & (hasLevels ? 0x3_07ff : 0x3f)
    default: if !writeMessage(offset, value) { writeQueue(offset, value, memory) }
    }
  }

  private var isEnabled: Bool { registers.control.contains(.enabled) }

  /// CR0 and, at once, CR0ACK (6.3.9).
  private mutating func writeControl(_ value: UInt32, _ memory: PhysicalMemory) {
    var allowed: SMMUControl = [.enabled, .eventQueue, .commandQueue]
    if profile.idr0[.pageRequests] { allowed.insert(.pageQueue) }
    if profile.idr0[.ats] { allowed.insert(.checksTranslated) }
    registers.control = SMMUControl(rawValue: value).intersection(allowed)
    consumeCommands(memory)
    flushStalledEvents(memory)
  }

  /// CR2 can be written while SMMUEN is clear (6.3.12).
  private mutating func writeControl2(_ value: UInt32) {
    guard !isEnabled else { return }
    var allowed: SMMUControl2 = [.recordsBadStreams, .privateMaintenance]
    if profile.idr0[.hyp] { allowed.insert(.hostExtensions) }
    if profile.idr0[.recordsATSErrors] { allowed.insert(.recordsATSErrors) }
    registers.control2 = SMMUControl2(rawValue: value).intersection(allowed)
  }

  /// GBPA takes a value only together with UPDATE, which then reads as zero (6.3.14).
  private mutating func writeBypass(_ value: UInt32) {
    guard value & RegisterFile.bypassUpdate != 0 else { return }
    registers.globalBypass = value & 0x001f_ff1f
  }

  private mutating func writeInterruptControl(_ value: UInt32) {
    var allowed: SMMUInterruptControl = [.globalError, .eventQueue]
    if profile.idr0[.pageRequests] { allowed.insert(.pageQueue) }
    registers.interruptControl = SMMUInterruptControl(rawValue: value).intersection(allowed)
  }

  /// Message registers can be written while their interrupt is off (6.3.18).
  private mutating func writeMessage(_ offset: UInt64, _ value: UInt32) -> Bool {
    guard profile.idr0[.messages] else { return false }
    let enabled = registers.interruptControl
    switch offset {
    case SMMURegister.globalErrorMessage..<SMMURegister.globalErrorMessage + 16:
      if !enabled.contains(.globalError) {
        registers.errorMessage[offset - SMMURegister.globalErrorMessage] = value
      }
    case SMMURegister.eventQueueMessage..<SMMURegister.eventQueueMessage + 16:
      if !enabled.contains(.eventQueue) {
        registers.eventMessage[offset - SMMURegister.eventQueueMessage] = value
      }
    case SMMURegister.pageQueueMessage..<SMMURegister.pageQueueMessage + 16:
      if !enabled.contains(.pageQueue) && profile.idr0[.pageRequests] {
        registers.pageMessage[offset - SMMURegister.pageQueueMessage] = value
      }
    default: return false
    }
    return true
  }

  private mutating func writeQueue(_ offset: UInt64, _ value: UInt32, _ memory: PhysicalMemory) {
    typealias Register = SMMURegister
    let control = registers.control
    switch offset {
    case Register.commandQueueBase where !control.contains(.commandQueue):
      registers.commandQueue.base.low = value
    case Register.commandQueueBase + 4 where !control.contains(.commandQueue):
      registers.commandQueue.base.high = value & 0x40ff_ffff
    case Register.commandQueueProducer:
      registers.commandQueue.producer = value & 0xf_ffff
      consumeCommands(memory)
    case Register.commandQueueConsumer where !control.contains(.commandQueue):
      registers.commandQueue.consumer = value & 0x7f0f_ffff
    case Register.eventQueueBase where !control.contains(.eventQueue):
      registers.eventQueue.base.low = value
    case Register.eventQueueBase + 4 where !control.contains(.eventQueue):
      registers.eventQueue.base.high = value & 0x40ff_ffff
    case Register.eventQueueProducer where !control.contains(.eventQueue):
      registers.eventQueue.producer = value & 0x800f_ffff
    case Register.eventQueueConsumer:
      registers.eventQueue.consumer = value & 0x800f_ffff
      lastEvents.forget()
      flushStalledEvents(memory)
    case _ where !profile.idr0[.pageRequests]: break
    case Register.pageQueueBase where !control.contains(.pageQueue):
      registers.pageQueue.base.low = value
    case Register.pageQueueBase + 4 where !control.contains(.pageQueue):
      registers.pageQueue.base.high = value & 0x40ff_ffff
    case Register.pageQueueProducer where !control.contains(.pageQueue):
      registers.pageQueue.producer = value & 0x800f_ffff
    case Register.pageQueueConsumer: registers.pageQueue.consumer = value & 0x800f_ffff
    default: break
    }
  }
}

extension UInt64 {
  /// Bits [31:0], as one of two 32-bit halves of a register.
  fileprivate var low: UInt32 {
    get { UInt32(truncatingIfNeeded: self) }
    set { self = (self & ~0xffff_ffff) | UInt64(newValue) }
  }

  /// Bits [63:32].
  fileprivate var high: UInt32 {
    get { UInt32(truncatingIfNeeded: self &>> 32) }
    set { self = (self & 0xffff_ffff) | UInt64(newValue) &<< 32 }
  }
}

extension MessageRegisters {
  /// One of the four words at `offset`.
  fileprivate subscript(offset: UInt64) -> UInt32 {
    get {
      switch offset {
      case 0: address.low
      case 4: address.high
      case 8: data
      case 12: attributes
      default: 0
      }
    }
    set {
      switch offset {
      case 0: address.low = newValue & ~3
      case 4: address.high = newValue & 0x00ff_ffff
      case 8: data = newValue
      case 12: attributes = newValue & 0x3f
      default: break
      }
    }
  }
}
