/// A list of things that cannot be copied, such as the SMMUs of a machine, in one allocation:
/// reaching one costs a bounds check.
@safe
public struct UnitList<Unit: ~Copyable>: ~Copyable {
  @usableFromInline private(set) var units: UnsafeMutableBufferPointer<Unit>

  /// - Parameters:
  ///   - count: at least 1.
  ///   - make: the unit with that number, from 0.
  public init(count: Int, _ make: (Int) -> Unit) {
    precondition(count >= 1, "a list of units has at least one")
    unsafe units = .allocate(capacity: count)
    for index in 0..<count { unsafe units.initializeElement(at: index, to: make(index)) }
  }

  /// A list of one unit.
  public init(_ unit: consuming Unit) {
    unsafe units = .allocate(capacity: 1)
    unsafe units.initializeElement(at: 0, to: unit)
  }

  deinit {
    unsafe units.deinitialize().deallocate()
  }

  /// Adds a unit behind the others, which move.
  public mutating func append(_ unit: consuming Unit) {
    let old = unsafe units
    unsafe units = .allocate(capacity: old.count + 1)
    _ = unsafe units.moveInitialize(fromContentsOf: old)
    unsafe units.initializeElement(at: old.count, to: unit)
    unsafe old.deallocate()
  }

  @inlinable public var count: Int { unsafe units.count }

  /// - Precondition: `index` is below `count`.
  @inlinable
  public subscript(index: Int) -> Unit {
    _read {
      precondition(index >= 0 && index < count, "a unit's number is below the count")
      yield unsafe units[index]
    }
    _modify {
      precondition(index >= 0 && index < count, "a unit's number is below the count")
      yield unsafe &units[index]
    }
  }
}
