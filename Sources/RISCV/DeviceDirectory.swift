internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

extension RISCVIOMMU {
  /// The context of a device (RISC-V IOMMU 1.0, 2.3: steps 3 to 6, and 2.3.1).
  ///
  /// `ddtp.iommu_mode` is one with a directory.
  mutating func deviceContext(_ device: UInt32, _ memory: PhysicalMemory)
    throws(TranslationFault) -> DeviceContext
  {
    let levels = Int(registers.directory[.mode].rawValue) &- 1
    guard fits(device, levels: levels) else { throw TranslationFault(.typeDisallowed) }
    let key = DirectoryKey.make(device)
    if let context = devices.find(key) { return context }
    let context = try readContext(device, levels: levels, memory)
    devices.insert(key, context)
    return context
  }

  /// Whether device_id is not wider than the directory's levels allow.
  func fits(_ device: UInt32, levels: Int) -> Bool {
    guard device >> 24 == 0 else { return false }
    let leafBits: UInt32 = capabilities[.messageTables] ? 6 : 7
    switch levels {
    case 1: return device >> leafBits == 0
    case 2:
      let rest = device >> (leafBits &+ 9)
      return personality.contains(.ignoresTopDeviceBit) ? rest & 0xff == 0 : rest == 0
    default: return true
    }
  }

  /// Walks the device directory table (2.3.1).
  private func readContext(_ device: UInt32, levels: Int, _ memory: PhysicalMemory)
    throws(TranslationFault) -> DeviceContext
  {
    let isExtended = capabilities[.messageTables]
    let leafBits: UInt64 = isExtended ? 6 : 7
    var table = registers.directory.table
    var level = UInt64(truncatingIfNeeded: levels &- 1)
    while level > 0 {
      let index = UInt64(device) &>> (leafBits &+ 9 &* (level &- 1)) & 0x1ff
      let word = try readDirectory(table &+ index &* 8, memory)
      let entry = DirectoryEntry(rawValue: word)
      log?.add(.deviceDirectory(level: Int(level)), at: table &+ index &* 8, [word])
      guard entry[.valid] else { throw TranslationFault(.deviceEntryInvalid) }
      guard !entry.hasReservedBits else { throw TranslationFault(.deviceEntryMisconfigured) }
      table = entry.table
      level &-= 1
    }
    let size: UInt64 = isExtended ? 64 : 32
    let place = table &+ (UInt64(device) & lowBits(leafBits)) &* size
    let context: DeviceContext
    do throws(MemoryFailure) {
      context = try read(
        DeviceContext.self, at: place, words: isExtended ? 8 : 4, bigEndian: isBigEndian, memory)
    } catch {
      throw TranslationFault(error == .corrupt ? .deviceTableCorrupt : .deviceEntryAccess)
    }
    log?.add(.deviceContext, at: place, (0..<(isExtended ? 8 : 4)).map { context[word: $0] })
    guard context[.valid] else { throw TranslationFault(.deviceEntryInvalid) }
    guard isWellFormed(context) else { throw TranslationFault(.deviceEntryMisconfigured) }
    return context
  }

  private func readDirectory(_ address: UInt64, _ memory: PhysicalMemory)
    throws(TranslationFault) -> UInt64
  {
    do throws(MemoryFailure) {
      return try read(address, bigEndian: isBigEndian, memory)
    } catch {
      throw TranslationFault(error == .corrupt ? .deviceTableCorrupt : .deviceEntryAccess)
    }
  }
}
