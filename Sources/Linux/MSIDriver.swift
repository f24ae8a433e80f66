internal import ArmFormats
public import Bits
public import Software

/// Linux's MSI code (`drivers/pci/msi/msi.c`) on one function with a 64-bit message address, as
/// steps.
public struct MSIDriver: Sendable {
  public let agent: Agent
  /// Offset of the capability in configuration space.
  public let capability: UInt16

  public init(agent: Agent, capability: UInt16) {
    self.agent = agent
    self.capability = capability
  }

  /// The smallest power of two that holds `count`, as its exponent: 0 to 5.
  public static func exponent(of count: Int) -> UInt8 {
    UInt8(clamping: max(0, min(5, Int.bitWidth - (max(count, 1) - 1).leadingZeroBitCount)))
  }

  /// Writes the message of `count` vectors and turns MSI on (`pci_write_msg_msi`,
  /// `pci_msi_set_enable`).
  ///
  /// - Parameters:
  ///   - data: of vector 0; the low bits of its exponent are zero.
  ///   - reason: whose address and data they are.
  public func enable(
    _ count: Int, address: IOVA, data: UInt32, reason: String
  ) -> [Step<Never>] {
    var control = MSIControl(rawValue: 0)
    control[.enabledCount] = Self.exponent(of: count)
    var enabled = control
    enabled[.enable] = true
    let function = "pci_write_msg_msi"
    return [
      write(2, UInt32(truncatingIfNeeded: control.rawValue), 2, function, "\(count) vectors"),
      write(
        4, UInt32(truncatingIfNeeded: address.rawValue), 4, function,
        "(\(address), \(hex(UInt64(data)))): \(reason)"),
      write(8, UInt32(truncatingIfNeeded: address.rawValue >> 32), 4, function, "upper address"),
      write(12, data, 2, function, "data"),
      write(
        2, UInt32(truncatingIfNeeded: enabled.rawValue), 2, "pci_msi_set_enable", "MSI enabled"),
    ]
  }

  /// Turns MSI off (`pci_msi_set_enable`).
  public var disable: Step<Never> { write(2, 0, 2, "pci_msi_set_enable", "MSI disabled") }

  private func write(
    _ offset: UInt16, _ value: UInt32, _ width: Int, _ function: String, _ text: String
  ) -> Step<Never> {
    Step(
      agent, function, "MSI capability: \(text)",
      .config(offset: capability + offset, value: value, width: width))
  }
}
