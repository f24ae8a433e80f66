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
  public var name: String
  /// Reference that selects it on the command line: its name, or the path of its file.
  public var reference: String
  /// Title of the design, in one sentence.
  public var title: String
  /// Proposal or implementation of the design, and its date or release.
  public var source: String
  public var advertisement: Advertisement
  public var stageTwo: StageTwo
  public var msixEntry: MSIXEntry
  public var eventIDOwner: EventIDOwner
  public var delivery: Delivery
  /// Whether the guest has an SMMU in front of the device.
  public var iommu: VirtualIOMMU
  /// Controller of the guest's MSIs.
  public var controller: GuestMSIController
  /// Placement of the virtual ITS's doorbell page by the VMM.
  public var virtualITS: VirtualITSPlacement
  /// Which address the VMM gives KVM.
  public var route: RouteAddress
  /// Layer of the host's kernel that takes in a forwarded address.
  public var addressOverride: AddressOverride

  public init(
    name: String, title: String, source: String, advertisement: Advertisement, stageTwo: StageTwo,
    msixEntry: MSIXEntry, eventIDOwner: EventIDOwner, delivery: Delivery,
    iommu: VirtualIOMMU = .nested, controller: GuestMSIController = .its,
    virtualITS: VirtualITSPlacement = .besideWindow,
    route: RouteAddress = .machineDoorbell, addressOverride: AddressOverride = .msiDomain
  ) {
    self.name = name
    reference = name
    self.title = title
    self.source = source
    self.advertisement = advertisement
    self.stageTwo = stageTwo
    self.msixEntry = msixEntry
    self.eventIDOwner = eventIDOwner
    self.delivery = delivery
    self.iommu = iommu
    self.controller = controller
    self.virtualITS = virtualITS
    self.route = route
    self.addressOverride = addressOverride
  }
}
