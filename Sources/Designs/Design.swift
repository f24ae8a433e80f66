public import HostKernel
public import VMM

/// One way to get an assigned device's MSIs into a guest: a value on each independent axis.
///
/// A design is data, read from a file; each axis is a choice that one piece of software makes.
public struct Design: Equatable, Sendable {
  public typealias Advertisement = DoorbellAdvertisement
  public typealias StageTwo = StageTwoDoorbell
  public typealias MSIXEntry = MSIXEntryPolicy
  public typealias EventIDOwner = EventIDOwnership
  public typealias Delivery = InterruptDelivery

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
