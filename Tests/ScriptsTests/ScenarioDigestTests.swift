import Attacks
import Designs
import Files
import Foundation
import Scenarios
import Scripts
import Testing

/// Pins what every scenario comes to under every design of the catalogue, far beyond what scenarios
/// expect: each step, time and exit.
///
/// `tools/refresh-digests` writes the digests anew, and keeps the records themselves where asked.
@Suite("Digests of the scenarios")
struct ScenarioDigestTests {
  static let folder = ScenarioFolder(path: ScenarioTableTests.folder)

  /// Where `tools/refresh-digests` wants digests and records; `nil` in a test.
  static let output = ProcessInfo.processInfo.environment["DOORBELL_RECORDS"]

  /// The pinned digests, by scenario and design.
  static let pinned: [String: [String]] = {
    guard let url = Bundle.module.url(forResource: "Fixtures/digests", withExtension: "txt"),
      let text = try? String(contentsOf: url, encoding: .utf8)
    else { return [:] }
    var pinned: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 2 else { continue }
      pinned["\(words[0]) \(words[1])"] = Array(words[2...])
    }
    return pinned
  }()

  @Test(
    "a scenario comes to what it came to, under every design", arguments: ScenarioTableTests.files)
  func isUnchanged(file: String) async throws {
    let records = try await Self.records(of: file)
    if let output = Self.output { return try Self.keep(records, in: output) }
    for record in records {
      let pinned = try #require(
        Self.pinned[record.key], "\(record.key) has no digests: tools/refresh-digests makes them")
      let changed = zip(record.digests, pinned).filter { $0 != $1 }.map { $0.0 }
      guard !changed.isEmpty || record.digests.count != pinned.count else { continue }
      let names = record.parts.filter { part in
        changed.contains { $0.hasPrefix("\(part.name)=") }
      }
      Issue.record(
        """
        \(record.key): changed in \(names.map(\.name).joined(separator: ", ")); \
        'tools/refresh-digests FOLDER' keeps the records of a version, to be compared with 'diff'.
        \(names.map { "\($0.name) now: \($0.lines.prefix(3).joined(separator: " | "))" }
          .joined(separator: "\n"))
        """)
    }
  }

  @Test("no digest is left of a scenario or a design that is gone")
  func isComplete() {
    let files = Set(ScenarioTableTests.files.map(Self.name))
    let stale = Self.pinned.keys.filter { !files.contains(String($0.prefix { $0 != " " })) }
    #expect(stale.sorted() == [])
  }

  private static func name(_ file: String) -> String {
    String(file.dropFirst(folder.path.count + 1).dropLast(".yaml".count))
  }

  private static func records(of file: String) async throws -> [ScenarioRecord] {
    let name = name(file)
    guard try !Script.isScript(file) else {
      return [ScenarioRecord(name, try Script(file).run())]
    }
    var scenario = try folder.scenario(named: file)
    let own = scenario.designs.map(\.name)
    for design in folder.designNames where !own.contains(design) {
      scenario.designs.append(try folder.design(named: design))
    }
    var records: [ScenarioRecord] = []
    for specification in scenario.specifications() {
      let isOwn = own.contains(specification.design.name)
      var record = ScenarioRecord(name, specification, explains: isOwn)
      if scenario.load != nil { record.addProbe(of: specification) }
      // Each attack sets a system up, so that one scenario's designs must do.
      if name == "default", isOwn {
        record.addFindings(Attack.all.map(specification.attacked))
      }
      records.append(record)
    }
    return records
  }

  /// Writes the records and their digests for `tools/refresh-digests`.
  private static func keep(_ records: [ScenarioRecord], in folder: String) throws {
    for record in records {
      let path = "\(folder)/\(record.file)/\(record.design)"
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(record.file)", withIntermediateDirectories: true)
      try record.text.write(toFile: path + ".txt", atomically: false, encoding: .utf8)
      let line = ([record.key] + record.digests).joined(separator: " ") + "\n"
      try line.write(toFile: path + ".digests", atomically: false, encoding: .utf8)
    }
  }
}
