/// The logarithm to base 2, to twelve digits, the same on every machine; 0 for what is not positive
/// and finite.
public func logarithm(_ value: Double) -> Double {
  guard value > 0, value.isFinite else { return 0 }
  var result = Double(value.exponent)
  var rest = value.significand
  var bit = 0.5
  for _ in 0..<40 {
    rest *= rest
    if rest >= 2 {
      rest /= 2
      result += bit
    }
    bit /= 2
  }
  return result
}
