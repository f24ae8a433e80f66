internal import Bits

/// Where a recorded function's capabilities stand in its configuration space, and what it decodes: the
/// device's part of a case, read off the registers that its kernel touched.
struct FunctionLayout: Equatable, Sendable {
  var msixCapability: UInt16 = 0x70
  var msiCapability: UInt16 = 0x40
  var powerCapability: UInt16?
  /// Vectors of plain MSI that the function can have, 1 to 32.
  var messageVectors = 1
  /// Whether it is a PCI Express function.
  var isExpress = false
  /// The command register's bits for the spaces that it decodes.
  var decodes: UInt16 = 2

  init(_ accesses: [AccessVector.Access]) {
    for access in accesses.reversed() where access.block == .configuration {
      let offset = UInt16(truncatingIfNeeded: access.offset)
      switch access.register {
      case "MSIX.FLAGS": msixCapability = offset &- 2
      case "MSI.FLAGS":
        msiCapability = offset &- 2
        if !access.isWrite { messageVectors = 1 << min(5, Int(access.value >> 1 & 7)) }
      case "PM.PMCSR": powerCapability = offset &- 4
      case "COMMAND" where access.isWrite && access.phase == "pci-enable":
        decodes = UInt16(truncatingIfNeeded: access.value & 3)
      default: if access.register.hasPrefix("EXP") { isExpress = true }
      }
    }
    if decodes == 0 { decodes = 2 }
  }
}
