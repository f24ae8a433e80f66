public import GLibSupport

extension SeededRandom {
  /// A random time with an exponential distribution: the gap between two events of a Poisson
  /// process.
  ///
  /// Drawn by von Neumann's method, which compares uniform numbers and computes no logarithm, so
  /// that every machine draws the same gaps.
  public func exponential(mean: SimulatedTime) -> SimulatedTime {
    // A fixed-point number with 32 bits behind the point.
    var whole: UInt64 = 0
    while true {
      let first = next32()
      var last = first
      var isEven = false
      while true {
        let draw = next32()
        isEven.toggle()
        if draw > last { break }
        last = draw
      }
      if isEven {
        let product = (whole &<< 32 | UInt64(first)).multipliedFullWidth(by: mean.picoseconds)
        guard product.high < 1 << 32 else { return SimulatedTime(picoseconds: .max) }
        return SimulatedTime(picoseconds: product.high &<< 32 | product.low &>> 32)
      }
      whole &+= 1
    }
  }
}
