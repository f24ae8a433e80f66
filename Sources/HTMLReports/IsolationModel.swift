import Attacks
import Designs
import Reports

/// The results of attacks: attacks by designs, and what shows each finding.
struct IsolationModel {
  struct Row {
    let attack: String
    let action: String
    let cells: [Cell]
  }

  struct Cell {
    let outcome: String
    let tone: String
    /// The finding's place; `nil` where nothing was found out.
    let target: String?
  }

  struct Finding {
    let anchor: String
    let finding: String
    let outcome: String
    let tone: String
    let detail: String
    let breach: String
    let measures: String?
    let stations: [StationModel]
    let hasStations: Bool
  }

  let attackedDesigns: [String]
  let attacks: [Row]
  let findings: [Finding]

  /// - Returns: `nil` for no findings.
  init?(_ all: [IsolationFinding]) {
    guard !all.isEmpty else { return nil }
    var designs: [String] = []
    var attacks: [Attack] = []
    for finding in all {
      if !designs.contains(finding.design) { designs.append(finding.design) }
      if !attacks.contains(finding.attack) { attacks.append(finding.attack) }
    }
    var names = UniqueNames()
    let named = all.map { finding in
      (name: names.name("finding.\(finding.design).\(finding.attack.name)"), finding: finding)
    }
    attackedDesigns = designs.map { design in
      let isReleased = all.allSatisfy { $0.design != design || $0.missingInterfaces.isEmpty }
      return isReleased ? design : design + "*"
    }
    self.attacks = attacks.map { attack in
      Row(
        attack: attack.name, action: attack.action,
        cells: designs.map { design in
          let found = named.first { $0.finding.design == design && $0.finding.attack == attack }
          return Cell(
            outcome: found?.finding.outcomeText ?? "not attacked",
            tone: found?.finding.tone ?? "unknown", target: found?.name)
        })
    }
    findings = named.map { Finding($0.finding, anchor: $0.name) }
  }
}

extension IsolationModel.Finding {
  fileprivate init(_ finding: IsolationFinding, anchor: String) {
    self.anchor = anchor
    let star = finding.missingInterfaces.isEmpty ? "" : "*"
    self.finding = "\(finding.attack.name), \(finding.design)\(star)"
    outcome = finding.outcomeText
    tone = finding.tone
    detail = ([finding.detail] + finding.missingInterfaces.map { "* \($0.sentence)" })
      .joined(separator: " ")
    breach = finding.attack.breach
    let counted = finding.measures.map { "\($0.name): \($0.value)" }.joined(separator: "; ")
    measures = counted.isEmpty ? nil : counted
    stations = finding.stations.map { StationModel($0, since: finding.stations.first?.time) }
    hasStations = !stations.isEmpty
  }
}

extension IsolationFinding {
  fileprivate var outcomeText: String {
    victim.map { "\(outcome.rawValue) (\($0.rawValue))" } ?? outcome.rawValue
  }

  /// The class of the verdict that it looks like.
  fileprivate var tone: String {
    switch outcome {
    case .contained: "delivered"
    case .noise: "refused"
    case .breach: "lost"
    case .notApplicable, .unknown: "unknown"
    }
  }
}
