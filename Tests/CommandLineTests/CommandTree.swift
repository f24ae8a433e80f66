import Foundation
import ResultFixtures
import Testing

/// The commands of the program, as it describes itself.
struct CommandTree {
  struct Command {
    /// Its words, such as `designs`, `show`.
    let path: [String]
    /// The long names of its options and flags, in alphabetical order.
    let options: [String]
  }

  private(set) var commands: [Command] = []

  init() throws {
    let run = try Run("--experimental-dump-help")
    let root = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    add(try #require(root?["command"] as? [String: Any]), [])
  }

  private mutating func add(_ command: [String: Any], _ path: [String]) {
    let arguments = command["arguments"] as? [[String: Any]] ?? []
    let names = arguments.flatMap { $0["names"] as? [[String: Any]] ?? [] }
    let options = names.filter { $0["kind"] as? String == "long" }.compactMap {
      $0["name"] as? String
    }
    commands.append(Command(path: path, options: Set(options).sorted()))
    for inner in command["subcommands"] as? [[String: Any]] ?? [] {
      guard let name = inner["commandName"] as? String, name != "help" else { continue }
      add(inner, path + [name])
    }
  }

  /// A line for each command and each of its options.
  var promises: [String] {
    commands.flatMap { command in
      let name = (["doorbell"] + command.path).joined(separator: " ")
      return [name]
        + command.options.filter { !["help", "version"].contains($0) }
        .map { "\(name) --\($0)" }
    }
  }
}

/// The part of the change log that is about the next version.
struct ChangeLog {
  private let text: String

  init() throws {
    let whole = try String(contentsOfFile: "\(repository)/CHANGELOG.md", encoding: .utf8)
    text = whole.components(separatedBy: "\n## ").first { $0.hasPrefix("Unreleased") } ?? ""
  }

  /// Whether it has the name in backquotes.
  func names(_ name: String) -> Bool { text.contains("`\(name)`") }
}

/// What programs may rely on.
enum Promises {
  /// What the last version promised, a line each.
  static func of(_ file: String) throws -> [String] {
    let path = "\(repository)/Tests/CommandLineTests/\(file)"
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count > 300)
    return lines.map(String.init)
  }

  /// Takes down what this version promises, where `DOORBELL_PROMISES` names a folder.
  static func write() throws {
    guard let folder = ProcessInfo.processInfo.environment["DOORBELL_PROMISES"] else { return }
    for (file, lines) in [
      ("Promises.txt", try (CommandTree().promises + fields()).sorted()),
      ("Symbols.txt", try PublicSymbols.ofLibrary(in: repository)),
    ] {
      let text = lines.map { $0 + "\n" }.joined()
      try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
    }
  }

  /// The paths of all members that some commands print, `[]` for the elements of a list.
  static func fields() throws -> [String] {
    let commands: [(name: String, arguments: [String])] = [
      ("compare", ["compare", "synthetic-4-vectors"]),
      (
        "compare --matrix",
        [
          "compare", "synthetic-4-vectors", "--matrix", "--axis", "guest-usage=vfio", "--design",
          "untrapped",
        ]
      ),
      (
        "attack",
        ["attack", "synthetic-4-vectors", "--design", "untrapped", "--attack", "foreign-event"]
      ),
      ("explain", ["explain", "synthetic-4-vectors"]),
      ("decode", ["decode", "command", "0x4", "0"]),
    ]
    var fields: Set<String> = []
    for command in commands {
      let run = try Run(arguments: command.arguments + ["--format", "json"])
      let value = try JSONSerialization.jsonObject(
        with: Data(run.output.utf8), options: .fragmentsAllowed)
      for path in paths(of: value) { fields.insert("\(command.name) \(path)") }
    }
    return fields.sorted()
  }

  private static func paths(of value: Any, _ path: String = "") -> Set<String> {
    switch value {
    case let object as [String: Any]:
      return object.reduce(into: []) { all, member in
        let name = path.isEmpty ? member.key : "\(path).\(member.key)"
        all.insert(name)
        all.formUnion(paths(of: member.value, name))
      }
    case let list as [Any]:
      return list.reduce(into: []) { $0.formUnion(paths(of: $1, path + "[]")) }
    default: return []
    }
  }
}

/// What a JSON Schema says about a value: the part of it that `doorbell schema output` uses.
enum SchemaCheck {
  /// What is wrong with `value`, a line each.
  static func complaints(_ value: Any, _ schema: [String: Any], at path: String = "$") -> [String] {
    if let choices = schema["anyOf"] as? [[String: Any]] {
      let all = choices.map { complaints(value, $0, at: path) }
      return all.contains(where: \.isEmpty) ? [] : all.last ?? []
    }
    if let words = schema["enum"] as? [String] {
      return words.contains(value as? String ?? "") ? [] : ["\(path): \(value)"]
    }
    let types = schema["type"] as? [String] ?? [schema["type"] as? String ?? ""]
    guard types.contains(where: { matches(value, $0) }) else {
      return ["\(path): expected \(types), found \(value)"]
    }
    if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
      return list.enumerated().flatMap { complaints($1, items, at: "\(path)[\($0)]") }
    }
    guard let object = value as? [String: Any] else { return [] }
    let required = schema["required"] as? [String] ?? []
    let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
    return required.filter { object[$0] == nil }.map { "\(path): no \($0)" }
      + properties.sorted { $0.key < $1.key }.flatMap { name, schema in
        object[name].map { complaints($0, schema, at: "\(path).\(name)") } ?? []
      }
  }

  /// The members whose names are not in the style `likeThis`, but for those that the input names.
  static func misnamed(_ value: Any, _ schema: [String: Any], at path: String = "$") -> [String] {
    let choices = schema["anyOf"] as? [[String: Any]] ?? [schema]
    let schema = choices.last ?? schema
    if let list = value as? [Any] {
      let items = schema["items"] as? [String: Any] ?? [:]
      return list.flatMap { misnamed($0, items, at: path + "[]") }.uniqued
    }
    guard let object = value as? [String: Any], !path.hasSuffix(".conditions"),
      schema["additionalProperties"] == nil
    else { return [] }
    let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
    let wrong = object.keys.filter { $0.wholeMatch(of: /[a-z][A-Za-z0-9]*/) == nil }
    return wrong.sorted().map { "\(path).\($0)" }
      + object.sorted { $0.key < $1.key }.flatMap {
        misnamed($1, properties[$0] ?? [:], at: "\(path).\($0)")
      }.uniqued
  }

  private static func matches(_ value: Any, _ type: String) -> Bool {
    switch type {
    case "object": value is [String: Any]
    case "array": value is [Any]
    case "string": value is String
    case "null": value is NSNull
    case "boolean": value is Bool
    case "integer": (value as? NSNumber).map { $0.doubleValue == $0.doubleValue.rounded() } ?? false
    case "number": value is NSNumber
    default: true
    }
  }
}

extension [String] {
  /// The elements in order, each once.
  fileprivate var uniqued: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
