package import Files
package import SMMU

/// Report on the findings of `--check`, for people and for programs.
struct CheckReport {
  let name: String
  /// Personality of the SMMU.
  let personality: String
  let counts: TraceCounts
  let tallies: [CheckTally]

  /// Reason why the comparison is not of the whole trace: inputs of the machine are missing.
  var damage: String? {
    if let damage = counts.damage {
      return "\(name): the log ends early, in line \(counts.lines): \(damage)"
    }
    guard counts.garbled > 0 else { return nil }
    return "\(name): expected whole lines, found \(counted(counts.garbled, "line")) damaged"
  }

  var holds: Bool { tallies.allSatisfy(\.holds) }

  /// Each subject with how often it agreed and differed.
  var subjects: [(name: String, agreed: Int, differed: Int)] {
    CheckTally.Subject.allCases.compactMap { subject in
      let agreed = tallies.reduce(0) { $0 + $1.agreed[subject, default: 0] }
      let differed = tallies.reduce(0) { $0 + $1.differed[subject, default: 0] }
      return agreed + differed > 0 ? (subject.rawValue, agreed, differed) : nil
    }
  }

  var differences: [CheckTally.Difference] {
    tallies.flatMap(\.differences).sorted { $0.line < $1.line }
  }

  var unchecked: [(reason: String, count: Int)] {
    tallies.flatMap { $0.unchecked.map { ($0.key, $0.value) } }.sorted { $0.0 < $1.0 }
  }

  /// Inputs that no trace contains, whatever it shows.
  static let limits = [
    "STE.Config, S2T0SZ and the attribute and reporting bits of STEs and CDs: Config is taken "
      + "from what QEMU did, the others are as Linux writes them",
    "whether a translated access read or wrote: its permissions are compared instead",
    "whether a refused access read or wrote: F_PERMISSION is taken for a write, all else for a "
      + "read",
    "LPI configuration bytes: every LPI counts as enabled, all with one priority",
    "the SMMU's interrupts: QEMU pulses one for each event, the architecture when the queue "
      + "becomes non-empty",
  ]

  var text: String {
    var lines = ["\(name): \(counted(counts.lines, "line")), as \(personality) answers"]
    let rows = subjects.map { ["\($0.agreed)", "agree", "\($0.differed)", "differ", $0.name] }
    lines += StoryReport.table(rows)
    for (reason, count) in unchecked { lines.append("  not checked: \(count) \(reason)") }
    if let damage = counts.damage {
      lines.append("  not checked: what follows line \(counts.lines): \(damage)")
    }
    if counts.garbled > 0 {
      lines.append("  not checked: \(counted(counts.garbled, "damaged line"))")
    }
    for limit in Self.limits { lines.append("  not in a trace: \(limit)") }
    for difference in differences {
      lines.append("  line \(difference.line): \(difference.subject.rawValue): \(difference.text)")
    }
    lines.append(
      subjects.isEmpty
        ? "nothing to compare"
        : holds
          ? damage == nil ? "every outcome agrees" : "every outcome that could be compared agrees"
          : "the emulator differs")
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSONValue {
    let subjects = subjects.map {
      JSONValue.object([
        .init("subject", .string($0.name)), .init("agree", .integer($0.agreed)),
        .init("differ", .integer($0.differed)),
      ])
    }
    let found = differences.map { difference in
      JSONValue.object([
        .init("line", .integer(difference.line)),
        .init("subject", .string(difference.subject.rawValue)),
        .init("text", .string(difference.text)),
      ])
    }
    return .object([
      .init("trace", .string(name)), .init("lines", .integer(counts.lines)),
      .init("damage", counts.damage.map { .string($0) } ?? .null),
      .init("personality", .string(personality)), .init("compared", .array(subjects)),
      .init("differences", .array(found)),
      .init(
        "notChecked",
        .array(
          unchecked.map {
            .object([.init("reason", .string($0.reason)), .init("count", .integer($0.count))])
          })),
      .init("notInATrace", .array(Self.limits.map { .string($0) })),
    ])
  }
}

extension RecordedCase {
  /// Runs the emulator on the recorded inputs and compares every recorded outcome.
  ///
  /// - Parameters:
  ///   - personality: personality of the SMMU; `qemu11` is that of the machines that write
  ///     such traces, and `architecture` shows where they deviate from it.
  ///   - label: its name in the report.
  /// - Throws: `InputError` when a file cannot be read.
  package func check(
    personality: SMMUPersonality = .qemu11, label: String = "qemu-11",
    progress: (Int) -> Void = { _ in }
  ) throws(InputError) -> ReplayReport {
    var check: MachineCheck
    do { check = try MachineCheck(profile, personality) } catch {
      throw InputError("no memory for the machine: \(error)", at: Place(file: name))
    }
    var reader = TraceReader()
    try reader.read(try neededTrace(), into: &check, progress: progress)
    let report = CheckReport(
      name: name, personality: label, counts: reader.counts,
      tallies: check.finish(line: reader.counts.lines))
    return ReplayReport(
      text: report.text, json: report.json, sections: report.sections, holds: report.holds,
      damage: report.damage)
  }

  /// The SMMU of the machine; both stages unless its command line says otherwise.
  private var profile: SMMUProfile {
    if commandLine.contains("arm-smmuv3.stage=1") { return .qemuStage1 }
    if commandLine.contains("arm-smmuv3.stage=2") { return .qemuStage2 }
    return .qemu
  }
}
