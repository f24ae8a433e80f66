internal import Bits
internal import Linux
internal import Software

// A guest that is a hypervisor itself: its VMM hands the device on to an L2 guest.
extension GuestKernel {
  /// Where the L2 guest has its RAM, and how much; the guest keeps it this far into its own.
  private static let nestedRAM: IOVA = 0x4000_0000
  private static let nestedRAMSize: UInt64 = 64 << 20
  private static let nestedRAMOffset: UInt64 = 0x1000_0000

  /// Maps the L2 guest's RAM in VFIO's domain: the L2 guest's addresses are the device's IOVAs. Its
  /// writes of the MSI-X table trap to the guest's own VMM, which has the guest's kernel enable the
  /// vectors as for any user of VFIO.
  mutating func startNestedGuest(_ device: Int) throws(Refusal) -> [Step<Never>] {
    // Without an ITS no user is attached.
    guard let its, let user = devices[device].user else { return [] }
    // The kernel's own frames stand 704 KiB into RAM.
    let ram = IPA(its.layout.commandQueue.rawValue).alignedDown(toBit: 24)
    let place = ram + Self.nestedRAMOffset
    try mapForUser(device, Self.nestedRAM, to: place, size: Self.nestedRAMSize)
    let step = try map(
      device, Self.nestedRAM, to: place, size: Self.nestedRAMSize, .buffer,
      function: "\(user.mapping) (L1)")
    return [
      step,
      Step(
        .guest, "kvm_irqfd_assign (L1)",
        "the guest's own KVM injects each vector into the L2 guest; that is not timed", .decide),
    ]
  }

  /// Stage 2 in the guest needs an SMMU with both stages, which an accelerated vSMMU is not
  /// (`arm_smmu_domain_alloc_paging_flags`).
  func allocateNestParent() throws(Refusal) -> [Step<Never>] {
    throw Refusal(
      by: .guest, in: "arm_smmu_domain_alloc_paging_flags", errno: "EOPNOTSUPP",
      message: "IOMMU_HWPT_ALLOC_NEST_PARENT needs an SMMU with both stages; the vSMMU has stage 1 "
        + "only (SMMU_IDR0.S2P is 0)")
  }
}
