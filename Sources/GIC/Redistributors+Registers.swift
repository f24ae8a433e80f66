internal import ArmFormats
internal import Bits
public import Memory

// The register frames (IHI 0069, 12.11). Accesses of other sizes than 32 and 64 bits, or bytes of
// priorities, read as zero and are ignored.
extension Redistributors {
  /// Reads a register.
  ///
  /// - Parameters:
  ///   - offset: from the base of redistributor `index`.
  ///   - width: 1, 4 or 8 bytes, naturally aligned.
  public func readRegister(_ offset: UInt64, width: Int, at index: Int) -> UInt64 {
    guard all.indices.contains(index), offset < profile.stride else { return 0 }
    if offset >= RedistributorRegister.virtualFrame {
      return Self.part(of: virtualRegister(offset & ~7, at: index), offset, width)
    }
    if offset >= RedistributorRegister.privateFrame {
      return frames[index].interrupts.readRegister(
        offset &- RedistributorRegister.privateFrame, width: width)
    }
    return Self.part(of: wideRegister(offset & ~7, at: index), offset, width)
  }

  /// Writes a register; read-only and unknown ones ignore it.
  public mutating func writeRegister(
    _ offset: UInt64, _ value: UInt64, width: Int, at index: Int, memory: PhysicalMemory
  ) {
    guard all.indices.contains(index), offset < profile.stride else { return }
    if offset >= RedistributorRegister.virtualFrame {
      let old = virtualRegister(offset & ~7, at: index)
      let merged = Self.merge(value, into: old, offset, width)
      writeVirtualRegister(offset & ~7, merged, at: index, memory: memory)
    } else if offset >= RedistributorRegister.privateFrame {
      frames[index].interrupts.writeRegister(
        offset &- RedistributorRegister.privateFrame, value, width: width)
    } else {
      writePhysicalRegister(offset, value, width: width, at: index, memory: memory)
    }
  }

  /// Bytes `offset & 7` and following of a 64-bit register.
  static func part(of register: UInt64, _ offset: UInt64, _ width: Int) -> UInt64 {
    switch width {
    case 8: offset & 7 == 0 ? register : 0
    case 4: offset & 3 == 0 ? (register &>> ((offset & 4) &* 8)) & 0xffff_ffff : 0
    default: 0
    }
  }

  /// `register` with the bytes that an access writes replaced.
  static func merge(
    _ value: UInt64, into register: UInt64, _ offset: UInt64, _ width: Int
  ) -> UInt64 {
    switch (width, offset & 7) {
    case (8, 0): value
    case (4, 0): (register & ~0xffff_ffff) | (value & 0xffff_ffff)
    case (4, 4): (register & 0xffff_ffff) | (value & 0xffff_ffff) &<< 32
    default: register
    }
  }

  /// `GICR_TYPER` of redistributor `index`.
  func type(at index: Int) -> UInt64 {
    let number = UInt64(index)
    // Affinity: 16 PEs in a cluster, as KVM and QEMU number them.
    let affinity = (number & 0xf) | (number &>> 4) &<< 8
    var type = affinity &<< 32 | number &<< 8
    if profile.hasLPIs { type |= 1 }
    if profile.version >= .v4 { type |= 1 &<< 1 }
    if profile.version == .v4Point1 { type |= 1 &<< 7 }
    if profile.hasDirectLPIs { type |= 1 &<< 3 }
    if index == all.count - 1 { type |= 1 &<< 4 }
    return type
  }

  private func wideRegister(_ offset: UInt64, at index: Int) -> UInt64 {
    let frame = frames[index]
    switch offset {
    case RedistributorRegister.control:
      let control: UInt64 =
        (all[index].lpisEnabled ? 1 : 0) | (profile.canDisableLPIs ? 2 : 0)
      return control | 0x43b &<< 32
    case RedistributorRegister.type: return type(at: index)
    case RedistributorRegister.waker & ~7:
      // ProcessorSleep and, since nothing is in flight, ChildrenAsleep.
      return frame.asleep ? 6 &<< 32 : 0
    case RedistributorRegister.configurationBase: return frame.configurationBase.rawValue
    // GICR_PENDBASER.PTZ is write-only.
    case RedistributorRegister.pendingBase: return frame.pendingBase.rawValue & ~(1 &<< 62)
    case RedistributorRegister.peripheralID2: return profile.version >= .v4 ? 0x4b : 0x3b
    default: return 0
    }
  }

  private mutating func writePhysicalRegister(
    _ offset: UInt64, _ value: UInt64, width: Int, at index: Int, memory: PhysicalMemory
  ) {
    let merged = Self.merge(value, into: wideRegister(offset & ~7, at: index), offset, width)
    switch offset & ~7 {
    case RedistributorRegister.control where offset == RedistributorRegister.control:
      setLPIsEnabled(value & 1 != 0, at: index, memory: memory)
    case RedistributorRegister.waker & ~7 where offset == RedistributorRegister.waker:
      frames[index].asleep = value & 2 != 0
    // Writable while EnableLPIs is 0 only (IHI 0069, GICR_PROPBASER and GICR_PENDBASER).
    case RedistributorRegister.configurationBase where !all[index].lpisEnabled:
      frames[index].configurationBase.rawValue = merged & 0x070f_ffff_ffff_ff9f
    case RedistributorRegister.pendingBase where !all[index].lpisEnabled:
      frames[index].pendingBase.rawValue =
        Self.merge(value, into: frames[index].pendingBase.rawValue, offset, width)
        & 0x470f_ffff_ffff_0f80
    case RedistributorRegister.setLPI where profile.hasDirectLPIs:
      _ = setPending(UInt32(truncatingIfNeeded: value), at: index, memory: memory)
    case RedistributorRegister.clearLPI where profile.hasDirectLPIs:
      clearPending(UInt32(truncatingIfNeeded: value), at: index, memory: memory)
    case RedistributorRegister.invalidateLPI: invalidateLPI(value, at: index, memory: memory)
    case RedistributorRegister.invalidateAll: invalidateAllLPIs(value, at: index, memory: memory)
    default: break
    }
  }

  /// `GICR_INVLPIR`: bits [31:0] INTID, [47:32] vPEID, [63] V (IHI 0069, 12.11; V since v4.1).
  private mutating func invalidateLPI(_ value: UInt64, at index: Int, memory: PhysicalMemory) {
    guard isSet(value, bit: 63) && profile.version == .v4Point1 else {
      invalidate(UInt32(truncatingIfNeeded: value), at: index, memory: memory)
      return
    }
    invalidateResident(bits(value, 47, 32), at: index, memory: memory)
  }

  /// `GICR_INVALLR`: bits [47:32] vPEID, [63] V.
  private mutating func invalidateAllLPIs(_ value: UInt64, at index: Int, memory: PhysicalMemory) {
    guard isSet(value, bit: 63) && profile.version == .v4Point1 else {
      invalidateAll(at: index, memory: memory)
      return
    }
    invalidateResident(bits(value, 47, 32), at: index, memory: memory)
  }

  private mutating func invalidateResident(
    _ number: UInt64, at index: Int, memory: PhysicalMemory
  ) {
    guard frames[index].residency[.valid], UInt64(frames[index].resident.number) == number else {
      return
    }
    rescanVirtual(at: index, memory: memory)
  }

  private mutating func setLPIsEnabled(_ enable: Bool, at index: Int, memory: PhysicalMemory) {
    guard profile.hasLPIs, enable != all[index].lpisEnabled else { return }
    if enable {
      enableLPIs(at: index, memory: memory)
    } else if profile.canDisableLPIs {
      // What a private copy holds is gone: KVM writes its tables when it is told to, only
      // (`vgic_flush_pending_lpis`).
      all[index].lpisEnabled = false
      all[index].lpis.removeAll()
      all[index].pendingCount = 0
    }
  }

  /// Latches the tables and takes over what is pending in memory.
  private mutating func enableLPIs(at index: Int, memory: PhysicalMemory) {
    let base = frames[index].configurationBase
    all[index].configurationTable = base.address.rawValue
    all[index].pendingTable = frames[index].pendingBase.address.rawValue
    let limit = base.intidLimit(atMost: profile.intidBits)
    // An IDbits of less than 14 bits allows no LPI at all (IHI 0069, GICR_PROPBASER).
    all[index].intidLimit = limit <= UInt64(INTID.firstLPI) ? 0 : UInt32(limit)
    all[index].lpisEnabled = true
    if cachedTable == .max { cachedTable = base.address.rawValue }
    let zero = frames[index].pendingBase[.zero]
    frames[index].pendingBase[.zero] = false
    if !profile.keepsPendingInMemory { loadPrivatePending(at: index, zero: zero, memory: memory) }
    all[index].pendingCount = 0
    all[index].lpis.removeAll()
    if !zero { rescan(at: index, memory: memory) }
  }

  private mutating func loadPrivatePending(at index: Int, zero: Bool, memory: PhysicalMemory) {
    let words = Int(all[index].intidLimit.subtractingReportingOverflow(INTID.firstLPI).partialValue)
    var pending = [UInt64](
      repeating: 0, count: all[index].intidLimit == 0 ? 0 : (words + 63) / 64)
    if !zero {
      for word in pending.indices {
        let place = all[index].pendingTable &+ 1024 &+ UInt64(word &* 8)
        pending[word] = memory.load64(PA(place)) ?? 0
      }
    }
    frames[index].privatePending = pending
  }

  /// Writes the private pending bits of every PE to the pending tables; bytes for INTIDs below
  /// 8192 stay as they are. `false` when a table cannot be written.
  @discardableResult
  public mutating func savePendingTables(memory: PhysicalMemory) -> Bool {
    var written = true
    for index in all.indices where all[index].lpisEnabled && !profile.keepsPendingInMemory {
      written = savePendingTable(at: index, memory: memory) && written
    }
    return written
  }

  @discardableResult
  private func savePendingTable(at index: Int, memory: PhysicalMemory) -> Bool {
    var written = true
    for (word, pending) in frames[index].privatePending.enumerated() {
      let place = all[index].pendingTable &+ 1024 &+ UInt64(word &* 8)
      written = memory.store64(PA(place), pending) && written
    }
    return written
  }
}
