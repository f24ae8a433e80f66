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
    "$defs": [
      "compare": object([
        ("scenario", text), ("file", text), ("purpose", text), ("seed", integer),
        (
          "conditions",
          object(Condition.all.map { ($0.name, $0.isNumber ? integer : text) })
        ), ("workload", text), ("costs", object([("name", text), ("platform", text)])),
        ("results", list(result)),
      ]),
      "compareMatrix": object([
        ("scenario", text), ("file", text), ("seed", integer),
        (
          "matrices",
          list(
            object([
              ("axes", list(object([("name", text), ("meaning", text)]))),
              ("rows", list(object([("design", text), ("cells", list(cell))]))),
            ]))
        ),
      ]),
      "attack": list(
        object([
          ("design", text), ("usage", text),
          ("values", ["type": "object", "additionalProperties": text]), ("attack", text),
          ("actor", text), ("action", text),
          ("breachIf", text), ("source", text), ("outcome", text), ("victim", optionalText),
          ("detail", text), ("stations", list(station)),
        ])),
      "releasesList": list(
        object([
          ("name", text), ("program", text), ("state", text), ("stateText", text),
          ("releases", list(text)), ("isReleased", ["type": "boolean"]), ("source", text),
          ("changes", text), ("effect", text), ("choice", optionalText),
        ])),
      "explain": object([
        ("scenario", text), ("seed", integer), ("design", text), ("setup", setup),
        (
          "journey",
          [
            "anyOf": [
              ["type": "null"],
              object([
                ("message", integer), ("vector", integer), ("verdict", text), ("reason", text),
                ("stations", list(station)),
              ]),
            ]
          ]
        ), ("why", text),
      ]),
    ],
  ]

  private static let text: JSONValue = ["type": "string"]
  private static let optionalText: JSONValue = ["type": ["string", "null"]]
  private static let integer: JSONValue = ["type": "integer"]
  private static let number: JSONValue = ["type": "number"]
  private static let optionalNumber: JSONValue = ["type": ["number", "null"]]

  private static let setup = object([
    ("outcome", ["enum": ["enabled", "refused", "not modelled"]]), ("by", optionalText),
    ("function", optionalText),
    ("errno", optionalText), ("message", optionalText), ("chain", list(text)),
  ])

  private static let message: JSONValue = [
    "anyOf": [["type": "null"], object([("address", text), ("data", text)])]
  ]

  private static let percentiles = object([
    ("p50", optionalNumber), ("p99", optionalNumber), ("max", optionalNumber),
  ])

  private static let result = object([
    ("design", text), ("setup", setup), ("verdict", text),
    ("journeys", ["type": "object", "additionalProperties": integer]), ("message", message),
    ("exits", object([("setup", integer), ("perInterrupt", number)])), ("merged", integer),
    (
      "latency",
      object([
        ("p50", optionalNumber), ("p99", optionalNumber), ("max", optionalNumber), ("unit", text),
        ("low", percentiles), ("high", percentiles),
      ])
    ), ("why", text), ("missingInterfaces", list(interface)),
  ])

  /// What something rests on and nothing released has.
  private static let interface = object([("name", text), ("state", text), ("source", text)])

  private static let cell = object([
    ("values", ["type": "object", "additionalProperties": text]), ("outcome", text),
    ("verdict", optionalText), ("by", optionalText), ("errno", optionalText), ("message", message),
    ("why", text), ("command", text), ("missingInterfaces", list(interface)),
  ])

  private static let station = object([
    ("time", number), ("station", text), ("address", optionalText), ("words", list(text)),
    ("meaning", text),
  ])

  private static func list(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }

  /// An object that has these members, and may have others.
  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    [
      "type": "object",
      "properties": .object(members.map { JSONValue.Member($0.0, $0.1) }),
      "required": .array(members.map { .string($0.0) }),
    ]
  }
}
