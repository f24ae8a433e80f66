package import Files
package import Scenarios
import Software

extension Outcome {
  /// The fields that a step expects, each compared with what came of it; a refusal that nobody
  /// expects fails, too.
  package func check(_ expectation: CheckedValue?) -> [FieldCheck] {
    var checks = expectation.map { Self.compare($0, record, at: "", in: $0) } ?? []
    if let refusal, expectation?["errno"] == nil {
      var check = FieldCheck(
        "errno", expected: "no refusal",
        found: "\(refusal.errno) from \(refusal.function): \(refusal.message)")
      check.place = expectation?.place
      checks.append(check)
    }
    return checks
  }

  /// Compares as the expectation's form decides: the fields of a mapping, the elements of a list, a
  /// number by its value, a `message` by a part of it.
  private static func compare(
    _ expected: CheckedValue, _ found: JSONValue?, at field: String, in root: CheckedValue
  ) -> [FieldCheck] {
    switch expected.content {
    case .mapping(let members):
      return members.flatMap { member in
        let path = field.isEmpty ? member.name : "\(field).\(member.name)"
        return compare(member.value, found?[member.name], at: path, in: root)
      }
    case .list(let items):
      guard case .array(let elements)? = found, elements.count == items.count else {
        var check = FieldCheck(
          field, expected: "a list of \(items.count)", found: found?.compactText ?? "nothing")
        check.place = expected.place
        return [check]
      }
      return zip(items, elements).enumerated().flatMap { index, pair in
        compare(pair.0, pair.1, at: "\(field)[\(index)]", in: root)
      }
    default:
      var check = scalar(expected.text, found, at: field)
      check.place = expected.place
      return [check]
    }
  }

  private static func scalar(_ expected: String, _ found: JSONValue?, at field: String)
    -> FieldCheck
  {
    let text = found?.plainText ?? "nothing"
    if field == "message" || field.hasSuffix(".message") {
      return FieldCheck(
        field, expected: "a text with '\(expected)'", found: "'\(text)'",
        holds: text.contains(expected))
    }
    let isSameNumber = UInt64(number: expected).map { $0 == UInt64(number: text) } ?? false
    return FieldCheck(
      field, expected: expected, found: text, holds: isSameNumber || expected == text)
  }
}

extension JSONValue {
  /// A scalar as a script file writes it.
  package var plainText: String {
    switch self {
    case .string(let text): text
    case .null: "none"
    default: compactText
    }
  }
}
