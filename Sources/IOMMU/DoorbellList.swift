internal import Bits
internal import Linux
public import Software

/// The doorbell pages of one open iommufd file, in the order of their first use
/// (drivers/iommu/iommufd/driver.c `iommufd_sw_msi`).
public final class DoorbellList {
  private let pageShift: UInt64
  private let agent: Agent
  private let isBounded: Bool
  /// One window for each start that a device's reserved regions name.
  private var windows: [(start: IOVA, window: SoftwareMSIWindow)] = []

  /// - Parameters:
  ///   - pageShift: log2 of the kernel's page size.
  ///   - agent: owner of the kernel.
  ///   - isBounded: whether pages stay inside the window (`sw-msi-bounded`).
  public init(pageShift: UInt64, agent: Agent = .host, isBounded: Bool = false) {
    self.pageShift = pageShift
    self.isBounded = isBounded
    self.agent = agent
  }

  /// The message address for a doorbell, whose page goes into the group's domain.
  ///
  /// - Throws: `Refusal` with `EOVERFLOW` for the 65th page of the file, and with `EEXIST` where the
  ///   domain maps something else there.
  func prepare(_ doorbell: PA, in group: IOMMUGroup) throws(Refusal) -> IOVA {
    guard let start = group.softwareMSIStart else { return IOVA(doorbell.rawValue) }
    let page = doorbell.alignedDown(toBit: pageShift)
    let iova = try place(of: page, from: start, group)
    if !group.requiredDoorbells.contains(page) { group.requiredDoorbells.append(page) }
    try install(page, at: iova, in: group.domain.paging)
    return iova + doorbell.offset(belowBit: pageShift)
  }

  /// Puts every page that a group's devices use into a domain before the group moves there
  /// (`iommufd_group_setup_msi`).
  func installRequired(of group: IOMMUGroup, in domain: IOMMUDomain) throws(Refusal) {
    guard let start = group.softwareMSIStart else { return }
    for page in group.requiredDoorbells {
      try install(page, at: try place(of: page, from: start, group), in: domain)
    }
  }

  private func place(
    of page: PA, from start: IOVA, _ group: IOMMUGroup
  ) throws(Refusal) -> IOVA {
    let index = windows.firstIndex { $0.start == start } ?? windows.endIndex
    if index == windows.endIndex {
      windows.append(
        (
          start,
          SoftwareMSIWindow(
            pageShift: pageShift, start: start, length: group.softwareMSILength, agent: agent,
            isBounded: isBounded)
        ))
    }
    return try windows[index].window.page(of: page).iova
  }

  /// Maps a page once in a domain (`iommufd_sw_msi_install`); a mapping that is there already is not
  /// replaced (io-pgtable-arm.c `arm_lpae_init_pte`).
  private func install(
    _ page: PA, at iova: IOVA, in domain: IOMMUDomain
  ) throws(Refusal) {
    guard domain.doorbellIOVA(of: page) == nil else { return }
    let isNew = domain.map(
      iova.rawValue...iova.rawValue + lowBits(pageShift), to: page, [.read, .write, .mmio],
      by: "iommufd_sw_msi_install")
    guard isNew else {
      throw Refusal(
        by: agent, in: "iommufd_sw_msi", errno: "EEXIST", message: "the range is mapped already")
    }
    domain.remember(page, at: iova)
  }
}
