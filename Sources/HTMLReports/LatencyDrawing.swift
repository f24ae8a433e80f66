import Designs
import Scenarios

/// The percentiles of latency of each design, as bars on one scale.
struct LatencyDrawing {
  struct Bar {
    let y: Int
    let x: Int
    let width: Int
    let style: String
  }

  struct Point {
    let x: Int
    let fromY: Int
    let toY: Int
    let name: String
  }

  struct Row {
    let name: String
    let labelY: Int
    let bars: [Bar]
    let points: [Point]
  }

  struct Tick {
    let x: Int
    let text: String
  }

  let width = Self.right + 40
  let height: Int
  let axisY: Int
  let tickY: Int
  let ticks: [Tick]
  let rows: [Row]

  private static let left = 230
  private static let right = 960
  private static let rowHeight = 44

  /// - Returns: `nil` when no MSI of any design was delivered.
  init?(_ results: [RunResult]) {
    let delivered = results.map { ($0.design.name, $0.latencyPercentiles) }
      .filter { !$0.1.low.isEmpty }
    guard let longest = delivered.flatMap({ $0.1.high + $0.1.low }).map(\.time).max(), longest > 0
    else { return nil }
    let step = Self.step(longest)
    let end = (longest + step - 1) / step * step
    func x(_ time: UInt64) -> Int {
      Self.left + Int(Double(time) / Double(end) * Double(Self.right - Self.left))
    }
    rows = delivered.enumerated().map { number, design in
      let y = 10 + number * Self.rowHeight
      let ends = design.1.low == design.1.high ? [design.1.low] : [design.1.low, design.1.high]
      return Row(
        name: design.0, labelY: y + 20,
        bars: ends.enumerated().map { place, percentiles in
          Self.bar(percentiles, y: y + 4 + place * 16, style: place == 0 ? "low" : "high", x)
        },
        points: ends.enumerated().flatMap { place, percentiles in
          percentiles.filter { [50, 99].contains($0.percentile) }.map {
            Point(
              x: x($0.time), fromY: y + 2 + place * 16, toY: y + 18 + place * 16,
              name: "p\(Int($0.percentile))")
          }
        })
    }
    axisY = 10 + delivered.count * Self.rowHeight
    tickY = axisY + 18
    height = tickY + 10
    ticks = stride(from: 0, through: end, by: Int(step)).map {
      Tick(x: x($0), text: "\(microseconds($0)) us")
    }
  }

  /// From the shortest shown percentile to the longest MSI.
  private static func bar(
    _ percentiles: [LatencyPercentile], y: Int, style: String, _ x: (UInt64) -> Int
  ) -> Bar {
    let start = x(percentiles.first?.time ?? 0)
    return Bar(y: y, x: start, width: max(x(percentiles.last?.time ?? 0) - start, 2), style: style)
  }

  /// The distance of ticks: one, two or five of a power of ten, for at most eight of them.
  private static func step(_ longest: UInt64) -> UInt64 {
    var power: UInt64 = 1
    while true {
      for factor in [1, 2, 5] as [UInt64] where longest / (power * factor) < 8 {
        return power * factor
      }
      guard power < .max / 100 else { return longest }
      power *= 10
    }
  }
}

/// Whole nanoseconds as microseconds, without a fraction of zero.
func microseconds(_ nanoseconds: UInt64) -> String {
  let fraction = nanoseconds % 1000
  guard fraction > 0 else { return String(nanoseconds / 1000) }
  let digits = String(fraction)
  var text = String(repeating: "0", count: 3 - digits.count) + digits
  while text.last == "0" { text.removeLast() }
  return "\(nanoseconds / 1000).\(text)"
}
