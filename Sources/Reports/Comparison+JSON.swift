import Bits
import Designs
import Flows
import Guest
import Linux
public import Scenarios

extension Comparison {
  /// For programs. `CONTRIBUTING.md` promises these fields; others may be added.
  public var json: JSON {
    .object([
      "scenario": .text(scenario.name),
      "file": .text(scenario.file),
      "purpose": .text(scenario.purpose),
      "seed": .integer(Int(scenario.seed)),
      "guest": .object([
        "kernel": .text(scenario.guestKernel.description),
        "usage": .text(scenario.usage.rawValue),
      ]),
      "host": .object(["kernel": .text(scenario.hostKernel.description)]),
      "workload": .text(scenario.workloadSource),
      "costs": .object([
        "name": .text(scenario.costs.name),
        "platform": .text(scenario.costs.platform),
        "assumed": .list(scenario.costs.assumed.map { .text($0.rawValue) }),
      ]),
      "results": .list(results.map(\.json)),
    ])
  }
}

extension RunResult {
  var json: JSON {
    .object([
      "design": .text(design.name),
      "setup": setupJSON,
      "verdict": .text(verdict.rawValue),
      "journeys": journeysJSON,
      "message": messageJSON,
      "exits": .object([
        "setup": .integer(exits.setup),
        "perInterrupt": .number(exitsPerInterrupt),
        "causes": .list(
          exits.causes.map {
            .object(["name": .text($0.name), "count": .integer($0.count)])
          }),
      ]),
      "latency": latencyJSON,
      "why": .text(why),
      "digest": .text(digest),
    ])
  }

  var setupJSON: JSON {
    .object([
      "outcome": .text(refusal == nil ? "enabled" : "refused"),
      "by": .text(refusal?.agent.rawValue),
      "function": .text(refusal?.function),
      "errno": .text(refusal?.errno),
      "message": .text(refusal?.message),
    ])
  }

  private var journeysJSON: JSON {
    .object(
      Verdict.allCases.map { JSON.Member($0.rawValue, .integer(count(of: $0))) }
        + [JSON.Member("total", .integer(verdicts.count))])
  }

  private var messageJSON: JSON {
    guard let message else { return .null }
    return .object([
      "address": .text(message.address.description), "data": .text(hex(UInt64(message.data))),
    ])
  }

  /// Whole nanoseconds; `null` when no MSI was delivered.
  private var latencyJSON: JSON {
    func value(_ part: KeyPath<Latency, UInt64>) -> JSON {
      latency.map { .integer(Int(clamping: $0[keyPath: part])) } ?? .null
    }
    return .object([
      "p50": value(\.p50), "p99": value(\.p99), "max": value(\.max), "unit": .text("ns"),
    ])
  }
}
