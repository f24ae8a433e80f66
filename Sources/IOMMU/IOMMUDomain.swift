public import Bits
internal import GLibSupport
public import Linux
public import Software

/// Domain that devices are attached to (`struct iommu_domain`): mappings of IOVAs.
///
/// It keeps the mappings, and, where the SMMU's driver gave it one, the table whose descriptors
/// follow them.
public final class IOMMUDomain {
  public enum Kind: String, Sendable {
    /// Every access is aborted.
    case blocked
    /// Every access passes untranslated.
    case identity
    /// The DMA API's, with its own allocator of IOVAs.
    case dma
    /// A user's or a kernel driver's own tables.
    case unmanaged
  }

  /// Cookie by which a doorbell gets into the domain (`enum iommu_domain_cookie_type`).
  public enum Cookie: Equatable, Sendable {
    case none
    /// The DMA API allocates an IOVA.
    case dma
    /// VFIO's window: pages upwards from a base (`iommu_get_msi_cookie`).
    case msi(base: IOVA)
    /// iommufd maps by its own list.
    case iommufd
  }

  public struct Mapping: Equatable, Sendable {
    public let output: PA
    public let attributes: MappingAttributes
    /// Function that made the mapping, by its own name.
    public let function: String
  }

  public let name: String
  public let kind: Kind
  /// The domain of the stage 2 that a user's stage 1 stands on; `nil` for one that is not nested.
  private let parent: IOMMUDomain?
  public var cookie: Cookie
  /// The bytes of a page.
  public let granule: UInt64
  private let mappings = RangeMap<Mapping>()
  /// The doorbell pages that the domain's cookie mapped, in order.
  public private(set) var doorbells: [(page: PA, iova: IOVA)] = []
  /// The ranges whose doorbells the hardware does not translate.
  private var identityDoorbells: [ClosedRange<UInt64>] = []
  /// Allocator of the DMA API's IOVAs; `nil` for other kinds.
  public var allocator: IOVAAllocator?
  /// The next page of an MSI cookie.
  private var nextPage: IOVA?
  /// The descriptors (`arm_smmu_domain.pgtbl_ops`); `nil` for a domain that keeps none.
  public private(set) var table: PageTable?
  /// The mappings whose descriptors are still to be written, in order.
  private var unwritten: [ClosedRange<UInt64>] = []

  /// - Parameter granule: the bytes of a page, a power of two.
  public convenience init(
    _ kind: Kind, name: String? = nil, cookie: Cookie = .none, granule: UInt64 = 4096
  ) {
    self.init(kind, name: name, cookie: cookie, granule: granule, parent: nil)
  }

  /// A user's stage 1 over a nest parent (`IOMMU_DOMAIN_NESTED`).
  convenience init(over parent: IOMMUDomain) {
    self.init(
      .unmanaged, name: parent.name, cookie: .none, granule: parent.granule, parent: parent)
  }

  private init(
    _ kind: Kind, name: String?, cookie: Cookie, granule: UInt64, parent: IOMMUDomain?
  ) {
    self.parent = parent
    self.kind = kind
    self.name = name ?? kind.rawValue
    self.cookie = cookie
    self.granule = granule
    if case .msi(let base) = cookie { startWindow(at: base) }
  }

  /// The domain whose mappings the kernel keeps: the parent of a nested one (`find_hwpt_paging`).
  public var paging: IOMMUDomain { parent ?? self }

  /// The mapped ranges in order.
  public var ranges: [(range: ClosedRange<UInt64>, mapping: Mapping)] {
    paging.mappings.entries.map { ($0.range, $0.value) }
  }

  /// Returns the output address of an access; `nil` if the domain aborts it.
  public func translate(_ address: IOVA, isWrite: Bool = true) -> PA? {
    switch kind {
    case .blocked: return nil
    case .identity: return PA(address.rawValue)
    case .dma, .unmanaged:
      guard let entry = paging.mappings.entry(at: address.rawValue),
        entry.value.attributes.contains(isWrite ? .write : .read)
      else { return nil }
      return entry.value.output + (address.rawValue - entry.range.lowerBound)
    }
  }

  /// Whether every page of a range is mapped one to one, or passes.
  public func mapsDirectly(_ range: ClosedRange<UInt64>) -> Bool {
    if kind == .identity { return true }
    var next = range.lowerBound & ~(granule - 1)
    while let entry = mappings.entry(at: next), entry.value.attributes.contains(.write),
      entry.value.output.rawValue == entry.range.lowerBound
    {
      if entry.range.upperBound >= range.upperBound { return true }
      next = entry.range.upperBound + 1
    }
    return false
  }

  /// The first address of a range that is mapped; `nil` where none is.
  func firstMapped(in range: ClosedRange<UInt64>) -> UInt64? {
    mappings.firstEntry(intersecting: range).map { max($0.range.lowerBound, range.lowerBound) }
  }

  /// Maps a range; `false`, and nothing changes, when a part of it is mapped already.
  @discardableResult
  public func map(
    _ range: ClosedRange<UInt64>, to output: PA, _ attributes: MappingAttributes,
    by function: String
  ) -> Bool {
    let isNew = mappings.insert(
      range, Mapping(output: output, attributes: attributes, function: function))
    if isNew, table != nil { unwritten.append(range) }
    return isNew
  }

  // MARK: Descriptors

  /// Descriptors of one mapping.
  public struct WrittenMapping {
    public let range: ClosedRange<UInt64>
    public let mapping: Mapping
    public let writes: [MemoryWrite]
  }

  /// Gives the domain an empty table, which is to get every mapping there is.
  public func keepTable(_ table: PageTable) {
    self.table = table
    unwritten = mappings.entries.map(\.range)
  }

  /// Puts the mappings into the table that it does not have yet.
  ///
  /// - Parameter pagesOnly: whether every mapping is of single pages.
  /// - Returns: the words that are to be written, mapping by mapping in the order in which they were
  ///   made; nothing for a domain without a table.
  /// - Throws: `PageTable.Failure`; mappings behind the one that failed stay to be written.
  public func writeMappings(
    pagesOnly: Bool = false, frames: inout some FrameAllocator
  ) throws(PageTable.Failure) -> [WrittenMapping] {
    var written: [WrittenMapping] = []
    while let range = unwritten.first {
      unwritten.removeFirst()
      guard let mapping = mappings.entry(at: range.lowerBound)?.value,
        let writes = try table?.map(
          range.lowerBound, to: mapping.output.rawValue,
          size: range.upperBound - range.lowerBound &+ 1, mapping.attributes, pagesOnly: pagesOnly,
          frames: &frames)
      else { continue }
      written.append(WrittenMapping(range: range, mapping: mapping, writes: writes))
    }
    return written
  }

  /// Removes the mappings that lie in a range; how many bytes went.
  @discardableResult
  public func unmap(_ range: ClosedRange<UInt64>) -> UInt64 {
    var bytes: UInt64 = 0
    for entry in mappings.entries(intersecting: range) {
      mappings.remove(from: entry.range.lowerBound)
      unwritten.removeAll { $0 == entry.range }
      bytes &+= entry.range.upperBound - entry.range.lowerBound &+ 1
    }
    return bytes
  }

  /// The range that holds an address, and what it is mapped to; `nil` where nothing is mapped.
  public func mapping(at address: IOVA) -> (range: ClosedRange<UInt64>, mapping: Mapping)? {
    mappings.entry(at: address.rawValue).map { ($0.range, $0.value) }
  }

  /// Returns the IOVA of a doorbell's page in the domain; `nil` before its first use.
  public func doorbellIOVA(of page: PA) -> IOVA? {
    if let known = doorbells.first(where: { $0.page == page }) { return known.iova }
    return identityDoorbells.contains { $0.contains(page.rawValue) } ? IOVA(page.rawValue) : nil
  }

  /// Takes a doorbell's page as mapped there.
  public func remember(_ page: PA, at iova: IOVA) { doorbells.append((page, iova)) }

  /// Takes the doorbells in a range as reached untranslated.
  func rememberIdentity(_ range: ClosedRange<UInt64>) { identityDoorbells.append(range) }

  /// An IOVA for a buffer of the DMA API; `nil` when none is free, or for another kind of domain.
  public func allocate(size: UInt64) -> IOVA? { allocator?.allocate(size: size) }

  /// Gives the domain a window for doorbells (`iommu_get_msi_cookie`).
  func startWindow(at base: IOVA) {
    cookie = .msi(base: base)
    nextPage = base
  }

  /// The next page of the cookie's window; nothing bounds it.
  func takePage() -> IOVA? {
    guard let page = nextPage else { return nil }
    nextPage = page + granule
    return page
  }
}
