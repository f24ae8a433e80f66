package import Files
import Foundation

/// The folder that holds the scenario files, with `designs/`, `costs/` and `recordings/` in it.
package struct ScenarioFolder: Sendable {
  /// Its path as the user would name it.
  package let path: String

  /// A kind of file that is found by its name.
  package enum Kind: String {
    case design
    case costs = "cost model"
    case machine
    case scenario

    /// The folder of the files, within the scenarios folder.
    var subfolder: String {
      switch self {
      case .design: "designs"
      case .costs: "costs"
      case .machine: "machines"
      case .scenario: ""
      }
    }
  }

  package init(path: String) { self.path = path }

  /// Finds the folder: the one that the user names, that of `$DOORBELL_HOME`, or `scenarios` in the
  /// working directory, `share/doorbell/scenarios` or `scenarios` in the executable's folder, or any of
  /// these in a folder around it.
  package static func find(
    explicit: String?, home: String?, workingDirectory: String, executable: String
  ) throws(InputError) -> ScenarioFolder {
    if let explicit { return try named(explicit, by: "--scenarios") }
    if let home, !home.isEmpty { return try named("\(home)/scenarios", by: "$DOORBELL_HOME") }
    let beside = URL(fileURLWithPath: executable).resolvingSymlinksInPath().path
    if let path = around(workingDirectory, "scenarios") {
      return ScenarioFolder(path: displayed(path, in: workingDirectory))
    }
    // An installation has PREFIX/bin/doorbell and PREFIX/share/doorbell/scenarios.
    let folder = (beside as NSString).deletingLastPathComponent
    for name in ["share/doorbell/scenarios", "scenarios"] {
      if let path = around(folder, name) {
        return ScenarioFolder(path: displayed(path, in: workingDirectory))
      }
    }
    throw InputError(
      "expected a folder 'scenarios' with 'designs' in it around the working directory or the "
        + "program, found none; name it with --scenarios DIR")
  }

  private static func named(_ path: String, by origin: String) throws(InputError) -> Self {
    guard isScenarioFolder(path) else {
      throw InputError(
        "\(origin): expected a folder with 'designs' in it, found "
          + (FileManager.default.fileExists(atPath: path) ? "another" : "nothing")
          + " at '\(path)'")
    }
    return ScenarioFolder(path: path)
  }

  private static func around(_ start: String, _ name: String) -> String? {
    var folder = start as NSString
    while true {
      let candidate = folder.appendingPathComponent(name)
      if isScenarioFolder(candidate) { return candidate }
      guard folder.length > 1 else { return nil }
      folder = folder.deletingLastPathComponent as NSString
    }
  }

  private static func isScenarioFolder(_ path: String) -> Bool {
    isFolder("\(path)/designs")
  }

  /// `path` relative to `folder` when it lies within.
  private static func displayed(_ path: String, in folder: String) -> String {
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  /// The names of the files of a kind, in alphabetical order.
  func names(of kind: Kind) -> [String] {
    let folder = kind.subfolder.isEmpty ? path : "\(path)/\(kind.subfolder)"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }

  /// The file that `name` names: a path, or the name of a file of the folder.
  ///
  /// - Parameters:
  ///   - place: place of the name, if it is in a file: paths count from there first.
  ///   - field: the field that holds it.
  package func file(
    _ kind: Kind, named name: String, from place: Place? = nil, field: String = ""
  ) throws(InputError) -> String {
    if name.contains("/") || name.hasSuffix(".yaml") {
      return try file(at: name, from: place, field: field)
    }
    let known = names(of: kind)
    guard known.contains(name) else {
      if kind == .scenario, isFile(name) { return name }
      throw InputError(
        "expected a \(kind.rawValue) (a path, or \(alternatives(known))), found \(name.quoted)"
          + suggestion(for: name, among: known), at: place, field: field)
    }
    return self.path(kind, named: name)
  }

  /// The path of the folder's file with this name.
  func path(_ kind: Kind, named name: String) -> String {
    [path, kind.subfolder, name + ".yaml"].filter { !$0.isEmpty }.joined(separator: "/")
  }

  /// The file at a path that counts from the folder of the file that names it, or from the
  /// scenarios folder.
  package func file(at name: String, from place: Place?, field: String) throws(InputError) -> String
  {
    guard let place else {
      if isFile(name) { return name }
      throw InputError("no such file", at: Place(file: name))
    }
    // A file from a stranger must not make errors quote files that are none of the program's.
    guard [".yaml", ".yml", ".json", ".jsonl", ".gz"].contains(where: { name.hasSuffix($0) }) else {
      throw InputError(
        expected: "the path of a .yaml or .jsonl file", found: name.quoted, at: place, field: field)
    }
    if name.hasPrefix("/"), isFile(name) { return name }
    let folder = (place.file as NSString).deletingLastPathComponent
    let candidates = [folder.isEmpty ? name : "\(folder)/\(name)", "\(path)/\(name)"]
    for candidate in candidates where isFile(candidate) { return candidate }
    throw InputError(
      expected: "the path of a file, from here or from \(path)", found: name.quoted, at: place,
      field: field)
  }
}

/// Whether `path` is a folder, or a link to one.
func isFolder(_ path: String) -> Bool {
  let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  let attributes = try? FileManager.default.attributesOfItem(atPath: target)
  return attributes?[.type] as? FileAttributeType == .typeDirectory
}

private func isFile(_ path: String) -> Bool {
  FileManager.default.fileExists(atPath: path) && !isFolder(path)
}

/// The last part of a path, without its extension.
package func baseName(_ path: String) -> String {
  ((path as NSString).lastPathComponent as NSString).deletingPathExtension
}
