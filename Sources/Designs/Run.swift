/// Why a run could not be carried out at all: not a verdict, a limit of the model.
public struct RunFailure: Error, Equatable, Sendable {
  /// What is missing or inconsistent, in one sentence.
  public let message: String

  public init(_ message: String) { self.message = message }
}

extension RunSpecification {
  /// Carries the run out.
  ///
  /// - Throws: `RunFailure` when the design, the usage or the workload cannot be modelled.
  public func run() throws(RunFailure) -> RunResult {
    if let inconsistency = design.inconsistency { throw RunFailure(inconsistency) }
    throw RunFailure("no engine is attached")
  }
}
