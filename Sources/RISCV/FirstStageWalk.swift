internal import ArmFormats
internal import Bits
internal import Memory
internal import RISCVFormats

/// The first stage of a request: of the device context, or of a process context.
struct FirstStage: BitwiseCopyable {
  var mode = FirstStageMode.bare
  /// The address of the root table: a GPA where the second stage translates.
  var table: UInt64 = 0
  var processSoftContext: UInt32 = 0
  /// `PC.ta.SUM`.
  var permitsUserMemory = false
}

extension RISCVIOMMU {
  /// Translates an IOVA to a GPA (RISC-V Privileged, 12.3.2 and 21.5.1).
  func translateFirstStage(
    _ address: UInt64, _ needs: AccessNeeds, _ stage: FirstStage, _ context: DeviceContext,
    _ memory: PhysicalMemory
  ) throws(TranslationFault) -> StageMapping {
    var mapping = StageMapping(address: address, shift: Self.bareShift)
    guard stage.mode != .bare else { return mapping }
    let geometry = TableGeometry(stage.mode)
    // The bits beyond the input all equal its top bit.
    let top = Int64(bitPattern: address) &>> (geometry.inputBits &- 1)
    guard top == 0 || top == -1 else { throw TranslationFault(needs.pageFault) }
    var level = geometry.levels &- 1
    var table = stage.table
    while true {
      let guestPlace = table &+ (address &>> TableGeometry.shift(level) & 0x1ff) &* 8
      let place = try locateTable(guestPlace, .tableWalk, needs, context, memory)
      let entry = PageTableEntry(rawValue: try readFirstStage(place, needs, context, memory))
      log?.add(.firstStage(level: Int(level)), at: place, [entry.rawValue])
      guard isLegal(entry, level: level) else { throw TranslationFault(needs.pageFault) }
      mapping.isGlobal = mapping.isGlobal || entry[.global]
      if entry.isLeaf {
        guard let shift = pageShift(entry, level: level) else {
          throw TranslationFault(needs.pageFault)
        }
        let updated = try checkFirstStage(
          entry, needs, stage, context, at: place, guestPlace, memory)
        mapping.shift = shift
        mapping.address = entry.address & ~lowBits(shift) | address & lowBits(shift)
        mapping.permissions = StagePermissions(updated, wasDirty: entry[.dirty])
        mapping.memoryType = entry[.memoryType]
        return mapping
      }
      guard level > 0 else { throw TranslationFault(needs.pageFault) }
      level &-= 1
      table = entry.address
    }
  }

  /// The SPA of a first-stage entry.
  ///
  /// - Parameter access: `.tableWalk`, or `.tableUpdate` when the entry is to be written.
  private func locateTable(
    _ address: UInt64, _ access: AccessNeeds, _ needs: AccessNeeds, _ context: DeviceContext,
    _ memory: PhysicalMemory
  ) throws(TranslationFault) -> UInt64 {
    do throws(SecondStageFailure) {
      return try translateSecondStage(address, access, context, memory).address
    } catch {
      switch error {
      case .page:
        let flags: UInt64 = access.isWrite ? 3 : 1
        throw TranslationFault(needs.guestPageFault, value2: address & ~3 | flags)
      case .access: throw TranslationFault(needs.accessFault)
      case .corrupt: throw TranslationFault(.pageTableCorrupt)
      }
    }
  }

  private func readFirstStage(
    _ address: UInt64, _ needs: AccessNeeds, _ context: DeviceContext, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> UInt64 {
    do throws(MemoryFailure) {
      return try read(address, bigEndian: context[.firstStageBigEndian], memory)
    } catch {
      throw TranslationFault(error == .corrupt ? .pageTableCorrupt : needs.accessFault)
    }
  }

  /// Permissions, privilege, and A and D, which are updated with `SADE`.
  private func checkFirstStage(
    _ entry: PageTableEntry, _ needs: AccessNeeds, _ stage: FirstStage, _ context: DeviceContext,
    at place: UInt64, _ guestPlace: UInt64, _ memory: PhysicalMemory
  ) throws(TranslationFault) -> PageTableEntry {
    let permissions = StagePermissions(entry, wasDirty: false)
    guard needs.isRequest || permissions.allow(needs),
      permissions.allowPrivilege(needs, stage)
    else { throw TranslationFault(needs.pageFault) }
    var updated = entry
    updated[.accessed] = true
    if needs.isWrite && entry[.writable] { updated[.dirty] = true }
    guard updated != entry else { return entry }
    guard context[.updatesFirstStage] else { throw TranslationFault(needs.pageFault) }
    // The second stage must let the entry be written.
    _ = try locateTable(guestPlace, .tableUpdate, needs, context, memory)
    guard
      write(place, updated.rawValue, bigEndian: context[.firstStageBigEndian], memory)
    else { throw TranslationFault(needs.accessFault) }
    return updated
  }
}

extension StagePermissions {
  /// Whether U suits the privilege of a request (RISC-V IOMMU 1.0, 2.2.3).
  @inline(__always)
  func allowPrivilege(_ needs: AccessNeeds, _ stage: FirstStage) -> Bool {
    guard needs.isSupervisor else { return contains(.user) }
    guard contains(.user) else { return true }
    return !needs.isExecute && stage.permitsUserMemory
  }
}
