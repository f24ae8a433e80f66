/// The firmware tables of one machine, as far as they are given.
public struct FirmwareTables: Equatable, Sendable {
  public var iort: IORTTable?
  public var madt: MADTTable?
  public var mcfg: MCFGTable?
  public var bridges: HostBridgeScan?
  public var tree: DeviceTreeBlob?

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

  /// What the tables say: the ACPI tables where there is an IORT or MADT, with RAM from the device
  /// tree; else the device tree.
  public var facts: PlatformFacts {
    guard iort != nil || madt != nil else {
      return tree.map { PlatformFacts($0) } ?? PlatformFacts(source: .acpi)
    }
    var facts = PlatformFacts(iort: iort, madt: madt, mcfg: mcfg, bridges: bridges)
    if let tree { facts.addMemory(of: tree) }
    return facts
  }

  /// Everything that a reader of these tables should know, errors first.
  ///
  /// - Parameter window: the software MSI window of the host that assigns devices.
  public func findings(window: ClosedRange<UInt64>) -> [FirmwareFinding] {
    let malformed =
      [iort?.findings, madt?.findings, mcfg?.findings, bridges?.findings].compactMap(\.self)
    let facts = facts
    let all =
      malformed.flatMap(\.self) + (iort.map { IORTCheck($0).findings } ?? [])
      + InterruptControllerCheck.findings(facts) + IDMappingCheck.findings(facts)
      + ReservedRangeCheck(facts: facts, window: window).findings
      + WindowCheck(facts: facts, window: window).findings
    return FirmwareFinding.Severity.allCases.flatMap { severity in
      all.filter { $0.severity == severity }
    }
  }
}
