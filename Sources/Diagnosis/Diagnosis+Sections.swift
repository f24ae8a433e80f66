package import Files

extension Diagnosis {
  /// The report as a page shows it.
  package var sections: [ReportSection] {
    var sections = causes.enumerated().map { number, finding in
      ReportSection("\(number + 1). \(finding.cause.rawValue)", blocks(finding))
    }
    let rows = functionRows.map(\.cells)
    if !rows.isEmpty {
      let caption = "Each function with its way from requester ID to interrupt count"
      sections.append(
        ReportSection(
          "Functions", [.table(.init(caption, columns: FunctionRow.titles, rows: rows))]))
    }
    if !notUnderstood.isEmpty {
      let lines = notUnderstood.kinds.flatMap { row in
        row.kind.examples.prefix(1).map { [String(row.kind.count), $0.description] }
      }
      let caption =
        "\(notUnderstood.count) lines look as if they mattered, and no rule explains them"
      sections.append(
        ReportSection(
          "Not understood", [.table(.init(caption, columns: ["lines", "such as"], rows: lines))]))
    }
    if !missing.isEmpty {
      let rows = missing.map { [$0.kind.rawValue, $0.shows] }
      sections.append(
        ReportSection(
          "Files that would settle or complete it",
          [.table(.init("What each would show", columns: ["file", "what it shows"], rows: rows))]))
    }
    if !remarks.isEmpty { sections.append(ReportSection("Remarks on files", [.list(remarks)])) }
    return sections
  }

  private func blocks(_ finding: Finding) -> [ReportSection.Block] {
    let isHealthy = finding.cause == .nothingWrongFound
    var blocks: [ReportSection.Block] = [
      .verdict(Self.percent(finding.confidence), isHealthy ? .good : .bad, finding.cause.meaning),
      .paragraph(finding.means), .paragraph("Fix: \(finding.fix)"),
    ]
    if !finding.show.isEmpty {
      blocks += [.note("In the models:"), .command(finding.show)]
    }
    if !finding.evidence.isEmpty {
      blocks.append(.lines(finding.evidence.map(\.description)))
    }
    return blocks
  }
}
