package import Files
import Reports
import Scenarios
import Simulation

/// A number that a field's value is, for a place on an axis: `16`, `1e3`, `60 ns`, `5 ms`.
struct PlotNumber {
  let value: Double

  init?(_ text: String) {
    if let value = Double(text), value.isFinite {
      self.value = value
      return
    }
    let units = ["ps": 1e-3, "ns": 1, "us": 1e3, "ms": 1e6]
    guard let unit = units.keys.first(where: { text.hasSuffix($0) }), let factor = units[unit],
      let value = Double(text.dropLast(unit.count).filter { $0 != " " }), value.isFinite
    else { return nil }
    self.value = value * factor
  }
}

/// One quantity along one field, a line for each combination of the other fields, as SVG.
struct SweepPlot {
  struct Dot {
    let x: Double
    let low: Double
    let high: Double
    /// Half the width of the confidence interval.
    let width: Double
  }

  struct Line {
    let name: String
    var dots: [Dot]
  }

  let title: String
  let axisTitle: String
  /// The values along the axis, as the plan has them, in rising order where they are numbers.
  let ticks: [(text: String, place: Double)]
  private(set) var lines: [Line] = []

  private static let frame = (left: 62.0, top: 14.0, width: 560.0, height: 240.0)
  /// Lines beyond these would look like one of them.
  static let lineLimit = 8

  init(_ results: SweepResults, quantity: Int, along axis: String) {
    title = results.quantities[quantity].title
    axisTitle = axis
    ticks = Self.ticks(results.values(of: axis))
    var names: [String: Int] = [:]
    for row in results.rows {
      guard let estimate = row.estimate(quantity),
        let value = row.fields.first(where: { $0.name == axis })?.value,
        let place = ticks.first(where: { $0.text == value })?.place
      else { continue }
      let name = results.lineName(of: row, without: axis)
      let width = max(estimate.low.halfWidth ?? 0, estimate.high.halfWidth ?? 0)
      let dot = Dot(
        x: place, low: min(estimate.low.mean, estimate.high.mean),
        high: max(estimate.low.mean, estimate.high.mean), width: width)
      if let line = names[name] {
        lines[line].dots.append(dot)
      } else {
        names[name] = lines.count
        lines.append(Line(name: name, dots: [dot]))
      }
    }
    for index in lines.indices { lines[index].dots.sort { $0.x < $1.x } }
  }

  /// Places from 0 to 1: in proportion, or to the logarithm where values span a lot; evenly where
  /// they are no numbers.
  private static func ticks(_ values: [String]) -> [(text: String, place: Double)] {
    var texts: [String] = []
    for value in values where !texts.contains(value) { texts.append(value) }
    let numbers = texts.compactMap { PlotNumber($0)?.value }
    guard numbers.count == texts.count, let least = numbers.min(), let most = numbers.max(),
      least < most
    else {
      let step = 1 / Double(max(1, texts.count - 1))
      return texts.enumerated().map { ($1, texts.count == 1 ? 0.5 : Double($0) * step) }
    }
    let isLogarithmic = least > 0 && most / least >= 10
    let places = numbers.map { number in
      isLogarithmic
        ? logarithm(number / least) / logarithm(most / least) : (number - least) / (most - least)
    }
    return zip(texts, places).map { ($0, $1) }.sorted { $0.1 < $1.1 }
  }

  /// The highest value that the plot has room for.
  private var top: Double {
    let most = lines.flatMap(\.dots).map { $0.high + $0.width }.max() ?? 1
    guard most > 0, most.isFinite else { return 1 }
    var step = 1.0
    while step * 10 <= most { step *= 10 }
    while step > most { step /= 10 }
    for factor in [1, 2, 2.5, 5, 10] where step * factor >= most { return step * factor }
    return most
  }

  var svg: String {
    let top = top
    var text =
      "<svg viewBox=\"0 0 640 310\" role=\"img\" aria-label=\"\(escaped(title))\">\n"
    for part in 0...4 {
      let value = top * Double(part) / 4
      let y = self.y(value, top)
      text +=
        "<line class=\"grid\" x1=\"\(number(Self.frame.left))\" x2=\"\(number(Self.frame.left + Self.frame.width))\" "
        + "y1=\"\(number(y))\" y2=\"\(number(y))\"/>"
        + "<text class=\"tick\" text-anchor=\"end\" x=\"\(number(Self.frame.left - 6))\" "
        + "y=\"\(number(y + 4))\">\(brief(value))</text>\n"
    }
    for tick in ticks {
      text +=
        "<text class=\"tick\" text-anchor=\"middle\" x=\"\(number(x(tick.place)))\" "
        + "y=\"274\">\(escaped(tick.text))</text>\n"
    }
    text +=
      "<text class=\"axis\" text-anchor=\"middle\" x=\"342\" y=\"298\">"
      + "\(escaped(axisTitle))</text>\n"
    for (index, line) in lines.enumerated() {
      text += svg(line, style: min(index, Self.lineLimit), top)
    }
    return text + "</svg>\n"
  }

  /// The area between the ends of the costs' ranges, the line along the low end, the intervals.
  private func svg(_ line: Line, style: Int, _ top: Double) -> String {
    func point(_ dot: Dot, _ value: Double) -> String {
      "\(number(x(dot.x))),\(number(y(value, top)))"
    }
    var text = "<g class=\"line s\(style)\"><title>\(escaped(line.name))</title>"
    if line.dots.contains(where: { $0.low < $0.high }) {
      let outline =
        line.dots.map { point($0, $0.low) } + line.dots.reversed().map { point($0, $0.high) }
      text += "<polygon points=\"\(outline.joined(separator: " "))\"/>"
    }
    let middle = line.dots.map { point($0, $0.low) }.joined(separator: " ")
    text += "<polyline points=\"\(middle)\"/>"
    for dot in line.dots {
      let x = number(x(dot.x))
      if dot.width > 0 {
        text +=
          "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"\(number(y(max(0, dot.low - dot.width), top)))\" "
          + "y2=\"\(number(y(dot.high + dot.width, top)))\"/>"
      }
      text += "<circle cx=\"\(x)\" cy=\"\(number(y(dot.low, top)))\" r=\"3\"/>"
    }
    return text + "</g>\n"
  }

  private func x(_ place: Double) -> Double {
    Self.frame.left + 24 + (Self.frame.width - 48) * place
  }

  private func y(_ value: Double, _ top: Double) -> Double {
    Self.frame.top + Self.frame.height * (1 - value / top)
  }

  /// A coordinate with one decimal.
  private func number(_ value: Double) -> String {
    let tenths = Int((value.isFinite ? min(max(value, -1e6), 1e6) * 10 : 0).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
  }
}

extension SweepResults {
  /// The values of a point's other fields, of those that differ between points.
  fileprivate func lineName(of row: Row, without axis: String) -> String {
    let varied = row.fields.filter { $0.name != axis && Set(values(of: $0.name)).count > 1 }
    return varied.map { $0.name == "design" ? $0.value : "\($0.name) \($0.value)" }
      .joined(separator: ", ")
  }
}

/// `text` for HTML.
func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    .replacing("\"", with: "&quot;")
}
