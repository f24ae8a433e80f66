package import Designs
package import Software

/// Consecutive steps that stand in one line of a report: one, or many of one function that say
/// nothing new about the doorbell.
package struct StepGroup {
  package let steps: ArraySlice<RunResult.PerformedStep>

  /// Fewer like steps than these are listed one by one.
  private static let worthJoining = 4

  /// The steps in lines, in their order.
  package static func groups(of steps: ArraySlice<RunResult.PerformedStep>) -> [StepGroup] {
    var groups: [StepGroup] = []
    var start = steps.startIndex
    while start < steps.endIndex {
      let end =
        steps[start...].firstIndex { !$0.isMore(of: steps[start]) || $0.belief != nil }
        ?? steps.endIndex
      if end - start >= worthJoining {
        groups.append(StepGroup(steps: steps[start..<end]))
        start = end
      } else {
        groups.append(StepGroup(steps: steps[start...start]))
        start += 1
      }
    }
    return groups
  }

  /// `7`, or `7-31`: counted from 1.
  package var numbers: String {
    steps.count == 1
      ? String(steps.startIndex + 1) : "\(steps.startIndex + 1)-\(steps.endIndex)"
  }

  package var agent: Agent? { steps.first?.agent }
  package var function: String { steps.first?.function ?? "" }
  package var belief: DoorbellBelief? { steps.first?.belief }

  /// Text of the steps; of many, that of the first and the last.
  package var text: String {
    guard let first = steps.first, let last = steps.last, steps.count > 1 else {
      return steps.first?.text ?? ""
    }
    return "\(steps.count) steps, from '\(first.text)' to '\(last.text)'"
  }
}

extension RunResult.PerformedStep {
  fileprivate func isMore(of other: Self) -> Bool {
    agent == other.agent && function == other.function
  }
}
