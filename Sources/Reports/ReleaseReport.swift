import Designs
package import Files
package import Linux

/// The release table: behaviours that came with a release, or did not come yet.
package struct ReleaseReport: Sendable {
  private let switches: [ReleaseSwitch]

  package init(_ switches: [ReleaseSwitch] = ReleaseSwitch.allCases) { self.switches = switches }

  /// The table, ended by a newline.
  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: JSONValue.array(switches.map(\.json)).indentedText + "\n"
    case .csv: csvLine(Self.titles) + switches.map { csvLine($0.cells) }.joined()
    case .markdown: markdown
    }
  }

  private static let titles = [
    "switch", "program", "state", "releases", "released", "choice", "source",
    "effect in the models",
    "changes",
  ]

  private func table(on terminal: Terminal) -> String {
    var table = TextTable([
      ("switch", .left), ("program", .left), ("state", .left), ("effect in the models", .left),
    ])
    for item in switches {
      let record = item.record
      table.add(
        [
          TextTable.Cell(item.rawValue), TextTable.Cell(record.program.rawValue),
          TextTable.Cell(item.stateText, record.isReleased ? nil : .warning),
          TextTable.Cell(record.effect.description),
        ], note: "\(record.meaning) Source: \(record.source).")
    }
    return table.render(on: terminal) + "\n"
      + paragraph(Self.note, indent: "", width: terminal.width)
  }

  private static let note =
    "The models know Linux \(Kernel.oldest) to \(Kernel.newest). A kernel is a release with switches: "
    + "--host-kernel 6.12+sw-msi-native+no-veventq, or in a scenario file "
    + "kernel: { release: \"6.12\", with: [sw-msi-native], without: [veventq] }."

  private var markdown: String {
    let titles = ["switch", "program", "state", "changes", "source", "effect in the models"]
    var output = markdownLine(titles) + markdownLine(titles.map { _ in "---" })
    for item in switches {
      let record = item.record
      output += markdownLine([
        "`\(item.rawValue)`", record.program.rawValue, item.stateText, record.meaning,
        record.source, record.effect.description,
      ])
    }
    return output + "\n\(Self.note)\n"
  }
}

extension ReleaseSwitch {
  /// `merged in 7.0 (6.18.15)`.
  fileprivate var stateText: String {
    let backports = record.backports.map(\.description).joined(separator: ", ")
    return record.state.description + (backports.isEmpty ? "" : " (stable \(backports))")
  }

  fileprivate var cells: [String] {
    let record = record
    return [
      rawValue, record.program.rawValue, record.state.description,
      record.releases.map(\.description).joined(separator: "; "), record.isReleased ? "yes" : "no",
      record.choice ?? "", record.source, record.effect.description, record.meaning,
    ]
  }

  /// For programs.
  package var json: JSONValue {
    let record = record
    return [
      "name": .string(rawValue), "program": .string(record.program.rawValue),
      "state": .string(record.state.word), "stateText": .string(record.state.description),
      "releases": .array(record.releases.map { .string($0.description) }),
      "isReleased": .bool(record.isReleased), "source": .string(record.source),
      "changes": .string(record.meaning), "effect": .string(record.effect.description),
      "choice": .string(record.choice),
    ]
  }

  /// Everything about one switch.
  package func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(rawValue, .heading) + "\n"
    output += paragraph(record.meaning, indent: "", width: terminal.width) + "\n"
    var table = TextTable([("", .left), ("", .left)])
    let rows: KeyValuePairs<String, String?> = [
      "program": record.program.rawValue, "state": stateText,
      "released": record.isReleased ? "yes" : "no", "source": record.source,
      "effect in the models": record.effect.description, "comes with the choice": record.choice,
    ]
    for (title, text) in rows {
      guard let text else { continue }
      table.add([TextTable.Cell(title), TextTable.Cell(text)])
    }
    return output + table.render(on: terminal)
  }
}
