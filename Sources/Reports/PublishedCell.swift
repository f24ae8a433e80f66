package import Files
import Published
import Scenarios

// The texts of cells, parameters and studies, as all tabular forms print them.
extension Reproduction.Cell {
  var bandText: String {
    switch band {
    case .percent(let share)?: "±\(wholeOrBrief(share)) %"
    case .factor(let factor)?: "x \(wholeOrBrief(factor))"
    case .interval(let low, let high)?: "\(wholeOrBrief(low))..\(wholeOrBrief(high))"
    case nil: ""
    }
  }

  var predictedText: String {
    predicted.map { wholeOrBrief($0.lowerBound, $0.upperBound) } ?? "-"
  }

  /// Outcome of the cell, for a table.
  var outcome: String {
    switch (role, holds, knownMiss) {
    case (.calibration, _, _): "calibration"
    case (.reported, _, _): "no band promised"
    case (_, true, nil): "holds"
    case (_, true, _): "HOLDS, unexpectedly"
    case (_, _, nil): "MISSES"
    default: "misses (known)"
    }
  }

  var texts: [String] {
    [
      measured.key.row, measured.key.column, measured.unit, wholeOrBrief(measured.value),
      predictedText,
      role == .calibration ? "" : error.map { signed($0) } ?? "-", bandText, outcome,
    ]
  }

  func tone(of text: String) -> Terminal.Tone? {
    switch text {
    case "MISSES", "HOLDS, unexpectedly": .bad
    case "misses (known)": .warning
    case "holds": .good
    case "calibration", "no band promised": .quiet
    default: nil
    }
  }
}

/// A whole number as it is, any other with three digits that count.
func wholeOrBrief(_ value: Double) -> String {
  if value == value.rounded(), abs(value) < 1e7 { return String(Int(value)) }
  guard abs(value) < 0.0995 else { return brief(value) }
  let exponent = Int(value.exponent) * 3 / 10
  let scale = [1e3, 1e4, 1e5, 1e6][min(3, max(0, -exponent))]
  let digits = String(Int((abs(value) * scale).rounded()))
  let zeros = String(repeating: "0", count: max(0, String(Int(scale)).count - 1 - digits.count))
  return "\(value < 0 ? "-" : "")0.\(zeros)\(digits)"
}

/// Two ends, or one number where they are the same.
func wholeOrBrief(_ low: Double, _ high: Double) -> String {
  wholeOrBrief(low) == wholeOrBrief(high)
    ? wholeOrBrief(low) : "\(wholeOrBrief(low))..\(wholeOrBrief(high))"
}

/// A number of per cent with its sign.
private func signed(_ percent: Double) -> String {
  (percent < 0 ? "" : "+") + brief(percent) + " %"
}

extension PublishedTable.Parameter {
  var numberText: String {
    "\(wholeOrBrief(low, high)) \(unit)"
  }
}

extension Study.Value {
  var text: String {
    switch self {
    case .text(let text): text
    case .number(let value): wholeOrBrief(value)
    case .interval(let low, let high): wholeOrBrief(low, high)
    case .error(let share): signed(share * 100)
    }
  }
}
