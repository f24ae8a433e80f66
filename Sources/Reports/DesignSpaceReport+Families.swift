import Designs
import Scenarios

extension DesignSpaceReport {
  /// A family: how many, what they have in common, what beats them in what, and why one fails.
  func text(_ family: DesignSpace.Family, on terminal: Terminal) -> String {
    var output = paragraph(heading(family), indent: "  ", width: terminal.width)
    output += paragraph(shortfalls(family), indent: "    ", width: terminal.width)
    if let (why, command) = evidence(family) {
      output += paragraph(why, indent: "    ", width: terminal.width) + "    \(command)\n"
    }
    return output
  }

  /// `12 designs with stage2=software-window, such as no-rmr`.
  func heading(_ family: DesignSpace.Family) -> String {
    let designs = family.designs
    guard let example = designs.first else { return "" }
    guard designs.count > 1 else { return example.name }
    let common = choices(common: designs, unlike: space.front[family.better].design)
    return "\(designs.count) designs, such as \(example.name)"
      + (common.isEmpty ? "" : "; all have \(common)")
  }

  /// `beaten by coincident: lost under vfio; 1 more new interface`.
  func reason(_ family: DesignSpace.Family) -> String {
    "beaten by \(space.front[family.better].design.name): \(shortfalls(family))"
  }

  /// `lost under vfio; 1 more new interface`.
  private func shortfalls(_ family: DesignSpace.Family) -> String {
    let better = space.front[family.better]
    return family.shortfalls.map { text($0, family, better) }.joined(separator: "; ")
  }

  private func text(
    _ shortfall: DesignMeasures.Shortfall, _ family: DesignSpace.Family,
    _ better: DesignSpace.Point
  ) -> String {
    switch shortfall {
    case .fails(let column):
      guard let cell = family.points.first?.cells[column] else { return "" }
      return "\(cell.word(separator: " ")) under \(title(of: column, cell))"
    case .breach(let attack): return "breached by \(attack)"
    case .exitsPerInterrupt:
      return "\(excess(family, better) { $0.perInterrupt }) more exits for each MSI"
    case .exitsAtSetup:
      return "\(excess(family, better) { Double($0.setup) }) more exits at set-up"
    case .interfaces:
      let counts = family.points.map {
        Double($0.measures.interfaces.count - better.measures.interfaces.count)
      }
      return "\(interval(counts)) more new interface\(counts.max() == 1 ? "" : "s")"
    }
  }

  /// By how much the family exceeds the better design where both deliver: the most of each point.
  private func excess(
    _ family: DesignSpace.Family, _ better: DesignSpace.Point,
    _ number: (DesignMeasures.Exits) -> Double
  ) -> String {
    interval(
      family.points.map { point in
        zip(point.measures.exits, better.measures.exits).compactMap { own, theirs in
          own.flatMap { own in theirs.map { number(own) - number($0) } }
        }.max() ?? 0
      })
  }

  /// Returns the reason why the first design of a family fails in the first column that eliminates
  /// it, and the command that shows it; `nil` if no column does.
  func evidence(_ family: DesignSpace.Family) -> (why: String, command: String)? {
    for shortfall in family.shortfalls {
      guard case .fails(let column) = shortfall, let cell = family.points.first?.cells[column]
      else { continue }
      return (cell.why, commandLine(cell.command))
    }
    return nil
  }

  /// The choices that all `designs` make, as `axis=word`; only those that `other` does not make,
  /// where there is one.
  func choices(common designs: [Design], unlike other: Design? = nil) -> String {
    guard let first = designs.first else { return "" }
    return DesignAxis.all.filter { axis in
      let word = axis.word(of: first)
      return designs.allSatisfy { axis.word(of: $0) == word }
        && other.map { axis.word(of: $0) != word } ?? true
    }.map { "\($0.name)=\($0.word(of: first))" }.joined(separator: ", ")
  }
}
