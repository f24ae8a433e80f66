/// The way to a field of a file: `workload.load.devices[0].count`, as messages name it, or
/// `workload.load.devices.0.count`.
package struct FieldPath: Hashable, Sendable {
  package enum Step: Hashable, Sendable {
    case name(String)
    case index(Int)
  }

  package let steps: [Step]

  package init(_ steps: [Step]) { self.steps = steps }

  /// `nil` for text that is no path.
  package init?(_ text: String) {
    var steps: [Step] = []
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      guard let match = part.wholeMatch(of: /([A-Za-z0-9_-]+)((?:\[[0-9]{1,6}\])*)/) else {
        return nil
      }
      steps.append(Int(match.1).map(Step.index) ?? .name(String(match.1)))
      for index in match.2.matches(of: /[0-9]+/) { steps.append(.index(Int(index.0) ?? 0)) }
    }
    self.steps = steps
  }
}

extension FieldPath.Step {
  /// The step, for a message.
  package var text: String {
    switch self {
    case .name(let name): name
    case .index(let index): String(index)
    }
  }
}
