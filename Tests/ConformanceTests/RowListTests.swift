import Foundation
import Testing

/// Which test covers which row of the conformance material: `Fixtures/rows.txt`.
@Suite("Row list")
struct RowListTests {
  struct Row {
    var id: String
    var section: String
    /// Target and file, or `nil` where no test covers the row.
    var file: String?
    /// The name of the test, or the reason.
    var text: String
  }

  static func rows() throws -> [Row] {
    let place = try #require(
      Bundle.module.url(forResource: "rows", withExtension: "txt", subdirectory: "Fixtures"))
    var rows: [Row] = []
    var section = ""
    for line in try String(contentsOf: place, encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("## ") { section = String(line.dropFirst(3)) }
      if line.hasPrefix("#") { continue }
      let cells = line.components(separatedBy: " | ")
      try #require(cells.count == 3, "a row has three cells: \(line)")
      rows.append(
        Row(
          id: cells[0], section: section, file: cells[1] == "-" ? nil : cells[1], text: cells[2]))
    }
    return rows
  }

  /// The source of a test file, with every run of white space as one space.
  private static func source(_ file: String) throws -> String {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: tests.appendingPathComponent(file), encoding: .utf8)
    return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  @Test("every test that the list names exists")
  func namedTestsExist() throws {
    var sources: [String: String] = [:]
    for row in try Self.rows() {
      guard let file = row.file else { continue }
      let source: String
      if let known = sources[file] {
        source = known
      } else {
        guard let text = try? Self.source(file) else {
          Issue.record("\(row.id): there is no file \(file)")
          continue
        }
        source = text
        sources[file] = text
      }
      let isThere =
        source.contains("@Test(\"\(row.text)\"") || source.contains("@Test( \"\(row.text)\"")
      #expect(isThere, "\(row.id): no test of this name in \(file): \(row.text)")
    }
  }

  /// How many rows each section has.
  static let counts = [
    "2": 15, "3": 3, "4": 12, "5": 3, "6": 23, "7": 11, "8": 2, "9": 21, "10": 12, "11": 7,
    "12a": 5, "13": 11, "15": 10,
    "16": 5, "18": 4,
  ]

  @Test("every row stands in its section, and is covered or says why not")
  func everyRow() throws {
    let rows = try Self.rows()
    var ids: [String: Set<String>] = [:]
    for row in rows {
      let section = row.section.prefix { $0 != " " }
      ids[String(section), default: []].insert(row.id)
    }
    for (section, count) in Self.counts.sorted(by: { $0.key < $1.key }) {
      #expect(ids[section]?.count == count, "section \(section)")
    }
    #expect(ids.count == Self.counts.count)
    let uncovered = rows.filter { $0.file == nil }
    for row in uncovered {
      #expect(!rows.contains { $0.id == row.id && $0.file != nil }, "\(row.id): covered or not?")
      print("not covered here: \(row.id): \(row.text)")
    }
  }
}
