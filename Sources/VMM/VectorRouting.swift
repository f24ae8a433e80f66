internal import Bits
internal import HostKernel
internal import Software

/// What a VMM asks of KVM for a vector that its guest has connected: the MSI, or the SPI, that the
/// vector's eventfd injects.
struct VectorRouting: Sendable {
  /// The doorbell of the guest's MSI controller: QEMU's `msi-gpa`.
  let doorbell: IPA
  /// Whether the guest's MSIs are SPIs, which need no route.
  let namesSPIs: Bool
  let route: RouteAddress
  let guestID: UInt32

  /// - Parameter walk: where the guest's stage 1 sends an address.
  func step(
    _ vector: Int, address: IOVA, data: UInt32, _ walk: (IOVA) -> IPA?
  ) -> Step<HostCall> {
    namesSPIs ? spiStep(vector, data) : routeStep(vector, target(of: address, walk), data)
  }

  /// The eventfd injects the SPI that the data names, whatever the address (QEMU
  /// hw/intc/arm_gicv2m.c: `kvm_gsi_direct_mapping`, `kvm_arch_msi_data_to_gsi`).
  private func spiStep(_ vector: Int, _ data: UInt32) -> Step<HostCall> {
    let spi = 32 &+ ((data &- 32) & 0xffff)
    return Step(
      .vmm, "kvm_arch_msi_data_to_gsi", "vector \(vector): data \(data) is SPI \(spi); no route",
      .call(.route(vector: vector, InjectionRoute(spi: spi, doorbell: doorbell)))
    ).believing(DoorbellBelief("route for KVM", .ipa(doorbell)))
      .carrying(.route(vector: vector, intid: spi))
  }

  /// Which address KVM is to take for the vITS's, and how it was found.
  private func target(
    of address: IOVA, _ walk: (IOVA) -> IPA?
  ) -> (doorbell: IPA?, how: String) {
    switch route {
    case .machineDoorbell: (doorbell, "the virtual doorbell \(doorbell)")
    case .guestAddress: (IPA(address.rawValue), "the guest's address \(address) as an IPA")
    case .walk:
      walk(address).map { ($0, "the guest's stage 1 sends \(address) to IPA \($0)") }
        ?? (nil, "the guest's stage 1 does not map \(address): no route")
    }
  }

  private func routeStep(
    _ vector: Int, _ target: (doorbell: IPA?, how: String), _ data: UInt32
  ) -> Step<HostCall> {
    let text = "route of vector \(vector): \(target.how), EventID \(data)"
    guard let doorbell = target.doorbell else {
      return Step(.vmm, "kvm_arch_fixup_msi_route", text, .decide)
    }
    return Step(
      .vmm, "kvm_arch_fixup_msi_route", text,
      .call(
        .route(
          vector: vector,
          InjectionRoute(doorbell: doorbell, deviceID: guestID, eventID: data)))
    ).believing(DoorbellBelief("route for KVM", .ipa(doorbell)))
  }
}
