import Designs
import Scenarios

/// Reasons why cells of matrices do not deliver: the cells that fail alike share one reason.
struct MatrixReasons: Sendable {
  /// A sentence, where it applies, and the command that shows it.
  struct Reason: Sendable {
    let word: String
    let why: String
    let command: String
    var places: [Place] = []
  }

  /// A cell, by its design and the names of its column's values.
  struct Place: Sendable {
    let design: String
    let column: String
  }

  private(set) var reasons: [Reason] = []
  /// For each matrix, row and column, the index of its reason.
  private var indices: [[[Int?]]] = []

  /// - Parameter merges: whether cells with the same word and sentence share a reason.
  init(_ matrices: [ComparisonMatrix], merges: Bool) {
    var known: [String: Int] = [:]
    for matrix in matrices {
      indices.append(
        matrix.rows.map { row in
          row.cells.enumerated().map { column, cell in
            guard !cell.works else { return nil }
            let word = cell.word(separator: " ")
            let key = merges ? "\(word)\n\(cell.why)" : String(reasons.count)
            let index = known[key] ?? reasons.count
            if index == reasons.count {
              known[key] = index
              reasons.append(
                Reason(word: word, why: cell.why, command: commandLine(cell.command)))
            }
            reasons[index].places.append(
              Place(
                design: row.design.name,
                column: matrix.columns[column].title(separator: ", ")))
            return index
          }
        })
    }
  }

  /// The number of a cell's reason, from 1 up; `nil` for a cell that delivers.
  func number(matrix: Int, row: Int, column: Int) -> Int? {
    indices[matrix][row][column].map { $0 + 1 }
  }

  /// The reasons by their numbers.
  func text(on terminal: Terminal) -> String {
    var output = ""
    for (index, reason) in reasons.enumerated() {
      output += paragraph(
        "[\(index + 1)] \(reason.word): \(reason.scope)", indent: "", width: terminal.width)
      output += paragraph(reason.why, indent: "    ", width: terminal.width)
      output += "    \(reason.command)\n"
    }
    return output.isEmpty ? "" : output + "\n"
  }
}

extension MatrixReasons.Reason {
  /// Cells that the reason applies to: the first by name; the cells' own numbers say the rest.
  var scope: String {
    guard let first = places.first else { return "" }
    let scope = "\(first.design) under \(first.column)"
    switch places.count {
    case 1: return scope
    case 2: return "\(scope), and one more cell"
    default: return "\(scope), and \(places.count - 1) more cells"
    }
  }
}

/// The program's name and its arguments as a shell takes them.
package func commandLine(_ arguments: [String]) -> String {
  (["doorbell"] + arguments.map(shellWord)).joined(separator: " ")
}

private func shellWord(_ text: String) -> String {
  let isPlain =
    !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0) }
  return isPlain ? text : "'\(text.replacing("'", with: "'\\''"))'"
}
