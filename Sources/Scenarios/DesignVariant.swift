package import Designs
package import Files

extension Design {
  /// The design with other choices on some axes.
  ///
  /// - Parameter settings: `axis=word` each.
  /// - Throws: `InputError` for an axis or a word that does not exist, an axis that is set twice,
  ///   and for choices that cannot stand together.
  func with(_ settings: [String]) throws(InputError) -> Design {
    var design = self
    var names: Set<String> = []
    for setting in settings {
      let (axis, word) = try Self.choice(setting)
      guard names.insert(axis.name).inserted else {
        throw InputError("expected each axis once, found '\(axis.name)' twice")
      }
      guard axis.choose(word, for: &design) else {
        let words = axis.choices.map(\.word)
        throw InputError(
          "\(axis.name): expected \(alternatives(words)), found \(word.quoted)"
            + suggestion(for: word, among: words))
      }
    }
    if let inconsistency = design.inconsistency {
      throw InputError("expected choices that can stand together: \(inconsistency)")
    }
    return design
  }

  /// The axis and the word that `axis=word` names.
  private static func choice(_ setting: String) throws(InputError) -> (DesignAxis, String) {
    let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let names = DesignAxis.all.map(\.name)
    guard parts.count == 2, let axis = DesignAxis.all.first(where: { $0.name == parts[0] }) else {
      throw InputError(
        "expected axis=choice with an axis of \(alternatives(names)), found \(setting.quoted)"
          + suggestion(for: String(parts.first ?? ""), among: names))
    }
    return (axis, String(parts[1]))
  }

  /// The settings in which the design differs from `other`, by axis.
  package func settings(from other: Design) -> [String] {
    DesignAxis.all.filter { $0.word(of: self) != $0.word(of: other) }
      .map { "\($0.name)=\($0.word(of: self))" }
  }

  /// The design with other choices, named `name,axis=word,...`.
  ///
  /// - Throws: the errors of `with(_:)`.
  package func variant(_ settings: [String]) throws(InputError) -> Design {
    try with(settings).named(after: self)
  }

  /// The design as a variant of `base`, named `base,axis=word,...`; under the name of `base` where
  /// it makes the same choices.
  func named(after base: Design) -> Design {
    let settings = settings(from: base)
    guard !settings.isEmpty else { return base }
    var design = self
    let suffix = settings.map { ",\($0)" }.joined()
    design.name = base.name + suffix
    design.reference = base.reference + suffix
    design.title = "'\(base.name)' with \(settings.joined(separator: ", "))."
    design.source = "A variant of '\(base.name)': \(base.source)"
    return design
  }
}

/// Name of a design: a file, by its name or path, and for a variant what differs from it.
package struct DesignName {
  package let file: String
  /// `axis=word` each; empty for the design of the file itself.
  let settings: [String]

  /// The same settings of the design in another place.
  package func at(_ path: String) -> String { ([path] + settings).joined(separator: ",") }

  package init(_ text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let isVariant = parts.count > 1 && parts.dropFirst().allSatisfy { $0.contains("=") }
    file = isVariant ? parts[0] : text
    settings = isVariant ? Array(parts.dropFirst()) : []
  }

  /// The design's own name, where the settings stand in the order of the axes and change something.
  package var name: String { ([baseName(file)] + settings).joined(separator: ",") }
}

extension Scenario {
  /// The designs by the paths of their files, with the settings of variants.
  package var designReferences: [String] {
    zip(inputFiles.dropFirst(), designs).map { path, design in
      path + design.name.drop { $0 != "," }
    }
  }
}

extension ScenarioFolder {
  /// The variant that `base,axis=word,...` names; `nil` for any other name.
  func variant(named text: String) throws(InputError) -> Design? {
    let name = DesignName(text)
    guard !name.settings.isEmpty else { return nil }
    let base = try readDesign(at: file(.design, named: name.file))
    do throws(InputError) {
      return try base.variant(name.settings)
    } catch {
      throw InputError("design \(text.quoted): \(error.message)")
    }
  }
}
