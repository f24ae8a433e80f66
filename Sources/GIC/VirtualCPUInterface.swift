public import ArmFormats
internal import Bits
public import Memory

/// The virtual CPU interface of one PE: list registers that a hypervisor fills, and beside them
/// the virtual LPIs of the resident vPE (IHI 0069, chapter 6 and 12.4).
public struct VirtualCPUInterface: Sendable {
  /// Reason for a maintenance interrupt: `ICH_MISR_EL2`.
  public struct Maintenance: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// An interrupt with the EOI bit was deactivated.
    public static let end = Self(rawValue: 1)
    /// At most one list register is in use (UIE).
    public static let underflow = Self(rawValue: 2)
    /// An EOI found no list register (LRENPIE).
    public static let notPresent = Self(rawValue: 4)
    /// No list register is pending (NPIE).
    public static let noPending = Self(rawValue: 8)
  }

  public let cpu: Int
  /// List registers, 1 to 16.
  public let listRegisterCount: Int
  private var listRegisters = InlineArray<16, ListRegister>(repeating: ListRegister())
  /// The sources that `ICH_HCR_EL2` enables, `end` aside, which each list register enables.
  public var enabledMaintenance: Maintenance = []
  /// `ICH_HCR_EL2.EOIcount`.
  public private(set) var unmatchedEnds: UInt32 = 0
  /// `ICV_PMR_EL1`.
  public var priorityMask: UInt8 = 0xff
  /// Priorities of active virtual interrupts, the running one last.
  public private(set) var activePriorities: [UInt8] = []

  public init(cpu: Int, listRegisterCount: Int = 4) {
    self.cpu = cpu
    self.listRegisterCount = min(max(listRegisterCount, 1), 16)
  }

  /// A list register; writes of one that does not exist are ignored.
  public subscript(listRegister index: Int) -> ListRegister {
    get { index >= 0 && index < listRegisterCount ? listRegisters[index] : ListRegister() }
    set {
      guard index >= 0 && index < listRegisterCount else { return }
      listRegisters[index] = newValue
    }
  }

  /// The first free list register: `ICH_ELRSR_EL2`.
  public var firstFree: Int? {
    (0..<listRegisterCount).first { listRegisters[$0][.state] == .invalid }
  }

  /// Presents a virtual interrupt; `false` when every list register is taken, in which case the
  /// hypervisor has to wait for a maintenance interrupt.
  public mutating func present(_ vINTID: UInt32, priority: UInt8) -> Bool {
    let held = (0..<listRegisterCount).first {
      listRegisters[$0][.state] != .invalid && listRegisters[$0][.virtualINTID] == vINTID
    }
    if let held {
      let active = listRegisters[held][.state].rawValue & ListRegisterState.active.rawValue
      listRegisters[held][.state] = ListRegisterState(rawValue: active | 1)
      return true
    }
    guard let free = firstFree else { return false }
    listRegisters[free] = ListRegister(pending: vINTID, priority: priority)
    return true
  }

  private enum Source { case listRegister(Int), resident }

  private func highestPending(
    redistributors: inout Redistributors, memory: PhysicalMemory
  ) -> (source: Source, intid: UInt32, priority: UInt8)? {
    var best: (source: Source, intid: UInt32, priority: UInt8)?
    for index in 0..<listRegisterCount where listRegisters[index][.state] == .pending {
      let entry = listRegisters[index]
      guard best.map({ entry[.priority] < $0.priority }) ?? true else { continue }
      best = (.listRegister(index), entry[.virtualINTID], entry[.priority])
    }
    if let direct = redistributors.highestPendingVirtual(at: cpu, memory: memory),
      best.map({ direct.priority < $0.priority }) ?? true
    {
      best = (.resident, direct.intid, direct.priority)
    }
    return best
  }

  /// Whether the guest is asked to take a virtual interrupt.
  public func isSignalled(redistributors: inout Redistributors, memory: PhysicalMemory) -> Bool {
    let best = highestPending(redistributors: &redistributors, memory: memory)
    return best.map { $0.priority < min(priorityMask, activePriorities.last ?? 0xff) } ?? false
  }

  /// `ICV_IAR1_EL1`: takes the virtual interrupt that is signalled; 1023 when there is none.
  public mutating func acknowledge(
    redistributors: inout Redistributors, memory: PhysicalMemory
  ) -> UInt32 {
    let best = highestPending(redistributors: &redistributors, memory: memory)
    guard let best, best.priority < min(priorityMask, activePriorities.last ?? 0xff) else {
      return INTID.spurious
    }
    activePriorities.append(best.priority)
    switch best.source {
    case .listRegister(let index):
      // LPIs have no active state: the list register is free again.
      listRegisters[index][.state] = best.intid >= INTID.firstLPI ? .invalid : .active
    case .resident: redistributors.acknowledgeVirtual(best.intid, at: cpu, memory: memory)
    }
    return best.intid
  }

  /// `ICV_EOIR1_EL1`: drops the priority and deactivates.
  ///
  /// - Returns: the physical interrupt that is deactivated with it, for a list register with HW.
  @discardableResult
  public mutating func endOfInterrupt(_ vINTID: UInt32) -> UInt32? {
    guard !(1020...1023).contains(vINTID) else { return nil }
    if !activePriorities.isEmpty { activePriorities.removeLast() }
    guard vINTID < INTID.firstLPI else { return nil }
    let held = (0..<listRegisterCount).first {
      listRegisters[$0][.state].rawValue & 2 != 0 && listRegisters[$0][.virtualINTID] == vINTID
    }
    guard let held else {
      unmatchedEnds = min(unmatchedEnds &+ 1, 31)
      return nil
    }
    listRegisters[held][.state] =
      listRegisters[held][.state] == .pendingAndActive ? .pending : .invalid
    let entry = listRegisters[held]
    return entry[.hardware] ? UInt32(entry[.physicalINTID] & 0x3ff) : nil
  }

  /// Clears `EOIcount`, as the hypervisor does.
  public mutating func clearUnmatchedEnds() { unmatchedEnds = 0 }

  /// `ICH_MISR_EL2`: what a maintenance interrupt would report now.
  public var maintenance: Maintenance {
    var reasons: Maintenance = []
    var used = 0
    var pending = 0
    for index in 0..<listRegisterCount {
      let entry = listRegisters[index]
      if entry[.state] == .invalid {
        if entry.signalsEnd { reasons.insert(.end) }
      } else {
        used += 1
      }
      if entry[.state] == .pending { pending += 1 }
    }
    if used <= 1 { reasons.formUnion(enabledMaintenance.intersection(.underflow)) }
    if pending == 0 { reasons.formUnion(enabledMaintenance.intersection(.noPending)) }
    if unmatchedEnds > 0 { reasons.formUnion(enabledMaintenance.intersection(.notPresent)) }
    return reasons
  }
}
