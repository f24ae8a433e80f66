internal import Bits
internal import HostKernel
internal import PCI
internal import Simulation
internal import Timing

/// One MSI on its way.
struct MessageState {
  var vector: Int
  var device: Int
  var sent: SimulatedTime
  /// What the device wrote.
  var message = MSI(address: 0, data: 0)
  var handled: SimulatedTime?
  /// The physical LPI and its CPU, once it is pending.
  var lpi: UInt32 = 0
  var cpu = 0
  var virtualLPI: UInt32 = 0
  /// Whether the hardware made the virtual LPI pending.
  var isDirect = false
  /// Whose pending bit stands for it, while its vector is masked.
  var holder: Holder?
  /// Where KVM injects it.
  var route: InjectionRoute?
  /// The message that was pending already and takes this one along.
  var leader: Int32?
  var verdict: Verdict?
  var times = StationTimes()
}

/// Who keeps the pending bit of a masked vector.
enum Holder {
  /// The function itself.
  case function
  /// The VMM's emulation of it.
  case vmm
}
