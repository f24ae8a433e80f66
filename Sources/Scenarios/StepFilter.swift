package import Designs
package import Software

/// Which steps of software a report shows.
package struct StepFilter: Sendable {
  /// A kind of step.
  package enum Kind: String, CaseIterable, Sendable {
    /// Steps after which an agent knows the doorbell otherwise.
    case beliefs
    /// Steps of the guest that led to steps of the VMM, KVM or the host's kernel, and the first of
    /// these.
    case exits
    /// Steps that queue commands of an SMMU or an ITS.
    case commands
  }

  /// None for all.
  package var agents: [Agent] = []
  /// Numbers of steps, counted from 1.
  package var from: Int?
  package var to: Int?
  package var only: Kind?
  /// Steps about this device, counted from 0, and those about none or all.
  package var device: Int?

  package init() {}

  /// Whether every step passes.
  package var isEmpty: Bool {
    agents.isEmpty && from == nil && to == nil && only == nil && device == nil
  }

  /// The steps that pass, in stretches of neighbours.
  package func stretches(
    of steps: ArraySlice<RunResult.PerformedStep>
  ) -> [ArraySlice<RunResult.PerformedStep>] {
    var stretches: [ArraySlice<RunResult.PerformedStep>] = []
    for index in steps.indices where passes(index, steps) {
      if let last = stretches.indices.last, stretches[last].endIndex == index {
        stretches[last] = steps[stretches[last].startIndex...index]
      } else {
        stretches.append(steps[index...index])
      }
    }
    return stretches
  }

  private func passes(_ index: Int, _ steps: ArraySlice<RunResult.PerformedStep>) -> Bool {
    let step = steps[index]
    guard agents.isEmpty || agents.contains(step.agent), index + 1 >= from ?? 1,
      index + 1 <= to ?? .max, device == nil || step.device == nil || step.device == device
    else { return false }
    switch only {
    case nil: return true
    case .beliefs: return step.belief != nil
    case .commands:
      switch step.payload {
      case .smmuCommands, .itsCommands: return true
      default: return false
      }
    case .exits:
      func leaves(_ index: Int) -> Bool {
        steps.indices.contains(index) && steps.indices.contains(index + 1)
          && steps[index].agent == .guest && steps[index + 1].agent != .guest
      }
      return leaves(index) || leaves(index - 1)
    }
  }
}
