internal import ArmFormats
internal import Bits

/// One field of one step that is not as expected.
package struct VectorDifference: Equatable, Sendable {
  /// The name of the vector file: identifiers are unique in one file only. Empty where there is
  /// none.
  package var file = ""
  package var vector: String
  /// The step, counted from 0, and what was done in it.
  package var step: Int
  package var action: String
  package var field: String
  package var expected: String
  package var found: String

  /// The same difference, seen in a file.
  func inFile(_ name: String) -> Self {
    var copy = self
    copy.file = name
    return copy
  }
}

/// Comparison of the answers to a vector with the expected ones.
package struct VectorComparison: Sendable {
  /// Whether the vector is judged: with `qemu-11` every vector, otherwise those with a second
  /// opinion.
  package var isJudged: Bool
  /// The fields of judged steps that are not as expected; for a vector that is not judged, those
  /// that differ from the record.
  package var differences: [VectorDifference] = []
  /// The rules of the manual that overruled the file's opinion.
  package var overrulings: [Overruling] = []

  /// Compares the answers to `vector` with the record or, for the architecture, with the second
  /// opinion on it.
  package init(_ vector: Vector, found: [FoundAnswer], personality: ProofPersonality) {
    isJudged = personality == .qemu11 || vector.verdict.name != "unjudged"
    var expected = Expectation(vector, found: found)
    for (index, (step, found)) in zip(vector.steps, found).enumerated() {
      let fields: [FieldDifference]
      if personality == .qemu11 {
        fields = step.answer.differences(from: found.answer) + expected.pending(step, found)
      } else {
        fields = expected.architecture(index, step, found)
      }
      if expected.isUnjudged { isJudged = false }
      differences += fields.map {
        VectorDifference(
          vector: vector.id, step: index, action: step.action.description, field: $0.field,
          expected: $0.expected, found: $0.found)
      }
    }
    overrulings = expected.overrulings
  }
}

/// A field that is not as expected.
struct FieldDifference: Equatable {
  var field: String
  var expected: String
  var found: String
}

/// Expected answers, step by step.
private struct Expectation {
  private let verdict: ArchitectureVerdict
  private let hasSMMUInFront: Bool
  /// The architecture's answers to the accesses that are still to come, in order.
  private var accesses: ArraySlice<AccessSummary>
  /// The recorded pending tables.
  private var tables = PendingState(physical: [], virtual: [])
  /// The whole is not judged.
  var isUnjudged = false
  /// The rules that overruled the file's opinion so far.
  var overrulings: [Overruling] = []

  init(_ vector: Vector, found: [FoundAnswer]) {
    verdict = vector.verdict
    hasSMMUInFront = vector.gic != nil && vector.smmu != nil
    accesses = AccessExpectations(vector, found: found).answers[...]
  }

  /// The pending tables against the record.
  mutating func pending(_ step: VectorStep, _ found: FoundAnswer) -> [FieldDifference] {
    if let physical = step.answer.pending { tables.physical = physical }
    if let virtual = step.answer.virtualPending { tables.virtual = virtual }
    return found.pending.map { tables.differences(from: $0) } ?? []
  }

  /// A step against what the architecture says of it.
  mutating func architecture(_ index: Int, _ step: VectorStep, _ found: FoundAnswer)
    -> [FieldDifference]
  {
    if overrulings.contains(.onePageRange) { return [] }
    switch step.action {
    case .access(_, let address, _): return access(step.answer, found.answer, of: address)
    case .message where hasSMMUInFront: return translatedMessage(step, found)
    case .smmuCommands(let commands): return run(commands, step.answer, found.answer)
    default: return controller(index, step, found)
    }
  }

  private mutating func access(
    _ recorded: VectorAnswer, _ found: VectorAnswer, of address: UInt64
  ) -> [FieldDifference] {
    var expected = accesses.popFirst() ?? AccessSummary(recorded)
    if let better = Overruling.inputTooWide(expected, address: address) {
      expected = better
      overrulings.append(.wideInput)
    }
    let summary = AccessSummary(found)
    guard summary != expected else { return [] }
    return [.init(field: "answer", expected: "\(expected)", found: "\(summary)")]
  }

  private mutating func run(
    _ commands: [[UInt64]], _ recorded: VectorAnswer, _ found: VectorAnswer
  ) -> [FieldDifference] {
    var expected = recorded
    if recorded.globalErrors == 0, let place = commands.firstIndex(where: Overruling.isIllegal) {
      // The queue stops at the command, with CERROR_ILL.
      let after = (recorded.commandConsumer ?? 0) & 0x1ff
      let at = (after &- UInt64(commands.count - place)) & 0x1ff
      expected.commandConsumer = 1 << 24 | at
      expected.globalErrors = 1
      overrulings.append(.onePageRange)
    }
    return expected.differences(from: found)
  }

  /// A message that the SMMU translates: the second opinion is on the ITS alone, so an answer of
  /// the SMMU that is not the recorded one leaves the rest without an opinion.
  private mutating func translatedMessage(_ step: VectorStep, _ found: FoundAnswer)
    -> [FieldDifference]
  {
    var expected = AccessSummary(outcome: "ok")
    if step.answer.events.isEmpty {
      expected.address = step.answer.physicalAddress
    } else {
      expected = AccessSummary(step.answer)
    }
    var summary = AccessSummary(found.answer)
    if summary.outcome == "bypass" || summary.outcome == "abort" {
      summary.outcome = "ok"
      if step.answer.physicalAddress == nil { summary.address = nil }
    }
    guard summary == expected else {
      isUnjudged = true
      return [.init(field: "translation", expected: "\(expected)", found: "\(summary)")]
    }
    return pending(step, found)
  }

  private mutating func controller(_ index: Int, _ step: VectorStep, _ found: FoundAnswer)
    -> [FieldDifference]
  {
    let recorded = pending(step, found)
    guard case .deviatesPending(let first, let expected) = verdict, index >= first else {
      return step.answer.differences(from: found.answer) + recorded
    }
    // The opinion ends with the step that deviates.
    guard index == first, let tables = found.pending else { return [] }
    return expected.differences(from: tables)
  }
}
