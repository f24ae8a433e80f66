/// The firmware tables of one machine, as far as they are given.
public struct FirmwareTables: Equatable, Sendable {
  public var iort: IORTTable?
  public var madt: MADTTable?
  public var mcfg: MCFGTable?
  public var bridges: HostBridgeScan?
  public var tree: DeviceTreeBlob?
  /// Kind of machine, if a caller knows it better than the tables tell.
  public var view: MachineView?

  public init(
    iort: IORTTable? = nil, madt: MADTTable? = nil, mcfg: MCFGTable? = nil,
    bridges: HostBridgeScan? = nil, tree: DeviceTreeBlob? = nil
  ) {
    self.iort = iort
    self.madt = madt
    self.mcfg = mcfg
    self.bridges = bridges
    self.tree = tree
  }

  /// Facts of the tables: the ACPI tables where there is an IORT or MADT, with RAM from the device
  /// tree; else the device tree.
  public var facts: PlatformFacts {
    var facts: PlatformFacts
    if iort != nil || madt != nil {
      facts = PlatformFacts(iort: iort, madt: madt, mcfg: mcfg, bridges: bridges)
      if let tree { facts.addMemory(of: tree) }
    } else {
      facts = tree.map { PlatformFacts($0) } ?? PlatformFacts(source: .acpi)
    }
    if let view { facts.view = view }
    return facts
  }

  /// Everything that a reader of these tables should know, errors first.
  ///
  /// - Parameter window: the software MSI window of the host that assigns devices.
  public func findings(window: ClosedRange<UInt64>) -> [FirmwareFinding] {
    let malformed =
      [iort?.findings, madt?.findings, mcfg?.findings, bridges?.findings].compactMap(\.self)
    let facts = facts
    var all =
      malformed.flatMap(\.self) + facts.findings + (iort.map { IORTCheck($0).findings } ?? [])
      + InterruptControllerCheck.findings(facts) + IDMappingCheck.findings(facts)
      + ReservedRangeCheck(facts: facts, window: window).findings
    // A board has nothing to keep free for a host above it.
    if facts.view != .host { all += WindowCheck(facts: facts, window: window).findings }
    return FirmwareFinding.Severity.allCases.flatMap { severity in
      all.filter { $0.severity == severity }
    }
  }
}

// MARK: Reading

extension FirmwareTables {
  /// Bytes of a firmware table or device tree that are read: 16 MiB, where the largest of a real
  /// machine, a DSDT, has less than one.
  public static let sizeLimit = 16 << 20

  /// Whether bytes are something that `add` reads: an ACPI table that counts here, the text of
  /// `acpidump` or `iasl -d`, a flattened device tree or the source of one.
  public static func recognizes(_ bytes: [UInt8]) -> Bool {
    DeviceTreeBlob.isBlob(bytes) || isTable(bytes) || ACPIText.isText(bytes)
      || DeviceTreeSource.isSource(bytes)
  }

  private static let signatures: Set = ["IORT", "APIC", "MCFG", "DSDT", "SSDT"]

  private static func signature(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix(4), as: UTF8.self)
  }

  private static func isTable(_ bytes: [UInt8]) -> Bool {
    signatures.contains(signature(bytes)) && bytes.count >= ACPIHeader.size
      && !ACPIText.isText(bytes)
  }

  /// Takes in what bytes hold, by what they start with. Of each kind of table the first counts;
  /// host bridges are those of the DSDT and all SSDTs.
  ///
  /// - Throws: `FirmwareError` for bytes that are nothing of the sort, or damaged.
  public mutating func add(_ bytes: [UInt8]) throws(FirmwareError) {
    if DeviceTreeBlob.isBlob(bytes) {
      if tree == nil {
        do { tree = try DeviceTreeBlob(bytes) } catch { throw FirmwareError(error.description) }
      }
    } else if ACPIText.isText(bytes) {
      for table in try ACPIText.tables(bytes) where Self.signatures.contains(Self.signature(table))
      {
        try add(table: table)
      }
    } else if Self.signatures.contains(Self.signature(bytes)) {
      try add(table: bytes)
    } else if DeviceTreeSource.isSource(bytes) {
      if tree == nil {
        do { tree = try DeviceTreeSource.tree(bytes) } catch {
          throw FirmwareError(error.description)
        }
      }
    } else {
      throw FirmwareError(
        "expected an IORT, APIC, MCFG, DSDT or SSDT table, the text of acpidump or iasl -d, or a "
          + "device tree as blob or source, found "
          + (bytes.isEmpty ? "an empty file" : "something that starts otherwise"))
    }
  }

  private mutating func add(table: [UInt8]) throws(FirmwareError) {
    switch Self.signature(table) {
    case "IORT": if iort == nil { iort = try IORTTable(table) }
    case "APIC": if madt == nil { madt = try MADTTable(table) }
    case "MCFG": if mcfg == nil { mcfg = try MCFGTable(table) }
    default:
      let scan = try HostBridgeScan(table)
      bridges = bridges.map { $0.merged(with: scan) } ?? scan
    }
  }

  /// Whether there is nothing in it.
  public var isEmpty: Bool {
    iort == nil && madt == nil && mcfg == nil && bridges == nil && tree == nil
  }

  /// Takes from `other` what is missing, and its host bridges.
  public mutating func merge(_ other: FirmwareTables) {
    let both = bridges.flatMap { own in other.bridges.map { own.merged(with: $0) } }
    complete(with: other)
    bridges = both ?? bridges
  }

  /// Takes from `other` what is missing.
  public mutating func complete(with other: FirmwareTables) {
    iort = iort ?? other.iort
    madt = madt ?? other.madt
    mcfg = mcfg ?? other.mcfg
    bridges = bridges ?? other.bridges
    tree = tree ?? other.tree
  }
}
