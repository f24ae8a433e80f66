/// Something about a firmware table that a reader should know.
public struct FirmwareFinding: Equatable, Sendable {
  public enum Severity: String, Sendable, CaseIterable {
    /// Some device's MSIs cannot arrive, or the table is malformed.
    case error
    /// MSIs depend on which software reads the table.
    case warning
    /// Right, and worth knowing.
    case note
  }

  public let severity: Severity
  /// The rule's name, stable across releases.
  public let rule: String
  /// Table and offset, or the path in a device tree.
  public let place: String
  /// Value that was found, and the one that was expected.
  public let text: String
  /// Consequence for an MSI, in one sentence.
  public let consequence: String

  public init(
    _ severity: Severity, _ rule: String, at place: String, _ text: String, consequence: String
  ) {
    self.severity = severity
    self.rule = rule
    self.place = place
    self.text = text
    self.consequence = consequence
  }
}
