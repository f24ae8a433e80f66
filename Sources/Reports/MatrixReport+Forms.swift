import Bits
import Designs
package import Files
import Linux
import Scenarios
import Software

extension MatrixReport {
  /// For programs. `CONTRIBUTING.md` promises these fields; others may be added.
  package var json: JSONValue {
    let scenario = matrices.first?.scenario
    return [
      "scenario": .string(scenario?.name), "file": .string(scenario?.shownFile),
      "seed": scenario.map { .integer(Int($0.seed)) } ?? .null,
      "matrices": .array(matrices.map(\.json)),
    ]
  }

  /// For spreadsheets: one line a cell, with its value on every axis.
  var csv: String {
    let titles =
      ["scenario", "design"] + ComparisonAxis.all.map { $0.name.replacing("-", with: "_") } + [
        "outcome", "verdict", "errno", "total", "address", "data", "exits_setup",
        "exits_per_interrupt", "missing_interfaces", "why", "command",
      ]
    var seen: Set<String> = []
    var output = csvLine(titles)
    for matrix in matrices {
      for cell in matrix.rows.flatMap(\.cells) {
        let line = csvLine([matrix.scenario.name] + cell.csvFields)
        // A combination that several matrices have stands once.
        if seen.insert(line).inserted { output += line }
      }
    }
    return output
  }

  /// For mails, issues and documents.
  var markdown: String {
    var output = ""
    if let scenario = matrices.first?.scenario {
      output += "**\(scenario.name)**: \(scenario.purpose)\n\n"
    }
    for (number, matrix) in matrices.enumerated() {
      output += "\(matrix.conditions)\n\n" + markdownTable(number, matrix) + "\n"
    }
    for (index, reason) in reasons.reasons.enumerated() {
      output +=
        "\(index + 1). \(reason.word): \(reason.scope). \(reason.why). `\(reason.command)`\n"
    }
    output += reasons.reasons.isEmpty ? "" : "\n"
    for line in matrices.interfaceNotes { output += "\\\(line)\n\n" }
    return output + Self.exitsNote + "\n"
  }

  private func markdownTable(_ number: Int, _ matrix: ComparisonMatrix) -> String {
    let titles =
      ["design"] + matrix.columns.map { $0.title(separator: ", ") } + [
        "exits at set-up", "exits per MSI",
      ]
    var output = markdownLine(titles)
    output += "|" + titles.indices.map { $0 < titles.count - 2 ? "---|" : "--:|" }.joined() + "\n"
    for (row, line) in matrix.rows.enumerated() {
      output += markdownLine(
        [line.design.name]
          + line.cells.enumerated().map { column, cell in
            cell.label(
              separator: " ", mark: reasons.number(matrix: number, row: row, column: column))
          } + [line.setupExits(), line.exitsPerInterrupt()])
    }
    return output
  }
}

extension ComparisonMatrix {
  var json: JSONValue {
    [
      "axes": .array(
        axes.map { axis in
          [
            "name": .string(axis.name), "meaning": .string(axis.meaning),
            "values": .array(
              axis.values.map { ["name": .string($0.name), "meaning": .string($0.meaning)] }),
          ]
        }),
      "rows": .array(
        rows.map { row in
          ["design": .string(row.design.name), "cells": .array(row.cells.map(\.json))]
        }),
    ]
  }
}

extension ComparisonMatrix.Cell {
  var json: JSONValue {
    [
      "values": .object(
        ComparisonAxis.all.map { .init($0.name, .string($0.value(of: specification))) }),
      "outcome": .string(word(separator: " ")),
      "verdict": .string(summary?.verdict.rawValue),
      "by": .string(summary?.refusal?.agent.rawValue),
      "errno": .string(summary?.refusal?.errno),
      "message": summary?.message?.json ?? .null,
      "exits": summary.map {
        ["setup": .integer($0.exits.setup), "perInterrupt": .number($0.exitsPerInterrupt)]
      } ?? .null,
      "why": .string(why),
      "command": .string(commandLine(command)),
      "missingInterfaces": .interfaces(specification.missingInterfaces),
    ]
  }

  var csvFields: [String] {
    [specification.design.name] + ComparisonAxis.all.map { $0.value(of: specification) } + [
      word(separator: " "), summary?.verdict.rawValue ?? "", summary?.refusal?.errno ?? "",
      summary.map { String($0.total) } ?? "", summary?.message?.address.description ?? "",
      summary?.message.map { "0x" + String($0.data, radix: 16) } ?? "",
      summary.map { String($0.exits.setup) } ?? "",
      summary.map { plain($0.exitsPerInterrupt) } ?? "",
      specification.missingInterfaces.map(\.rawValue).joined(separator: "; "), why,
      commandLine(command),
    ]
  }
}
