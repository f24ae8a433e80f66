internal import Bits

/// Rules about reserved memory ranges: shape, attributes, whom they hold for, and whether the
/// kernel will heed them.
struct ReservedRangeCheck {
  private let facts: PlatformFacts
  private let window: ClosedRange<UInt64>
  private var list = FindingList()
  var findings: [FirmwareFinding] { list.findings }

  init(facts: PlatformFacts, window: ClosedRange<UInt64>) {
    self.facts = facts
    self.window = window
    used = Self.usedStreams(facts)
    var previous: String?
    for range in facts.reserved {
      check(range)
      // The ranges of a node share its streams.
      if range.place != previous { checkStreams(range) }
      previous = range.place
    }
    checkOverlaps()
    checkBootConfiguration()
    checkHardware()
    if facts.view != .host { checkCoverage() }
  }

  private mutating func add(
    _ severity: FirmwareFinding.Severity, _ rule: String, _ place: String,
    _ text: String, _ consequence: String
  ) {
    list.add(severity, rule, place, text, consequence)
  }

  private func name(_ range: PlatformFacts.ReservedRange) -> String {
    "\(hex(range.base)) + \(hex(range.length))"
  }

  private func covers(_ range: PlatformFacts.ReservedRange) -> Bool {
    guard let last = range.last else { return false }
    return range.base <= window.lowerBound && last >= window.upperBound
  }

  private func touches(_ range: PlatformFacts.ReservedRange) -> Bool {
    guard let last = range.last else { return false }
    return range.base <= window.upperBound && last >= window.lowerBound
  }

  private mutating func check(_ range: PlatformFacts.ReservedRange) {
    guard let last = range.last else {
      add(
        .error, "rmr-length", range.place,
        "\(name(range)) is empty or passes the end of the address space",
        "nothing is mapped, and an MSI that was to pass through the range faults in stage 1.")
      return
    }
    // Asked of RMR nodes alone (`iort_rmr_alloc`).
    if facts.source == .acpi && (range.base & 0xffff != 0 || range.length & 0xffff != 0) {
      add(
        .warning, "rmr-alignment", range.place, "\(name(range)) is not aligned to 64 KiB",
        "Linux says firmware bug and rounds to its own pages: with large ones the mapping covers "
          + "more than was asked for, and an MSI may meet a neighbour of the doorbell.")
    }
    if touches(range) && facts.view != .host { checkWindow(range) }
    for area in facts.areas where area.isMemory && area.length > 0 {
      guard range.base <= area.base &+ (area.length - 1), last >= area.base else { continue }
      add(
        .note, "rmr-in-ram", range.place, "\(name(range)) lies in RAM (\(area.place))",
        "devices of its streams reach that memory whatever the kernel maps; an MSI is not "
          + "concerned unless the doorbell is there.")
    }
  }

  private mutating func checkWindow(_ range: PlatformFacts.ReservedRange) {
    if !covers(range) {
      add(
        .warning, "rmr-window-part", range.place,
        "\(name(range)) covers only part of the software MSI window "
          + "\(hex(window.lowerBound))-\(hex(window.upperBound))",
        "doorbell pages that the host puts into the rest of the window are not mapped, and their "
          + "MSIs fault in stage 1.")
    }
    if range.isPrivileged {
      add(
        .error, "rmr-privileged", range.place, "the MSI window is for privileged access only",
        "a device's MSI is an unprivileged write and takes a permission fault in stage 1.")
    }
    if range.attributes >= 4 {
      add(
        .warning, "rmr-window-attributes", range.place,
        "the MSI window has normal memory attributes (\(range.attributes))",
        "the write to the doorbell may be cached, merged or reordered before it, and an MSI can "
          + "be late or lost.")
    }
    if range.remapPermitted {
      add(
        .note, "rmr-relaxable", range.place, "the MSI window may be remapped",
        "the kernel's own domains map it (`direct-relaxable`); once the guest assigns the device "
          + "with VFIO or iommufd it does not, and the MSI depends on the guest's own window.")
    }
    if facts.source == .deviceTree && !range.isHeeded {
      add(
        .warning, "iommu-addresses-unread", range.place,
        "the device that `iommu-addresses` names has no `memory-region` with this node, or is a "
          + "host bridge",
        "Linux starts from the node of the device itself (of_iommu_get_resv_regions), so nothing "
          + "is mapped, and MSIs into the range fault in stage 1.")
    }
    if facts.source == .deviceTree && !range.isDirect {
      add(
        .error, "rmr-not-direct", range.place,
        "`iommu-addresses` without the same physical range in `reg`",
        "Linux does not map the range one to one: MSIs into it fault in stage 1, or go elsewhere.")
    }
  }

  private mutating func checkStreams(_ range: PlatformFacts.ReservedRange) {
    for streams in range.streams where list.isListing("rmr-no-device") {
      guard !isUsed(streams) else { continue }
      add(
        .warning, "rmr-no-device", range.place,
        "no device has StreamIDs \(hex(UInt64(streams.ids.lowerBound)))-"
          + "\(hex(UInt64(streams.ids.upperBound))) at \(facts.smmus[streams.smmu].place)",
        "the range is mapped for no device, and the device it was meant for faults on its MSIs.")
    }
  }

  /// The StreamIDs that devices have at each SMMU, as ranges that do not meet, in order.
  private let used: [Int: [ClosedRange<UInt32>]]

  private static func usedStreams(_ facts: PlatformFacts) -> [Int: [ClosedRange<UInt32>]] {
    var used: [Int: [ClosedRange<UInt32>]] = [:]
    let mappings = facts.rootComplexes.flatMap(\.streams) + facts.components.flatMap(\.streams)
    for mapping in mappings {
      guard case .smmu(let smmu) = mapping.target else { continue }
      used[smmu, default: []].append(mapping.output)
    }
    return used.mapValues { ranges in
      ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, range in
        if let last = merged.last, range.lowerBound <= last.upperBound {
          merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        } else {
          merged.append(range)
        }
      }
    }
  }

  private func isUsed(_ streams: PlatformFacts.ReservedRange.Streams) -> Bool {
    guard let ranges = used[streams.smmu] else { return false }
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < streams.ids.lowerBound {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low < ranges.count && ranges[low].lowerBound <= streams.ids.upperBound
  }

  /// Ranges of one node, as `iort_rmr_desc_check_overlap` compares them.
  private mutating func checkOverlaps() {
    let sorted = facts.reserved.filter { $0.last != nil }.sorted {
      ($0.place, $0.base) < ($1.place, $1.base)
    }
    var widest: PlatformFacts.ReservedRange?
    for range in sorted {
      if let other = widest, other.place == range.place {
        if let last = other.last, last >= range.base {
          add(
            .warning, "rmr-overlap", range.place, "\(name(range)) overlaps \(name(other))",
            "Linux says firmware bug and maps both: an MSI passes, and a region of the group "
              + "appears twice.")
        }
        if (range.last ?? 0) > (other.last ?? 0) { widest = range }
      } else {
        widest = range
      }
    }
  }

  private mutating func checkBootConfiguration() {
    guard facts.source == .acpi, let range = facts.reserved.first(where: \.isHeeded),
      !facts.rootComplexes.isEmpty
    else { return }
    switch facts.bootConfiguration {
    case .preserved: break
    case .notPreserved:
      add(
        .error, "no-preserve-boot-config", "DSDT",
        "there is an RMR, and _DSM function 5 of a host bridge does not return 0",
        "Linux ignores RMRs for functions behind it (iort_rmr_has_dev): \(name(range)) is not "
          + "mapped, and MSIs into it fault in stage 1.")
    case .unknown:
      add(
        .note, "preserve-boot-config-unknown", "DSDT",
        "whether _DSM function 5 of the host bridge returns 0 is not known",
        "if it does not, Linux ignores RMRs for PCI functions, and MSIs into \(name(range)) "
          + "fault in stage 1.")
    }
  }

  private mutating func checkHardware() {
    for smmu in facts.smmus where smmu.isHI161X {
      add(
        .note, "hi161x", smmu.place, "a HiSilicon HI161X",
        "it does not translate writes to the ITS: Linux reserves the doorbell pages as `msi`, "
          + "and MSIs carry the doorbell's physical address.")
    }
  }

  /// Streams that no range lets reach the window.
  private mutating func checkCoverage() {
    let covering = facts.reserved.filter { covers($0) && $0.isDirect && $0.isHeeded }
    for (index, smmu) in facts.smmus.enumerated() where smmu.isVersion3 {
      let isCovered = covering.contains { $0.streams.contains { $0.smmu == index } }
      guard !isCovered else { continue }
      add(
        covering.isEmpty ? .note : .warning, "window-not-reserved", smmu.place,
        "no reserved range covers the software MSI window for its streams",
        "if the host maps a device's doorbell at \(hex(window.lowerBound)) and leaves the address "
          + "in the MSI-X entry to itself, the MSI faults in the guest's stage 1.")
    }
  }
}
