internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

/// Why the second stage does not translate.
enum SecondStageFailure: Error {
  /// A guest page fault.
  case page
  /// An access fault.
  case access
  /// Corrupt data.
  case corrupt

  init(_ failure: MemoryFailure) { self = failure == .corrupt ? .corrupt : .access }
}

extension RISCVIOMMU {
  /// Translates a GPA (RISC-V Privileged, 21.5).
  ///
  /// - Parameter needs: what the entry must allow and, for a write, that D gets set.
  func translateSecondStage(
    _ address: UInt64, _ needs: AccessNeeds, _ context: DeviceContext, _ memory: PhysicalMemory
  ) throws(SecondStageFailure) -> StageMapping {
    var mapping = StageMapping(address: address, shift: Self.bareShift)
    let mode = context[.secondStageMode]
    guard mode != .bare else { return mapping }
    let geometry = TableGeometry(mode)
    guard address &>> geometry.inputBits == 0 else { throw .page }
    var level = geometry.levels &- 1
    var table = context.secondStageTable
    var mask = lowBits(geometry.rootBits)
    while true {
      let place = table | (address &>> TableGeometry.shift(level) & mask) &* 8
      let entry = PageTableEntry(rawValue: try readSecondStage(place, memory))
      log?.add(.secondStage(level: Int(level)), at: place, [entry.rawValue])
      guard isLegal(entry, level: level) else { throw .page }
      if entry.isLeaf {
        guard let shift = pageShift(entry, level: level) else { throw .page }
        let updated = try checkSecondStage(entry, needs, context, at: place, memory)
        mapping.shift = shift
        mapping.address = entry.address & ~lowBits(shift) | address & lowBits(shift)
        mapping.permissions = StagePermissions(updated, wasDirty: entry[.dirty])
        mapping.memoryType = entry[.memoryType]
        return mapping
      }
      guard level > 0 else { throw .page }
      level &-= 1
      table = entry.address
      mask = 0x1ff
    }
  }

  private func readSecondStage(_ address: UInt64, _ memory: PhysicalMemory)
    throws(SecondStageFailure) -> UInt64
  {
    do throws(MemoryFailure) {
      return try read(address, bigEndian: isBigEndian, memory)
    } catch {
      throw SecondStageFailure(error)
    }
  }

  /// Permissions, and A and D, which are updated with `GADE`.
  private func checkSecondStage(
    _ entry: PageTableEntry, _ needs: AccessNeeds, _ context: DeviceContext, at place: UInt64,
    _ memory: PhysicalMemory
  ) throws(SecondStageFailure) -> PageTableEntry {
    // The access counts as one of user mode.
    guard entry[.user] else { throw .page }
    guard needs.isRequest || StagePermissions(entry, wasDirty: false).allow(needs) else {
      throw .page
    }
    var updated = entry
    updated[.accessed] = true
    let wantsDirty =
      needs.isWrite
      || needs.isTable && context[.updatesFirstStage]
        && personality.contains(.wantsDirtyForTableReads)
    if wantsDirty && entry[.writable] { updated[.dirty] = true }
    guard updated != entry else { return entry }
    guard context[.updatesSecondStage] else { throw .page }
    guard write(place, updated.rawValue, bigEndian: isBigEndian, memory) else { throw .access }
    return updated
  }
}
