internal import ArmFormats
public import Bits
public import Software

/// Linux's MSI-X code (`drivers/pci/msi/msi.c`) on one function, as steps; or that of a driver whose
/// device keeps its messages inside, where they look the same.
public struct MSIXDriver: Sendable {
  public let agent: Agent
  /// The table, as the kernel's machine addresses it.
  public let table: PA
  /// Offset of the capability in configuration space.
  public let capability: UInt16
  /// Whether the table is one of the device's own.
  public let isInternal: Bool

  public init(agent: Agent, table: PA, capability: UInt16, isInternal: Bool = false) {
    self.isInternal = isInternal
    self.agent = agent
    self.table = table
    self.capability = capability
  }

  /// Enables or disables MSI-X, with or without the function mask
  /// (`pci_msix_clear_and_set_ctrl`).
  public func control(enable: Bool, functionMask: Bool) -> Step<Never> {
    var control = MSIXControl()
    control[.enable] = enable
    control[.functionMask] = functionMask
    let mask = functionMask ? ", function masked" : ""
    return Step(
      agent, "pci_msix_clear_and_set_ctrl", "MSI-X \(enable ? "enabled" : "disabled")\(mask)",
      .config(
        offset: capability + 2, value: UInt32(truncatingIfNeeded: control.rawValue), width: 2))
  }

  /// Writes a vector's message (`pci_write_msg_msix`).
  ///
  /// - Parameter reason: whose address and data they are.
  public func write(
    _ vector: Int, address: IOVA, data: UInt32, reason: String
  ) -> [Step<Never>] {
    let function = "pci_write_msg_msix"
    let text = "(\(address), \(hex(UInt64(data)))): \(reason)"
    return [
      write(vector, 0, UInt32(truncatingIfNeeded: address.rawValue), function, text)
        .believing(DoorbellBelief("MSI-X driver", .iova(address)))
        .carrying(.message(vector: vector, address: address, data: data)),
      write(
        vector, 4, UInt32(truncatingIfNeeded: address.rawValue >> 32), function, "upper address"),
      write(vector, 8, data, function, "data"),
    ]
  }

  /// Masks or unmasks a vector (`pci_msix_mask`, `pci_msix_unmask`).
  public func setMask(_ vector: Int, _ isMasked: Bool) -> Step<Never> {
    write(
      vector, 12, isMasked ? 1 : 0, isMasked ? "pci_msix_mask" : "pci_msix_unmask",
      isMasked ? "masked" : "unmasked")
  }

  /// Writes 32 bits of a vector's entry.
  ///
  /// - Parameter offset: 0, 4, 8 or 12.
  public func write(
    _ vector: Int, _ offset: UInt64, _ value: UInt32, _ function: String, _ text: String
  ) -> Step<Never> {
    let place = table + UInt64(vector) * MSIXTableEntry.byteCount + offset
    return Step(
      agent, isInternal ? "irq_write_msi_msg" : function,
      "\(isInternal ? "internal store, message" : "MSI-X entry") \(vector): \(text)",
      .mmio(place, UInt64(value), width: 4))
  }
}
