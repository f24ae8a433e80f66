internal import ArmFormats
internal import Bits

/// The distributor, as far as SPIs are concerned: message-based and wired shared interrupts with
/// affinity routing (IHI 0069, 12.9). SPIs are in Non-secure group 1.
public struct Distributor: Sendable {
  struct SPI: Sendable {
    var enabled = false
    var pending = false
    var active = false
    var line = false
    var isEdge = false
    var priority: UInt8 = 0
    /// The PE that `GICD_IROUTER` names; `nil` for any (IRM = 1, taken as PE 0).
    var target = 0
    var isPending: Bool { pending || (line && !isEdge) }
  }

  var interrupts: [SPI]
  public let cpuCount: Int

  /// - Parameter spiCount: 0 to 988; INTIDs 32 and following.
  public init(spiCount: Int, cpuCount: Int) {
    interrupts = Array(repeating: SPI(), count: min(max(spiCount, 0), 988))
    self.cpuCount = max(cpuCount, 1)
  }

  private func slot(_ intid: UInt32) -> Int? {
    let slot = Int(intid) - Int(INTID.firstSPI)
    return interrupts.indices.contains(slot) ? slot : nil
  }

  /// Whether `intid` is an SPI of this distributor.
  public func holds(_ intid: UInt32) -> Bool { slot(intid) != nil }

  /// Makes an SPI pending, as a write of `GICD_SETSPI_NSR` or `GICD_ISPENDR` does. An INTID that
  /// does not exist is ignored.
  public mutating func setPending(_ intid: UInt32) {
    if let slot = slot(intid) { interrupts[slot].pending = true }
  }

  /// Clears the latch: `GICD_CLRSPI_NSR`, `GICD_ICPENDR`.
  public mutating func clearPending(_ intid: UInt32) {
    if let slot = slot(intid) { interrupts[slot].pending = false }
  }

  /// Drives the line of a wired SPI; a rising edge latches an edge-triggered one.
  public mutating func setLine(_ intid: UInt32, high: Bool) {
    guard let slot = slot(intid) else { return }
    if high && !interrupts[slot].line && interrupts[slot].isEdge { interrupts[slot].pending = true }
    interrupts[slot].line = high
  }

  /// Configures an SPI: what `GICD_ISENABLER`, `GICD_IPRIORITYR`, `GICD_ICFGR` and
  /// `GICD_IROUTER` hold.
  ///
  /// - Parameters:
  ///   - priority: bits [7:3] count.
  ///   - target: a PE; one that does not exist means PE 0.
  public mutating func configure(
    _ intid: UInt32, enabled: Bool, priority: UInt8, isEdge: Bool, target: Int
  ) {
    guard let slot = slot(intid) else { return }
    interrupts[slot].enabled = enabled
    interrupts[slot].priority = priority & 0xf8
    interrupts[slot].isEdge = isEdge
    interrupts[slot].target = target >= 0 && target < cpuCount ? target : 0
  }

  /// Whether an SPI is pending, by latch or by level.
  public func isPending(_ intid: UInt32) -> Bool {
    slot(intid).map { interrupts[$0].isPending } ?? false
  }

  /// Whether an SPI is active.
  public func isActive(_ intid: UInt32) -> Bool {
    slot(intid).map { interrupts[$0].active } ?? false
  }

  /// The most urgent enabled, pending, inactive SPI of a PE.
  public func highestPending(at cpu: Int) -> (intid: UInt32, priority: UInt8)? {
    var best: (intid: UInt32, priority: UInt8)?
    for (slot, spi) in interrupts.enumerated()
    where spi.enabled && spi.isPending && !spi.active && spi.target == cpu {
      guard best.map({ spi.priority < $0.priority }) ?? true else { continue }
      best = (UInt32(slot) + INTID.firstSPI, spi.priority)
    }
    return best
  }

  /// Whether an SPI would be signalled now, as far as itself is concerned.
  public func isDue(_ intid: UInt32) -> Bool {
    guard let slot = slot(intid) else { return false }
    return interrupts[slot].enabled && interrupts[slot].isPending && !interrupts[slot].active
  }

  /// Pending becomes active.
  public mutating func acknowledge(_ intid: UInt32) {
    guard let slot = slot(intid) else { return }
    interrupts[slot].pending = false
    interrupts[slot].active = true
  }

  /// Active becomes inactive.
  public mutating func deactivate(_ intid: UInt32) {
    if let slot = slot(intid) { interrupts[slot].active = false }
  }
}
