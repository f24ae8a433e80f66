internal import ArmFormats
internal import Bits
public import Memory

// The register frames (IHI 0069, 12.18 and 12.19).
extension ITS {
  /// Reads a register. Accesses that no register allows read as zero.
  ///
  /// - Parameters:
  ///   - offset: from the ITS base; the doorbell frame is write-only.
  ///   - width: 4 or 8 bytes, naturally aligned.
  public mutating func readRegister(_ offset: UInt64, width: Int) -> UInt64 {
    guard offset < 0x1_0000 else { return 0 }
    return Redistributors.part(of: wideRegister(offset & ~7), offset, width)
  }

  /// Writes a register; read-only and unknown ones ignore it. A write of `GITS_CWRITER` runs the
  /// commands that it adds, when the profile says so.
  ///
  /// The doorbell is not here, since it takes a DeviceID: `receiveMessage`.
  @inlinable
  public mutating func writeRegister(
    _ offset: UInt64, _ value: UInt64, width: Int, memory: PhysicalMemory,
    redistributors: inout Redistributors, observer: inout some ITSObserver
  ) {
    if store(offset, value, width: width, memory: memory, redistributors: &redistributors) {
      runCommands(memory: memory, redistributors: &redistributors, observer: &observer)
    }
  }

  private func wideRegister(_ offset: UInt64) -> UInt64 {
    switch offset {
    case ITSRegister.control: return control.rawValue | UInt64(profile.identification) &<< 32
    case ITSRegister.type: return profile.type.rawValue
    case ITSRegister.status: return UInt64(status)
    case ITSRegister.unmappedMSI: return unmappedMessage
    case ITSRegister.commandBase: return commandBase.rawValue
    case ITSRegister.commandWrite: return writeOffset
    case ITSRegister.commandRead: return readOffset | (isStalled ? 1 : 0)
    case ITSRegister.tableBase..<ITSRegister.tableBase &+ 64:
      return tableBases[Int((offset &- ITSRegister.tableBase) &>> 3)].rawValue
    case ITSRegister.peripheralID2: return profile.version >= .v4 ? 0x4b : 0x3b
    default: return 0
    }
  }

  /// Stores a register and says whether commands should run now.
  @usableFromInline
  mutating func store(
    _ offset: UInt64, _ value: UInt64, width: Int, memory: PhysicalMemory,
    redistributors: inout Redistributors
  ) -> Bool {
    if offset == ITSRegister.virtualSGI {
      receiveVirtualSGI(value, width: width, memory: memory, redistributors: &redistributors)
      return false
    }
    guard offset < 0x1_0000 else { return false }
    let merged = Redistributors.merge(value, into: wideRegister(offset & ~7), offset, width)
    switch offset & ~7 {
    case ITSRegister.control where offset == ITSRegister.control:
      setEnabled(ITSControl(rawValue: merged)[.enabled])
    case ITSRegister.status where width == 4 && offset == ITSRegister.status:
      status &= ~UInt32(truncatingIfNeeded: value)
    case ITSRegister.commandBase: setCommandBase(merged)
    case ITSRegister.commandWrite: setWriteOffset(merged)
    case ITSRegister.tableBase..<ITSRegister.tableBase &+ 64:
      setTableBase(Int((offset &- ITSRegister.tableBase) &>> 3), merged)
    default: break
    }
    return profile.runsCommandsOnWrite
  }

  /// Restores a base register; others ignore it.
  package mutating func restoreBase(_ offset: UInt64, _ value: UInt64) {
    switch offset & ~7 {
    case ITSRegister.commandBase: setCommandBase(value)
    case ITSRegister.tableBase..<ITSRegister.tableBase &+ 64:
      setTableBase(Int((offset &- ITSRegister.tableBase) &>> 3), value)
    default: break
    }
  }

  private mutating func setEnabled(_ enable: Bool) {
    guard enable != control[.enabled] else { return }
    if enable && personality.keepsTablesInside {
      // KVM refuses to enable without a queue and both tables (`vgic_mmio_write_its_ctlr`).
      guard commandBase[.valid], tableBases[0][.valid], tableBases[1][.valid] else { return }
    }
    control[.enabled] = enable
    control[.quiescent] = !enable
    if !enable { routes.removeAll() }
  }

  private mutating func setCommandBase(_ value: UInt64) {
    // UNPREDICTABLE while enabled (IHI 0069, GITS_CBASER): ignored.
    guard !control[.enabled] else { return }
    commandBase.rawValue = value & 0xb8ef_ffff_ffff_fcff
    readOffset = 0
    writeOffset = 0
    isStalled = false
  }

  private mutating func setWriteOffset(_ value: UInt64) {
    let offset = value & 0xf_ffe0
    // An offset beyond the queue is UNPREDICTABLE: ignored, as KVM does.
    guard !commandBase[.valid] || offset < commandBase.byteCount else { return }
    writeOffset = offset
    // Retry (IHI 0069, GITS_CWRITER): run the command that stalled again.
    if value & 1 != 0 { isStalled = false }
  }

  private mutating func setTableBase(_ index: Int, _ value: UInt64) {
    guard !control[.enabled] else { return }
    let reset = Self.resetTableBase(index, profile)
    guard reset[.kind] != ITSTableBase.Kind.none else { return }
    var base = ITSTableBase(rawValue: value)
    base[.kind] = reset[.kind]
    base[.entrySize] = reset[.entrySize]
    if let fixed = profile.fixedPageSize { base[.pageSize] = fixed }
    if !profile.hasTwoLevelTables { base[.indirect] = false }
    // KVM's collection table has one level (`vgic_mmio_write_its_baser`).
    if personality.keepsTablesInside && index == 1 { base[.indirect] = false }
    tableBases[index] = base
    routes.removeAll()
    if personality.keepsTablesInside && !base[.valid] { lists.removeAll(kind: base[.kind]) }
    let table = base[.valid] ? Self.table(base) : nil
    switch index {
    case 0: devices = table
    case 1: collections = table
    default: virtualPEs = table
    }
  }

  private static func table(_ base: ITSTableBase) -> FlatOrTwoLevelTable {
    FlatOrTwoLevelTable(
      base: base.address, pageShift: base.pageShift, byteCount: base.byteCount,
      entryShift: base[.entrySize] == 31 ? 5 : 3, isIndirect: base[.indirect])
  }

  /// Puts every register back to its reset value and forgets every mapping that is held inside.
  public mutating func reset() {
    control = ITSControl()
    control[.quiescent] = true
    control[.number] = profile.number
    commandBase = ITSCommandBase()
    for index in tableBases.indices { tableBases[index] = Self.resetTableBase(index, profile) }
    (readOffset, writeOffset, isStalled) = (0, 0, false)
    (status, unmappedMessage) = (0, 0)
    (devices, collections, virtualPEs) = (nil, nil, nil)
    for index in internalCollections.indices { internalCollections[index] = ITSCollectionEntry() }
    lists = HypervisorLists()
    routes.removeAll()
    lastError = nil
  }
}
