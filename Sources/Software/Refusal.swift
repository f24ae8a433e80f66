/// A set-up that some party refused: who, with which errno, and in which words.
public struct Refusal: Error, Equatable, Sendable {
  public let agent: Agent
  /// The function that refused.
  public let function: String
  /// The errno's name, such as `EINVAL`.
  public let errno: String
  /// The message, in the software's own words where it logs any.
  public let message: String
  /// What led to it, one fact a line, in the order of cause and effect; empty where the message
  /// says it all.
  public let chain: [String]

  public init(
    by agent: Agent, in function: String, errno: String, message: String, chain: [String] = []
  ) {
    self.agent = agent
    self.function = function
    self.errno = errno
    self.message = message
    self.chain = chain
  }
}
