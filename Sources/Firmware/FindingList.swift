/// Collects findings, and of each rule only so many: a table made to harm cannot fill the memory
/// with text.
struct FindingList {
  /// Findings of one rule that are kept.
  static let limit = 50

  private var kept: [FirmwareFinding] = []
  /// Number of findings by rule, in the order in which the rules were first broken.
  private var counts: [(rule: String, severity: FirmwareFinding.Severity, count: Int)] = []

  init(_ findings: [FirmwareFinding] = []) {
    for finding in findings {
      add(
        finding.severity, finding.rule, finding.place, finding.text, finding.consequence)
    }
  }

  mutating func add(
    _ severity: FirmwareFinding.Severity, _ rule: String, _ place: String,
    _ text: String, _ consequence: String
  ) {
    let known = counts.firstIndex { $0.rule == rule && $0.severity == severity }
    let index = known ?? counts.count
    if known == nil { counts.append((rule, severity, 0)) }
    counts[index].count += 1
    guard counts[index].count <= Self.limit else { return }
    kept.append(
      FirmwareFinding(severity, rule, at: place, text, consequence: consequence))
  }

  /// Whether a rule's findings are still listed; where they are not, looking on is of no use.
  func isListing(_ rule: String) -> Bool {
    !counts.contains { $0.rule == rule && $0.count > Self.limit }
  }

  /// The findings kept, and one for each rule of which there were more.
  var findings: [FirmwareFinding] {
    kept
      + counts.filter { $0.count > Self.limit }.map {
        FirmwareFinding(
          $0.severity, $0.rule, at: "elsewhere",
          "further findings of this rule are not listed",
          consequence: "as for those that are.")
      }
  }
}
