internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

extension RISCVIOMMU {
  /// The context of a process of a device (RISC-V IOMMU 1.0, 2.3.2).
  ///
  /// `pdtp.MODE` is not Bare, and process_id is not wider than it allows.
  mutating func processContext(
    _ process: UInt32, of device: UInt32, _ context: DeviceContext, _ needs: AccessNeeds,
    _ memory: PhysicalMemory
  ) throws(TranslationFault) -> ProcessContext {
    let key = DirectoryKey.make(device, process)
    if let found = processes.find(key) { return found }
    var level = UInt64(context.processDirectoryMode.rawValue) &- 1
    var table = context.firstStageTable
    while level > 0 {
      let index = UInt64(process) &>> (8 &+ 9 &* (level &- 1)) & 0x1ff
      let place = try locate(table &+ index &* 8, context, needs, memory)
      let entry = DirectoryEntry(rawValue: try readProcess(place, context, memory))
      guard entry[.valid] else { throw TranslationFault(.processEntryInvalid) }
      guard !entry.hasReservedBits else { throw TranslationFault(.processEntryMisconfigured) }
      table = entry.table
      level &-= 1
    }
    let place = try locate(table &+ UInt64(process & 0xff) &* 16, context, needs, memory)
    var found = ProcessContext()
    found[word: 0] = try readProcess(place, context, memory)
    found[word: 1] = try readProcess(place &+ 8, context, memory)
    guard found[.valid] else { throw TranslationFault(.processEntryInvalid) }
    guard isWellFormed(found) else { throw TranslationFault(.processEntryMisconfigured) }
    processes.insert(key, found)
    return found
  }

  /// The SPA of an entry: an implicit read, whose faults are of the original access's type.
  private func locate(
    _ address: UInt64, _ context: DeviceContext, _ needs: AccessNeeds, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> UInt64 {
    do throws(SecondStageFailure) {
      return try translateSecondStage(address, .tableRead, context, memory).address
    } catch {
      switch error {
      case .page: throw TranslationFault(needs.guestPageFault, value2: address & ~3 | 1)
      case .access: throw TranslationFault(.processEntryAccess)
      case .corrupt: throw TranslationFault(.processTableCorrupt)
      }
    }
  }

  private func readProcess(
    _ address: UInt64, _ context: DeviceContext, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> UInt64 {
    do throws(MemoryFailure) {
      let word = try read(address, bigEndian: context[.firstStageBigEndian], memory)
      log?.add(.processDirectory, at: address, [word])
      return word
    } catch {
      throw TranslationFault(error == .corrupt ? .processTableCorrupt : .processEntryAccess)
    }
  }
}
