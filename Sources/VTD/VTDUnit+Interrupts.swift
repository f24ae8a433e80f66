internal import ArmFormats
package import Bits
package import Memory

/// What became of a write to the window 0xfeexxxxx.
package enum RemappedInterrupt: Equatable, Sendable {
  case message(APICMessage)
  /// Recorded in a posted-interrupt descriptor, with the notification that went out, if one did.
  case posted(descriptor: PA, vector: UInt8, notification: APICMessage?)
  case blocked(FaultReason, isRecorded: Bool)
}

/// Why an interrupt request is blocked.
struct InterruptFault: Error {
  let reason: FaultReason
  /// Not recorded: the entry's `FPD`.
  var isQuiet = false
}

extension VTDUnit {
  /// Takes a function's write to the interrupt window, which no page table translates (5.1).
  ///
  /// - Parameters:
  ///   - data: all 32 bits.
  ///   - requester: the requester ID.
  ///   - isMessage: whether it is what an MSI capability holds; on the bus any write looks the same.
  package mutating func remap(
    address: UInt64, data: UInt32, from requester: UInt16, isMessage: Bool = true,
    memory: PhysicalMemory
  ) -> RemappedInterrupt {
    let isKnown = isMessage || !personality.contains(.forgetsWriters)
    let recorded = isKnown ? requester : 0xffff
    let plain = APICMessage(address: address, data: data)
    guard registers.status & VTDCommand.interrupts != 0 else { return .message(plain) }
    guard isSet(address, bit: 4) else {
      guard isCompatibilityBlocked else { return .message(plain) }
      record(.compatibilityBlocked, of: recorded, information: 0, isRead: false)
      return .blocked(.compatibilityBlocked, isRecorded: true)
    }
    let handle = bits(address, 19, 5) | bits(address, 2, 2) << 15
    let hasSubhandle = isSet(address, bit: 3)
    let index = handle &+ (hasSubhandle ? UInt64(data & 0xffff) : 0)
    do throws(InterruptFault) {
      if hasSubhandle, data >> 16 != 0 { throw InterruptFault(reason: .requestReserved) }
      return try remap(index, from: isKnown ? requester : nil, memory)
    } catch {
      if !error.isQuiet {
        let hasIndex =
          error.reason != .requestReserved || !personality.contains(.omitsIndex)
        record(
          error.reason, of: recorded, information: hasIndex ? index << 48 : 0, isRead: false)
      }
      return .blocked(error.reason, isRecorded: !error.isQuiet)
    }
  }

  /// 5.1.4: compatibility format passes in xAPIC mode with `CFI` alone.
  private var isCompatibilityBlocked: Bool {
    guard !personality.contains(.passesCompatibility) else { return false }
    return registers.usesExtendedMode || registers.status & VTDCommand.compatibility == 0
  }

  private mutating func remap(_ index: UInt64, from requester: UInt16?, _ memory: PhysicalMemory)
    throws(InterruptFault) -> RemappedInterrupt
  {
    guard index < 2 << bits(registers.interruptTable, 3, 0) else {
      throw InterruptFault(reason: .indexBeyondTable)
    }
    let entry = try interruptEntry(index, memory)
    do throws(InterruptFault) {
      try check(entry, from: requester)
      guard entry[.isPosted], !personality.contains(.ignoresPosting) else {
        return .message(message(of: entry))
      }
      return try post(entry, memory)
    } catch {
      throw InterruptFault(reason: error.reason, isQuiet: entry[.disablesFaults])
    }
  }

  private mutating func interruptEntry(_ index: UInt64, _ memory: PhysicalMemory)
    throws(InterruptFault) -> InterruptEntry
  {
    let key = UInt16(truncatingIfNeeded: index)
    if let entry = interrupts[key] { return entry }
    let place = PA(registers.interruptTable & ~0xfff & lowBits(52)) + index << 4
    guard let low = memory.load64(place), let high = memory.load64(place + 8) else {
      throw InterruptFault(reason: .entryAccess)
    }
    let entry = InterruptEntry(words: [low, high])
    // Entries that are not present are not cached.
    if entry[.present] { interrupts[key] = entry }
    return entry
  }

  private func check(_ entry: InterruptEntry, from requester: UInt16?) throws(InterruptFault) {
    guard entry[.present] else { throw InterruptFault(reason: .entryNotPresent) }
    guard !hasReservedBits(entry) else { throw InterruptFault(reason: .entryReserved) }
    guard requester.map({ isFrom($0, entry) }) ?? true else {
      throw InterruptFault(reason: .sourceMismatch)
    }
  }

  /// The reserved bits and encodings of an entry (9.9, 9.10).
  private func hasReservedBits(_ entry: InterruptEntry) -> Bool {
    let (low, high) = (entry[word: 0], entry[word: 1])
    if entry[.isPosted], !personality.contains(.ignoresPosting) {
      // Without CAP.PI the bit is reserved.
      return !profile.posts || low & 0x3f_ff00_30fc != 0 || high & 0xfff0_0000 != 0
        || entry[.sourceValidation] == 3
    }
    if low & 0xff00_7000 != 0 || high & ~lowBits(20) != 0 { return true }
    if entry[.sourceValidation] == 3, !personality.contains(.mismatchesReservedCheck) {
      return true
    }
    let mode = entry[.deliveryMode]
    if mode == 3 || mode == 6, !personality.contains(.passesReservedModes) { return true }
    return !registers.usesExtendedMode && entry[.destination] & 0xffff_00ff != 0
      && !personality.contains(.ignoresDestinationBits)
  }

  /// Whether an entry takes interrupts of a requester (`SVT`, `SQ`, `SID`).
  private func isFrom(_ requester: UInt16, _ entry: InterruptEntry) -> Bool {
    let source = entry[.source]
    switch entry[.sourceValidation] {
    case 0: return true
    case 1:
      let mask = ~([0, 4, 6, 7] as [UInt16])[Int(entry[.sourceQualifier])]
      return requester & mask == source & mask
    case 2:
      let bus = requester >> 8
      let (first, last) =
        personality.contains(.swapsBuses)
        ? (source & 0xff, source >> 8) : (source >> 8, source & 0xff)
      return first <= bus && bus <= last
    default: return false
    }
  }

  private func message(of entry: InterruptEntry) -> APICMessage {
    let field = entry[.destination]
    return APICMessage(
      destination: registers.usesExtendedMode ? field : field >> 8 & 0xff,
      isLogical: entry[.isLogical], redirects: entry[.redirects], mode: entry[.deliveryMode],
      vector: entry[.vector], isLevel: entry[.isLevel])
  }

  /// Records an interrupt in its descriptor (5.2.3): the request bit, and a notification where none is
  /// outstanding and the request is urgent or not suppressed.
  private func post(_ entry: InterruptEntry, _ memory: PhysicalMemory)
    throws(InterruptFault) -> RemappedInterrupt
  {
    let place = PA(entry.descriptor)
    let request = place + UInt64(entry[.vector] / 64) * 8
    guard let old = memory.load64(request), let control = memory.load64(place + 32) else {
      throw InterruptFault(reason: .descriptorAccess)
    }
    var descriptor = PostedDescriptor()
    descriptor[word: 4] = control
    guard control & 0xff00_fffc == 0 else { throw InterruptFault(reason: .descriptorReserved) }
    memory.store64(request, old | 1 << UInt64(entry[.vector] & 63))
    guard entry[.isUrgent] || !descriptor[.suppressed], !descriptor[.outstanding] else {
      return .posted(descriptor: place, vector: entry[.vector], notification: nil)
    }
    descriptor[.outstanding] = true
    memory.store64(place + 32, descriptor[word: 4])
    let field = descriptor[.notificationDestination]
    let notification = APICMessage(
      destination: registers.usesExtendedMode ? field : field >> 8 & 0xff, isLogical: false,
      redirects: false, mode: 0, vector: descriptor[.notificationVector], isLevel: false)
    return .posted(descriptor: place, vector: entry[.vector], notification: notification)
  }
}
