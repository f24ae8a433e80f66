internal import ArmFormats
internal import Bits
package import Files
internal import SMMU

/// A row of an expectation file that does not hold.
package struct ImageDifference: Equatable, Sendable, CustomStringConvertible {
  /// The row, counted from 1.
  package var line: Int
  package var access: String
  package var expected: String
  package var found: String

  package var description: String {
    "line \(line): \(access): expected \(expected), found \(found)"
  }
}

/// The result of checking an image against a file of expectations.
///
/// The file has one JSON object a line, plain or gzip'd: `sid`, `iova`, optionally `rw` (`r` or
/// `w`; without it a read or a write will do), and `expect`:
///
/// - `ok`: translated to `pa`. `bypass`: not translated.
/// - `abort`: terminated without an event. The architecture may record one here: an input address
///   out of range is a fault to it.
/// - `fault`: terminated with an event, the one in `events` (four words) or called `event`.
/// - `map`: a leaf of `size` bytes that leads to `pa`, by way of `ipa` where given, and allows what
///   `read`, `write` and `af` say; its first and last words are tried.
/// - `fault-s2`: stage 1 leads to `ipa`, which stage 2 does not map.
package struct ImageCheck: Sendable {
  /// Rows by kind, in order of first appearance, and how many hold.
  package private(set) var totals: [(kind: String, rows: Int, hold: Int)] = []
  package private(set) var differences: [ImageDifference] = []

  package var holds: Bool { differences.isEmpty }
  package var rowCount: Int { totals.reduce(0) { $0 + $1.rows } }

  /// Checks every row of `file`.
  ///
  /// - Parameter exact: whether events must be met bit for bit, rather than in type, stage, class
  ///   and addresses.
  /// - Throws: `InputError` for a row that is malformed.
  package init(
    _ file: String, of image: inout MemoryImage, exact: Bool, progress: (Int) -> Void = { _ in }
  ) throws(InputError) {
    let rows = try InputFile(file)
    while let line = try rows.jsonLine() {
      let row = try ExpectedRow(line)
      let problem = row.problem(in: &image, exact: exact)
      count(row.kind, holds: problem == nil)
      if let problem {
        differences.append(
          ImageDifference(
            line: rows.lineNumber, access: row.access, expected: problem.expected,
            found: problem.found))
      }
      progress(rowCount)
    }
    guard rowCount > 0 else {
      throw InputError(expected: "rows", found: "none", at: Place(file: file))
    }
  }

  private mutating func count(_ kind: String, holds: Bool) {
    let place = totals.firstIndex { $0.kind == kind } ?? totals.endIndex
    if place == totals.endIndex { totals.append((kind, 0, 0)) }
    totals[place].rows += 1
    totals[place].hold += holds ? 1 : 0
  }

  package var text: String {
    var lines = differences.map { "disagrees  \($0)" }
    for total in totals {
      lines.append("\(total.kind): \(total.hold) of \(total.rows) rows hold")
    }
    return lines.joined(separator: "\n")
  }

  package var json: JSONValue {
    [
      "holds": .bool(holds),
      "totals": .array(
        totals.map {
          ["kind": .string($0.kind), "rows": .integer($0.rows), "hold": .integer($0.hold)]
        }),
      "differences": .array(
        differences.map {
          [
            "line": .integer($0.line), "access": .string($0.access),
            "expected": .string($0.expected), "found": .string($0.found),
          ]
        }),
    ]
  }
}
