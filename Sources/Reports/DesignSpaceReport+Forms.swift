import Attacks
import Designs
package import Files
import Linux
import Scenarios

extension DesignSpaceReport {
  /// For programs.
  package var json: JSONValue {
    [
      "scenario": .string(space.matrix.scenario.name),
      "combinations": .integer(space.enumeration.count),
      "consistent": .integer(space.enumeration.consistent.count),
      "inconsistent": .array(
        space.enumeration.inconsistencies.map {
          ["reason": .string($0.reason), "count": .integer($0.count)]
        }),
      "columns": .array(
        space.matrix.columns.map { column in
          .object(
            zip(space.matrix.axes, column.values).map { .init($0.name, .string($1.name)) })
        }),
      "every": space.every.map { axis in
        ["axis": .string(axis.name), "values": .array(axis.values.map { .string($0.name) })]
      } ?? .null,
      "attacks": .array(space.attacks.map { .string($0.name) }),
      "front": .array(space.front.map { json($0) }),
      "families": .array(space.families.map { json($0) }),
      "interfaces": .interfaces(missing),
    ]
  }

  private func json(_ point: DesignSpace.Point) -> JSONValue {
    [
      "design": .string(point.design.reference),
      "choices": .object(
        DesignAxis.all.map { .init($0.name, .string($0.word(of: point.design))) }),
      "cells": .array(point.cells.map(\.json)),
      "breaches": point.isAttacked(in: space)
        ? .array(point.measures.breaches.map { .string($0) }) : .null,
      "interfaces": .array(point.measures.interfaces.map { .string($0.rawValue) }),
      "equals": .array(point.alike.map { .string($0.reference) }),
    ]
  }

  private func json(_ family: DesignSpace.Family) -> JSONValue {
    [
      "beatenBy": .string(space.front[family.better].design.reference),
      "reason": .string(reason(family)),
      "why": .string(evidence(family)?.why), "command": .string(evidence(family)?.command),
      "points": .array(family.points.map { json($0) }),
    ]
  }

  /// For spreadsheets: one line for each consistent design.
  var csv: String {
    let columns = space.matrix.columns.map { $0.title(separator: " ") }
    var output = csvLine(
      ["design"] + DesignAxis.all.map(\.name) + columns + columns.map { "exits_setup \($0)" }
        + columns.map { "exits_per_interrupt \($0)" }
        + ["breaches", "new_interfaces", "on_front", "beaten_by", "in"])
    for point in space.front {
      for design in point.designs { output += csvLine(fields(design, point) + ["yes", "", ""]) }
    }
    for family in space.families {
      let better = space.front[family.better].design.name
      for point in family.points {
        for design in point.designs {
          output += csvLine(fields(design, point) + ["no", better, reason(family)])
        }
      }
    }
    return output
  }

  /// Returns the first columns of a design's line; equals of a point may fail in other ways.
  private func fields(_ design: Design, _ point: DesignSpace.Point) -> [String] {
    let cells = space.matrix.rows.first { $0.design == design }?.cells ?? point.cells
    return [design.reference] + DesignAxis.all.map { $0.word(of: design) }
      + cells.map { $0.word(separator: " ") + setting(of: $0) }
      + cells.map { $0.summary.map { String($0.exits.setup) } ?? "" }
      + cells.map { $0.summary.map { plain($0.exitsPerInterrupt) } ?? "" }
      + [
        point.isAttacked(in: space) ? String(point.measures.breaches.count) : "",
        String(point.measures.interfaces.count),
      ]
  }

  /// For mails, issues and documents.
  var markdown: String {
    var output = "\(summary)\n\n\(conditions)\n\n" + markdownLine(Self.titles)
    output += "|" + Self.titles.indices.map { $0 == 1 ? "---|" : "--:|" }.joined() + "\n"
    for (number, point) in space.front.enumerated() {
      output += markdownLine([String(number + 1)] + texts(point))
    }
    output += "\n"
    for (number, point) in space.front.enumerated() {
      output += "\(number + 1). `\(point.design.name)`: \(note(point))\n"
    }
    output += "\n"
    for family in space.families.prefix(limit) {
      output += "- \(heading(family)): \(reason(family))."
      output += evidence(family).map { " \($0.why). `\($0.command)`" } ?? ""
      output += "\n"
    }
    output += "\n"
    for interface in missing { output += "- \(interface.sentence)\n" }
    return output
  }
}
