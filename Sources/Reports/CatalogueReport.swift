public import Designs
import HostKernel
import Scenarios
import VMM

extension Design {
  /// The design with the meaning of each of its choices.
  public func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(name, .heading) + "\n"
    output += paragraph(title, indent: "", width: terminal.width)
    output += paragraph("Source: \(source)", indent: "", width: terminal.width) + "\n"
    var table = TextTable([("axis", .left), ("choice", .left), ("meaning", .left)])
    let rows = [
      ("iommu", iommu.rawValue, iommu.meaning),
      ("vits", virtualITS.rawValue, virtualITS.meaning),
      ("advertise", advertisement.rawValue, advertisement.meaning),
      ("stage2", stageTwo.rawValue, stageTwo.meaning),
      ("msix", msixEntry.rawValue, msixEntry.meaning),
      ("eventID", eventIDOwner.rawValue, eventIDOwner.meaning),
      ("route", route.rawValue, route.meaning),
      ("override", addressOverride.rawValue, addressOverride.meaning),
      ("delivery", delivery.rawValue, delivery.meaning),
    ]
    for row in rows {
      table.add([TextTable.Cell(row.0), TextTable.Cell(row.1), TextTable.Cell(row.2)])
    }
    return output + table.render(on: terminal)
  }

  /// One line for each design.
  public static func list(_ designs: [Design], on terminal: Terminal = Terminal()) -> String {
    var table = TextTable([("design", .left), ("what it is", .left)])
    for design in designs {
      table.add([TextTable.Cell(design.name), TextTable.Cell(design.title)])
    }
    return table.render(on: terminal)
  }
}

extension CostModel {
  /// One line for each cost model.
  public static func list(_ models: [CostModel], on terminal: Terminal = Terminal()) -> String {
    var table = TextTable([("costs", .left), ("what they stand for", .left)])
    for model in models { table.add([TextTable.Cell(model.name), TextTable.Cell(model.platform)]) }
    return table.render(on: terminal)
  }

  /// Every number with its source.
  public func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(name, .heading) + "\n"
    output += paragraph(platform, indent: "", width: terminal.width) + "\n"
    var table = TextTable([
      ("item", .left), ("ns", .right), ("status", .left), ("what it is, and its source", .left),
    ])
    for item in Item.allCases {
      guard let cost = costs[item] else { continue }
      table.add([
        TextTable.Cell(item.rawValue),
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
