private import CGLib

/// Ranges of addresses that do not overlap, each with a value, in order: GLib's balanced tree
/// (`GTree`) by first address.
///
/// Ranges are closed, so that the last address of a 64-bit space has a place. Finding, inserting
/// and removing cost the logarithm of the number of ranges.
@safe
public final class RangeMap<Value> {
  public struct Entry {
    public let range: ClosedRange<UInt64>
    public var value: Value
  }

  private let tree: OpaquePointer
  /// By slot, which the tree's values are one more than. Ranges stand apart, so that comparing them
  /// copies no value.
  private var ranges: [ClosedRange<UInt64>] = []
  private var values: [Value?] = []
  private var free: [Int] = []

  public init() {
    unsafe tree = g_tree_new { left, right in
      let left = UInt(bitPattern: left)
      let right = UInt(bitPattern: right)
      return left < right ? -1 : left > right ? 1 : 0
    }
  }

  deinit { unsafe g_tree_unref(tree) }

  public var count: Int { Int(unsafe g_tree_nnodes(tree)) }

  /// The ranges in order.
  public var entries: [Entry] {
    var entries: [Entry] = []
    var node = unsafe g_tree_node_first(tree)
    while let current = unsafe node {
      if let entry = entry(unsafe slot(of: current)) { entries.append(entry) }
      unsafe node = g_tree_node_next(current)
    }
    return entries
  }

  /// The range that holds `address`.
  public func entry(at address: UInt64) -> Entry? {
    firstEntry(intersecting: address...address)
  }

  /// The lowest range that has an address in common with `range`.
  public func firstEntry(intersecting range: ClosedRange<UInt64>) -> Entry? {
    firstSlot(intersecting: range).flatMap(entry)
  }

  private func firstSlot(intersecting range: ClosedRange<UInt64>) -> Int? {
    let next = unsafe g_tree_upper_bound(tree, Self.key(range.lowerBound))
    let before =
      if let next = unsafe next { unsafe g_tree_node_previous(next) } else {
        unsafe g_tree_node_last(tree)
      }
    // The last range that starts at or below the first address, and the one behind it.
    if let before = unsafe before {
      let slot = unsafe slot(of: before)
      if ranges[slot].upperBound >= range.lowerBound { return slot }
    }
    guard let next = unsafe next else { return nil }
    let slot = unsafe slot(of: next)
    return ranges[slot].lowerBound <= range.upperBound ? slot : nil
  }

  /// The ranges that have an address in common with `range`, in order.
  public func entries(intersecting range: ClosedRange<UInt64>) -> [Entry] {
    var found: [Entry] = []
    var next = firstEntry(intersecting: range)
    while let entry = next {
      found.append(entry)
      guard entry.range.upperBound < range.upperBound else { break }
      next = firstEntry(intersecting: entry.range.upperBound + 1...range.upperBound)
    }
    return found
  }

  /// Adds a range; `false`, and nothing changes, when it overlaps another.
  @discardableResult
  public func insert(_ range: ClosedRange<UInt64>, _ value: Value) -> Bool {
    guard firstSlot(intersecting: range) == nil else { return false }
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      ranges[slot] = range
      values[slot] = value
    } else {
      slot = ranges.count
      ranges.append(range)
      values.append(value)
    }
    unsafe g_tree_insert(
      tree, Self.key(range.lowerBound), UnsafeMutableRawPointer(bitPattern: slot + 1))
    return true
  }

  /// Removes the range that starts at `first`; `nil` when none does.
  @discardableResult
  public func remove(from first: UInt64) -> Entry? {
    guard let node = unsafe g_tree_lookup_node(tree, Self.key(first)) else { return nil }
    let slot = unsafe slot(of: node)
    let entry = entry(slot)
    values[slot] = nil
    free.append(slot)
    unsafe g_tree_remove(tree, Self.key(first))
    return entry
  }

  private func slot(of node: OpaquePointer) -> Int {
    Int(bitPattern: unsafe g_tree_node_value(node)) - 1
  }

  private func entry(_ slot: Int) -> Entry? {
    values[slot].map { Entry(range: ranges[slot], value: $0) }
  }

  private static func key(_ address: UInt64) -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))
  }
}
