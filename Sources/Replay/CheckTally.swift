/// Tally of the outcomes that were compared, those that differ, and those that could not be
/// compared for want of recorded input.
package struct CheckTally: Sendable {
  /// Everything that is compared, with the words of the report.
  package enum Subject: String, CaseIterable, Sendable {
    case commands = "SMMU commands"
    case translations = "translations"
    case bypasses = "accesses without translation"
    case walks = "table walks, descriptor by descriptor"
    case events = "SMMU event records"
    case itsCommands = "ITS commands"
    case tableReads = "ITS table entries"
    case messages = "messages"
    case acknowledges = "LPIs acknowledged"
  }

  /// One outcome of the emulator that is not the recorded one.
  package struct Difference: Equatable, Sendable {
    package var line: Int
    package var subject: Subject
    package var text: String
  }

  package private(set) var agreed: [Subject: Int] = [:]
  package private(set) var differed: [Subject: Int] = [:]
  /// The first differences.
  package private(set) var differences: [Difference] = []
  /// Number of outcomes that could not be compared, by reason.
  package private(set) var unchecked: [String: Int] = [:]
  private static let kept = 20

  package init() {}

  /// Whether nothing differs.
  package var holds: Bool { differed.isEmpty }

  mutating func compare(
    _ subject: Subject, _ line: Int, _ agrees: Bool, _ text: @autoclosure () -> String
  ) {
    if agrees {
      agreed[subject, default: 0] += 1
      return
    }
    differed[subject, default: 0] += 1
    if differences.count < Self.kept {
      differences.append(Difference(line: line, subject: subject, text: text()))
    }
  }

  mutating func skip(_ reason: String) { unchecked[reason, default: 0] += 1 }
}
