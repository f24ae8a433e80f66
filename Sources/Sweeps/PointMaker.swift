import Files
import GLibSupport
import Scenarios

/// Makes points of a plan's values.
struct PointMaker {
  let scenario: String
  let kind: SweepPlan.Kind
  let seeds: [UInt32]
  let axes: SweepAxes
  /// The SHA-256 of each file, read once.
  private var digests: [String: String] = [:]

  init(scenario: String, kind: SweepPlan.Kind, seeds: [UInt32], axes: SweepAxes) {
    self.scenario = scenario
    self.kind = kind
    self.seeds = seeds
    self.axes = axes
  }

  /// The point with this number, counted from 0.
  mutating func point(_ number: Int, in folder: ScenarioFolder) throws(InputError) -> SweepPoint {
    let settings = axes.settings(of: number)
    var overrides = ScenarioOverrides()
    overrides.settings = settings
    overrides.designs = settings.filter { $0.target == .designFile }.map(\.value.text)
    overrides[.costs] = settings.first { $0.target == .costFile }?.value.text
    var inputs = [scenario]
    let subject: SweepPoint.Subject
    do throws(InputError) {
      let source = SweepPoint.ScenarioSource(
        folder: folder, path: scenario, overrides: overrides)
      inputs = try source.scenario(seed: nil).inputFiles
      subject = .scenario(source)
    } catch {
      inputs +=
        overrides.designs.map { DesignName($0).file } + (overrides[.costs].map { [$0] } ?? [])
      subject = .impossible(error)
    }
    let fields = axes.names.map { name in
      SweepPoint.Field(name: name, value: settings.first { $0.name == name }?.valueText ?? "")
    }
    return SweepPoint(
      number: number + 1, fields: fields, hash: try hash(settings, inputs), subject: subject)
  }

  /// The digest of what a result depends on: no path is part of it, but what stands in the files.
  private mutating func hash(
    _ settings: [FieldSetting], _ inputs: [String]
  ) throws(InputError) -> String {
    var files: [JSONValue] = []
    for path in inputs { files.append(.string(try digest(of: path))) }
    let content: JSONValue = [
      "run": .string(kind.rawValue),
      "files": .array(files),
      "settings": .array(settings.map { .array([.string($0.name), .string($0.valueText)]) }),
      "seeds": .array(seeds.map { .integer(Int($0)) }),
    ]
    return Digest.sha256(Array(content.compactText.utf8))
  }

  private mutating func digest(of path: String) throws(InputError) -> String {
    if let known = digests[path] { return known }
    let digest = Digest.sha256(try InputFile(path).bytes())
    digests[path] = digest
    return digest
  }
}

extension FieldSetting {
  /// The value as the user would write it on one line; for a file, its name.
  fileprivate var valueText: String {
    switch target {
    case .designFile: DesignName(value.text).name
    case .costFile: baseName(value.text)
    default: value.sourceText
    }
  }
}

extension CheckedValue {
  fileprivate var sourceText: String {
    switch content {
    case .text(let text): text
    case .integer(let value): String(value)
    case .number(let value): Int(exactly: value).map(String.init) ?? String(value)
    case .boolean(let value): String(value)
    case .list(let items): "[" + items.map(\.sourceText).joined(separator: ", ") + "]"
    case .mapping(let members):
      "{" + members.map { "\($0.name): \($0.value.sourceText)" }.joined(separator: ", ") + "}"
    }
  }
}
