/// A bound that a measurement is held to.
///
/// Times are for reading: a machine is fast or slow, and shared. What a program does is the same
/// everywhere, so that counts fail the run, and times do not.
struct Mark {
  let name: String
  let value: Double
  let bound: Double
  let unit: String
  /// Whether more is better.
  var isFloor = false
  /// Whether missing it fails the run.
  var isGate = false

  var holds: Bool { isFloor ? value >= bound : value <= bound }

  var line: String {
    let left = name + String(repeating: " ", count: max(1, 58 - name.count))
    let number = plain(value)
    let right = String(repeating: " ", count: max(0, 9 - number.count)) + number
    return "\(left)\(right) \(unit)   \(holds ? "holds" : isGate ? "FAILS" : "missed"): "
      + "\(isFloor ? "at least" : "at most") \(plain(bound))"
  }

  private func plain(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let fraction = hundredths % 100 < 10 ? "0\(hundredths % 100)" : "\(hundredths % 100)"
    return "\(hundredths / 100).\(fraction)"
  }
}
