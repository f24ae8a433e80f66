/// One way to get an assigned device's MSIs into a guest: a value on each independent axis.
///
/// A design is data, read from a file; each axis is a choice that one piece of software makes.
public struct Design: Equatable, Sendable {
  /// Where the guest learns of the doorbell that its device uses: from the firmware's tables.
  public enum Advertisement: String, CaseIterable, Sendable {
    case nothing
    /// An IORT RMR without "remapping permitted": `IOMMU_RESV_DIRECT`.
    case rmrDirect = "rmr-direct"
    /// An IORT RMR with "remapping permitted": `IOMMU_RESV_DIRECT_RELAXABLE`.
    case rmrRelaxable = "rmr-relaxable"
  }

  /// What the host's stage 2 maps to the physical doorbell.
  public enum StageTwo: String, CaseIterable, Sendable {
    /// The host kernel's software MSI window, page by page from 0x8000000.
    case softwareWindow = "software-window"
    /// The guest's own doorbell page.
    case guestDoorbell = "guest-doorbell"
  }

  /// Who writes the MSI-X entry that the device uses.
  public enum MSIXEntry: String, CaseIterable, Sendable {
    /// The guest's write traps; the host writes its own address and EventID.
    case replaced = "trapped-replaced"
    /// The guest's write traps; the host writes the guest's address and its own EventID.
    case forwarded = "trapped-forwarded"
    /// The guest writes the table itself.
    case untrapped
  }

  /// Whose EventID stands in the message, and so who drives the physical ITT.
  public enum EventIDOwner: String, CaseIterable, Sendable { case host, guest }

  /// How the interrupt reaches the virtual CPU.
  public enum Delivery: String, CaseIterable, Sendable {
    /// A physical LPI, the host's handler, an eventfd and KVM's software injection.
    case irqfd
  }

  /// The file's name without its extension.
  public let name: String
  /// What the design is, in one sentence.
  public let title: String
  /// Where it is proposed or implemented, and since when.
  public let source: String
  public let advertisement: Advertisement
  public let stageTwo: StageTwo
  public let msixEntry: MSIXEntry
  public let eventIDOwner: EventIDOwner
  public let delivery: Delivery

  public init(
    name: String, title: String, source: String, advertisement: Advertisement, stageTwo: StageTwo,
    msixEntry: MSIXEntry, eventIDOwner: EventIDOwner, delivery: Delivery
  ) {
    self.name = name
    self.title = title
    self.source = source
    self.advertisement = advertisement
    self.stageTwo = stageTwo
    self.msixEntry = msixEntry
    self.eventIDOwner = eventIDOwner
    self.delivery = delivery
  }

  /// Why the choices cannot stand together; `nil` when they can.
  public var inconsistency: String? {
    switch (msixEntry, stageTwo, eventIDOwner) {
    case (.replaced, .guestDoorbell, _):
      "msix 'trapped-replaced' writes an address of the software window, which stage 2 "
        + "'guest-doorbell' does not map"
    case (.forwarded, .softwareWindow, _):
      "msix 'trapped-forwarded' writes the guest's address, which ends at the guest doorbell; "
        + "stage 2 'software-window' does not map that"
    case (.untrapped, .softwareWindow, _):
      "msix 'untrapped' leaves the guest's address in the device, which ends at the guest "
        + "doorbell; stage 2 'software-window' does not map that"
    case (.untrapped, _, .host):
      "msix 'untrapped' leaves the guest's EventID in the device, so eventID must be 'guest'"
    case (.replaced, _, .guest), (.forwarded, _, .guest):
      "a trapped MSI-X entry gets the host's EventID, so eventID must be 'host'"
    default: nil
    }
  }
}
