/// Where a device keeps the messages that it sends.
public enum MessageStore: String, CaseIterable, Sendable {
  /// In an MSI-X table behind a BAR.
  case msiX = "msi-x"
  /// In its MSI capability, in configuration space: one address, and data whose low bits the device
  /// replaces by the number of the vector.
  case msi
  /// Inside, written through a queue of its own (IMS, SIOV R2): there is nothing to trap.
  case device = "internal"
}
