package import Files
package import Scenarios

/// A scenario that is told step by step: a bench, and what is done on it.
package struct Script: Sendable {
  /// One action with what is expected of it.
  package struct Step: Sendable {
    package let action: String
    package let arguments: CheckedValue
    /// Purpose of the step; empty if the file does not say.
    package let note: String
    /// Expected outcome; `nil` if only a refusal would be a surprise.
    package let expectation: CheckedValue?
  }

  /// The file as the user would name it.
  package let file: String
  package let purpose: String
  /// Source that justifies the expectations.
  package let source: String
  /// The rows of the scenario table that it shows.
  package let rows: [String]
  /// Reason why its expectations are known not to hold; `nil` if they must.
  package let knownFailure: String?
  package let bench: any Bench.Type
  package let configuration: CheckedValue
  package let steps: [Step]
}

extension Shape {
  /// A scenario file in the form of a script.
  package static var script: Shape {
    .record([
      .required("purpose", .anyText, "One line, the first of the file: what the scenario shows."),
      .required("source", .anyText, "What justifies the expectations: a manual, a kernel, a post."),
      .optional("rows", .list(.anyText), "The rows of the scenario table that it shows."),
      .optional(
        "known-failure", .anyText,
        "Why the expectations do not hold yet; that they do is then a failure."),
      .required(
        "script",
        .oneOf(Benches.all.map { .required($0.name, bench($0), $0.title) }),
        "The bench, and what is done on it."),
    ])
  }

  private static func bench(_ bench: any Bench.Type) -> Shape {
    let step = bench.actions.map { Field.optional($0.name, $0.shape, $0.text) }
    return .record([
      .optional("setup", .record(bench.configuration), "What the bench consists of."),
      .required(
        "steps",
        .list(
          .record(
            step + [
              .optional("note", .anyText, "Why the step is there."),
              .optional(
                "expect", .anything,
                "What must come of it: the fields that matter. 'message' may be a part."),
            ])), "What is done, in order: one action a step."),
    ])
  }
}

extension Script {
  /// - Throws: `InputError` for a file that is no script.
  package init(_ path: String) throws(InputError) {
    let value = try InputFile(path).value(as: .script)
    try value.checkPurpose()
    guard let member = value["script"]?.members.first, let bench = Benches.named(member.name)
    else { throw value.error(expected: "a script") }
    file = path
    purpose = value.text("purpose")
    source = value.text("source")
    rows = value["rows"]?.items.map(\.text) ?? []
    knownFailure = value["known-failure"]?.text
    self.bench = bench
    configuration =
      member.value["setup"]
      ?? CheckedValue(content: .mapping([]), place: member.value.place, field: member.value.field)
    steps = try Self.steps(member.value["steps"], of: bench)
  }

  private static func steps(
    _ list: CheckedValue?, of bench: any Bench.Type
  ) throws(InputError) -> [Step] {
    let names = bench.actions.map(\.name)
    var steps: [Step] = []
    for item in list?.items ?? [] {
      let actions = item.members.filter { names.contains($0.name) }
      guard actions.count == 1, let action = actions.first else {
        throw InputError(
          expected: "one action (\(alternatives(names)))",
          found: actions.isEmpty ? "none" : alternatives(actions.map(\.name)), at: item.place,
          field: item.field)
      }
      steps.append(
        Step(
          action: action.name, arguments: action.value, note: item.text("note"),
          expectation: item["expect"]))
    }
    return steps
  }
}
