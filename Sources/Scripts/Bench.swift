package import Designs
package import Files
package import Scenarios
package import Software

/// A set of models that a script acts on, one step at a time.
///
/// A bench owns its models and is used for one script. It knows nothing of what is expected: it
/// carries an action out and says what came of it.
package protocol Bench: AnyObject, SendableMetatype {
  /// The name that script files use.
  static var name: String { get }
  /// Models of the bench, in one sentence.
  static var title: String { get }
  /// The fields that configure it.
  static var configuration: [Shape.Field] { get }
  /// The actions that a step can name, with the shape of each one's arguments.
  static var actions: [Shape.Field] { get }

  /// - Throws: `InputError` for a configuration whose parts cannot stand together.
  init(_ configuration: CheckedValue) throws(InputError)

  /// The same, with a defect in one of its models where it has that model.
  init(_ configuration: CheckedValue, injecting mutation: Mutation?) throws(InputError)

  /// Carries out one action, whose arguments have the shape that `actions` gives.
  ///
  /// - Throws: `InputError` when the arguments name what the bench does not have. What a kernel
  ///   or a device refuses is an outcome.
  func perform(_ action: String, _ arguments: CheckedValue) throws(InputError) -> Outcome
}

extension Bench {
  package init(_ configuration: CheckedValue, injecting mutation: Mutation?) throws(InputError) {
    try self.init(configuration)
  }
}

/// Outcome of one action.
package struct Outcome: Sendable {
  /// Values that were returned or seen, by name.
  package var values: [JSONValue.Member]
  /// The party that refused; `nil` for none.
  package var refusal: Refusal?
  /// Chain of events that led to it, one fact a line, in the order of cause and effect.
  package var chain: [String]

  package init(
    _ values: [JSONValue.Member] = [], refusal: Refusal? = nil, chain: [String] = []
  ) {
    self.values = values
    self.refusal = refusal
    self.chain = chain
  }

  package init(_ refusal: Refusal, chain: [String] = []) {
    self.init([], refusal: refusal, chain: chain)
  }

  /// Everything that a script can expect, as one object: a refusal as `by`, `in`, `errno` and
  /// `message`.
  package var record: JSONValue {
    guard let refusal else { return .object(values) }
    return .object(
      values + [
        .init("by", .string(refusal.agent.rawValue)), .init("in", .string(refusal.function)),
        .init("errno", .string(refusal.errno)), .init("message", .string(refusal.message)),
      ])
  }
}
