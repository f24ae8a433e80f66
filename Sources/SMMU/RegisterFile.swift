internal import ArmFormats
internal import Bits

/// The indexes and the base of one queue (IHI 0070, 3.5.1).
struct QueueRegisters: BitwiseCopyable {
  /// `*_BASE` as written.
  var base: UInt64 = 0
  var producer: UInt32 = 0
  var consumer: UInt32 = 0
  /// log2 of the largest size.
  let limit: UInt64

  private static let overflow: UInt32 = 1 << 31

  /// log2 of the number of entries.
  var sizeBits: UInt64 { min(base & 0x1f, limit, 19) }
  private var indexMask: UInt32 { UInt32(truncatingIfNeeded: lowBits(sizeBits)) }
  /// Index and wrap bit.
  private var pointerMask: UInt32 { UInt32(truncatingIfNeeded: lowBits(sizeBits + 1)) }

  var isEmpty: Bool { (producer ^ consumer) & pointerMask == 0 }
  var isFull: Bool { (producer ^ consumer) & pointerMask == indexMask &+ 1 }

  /// The number of entries between consumer and producer; more than the queue holds when
  /// software wrote nonsense.
  var count: UInt32 { (producer &- consumer) & pointerMask }

  func producerAddress(entrySize: UInt64) -> UInt64 { address(producer, entrySize) }
  func consumerAddress(entrySize: UInt64) -> UInt64 { address(consumer, entrySize) }

  private func address(_ pointer: UInt32, _ entrySize: UInt64) -> UInt64 {
    // The base is aligned to the larger of the queue's size and 32 bytes (6.3.25).
    let span = entrySize &<< sizeBits
    let start = base & 0x00ff_ffff_ffff_ffe0 & ~(max(span, 32) &- 1)
    return start &+ UInt64(pointer & indexMask) &* entrySize
  }

  mutating func advanceProducer() {
    producer = (producer & ~pointerMask) | ((producer &+ 1) & pointerMask)
  }

  mutating func advanceConsumer() {
    consumer = (consumer & ~pointerMask) | ((consumer &+ 1) & pointerMask)
  }

  /// Toggles OVFLG unless an overflow is already flagged (7.4).
  mutating func noteOverflow() {
    if (producer ^ consumer) & Self.overflow == 0 { producer ^= Self.overflow }
  }

  /// Whether an overflow waits for its acknowledgement.
  var hasOverflow: Bool { (producer ^ consumer) & Self.overflow != 0 }
}

/// `*_IRQ_CFG0` to `*_IRQ_CFG2`.
struct MessageRegisters: BitwiseCopyable {
  var address: UInt64 = 0
  var data: UInt32 = 0
  var attributes: UInt32 = 0
}

/// The registers that hold state (IHI 0070, 6.3).
struct RegisterFile: BitwiseCopyable {
  static let bypassAborts: UInt32 = 1 << 20
  static let bypassUpdate: UInt32 = 1 << 31

  var control: SMMUControl = []
  var control1: UInt32 = 0
  var control2: SMMUControl2 = []
  var globalBypass: UInt32
  var interruptControl: SMMUInterruptControl = []
  var globalError: UInt32 = 0
  var globalErrorAcknowledged: UInt32 = 0
  var errorMessage = MessageRegisters()
  var eventMessage = MessageRegisters()
  var pageMessage = MessageRegisters()
  var streamTableBase: UInt64 = 0
  var streamTableConfig: UInt32 = 0
  var commandQueue: QueueRegisters
  var eventQueue: QueueRegisters
  var pageQueue: QueueRegisters

  init(_ profile: SMMUProfile) {
    globalBypass = profile.resetBypass
    commandQueue = QueueRegisters(limit: UInt64(profile.idr1[.commandQueue]))
    eventQueue = QueueRegisters(limit: UInt64(profile.idr1[.eventQueue]))
    pageQueue = QueueRegisters(limit: UInt64(profile.idr1[.pageRequestQueue]))
  }

  /// The errors that software has not acknowledged.
  var activeErrors: SMMUGlobalErrors {
    SMMUGlobalErrors(rawValue: globalError ^ globalErrorAcknowledged)
  }

  var streamTableAddress: UInt64 { streamTableBase & 0x00ff_ffff_ffff_ffc0 }

  /// `STRTAB_BASE_CFG` decoded (6.3.24).
  var streamTable: (sizeBits: UInt64, split: UInt64, isTwoLevel: Bool) {
    let word = UInt64(streamTableConfig)
    let split = bits(word, 10, 6)
    // Reserved values of SPLIT behave as 6, of FMT as linear.
    let legal = split == 6 || split == 8 || split == 10
    return (min(bits(word, 5, 0), 32), legal ? split : 6, bits(word, 17, 16) == 1)
  }
}
