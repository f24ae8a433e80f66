public import Bits

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Sparse physical memory: a few RAM regions, each reserved in full and populated by the
/// operating system page by page, so that a load is a bounds check and a load.
///
/// Unwritten memory reads as zero. An access that no region claims, or that is not naturally
/// aligned, is an external abort: `nil` or `false`, never a trap. Every value in memory is
/// little-endian.
///
/// This file holds every `unsafe` operation of the platform model. An instance belongs to one
/// simulated system and is used from one thread at a time.
@safe
public final class PhysicalMemory: @unchecked Sendable {
  /// One contiguous range of RAM.
  public struct Region: Equatable, Sendable {
    public let base: PA
    /// Length in bytes, a multiple of 4 KiB.
    public let size: UInt64

    public init(base: PA, size: UInt64) {
      self.base = base
      self.size = size
    }
  }

  /// Why memory could not be set up.
  public enum SetupError: Error, Equatable {
    /// The base or the size is not a multiple of 4 KiB, the size is zero, or the range wraps.
    case badRegion(Region)
    case overlap(Region, Region)
    /// The operating system refused to reserve the range.
    case cannotReserve(Region, errno: Int32)
  }

  @usableFromInline
  struct Mapping {
    @usableFromInline let base: UInt64
    @usableFromInline let size: UInt64
    @usableFromInline let bytes: UnsafeMutableRawPointer
  }

  /// The first region, kept apart since nearly every access hits it.
  @usableFromInline let first: Mapping
  @usableFromInline let others: [Mapping]

  /// The RAM regions, as given.
  public let regions: [Region]

  /// Reserves the regions; nothing is populated until it is written.
  ///
  /// - Parameter regions: at least one, none overlapping; the most used one first.
  /// - Throws: `SetupError` when a region is malformed or cannot be reserved.
  public init(regions: [Region]) throws(SetupError) {
    try Self.check(regions)
    var mappings: [Mapping] = []
    do {
      for region in regions { unsafe mappings.append(try Self.reserve(region)) }
    } catch {
      unsafe mappings.forEach(Self.release)
      throw error
    }
    unsafe first = mappings.removeFirst()
    unsafe others = mappings
    self.regions = regions
  }

  deinit {
    unsafe Self.release(first)
    unsafe others.forEach(Self.release)
  }

  private static func check(_ regions: [Region]) throws(SetupError) {
    guard !regions.isEmpty else { throw .badRegion(Region(base: 0, size: 0)) }
    for (index, region) in regions.enumerated() {
      let end = region.base.rawValue.addingReportingOverflow(region.size)
      guard region.size > 0, region.base.offset(belowBit: 12) == 0, region.size & 0xfff == 0,
        !end.overflow
      else { throw .badRegion(region) }
      for other in regions[..<index]
      where region.base.rawValue < other.base.rawValue + other.size
        && other.base.rawValue < end.partialValue
      {
        throw .overlap(other, region)
      }
    }
  }

  private static func reserve(_ region: Region) throws(SetupError) -> Mapping {
    guard let size = Int(exactly: region.size) else {
      throw .cannotReserve(region, errno: ENOMEM)
    }
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let bytes = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let bytes = unsafe bytes, unsafe bytes != MAP_FAILED else {
      throw .cannotReserve(region, errno: errno)
    }
    // Fewer TLB misses of the machine that runs the model; refusal changes nothing else.
    _ = unsafe madvise(bytes, size, MADV_HUGEPAGE)
    return unsafe Mapping(base: region.base.rawValue, size: region.size, bytes: bytes)
  }

  private static func release(_ mapping: Mapping) {
    unsafe munmap(mapping.bytes, Int(mapping.size))
  }

  /// Makes every byte zero again, giving the populated pages back.
  public func clear() {
    for mapping in unsafe [first] + others {
      _ = unsafe madvise(mapping.bytes, Int(mapping.size), MADV_DONTNEED)
    }
  }

  // MARK: Access

  /// Where `width` naturally aligned bytes at `address` live, or `nil` for an external abort.
  @inlinable @inline(__always)
  func location(_ address: UInt64, width: UInt64) -> UnsafeMutableRawPointer? {
    let offset = unsafe address &- first.base
    if unsafe offset < first.size && address & (width &- 1) == 0 {
      return unsafe first.bytes + Int(truncatingIfNeeded: offset)
    }
    return unsafe locationElsewhere(address, width: width)
  }

  @usableFromInline
  func locationElsewhere(_ address: UInt64, width: UInt64) -> UnsafeMutableRawPointer? {
    guard address & (width &- 1) == 0 else { return nil }
    for mapping in unsafe others where unsafe address &- mapping.base < mapping.size {
      return unsafe mapping.bytes + Int(truncatingIfNeeded: address &- mapping.base)
    }
    return nil
  }

  /// The 64-bit word at `address`; `nil` where nothing answers or the address is not 8-byte
  /// aligned.
  @inlinable @inline(__always)
  public func load64(_ address: PA) -> UInt64? {
    guard let place = unsafe location(address.rawValue, width: 8) else { return nil }
    return unsafe UInt64(littleEndian: place.load(as: UInt64.self))
  }

  /// The 32-bit word at `address`; `nil` where nothing answers or it is not 4-byte aligned.
  @inlinable @inline(__always)
  public func load32(_ address: PA) -> UInt32? {
    guard let place = unsafe location(address.rawValue, width: 4) else { return nil }
    return unsafe UInt32(littleEndian: place.load(as: UInt32.self))
  }

  /// The byte at `address`; `nil` where nothing answers.
  @inlinable @inline(__always)
  public func load8(_ address: PA) -> UInt8? {
    guard let place = unsafe location(address.rawValue, width: 1) else { return nil }
    return unsafe place.load(as: UInt8.self)
  }

  /// Writes a 64-bit word; `false` where nothing answers or the address is not aligned.
  @inlinable @inline(__always)
  @discardableResult
  public func store64(_ address: PA, _ value: UInt64) -> Bool {
    guard let place = unsafe location(address.rawValue, width: 8) else { return false }
    unsafe place.storeBytes(of: value.littleEndian, as: UInt64.self)
    return true
  }

  /// Writes a 32-bit word; `false` where nothing answers or the address is not aligned.
  @inlinable @inline(__always)
  @discardableResult
  public func store32(_ address: PA, _ value: UInt32) -> Bool {
    guard let place = unsafe location(address.rawValue, width: 4) else { return false }
    unsafe place.storeBytes(of: value.littleEndian, as: UInt32.self)
    return true
  }

  /// Writes a byte; `false` where nothing answers.
  @inlinable @inline(__always)
  @discardableResult
  public func store8(_ address: PA, _ value: UInt8) -> Bool {
    guard let place = unsafe location(address.rawValue, width: 1) else { return false }
    unsafe place.storeBytes(of: value, as: UInt8.self)
    return true
  }

  /// Whether RAM answers at `address`.
  @inlinable @inline(__always)
  public func contains(_ address: PA) -> Bool {
    unsafe location(address.rawValue, width: 1) != nil
  }
}
