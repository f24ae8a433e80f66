import Designs
import Scenarios
import Software

extension SequenceDrawing {
  /// The parties of set-up, from left to right.
  private static let setupParties: [Agent] = [.guest, .vmm, .kvm, .host]

  /// Set-up: who did what after whom, with what each believed from then on.
  init(setupOf result: RunResult, identifier: String) {
    self.init(
      identifier: identifier, title: "Set-up under \(result.design.name)",
      description: "A sequence diagram: the steps of guest kernel, VMM, KVM and host kernel from "
        + "top to bottom. The table of steps below has the same in words.",
      parties: Self.setupParties.map(\.title), entries: Self.entries(of: result))
  }

  /// Runs of one agent's steps, each an entry; a step that tells a belief stands alone.
  private static func entries(of result: RunResult) -> [Entry] {
    var entries: [Entry] = []
    var run: [RunResult.PerformedStep] = []
    func close() {
      if let entry = Entry(run) { entries.append(entry) }
      run = []
    }
    for step in result.setupSteps {
      if step.agent != run.last?.agent || step.belief != nil || run.last?.belief != nil { close() }
      run.append(step)
    }
    close()
    if let refusal = result.refusal, var last = entries.popLast() {
      last.note = "refused: \(refusal.errno)"
      entries.append(last)
    }
    return entries
  }
}

extension SequenceDrawing.Entry {
  /// - Returns: `nil` for no steps.
  fileprivate init?(_ steps: [RunResult.PerformedStep]) {
    guard let first = steps.first else { return nil }
    var functions: [String] = []
    for step in steps where functions.last != step.function { functions.append(step.function) }
    let label =
      steps.count == 1
      ? "\(first.function): \(first.text)"
      : functions.count <= 2
        ? "\(functions.joined(separator: ", ")) (\(steps.count) steps)"
        : "\(functions[0]) to \(functions[functions.count - 1]) (\(steps.count) steps)"
    self.init(
      party: first.agent.title, label: label, note: first.belief.map { "believes: \($0)" })
  }
}
