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
  /// Whether the guest has an SMMU in front of the device.
  public let iommu: VirtualIOMMU
  /// Where the VMM puts the doorbell page of the virtual ITS.
  public let virtualITS: VirtualITSPlacement
  /// Which address the VMM gives KVM.
  public let route: RouteAddress
  /// Where the host takes a forwarded address in.
  public let addressOverride: AddressOverride

  public init(
    name: String, title: String, source: String, advertisement: Advertisement, stageTwo: StageTwo,
    msixEntry: MSIXEntry, eventIDOwner: EventIDOwner, delivery: Delivery,
    iommu: VirtualIOMMU = .nested, virtualITS: VirtualITSPlacement = .besideWindow,
    route: RouteAddress = .machineDoorbell, addressOverride: AddressOverride = .msiDomain
  ) {
    self.name = name
    self.title = title
    self.source = source
    self.advertisement = advertisement
    self.stageTwo = stageTwo
    self.msixEntry = msixEntry
    self.eventIDOwner = eventIDOwner
    self.delivery = delivery
    self.iommu = iommu
    self.virtualITS = virtualITS
    self.route = route
    self.addressOverride = addressOverride
  }
}
