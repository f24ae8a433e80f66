/// A vector that a driver of the guest has been given.
struct GuestVector: Equatable, Sendable {
  /// The data of its message.
  let data: UInt32
  /// The CPUs of a managed interrupt; `nil` for one that the user may move.
  let group: Range<Int>?
  /// Whether its event is mapped and its message written.
  var isMapped = false
  /// Whether the driver has requested it.
  var isRequested = false
  /// Whether its interrupt is enabled.
  var isStarted = false
  /// Whether its CPUs went off line while it was started.
  var waitsForCPU = false

  /// Whether it was shut down because the CPU that comes back went away.
  func isShutDown(with cpu: Int) -> Bool { waitsForCPU && group?.contains(cpu) == true }
}

/// How many interrupts a CPU has (`struct cpu_lpi_count`): by those the ITS driver spreads the next.
struct InterruptLoad: Equatable, Sendable {
  private(set) var managed = 0
  private(set) var unmanaged = 0

  mutating func count(_ change: Int, isManaged: Bool) {
    if isManaged { managed += change } else { unmanaged += change }
  }

  func of(managed isManaged: Bool) -> Int { isManaged ? managed : unmanaged }
}
