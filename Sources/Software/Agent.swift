/// Who acts: the parties that each hold a part of the truth about an MSI.
public enum Agent: String, Sendable, CaseIterable {
  case device
  case guest
  case vmm
  case host
  case kvm
  case smmu
  case its

  /// The name in journeys and tables.
  public var title: String {
    switch self {
    case .device: "device"
    case .guest: "guest kernel"
    case .vmm: "VMM"
    case .host: "host kernel"
    case .kvm: "KVM"
    case .smmu: "SMMU"
    case .its: "ITS"
    }
  }
}
