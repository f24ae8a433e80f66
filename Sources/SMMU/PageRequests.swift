public import ArmFormats
internal import Bits
public import Memory

/// Outcome of a page request (IHI 0070, 8.1).
public enum PageRequestOutcome: Sendable, Equatable {
  case queued
  /// The queue was full: the group is answered as if it had succeeded, the device tries again.
  case answeredAutomatically
  /// The queue is off: the group fails.
  case refused
}

extension SMMU {
  /// Takes a page request of a device into the PRI queue (IHI 0070, chapter 8).
  ///
  /// - Returns: the outcome; if it was not queued and it is the last of its group, the answer waits
  ///   in `nextDeviceMessage`.
  public mutating func requestPage(_ request: PageRequestRecord, in memory: PhysicalMemory)
    -> PageRequestOutcome
  {
    let isOn =
      profile.idr0[.pageRequests]
      && registers.control.isSuperset(of: [.enabled, .pageQueue])
      && !registers.activeErrors.contains(.pageQueueAbort)
    guard isOn else {
      answer(request, code: 0)
      return .refused
    }
    guard !registers.pageQueue.isFull, !registers.pageQueue.hasOverflow else {
      registers.pageQueue.noteOverflow()
      answer(request, code: 2)
      return .answeredAutomatically
    }
    let place = registers.pageQueue.producerAddress(entrySize: 16) & lowBits(profile.outputBits)
    guard memory.store(request, at: PA(place)) else {
      raise(.pageQueueAbort)
      answer(request, code: 0)
      return .refused
    }
    let wasEmpty = registers.pageQueue.isEmpty
    registers.pageQueue.advanceProducer()
    if (wasEmpty || request[.last]) && registers.interruptControl.contains(.pageQueue) {
      interrupt(.pageQueue, registers.pageMessage)
    }
    return .queued
  }

  private mutating func answer(_ request: PageRequestRecord, code: UInt8) {
    guard request[.last] else { return }
    deviceMessages.append(
      .pageResponse(
        streamID: request[.stream],
        substreamID: request[.substreamValid] ? request[.substream] : nil,
        groupIndex: request[.groupIndex], code: code))
  }
}
