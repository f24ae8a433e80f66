/// The port that a function's writes pass on their way up, as far as Access Control Services judge
/// them (PCI Express base specification, 6.12.1.1).
public struct DownstreamPort: Equatable, Sendable {
  /// The buses below it: the registers Secondary and Subordinate Bus Number.
  public var buses: ClosedRange<UInt8>
  /// ACS Source Validation, which Linux turns on where the port has it (`pci_std_enable_acs`).
  public var validatesSources: Bool

  public init(buses: ClosedRange<UInt8>, validatesSources: Bool) {
    self.buses = buses
    self.validatesSources = validatesSources
  }

  /// Whether a write with this requester ID goes up. Source Validation looks at the bus number
  /// alone: another function's ID on the same bus passes. A write that does not is an ACS Violation.
  public func passes(_ requester: RequesterID) -> Bool {
    !validatesSources || buses.contains(requester.bus)
  }
}
