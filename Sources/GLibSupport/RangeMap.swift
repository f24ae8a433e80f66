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
  /// What the tree's values index; `nil` where a range was removed.
  private var slots: [Entry?] = []
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
      if let entry = unsafe entry(at: current) { entries.append(entry) }
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
    if let below = last(from: range.lowerBound), below.range.upperBound >= range.lowerBound {
      return below
    }
    guard let next = unsafe g_tree_lower_bound(tree, Self.key(range.lowerBound)),
      let entry = unsafe entry(at: next), entry.range.lowerBound <= range.upperBound
    else { return nil }
    return entry
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
    guard firstEntry(intersecting: range) == nil else { return false }
    let entry = Entry(range: range, value: value)
    let slot = free.popLast() ?? slots.count
    if slot == slots.count { slots.append(entry) } else { slots[slot] = entry }
    unsafe g_tree_insert(
      tree, Self.key(range.lowerBound), UnsafeMutableRawPointer(bitPattern: slot + 1))
    return true
  }

  /// Removes the range that starts at `first`; `nil` when none does.
  @discardableResult
  public func remove(from first: UInt64) -> Entry? {
    guard let node = unsafe g_tree_lookup_node(tree, Self.key(first)),
      let entry = unsafe entry(at: node)
    else { return nil }
    let slot = Int(bitPattern: unsafe g_tree_node_value(node)) - 1
    slots[slot] = nil
    free.append(slot)
    unsafe g_tree_remove(tree, Self.key(first))
    return entry
  }

  /// The last range that starts at or below `address`.
  private func last(from address: UInt64) -> Entry? {
    let above = unsafe g_tree_upper_bound(tree, Self.key(address))
    let node =
      if let above = unsafe above { unsafe g_tree_node_previous(above) } else {
        unsafe g_tree_node_last(tree)
      }
    guard let node = unsafe node else { return nil }
    return unsafe entry(at: node)
  }

  private func entry(at node: OpaquePointer) -> Entry? {
    let slot = Int(bitPattern: unsafe g_tree_node_value(node)) - 1
    return slots.indices.contains(slot) ? slots[slot] : nil
  }

  private static func key(_ address: UInt64) -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))
  }
}
