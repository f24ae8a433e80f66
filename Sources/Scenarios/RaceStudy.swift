package import Designs
package import Engine
package import Files
import Guest
package import Linux

/// Outcomes of one more MSI that the device sends between two steps of software, gap by gap.
package struct RaceStudy: Sendable {
  /// One place between two steps, and what became of an MSI there.
  package struct Gap: Equatable, Sendable {
    /// Number of steps that software had carried out.
    package let steps: Int
    package let outcome: Outcome
    /// Reason for the outcome, in one sentence.
    package let reason: String

    package init(steps: Int, outcome: Outcome, reason: String) {
      self.steps = steps
      self.outcome = outcome
      self.reason = reason
    }
  }

  /// Outcome of an MSI, told apart from one that never left the device.
  package enum Outcome: Equatable, Sendable {
    /// MSI-X or bus mastering was off, and no pending bit was set.
    case notSent
    case ended(Verdict)

    /// A word for reports.
    package var text: String {
      switch self {
      case .notSent: "not sent"
      case .ended(let verdict): verdict.rawValue
      }
    }
  }

  package let design: String
  package let vector: Int
  /// Unreleased interfaces that the runs rest on.
  package let missingInterfaces: [ReleaseSwitch]
  /// Steps of software in the run without that MSI.
  package let steps: [RunResult.PerformedStep]
  /// One more than there are steps, where all were looked at.
  package let gaps: [Gap]

  package init(
    design: String, vector: Int, missingInterfaces: [ReleaseSwitch] = [],
    steps: [RunResult.PerformedStep], gaps: [Gap]
  ) {
    self.design = design
    self.missingInterfaces = missingInterfaces
    self.vector = vector
    self.steps = steps
    self.gaps = gaps
  }

  /// Gaps next to each other where the same became of the MSI, for the same reason.
  package var stretches: [ArraySlice<Gap>] {
    var found: [ArraySlice<Gap>] = []
    var start = gaps.startIndex
    while start < gaps.endIndex {
      let end =
        gaps[start...].firstIndex {
          $0.outcome != gaps[start].outcome || $0.reason != gaps[start].reason
        } ?? gaps.endIndex
      found.append(gaps[start..<end])
      start = end
    }
    return found
  }
}

extension Scenario {
  /// Lets the first device send one more MSI in each gap between two steps of software in turn,
  /// under each design; each gap is a run of its own.
  ///
  /// - Parameters:
  ///   - vector: below the device's number of vectors.
  ///   - every: number of gaps from one that is looked at to the next, 1 for all.
  ///   - progress: told how many runs are done.
  /// - Throws: `InputError` for a vector that the device has not.
  package func races(
    vector: Int, every: Int = 1, progress: (Int) -> Void = { _ in }
  ) async throws(InputError) -> [RaceStudy] {
    precondition(every > 0, "gaps go on by one at least")
    guard (0..<workload.device.vectors).contains(vector) else {
      throw InputError(
        "--vector: expected 0 to \(workload.device.vectors - 1), found \(vector)")
    }
    let plain = await run()
    let runs = zip(specifications(), plain.results).enumerated().flatMap { design, pair in
      stride(from: 0, through: pair.1.steps.count, by: every).map { steps in
        var specification = pair.0
        specification.spansRanges = false
        specification.interposed = Interposition(afterSteps: steps, vector: vector)
        return (design: design, specification: specification, steps: steps)
      }
    }
    let gaps = await inParallel(runs.indices, progress: progress) { number in
      RaceStudy.Gap(after: runs[number].steps, runs[number].specification)
    }
    return plain.results.enumerated().map { design, result in
      RaceStudy(
        design: result.design.name, vector: vector,
        missingInterfaces: missingInterfaces(of: result.design.name), steps: result.steps,
        gaps: zip(runs, gaps).filter { $0.0.design == design }.map(\.1))
    }
  }
}

extension RaceStudy.Gap {
  fileprivate init(after steps: Int, _ specification: RunSpecification) {
    do throws(RunFailure) {
      guard let journey = try specification.run().journey else {
        self.init(steps: steps, outcome: .notSent, reason: "the run ended before")
        return
      }
      self.init(
        steps: steps, outcome: journey.isSent ? .ended(journey.verdict) : .notSent,
        reason: journey.reason)
    } catch {
      self.init(steps: steps, outcome: .notSent, reason: error.message)
    }
  }
}
