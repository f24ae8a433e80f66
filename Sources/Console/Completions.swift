package import ArgumentParser
import Foundation
import Scenarios

/// Completions that a shell offers: names of shipped files, besides files of the user's.
extension CompletionKind {
  package static var designs: CompletionKind { named { $0.designNames } }
  package static var costModels: CompletionKind { named { $0.costNames } }
  package static var scenarios: CompletionKind { named { $0.scenarioNames } }

  /// Words that do not depend on files.
  package static func words(_ words: @escaping @Sendable () -> [String]) -> CompletionKind {
    .custom { _, _, prefix in words().filter { $0.hasPrefix(prefix) } }
  }

  private static func named(
    _ names: @escaping @Sendable (ScenarioFolder) -> [String]
  ) -> CompletionKind {
    .custom { _, _, prefix in
      let folder = try? FolderOptions.folder(named: nil)
      return (folder.map(names) ?? []).filter { $0.hasPrefix(prefix) } + paths(prefix)
    }
  }

  /// The YAML files and the folders whose paths begin with `prefix`.
  private static func paths(_ prefix: String) -> [String] {
    let slash = prefix.lastIndex(of: "/")
    let folder = slash.map { String(prefix[...$0]) } ?? ""
    let start = slash.map { prefix[prefix.index(after: $0)...] } ?? prefix[...]
    let names =
      (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
    return names.sorted().compactMap { name in
      guard name.hasPrefix(start), !name.hasPrefix(".") || start.hasPrefix(".") else { return nil }
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: folder + name, isDirectory: &isFolder)
      guard !isFolder.boolValue else { return folder + name + "/" }
      return name.hasSuffix(".yaml") ? folder + name : nil
    }
  }
}
