import Designs
import Files
import Linux
package import Scenarios

/// The space of designs: its front, and what eliminated the rest.
package struct DesignSpaceReport: Sendable {
  let space: DesignSpace
  /// Largest number of families that a text shows.
  let limit: Int

  /// - Parameter limit: number of families that the table and Markdown show.
  package init(_ space: DesignSpace, limit: Int) {
    self.space = space
    self.limit = limit
  }

  /// The report, ended by a newline.
  package func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: csv
    case .markdown: markdown
    }
  }

  /// For people at a terminal.
  private func table(on terminal: Terminal) -> String {
    var output = terminal.paint("The space of designs", .heading) + "\n"
    output += paragraph(summary, indent: "", width: terminal.width)
    output += paragraph(conditions, indent: "", width: terminal.width) + "\n"
    output += terminal.paint("Nothing beats these", .heading) + "\n"
    output += front(on: terminal) + "\n"
    output += terminal.paint("What beats the rest, and in what", .heading) + "\n"
    var better: Int?
    for family in space.families.prefix(limit) {
      if family.better != better {
        better = family.better
        output += "by \(label(family.better)):\n"
      }
      output += text(family, on: terminal)
    }
    let more = space.families.count - limit
    if more > 0 {
      let count = space.families.dropFirst(limit).reduce(0) { $0 + $1.designs.count }
      output += "\(more) more families of \(count) designs: --limit \(space.families.count)\n"
    }
    return output + "\n" + interfaces(on: terminal)
  }

  private func front(on terminal: Terminal) -> String {
    var table = TextTable(
      zip(Self.brokenTitles, Self.titles.indices).map {
        (title: $0, alignment: $1 == 1 ? .left : .right)
      })
    for (number, point) in space.front.enumerated() {
      table.add(
        ([String(number + 1)] + texts(point)).map { TextTable.Cell($0) },
        note: "\(point.design.name): \(note(point))")
    }
    return table.render(on: terminal)
  }

  /// `2, untrapped`: a member of the front by its number.
  func label(_ number: Int) -> String { "\(number + 1), \(space.front[number].design.name)" }

  /// Number of combinations, and of the designs that are beaten or not.
  var summary: String {
    let enumeration = space.enumeration
    let beaten = space.families.reduce(0) { $0 + $1.designs.count }
    return
      "\(enumeration.count) combinations of choices on \(DesignAxis.all.count) axes; "
      + "\(enumeration.consistent.count) can stand together. Run under "
      + "\(space.matrix.columns.map { $0.title(separator: ", ") }.joined(separator: "; "))"
      + (space.attacks.isEmpty ? ": " : ", and attacked in \(space.attacks.count) ways: ")
      + "\(enumeration.consistent.count - beaten) designs in \(space.front.count) groups of equals "
      + "are beaten by none, \(beaten) designs are."
      + demand
      + (common.isEmpty
        ? "" : " All of the front are breached by \(common.joined(separator: ", ")).")
  }

  /// Values on which a column has to work in order to count, in a sentence.
  private var demand: String {
    guard let every = space.every else { return "" }
    return " A column counts as working where every MSI arrives with each of "
      + every.values.map { "\(every.name)=\($0.name)" }.joined(separator: " and ")
      + "; exits are those with \(every.name)=\(every.values.first?.name ?? "")."
  }

  static let titles = [
    "number", "works under", "exits per MSI", "exits at set-up", "breaches", "new interfaces",
    "equals",
  ]
  private static let brokenTitles = [
    "", "works\nunder", "exits\nper MSI", "exits at\nset-up", "breaches", "new\ninterfaces",
    "equals",
  ]

  func texts(_ point: DesignSpace.Point) -> [String] {
    let exits = point.measures.exits.compactMap(\.self)
    return [
      "\(point.measures.works) of \(point.measures.exits.count)",
      interval(exits.map(\.perInterrupt)), interval(exits.map { Double($0.setup) }),
      point.isAttacked(in: space) ? String(point.measures.breaches.count) : "-",
      String(point.measures.interfaces.count), String(point.alike.count),
    ]
  }

  /// The attacks that breach every member of the front.
  var common: [String] {
    let all = space.front.map(\.measures.breaches)
    return (all.first ?? []).filter { attack in all.allSatisfy { $0.contains(attack) } }
  }

  /// Returns a note on a point: its choices, its failures, its needs and its equals.
  func note(_ point: DesignSpace.Point) -> String {
    var parts = [choices(common: [point.design])]
    parts += failures(point)
    let breaches = point.measures.breaches.filter { !common.contains($0) }
    if !breaches.isEmpty { parts.append("breached by \(breaches.joined(separator: ", "))") }
    if !point.measures.interfaces.isEmpty {
      parts.append("needs \(point.measures.interfaces.map(\.rawValue).joined(separator: ", "))")
    }
    if !point.alike.isEmpty {
      let names = point.alike.prefix(3).map(\.name).joined(separator: "; ")
      let more = point.alike.count - 3
      parts.append("equal: \(names)\(more > 0 ? "; and \(more) more" : "")")
    }
    return parts.joined(separator: ". ") + "."
  }

  /// Returns the verdicts of the columns in which the point does not deliver, with the reasons.
  func failures(_ point: DesignSpace.Point) -> [String] {
    point.cells.enumerated().filter { !$1.works }.map { column, cell in
      "\(title(of: column, cell)): \(cell.word(separator: " ")), \(cell.why)"
    }
  }

  /// `vfio`, or `vfio with its=2`.
  func title(of column: Int, _ cell: ComparisonMatrix.Cell) -> String {
    space.matrix.columns[column].title(separator: ", ") + setting(of: cell)
  }

  /// ` with its=2` where the cell is not of the first value on which a column has to work.
  func setting(of cell: ComparisonMatrix.Cell) -> String {
    guard let every = space.every else { return "" }
    let value = every.value(of: cell.specification)
    return value == every.values.first?.name ? "" : " with \(every.name)=\(value)"
  }

  /// Conditions that hold in every run.
  var conditions: String { space.matrix.conditions(every: space.every) }

  /// Which interfaces are missing, and who proposed them.
  private func interfaces(on terminal: Terminal) -> String {
    var output = ""
    for interface in missing {
      output += paragraph(
        interface.sentence, indent: "", width: terminal.width)
    }
    return output
  }

  /// The interfaces that designs on the front or their families need.
  var missing: [ReleaseSwitch] {
    let points = space.front + space.families.flatMap(\.points)
    var found: [ReleaseSwitch] = []
    for interface in points.flatMap(\.measures.interfaces) where !found.contains(interface) {
      found.append(interface)
    }
    return found
  }
}

extension DesignSpace.Point {
  /// Whether it was attacked: what delivers nowhere was not.
  func isAttacked(in space: DesignSpace) -> Bool { !space.attacks.isEmpty && measures.works > 0 }
}

/// `3`, or `2..5` for the lowest and the highest of several numbers.
func interval(_ numbers: [Double]) -> String {
  guard let low = numbers.min(), let high = numbers.max() else { return "-" }
  return low == high ? plain(low) : "\(plain(low))..\(plain(high))"
}
