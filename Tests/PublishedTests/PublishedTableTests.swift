import Files
import Foundation
import Published
import ResultFixtures
import Scenarios
import Testing

/// The tables that ship.
enum Shipped {
  static let folder = ScenarioFolder(path: "\(repository)/scenarios")

  static func table(_ name: PublishedTable.Name) throws -> PublishedTable {
    try PublishedTable(name, in: folder)
  }

  static func text(_ name: PublishedTable.Name) throws -> String {
    try String(
      contentsOfFile: "\(repository)/scenarios/published/\(name.rawValue).yaml", encoding: .utf8)
  }

  /// The table of a file with this text.
  static func table(_ name: PublishedTable.Name, text: String) throws -> PublishedTable {
    let files = try TemporaryFolder(["table.yaml": text])
    return try PublishedTable(name, file: "\(files.path)/table.yaml", scenarios: folder.path)
  }
}

@Suite("Files of published tables")
struct PublishedTableTests {
  @Test("every number and every parameter has a source", arguments: PublishedTable.Name.allCases)
  func sources(name: PublishedTable.Name) throws {
    let table = try Shipped.table(name)
    #expect(!table.cells.isEmpty && !table.claims.isEmpty && !table.source.isEmpty)
    for cell in table.cells { #expect(cell.source.count > 5, "\(cell.key)") }
    for parameter in table.parameters {
      #expect(parameter.source.count > 5 && parameter.meaning.count > 5, "\(parameter.name)")
      #expect((parameter.status == .range) == (parameter.low < parameter.high))
    }
    #expect(Set(table.cells.map(\.key)).count == table.cells.count, "each cell once")
  }

  @Test(
    "no more than the named rows and columns calibrate",
    arguments: [
      (PublishedTable.Name.exitLadder, 10, 26), (.walkReads, 0, 12), (.commandQueue, 2, 21),
      (.invalidation, 4, 17), (.translationCache, 7, 17),
    ])
  func calibration(name: PublishedTable.Name, calibrating: Int, cells: Int) throws {
    let table = try Shipped.table(name)
    #expect(table.calibration.count == calibrating)
    #expect(table.cells.count == cells)
  }

  @Test(
    "a mistake is one error with its place",
    arguments: [
      ("- factor: 1.5", "- factor: 0.5", "expected one of percent, factor (1 at least)"),
      ("- factor: 1.5", "- { factor: 1.5, percent: 3 }", "expected one of percent, factor"),
      ("- factor: 1.5", "- { low: 3, high: 2 }", "expected one of percent, factor"),
      ("- factor: 1.5", "- rows: [v5.9-rc1]", "expected one of percent, factor"),
      ("low: 210", "low: 410", "a high that is not below it"),
      ("    high: 329\n", "", "expected either a value, or low and a high"),
      ("unit: k/s", "unti: k/s", "did you mean 'unit'?"),
      ("status: verified", "status: measured", "expected verified, second-hand"),
      ("\"96\": 5.2", "\"96\": -5.2", "expected a number from 0 to 1e18"),
    ])
  func mistakes(old: String, new: String, message: String) throws {
    let text = try Shipped.text(.commandQueue)
    #expect(text.contains(old))
    let error = #expect(throws: InputError.self) {
      _ = try Shipped.table(.commandQueue, text: text.replacing(old, with: new, maxReplacements: 1))
    }
    let description = error?.description ?? ""
    #expect(description.contains(message), "\(description)")
    #expect(error?.place?.line != nil, "\(description)")
  }

  @Test(
    "a model that lacks a number says which",
    arguments: [
      (PublishedTable.Name.exitLadder, "  iterations:\n", "  iteration:\n", "'iterations'"),
      (.exitLadder, "value: 65536", "value: 0", "a whole number from 1 to 1000000"),
      (.exitLadder, "hvc: 408", "hvc: 0", "a number above 0 in row 'Kunpeng 920', column 'hvc'"),
      (.commandQueue, "\"16\": 157", "\"15\": 157", "row 'v5.9-rc1', column '16'"),
      (.translationCache, "\"64,64,1\": 295097", "\"64,64\": 295097", "a column 'v,d,e'"),
      (.translationCache, "\"64,64,1\": 295097", "\"999,1,1\": 295097", "a column 'v,d,e'"),
      (
        .walkReads, "value: 16\n    unit: descriptors", "value: 99999\n    unit: descriptors",
        "a ring"
      ),
    ])
  func missing(name: PublishedTable.Name, old: String, new: String, message: String) throws {
    let text = try Shipped.text(name)
    #expect(text.contains(old))
    let error = #expect(throws: InputError.self) {
      let table = try Shipped.table(name, text: text.replacing(old, with: new, maxReplacements: 1))
      _ = try table.reproduce(Effort(share: 0.001))
    }
    let description = error?.description ?? ""
    #expect(description.contains(message), "\(description)")
  }
}
