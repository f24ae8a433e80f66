import Attacks
import Designs
package import Files
import Foundation

extension Golden {
  /// Returns the path of the golden record of a scenario file: in the folder `golden` beside it.
  package static func path(forScenario path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    return (folder.isEmpty ? "" : folder + "/") + "golden/\(baseName(path)).json"
  }

  /// Reads the golden record at `path`.
  ///
  /// - Throws: `InputError` when there is none, or it is malformed.
  package init(path: String) throws(InputError) {
    let root = try InputFile(path).json()
    var records: [Record] = []
    let kind: Kind = try root.optional("steps") == nil ? .design : .step
    for entry in try root.member("\(kind.rawValue)s").elements() {
      var fields: [Field] = []
      for name in Self.fieldNames {
        guard let lines = try entry.optional(name)?.elements() else { continue }
        var texts: [String] = []
        for line in lines { texts.append(try line.string()) }
        fields.append(Field(name: name, lines: texts))
      }
      records.append(Record(design: try entry.member(kind.rawValue).string(), fields: fields))
    }
    self.init(scenario: try root.member("scenario").string(), kind: kind, records: records)
  }

  /// Writes the record to `path`, making its folder where there is none.
  ///
  /// - Throws: `InputError` when it cannot be written.
  package func write(to path: String) throws(InputError) {
    let folder = (path as NSString).deletingLastPathComponent
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    try OutputFile(path).write(json.indentedText + "\n", isUpdate: true)
  }

  private var json: JSONValue {
    let list = records.map { record in
      JSONValue.object(
        [JSONValue.Member(kind.rawValue, .string(record.design))]
          + record.fields.map {
            JSONValue.Member($0.name, .array($0.lines.map { .string($0) }))
          })
    }
    return .object([
      .init("scenario", .string(scenario)), .init("\(kind.rawValue)s", .array(list)),
    ])
  }
}

/// A scenario's golden record beside what its designs come to now.
package struct GoldenUpdate: Sendable {
  /// The scenario file.
  package let file: String
  /// Path of the record, which may not exist yet.
  package let path: String
  /// Whether there is none yet.
  package let isNew: Bool
  package let differences: [Golden.Difference]
  /// Present results of the designs.
  package let found: Golden

  package init(
    file: String, path: String, isNew: Bool, differences: [Golden.Difference], found: Golden
  ) {
    self.file = file
    self.path = path
    self.isNew = isNew
    self.differences = differences
    self.found = found
  }

  /// Compares the present results of the file at `path` with its golden record, if it has one.
  ///
  /// - Throws: `InputError` when the record is malformed.
  package init(_ path: String, _ found: Golden) throws(InputError) {
    let golden = Golden.path(forScenario: path)
    let isNew = !InputFile.exists(golden)
    let known = isNew ? Golden(scenario: found.scenario, records: []) : try Golden(path: golden)
    self.init(
      file: path, path: golden, isNew: isNew, differences: known.differences(in: found),
      found: found)
  }
}

extension ScenarioFolder {
  /// Runs the scenario in the file at `path` for its golden record.
  package func goldenUpdate(_ path: String) async throws(InputError) -> GoldenUpdate {
    var scenario = try scenario(named: path)
    scenario.wantsMappings = true
    return try GoldenUpdate(
      path,
      Golden(await scenario.run(), findings: await scenario.findings(of: Attack.all)))
  }
}
