internal import ArmFormats
internal import Bits
public import Memory

/// Layout of the first 1024 bytes of a virtual pending table, which the architecture leaves to the
/// implementation (IHI 0069, 5.1.2; virtual SGIs: 5.4).
enum VirtualTableLayout {
  // Bytes 0 and 1 have the pending virtual SGIs.

  /// Sixteen bytes: the configuration of each virtual SGI, as an LPI configuration byte.
  static let configurationSGIs: UInt64 = 0x40
  /// One byte: 1 while the default doorbell is to ring.
  static let doorbell: UInt64 = 0x60
}

extension Redistributors {
  /// The entry of a vPE in the table that `GICR_VPROPBASER` (v4.1) names.
  func virtualPEEntry(
    _ number: UInt16, at index: Int, memory: PhysicalMemory
  ) -> ITSVirtualPEEntry? {
    let base = VirtualPETableBase(rawValue: frames[index].virtualConfigurationBase)
    guard base[.valid] else { return nil }
    let shift = min(12 + 2 * UInt64(base[.pageSize]), 16)
    let table = FlatOrTwoLevelTable(
      base: PA(base[.address] &<< 12), pageShift: shift,
      byteCount: (UInt64(base[.size]) + 1) &<< shift, entryShift: 5,
      isIndirect: base[.indirect])
    guard case .found(let place) = table.locate(UInt64(number), memory: memory) else {
      return nil
    }
    return memory.load(ITSVirtualPEEntry.self, at: place)
  }

  func virtualConfiguration(
    _ vINTID: UInt32, configuration table: UInt64, memory: PhysicalMemory
  ) -> LPIConfiguration? {
    memory.load8(PA(table &+ UInt64(vINTID &- INTID.firstLPI)))
      .map { LPIConfiguration(rawValue: UInt64($0)) }
  }

  func isVirtualEnabled(
    _ vINTID: UInt32, configuration table: UInt64, memory: PhysicalMemory
  ) -> Bool {
    if vINTID < 16 { return true }
    return virtualConfiguration(vINTID, configuration: table, memory: memory)?[.enable] ?? false
  }

  mutating func enqueueVirtual(_ vINTID: UInt32, at index: Int, memory: PhysicalMemory) {
    let table = frames[index].resident.configurationTable
    guard let configuration = virtualConfiguration(vINTID, configuration: table, memory: memory),
      configuration[.enable]
    else { return }
    frames[index].resident.lpis.push(
      PendingQueue.key(priority: configuration.priority, intid: vINTID))
    // A resident vPE re-reads the table rather than let stale entries pile up.
    if frames[index].resident.lpis.isCrowded { rescanVirtual(at: index, memory: memory) }
  }

  /// Queues every enabled pending interrupt of the resident vPE.
  mutating func rescanVirtual(at index: Int, memory: PhysicalMemory) {
    var queue = PendingQueue()
    swap(&queue, &frames[index].resident.lpis)
    queue.removeAll()
    let vPE = frames[index].resident
    var base = INTID.firstLPI
    while base < vPE.intidLimit {
      var word = memory.load64(PA(vPE.pendingTable &+ UInt64(base &>> 3))) ?? 0
      while word != 0 {
        let vINTID = base &+ UInt32(word.trailingZeroBitCount)
        word &= word &- 1
        let configuration = virtualConfiguration(
          vINTID, configuration: vPE.configurationTable, memory: memory)
        guard let configuration, configuration[.enable] else { continue }
        queue.push(PendingQueue.key(priority: configuration.priority, intid: vINTID))
      }
      base &+= 64
    }
    if profile.version == .v4Point1 { queueVirtualSGIs(of: vPE, into: &queue, memory: memory) }
    queue.markCompacted()
    frames[index].resident.lpis = queue
  }

  private func queueVirtualSGIs(
    of vPE: ResidentVirtualPE, into queue: inout PendingQueue, memory: PhysicalMemory
  ) {
    guard vPE.pendingTable != 0 else { return }
    for sgi in 0..<UInt32(16) {
      let pending = memory.load8(PA(vPE.pendingTable &+ UInt64(sgi &>> 3))) ?? 0
      guard pending & (1 &<< UInt8(sgi & 7)) != 0,
        let byte = memory.load8(
          PA(vPE.pendingTable &+ VirtualTableLayout.configurationSGIs &+ UInt64(sgi))),
        byte & 1 != 0
      else { continue }
      queue.push(PendingQueue.key(priority: byte & 0xf0, intid: sgi))
    }
  }

  /// The most urgent enabled pending virtual LPI or SGI of the vPE that is resident on
  /// redistributor `index`.
  public mutating func highestPendingVirtual(
    at index: Int, memory: PhysicalMemory
  ) -> (intid: UInt32, priority: UInt8)? {
    guard all.indices.contains(index), frames[index].residency[.valid] else { return nil }
    while let key = frames[index].resident.lpis.first {
      let vINTID = PendingQueue.intid(of: key)
      let place = PA(frames[index].resident.pendingTable &+ UInt64(vINTID &>> 3))
      if let byte = memory.load8(place), byte & (1 &<< UInt8(vINTID & 7)) != 0 {
        return (vINTID, PendingQueue.priority(of: key))
      }
      frames[index].resident.lpis.removeFirst()
    }
    return nil
  }

  /// Takes a virtual LPI or SGI of the resident vPE out of the pending state.
  public mutating func acknowledgeVirtual(
    _ vINTID: UInt32, at index: Int, memory: PhysicalMemory
  ) {
    guard all.indices.contains(index), frames[index].residency[.valid],
      vINTID < max(frames[index].resident.intidLimit, 16)
    else { return }
    let place = PA(frames[index].resident.pendingTable &+ UInt64(vINTID &>> 3))
    _ = Self.exchangeBit(Int(vINTID & 7), at: place, to: false, memory: memory)
    if let key = frames[index].resident.lpis.first, PendingQueue.intid(of: key) == vINTID {
      frames[index].resident.lpis.removeFirst()
    }
  }
}
