/// Thrown when the model cannot execute a specification. Not a verdict.
public struct RunFailure: Error, Equatable, Sendable {
  /// Reason, in one sentence.
  public let message: String

  public init(_ message: String) { self.message = message }
}
