import Bits
import Designs
import Flows
import Guest
public import JSON
import Linux
public import Scenarios

extension Comparison {
  /// For programs. `CONTRIBUTING.md` promises these fields; others may be added.
  public var json: JSONValue {
    [
      "scenario": .string(scenario.name),
      "file": .string(scenario.file),
      "purpose": .string(scenario.purpose),
      "seed": .integer(Int(scenario.seed)),
      "guest": [
        "kernel": .string(scenario.guestKernel.description),
        "usage": .string(scenario.usage.rawValue),
      ],
      "host": ["kernel": .string(scenario.hostKernel.description)],
      "workload": .string(scenario.workloadSource),
      "costs": [
        "name": .string(scenario.costs.name),
        "platform": .string(scenario.costs.platform),
        "assumed": .array(scenario.costs.assumed.map { .string($0.rawValue) }),
      ],
      "results": .array(results.map(\.json)),
    ]
  }
}

extension RunResult {
  var json: JSONValue {
    [
      "design": .string(design.name),
      "setup": setupJSON,
      "verdict": .string(verdict.rawValue),
      "journeys": journeysJSON,
      "message": messageJSON,
      "exits": [
        "setup": .integer(exits.setup),
        "perInterrupt": .number(exitsPerInterrupt),
        "causes": .array(
          exits.causes.map {
            ["name": .string($0.name), "count": .integer($0.count)]
          }),
      ],
      "latency": latencyJSON,
      "why": .string(why),
      "digest": .string(digest),
    ]
  }

  var setupJSON: JSONValue {
    [
      "outcome": .string(refusal == nil ? "enabled" : "refused"),
      "by": .string(refusal?.agent.rawValue),
      "function": .string(refusal?.function),
      "errno": .string(refusal?.errno),
      "message": .string(refusal?.message),
    ]
  }

  private var journeysJSON: JSONValue {
    .object(
      Verdict.allCases.map { JSONValue.Member($0.rawValue, .integer(count(of: $0))) }
        + [JSONValue.Member("total", .integer(verdicts.count))])
  }

  private var messageJSON: JSONValue {
    guard let message else { return .null }
    return [
      "address": .string(message.address.description), "data": .string(hex(UInt64(message.data))),
    ]
  }

  /// Whole nanoseconds; `null` when no MSI was delivered.
  private var latencyJSON: JSONValue {
    func value(_ part: KeyPath<Latency, UInt64>) -> JSONValue {
      latency.map { .integer(Int(clamping: $0[keyPath: part])) } ?? .null
    }
    return [
      "p50": value(\.p50), "p99": value(\.p99), "max": value(\.max), "unit": "ns",
    ]
  }
}
