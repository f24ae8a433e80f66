/// Whether a run has come to a state that lasts.
public enum Settling: String, CaseIterable, Sendable {
  case settled
  /// Too little was counted to tell.
  case tooFew = "too few"
  /// What is measured still moves in one direction at the end.
  case moving

  /// How many points a series needs.
  static let fewest = 20

  /// Where the start of a series should be cut off so that the mean of the rest is known best:
  /// the marginal standard error rule (White, 1997), MSER.
  ///
  /// - Returns: how many points to leave out; less than `series.count` unless that is empty.
  static func cut(_ series: [Double]) -> Int {
    // From the end: the sums over the points that would be kept.
    var (sum, squares, count) = (0.0, 0.0, 0.0)
    var best = (error: Double.infinity, cut: 0)
    let origin = series.last ?? 0
    for place in series.indices.reversed() {
      let value = series[place] - origin
      sum += value
      squares += value * value
      count += 1
      // A few points can be alike by chance.
      guard count >= 5 else { continue }
      let error = max(0, squares - sum * sum / count) / (count * count)
      if error <= best.error { best = (error, place) }
    }
    return best.cut
  }

  /// The points to leave out of a series, half of it at most, and whether the rest lasts.
  static func judge(_ series: [Double]) -> (cut: Int, settling: Settling) {
    guard series.count >= fewest else { return (0, .tooFew) }
    let cut = cut(series)
    if cut <= series.count / 2 {
      return (cut, isMoving(series[cut...]) ? .moving : .settled)
    }
    let half = series.count / 2
    return (half, isMoving(series[half...]) ? .moving : .settled)
  }

  /// Whether the later half of a series differs from its earlier half by more than chance, in
  /// the same direction as their own halves do.
  private static func isMoving(_ series: ArraySlice<Double>) -> Bool {
    let quarter = series.count / 4
    guard quarter >= 2 else { return false }
    let parts = (0..<4).map { part in
      Array(series.dropFirst(part * quarter).prefix(quarter))
    }
    let means = parts.map { $0.reduce(0, +) / Double($0.count) }
    let isRising = zip(means, means.dropFirst()).allSatisfy { $0 < $1 }
    let isFalling = zip(means, means.dropFirst()).allSatisfy { $0 > $1 }
    guard isRising || isFalling else { return false }
    // Neighbours resemble each other, so that the variance of a mean is taken from the means of
    // blocks and not from single points.
    let spread = parts.enumerated().map { part, values in
      variance(values, around: means[part]) / Double(values.count)
    }
    let difference = abs(means[3] - means[0])
    let noise = (spread[0] + spread[3]).squareRoot()
    return difference > 4 * noise && difference > 0.05 * abs(means[0])
  }

  private static func variance(_ values: [Double], around mean: Double) -> Double {
    guard values.count > 1 else { return 0 }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return squares / Double(values.count - 1)
  }
}
