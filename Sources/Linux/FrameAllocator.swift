public import Bits

/// Position of a translation table: the span of input addresses that it covers.
public struct TableSlot: Hashable, Sendable {
  /// Lookup level of the table, -1 to 3.
  public let level: Int
  /// The first input address that the table covers.
  public let base: UInt64

  public init(level: Int, base: UInt64) {
    self.level = level
    self.base = base
  }
}

/// The part of a page allocator that decides where structures end up in memory.
public protocol FrameAllocator: Sendable {
  /// The address of `size` zeroed bytes aligned to their size; `nil` when memory is exhausted.
  mutating func allocate(size: UInt64) -> PA?
  /// The address for the table of `slot`.
  mutating func allocate(table slot: TableSlot, size: UInt64) -> PA?
}

/// Bump allocator over one address range.
public struct BumpFrames: FrameAllocator {
  private var next: UInt64
  private let end: UInt64

  public init(base: PA, size: UInt64) {
    next = base.rawValue
    end = base.rawValue &+ size
  }

  public mutating func allocate(size: UInt64) -> PA? {
    let start = (next &+ size &- 1) & ~(size &- 1)
    guard start >= next, start <= end, end &- start >= size else { return nil }
    next = start &+ size
    return PA(start)
  }

  public mutating func allocate(table slot: TableSlot, size: UInt64) -> PA? {
    allocate(size: size)
  }
}

/// Puts tables where a recording saw them, each place once, and everything else where `rest` does:
/// what an allocator returned is an input of a recorded run, not something that a model can derive.
public struct PlacedFrames: FrameAllocator {
  private var placed: [TableSlot: PA]
  private var rest: BumpFrames

  public init(_ placed: [TableSlot: PA], rest: BumpFrames) {
    self.placed = placed
    self.rest = rest
  }

  public mutating func allocate(size: UInt64) -> PA? { rest.allocate(size: size) }

  public mutating func allocate(table slot: TableSlot, size: UInt64) -> PA? {
    placed.removeValue(forKey: slot) ?? rest.allocate(size: size)
  }
}
