internal import ArmFormats
package import Bits
package import Memory

/// A message at the window 0xfeexxxxx as the interrupt controllers take it, with bits [31:8] of an x2APIC
/// destination in address bits [63:40].
package struct AMDMessage: Equatable, Sendable, BitwiseCopyable {
  package var address: UInt64
  package var data: UInt32

  package init(address: UInt64, data: UInt32) {
    self.address = address
    self.data = data
  }
}

/// What became of an interrupt request.
package enum AMDInterrupt: Equatable, Sendable {
  case message(AMDMessage)
  /// Recorded in the virtual APIC of a guest.
  case posted(page: PA, vector: UInt8, tag: UInt32, isRunning: Bool)
  /// Target abort; why, and whether an event was logged.
  case aborted(AMDAbort, isLogged: Bool)
}

/// Why an interrupt request is aborted.
package enum AMDAbort: Equatable, Sendable {
  case illegalDeviceEntry
  /// `IntCtl` 0, or its reserved value.
  case control
  /// NMI, INIT and ExtINT whose pass bit is clear.
  case notPassed
  /// Of a type that cannot be remapped: SMI, or reserved.
  case type
  case tableLength
  case beyondTable
  case noMemory
  case notEnabled
  case reservedBits
  /// A guest's entry, where those are off.
  case guestMode
}

/// Why, and whether it is kept from the log.
private struct Abort: Error {
  let reason: AMDAbort
  var isQuiet = false
}

extension AMDUnit {
  /// Takes a function's write to the interrupt window (2.2.5).
  package mutating func remap(
    address: UInt64, data: UInt32, from device: UInt16, memory: PhysicalMemory
  ) -> AMDInterrupt {
    let plain = AMDMessage(address: address, data: data)
    guard isOn, let entry = entry(of: device, memory) else { return .message(plain) }
    do throws(Abort) {
      return try remap(plain, from: device, entry, memory)
    } catch {
      if error.reason == .illegalDeviceEntry {
        logIllegalEntry(of: device, address, isInterrupt: true, memory)
        return .aborted(error.reason, isLogged: true)
      }
      let isQuiet =
        error.isQuiet || personality.contains(.logsNoInterrupts)
        || entry[.valid] && entry[.suppressesAllEvents]
      if !isQuiet {
        logPageFault(
          of: device, entry, address, isWrite: true, isPresent: false, isInterrupt: true, memory)
      }
      return .aborted(error.reason, isLogged: !isQuiet)
    }
  }

  private mutating func remap(
    _ message: AMDMessage, from device: UInt16, _ entry: DeviceTableEntry,
    _ memory: PhysicalMemory
  ) throws(Abort) -> AMDInterrupt {
    if entry[.valid], entry[word: 0] & 0x8000_0000_0000_007c != 0 {
      throw Abort(reason: .illegalDeviceEntry)
    }
    guard entry[.interruptValid] else { return .message(message) }
    // Bits [55:54] and 59 have meanings since revision 3.07.
    guard entry[word: 2] & 0x0030_0000_0000_0000 == 0 else {
      throw Abort(reason: .illegalDeviceEntry)
    }
    let isLogical = isSet(message.address, bit: 2)
    switch message.data >> 8 & 7 {
    case 0, 1: break
    case 4, 5, 7:
      if isLogical, personality.contains(.blocksLogicalModes) { throw Abort(reason: .type) }
      guard isPassed(message.data >> 8 & 7, entry) else { throw Abort(reason: .notPassed) }
      return .message(message)
    default: throw Abort(reason: .type)
    }
    switch entry[.interruptControl] {
    case 1:
      return .message(
        personality.contains(.emptiesPassedMessages)
          ? AMDMessage(address: 0xfee0_0000, data: 0x4000) : message)
    case 2: break
    default: throw Abort(reason: .control)
    }
    return try remap(UInt64(message.data & 0x7ff), of: device, entry, memory)
  }

  private func isPassed(_ type: UInt32, _ entry: DeviceTableEntry) -> Bool {
    switch type {
    case 4: entry[.passesNMI]
    case 5: entry[.passesINIT]
    default: entry[.passesExtINT]
    }
  }

  private mutating func remap(
    _ index: UInt64, of device: UInt16, _ entry: DeviceTableEntry, _ memory: PhysicalMemory
  ) throws(Abort) -> AMDInterrupt {
    if !personality.contains(.ignoresTableLength) {
      let quiet = entry[.ignoresUnmapped]
      guard entry[.interruptTableLength] <= 11 else {
        throw Abort(reason: .tableLength, isQuiet: quiet)
      }
      guard index >> UInt64(entry[.interruptTableLength]) == 0 else {
        throw Abort(reason: .beyondTable, isQuiet: quiet)
      }
    }
    let found = try interruptEntry(index, of: device, entry, memory)
    guard found[.isEnabled] else {
      throw Abort(
        reason: .notEnabled, isQuiet: found[.suppressesEvents] || entry[.ignoresUnmapped])
    }
    if found[.isOfGuest] {
      guard hasWideEntries, postsToGuests else { throw Abort(reason: .guestMode) }
      return try post(found, memory)
    }
    guard found[.type] <= 1 else { throw Abort(reason: .type) }
    let hasReserved =
      hasWideEntries
      ? found[word: 0] >> 32 != 0 || found[word: 1] & 0x00ff_ffff_ffff_ff00 != 0
      : found[word: 0] & 0xff00_0000 != 0
    guard !hasReserved || personality.contains(.ignoresReservedEntryBits) else {
      throw Abort(reason: .reservedBits)
    }
    return .message(message(of: found))
  }

  private mutating func interruptEntry(
    _ index: UInt64, of device: UInt16, _ entry: DeviceTableEntry, _ memory: PhysicalMemory
  ) throws(Abort) -> InterruptTableEntry {
    let key = InterruptKey(device: device, index: index)
    if let found = interrupts[key] { return found }
    let table = PA(entry[.interruptTable] << 6)
    var found = InterruptTableEntry()
    if hasWideEntries {
      guard let low = memory.load64(table + index * 16),
        let high = memory.load64(table + index * 16 + 8)
      else { throw Abort(reason: .noMemory) }
      found[word: 0] = low
      found[word: 1] = high
    } else {
      guard let word = memory.load32(table + index * 4) else { throw Abort(reason: .noMemory) }
      found[word: 0] = UInt64(word)
    }
    if found[.isEnabled] { interrupts[key] = found }
    return found
  }

  private func message(of entry: InterruptTableEntry) -> AMDMessage {
    var destination = entry[.destinationLow]
    let vector = hasWideEntries ? entry[.wideVector] : entry[.vector]
    if hasWideEntries, hasWideDestinations {
      destination |= entry[.destinationHigh] << 24
    } else {
      destination &= 0xff
    }
    var address: UInt64 = 0xfee0_0000 | UInt64(destination & 0xff) << 12
    address |= UInt64(destination >> 8) << 40
    if entry[.requestsEOI] { address |= 8 }
    if entry[.isLogical] { address |= 4 }
    return AMDMessage(
      address: address, data: 0x4000 | UInt32(entry[.type]) << 8 | UInt32(vector))
  }

  /// Sets the request bit in the guest's virtual APIC (2.2.5.3); what tells a CPU or the log is for who
  /// asks.
  private func post(_ entry: InterruptTableEntry, _ memory: PhysicalMemory)
    throws(Abort) -> AMDInterrupt
  {
    let page = PA(entry[.guestPage] << 12)
    let vector = entry[.wideVector]
    let place = page + 0x200 + UInt64(vector / 32) * 16
    guard let old = memory.load32(place) else { throw Abort(reason: .noMemory) }
    memory.store32(place, old | 1 << UInt32(vector & 31))
    return .posted(
      page: page, vector: vector, tag: entry[.tag], isRunning: entry[.isLogical])
  }
}
