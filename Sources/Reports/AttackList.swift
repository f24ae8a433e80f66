import Attacks
import Designs

/// The attacks that there are.
package enum AttackList {
  /// A row for each attack, with what it does below.
  package static func text(on terminal: Terminal) -> String {
    var table = TextTable([
      (title: "attack", alignment: .left), (title: "actor", alignment: .left),
      (title: "a breach", alignment: .left),
    ])
    for attack in Attack.all {
      table.add(
        [
          TextTable.Cell(attack.name), TextTable.Cell(attack.actor.rawValue),
          TextTable.Cell(attack.breach),
        ], note: attack.action)
    }
    return table.render(on: terminal)
  }
}
