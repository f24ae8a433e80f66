package import Files
import Scenarios

/// The JSON Schema (2020-12) of what commands print with `--format json`.
///
/// All members are named in one style, `likeThis`, but for words that the input chose: names of
/// designs, axes, attacks and stations. Members may be added.
package enum OutputSchema {
  package static let schema: JSONValue = [
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Doorbell's output",
    "description": "A definition for each command that prints JSON for programs.",
    "$defs": .object(
      (runs + plans + machines + evidence).map { .init($0.name, $0.schema) }),
  ]

  /// A command, as one word, and the schema of what it prints.
  typealias Definition = (name: String, schema: JSONValue)

  static let text: JSONValue = ["type": "string"]
  static let optionalText: JSONValue = ["type": ["string", "null"]]
  static let integer: JSONValue = ["type": "integer"]
  static let number: JSONValue = ["type": "number"]
  static let flag: JSONValue = ["type": "boolean"]
  static let optionalNumber: JSONValue = ["type": ["number", "null"]]

  static let setup = object([
    "outcome": ["enum": ["enabled", "refused", "not modelled"]], "by": optionalText,
    "function": optionalText, "errno": optionalText, "message": optionalText, "chain": list(text),
  ])

  static let message = optional(object(["address": text, "data": text]))

  static let percentiles = object([
    "p50": optionalNumber, "p99": optionalNumber, "max": optionalNumber,
  ])

  /// Shape of an unreleased interface that something rests on.
  static let interface = object(["name": text, "state": text, "source": text])

  static let cell = object([
    "values": map(of: text), "outcome": text, "verdict": optionalText, "by": optionalText,
    "errno": optionalText, "message": message, "why": text, "command": text,
    "missingInterfaces": list(interface),
  ])

  static let station = object([
    "time": number, "station": text, "address": optionalText, "words": list(text), "meaning": text,
  ])

  static func list(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }

  /// An object whose members the input names: axes, counters of a trace.
  static func map(of value: JSONValue) -> JSONValue {
    ["type": "object", "additionalProperties": value]
  }

  static func optional(_ schema: JSONValue) -> JSONValue { ["anyOf": [["type": "null"], schema]] }

  /// An object that has these members, may have the optional ones, and may have others.
  static func object(
    _ members: KeyValuePairs<String, JSONValue>,
    optional others: KeyValuePairs<String, JSONValue> = [:]
  ) -> JSONValue {
    [
      "type": "object",
      "properties": .object((Array(members) + Array(others)).map { .init($0.key, $0.value) }),
      "required": .array(members.map { .string($0.key) }),
    ]
  }

  static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    [
      "type": "object", "properties": .object(members.map { .init($0.0, $0.1) }),
      "required": .array(members.map { .string($0.0) }),
    ]
  }
}
