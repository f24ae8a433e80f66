public import Bits
private import CMemfd

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
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
  public struct Region: Equatable, Sendable, CustomStringConvertible {
    public let base: PA
    /// Length in bytes, a multiple of 4 KiB.
    public let size: UInt64

    /// `0x40000000 of 4096 bytes`.
    public var description: String { "\(base) of \(size) bytes" }

    public init(base: PA, size: UInt64) {
      self.base = base
      self.size = size
    }

    func contains(_ address: PA) -> Bool { address.rawValue &- base.rawValue < size }
  }

  /// Thrown when memory cannot be set up.
  public enum SetupError: Error, Equatable, CustomStringConvertible {
    /// The base or the size is not a multiple of 4 KiB, the size is zero, or the range wraps.
    case badRegion(Region)
    case overlap(Region, Region)
    /// The operating system refused to reserve the range.
    case cannotReserve(Region, errno: Int32)
    /// A window reaches outside the RAM that it shows, or that RAM is not shareable.
    case badWindow(Extent)

    public var description: String {
      switch self {
      case .badRegion(let region):
        "memory \(region): expected a base and a size that are multiples of 4 KiB, and an end "
          + "within 64 bits"
      case .overlap(let one, let other): "memory \(other) overlaps memory \(one)"
      case .cannotReserve(let region, ENOMEM):
        "the operating system does not reserve \(region.size) bytes of address space for memory at "
          + "\(region.base): raise the limit of the process ('ulimit -v')"
      case .cannotReserve(let region, EFBIG):
        "the operating system does not make a file of \(region.size) bytes for memory at "
          + "\(region.base): raise the limit of the process ('ulimit -f')"
      case .cannotReserve(let region, let code):
        "the operating system does not reserve \(region.size) bytes for memory at \(region.base): "
          + (unsafe String(cString: strerror(code)))
      case .badWindow(let extent):
        "a window of \(extent.size) bytes at \(extent.base) shows \(extent.source), which is not "
          + "within the memory that it belongs to"
      }
    }
  }

  /// A part of a window: `size` bytes at `base` of the window are those at `source` of the RAM.
  public struct Extent: Equatable, Sendable {
    public let base: PA
    public let source: PA
    /// Length in bytes, a multiple of 4 KiB.
    public let size: UInt64

    public init(base: PA, source: PA, size: UInt64) {
      self.base = base
      self.source = source
      self.size = size
    }
  }

  @safe
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

  /// The anonymous file behind shareable RAM, -1 for private RAM.
  private let file: Int32

  /// Reserves the regions; nothing is populated until it is written.
  ///
  /// - Parameters:
  ///   - regions: at least one, none overlapping; the most used one first.
  ///   - isShareable: whether `window(onto:)` may show parts of this RAM at other addresses.
  /// - Throws: `SetupError` when a region is malformed or cannot be reserved.
  public convenience init(regions: [Region], isShareable: Bool = false) throws(SetupError) {
    try Self.check(regions)
    let total = regions.reduce(0) { $0 &+ $1.size }
    let file = isShareable ? try Self.anonymousFile(size: total, for: regions[0]) : -1
    var offset: UInt64 = 0
    try self.init(regions: regions, file: file) { region throws(SetupError) in
      defer { offset &+= region.size }
      return try Self.reserve(region, file: file, offset: offset)
    }
  }

  private init(
    regions: [Region], file: Int32, reserve: (Region) throws(SetupError) -> Mapping
  ) throws(SetupError) {
    var mappings: [Mapping] = []
    do {
      for region in regions { mappings.append(try reserve(region)) }
    } catch {
      mappings.forEach(Self.release)
      if file >= 0 { close(file) }
      throw error
    }
    first = mappings.removeFirst()
    others = mappings
    self.regions = regions
    self.file = file
  }

  deinit {
    Self.release(first)
    others.forEach(Self.release)
    if file >= 0 { close(file) }
  }

  /// RAM that is this RAM seen at other addresses: the guest's view of the host's memory.
  ///
  /// Later extents hide earlier ones where they overlap; a part of `regions` that no extent covers
  /// is RAM of the window's own.
  ///
  /// - Parameter regions: at least one, none overlapping; the most used one first.
  /// - Throws: `SetupError.badWindow` when an extent lies outside every region or outside one region
  ///   of this RAM, is not 4 KiB aligned, or this RAM is not shareable.
  public func window(
    _ regions: [Region], onto extents: [Extent]
  ) throws(SetupError) -> PhysicalMemory {
    try Self.check(regions)
    if let stray = extents.first(where: { extent in !regions.contains { $0.contains(extent.base) } }
    ) {
      throw .badWindow(stray)
    }
    return try PhysicalMemory(regions: regions, file: -1) { region throws(SetupError) in
      let mapping = try Self.reserve(region, file: -1, offset: 0)
      for extent in extents where region.contains(extent.base) {
        guard let offset = fileOffset(of: extent), Self.show(extent, file, offset, mapping)
        else {
          Self.release(mapping)
          throw .badWindow(extent)
        }
      }
      return mapping
    }
  }

  private func fileOffset(of extent: Extent) -> UInt64? {
    var start: UInt64 = 0
    for region in regions {
      let offset = extent.source.rawValue &- region.base.rawValue
      if offset < region.size && extent.size <= region.size &- offset { return start &+ offset }
      start &+= region.size
    }
    return nil
  }

  /// Maps one extent over its part of `mapping`.
  private static func show(
    _ extent: Extent, _ file: Int32, _ offset: UInt64, _ mapping: Mapping
  ) -> Bool {
    let place = extent.base.rawValue &- mapping.base
    guard file >= 0, (extent.base.rawValue | extent.source.rawValue | extent.size) & 0xfff == 0,
      extent.size > 0, place < mapping.size, extent.size <= mapping.size &- place
    else { return false }
    let flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE
    let bytes = unsafe mmap(
      mapping.bytes + Int(place), Int(extent.size), PROT_READ | PROT_WRITE, flags, file,
      Int(offset))
    return unsafe bytes != MAP_FAILED
  }

  private static func anonymousFile(size: UInt64, for region: Region) throws(SetupError) -> Int32 {
    let file = unsafe memfd_create("doorbell-ram", doorbell_memfd_cloexec)
    guard file >= 0 else { throw .cannotReserve(region, errno: errno) }
    guard let length = Int(exactly: size), ftruncate(file, length) == 0 else {
      let code = errno
      close(file)
      throw .cannotReserve(region, errno: code)
    }
    return file
  }

  /// Says whether memory of these regions can be described at all.
  ///
  /// - Throws: `SetupError` for none, and for one that is malformed or overlaps another.
  public static func check(_ regions: [Region]) throws(SetupError) {
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

  private static func reserve(
    _ region: Region, file: Int32, offset: UInt64
  ) throws(SetupError) -> Mapping {
    guard let size = Int(exactly: region.size) else {
      throw .cannotReserve(region, errno: ENOMEM)
    }
    let sharing = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED
    let bytes = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, sharing | MAP_NORESERVE, file, Int(offset))
    guard let bytes = unsafe bytes, unsafe bytes != MAP_FAILED else {
      throw .cannotReserve(region, errno: errno)
    }
    // The memory is sparse: a huge page for each 4 KiB that is written would fill the machine that
    // runs the model, and take most of its time to be cleared. Refusal changes nothing else.
    _ = unsafe madvise(bytes, size, MADV_NOHUGEPAGE)
    return unsafe Mapping(base: region.base.rawValue, size: region.size, bytes: bytes)
  }

  private static func release(_ mapping: Mapping) {
    unsafe munmap(mapping.bytes, Int(mapping.size))
  }

  /// Makes every byte zero again, giving the populated pages back. Not for windows.
  public func clear() {
    let advice = file < 0 ? MADV_DONTNEED : MADV_REMOVE
    for mapping in [first] + others {
      _ = unsafe madvise(mapping.bytes, Int(mapping.size), advice)
    }
  }

  // MARK: Access

  /// Returns the location of `width` naturally aligned bytes at `address`, or `nil` for an external
  /// abort.
  @inlinable @inline(__always)
  func location(_ address: UInt64, width: UInt64) -> UnsafeMutableRawPointer? {
    let offset = address &- first.base
    if offset < first.size && address & (width &- 1) == 0 {
      return unsafe first.bytes + Int(truncatingIfNeeded: offset)
    }
    return unsafe locationElsewhere(address, width: width)
  }

  @usableFromInline
  func locationElsewhere(_ address: UInt64, width: UInt64) -> UnsafeMutableRawPointer? {
    guard address & (width &- 1) == 0 else { return nil }
    for mapping in others where address &- mapping.base < mapping.size {
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

  /// Copies bytes to RAM; `false`, and nothing is written, where one region does not hold them all.
  ///
  /// Pages that only receive zeroes stay unpopulated where they are.
  @discardableResult
  public func store(_ bytes: ArraySlice<UInt8>, at address: PA) -> Bool {
    let length = UInt64(bytes.count)
    let mapping = ([first] + others).first {
      let offset = address.rawValue &- $0.base
      return offset < $0.size && length <= $0.size &- offset
    }
    guard let mapping else { return bytes.isEmpty }
    unsafe bytes.withUnsafeBytes { source in
      var offset = Int(address.rawValue &- mapping.base)
      var rest = unsafe source[...]
      while !rest.isEmpty {
        let count = min(rest.count, 4096 - offset & 4095)
        let part = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        if unsafe part.contains(where: { $0 != 0 }), let from = unsafe part.baseAddress {
          unsafe (mapping.bytes + offset).copyMemory(from: from, byteCount: count)
        }
        unsafe rest = rest.dropFirst(count)
        offset += count
      }
    }
    return true
  }

  /// Whether RAM answers at `address`.
  @inlinable @inline(__always)
  public func contains(_ address: PA) -> Bool {
    unsafe location(address.rawValue, width: 1) != nil
  }
}
