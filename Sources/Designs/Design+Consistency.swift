internal import HostKernel
internal import VMM

extension Design {
  /// Conflict between the design's choices; `nil` if they are consistent.
  public var inconsistency: String? {
    messageInconsistency ?? guestInconsistency ?? controllerInconsistency
  }

  /// Conflict between the writer of the entry, the owner of its EventID and the mappings of stage
  /// 2, which depend on each other.
  private var messageInconsistency: String? {
    switch (msixEntry, stageTwo, eventIDOwner) {
    case (.replaced, .guestDoorbell, _), (.replaced, .guestDoorbellPerITS, _):
      "msix 'trapped-replaced' writes an address of the software window, which stage 2 "
        + "'\(stageTwo.rawValue)' does not map"
    case (.forwarded, .softwareWindow, _) where !isWindowAtDoorbell:
      "msix 'trapped-forwarded' writes the guest's address, which ends at the guest doorbell; "
        + "stage 2 'software-window' does not map that"
    case (.forwarded, .movedWindow, _) where addressOverride != .vfio,
      (.forwarded, .softwareWindow, _) where addressOverride != .vfio:
      "override 'msi-domain' takes the guest's address for the kernel's own, so that the kernel "
        + "puts no page into its window"
    case (.untrapped, .softwareWindow, _), (.untrapped, .movedWindow, _):
      "msix 'untrapped' leaves the guest's address in the device, which ends at the guest "
        + "doorbell; stage 2 '\(stageTwo.rawValue)' does not map that"
    case (.untrapped, _, .host):
      "msix 'untrapped' leaves the guest's EventID in the device, so eventID must be 'guest'"
    case (.replaced, _, .guest), (.forwarded, _, .guest):
      "a trapped MSI-X entry gets the host's EventID, so eventID must be 'host'"
    case (.replaced, _, _) where addressOverride != .msiDomain,
      (.untrapped, _, _) where addressOverride != .msiDomain:
      "override 'vfio' says where a forwarded address is taken in; msix "
        + "'\(msixEntry.rawValue)' forwards none"
    default: nil
    }
  }

  /// Whether the guest's doorbell is a page of the host's window.
  private var isWindowAtDoorbell: Bool { virtualITS == .atWindow }

  /// Conflict between the guest's vIOMMU, the reserved ranges that it is told of, and the VMM's
  /// routes and virtual ITS.
  private var guestInconsistency: String? {
    if iommu == .none, advertisement != .nothing {
      return "a reserved range names the streams of an SMMU; with iommu 'none' the guest has none"
    }
    if iommu == .none, route == .walk {
      return "route 'stage1-walk' walks the guest's stage 1; with iommu 'none' there is none"
    }
    if msixEntry == .untrapped, route != .machineDoorbell {
      return "msix 'untrapped' never asks the VMM for a route, so route must be "
        + "'machine-doorbell'"
    }
    if virtualITS == .atWindow, stageTwo == .movedWindow {
      return "vits 'at-window' puts the doorbell on the window; stage 2 'moved-window' would move "
        + "the window to where it is"
    }
    return nil
  }

  /// Conflict with a guest that has no ITS.
  private var controllerInconsistency: String? {
    guard controller == .gicv2m else { return nil }
    if msixEntry == .untrapped {
      return "msix 'untrapped' has the commands of the guest's ITS drive the physical one; with "
        + "controller 'gicv2m' the guest has no ITS"
    }
    if virtualITS != .besideWindow {
      return "vits 'at-window' places a virtual ITS; with controller 'gicv2m' there is none"
    }
    if route != .machineDoorbell {
      return "with controller 'gicv2m' the VMM names the SPI itself and KVM has no route, so route "
        + "must be 'machine-doorbell'"
    }
    if delivery.virtualLPIs != nil {
      return "delivery '\(delivery.rawValue)' makes virtual LPIs; the interrupts of controller "
        + "'gicv2m' are SPIs"
    }
    return nil
  }

  /// Conflict between the design and this host's MSI controller; `nil` if there is none.
  public func inconsistency(with host: HostMSIController) -> String? {
    guard host != .its else { return nil }
    if delivery.virtualLPIs != nil {
      return
        "delivery '\(delivery.rawValue)' needs an ITS that makes virtual LPIs; the host's MSIs "
        + "go to a GICv2m frame"
    }
    return eventIDOwner == .guest
      ? "eventID 'guest' has the guest's commands drive the physical ITT; the host's MSIs go to a "
        + "GICv2m frame" : nil
  }
}
