/// The structures of the IO Remapping Table (Arm DEN 0049, IORT), field by field, in the order of
/// the specification.
public enum IORTLayout {
  // MARK: Table

  public static let nodeCount = TableField("Node Count", at: 36, 4, .decimal)
  public static let nodeOffset = TableField("Node Offset", at: 40, 4)
  static let tableReserved = TableField("Reserved", at: 44, 4, .reserved)
  static let table = RecordLayout(
    "IO Remapping Table", ACPIHeader.fields + [nodeCount, nodeOffset, tableReserved])

  // MARK: Node header

  public static let type = TableField("Type", at: 0, 1, .choice(nodeTypes))
  public static let length = TableField("Length", at: 1, 2)
  public static let revision = TableField("Revision", at: 3, 1, .decimal)
  public static let identifier = TableField("Identifier", at: 4, 4)
  public static let mappingCount = TableField("Mapping Count", at: 8, 4, .decimal)
  public static let mappingOffset = TableField("Mapping Offset", at: 12, 4)
  static let nodeHeader = [type, length, revision, identifier, mappingCount, mappingOffset]
  static let nodeHeaderSize = 16

  private static let nodeTypes: [TableField.Choice] = [
    .init(0, "ITS group"), .init(1, "named component"), .init(2, "root complex"),
    .init(3, "SMMUv1 or SMMUv2"), .init(4, "SMMUv3"), .init(5, "PMCG"),
    .init(6, "reserved memory range"), .init(7, "IWB"),
  ]

  // MARK: ITS group

  public static let itsCount = TableField("ITS Count", at: 16, 4, .decimal)
  static let itsGroup = RecordLayout("ITS group", nodeHeader + [itsCount])
  static let itsIdentifier = TableField("ITS Identifier", at: 0, 4)

  // MARK: Memory access properties, shared by named components and root complexes

  private static func cacheCoherency(at offset: Int) -> TableField {
    TableField(
      "Cache Coherency", at: offset, 4, .choice([.init(0, "not coherent"), .init(1, "coherent")]))
  }
  private static func memoryFlags(at offset: Int) -> TableField {
    TableField(
      "Memory Flags", at: offset, 1,
      .flags([
        .init("coherent path to memory", bit: 0),
        .init("cacheable and shareable by default", bit: 1),
        .init("ensured coherency", bit: 2),
      ]))
  }
  private static func accessProperties(at offset: Int) -> [TableField] {
    [
      cacheCoherency(at: offset),
      TableField(
        "Allocation Hints", at: offset + 4, 1,
        .flags([
          .init("transient", bit: 0), .init("write allocate", bit: 1),
          .init("read allocate", bit: 2), .init("override", bit: 3),
        ])),
      TableField("Reserved", at: offset + 5, 2, .reserved), memoryFlags(at: offset + 7),
    ]
  }

  // MARK: Named component

  public static let componentFlags = TableField(
    "Node Flags", at: 16, 4,
    .flags([.init("stall supported", bit: 0), .init("SubstreamID width", bit: 1, width: 5)]))
  public static let componentAddressLimit = TableField(
    "Address Size Limit", at: 28, 1, .decimal)
  static let namedComponent = RecordLayout(
    "named component",
    nodeHeader + [componentFlags] + accessProperties(at: 20) + [componentAddressLimit])
  static let componentNameOffset = 29

  // MARK: Root complex

  public static let cacheCoherency = cacheCoherency(at: 16)
  public static let memoryFlags = memoryFlags(at: 23)
  public static let atsAttribute = TableField(
    "ATS Attribute", at: 24, 4,
    .flags([
      .init("ATS", bit: 0), .init("PRI", bit: 1), .init("PASID on translated requests", bit: 2),
    ]))
  public static let segment = TableField("PCI Segment Number", at: 28, 4)
  public static let memoryLimit = TableField("Memory Address Size Limit", at: 32, 1, .decimal)
  public static let pasid = TableField(
    "PASID Capabilities", at: 33, 2, .flags([.init("maximum PASID width", bit: 0, width: 5)]))
  /// Node revision 4 and later.
  public static let rootComplexFlags = TableField(
    "Flags", at: 36, 4, .flags([.init("PASID supported", bit: 0)]))
  private static let rootComplexStart =
    nodeHeader + accessProperties(at: 16) + [atsAttribute, segment]
  private static let rootComplexFields =
    rootComplexStart + [memoryLimit, pasid, TableField("Reserved", at: 35, 1, .reserved)]
  /// Node revision 0: 32 bytes.
  static let rootComplex0 = RecordLayout("root complex", rootComplexStart)
  /// Up to node revision 3: 36 bytes.
  static let rootComplex = RecordLayout("root complex", rootComplexFields)
  /// From node revision 4 on: 40 bytes.
  static let rootComplex4 = RecordLayout("root complex", rootComplexFields + [rootComplexFlags])

  // MARK: SMMUv1 and SMMUv2

  public static let smmuBase = TableField("Base Address", at: 16, 8)
  public static let smmuSpan = TableField("Span", at: 24, 8)
  public static let smmu2Model = TableField(
    "Model", at: 32, 4,
    .choice([
      .init(0, "generic SMMUv1"), .init(1, "generic SMMUv2"), .init(2, "CoreLink MMU-400"),
      .init(3, "CoreLink MMU-500"), .init(4, "CoreLink MMU-401"), .init(5, "ThunderX SMMUv2"),
    ]))
  public static let contextInterruptCount = TableField(
    "Context Interrupt Count", at: 44, 4, .decimal)
  public static let contextInterruptOffset = TableField("Context Interrupt Offset", at: 48, 4)
  public static let pmuInterruptCount = TableField("PMU Interrupt Count", at: 52, 4, .decimal)
  public static let pmuInterruptOffset = TableField("PMU Interrupt Offset", at: 56, 4)
  static let smmuV2 = RecordLayout(
    "SMMUv1 or SMMUv2",
    nodeHeader + [
      smmuBase, smmuSpan, smmu2Model,
      TableField(
        "Flags", at: 36, 4,
        .flags([.init("DVM supported", bit: 0), .init("coherent walks", bit: 1)])),
      TableField("Global Interrupt Offset", at: 40, 4), contextInterruptCount,
      contextInterruptOffset, pmuInterruptCount, pmuInterruptOffset,
      TableField("NSgIrpt Interrupt", at: 60, 4),
      TableField("NSgIrpt Flags", at: 64, 4, .flags([.init("edge triggered", bit: 0)])),
      TableField("NSgCfgIrpt Interrupt", at: 68, 4),
      TableField("NSgCfgIrpt Flags", at: 72, 4, .flags([.init("edge triggered", bit: 0)])),
    ])
  static let interrupt = TableField("Interrupt", at: 0, 8)

  // MARK: SMMUv3

  public static let smmu3Flags = TableField(
    "Flags", at: 24, 4,
    .flags([
      .init("COHACC override", bit: 0),
      .init(
        "HTTU override", bit: 1, width: 2,
        [
          .init(0, "no HTTU override"), .init(1, "HTTU access flag"),
          .init(2, "HTTU access and dirty flags"),
        ]),
      .init("proximity domain valid", bit: 3), .init("DeviceID mapping index valid", bit: 4),
    ]))
  public static let vatos = TableField("VATOS Address", at: 32, 8)
  public static let smmu3Model = TableField(
    "Model", at: 40, 4,
    .choice([
      .init(0, "generic SMMUv3"), .init(1, "HiSilicon HI161X"), .init(2, "Cavium CN99xx"),
    ]))
  public static let eventInterrupt = TableField("Event GSIV", at: 44, 4)
  public static let priInterrupt = TableField("PRI GSIV", at: 48, 4)
  public static let errorInterrupt = TableField("GERR GSIV", at: 52, 4)
  public static let syncInterrupt = TableField("Sync GSIV", at: 56, 4)
  public static let deviceIDIndex = TableField("DeviceID Mapping Index", at: 64, 4, .decimal)
  private static let smmuV3Start =
    nodeHeader + [
      smmuBase, smmu3Flags, TableField("Reserved", at: 28, 4, .reserved), vatos, smmu3Model,
      eventInterrupt, priInterrupt, errorInterrupt, syncInterrupt,
    ]
  /// Node revision 0: 60 bytes.
  static let smmuV3Early = RecordLayout("SMMUv3", smmuV3Start)
  static let smmuV3 = RecordLayout(
    "SMMUv3", smmuV3Start + [TableField("Proximity Domain", at: 60, 4), deviceIDIndex])

  // MARK: PMCG, RMR, IWB

  public static let pmcgInterrupt = TableField("Overflow GSIV", at: 24, 4)
  public static let pmcgReference = TableField("Node Reference", at: 28, 4)
  private static let pmcgStart =
    nodeHeader + [
      TableField("Page 0 Base Address", at: 16, 8), pmcgInterrupt, pmcgReference,
    ]
  /// Node revision 0: 32 bytes.
  static let pmcg0 = RecordLayout("PMCG", pmcgStart)
  static let pmcg = RecordLayout(
    "PMCG", pmcgStart + [TableField("Page 1 Base Address", at: 32, 8)])

  public static let rmrFlags = TableField(
    "Flags", at: 16, 4,
    .flags([
      .init(
        "remapping permitted", bit: 0, width: 1,
        [.init(0, "remapping not permitted"), .init(1, "remapping permitted")]),
      .init(
        "access privileged", bit: 1, width: 1,
        [.init(0, "unprivileged access"), .init(1, "privileged access")]),
      .init(
        "access attributes", bit: 2, width: 8,
        [
          .init(0, "Device-nGnRnE"), .init(1, "Device-nGnRE"), .init(2, "Device-nGRE"),
          .init(3, "Device-GRE"), .init(4, "Normal Non-cacheable"),
          .init(5, "Normal Inner and Outer Write-Back"),
        ]),
    ]))
  public static let rmrCount = TableField("Number of Memory Ranges", at: 20, 4, .decimal)
  public static let rmrOffset = TableField("Memory Range Offset", at: 24, 4)
  static let rmr = RecordLayout(
    "reserved memory range", nodeHeader + [rmrFlags, rmrCount, rmrOffset])

  public static let rangeBase = TableField("Base Address of RMR", at: 0, 8)
  public static let rangeLength = TableField("Length of RMR", at: 8, 8)
  static let memoryRange = RecordLayout(
    "memory range", [rangeBase, rangeLength, TableField("Reserved", at: 16, 4, .reserved)])

  public static let iwbIndex = TableField("IWB Index", at: 24, 2)
  static let iwb = RecordLayout(
    "IWB", nodeHeader + [TableField("Base Address", at: 16, 8), iwbIndex])
  static let iwbNameOffset = 26

  // MARK: ID mapping

  public static let inputBase = TableField("Input Base", at: 0, 4)
  public static let idCount = TableField("ID Count", at: 4, 4, .countMinusOne)
  public static let outputBase = TableField("Output Base", at: 8, 4)
  public static let outputReference = TableField("Output Reference", at: 12, 4)
  public static let mappingFlags = TableField(
    "Flags", at: 16, 4, .flags([.init("single mapping", bit: 0)]))
  static let idMapping = RecordLayout(
    "ID mapping", [inputBase, idCount, outputBase, outputReference, mappingFlags])

  static let unknownNode = RecordLayout("unknown node", nodeHeader)
}
