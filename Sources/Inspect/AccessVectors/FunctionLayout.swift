internal import Bits

/// Where a recorded function's capabilities stand in its configuration space, and what it decodes: the
/// device's part of a case, read off the registers that its kernel touched.
struct FunctionLayout: Equatable, Sendable {
  var msixCapability: UInt16 = 0x70
  var msiCapability: UInt16 = 0x40
  var powerCapability: UInt16?
  /// Vectors of plain MSI that the function can have, 1 to 32.
  var messageVectors = 1
  /// Whether it is a PCI Express function, and where that capability stands.
  var isExpress = false
  var expressCapability: UInt16 = 0x80
  /// The version of that capability.
  var expressVersion = 2
  /// The capabilities, in the order of their list, and the extended ones.
  var capabilities: [UInt16] = []
  var extendedCapabilities: [UInt16] = []
  var hasAER = false
  /// The base address registers that it has, and whether each has 64 bits; those of virtual functions.
  var bars: [Bool] = []
  var virtualBARs = 0
  /// Whether it has an INTx pin.
  var hasINTx = false
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
      case "INTERRUPT_PIN" where !access.isWrite && access.value & 0xff != 0: hasINTx = true
      case "EXP.DEVCAP2":
        isExpress = true
        expressCapability = offset &- 0x24
      default: if access.register.hasPrefix("EXP") { isExpress = true }
      }
    }
    if decodes == 0 { decodes = 2 }
    findCapabilities(accesses)
    findBARs(accesses)
  }

  /// Follows the lists that the kernel read.
  private mutating func findCapabilities(_ accesses: [AccessVector.Access]) {
    var next: [UInt16: UInt16] = [:]
    var first: UInt16?
    var extended: Set<UInt16> = []
    for access in accesses where access.block == .configuration && !access.isWrite {
      let offset = UInt16(truncatingIfNeeded: access.offset)
      let value = access.value
      if offset == 0x34 {
        first = first ?? UInt16(value & 0xfc)
      } else if access.register.hasSuffix(".ID"), access.width >= 2 {
        next[offset] = UInt16(value >> 8 & 0xfc)
        if access.register == "EXP.ID", access.width == 4 {
          expressVersion = Int(value >> 16 & 0xf)
        }
      } else if access.register == "EXP.FLAGS" {
        expressVersion = Int(value & 0xf)
      } else if offset >= 0x100, access.register.hasSuffix("+0x0") {
        extended.insert(offset)
        if access.register.hasPrefix("AER") { hasAER = true }
      }
    }
    var place = first ?? 0
    while place != 0, let following = next[place], !capabilities.contains(place) {
      capabilities.append(place)
      place = following
    }
    extendedCapabilities = extended.sorted()
  }

  private mutating func findBARs(_ accesses: [AccessVector.Access]) {
    var values: [String: Set<UInt64>] = [:]
    for access in accesses
    where access.block == .configuration && !access.isWrite && access.width == 4 {
      values[access.register, default: []].insert(access.value)
    }
    bars = Self.bars(named: (0..<6).map { "BAR\($0)" }, values)
    virtualBARs =
      Self.bars(named: (9..<15).map { "SRIOV+0x\(String($0 * 4, radix: 16))" }, values)
      .count
  }

  private static func bars(named names: [String], _ values: [String: Set<UInt64>]) -> [Bool] {
    var bars: [Bool] = []
    var isUpper = false
    for name in names {
      let seen = values[name] ?? []
      guard !isUpper else {
        isUpper = false
        continue
      }
      guard seen.contains(where: { $0 != 0 }) else { continue }
      isUpper = seen.contains { $0 & 7 == 4 }
      bars.append(isUpper)
    }
    return bars
  }
}
