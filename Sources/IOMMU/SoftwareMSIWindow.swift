public import Bits
public import Software

/// iommufd's software MSI window: which doorbell page stands at which IOVA
/// (`iommufd_sw_msi_get_map`, drivers/iommu/iommufd/driver.c).
///
/// One list per open file, in order of first use; 64 pages at most, and nothing checks that they
/// stay inside the 1 MiB that the SMMU driver reports. With `sw-msi-bounded` the list grows, and
/// every page stays inside.
public struct SoftwareMSIWindow: Sendable {
  /// `MSI_IOVA_BASE` of the SMMU drivers.
  public static let base: IOVA = 0x800_0000
  /// `MSI_IOVA_LENGTH`.
  public static let length: UInt64 = 0x10_0000
  /// The window of every release of Linux.
  public static let linux = AddressRange(from: base.rawValue, length: length)
  /// The bits of the kernel's bitmap of pages.
  static let capacity = 64

  private let pageShift: UInt64
  private let agent: Agent
  /// Start of the window, and its length in bytes.
  private let start: IOVA
  private let length: UInt64
  /// Whether its length bounds the pages, and not their number.
  private let isBounded: Bool
  private var pages: [PA] = []

  /// - Parameters:
  ///   - start: start of the window by the device's reserved regions.
  ///   - length: its length there.
  ///   - agent: owner of the kernel.
  ///   - isBounded: whether its length bounds the pages (`sw-msi-bounded`).
  public init(
    pageShift: UInt64, start: IOVA = Self.base, length: UInt64 = Self.length,
    agent: Agent = .host, isBounded: Bool = false
  ) {
    self.length = length
    self.pageShift = pageShift
    self.agent = agent
    self.start = start
    self.isBounded = isBounded
  }

  /// The IOVA of a doorbell's page, and whether this is its first use.
  ///
  /// - Throws: `Refusal` with `EOVERFLOW` for the 65th page, or for one beyond a bounded window.
  public mutating func page(of doorbell: PA) throws(Refusal) -> (iova: IOVA, isNew: Bool) {
    let page = doorbell.alignedDown(toBit: pageShift)
    let known = pages.firstIndex(of: page)
    let index = known ?? pages.count
    let room = isBounded ? Int(clamping: length >> pageShift) : Self.capacity
    guard index < room else {
      // The errno of a window that is full is assumed: the posted patches name none here.
      throw Refusal(
        by: agent, in: "iommufd_sw_msi_get_map", errno: "EOVERFLOW",
        message: isBounded
          ? "no room for \(index + 1) doorbell pages in the software MSI window"
          : "more than \(room) doorbell pages in one iommufd context")
    }
    if known == nil { pages.append(page) }
    return (start + UInt64(index) << pageShift, known == nil)
  }
}
