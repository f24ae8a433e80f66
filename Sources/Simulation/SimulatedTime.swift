/// A point in simulated time, or a length of it: an integer number of picoseconds since the
/// start of the run. 64 bits last 213 days.
@frozen
public struct SimulatedTime: Hashable, Comparable, Sendable {
  public let picoseconds: UInt64

  @inlinable @inline(__always)
  public init(picoseconds: UInt64) { self.picoseconds = picoseconds }

  @inlinable
  public static func nanoseconds(_ count: UInt64) -> Self {
    Self(picoseconds: 1000).times(count)
  }

  /// The time nearest to so many nanoseconds: zero for a negative number and for none, the far end
  /// of time for one that does not fit.
  public init(roundingNanoseconds count: Double) {
    let rounded = (count * 1000).rounded()
    self.init(
      picoseconds: rounded > 0 ? rounded < 0x1p64 ? UInt64(rounded) : .max : 0)
  }

  public static let zero = Self(picoseconds: 0)

  /// The longest time that input may ask for, 200 days: what runs add to it still fits.
  public static let longestRun = Self.nanoseconds(200 * 86_400 * 1_000_000_000)

  @inlinable @inline(__always)
  public static func < (left: Self, right: Self) -> Bool { left.picoseconds < right.picoseconds }

  /// The sum; the far end of time when it does not fit.
  @inlinable @inline(__always)
  public static func + (left: Self, right: Self) -> Self {
    let sum = left.picoseconds.addingReportingOverflow(right.picoseconds)
    return Self(picoseconds: sum.overflow ? .max : sum.partialValue)
  }

  @inlinable @inline(__always)
  public static func += (left: inout Self, right: Self) { left = left + right }

  /// The time from `earlier` to `later`; zero when they stand the other way round.
  @inlinable @inline(__always)
  public static func - (later: Self, earlier: Self) -> Self {
    Self(
      picoseconds: later.picoseconds > earlier.picoseconds
        ? later.picoseconds &- earlier.picoseconds : 0)
  }

  /// This time, `count` times over; the far end of time when it does not fit.
  @inlinable
  public func times(_ count: UInt64) -> Self {
    let product = picoseconds.multipliedReportingOverflow(by: count)
    return Self(picoseconds: product.overflow ? .max : product.partialValue)
  }

  /// Whole nanoseconds, rounded down.
  @inlinable
  public var nanoseconds: UInt64 { picoseconds / 1000 }
}

extension SimulatedTime: CustomStringConvertible {
  /// Nanoseconds with three decimals, such as `1250.500 ns`.
  public var description: String {
    let fraction = String(picoseconds % 1000)
    return "\(nanoseconds).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) ns"
  }
}
