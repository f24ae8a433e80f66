/// One word of a closed list that users choose from, with what it means.
///
/// The sentence stands here and nowhere else: schema, help, reports and documentation show it.
public protocol Choice: CaseIterable, RawRepresentable<String>, Equatable, Sendable {
  /// One sentence.
  var meaning: String { get }
  /// Unreleased interface that the choice rests on; `nil` if released software suffices.
  var interface: ReleaseSwitch? { get }
}

extension Choice {
  public var interface: ReleaseSwitch? { nil }
}
