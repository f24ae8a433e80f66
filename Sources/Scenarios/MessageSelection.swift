package import Files
package import Guest

extension Workload {
  /// The number, among all MSIs of the run, of the one that the user asks for.
  ///
  /// - Parameters:
  ///   - vector: only MSIs of this vector count; `nil` for all.
  ///   - number: counted from 0.
  package func messageIndex(vector: Int?, number: Int) throws(InputError) -> Int {
    if let vector, !(0..<device.vectors).contains(vector) {
      throw InputError("--vector: expected 0 to \(device.vectors - 1), found \(vector)")
    }
    var index = 0
    var matching = 0
    for entry in entries {
      guard case .message(let sent) = entry.activity else { continue }
      if vector == nil || sent == vector {
        if matching == number { return index }
        matching += 1
      }
      index += 1
    }
    let whose = vector.map { "vector \($0)" } ?? "the device"
    throw InputError(
      matching == 0
        ? "--vector: expected a vector that sends an MSI, found none of \(whose)"
        : "--message: expected 0 to \(matching - 1) for the MSIs of \(whose), found \(number)")
  }
}
