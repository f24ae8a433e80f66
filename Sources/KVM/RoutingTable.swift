public import Software

/// KVM's table of interrupt routes of one VM (virt/kvm/kvm_main.c, KVM_SET_GSI_ROUTING).
public struct RoutingTable: Equatable, Sendable {
  /// `KVM_MAX_IRQ_ROUTES`.
  public static let limit = 4096

  /// The routes that are set.
  public private(set) var count = 0

  public init() {}

  /// Replaces the whole table; a table that is refused leaves the old one.
  ///
  /// - Throws: `Refusal` with `EINVAL` for more routes than KVM has.
  public mutating func set(_ count: Int) throws(Refusal) {
    guard count <= Self.limit else {
      throw Refusal(
        by: .kvm, in: "kvm_vm_ioctl (KVM_SET_GSI_ROUTING)", errno: "EINVAL",
        message: "\(count) routes exceed KVM_MAX_IRQ_ROUTES (\(Self.limit))")
    }
    self.count = count
  }
}
