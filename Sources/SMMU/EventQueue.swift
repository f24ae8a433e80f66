internal import ArmFormats
internal import Bits
internal import Memory

/// The last event of a few streams, to merge repetitions with (IHI 0070, 7.3.1).
struct EventHistory: BitwiseCopyable {
  private var last = EventRecord()
  private var isKnown = false

  /// Whether `event` repeats the last one; the page offset of the input address does not count.
  mutating func repeats(_ event: EventRecord) -> Bool {
    var event = event
    if event[.kind].isTranslationRelated || event[.kind] == .walkAbort {
      event[.inputAddress] &= ~0xfff
    }
    defer { (last, isKnown) = (event, true) }
    return isKnown && event == last
  }

  /// Software has read the queue: the next event stands alone.
  mutating func forget() { isKnown = false }
}

extension SMMU {
  /// Records `event` unless it repeats the last one and merging is allowed.
  mutating func recordMerging(
    _ event: EventRecord, _ context: borrowing TranslationContext, _ memory: PhysicalMemory
  ) -> FaultRecording {
    let mayMerge = context.mergesEvents && !event[.stall]
    let repeats = lastEvents.repeats(event)
    if mayMerge && repeats && !registers.eventQueue.isEmpty { return .suppressed }
    return recordEvent(event, memory) ? .recorded : .lost
  }

  /// Writes a record to the Event queue (7.2, 7.4).
  ///
  /// - Returns: `false` when it is lost: the queue is off, full, or its memory aborts.
  mutating func recordEvent(_ event: EventRecord, _ memory: PhysicalMemory) -> Bool {
    guard registers.control.contains(.eventQueue) else { return false }
    // After an abort nothing is written until software acknowledges (7.2.2).
    guard
      !registers.activeErrors.contains(.eventQueueAbort)
        || personality.contains(.writesAfterQueueAbort)
    else { return false }
    guard !registers.eventQueue.isFull else {
      if personality.contains(.abortsOnFullQueue) {
        raise(.eventQueueAbort)
      } else {
        registers.eventQueue.noteOverflow()
      }
      return false
    }
    let place = registers.eventQueue.producerAddress(entrySize: 32) & lowBits(profile.outputBits)
    guard memory.store(event, at: PA(place)) else {
      raise(.eventQueueAbort)
      return false
    }
    let wasEmpty = registers.eventQueue.isEmpty
    registers.eventQueue.advanceProducer()
    if wasEmpty || personality.contains(.interruptsForEachEvent) { interruptForEvents() }
    return true
  }

  private mutating func interruptForEvents() {
    guard registers.interruptControl.contains(.eventQueue) else { return }
    interrupt(.eventQueue, registers.eventMessage)
  }

  /// Sends the message of an interrupt source, or pulses its wire (3.18).
  mutating func interrupt(_ source: SMMUInterrupts, _ message: MessageRegisters) {
    guard profile.idr0[.messages], message.address != 0 else {
      wired.insert(source)
      return
    }
    outgoing.append(
      OutgoingMessage(
        address: PA(message.address & lowBits(profile.outputBits)), data: message.data,
        source: source))
  }

  /// Toggles the errors of `errors` that are not active, and interrupts (6.3.17, 7.5).
  mutating func raise(_ errors: SMMUGlobalErrors) {
    let fresh = errors.subtracting(registers.activeErrors)
    guard !fresh.isEmpty else { return }
    registers.globalError ^= fresh.rawValue
    guard registers.interruptControl.contains(.globalError) else { return }
    interrupt(.globalError, registers.errorMessage)
  }
}
