internal import ArmFormats
internal import Bits
internal import Memory

/// The stalled transactions and their tags (IHI 0070, 3.12.2).
struct StallBuffer {
  private struct Slot: BitwiseCopyable {
    var stream: UInt32 = 0
    var isUsed = false
    /// The event has not reached the queue yet.
    var isUnreported = false
    var event = EventRecord()
  }

  private var slots: ContiguousArray<Slot>

  init(limit: Int) { slots = ContiguousArray(repeating: Slot(), count: limit) }

  /// Takes the lowest free tag; `nil` when all are in use.
  mutating func take(_ stream: UInt32, _ event: EventRecord) -> UInt16? {
    guard let index = slots.firstIndex(where: { !$0.isUsed }) else { return nil }
    slots[index] = Slot(stream: stream, isUsed: true, isUnreported: true, event: event)
    return UInt16(truncatingIfNeeded: index)
  }

  mutating func setEvent(_ tag: UInt16, _ event: EventRecord) { slots[Int(tag)].event = event }
  mutating func markReported(_ tag: UInt16) { slots[Int(tag)].isUnreported = false }

  /// The lowest tag whose event still waits for the queue.
  var unreported: (tag: UInt16, event: EventRecord)? {
    guard let index = slots.firstIndex(where: { $0.isUsed && $0.isUnreported }) else {
      return nil
    }
    return (UInt16(truncatingIfNeeded: index), slots[index].event)
  }

  /// Frees a tag; `false` when it does not belong to a stalled transaction of `stream`.
  mutating func free(_ tag: UInt16, of stream: UInt32) -> Bool {
    let index = Int(tag)
    guard index < slots.count, slots[index].isUsed, slots[index].stream == stream else {
      return false
    }
    slots[index].isUsed = false
    return true
  }

  /// Frees the lowest tag of `stream`; `nil` when none is left.
  mutating func freeFirst(of stream: UInt32) -> UInt16? {
    guard let index = slots.firstIndex(where: { $0.isUsed && $0.stream == stream }) else {
      return nil
    }
    slots[index].isUsed = false
    return UInt16(truncatingIfNeeded: index)
  }
}

extension SMMU {
  /// Holds a transaction under a tag and reports it; the record waits when the queue is full,
  /// since stall records are never discarded (7.4).
  mutating func stall(
    _ transaction: Transaction, _ event: inout EventRecord, _ memory: PhysicalMemory
  ) -> TranslationResult {
    guard let tag = stalls.take(transaction.streamID, event) else { return .blocked }
    event[.stall] = true
    event[.stallTag] = tag
    stalls.setEvent(tag, event)
    flushStalledEvents(memory)
    return .stalled(tag: tag)
  }

  /// Writes the stall records that waited for room in the Event queue.
  mutating func flushStalledEvents(_ memory: PhysicalMemory) {
    while let waiting = stalls.unreported {
      guard registers.control.contains(.eventQueue), !registers.eventQueue.isFull,
        recordEvent(waiting.event, memory)
      else { return }
      stalls.markReported(waiting.tag)
    }
  }

  /// CMD_RESUME and CMD_STALL_TERM (4.7.1, 4.7.2).
  mutating func endStalls(_ command: SMMUCommand) -> CommandOutcome {
    guard profile.idr0[.stallModel] != 1 else { return absent }
    let stream = command[.stream]
    guard command[.opcode] == .resume else {
      while let tag = stalls.freeFirst(of: stream) {
        deviceMessages.append(.terminate(streamID: stream, tag: tag, aborts: true))
      }
      return .done
    }
    let tag = command[.stallTag]
    guard stalls.free(tag, of: stream) else { return .done }
    if command[.resumeRetry] {
      deviceMessages.append(.retry(streamID: stream, tag: tag))
    } else {
      let aborts = profile.idr0[.terminateAborts] || command[.resumeAbort]
      deviceMessages.append(.terminate(streamID: stream, tag: tag, aborts: aborts))
    }
    return .done
  }
}
