public import Bits
public import Linux

/// A range of a device's IOVAs that its kernel treats apart (`struct iommu_resv_region`).
public struct ReservedRegion: Equatable, Sendable {
  /// `enum iommu_resv_type`.
  public enum Kind: String, CaseIterable, Sendable {
    /// Must be mapped one to one at all times.
    case direct
    /// Is mapped one to one until the device is assigned.
    case directRelaxable = "direct-relaxable"
    /// Is never mapped.
    case reserved
    /// A doorbell that the hardware does not translate.
    case hardwareMSI = "hardware-msi"
    /// The software MSI window.
    case softwareMSI = "software-msi"
    /// A doorbell alias that every domain maps one to one; proposed in April 2023, never merged.
    case msiDirect = "msi-direct"

    /// Text in sysfs (`iommu_group_resv_type_string`); both kinds of MSI region print alike.
    public var sysfsText: String {
      switch self {
      case .direct, .directRelaxable, .reserved, .msiDirect: rawValue
      case .hardwareMSI, .softwareMSI: "msi"
      }
    }

    /// The name of the constant.
    public var constant: String {
      switch self {
      case .direct: "IOMMU_RESV_DIRECT"
      case .directRelaxable: "IOMMU_RESV_DIRECT_RELAXABLE"
      case .reserved: "IOMMU_RESV_RESERVED"
      case .hardwareMSI: "IOMMU_RESV_MSI"
      case .softwareMSI: "IOMMU_RESV_SW_MSI"
      case .msiDirect: "IOMMU_RESV_MSI_DIRECT (proposed)"
      }
    }

    /// Whether a DMA API domain maps it one to one (`iommu_create_device_direct_mappings`).
    public var isMappedDirectly: Bool {
      self == .direct || self == .directRelaxable || self == .msiDirect
    }
  }

  public let base: IOVA
  /// In bytes, at least 1.
  public let length: UInt64
  public let kind: Kind
  /// Attributes of a direct mapping of the region.
  public let attributes: MappingAttributes
  /// Source of the region, such as `IORT RMR`.
  public let origin: String

  public init(
    base: IOVA, length: UInt64, kind: Kind, attributes: MappingAttributes = [], origin: String = ""
  ) {
    self.base = base
    self.length = max(1, length)
    self.kind = kind
    self.attributes = attributes
    self.origin = origin
  }

  /// The last address; a region that would pass the end of the space ends with it.
  public var last: UInt64 {
    let end = base.rawValue.addingReportingOverflow(length - 1)
    return end.overflow ? .max : end.partialValue
  }

  public var addresses: ClosedRange<UInt64> { base.rawValue...last }

  /// The same region, if it is the software MSI window, elsewhere.
  func moved(to start: IOVA) -> ReservedRegion {
    guard kind == .softwareMSI else { return self }
    return ReservedRegion(
      base: start, length: length, kind: kind, attributes: attributes, origin: origin)
  }

  /// `0x0000000008000000 0x00000000080fffff direct`, as sysfs prints it.
  public var sysfsLine: String {
    "\(hex(base.rawValue, digits: 16)) \(hex(last, digits: 16)) \(kind.sysfsText)"
  }
}

extension [ReservedRegion] {
  /// The list with `region` in it: those of equal kind that touch or overlap become one, in order
  /// of address (`iommu_insert_resv_region`).
  public func inserting(_ region: ReservedRegion) -> [ReservedRegion] {
    var merged = region
    var rest: [ReservedRegion] = []
    for other in self {
      guard other.kind == merged.kind, other.touches(merged) else {
        rest.append(other)
        continue
      }
      let base = Swift.min(other.base.rawValue, merged.base.rawValue)
      let last = Swift.max(other.last, merged.last)
      merged = ReservedRegion(
        base: IOVA(base), length: last - base == .max ? .max : last - base + 1, kind: merged.kind,
        attributes: other.attributes.union(merged.attributes), origin: other.origin)
    }
    rest.append(merged)
    return rest.sorted { ($0.base, $0.kind.constant) < ($1.base, $1.kind.constant) }
  }
}

extension ReservedRegion {
  fileprivate func touches(_ other: ReservedRegion) -> Bool {
    addresses.overlaps(other.addresses)
      || last != .max && last + 1 == other.base.rawValue
      || other.last != .max && other.last + 1 == base.rawValue
  }
}
