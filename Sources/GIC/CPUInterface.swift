internal import ArmFormats
public import Memory

/// The physical CPU interface of one PE: acknowledge, priority drop, deactivate and preemption of
/// group 1 interrupts (IHI 0069, 4.8 and chapter 8).
public struct CPUInterface: Sendable {
  public let cpu: Int
  /// `ICC_PMR_EL1`: only more urgent (lower) priorities are signalled.
  public var priorityMask: UInt8 = 0xff
  /// `ICC_BPR1_EL1`: 0 to 7: priority bits [7:`binaryPoint`] decide about preemption.
  public var binaryPoint: UInt8 = 3
  /// `ICC_CTLR_EL1.EOImode`: EOI drops the priority only; DIR deactivates.
  public var separatesDeactivation = false
  /// `ICC_IGRPEN1_EL1`.
  public var isEnabled = true
  /// The priorities of interrupts that are active and not dropped: `ICC_AP1Rn_EL1`. The last is
  /// the running priority.
  public private(set) var activePriorities: [UInt8] = []

  public init(cpu: Int) { self.cpu = cpu }

  /// `ICC_RPR_EL1`: the running priority, 0xff when idle.
  public var runningPriority: UInt8 { activePriorities.last ?? 0xff }

  /// The group priority: the part that decides about preemption.
  private func group(_ priority: UInt8) -> UInt8 { priority & (0xff &<< min(binaryPoint, 7)) }

  /// `ICC_HPPIR1_EL1`: the most urgent pending interrupt of the PE, whatever is running.
  public func highestPending(
    redistributors: inout Redistributors, distributor: borrowing Distributor,
    memory: PhysicalMemory
  ) -> (intid: UInt32, priority: UInt8)? {
    var best = redistributors.highestPrivate(at: cpu)
    if let spi = distributor.highestPending(at: cpu), spi.priority < best?.priority ?? 0xff {
      best = spi
    }
    if let lpi = redistributors.highestPendingLPI(at: cpu, memory: memory),
      lpi.priority < best?.priority ?? 0xff
    {
      best = lpi
    }
    return best
  }

  /// The interrupt that the PE is asked to take now: urgent enough for the mask and for
  /// preemption.
  public func signalled(
    redistributors: inout Redistributors, distributor: borrowing Distributor,
    memory: PhysicalMemory
  ) -> (intid: UInt32, priority: UInt8)? {
    guard isEnabled else { return nil }
    let best = highestPending(
      redistributors: &redistributors, distributor: distributor, memory: memory)
    guard let best, best.priority < priorityMask,
      activePriorities.isEmpty || group(best.priority) < runningPriority
    else { return nil }
    return best
  }

  /// `ICC_IAR1_EL1`: takes the interrupt that is signalled; 1023 when there is none. An LPI is no
  /// longer pending, any other interrupt becomes active.
  public mutating func acknowledge(
    redistributors: inout Redistributors, distributor: inout Distributor, memory: PhysicalMemory
  ) -> UInt32 {
    let best = signalled(
      redistributors: &redistributors, distributor: distributor, memory: memory)
    guard let best else { return INTID.spurious }
    activePriorities.append(group(best.priority))
    if best.intid >= INTID.firstLPI {
      redistributors.acknowledgeLPI(best.intid, at: cpu, memory: memory)
    } else if best.intid >= INTID.firstSPI {
      distributor.acknowledge(best.intid)
    } else {
      redistributors.acknowledgePrivate(best.intid, at: cpu)
    }
    return best.intid
  }

  /// `ICC_EOIR1_EL1`: drops the running priority and, unless EOImode is set, deactivates. Writes
  /// of the special INTIDs 1020 to 1023 are ignored.
  public mutating func endOfInterrupt(
    _ intid: UInt32, redistributors: inout Redistributors, distributor: inout Distributor
  ) {
    guard !(1020...1023).contains(intid) else { return }
    if !activePriorities.isEmpty { activePriorities.removeLast() }
    if !separatesDeactivation {
      deactivate(intid, redistributors: &redistributors, distributor: &distributor)
    }
  }

  /// `ICC_DIR_EL1`: the interrupt is no longer active. LPIs have no active state.
  public func deactivate(
    _ intid: UInt32, redistributors: inout Redistributors, distributor: inout Distributor
  ) {
    if intid < INTID.firstSPI {
      redistributors.deactivatePrivate(intid, at: cpu)
    } else {
      distributor.deactivate(intid)
    }
  }
}

extension Redistributors {
  /// The most urgent SGI or PPI of a PE.
  public func highestPrivate(at index: Int) -> (intid: UInt32, priority: UInt8)? {
    frames.indices.contains(index) ? frames[index].interrupts.highestPending : nil
  }

  mutating func acknowledgePrivate(_ intid: UInt32, at index: Int) {
    guard frames.indices.contains(index), intid < 32 else { return }
    frames[index].interrupts.pending &= ~(1 &<< intid)
    frames[index].interrupts.active |= 1 &<< intid
  }

  mutating func deactivatePrivate(_ intid: UInt32, at index: Int) {
    guard frames.indices.contains(index), intid < 32 else { return }
    frames[index].interrupts.active &= ~(1 &<< intid)
  }

  /// Drives the line of a PPI; a rising edge latches an edge-triggered one.
  public mutating func setPrivateLine(_ intid: UInt32, at index: Int, high: Bool) {
    guard frames.indices.contains(index), (16..<32).contains(intid) else { return }
    let mask: UInt32 = 1 &<< intid
    let interrupts = frames[index].interrupts
    if high && interrupts.lines & mask == 0 && interrupts.edge & mask != 0 {
      frames[index].interrupts.pending |= mask
    }
    frames[index].interrupts.lines = high ? interrupts.lines | mask : interrupts.lines & ~mask
  }

  /// `ICC_SGI1R_EL1`, written on PE `sender` (IHI 0069, 12.2): INTID in [27:24]; with IRM (bit
  /// 40) every PE but the sender, otherwise the PEs of the target list [15:0] in the cluster
  /// Aff1 [23:16].
  public mutating func sendSGI(_ value: UInt64, from sender: Int) {
    let mask: UInt32 = 1 &<< UInt32(truncatingIfNeeded: (value &>> 24) & 0xf)
    let everyone = (value &>> 40) & 1 != 0
    let first = Int((value &>> 16) & 0xff) &* 16
    for index in frames.indices {
      let bit = index &- first
      let listed = bit >= 0 && bit < 16 && (value &>> UInt64(bit)) & 1 != 0
      guard everyone ? index != sender : listed else { continue }
      frames[index].interrupts.pending |= mask
    }
  }
}
