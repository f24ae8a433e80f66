internal import ArmFormats
package import Bits
package import Memory

/// What became of a request of a function without a PASID.
package enum AMDTranslation: Equatable, Sendable {
  case untranslated
  case translated(PA, size: UInt64, fromCache: Bool)
  case blocked(isLogged: Bool)
}

/// Why a walk ends.
private struct WalkFault: Error {
  /// The entry is there and does not allow it.
  var isPresent = false
  /// No event: an implementation's.
  var isSilent = false
}

private struct WalkedPage {
  var output: UInt64
  var shift: UInt64
  var isReadable = true
  var isWritable = true
}

extension AMDUnit {
  /// Translates a request by the host's tables (2.2.3), logging the fault that it may cause.
  package mutating func translate(
    _ address: UInt64, isWrite: Bool, from device: UInt16, memory: PhysicalMemory
  ) -> AMDTranslation {
    guard isOn else { return .untranslated }
    guard let entry = entry(of: device, memory) else { return .blocked(isLogged: false) }
    guard entry[.valid] else { return .untranslated }
    guard entry[word: 0] & 0x8000_0000_0000_007c == 0 else {
      logIllegalEntry(of: device, address, isInterrupt: false, memory)
      return .blocked(isLogged: true)
    }
    let domain = entry[.domain]
    if let page = pages.last(where: {
      $0.device == device && $0.domain == domain && ($0.page ^ address) >> $0.shift == 0
    }), isWrite ? page.isWritable : page.isReadable {
      return .translated(
        PA(page.output | address & lowBits(page.shift)), size: 1 << page.shift, fromCache: true)
    }
    do throws(WalkFault) {
      guard let page = try walk(address, isWrite, entry, memory) else { return .untranslated }
      insert(
        CachedTranslation(
          device: device, domain: domain, page: address & ~lowBits(page.shift), shift: page.shift,
          output: page.output & ~lowBits(page.shift), isReadable: page.isReadable,
          isWritable: page.isWritable))
      return .translated(PA(page.output), size: 1 << page.shift, fromCache: false)
    } catch {
      let isQuiet = error.isSilent || entry[.suppressesAllEvents]
      if !isQuiet {
        logPageFault(
          of: device, entry, address, isWrite: isWrite, isPresent: error.isPresent, memory)
      }
      return .blocked(isLogged: !isQuiet)
    }
  }

  /// `nil` where nothing translates.
  private func walk(
    _ address: UInt64, _ isWrite: Bool, _ entry: DeviceTableEntry, _ memory: PhysicalMemory
  ) throws(WalkFault) -> WalkedPage? {
    let checksLeafOnly = personality.contains(.checksLeafPermissionsOnly)
    let isOwn = personality.contains(.writesOwnEvents)
    // Without TV nothing is known of tables and permissions; an implementation may abort.
    guard entry[.translates] else { throw WalkFault(isSilent: isOwn) }
    var level = UInt64(entry[.mode])
    guard level < 7 else { throw WalkFault(isSilent: isOwn) }
    let isAllowed = isWrite ? entry[.writes] : entry[.reads]
    guard isAllowed || checksLeafOnly else { throw WalkFault(isPresent: true) }
    guard level > 0 else { return nil }
    guard level == 6 || address >> (12 &+ 9 &* level) == 0 else { throw WalkFault() }
    var page = WalkedPage(output: 0, shift: 12)
    page.isReadable = entry[.reads] || checksLeafOnly
    page.isWritable = entry[.writes] || checksLeafOnly
    var table = entry[.table] << 12
    while true {
      let shift = 3 &+ 9 &* level
      let place = PA(table) + (address >> shift & 0x1ff) << 3
      guard let word = memory.load64(place) else { throw WalkFault() }
      let found = HostTableEntry(rawValue: word)
      guard found[.present] else { throw WalkFault() }
      let next = UInt64(found[.nextLevel])
      let isLeaf = next == 0 || next == 7
      if !checksLeafOnly || isLeaf {
        page.isReadable = page.isReadable && found[.reads]
        page.isWritable = page.isWritable && found[.writes]
        guard isWrite ? page.isWritable : page.isReadable else {
          throw WalkFault(isPresent: true)
        }
      }
      if isLeaf {
        page.shift = next == 0 ? shift : Self.size(of: found.address)
        page.output = found.address & ~lowBits(page.shift) | address & lowBits(page.shift)
        return page
      }
      guard next < level else { throw WalkFault(isPresent: true) }
      // The bits of skipped levels must be 0.
      let skipped = lowBits(shift) & ~lowBits(12 &+ 9 &* next)
      guard address & skipped == 0 else { throw WalkFault(isPresent: true) }
      table = found.address
      level = next
    }
  }

  /// log2 of the size of a page with `NextLevel` 7: the lowest clear bit of its address, from bit 12 on.
  private static func size(of address: UInt64) -> UInt64 {
    var bit: UInt64 = 12
    while bit < 51, isSet(address, bit: bit) { bit &+= 1 }
    return bit &+ 1
  }
}
