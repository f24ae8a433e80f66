public import Bits

/// Thrown when KVM's GIC device refuses an attribute or a run.
public enum VirtualGICError: Error, Equatable, Sendable {
  /// -EINVAL: misaligned, overlapping, or of the wrong kind.
  case invalid
  /// -E2BIG: beyond the guest's address space.
  case tooBig
  /// -EEXIST: set already.
  case exists
  /// -ENXIO: no such attribute, or too few redistributors to run.
  case noSuchAddress
  /// -EBUSY: not initialised yet.
  case busy
  /// -ENODEV: no such device type.
  case noDevice

  public var errno: Int {
    switch self {
    case .invalid: 22
    case .tooBig: 7
    case .exists: 17
    case .noSuchAddress: 6
    case .busy: 16
    case .noDevice: 19
    }
  }
}

/// Addresses that a VMM gives KVM's GICv3 and ITS in the guest's address space: the device
/// attributes and their rules (Linux `vgic-kvm-device.c` and `vgic-mmio-v3.c`:
/// `vgic_check_iorange`, `vgic_v3_alloc_redist_region`).
public struct VirtualGICMap: Sendable {
  /// One range of redistributors.
  public struct Region: Equatable, Sendable {
    public let base: IPA
    /// Redistributors, each 128 KiB; `nil` for the legacy attribute, which takes every vCPU.
    public let count: Int?
  }

  public static let distributorSize: UInt64 = 0x1_0000
  public static let redistributorSize: UInt64 = 0x2_0000
  public static let itsSize: UInt64 = 0x2_0000

  /// One more than the highest guest physical address.
  public let limit: UInt64
  public private(set) var cpuCount = 0
  public private(set) var distributor: IPA?
  public private(set) var its: IPA?
  public private(set) var regions: [Region] = []
  public private(set) var isInitialized = false

  /// - Parameter addressBits: of the guest's physical address space, 32 to 52.
  public init(addressBits: UInt64 = 40) { limit = 1 << min(max(addressBits, 32), 52) }

  /// Device types of `KVM_CREATE_DEVICE` (Linux `include/uapi/linux/kvm.h`).
  public static let gicType = 7
  public static let itsType = 8
  private var created: Set<Int> = []

  /// `KVM_CREATE_DEVICE`: the GIC exists once.
  public mutating func createDevice(type: Int) throws(VirtualGICError) {
    guard type == Self.gicType || type == Self.itsType else { throw .noDevice }
    guard type == Self.itsType || !created.contains(type) else { throw .exists }
    created.insert(type)
  }

  /// Creates a vCPU.
  public mutating func addCPU() { cpuCount += 1 }

  /// `KVM_DEV_ARM_VGIC_CTRL_INIT`.
  public mutating func initialize() { isInitialized = true }

  /// `KVM_VGIC_V3_ADDR_TYPE_DIST`.
  public mutating func setDistributor(_ base: IPA) throws(VirtualGICError) {
    guard distributor == nil else { throw .exists }
    try check(base, Self.distributorSize)
    distributor = base
  }

  /// `KVM_VGIC_ITS_ADDR_TYPE`.
  public mutating func setITS(_ base: IPA) throws(VirtualGICError) {
    guard its == nil else { throw .exists }
    try check(base, Self.itsSize)
    its = base
  }

  /// `KVM_VGIC_V3_ADDR_TYPE_REDIST`: one contiguous range for every vCPU.
  public mutating func setRedistributors(_ base: IPA) throws(VirtualGICError) {
    if let first = regions.first { throw first.count == nil ? .exists : .invalid }
    try check(base, Self.redistributorSize)
    regions = [Region(base: base, count: nil)]
  }

  /// `KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION`: count [63:52], base [51:16], flags [15:12],
  /// index [11:0].
  public mutating func addRegion(_ value: UInt64) throws(VirtualGICError) {
    let count = Int(bits(value, 63, 52))
    let base = IPA(value & 0xf_ffff_ffff_0000)
    guard bits(value, 15, 12) == 0, count > 0 else { throw .invalid }
    guard bits(value, 11, 0) == UInt64(regions.count),
      regions.first?.count != nil || regions.isEmpty
    else { throw .invalid }
    let size = UInt64(count) * Self.redistributorSize
    try check(base, size)
    for region in regions {
      let end = region.base.rawValue + UInt64(region.count ?? 0) * Self.redistributorSize
      guard base.rawValue + size <= region.base.rawValue || base.rawValue >= end else {
        throw .invalid
      }
    }
    regions.append(Region(base: base, count: count))
  }

  /// Any other attribute.
  public func setUnknownAttribute() throws(VirtualGICError) { throw .noSuchAddress }

  private func check(_ base: IPA, _ size: UInt64) throws(VirtualGICError) {
    guard base.offset(belowBit: 16) == 0 else { throw .invalid }
    guard base.rawValue < limit, limit - base.rawValue >= size else { throw .tooBig }
  }

  /// Whether vCPUs can run: `vgic_v3_map_resources` at the first `KVM_RUN`.
  public func checkRun() throws(VirtualGICError) {
    guard distributor != nil, !regions.isEmpty else { throw .noSuchAddress }
    for index in 0..<cpuCount where redistributor(of: index) == nil { throw .noSuchAddress }
    for region in regions {
      let count = UInt64(region.count ?? cpuCount)
      guard limit - region.base.rawValue >= count * Self.redistributorSize else {
        throw .invalid
      }
    }
    guard isInitialized else { throw .busy }
  }

  /// Returns the address of a vCPU's redistributor; `nil` if no region has room for it.
  public func redistributor(of cpu: Int) -> IPA? {
    var first = 0
    for region in regions {
      let count = region.count ?? cpuCount
      if cpu < first + count {
        return region.base + UInt64(cpu - first) * Self.redistributorSize
      }
      first += count
    }
    return nil
  }

  /// The low word of a vCPU's `GICR_TYPER`, as user space reads it.
  public func redistributorType(of cpu: Int) throws(VirtualGICError) -> UInt64 {
    guard cpu >= 0, cpu < cpuCount else { throw .invalid }
    guard isInitialized else { throw .busy }
    var first = 0
    for region in regions {
      let count = region.count ?? cpuCount
      // Last: the last redistributor of a region, or of all.
      if cpu == min(first + count, cpuCount) - 1 { return UInt64(cpu) << 8 | 0x10 }
      first += count
    }
    return UInt64(cpu) << 8
  }
}
