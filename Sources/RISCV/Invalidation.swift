internal import ArmFormats
internal import Bits
internal import RISCVFormats

extension RISCVIOMMU {
  /// IOTINVAL.VMA and IOTINVAL.GVMA (RISC-V IOMMU 1.0, 3.1.1; ranges and non-leaf entries 9.2, 9.3).
  ///
  /// There are no caches of non-leaf entries, so NL changes nothing.
  ///
  /// - Returns: `false` for an illegal command.
  mutating func invalidateTranslations(_ command: IOMMUCommand) -> Bool {
    if command[.nonLeaf] && !capabilities[.nonLeafInvalidation] { return false }
    if command[.isRange] && !capabilities[.rangeInvalidation] { return false }
    switch command[.function] {
    case 0: invalidateFirstStage(command)
    case 1:
      guard !command[.processSoftContextValid] else { return false }
      invalidateSecondStage(command)
    default: return false
    }
    return true
  }

  private mutating func invalidateFirstStage(_ command: IOMMUCommand) {
    guard !personality.contains(.keepsTranslations) else { return }
    var mask = AddressTranslationCache.Tag.guest
    var wanted: UInt64 = 0
    if command[.guestValid] {
      mask |= AddressTranslationCache.Tag.guestMask
      wanted |= AddressTranslationCache.Tag.guest | UInt64(command[.guestSoftContext])
    }
    let isOfProcess = command[.processSoftContextValid]
    if isOfProcess {
      mask |= AddressTranslationCache.Tag.process | AddressTranslationCache.Tag.processMask
      wanted |=
        AddressTranslationCache.Tag.process | UInt64(command[.processSoftContext]) &<< 16
    }
    let range = command[.addressValid] ? command.range : 0...UInt64.max
    pages.removeAll { entry in
      (entry.tag.rawValue ^ wanted) & mask == 0 && !(isOfProcess && entry.isGlobal)
        && entry.covers(range, guest: false)
    }
  }

  /// Drops what may come from second-stage or MSI page table entries. A translation of both stages
  /// also holds the second-stage entries of the first-stage tables, whose GPAs are not kept: an
  /// address does not spare it.
  private mutating func invalidateSecondStage(_ command: IOMMUCommand) {
    guard !personality.contains(.keepsTranslations) else { return }
    let guest = command[.guestValid] ? command[.guestSoftContext] : nil
    let hasRange = guest != nil && command[.addressValid]
    let range = hasRange ? command.range : 0...UInt64.max
    pages.removeAll { entry in
      guard entry.tag.isGuest else { return false }
      if let guest, entry.tag.rawValue & AddressTranslationCache.Tag.guestMask != UInt64(guest) {
        return false
      }
      return entry.tag.hasFirstStage || entry.covers(range, guest: true)
    }
  }

  /// IODIR.INVAL_DDT and IODIR.INVAL_PDT (3.1.3).
  ///
  /// - Returns: `false` for an illegal command.
  mutating func invalidateDirectories(_ command: IOMMUCommand) -> Bool {
    let device = command[.device]
    // No wider than the largest mode that `ddtp` takes: in Off and Bare there is no other bound.
    let isTooWide =
      command[.deviceValid] && !fits(device, levels: Int(profile.largestMode.rawValue) &- 1)
    guard !isTooWide else { return false }
    let keeps = personality.contains(.keepsTranslations)
    switch command[.function] {
    case 0:
      guard command[.process] == 0 else { return false }
      guard !keeps else { return true }
      guard command[.deviceValid] else {
        devices.removeAll()
        processes.removeAll()
        return true
      }
      let key = DirectoryKey.make(device)
      devices.remove(key, mask: ~0)
      processes.remove(key, mask: DirectoryKey.deviceMask)
      return true
    case 1:
      guard command[.deviceValid], command[.process] >> processBits == 0 else { return false }
      guard !keeps else { return true }
      processes.remove(DirectoryKey.make(device, command[.process]), mask: ~0)
      return true
    default: return false
    }
  }

  /// The width of process_id that the capabilities allow.
  private var processBits: UInt32 {
    if capabilities[.pd20] { return 20 }
    if capabilities[.pd17] { return 17 }
    return 8
  }
}

extension IOMMUCommand {
  /// The addresses that `ADDR` and `S` name: a page, or a NAPOT range of 8 KiB and more.
  var range: ClosedRange<UInt64> {
    let page = self[.page]
    guard self[.isRange] else { return page &<< 12...page &<< 12 | 0xfff }
    // Trailing ones give the size: X of them, 2^(X+1) pages.
    let bits = UInt64((~page).trailingZeroBitCount) &+ 1 &+ 12
    guard bits < 64 else { return 0...UInt64.max }
    let base = page &<< 12 & ~lowBits(bits)
    return base...base | lowBits(bits)
  }
}
