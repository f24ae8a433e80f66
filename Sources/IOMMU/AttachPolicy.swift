public import Linux
public import Software

/// Check that refuses to attach a device whose firmware asked for a region one to one: Linux's
/// before, those proposed in the thread of April 2023, and the merged one.
public enum AttachPolicy: String, CaseIterable, Sendable {
  /// No device: Arm and AMD before 6.6.
  case none
  /// Intel's driver refuses unmanaged domains (`device_is_rmrr_locked` until 6.5).
  case intelDriverCheck = "intel-driver-check"
  /// `__iommu_attach_device` refuses unmanaged domains (A. Williamson, 20 April 2023).
  case williamson
  /// The same by a flag that is computed at probe (R. Murphy, 21 April 2023).
  case murphy
  /// The core refuses the blocked domain (J. Gunthorpe, 21 April 2023).
  case gunthorpe
  /// Check of 6.6 (commit a48ce36e2786, `__iommu_device_set_domain`).
  case merged
  /// `iommu_group_claim_dma_owner` refuses (Lu Baolu's question of 22 April 2023).
  case claimOwner = "claim-owner"

  /// Creates the policy of a kernel.
  public init(of kernel: Kernel, isIntel: Bool = false) {
    self = kernel.has(.requireDirect) ? .merged : isIntel ? .intelDriverCheck : .none
  }

  /// Check that was proposed or merged, and its place, in one line.
  public var meaning: String {
    switch self {
    case .none: "refuses no device"
    case .intelDriverCheck: "Intel's driver refuses unmanaged domains with EPERM"
    case .williamson: "the core refuses unmanaged domains with EPERM, reading the regions each time"
    case .murphy: "the core refuses unmanaged domains with EPERM, by a flag set at probe"
    case .gunthorpe: "the core refuses the blocked domain with EINVAL"
    case .merged: "as gunthorpe; also a group's own blocking domain (Linux 6.6)"
    case .claimOwner: "the claim of DMA ownership is refused; attaching is not checked"
    }
  }

  /// Returns the refusal to attach a device to a domain; `nil` if it may be attached.
  ///
  /// - Parameter isBlocking: whether the domain is its group's blocking domain, whatever its kind.
  public func refusal(
    by agent: Agent, attaching domain: IOMMUDomain.Kind, isBlocking: Bool,
    requiresDirect: Bool, isIntel: Bool
  ) -> Refusal? {
    guard requiresDirect else { return nil }
    switch self {
    case .none, .claimOwner: return nil
    case .intelDriverCheck:
      return isIntel && domain == .unmanaged
        ? Refusal(
          by: agent, in: "intel_iommu_attach_device", errno: "EPERM",
          message: "Device is ineligible for IOMMU domain attach due to platform RMRR requirement. "
            + " Contact your platform vendor.") : nil
    case .williamson, .murphy:
      return domain == .unmanaged
        ? Refusal(
          by: agent, in: "__iommu_attach_device", errno: "EPERM",
          message: "Device may not be used with an unmanaged IOMMU domain due to reserved direct "
            + "mapping requirement.") : nil
    case .gunthorpe:
      return domain == .blocked ? Self.directRequired(by: agent) : nil
    case .merged:
      return domain == .blocked || isBlocking ? Self.directRequired(by: agent) : nil
    }
  }

  /// Returns the refusal to let a group be claimed; `nil` if it may be claimed.
  public func claimRefusal(by agent: Agent, requiresDirect: Bool) -> Refusal? {
    guard self == .claimOwner, requiresDirect else { return nil }
    return Refusal(
      by: agent, in: "iommu_group_claim_dma_owner", errno: "EINVAL",
      message: "a device of the group requires a direct mapping (the post names no errno)")
  }

  /// The message of `__iommu_device_set_domain`.
  public static func directRequired(by agent: Agent) -> Refusal {
    Refusal(
      by: agent, in: "__iommu_device_set_domain", errno: "EINVAL",
      message: "Firmware has requested this device have a 1:1 IOMMU mapping, rejecting configuring "
        + "the device without a 1:1 mapping. Contact your platform vendor.")
  }
}
