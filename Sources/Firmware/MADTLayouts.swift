/// The structures of the Multiple APIC Description Table that describe a GIC (ACPI 6.5, 5.2.12.14
/// to 5.2.12.18; GICv5 from ACPI 6.7).
public enum MADTLayout {
  static let localAddress = TableField("Local APIC Address", at: 36, 4)
  static let tableFlags = TableField(
    "Flags", at: 40, 4, .flags([.init("PC-AT compatibility", bit: 0)]))
  static let table = RecordLayout(
    "Multiple APIC Description Table", ACPIHeader.fields + [localAddress, tableFlags])

  public static let type = TableField("Type", at: 0, 1, .choice(types))
  public static let length = TableField("Length", at: 1, 1)
  private static let header = [type, length]
  private static let coherency = TableField.Style.flags([.init("not coherent", bit: 0)])
  static let unknown = RecordLayout("unknown structure", header)

  private static let types: [TableField.Choice] = [
    .init(11, "GICC"), .init(12, "GICD"), .init(13, "GIC MSI frame"), .init(14, "GICR"),
    .init(15, "GIC ITS"), .init(28, "GICv5 IRS"), .init(29, "GICv5 ITS configuration frame"),
    .init(30, "GICv5 ITS translate frame"),
  ]

  // MARK: GICC

  public static let cpuNumber = TableField("CPU Interface Number", at: 4, 4, .decimal)
  public static let processorUID = TableField("Processor UID", at: 8, 4, .decimal)
  public static let processorFlags = TableField(
    "Flags", at: 12, 4,
    .flags([
      .init("enabled", bit: 0), .init("performance interrupt edge triggered", bit: 1),
      .init("maintenance interrupt edge triggered", bit: 2), .init("online capable", bit: 3),
    ]))
  public static let performanceInterrupt = TableField("Performance Interrupt", at: 20, 4, .decimal)
  public static let interfaceBase = TableField("Base Address", at: 32, 8)
  public static let virtualBase = TableField("Virtual GIC Base Address", at: 40, 8)
  public static let hypervisorBase = TableField("Hypervisor GIC Base Address", at: 48, 8)
  public static let maintenanceInterrupt = TableField("Virtual GIC Interrupt", at: 56, 4, .decimal)
  public static let redistributorOfCPU = TableField("Redistributor Base Address", at: 60, 8)
  public static let mpidr = TableField("ARM MPIDR", at: 68, 8)
  static let gicc = RecordLayout(
    "GICC",
    header + [
      TableField("Reserved", at: 2, 2, .reserved), cpuNumber, processorUID, processorFlags,
      TableField("Parking Protocol Version", at: 16, 4, .decimal), performanceInterrupt,
      TableField("Parked Address", at: 24, 8), interfaceBase, virtualBase, hypervisorBase,
      maintenanceInterrupt, redistributorOfCPU, mpidr,
      TableField("Efficiency Class", at: 76, 1, .decimal),
      TableField("Reserved", at: 77, 1, .reserved),
      TableField("SPE Overflow Interrupt", at: 78, 2, .decimal),
      TableField("TRBE Interrupt", at: 80, 2, .decimal), TableField("IAFFID", at: 82, 2),
      TableField("IRS ID", at: 84, 4),
    ])
  /// ACPI 6.0 to 6.2 end here; later versions add fields.
  static let giccSize = 80

  // MARK: GICD, MSI frame, GICR, ITS

  public static let distributorBase = TableField("Base Address", at: 8, 8)
  public static let version = TableField(
    "Version", at: 20, 1,
    .choice([
      .init(0, "to be discovered"), .init(1, "GICv1"), .init(2, "GICv2"), .init(3, "GICv3"),
      .init(4, "GICv4"),
    ]))
  static let gicd = RecordLayout(
    "GICD",
    header + [
      TableField("Reserved", at: 2, 2, .reserved), TableField("GIC ID", at: 4, 4),
      distributorBase, TableField("Interrupt Base", at: 16, 4, .decimal), version,
      TableField("Reserved", at: 21, 3, .reserved),
    ])

  public static let frameID = TableField("MSI Frame ID", at: 4, 4, .decimal)
  public static let frameBase = TableField("Base Address", at: 8, 8)
  /// Bit 0: SPI count and base stand here, and not in the frame's `MSI_TYPER` alone.
  public static let frameFlags = TableField(
    "Flags", at: 16, 4, .flags([.init("SPI count and base given here", bit: 0)]))
  public static let spiCount = TableField("SPI Count", at: 20, 2, .decimal)
  public static let spiBase = TableField("SPI Base", at: 22, 2, .decimal)
  static let msiFrame = RecordLayout(
    "GIC MSI frame",
    header + [
      TableField("Reserved", at: 2, 2, .reserved), frameID, frameBase, frameFlags, spiCount,
      spiBase,
    ])

  public static let redistributorBase = TableField("Base Address", at: 4, 8)
  public static let redistributorLength = TableField("Range Length", at: 12, 4)
  static let gicr = RecordLayout(
    "GICR",
    header + [
      // ACPI 6.6; zero before.
      TableField("Flags", at: 2, 1, coherency), TableField("Reserved", at: 3, 1, .reserved),
      redistributorBase, redistributorLength,
    ])

  public static let itsIdentifier = TableField("ITS Identifier", at: 4, 4, .decimal)
  public static let itsBase = TableField("Base Address", at: 8, 8)
  static let its = RecordLayout(
    "GIC ITS",
    header + [
      // ACPI 6.6; zero before.
      TableField("Flags", at: 2, 1, coherency), TableField("Reserved", at: 3, 1, .reserved),
      itsIdentifier, itsBase, TableField("Reserved", at: 16, 4, .reserved),
    ])

  // MARK: GICv5

  static let irs = RecordLayout(
    "GICv5 IRS",
    header + [
      TableField("Version", at: 2, 1, .decimal), TableField("Reserved", at: 3, 1, .reserved),
      TableField("IRS ID", at: 4, 4), TableField("Flags", at: 8, 4, coherency),
      TableField("Reserved", at: 12, 4, .reserved),
      TableField("Configuration Frame Base Address", at: 16, 8),
      TableField("SETLPI Frame Base Address", at: 24, 8),
    ])
  static let its5 = RecordLayout(
    "GICv5 ITS configuration frame",
    header + [
      TableField("Flags", at: 2, 1, coherency), TableField("Reserved", at: 3, 1, .reserved),
      itsIdentifier, itsBase,
    ])
  static let translate5 = RecordLayout(
    "GICv5 ITS translate frame",
    header + [
      TableField("Reserved", at: 2, 2, .reserved),
      TableField("Linked ITS Identifier", at: 4, 4, .decimal),
      TableField("Translate Frame Identifier", at: 8, 4, .decimal),
      TableField("Reserved", at: 12, 4, .reserved), TableField("Base Address", at: 16, 8),
    ])
}

/// The type of a MADT structure. Types of other architectures are kept as numbers.
public struct MADTType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let gicc = Self(rawValue: 11)
  public static let gicd = Self(rawValue: 12)
  public static let msiFrame = Self(rawValue: 13)
  public static let gicr = Self(rawValue: 14)
  public static let its = Self(rawValue: 15)
  public static let irs = Self(rawValue: 28)
  public static let its5 = Self(rawValue: 29)
  public static let translate5 = Self(rawValue: 30)

  var layout: RecordLayout {
    switch self {
    case .gicc: MADTLayout.gicc
    case .gicd: MADTLayout.gicd
    case .msiFrame: MADTLayout.msiFrame
    case .gicr: MADTLayout.gicr
    case .its: MADTLayout.its
    case .irs: MADTLayout.irs
    case .its5: MADTLayout.its5
    case .translate5: MADTLayout.translate5
    default: MADTLayout.unknown
    }
  }

  /// The size of the oldest version of the structure.
  var smallestSize: Int { self == .gicc ? MADTLayout.giccSize : layout.size }
}
