/// Thrown when the model cannot execute a specification. Not a verdict.
public struct RunFailure: Error, Equatable, Sendable {
  /// Reason, in one sentence.
  public let message: String

  /// Whether the platform has nothing of the kind: no model is missing.
  public let isAbsence: Bool

  public init(_ message: String) {
    self.message = message
    isAbsence = false
  }

  /// What no release and no posted series does on the platform of the run; why.
  package init(absent reason: String) {
    message = "no such design here: \(reason)"
    isAbsence = true
  }
}
