public import Bits
internal import GLibSupport
internal import Linux
public import Software

/// iommufd's IOAS: a user's mappings, the ranges that its devices reserve and those that the user
/// wants kept open (drivers/iommu/iommufd/io_pagetable.c).
public final class IOAddressSpace {
  /// IOVAs that the attached devices' IOMMUs can address.
  private let aperture: ClosedRange<UInt64>
  private let pageSize: UInt64
  private let agent: Agent
  private let areas = RangeMap<PA>()
  private var allowed: [ClosedRange<UInt64>] = []
  private var reserved: [(range: ClosedRange<UInt64>, owner: String)] = []
  /// Ranges that a guest's hardware queue reads: their mappings stay.
  private var locked: [ClosedRange<UInt64>] = []
  /// Whether every mapping is of single pages.
  public private(set) var pagesOnly = false
  /// The domains that mirror the mappings.
  var domains: [IOMMUDomain] = []

  /// - Parameter agent: owner of the kernel.
  public init(
    aperture: ClosedRange<UInt64> = 0...UInt64.max, pageSize: UInt64 = 4096, agent: Agent = .host
  ) {
    self.aperture = aperture
    self.pageSize = pageSize
    self.agent = agent
  }

  /// The bytes that are mapped.
  public var mappedBytes: UInt64 {
    areas.entries.reduce(0) { $0 &+ ($1.range.upperBound - $1.range.lowerBound &+ 1) }
  }

  /// The reserved ranges in order, each with who reserves it.
  public var reservations: [(range: ClosedRange<UInt64>, owner: String)] {
    reserved.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// Ranges that a user may map: `IOMMU_IOAS_IOVA_RANGES`. They shrink when a device is
  /// attached.
  public var usableRanges: [ClosedRange<UInt64>] {
    var ranges: [ClosedRange<UInt64>] = []
    var next: UInt64? = aperture.lowerBound
    for (range, _) in reservations {
      guard let start = next, start <= aperture.upperBound else { break }
      if range.lowerBound > start { ranges.append(start...range.lowerBound - 1) }
      next = range.upperBound == .max ? nil : max(start, range.upperBound + 1)
    }
    if let start = next, start <= aperture.upperBound { ranges.append(start...aperture.upperBound) }
    return ranges
  }

  // MARK: Mapping

  /// Maps a range, at an address of the user's or of the kernel's choice (`IOMMU_IOAS_MAP`).
  ///
  /// - Returns: the IOVA.
  @discardableResult
  public func map(
    at fixed: IOVA? = nil, length: UInt64, to output: PA
  ) throws(Refusal) -> IOVA {
    guard length > 0, length % pageSize == 0, output.rawValue % pageSize == 0 else {
      throw refusal(
        "iopt_map_user_pages", "EINVAL", "length and address must be multiples of a page")
    }
    let start: UInt64
    if let fixed {
      try check(fixed.rawValue, length)
      start = fixed.rawValue
    } else {
      start = try place(for: length)
    }
    let range = start...start + (length - 1)
    areas.insert(range, output)
    for domain in domains { domain.map(range, to: output, .buffer, by: "iopt_map_pages") }
    return IOVA(start)
  }

  /// `iopt_check_iova`.
  private func check(_ start: UInt64, _ length: UInt64) throws(Refusal) {
    let function = "iopt_check_iova"
    guard start % pageSize == 0 else { throw refusal(function, "EINVAL", "the IOVA is misaligned") }
    let end = start.addingReportingOverflow(length - 1)
    guard !end.overflow else { throw refusal(function, "EOVERFLOW", "the range passes the end") }
    let range = start...end.partialValue
    if let hole = reserved.first(where: { $0.range.overlaps(range) }) {
      throw refusal(function, "EINVAL", "the range lies in the region that \(hole.owner) reserves")
    }
    guard range.lowerBound >= aperture.lowerBound, range.upperBound <= aperture.upperBound else {
      throw refusal(function, "EINVAL", "the range lies outside what the devices can address")
    }
    if areas.firstEntry(intersecting: range) != nil {
      throw refusal(function, "EEXIST", "the range is mapped already")
    }
  }

  /// The lowest free place, aligned to the lowest set bit of the length (`iopt_alloc_iova`).
  private func place(for length: UInt64) throws(Refusal) -> UInt64 {
    let alignment = max(pageSize, length & (~length &+ 1))
    let candidates =
      allowed.isEmpty ? usableRanges : allowed.sorted { $0.lowerBound < $1.lowerBound }
    for candidate in candidates {
      var start = Self.alignedUp(max(candidate.lowerBound, pageSize), to: alignment)
      while let first = start {
        let end = first.addingReportingOverflow(length - 1)
        guard !end.overflow, end.partialValue <= candidate.upperBound else { break }
        let range = first...end.partialValue
        let obstacle =
          reserved.filter { $0.range.overlaps(range) }.map(\.range.upperBound).max()
          ?? areas.firstEntry(intersecting: range)?.range.upperBound
        guard let obstacle else { return first }
        start = obstacle == .max ? nil : Self.alignedUp(obstacle + 1, to: alignment)
      }
    }
    throw refusal("iopt_alloc_iova", "ENOSPC", "no free range is long enough")
  }

  private static func alignedUp(_ value: UInt64, to alignment: UInt64) -> UInt64? {
    let sum = value.addingReportingOverflow(alignment - 1)
    return sum.overflow ? nil : sum.partialValue & ~(alignment - 1)
  }

  /// Unmaps whole areas within a range; how many bytes went (`IOMMU_IOAS_UNMAP`).
  @discardableResult
  public func unmap(_ range: ClosedRange<UInt64>) throws(Refusal) -> UInt64 {
    let found = areas.entries(intersecting: range)
    let isEverything = range == 0...UInt64.max
    guard isEverything || !found.isEmpty else {
      throw refusal("iopt_unmap_iova_range", "ENOENT", "nothing is mapped there")
    }
    for area in found
    where area.range.lowerBound < range.lowerBound || area.range.upperBound > range.upperBound {
      throw refusal("iopt_unmap_iova_range", "ENOENT", "an area is not wholly in the range")
    }
    if found.contains(where: { area in locked.contains { $0.overlaps(area.range) } }) {
      throw refusal("iopt_unmap_iova_range", "EBUSY", "a hardware queue reads the area")
    }
    for area in found {
      areas.remove(from: area.range.lowerBound)
      for domain in domains { domain.unmap(area.range) }
    }
    return found.reduce(0) { $0 &+ ($1.range.upperBound - $1.range.lowerBound &+ 1) }
  }

  /// `IOMMU_OPTION_HUGE_PAGES` 0, and what VFIO_TYPE1_IOMMU of iommufd's compatibility always has
  /// (`iopt_disable_large_pages`).
  public func disableLargePages() throws(Refusal) {
    guard domains.isEmpty || areas.count == 0 else {
      throw refusal("iopt_disable_large_pages", "EINVAL", "a domain has mappings already")
    }
    pagesOnly = true
  }

  // MARK: Locks

  /// Pins a range for a hardware queue (`iopt_pin_pages` with `num_locks`).
  func lock(_ range: ClosedRange<UInt64>) throws(Refusal) {
    var next = range.lowerBound
    for area in areas.entries(intersecting: range) where area.range.lowerBound <= next {
      guard area.range.upperBound < range.upperBound else { return locked.append(range) }
      next = area.range.upperBound + 1
    }
    throw refusal("iommufd_hw_queue_alloc_phys", "ENOENT", "the range is not mapped")
  }

  func unlock(_ range: ClosedRange<UInt64>) {
    locked.firstIndex(of: range).map { _ = locked.remove(at: $0) }
  }

  // MARK: Ranges

  /// Ranges that the user wants kept open (`IOMMU_IOAS_ALLOW_IOVAS`).
  public func allow(_ ranges: [ClosedRange<UInt64>]) throws(Refusal) {
    for range in ranges where reserved.contains(where: { $0.range.overlaps(range) }) {
      throw refusal("iopt_set_allow_iova", "EADDRINUSE", "the range is reserved")
    }
    allowed = ranges
  }

  /// Takes a range out of use for a device (`iopt_reserve_iova`).
  public func reserve(_ range: ClosedRange<UInt64>, for owner: String) throws(Refusal) {
    if let area = areas.firstEntry(intersecting: range)?.range {
      throw refusal(
        "iopt_reserve_iova", "EADDRINUSE",
        "what is mapped at \(hex(area.lowerBound))..\(hex(area.upperBound)) lies over the reserved "
          + "region \(hex(range.lowerBound))..\(hex(range.upperBound))")
    }
    if allowed.contains(where: { $0.overlaps(range) }) {
      throw refusal("iopt_reserve_iova", "EADDRINUSE", "the user wants the range kept open")
    }
    reserved.append((range, owner))
  }

  /// Ends a device's reservations.
  public func removeReservations(of owner: String) { reserved.removeAll { $0.owner == owner } }

  /// A device's regions, reserved as iommufd does it; the start of its software window
  /// (`iopt_table_enforce_dev_resv_regions`).
  func enforce(
    _ regions: [ReservedRegion], of device: String, by agent: Agent
  ) throws(Refusal) -> IOVA? {
    var start: IOVA?
    var softwareWindows = 0
    var hardwareDoorbells = 0
    for region in regions where region.kind != .directRelaxable {
      switch region.kind {
      case .softwareMSI:
        start = region.base
        softwareWindows += 1
      case .hardwareMSI: hardwareDoorbells += 1
      default: break
      }
      do { try reserve(region.addresses, for: device) } catch {
        removeReservations(of: device)
        throw Refusal(
          by: agent, in: error.function, errno: error.errno,
          message: "\(error.message) (\(region.kind.constant)) of \(device)")
      }
    }
    guard softwareWindows <= 1, softwareWindows == 0 || hardwareDoorbells == 0 else {
      removeReservations(of: device)
      throw Refusal(
        by: agent, in: "iopt_table_enforce_dev_resv_regions", errno: "EINVAL",
        message: "WARN: \(device) has both a software MSI window and a hardware doorbell, or two "
          + "windows")
    }
    return start
  }

  /// Lets a domain mirror the mappings (`iopt_table_add_domain`).
  func add(_ domain: IOMMUDomain) {
    guard !domains.contains(where: { $0 === domain }) else { return }
    domains.append(domain)
    for area in areas.entries {
      domain.map(area.range, to: area.value, .buffer, by: "iopt_fill_domain")
    }
  }

  private func refusal(_ function: String, _ errno: String, _ message: String) -> Refusal {
    Refusal(by: agent, in: function, errno: errno, message: message)
  }
}
