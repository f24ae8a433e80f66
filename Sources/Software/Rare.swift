/// A property that few values have, kept apart: a value without one has a pointer's room for it.
///
/// A run keeps thousands of steps, of which one is refused and a dozen tell of a doorbell.
@propertyWrapper
public struct Rare<Value: Equatable & Sendable>: Equatable, Sendable {
  private indirect enum Box: Equatable, Sendable {
    case value(Value)
  }

  private var box: Box?

  public init(wrappedValue: Value?) { box = wrappedValue.map { .value($0) } }

  /// The value; `nil` without one.
  public var wrappedValue: Value? {
    get {
      guard case .value(let value) = box else { return nil }
      return value
    }
    set { box = newValue.map { .value($0) } }
  }
}
