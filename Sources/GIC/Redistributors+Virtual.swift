internal import ArmFormats
public import Bits
public import Memory

/// A virtual PE as an ITS maps it: where its state is in memory.
public struct VirtualPE: Equatable, Sendable {
  public var number: UInt16
  /// The virtual pending table, 64 KiB aligned.
  public var table: PA
  /// Number of vINTID bits.
  public var tableBits: UInt64
  /// The redistributor that it belongs to.
  public var redistributor: Int
  /// v4.1: the virtual configuration table.
  public var configuration: PA
  /// v4.1: the default doorbell LPI; 1023 for none.
  public var defaultDoorbell: UInt32
}

/// Effect of making a virtual interrupt pending.
@frozen
public struct VirtualEffect: Equatable, Sendable {
  /// The vPE is resident: a virtual interrupt reaches it without an exit.
  public var isResident: Bool
  public var wasPending: Bool
  /// The physical LPI that was made pending to call the hypervisor.
  public var doorbell: UInt32?

  public init(isResident: Bool, wasPending: Bool, doorbell: UInt32? = nil) {
    self.isResident = isResident
    self.wasPending = wasPending
    self.doorbell = doorbell
  }
}

extension Redistributors {
  /// `GICR_VPROPBASER` of GICv4.1 after reset: entries of four words.
  static let virtualTableReset: UInt64 = 3 << 59

  func virtualRegister(_ offset: UInt64, at index: Int) -> UInt64 {
    guard profile.version >= .v4 else { return 0 }
    switch offset {
    case RedistributorRegister.virtualConfigurationBase:
      return frames[index].virtualConfigurationBase
    case RedistributorRegister.virtualPendingBase: return frames[index].residency.rawValue
    default: return 0
    }
  }

  mutating func writeVirtualRegister(
    _ offset: UInt64, _ value: UInt64, at index: Int, memory: PhysicalMemory
  ) {
    guard profile.version >= .v4 else { return }
    switch offset {
    case RedistributorRegister.virtualConfigurationBase where !frames[index].residency[.valid]:
      if profile.version == .v4Point1 {
        // The entry size is read-only.
        let entrySize: UInt64 = 7 &<< 59
        frames[index].virtualConfigurationBase = (value & ~entrySize) | Self.virtualTableReset
      } else {
        frames[index].virtualConfigurationBase = value
      }
    case RedistributorRegister.virtualPendingBase:
      changeResidency(VirtualResidency(rawValue: value), at: index, memory: memory)
    default: break
    }
  }

  private mutating func changeResidency(
    _ new: VirtualResidency, at index: Int, memory: PhysicalMemory
  ) {
    switch (frames[index].residency[.valid], new[.valid]) {
    case (false, true): makeResident(new, at: index, memory: memory)
    case (true, false): makeNonResident(new, at: index, memory: memory)
    case (false, false):
      var stored = new
      stored[.dirty] = false
      stored[.pendingLast] = frames[index].residency[.pendingLast]
      frames[index].residency = stored
    // Changing the vPE of a valid register is UNPREDICTABLE; it is ignored.
    case (true, true): break
    }
  }

  private mutating func makeResident(
    _ new: VirtualResidency, at index: Int, memory: PhysicalMemory
  ) {
    var vPE = ResidentVirtualPE()
    if profile.version == .v4Point1 {
      vPE.number = new[.virtualPE]
      guard let entry = virtualPEEntry(vPE.number, at: index, memory: memory), entry[.valid]
      else {
        frames[index].residency = new
        frames[index].resident = vPE
        return
      }
      vPE.pendingTable = entry.table.rawValue
      vPE.configurationTable = entry.configuration.rawValue
      vPE.intidLimit = Self.virtualLimit(bits: UInt64(entry[.tableSize]) + 1)
      setDoorbellState(false, of: entry.table, memory: memory)
    } else {
      let base = LPIConfigurationBase(rawValue: frames[index].virtualConfigurationBase)
      vPE.pendingTable = new.address.rawValue
      vPE.configurationTable = base.address.rawValue
      vPE.intidLimit = Self.virtualLimit(bits: UInt64(base[.idBits]) + 1)
    }
    frames[index].residency = new
    frames[index].residency[.dirty] = false
    frames[index].residency[.pendingLast] = false
    frames[index].resident = vPE
    rescanVirtual(at: index, memory: memory)
  }

  private mutating func makeNonResident(
    _ new: VirtualResidency, at index: Int, memory: PhysicalMemory
  ) {
    let waiting = highestPendingVirtual(at: index, memory: memory) != nil
    if profile.version == .v4Point1 && new[.doorbell] && !waiting {
      setDoorbellState(true, of: PA(frames[index].resident.pendingTable), memory: memory)
    }
    frames[index].residency = new
    frames[index].residency[.dirty] = false
    frames[index].residency[.pendingLast] = waiting
    frames[index].resident = ResidentVirtualPE()
  }

  /// v4.1: a byte of the area of the pending table that the architecture leaves to the
  /// implementation: whether the default doorbell is to ring.
  private func setDoorbellState(_ armed: Bool, of table: PA, memory: PhysicalMemory) {
    guard table.rawValue != 0 else { return }
    memory.store8(table + VirtualTableLayout.doorbell, armed ? 1 : 0)
  }

  static func virtualLimit(bits: UInt64) -> UInt32 {
    let limit: UInt64 = 1 &<< min(bits, 24)
    return limit <= UInt64(INTID.firstLPI) ? 0 : UInt32(limit)
  }

  /// Whether `vPE` is resident on its redistributor.
  func isResident(_ vPE: VirtualPE) -> Bool {
    guard all.indices.contains(vPE.redistributor) else { return false }
    let frame = frames[vPE.redistributor]
    guard frame.residency[.valid] else { return false }
    return profile.version == .v4Point1
      ? frame.resident.number == vPE.number
      : frame.residency.address == vPE.table
  }

  /// The virtual configuration table that counts for `vPE`: GICv4.0 knows it while the vPE is
  /// resident, GICv4.1 has it from VMAPP.
  func virtualConfigurationTable(of vPE: VirtualPE) -> UInt64? {
    if profile.version == .v4Point1 { return vPE.configuration.rawValue }
    return isResident(vPE) ? frames[vPE.redistributor].resident.configurationTable : nil
  }

  /// Whether a virtual LPI is pending in the virtual pending table at `table`.
  public static func isVirtualPending(
    _ vINTID: UInt32, in table: PA, memory: PhysicalMemory
  ) -> Bool {
    let byte = memory.load8(table + UInt64(vINTID &>> 3)) ?? 0
    return isSet(UInt64(byte), bit: UInt64(vINTID & 7))
  }

  /// Whether a virtual LPI of the vPE that is resident on redistributor `index` is pending and its
  /// configuration enables it.
  public func isVirtualDue(_ vINTID: UInt32, at index: Int, memory: PhysicalMemory) -> Bool {
    guard all.indices.contains(index), frames[index].residency[.valid],
      vINTID >= INTID.firstLPI, vINTID < frames[index].resident.intidLimit
    else { return false }
    let vPE = frames[index].resident
    return Self.isVirtualPending(vINTID, in: PA(vPE.pendingTable), memory: memory)
      && isVirtualEnabled(vINTID, configuration: vPE.configurationTable, memory: memory)
  }

  /// Makes a virtual LPI pending in the virtual pending table, and rings a doorbell when the vPE
  /// is not resident. `nil` when the interrupt is out of range or the table aborts.
  ///
  /// - Parameter doorbell: the event's own doorbell (v4.0 and v4.1); 1023 for none.
  public mutating func setVirtualPending(
    _ vINTID: UInt32, of vPE: VirtualPE, doorbell: UInt32, memory: PhysicalMemory
  ) -> VirtualEffect? {
    let resident = isResident(vPE)
    let limit =
      resident
      ? frames[vPE.redistributor].resident.intidLimit
      : Self.virtualLimit(bits: vPE.tableBits)
    guard vINTID >= INTID.firstLPI, vINTID < limit,
      let wasPending = Self.exchangeBit(
        Int(vINTID & 7), at: vPE.table + UInt64(vINTID &>> 3), to: true, memory: memory)
    else { return nil }
    var effect = VirtualEffect(isResident: resident, wasPending: wasPending)
    if resident {
      if !wasPending { enqueueVirtual(vINTID, at: vPE.redistributor, memory: memory) }
    } else {
      effect.doorbell = ring(doorbell, of: vPE, vINTID: vINTID, memory: memory)
    }
    return effect
  }

  /// Rings the event's doorbell, or else the default one where it has been asked for.
  mutating func ring(
    _ doorbell: UInt32, of vPE: VirtualPE, vINTID: UInt32, memory: PhysicalMemory
  ) -> UInt32? {
    var chosen = doorbell
    if profile.version == .v4Point1 && doorbell == INTID.spurious {
      let armed = vPE.table + VirtualTableLayout.doorbell
      guard memory.load8(armed) == 1,
        isVirtualEnabled(vINTID, configuration: vPE.configuration.rawValue, memory: memory)
      else { return nil }
      // One doorbell until the vPE has been resident again.
      memory.store8(armed, 0)
      chosen = vPE.defaultDoorbell
    }
    guard chosen != INTID.spurious else { return nil }
    switch setPending(chosen, at: vPE.redistributor, memory: memory) {
    case .newlyPending, .alreadyPending, .disabledButPending: return chosen
    case .lpisDisabled, .intidOutOfRange, .tableAbort: return nil
    }
  }

  /// Clears the pending state of a virtual LPI; `true` when it was pending.
  @discardableResult
  public mutating func clearVirtualPending(
    _ vINTID: UInt32, of vPE: VirtualPE, memory: PhysicalMemory
  ) -> Bool {
    guard vINTID >= INTID.firstLPI, vINTID < Self.virtualLimit(bits: vPE.tableBits) else {
      return false
    }
    return Self.exchangeBit(
      Int(vINTID & 7), at: vPE.table + UInt64(vINTID &>> 3), to: false, memory: memory) ?? false
  }

  /// Reads the virtual configuration of every interrupt of `vPE` again, if it is resident.
  public mutating func invalidateVirtual(of vPE: VirtualPE, memory: PhysicalMemory) {
    if isResident(vPE) { rescanVirtual(at: vPE.redistributor, memory: memory) }
  }
}
