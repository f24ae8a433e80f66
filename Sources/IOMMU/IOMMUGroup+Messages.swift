public import Bits
internal import Linux
public import Software

// iommu_dma_prepare_msi (drivers/iommu/iommu.c) and iommu_dma_get_msi_page (dma-iommu.c).
extension IOMMUGroup {
  /// The address that the irqdomain puts into a message for the doorbell, which is mapped as the
  /// group's domain demands.
  ///
  /// - Parameter window: iommufd's list, where an iommufd user owns the group.
  public func prepareMessage(
    for doorbell: PA, window: DoorbellList? = nil
  ) throws(Refusal) -> IOVA {
    let domain = messageDomain
    let page = PA(doorbell.rawValue & ~(domain.granule - 1))
    let offset = doorbell.rawValue & (domain.granule - 1)
    // Nothing translates, so the message keeps the physical address.
    if domain.kind == .identity { return IOVA(doorbell.rawValue) }
    if let alias = doorbellAlias, domain.kind != .blocked { return alias.base + offset }
    switch domain.cookie {
    case .dma, .msi: return try cookiePage(of: page, in: domain) + offset
    case .iommufd:
      guard let window else { return IOVA(doorbell.rawValue) }
      return try window.prepare(doorbell, in: self)
    case .none:
      // Earlier kernels left the message alone, whatever the domain would do with it.
      guard kernel.has(.softwareMSINative) else { return IOVA(doorbell.rawValue) }
      throw Refusal(
        by: agent, in: "iommu_dma_prepare_msi", errno: "EOPNOTSUPP",
        message: "the domain has no MSI cookie")
    }
  }

  /// The domain that a message's doorbell goes into: iommufd's own way looks through a nested one,
  /// where earlier kernels ask the nested domain itself, which has no cookie.
  public var messageDomain: IOMMUDomain {
    kernel.has(.softwareMSINative) ? domain.paging : domain
  }

  /// The page that the domain's cookie has for a doorbell, made at its first use and kept.
  private func cookiePage(of page: PA, in domain: IOMMUDomain) throws(Refusal) -> IOVA {
    if let known = domain.doorbellIOVA(of: page) { return known }
    let iova: IOVA?
    if case .msi = domain.cookie {
      iova = domain.takePage()
    } else {
      iova = domain.allocator?.allocate(size: domain.granule)
    }
    guard let iova else {
      throw Refusal(
        by: agent, in: "iommu_dma_get_msi_page", errno: "ENOMEM", message: "no IOVA is free")
    }
    let isNew = domain.map(
      iova.rawValue...iova.rawValue + (domain.granule - 1), to: page,
      [.write, .noExecute, .mmio], by: "iommu_dma_get_msi_page")
    guard isNew else {
      throw Refusal(
        by: agent, in: "iommu_dma_get_msi_page", errno: "ENOMEM",
        message: "the domain maps \(iova) already")
    }
    domain.remember(page, at: iova)
    return iova
  }
}
