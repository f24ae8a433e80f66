package import Designs
package import Files
import Scenarios
public import Timing

extension Design {
  /// The design with the meaning of each of its choices.
  package func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(name, .heading) + "\n"
    output += paragraph(title, indent: "", width: terminal.width)
    output += paragraph("Source: \(source)", indent: "", width: terminal.width) + "\n"
    var table = TextTable([("axis", .left), ("choice", .left), ("meaning", .left)])
    for axis in DesignAxis.all {
      let choice = axis.choice(of: self)
      table.add([
        TextTable.Cell(axis.name), TextTable.Cell(choice.word), TextTable.Cell(choice.meaning),
      ])
    }
    return output + table.render(on: terminal)
  }

  /// For programs: each choice by its axis.
  package var json: JSONValue {
    [
      "name": .string(name), "title": .string(title), "source": .string(source),
      "choices": .array(
        DesignAxis.all.map { axis in
          let choice = axis.choice(of: self)
          return [
            "axis": .string(axis.name), "choice": .string(choice.word),
            "meaning": .string(choice.meaning),
          ]
        }),
    ]
  }

  /// One line for each design.
  package static func list(_ designs: [Design], on terminal: Terminal = Terminal()) -> String {
    var table = TextTable([("design", .left), ("what it is", .left)])
    for design in designs {
      table.add([TextTable.Cell(design.name), TextTable.Cell(design.title)])
    }
    return table.render(on: terminal)
  }
}

extension CostModel {
  /// One line for each cost model.
  package static func list(_ models: [CostModel], on terminal: Terminal = Terminal()) -> String {
    var table = TextTable([("costs", .left), ("platform", .left)])
    for model in models { table.add([TextTable.Cell(model.name), TextTable.Cell(model.platform)]) }
    return table.render(on: terminal)
  }

  /// Every number with its source.
  package func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(name, .heading) + "\n"
    output += paragraph(platform, indent: "", width: terminal.width) + "\n"
    var table = TextTable([
      ("item", .left), ("ns", .right), ("status", .left), ("what it is, and its source", .left),
    ])
    for item in Item.allCases {
      guard let cost = costs[item] else { continue }
      table.add([
        TextTable.Cell(item.name),
        TextTable.Cell(
          cost.high == cost.time
            ? nanoseconds(cost.time) : "\(nanoseconds(cost.time))..\(nanoseconds(cost.high))"),
        TextTable.Cell(
          cost.status.rawValue,
          cost.status == .assumed || cost.status == .range ? .warning : nil),
        TextTable.Cell(
          "\(item.meaning)\n\(cost.source)" + (cost.platform.map { " (\($0))" } ?? "")),
      ])
    }
    return output + table.render(on: terminal)
  }
}
