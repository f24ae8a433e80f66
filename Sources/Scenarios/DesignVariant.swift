public import Designs
public import InputFiles

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
  public func settings(from other: Design) -> [String] {
    DesignAxis.all.filter { $0.word(of: self) != $0.word(of: other) }
      .map { "\($0.name)=\($0.word(of: self))" }
  }

  /// The design with other choices, named `name,axis=word,...`.
  ///
  /// - Throws: what `with(_:)` throws.
  public func variant(_ settings: [String]) throws(InputError) -> Design {
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

extension ScenarioFolder {
  /// The variant that `base,axis=word,...` names; `nil` for any other name.
  func variant(named name: String) throws(InputError) -> Design? {
    let parts = name.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard let first = parts.first, parts.count > 1,
      parts.dropFirst().allSatisfy({ $0.contains("=") })
    else { return nil }
    let base = try readDesign(at: file(.design, named: first))
    do throws(InputError) {
      return try base.variant(Array(parts.dropFirst()))
    } catch {
      throw InputError("design \(name.quoted): \(error.message)")
    }
  }
}
