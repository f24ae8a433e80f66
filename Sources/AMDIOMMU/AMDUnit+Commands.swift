internal import ArmFormats
internal import Bits
internal import Memory

/// A translation that is cached.
struct CachedTranslation {
  let device: UInt16
  let domain: UInt16
  let page: UInt64
  let shift: UInt64
  let output: UInt64
  let isReadable: Bool
  let isWritable: Bool
}

/// Which entry of an interrupt table is cached.
struct InterruptKey: Hashable {
  let device: UInt16
  let index: UInt64
}

// The command buffer (2.4).
extension AMDUnit {
  /// Translations that are cached.
  static var cacheSize: Int { 64 }

  mutating func insert(_ page: CachedTranslation) {
    if pages.count >= Self.cacheSize { pages.removeFirst() }
    pages.append(page)
  }

  mutating func consumeCommands(_ memory: PhysicalMemory) {
    guard isOn, isSet(control, bit: 12), !isHalted else { return }
    let length = UInt64(16) &<< max(8, bits(commandBuffer, 59, 56))
    let base = PA(commandBuffer & 0x000f_ffff_ffff_f000)
    var budget = length / 16
    while commandHead != commandTail, budget > 0 {
      budget -= 1
      guard commandHead < length, let low = memory.load64(base + commandHead),
        let high = memory.load64(base + commandHead + 8)
      else { return }
      if !execute(low, high, memory) {
        logIllegalCommand(low, at: base + commandHead, memory)
        guard personality.contains(.skipsIllegalCommands) else {
          // 2.4: the unit stops at it.
          isHalted = true
          return
        }
      }
      commandHead = (commandHead &+ 16) % length
    }
  }

  private mutating func logIllegalCommand(
    _ command: UInt64, at place: PA, _ memory: PhysicalMemory
  ) {
    var event = EventLogEntry()
    event[.code] = .illegalCommand
    if personality.contains(.writesOwnEvents) {
      event[word: 0] |= (command >> 60) << 48
    } else {
      event[.address] = place.rawValue
    }
    log(event, memory)
  }

  /// Carries a command out; `false` for one that is illegal.
  private mutating func execute(_ low: UInt64, _ high: UInt64, _ memory: PhysicalMemory) -> Bool {
    switch low >> 60 {
    case 1:
      if isSet(low, bit: 0) { memory.store64(PA(low & 0x000f_ffff_ffff_fff8), high) }
      if isSet(low, bit: 1) { status |= 4 }
    case 2:
      let device = UInt16(truncatingIfNeeded: low)
      pages.removeAll { $0.device == device }
      interrupts = interrupts.filter { $0.key.device != device }
    case 3: invalidatePages(low, high)
    case 4: break
    case 5:
      let device = UInt16(truncatingIfNeeded: low)
      interrupts = interrupts.filter { $0.key.device != device }
    case 6: break
    case 7: return isSet(features, bit: 1)
    case 8:
      pages = []
      interrupts = [:]
    default: return false
    }
    return true
  }

  /// INVALIDATE_IOMMU_PAGES (2.4.3): with `S` the address encodes the size.
  private mutating func invalidatePages(_ low: UInt64, _ high: UInt64) {
    let domain = UInt16(truncatingIfNeeded: low >> 32)
    var width: UInt64 = 12
    if isSet(high, bit: 0) {
      width = 13
      while width < 63, isSet(high, bit: width &- 1) { width &+= 1 }
    }
    pages.removeAll {
      $0.domain == domain && ($0.page ^ high) >> max(width, $0.shift) == 0
    }
  }
}
