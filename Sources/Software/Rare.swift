/// A property that few values have, kept apart: a value without one has a pointer's room for it.
///
/// A run keeps thousands of steps, of which one is refused and a dozen tell of a doorbell. Users in
/// other modules inline it: otherwise each step would look its generic types up.
@frozen
@propertyWrapper
public struct Rare<Value: Equatable & Sendable>: Equatable, Sendable {
  @frozen
  @usableFromInline
  indirect enum Box: Equatable, Sendable {
    case value(Value)
  }

  @usableFromInline
  var box: Box?

  @inlinable
  public init(wrappedValue: Value?) {
    if let wrappedValue { box = .value(wrappedValue) }
  }

  /// The value; `nil` without one.
  @inlinable
  public var wrappedValue: Value? {
    get {
      guard case .value(let value) = box else { return nil }
      return value
    }
    set {
      guard let newValue else {
        box = nil
        return
      }
      box = .value(newValue)
    }
  }
}
