import Attacks
import Bits
import Designs
import Engine
import GLibSupport
import SMMU
import Scenarios
import Scripts
import Simulation
import Software
import Timing

/// One scenario under one design, or one script, as lines of text: whatever of it changes, changes a
/// line, and with it the digest of the line's part.
struct ScenarioRecord {
  /// The scenario's path in the folder, without its extension.
  let file: String
  /// The design's name; `-` for a script.
  let design: String
  var parts: [(name: String, lines: [String])] = []

  /// What a line of the file of digests begins with.
  var key: String { "\(file) \(design)" }

  /// Each part's name with the first half of the SHA-256 of its lines, such as `steps=0123456789ab`.
  var digests: [String] {
    parts.map { "\($0.name)=\(Digest.sha256($0.lines.joined(separator: "\n").utf8).prefix(16))" }
  }

  /// Everything, for a file that two versions of can be compared line by line.
  var text: String {
    parts.map { part in "[\(part.name)]\n" + part.lines.map { $0 + "\n" }.joined() }.joined()
  }
}

// MARK: Scenarios

extension ScenarioRecord {
  /// Carries a scenario's run under one design out: as 'compare' does, and where asked also as
  /// 'explain' does, with cold caches and the journey of the first MSI that did not arrive.
  ///
  /// - Parameter explains: whether there is a second run.
  init(_ file: String, _ specification: RunSpecification, explains: Bool) {
    self.file = file
    design = specification.design.name
    var specification = specification
    specification.isTraced = true
    specification.wantsMappings = true
    specification.spansRanges = explains
    do {
      let result = try specification.run()
      parts = result.recordedParts
      guard explains else { return }
      specification.journeyOf =
        result.verdicts.firstIndex { $0 != .delivered && $0 != .refused } ?? 0
      specification.wantsTimeline = true
      specification.spansRanges = false
      parts.append(("journey", try specification.run().journeyLines))
    } catch {
      parts.append(("failure", [error.message]))
    }
  }

  /// Adds what one MSI shows a load of its path under the design.
  mutating func addProbe(of specification: RunSpecification) {
    guard let path = try? specification.probe().path else { return }
    parts.append(
      (
        "path",
        [
          "direct \(path.isDirect), walk \(path.coldWalkReads) \(path.cachedWalkReads)",
          "tables \(path.coldTableReads) \(path.warmTableReads)",
          "traps mask \(path.trapsMask), invalidation \(path.trapsInvalidation)",
        ]
      ))
  }

  /// Adds what attacks on the design come to.
  mutating func addFindings(_ findings: [IsolationFinding]) {
    parts.append(
      (
        "attacks",
        findings.map { finding in
          let measures = finding.measures.map { "\($0.name) \($0.value)" }
          let stations = finding.stations.map { "\($0.name) \($0.address ?? 0)" }
          return
            ([
              finding.attack.name, finding.outcome.rawValue, finding.victim?.rawValue ?? "-",
              finding.detail,
            ] + measures + stations).joined(separator: "; ")
        }
      ))
  }
}

extension RunResult {
  fileprivate var recordedParts: [(name: String, lines: [String])] {
    [
      ("outcome", outcomeLines), ("exits", exitLines), ("mappings", mappingLines),
      ("steps", stepLines), ("times", timeLines),
    ]
  }

  private var outcomeLines: [String] {
    var lines: [String] = []
    if case .refused(let refusal) = setup {
      lines += [
        "refused by \(refusal.agent.rawValue) in \(refusal.function): \(refusal.errno), "
          + refusal.message
      ]
      lines += refusal.chain
    }
    // Runs of the same verdict, in the order of the messages.
    var run: (verdict: Verdict, count: Int)?
    for verdict in verdicts {
      if run?.verdict == verdict {
        run?.count += 1
      } else {
        if let run { lines.append("\(run.count) \(run.verdict.rawValue)") }
        run = (verdict, 1)
      }
    }
    if let run { lines.append("\(run.count) \(run.verdict.rawValue)") }
    lines.append(message?.line ?? "no message")
    lines.append(why)
    lines += windowCovers
    lines.append("merged \(merged), by hardware \(injectedByHardware)")
    lines += devices.map { device in
      "device \(device.guestID) \(device.hostID), SMMU \(device.smmu), ITS \(device.its): "
        + "\(device.verdict.rawValue), \(device.message?.line ?? "no message"), \(device.why)"
    }
    if let firstFailure {
      lines.append("first failure \(firstFailure.device) \(firstFailure.number)")
    }
    lines += accesses.map { access in
      "access \(access.address) \(access.isWrite ? "w" : "r") x \(access.count) -> "
        + (access.translated?.description ?? "-")
    }
    return lines
  }

  private var exitLines: [String] {
    ["\(exits.wakeUps) wake-ups"]
      + exits.rows.map {
        "\($0.occasion.rawValue) \($0.phase?.rawValue ?? "-") \($0.cause.name): "
          + "\($0.reads) reads, \($0.writes) writes, \($0.others) others"
      }
  }

  private var mappingLines: [String] {
    guard let mappings else { return ["none"] }
    func lines(_ stage: String, _ ranges: [String]?) -> [String] {
      [stage] + (ranges ?? ["off"])
    }
    return lines("stage 1", mappings.stage1?.ranges.map(\.text))
      + lines("stage 2", mappings.stage2?.ranges.map(\.text))
  }

  private var stepLines: [String] {
    ["before the message: \(stepsBeforeMessage.map(String.init) ?? "all")"]
      + steps.map { step in
        "\(step.agent.rawValue) \(step.function): \(step.text)"
          + (step.belief.map { " => \($0)" } ?? "")
      }
  }

  private var timeLines: [String] {
    var lines = ["events \(digest ?? "-")"]
    lines += steps.map { "\($0.time.picoseconds) \($0.duration.picoseconds)" }
    lines += ["latencies"] + latencies.map { "\($0.picoseconds)" }
    lines += ["high end"] + (latenciesAtHighEnd ?? []).map { "\($0.picoseconds)" }
    lines += Station.allCases.map { "\($0.name) \(breakdown.times[$0].picoseconds)" }
    return lines + ["\(breakdown.count)"] + (usedCosts ?? []).map(\.name)
  }

  fileprivate var journeyLines: [String] {
    var lines = why.isEmpty ? [] : [why]
    if let journey {
      lines.append(
        "\(journey.index) of vector \(journey.vector): \(journey.verdict.rawValue), "
          + "\(journey.isSent ? "sent" : "not sent"), \(journey.reason)")
      lines += journey.stations.map { station in
        "\(station.time.picoseconds) \(station.name) \(station.address ?? 0) \(station.words) "
          + station.meaning
      }
    }
    guard let timeline else { return lines }
    lines += timeline.messages.map { message in
      "\(message.vector) \(message.sent.picoseconds) \(message.ended.picoseconds) "
        + (message.verdict?.rawValue ?? "-")
    }
    return lines
      + timeline.stays.map { stay in
        "\(stay.message) \(stay.station.name) \(stay.start.picoseconds) "
          + "\(stay.duration.picoseconds)"
      }
  }
}

extension RunResult.Message {
  fileprivate var line: String { "message (\(address), \(data))" }
}

// MARK: Scripts

extension ScenarioRecord {
  /// Carries a script out.
  init(_ file: String, _ result: ScriptResult) {
    self.file = file
    design = "-"
    let golden = Golden(result, of: file)
    parts = [
      (
        "steps",
        golden.records.flatMap { record in
          [record.design] + record.fields.flatMap { $0.lines.map { "  \($0)" } }
        }
      )
    ]
  }
}
