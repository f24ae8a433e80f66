import Designs
package import Scenarios
import Software
import Timing

extension Comparison {
  /// A table of each design's exits: when in the guest's life, what its kernel was doing, the cause,
  /// who answers, and how many reads and writes.
  package func exitsTable(on terminal: Terminal) -> String {
    var table = TextTable([
      (title: "design", alignment: .left), (title: "when", alignment: .left),
      (title: "guest's kernel", alignment: .left), (title: "exit", alignment: .left),
      (title: "taken\nby", alignment: .left), (title: "reads", alignment: .right),
      (title: "writes", alignment: .right), (title: "others", alignment: .right),
      (title: "exits", alignment: .right),
    ])
    for result in results {
      var design = result.design.name
      for row in result.exits.rows {
        table.add(
          [
            design, row.occasion.rawValue, row.phase?.rawValue ?? "-", row.cause.name,
            row.cause.handler.rawValue, Self.number(row.reads), Self.number(row.writes),
            Self.number(row.others), String(row.total),
          ].map { TextTable.Cell($0) })
        design = ""
      }
      table.add(
        [design, "all", "", "", "", "", "", "", String(result.exits.total)]
          .map { TextTable.Cell($0) },
        note: result.exits.wakeUps == 0
          ? ""
          : "\(result.exits.wakeUps) interrupts met an idle CPU of the host: no guest left it.")
    }
    return table.render(on: terminal)
  }

  private static func number(_ count: Int) -> String { count == 0 ? "" : String(count) }
}
