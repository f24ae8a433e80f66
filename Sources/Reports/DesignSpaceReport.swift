import Designs
public import JSON
public import Scenarios

/// The space of designs: its front, and what eliminated the rest.
public struct DesignSpaceReport: Sendable {
  let space: DesignSpace
  /// How many families a text shows.
  let limit: Int

  /// - Parameter limit: how many families the table and Markdown show.
  public init(_ space: DesignSpace, limit: Int) {
    self.space = space
    self.limit = limit
  }

  /// The report, ended by a newline.
  public func text(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
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
    output += paragraph(space.matrix.conditions, indent: "", width: terminal.width) + "\n"
    output += terminal.paint("Nothing beats these", .heading) + "\n"
    var table = TextTable(
      zip(Self.brokenTitles, Self.titles.indices).map {
        (title: $0, alignment: $1 == 0 || $1 == 1 ? .left : .right)
      })
    for point in space.front {
      table.add(texts(point).map { TextTable.Cell($0) }, note: note(point))
    }
    output += table.render(on: terminal) + "\n"
    output += terminal.paint("What beats the rest, and in what", .heading) + "\n"
    for family in space.families.prefix(limit) { output += text(family, on: terminal) }
    let more = space.families.count - limit
    if more > 0 {
      let count = space.families.dropFirst(limit).reduce(0) { $0 + $1.designs.count }
      output += "\(more) more families of \(count) designs: --limit \(space.families.count)\n"
    }
    return output + "\n" + interfaces(on: terminal)
  }

  /// How many combinations there are, and what became of them.
  var summary: String {
    let enumeration = space.enumeration
    let beaten = space.families.reduce(0) { $0 + $1.designs.count }
    return
      "\(enumeration.count) combinations of choices on \(DesignAxis.all.count) axes; "
      + "\(enumeration.consistent.count) can stand together. Run under "
      + "\(space.matrix.columns.map { $0.title(separator: ", ") }.joined(separator: "; ")): "
      + "\(enumeration.consistent.count - beaten) designs in \(space.front.count) groups of equals "
      + "are beaten by none, \(beaten) designs are."
  }

  static let titles = [
    "design", "works under", "exits per MSI", "exits at set-up", "new interfaces", "equals",
  ]
  private static let brokenTitles = [
    "design", "works\nunder", "exits\nper MSI", "exits at\nset-up", "new\ninterfaces", "equals",
  ]

  func texts(_ point: DesignSpace.Point) -> [String] {
    let exits = point.measures.exits.compactMap(\.self)
    return [
      point.design.name,
      "\(point.measures.works) of \(point.measures.exits.count)",
      interval(exits.map(\.perInterrupt)), interval(exits.map { Double($0.setup) }),
      String(point.measures.interfaces.count), String(point.alike.count),
    ]
  }

  /// What the point's choices are, where it fails, what it needs and what equals it.
  private func note(_ point: DesignSpace.Point) -> String {
    var parts = [choices(common: [point.design])]
    parts += failures(point)
    if !point.measures.interfaces.isEmpty {
      parts.append("needs \(point.measures.interfaces.map(\.name).joined(separator: ", "))")
    }
    if !point.alike.isEmpty {
      let names = point.alike.prefix(3).map(\.name).joined(separator: "; ")
      parts.append("equal: \(names)\(point.alike.count > 3 ? "; ..." : "")")
    }
    return parts.joined(separator: ". ") + "."
  }

  /// How the columns end in which the point does not deliver, and why.
  func failures(_ point: DesignSpace.Point) -> [String] {
    zip(space.matrix.columns, point.cells).filter { !$1.works }.map { column, cell in
      "\(column.title(separator: ", ")): \(cell.word(separator: " ")), \(cell.why)"
    }
  }

  /// Which interfaces are missing, and who proposed them.
  private func interfaces(on terminal: Terminal) -> String {
    var output = ""
    for interface in missing {
      output += paragraph(
        "\(interface.name): \(interface.source).", indent: "", width: terminal.width)
    }
    return output
  }

  /// The interfaces that designs on the front or their families need.
  var missing: [MissingInterface] {
    let points = space.front + space.families.flatMap(\.points)
    var found: [MissingInterface] = []
    for interface in points.flatMap(\.measures.interfaces) where !found.contains(interface) {
      found.append(interface)
    }
    return found
  }
}

/// `3`, or `2..5` for the lowest and the highest of several numbers.
func interval(_ numbers: [Double]) -> String {
  guard let low = numbers.min(), let high = numbers.max() else { return "-" }
  return low == high ? plain(low) : "\(plain(low))..\(plain(high))"
}
