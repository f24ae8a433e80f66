public import Bits
internal import GLibSupport
internal import Linux
public import Software

/// VFIO's type 1 container (drivers/vfio/vfio_iommu_type1.c): one set of mappings for the groups
/// of one user.
public final class Type1Container {
  private let agent: Agent
  private let name: String
  private let allowsUnsafeInterrupts: Bool
  /// The user's mappings.
  private let mappings = RangeMap<PA>()
  /// Ranges that the attached groups reserve: the user may not map them.
  public private(set) var reserved: [ReservedRegion] = []
  public private(set) var domains: [IOMMUDomain] = []

  /// - Parameter agent: owner of the kernel.
  public init(
    by agent: Agent = .host, name: String = "vfio", allowsUnsafeInterrupts: Bool = false
  ) {
    self.agent = agent
    self.name = name
    self.allowsUnsafeInterrupts = allowsUnsafeInterrupts
  }

  /// Takes a group from the DMA API (`VFIO_GROUP_SET_CONTAINER`, `vfio_container_attach_group`).
  public func claim(_ group: IOMMUGroup) throws(Refusal) { try group.claim(for: name) }

  /// Attaches a group (`VFIO_SET_IOMMU`, `vfio_iommu_type1_attach_group`), which is claimed first
  /// where it is not: the order of the steps decides what a refused group went through.
  public func attach(_ group: IOMMUGroup) throws(Refusal) {
    if group.owner != name { try claim(group) }
    let domain = IOMMUDomain(
      .unmanaged, name: "VFIO's", granule: group.defaultDomain.granule)
    do throws(Refusal) {
      try group.attach(domain)
      try admit(group)
    } catch {
      try group.release()
      throw error
    }
    replay(into: domain)
    // Only a new domain gets a cookie, and only after the replay; a doorbell that the hardware
    // does not translate takes precedence (`vfio_iommu_has_sw_msi`).
    let kinds = group.regions.map(\.kind)
    if !kinds.contains(.hardwareMSI),
      let window = group.regions.first(where: { $0.kind == .softwareMSI })
    {
      domain.startWindow(at: window.base)
    }
    domains.append(domain)
  }

  /// Checks a group after it was attached already: its regions against the mappings, and its MSI
  /// isolation.
  private func admit(_ group: IOMMUGroup) throws(Refusal) {
    let regions = group.regions.filter { $0.kind != .directRelaxable }
    for region in regions where region.kind != .softwareMSI {
      if mappings.firstEntry(intersecting: region.addresses) != nil {
        throw Refusal(
          by: group.agent, in: "vfio_iommu_resv_conflict", errno: "EINVAL",
          message: "a mapping of the container lies in [\(region.sysfsLine)]")
      }
    }
    guard allowsUnsafeInterrupts || group.devices.allSatisfy(\.hasIsolatedMSI) else {
      throw Refusal(
        by: group.agent, in: "vfio_iommu_type1_attach_group", errno: "EPERM",
        message: "No interrupt remapping support.  Use the module param "
          + "\"allow_unsafe_interrupts\" to enable VFIO IOMMU support on this platform")
    }
    reserved = regions.reduce(reserved) { $0.inserting($1) }
  }

  private func replay(into domain: IOMMUDomain) {
    for entry in mappings.entries {
      domain.map(entry.range, to: entry.value, .buffer, by: "vfio_iommu_replay")
    }
  }

  /// Maps a range for all domains (`vfio_dma_do_map`).
  public func map(_ range: ClosedRange<UInt64>, to output: PA) throws(Refusal) {
    if let hole = reserved.first(where: { $0.addresses.overlaps(range) }) {
      throw Refusal(
        by: agent, in: "vfio_iommu_iova_dma_valid", errno: "EINVAL",
        message: "the range lies in [\(hole.sysfsLine)]")
    }
    guard mappings.insert(range, output) else {
      throw Refusal(
        by: agent, in: "vfio_dma_do_map", errno: "EEXIST", message: "the range is mapped already")
    }
    for domain in domains { domain.map(range, to: output, .buffer, by: "vfio_dma_do_map") }
  }

  /// Unmaps the mappings that lie in a range (`vfio_dma_do_unmap`).
  ///
  /// - Throws: `Refusal` with `EINVAL` where one lies only partly in it.
  public func unmap(_ range: ClosedRange<UInt64>) throws(Refusal) {
    let found = mappings.entries(intersecting: range)
    let isWhole = found.allSatisfy {
      $0.range.lowerBound >= range.lowerBound && $0.range.upperBound <= range.upperBound
    }
    guard isWhole else {
      throw Refusal(
        by: agent, in: "vfio_dma_do_unmap", errno: "EINVAL",
        message: "a mapping is not wholly in the range")
    }
    for entry in found {
      mappings.remove(from: entry.range.lowerBound)
      for domain in domains { domain.unmap(entry.range) }
    }
  }
}
