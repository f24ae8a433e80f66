package import Designs
import HostKernel
import VMM

/// An interface between guest, VMM and kernels that a choice needs and that no released kernel
/// has.
package struct MissingInterface: Hashable, Sendable {
  package let name: String
  /// Who proposed it where, and what became of it.
  package let source: String

  static let directMSIRegion = Self(
    name: "reserved-region type IOMMU_RESV_MSI_DIRECT",
    source:
      "J. Gunthorpe, iommu list, 21 April 2023; never posted as a patch; IORT has no such flag")

  static let windowStart = Self(
    name: "IOMMU_OPTION_SW_MSI_START",
    source: "N. Chen, part 2 v2, 14 October 2025; not in Linux 6.18.9")

  static let doorbellMapping = Self(
    name: "mapping of the physical ITS page into an IOAS",
    source: "N. Chen, IOMMUFD_CMD_IOAS_MAP_MSI, planned as part 3 of the series of 2025; not posted"
  )

  static let vectorAddress = Self(
    name: "IOVA of each vector's message through VFIO",
    source: "N. Chen, VFIO_IRQ_SET_DATA_MSI_IOVA, RFCv1 8 November 2024, RFCv2 10 January 2025")

  static let tableMirror = Self(
    name: "physical ITT driven by the virtual ITS",
    source: "R. Murphy, iommu list, 25 and 26 April 2023; nothing posted")
}

extension Design {
  /// What the design's choices need and no released kernel has, each once, by axis.
  package var missingInterfaces: [MissingInterface] {
    var found: [MissingInterface] = []
    for axis in DesignAxis.all {
      if let interface = axis.choice(of: self).missingInterface, !found.contains(interface) {
        found.append(interface)
      }
    }
    return found
  }
}
