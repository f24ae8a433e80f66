public import Bits

/// A read that software makes around a step. What it returns changes nothing in the models; that it
/// is made costs an exit where a hypervisor emulates the page.
public enum RegisterRead: Hashable, Sendable {
  /// `width` bytes of a device's register.
  case register(PA, width: Int)
  /// `width` bytes of the configuration space of the function that the step is about.
  case configuration(offset: UInt16, width: Int)
}
