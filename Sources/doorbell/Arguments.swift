public import ArgumentParser
import Console
import Designs
package import Inspect
import Scenarios

extension ProofPersonality: ExpressibleByArgument {}

/// Which scenario to run, and what to run instead of what it says.
struct ScenarioOptions: ParsableArguments {
  @Argument(help: "A scenario file, or the name of a shipped scenario.", completion: .scenarios)
  var scenario = Self.standard

  /// The scenario that runs when none is named.
  static let standard = "default"

  @OptionGroup(title: "Conditions") var conditions: ConditionOptions

  /// The scenario, under these designs instead of its own when there are any.
  func load(designs: [String]) throws -> Scenario {
    try conditions.load(scenario, designs: designs)
  }

  /// The arguments that ask for the same again, without the conditions of these names.
  func arguments(without names: Set<String> = []) -> [String] {
    (scenario == Self.standard ? [] : [scenario]) + conditions.arguments(without: names)
  }
}

/// Conditions to run instead of a scenario's own: an option for each condition of the table.
///
/// The parser finds options by reflection and decodes their values by name, so the list of options
/// is that of the table, and no property stands here for any of them.
struct ConditionOptions: ParsableArguments, CustomReflectable {
  /// Values by the condition's name.
  private var values: [String: String] = [:]

  @OptionGroup var location: FolderOptions

  init() {}

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for condition in Condition.all {
      let option = try container.decode(Option<String?>.self, forKey: Key(condition.name))
      values[condition.name] = option.wrappedValue
    }
    _location = try container.decode(OptionGroup<FolderOptions>.self, forKey: Key("location"))
  }

  /// Mirror for the parser: a property wrapper for each condition, and the options for folders.
  var customMirror: Mirror {
    let options: [Mirror.Child] = Condition.all.map { ("_\($0.name)", $0.argument) }
    return Mirror(self, children: options + [("_location", _location)])
  }

  /// A property's name.
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  /// The value that the user gives a condition; `nil` for none.
  subscript(condition: Condition) -> String? { values[condition.name] }

  /// Returns the overrides that the user asks for, under these designs if there are any.
  func overrides(designs: [String] = []) -> ScenarioOverrides {
    var overrides = ScenarioOverrides()
    overrides.designs = designs
    for condition in Condition.all { overrides[condition] = self[condition] }
    return overrides
  }

  /// The scenario of a name or a path, under these designs instead of its own when there are any.
  func load(_ scenario: String, designs: [String] = []) throws -> Scenario {
    try location.folder.scenario(named: scenario, overrides: overrides(designs: designs))
  }

  /// The options that ask for the same again, without the conditions of these names.
  func arguments(without names: Set<String>) -> [String] {
    overrides().arguments(without: names) + (location.scenarios.map { ["--scenarios", $0] } ?? [])
  }
}

extension Condition {
  /// The condition as an option of the command line.
  fileprivate var argument: Option<String?> {
    let words = isClosed ? " (\(values.map(\.text).joined(separator: ", ")))" : ""
    let help = ArgumentHelp(
      "\(meaning.dropLast())\(words).", valueName: placeholder.isEmpty ? name : placeholder)
    return Option(
      name: .customLong(name), parsing: isNumber ? .unconditional : .next, help: help,
      completion: isClosed
        ? .list(values.map(\.text)) : name == Condition.costs.name ? .costModels : nil)
  }
}

/// Axes that vary besides designs.
struct AxisOptions: ParsableArguments {
  @Option(
    name: .customLong("axis"),
    help: ArgumentHelp(
      "What varies, and its values; may be repeated.", valueName: "axis[=value,...]"),
    completion: .words { ComparisonAxis.all.map(\.name) })
  var axes: [String] = []
}
