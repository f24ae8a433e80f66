internal import ArmFormats
public import Bits
public import Software

/// Linux's MSI code (`drivers/pci/msi/msi.c`) on one function with a 64-bit message address, as
/// steps.
public struct MSIDriver: Sendable {
  public let agent: Agent
  /// Offset of the capability in configuration space.
  public let capability: UInt16
  /// The message control register, as it was written last.
  private var control: MSIControl

  /// - Parameter vectors: those that the function can have, 1 to 32.
  public init(agent: Agent, capability: UInt16, vectors: Int = 1) {
    self.agent = agent
    self.capability = capability
    control = MSIControl(rawValue: UInt64(Self.exponent(of: vectors)) << 1 | 1 << 7)
  }

  /// The smallest power of two that holds `count`, as its exponent: 0 to 5.
  public static func exponent(of count: Int) -> UInt8 {
    UInt8(clamping: max(0, min(5, Int.bitWidth - (max(count, 1) - 1).leadingZeroBitCount)))
  }

  private var controlRead: RegisterRead { .configuration(offset: capability &+ 2, width: 2) }

  /// Asks how many vectors there are (`pci_msi_vec_count`).
  public var count: Step<Never> {
    Step(agent, "pci_msi_vec_count", "MSI capability: how many vectors", .decide)
      .reading([controlRead])
  }

  /// Makes sure that MSI is off, and looks at what the function can do (`msi_capability_init`,
  /// `msi_setup_msi_desc`).
  public mutating func prepare() -> Step<Never> {
    control[.enable] = false
    return write(2, word, 2, "pci_msi_set_enable", "MSI disabled")
      .reading([controlRead], after: [controlRead])
  }

  /// Writes the message of `count` vectors (`pci_write_msg_msi`).
  ///
  /// - Parameters:
  ///   - data: of vector 0; the low bits of its exponent are zero.
  ///   - reason: owner of the address and the data.
  public mutating func write(
    _ count: Int, address: IOVA, data: UInt32, reason: String
  ) -> [Step<Never>] {
    control[.enabledCount] = Self.exponent(of: count)
    let function = "pci_write_msg_msi"
    return [
      write(2, word, 2, function, "\(count) vectors").reading([controlRead]),
      write(
        4, UInt32(truncatingIfNeeded: address.rawValue), 4, function,
        "(\(address), \(hex(UInt64(data)))): \(reason)"),
      write(8, UInt32(truncatingIfNeeded: address.rawValue >> 32), 4, function, "upper address"),
      write(12, data, 2, function, "data").reading(after: [controlRead]),
    ]
  }

  /// Turns MSI on or off (`pci_msi_set_enable`).
  public mutating func setEnabled(_ isEnabled: Bool) -> Step<Never> {
    control[.enable] = isEnabled
    return write(2, word, 2, "pci_msi_set_enable", "MSI \(isEnabled ? "enabled" : "disabled")")
      .reading([controlRead])
  }

  private var word: UInt32 { UInt32(truncatingIfNeeded: control.rawValue) }

  private func write(
    _ offset: UInt16, _ value: UInt32, _ width: Int, _ function: String, _ text: String
  ) -> Step<Never> {
    Step(
      agent, function, "MSI capability: \(text)",
      .config(offset: capability &+ offset, value: value, width: width))
  }
}
