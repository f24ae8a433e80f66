import Bits
import Designs
package import Files
import Guest
import Linux
package import Scenarios
import Simulation
import Software
import Timing
import VMM

extension Comparison {
  /// For programs. `CONTRIBUTING.md` promises these fields; others may be added.
  package var json: JSONValue {
    [
      "scenario": .string(scenario.name),
      "file": .string(scenario.shownFile),
      "purpose": .string(scenario.purpose),
      "seed": .integer(Int(scenario.seed)),
      "conditions": .object(
        Condition.all.map { .init($0.name, $0.json(of: scenario.conditions)) }),
      "workload": .string(scenario.workloadSource),
      "costs": [
        "name": .string(scenario.costs.name),
        "platform": .string(scenario.costs.platform),
        "assumed": .array(scenario.costs.assumed.map { .string($0.name) }),
        "ranges": .array(scenario.costs.items(.range).map { .string($0.name) }),
      ],
      "results": .array(
        results.map { result in
          guard case .object(let members) = result.json else { return result.json }
          let missing = missingInterfaces(of: result)
          return .object(members + [.init("missingInterfaces", .interfaces(missing))])
        }),
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
      "message": message?.json ?? .null,
      "devices": .array(devices.map(\.json)),
      "windowCovers": .array(windowCovers.map { .string($0) }),
      "exits": exitsJSON,
      "merged": .integer(merged),
      "latency": latencyJSON,
      "breakdown": breakdownJSON,
      "usedCosts": usedCosts.map { .array($0.map { .string($0.name) }) } ?? .null,
      "why": .string(why),
      "digest": .string(digest),
    ]
  }

  private var exitsJSON: JSONValue {
    [
      "setup": .integer(exits.setup),
      "run": .integer(exits[.run]),
      "tearDown": .integer(exits[.tearDown]),
      "delivery": .integer(exits.delivery),
      "idle": .integer(exits[.idle]),
      "wakeUps": .integer(exits.wakeUps),
      "perInterrupt": .number(exitsPerInterrupt),
      "causes": .array(
        exits.causes.map {
          ["name": .string($0.name), "count": .integer($0.count)]
        }),
      "rows": .array(
        exits.rows.map {
          [
            "when": .string($0.occasion.rawValue), "phase": .string($0.phase?.rawValue),
            "cause": .string($0.cause.name), "handler": .string($0.cause.handler.rawValue),
            "reads": .integer($0.reads), "writes": .integer($0.writes),
            "others": .integer($0.others),
          ]
        }),
    ]
  }

  var setupJSON: JSONValue {
    [
      "outcome": .string(setupWord),
      "by": .string(refusal?.agent.rawValue),
      "function": .string(refusal?.function),
      "errno": .string(refusal?.errno),
      "message": .string(refusal?.message),
      "chain": .array(refusal?.chain.map { .string($0) } ?? []),
    ]
  }

  private var journeysJSON: JSONValue {
    .object(
      Verdict.allCases.map { JSONValue.Member($0.rawValue, .integer(count(of: $0))) }
        + [JSONValue.Member("total", .integer(verdicts.count))])
  }

  /// Whole nanoseconds; `null` when no MSI was delivered, and where the number is an interval,
  /// whose ends `low` and `high` hold.
  private var latencyJSON: JSONValue {
    let high = latencyAtHighEnd
    func value(_ end: Latency?, _ part: KeyPath<Latency, UInt64>) -> JSONValue {
      end.map { .integer(Int(clamping: $0[keyPath: part])) } ?? .null
    }
    func point(_ part: KeyPath<Latency, UInt64>) -> JSONValue {
      latency?[keyPath: part] == high?[keyPath: part] ? value(latency, part) : .null
    }
    func end(_ end: Latency?) -> JSONValue {
      ["p50": value(end, \.p50), "p99": value(end, \.p99), "max": value(end, \.max)]
    }
    return [
      "p50": point(\.p50), "p99": point(\.p99), "max": point(\.max), "unit": "ns",
      "low": end(latency), "high": end(high),
    ]
  }

  /// Mean nanoseconds at each station, of the MSIs that arrived by themselves.
  private var breakdownJSON: JSONValue {
    .object(
      [JSONValue.Member("count", .integer(breakdown.count))]
        + Station.allCases.map { JSONValue.Member($0.name.memberName, .number(breakdown.mean($0))) }
    )
  }
}

extension DeviceResult {
  fileprivate var json: JSONValue {
    [
      "guestID": .string(hex(UInt64(guestID))), "hostID": .string(hex(UInt64(hostID))),
      "smmu": .integer(smmu), "its": .integer(its), "verdict": .string(verdict.rawValue),
      "message": message?.json ?? .null, "why": .string(why),
    ]
  }
}

extension RunResult.Message {
  var json: JSONValue {
    ["address": .string(address.description), "data": .string(hex(UInt64(data)))]
  }
}

extension Condition {
  /// The value that conditions have: a number where the condition is one.
  func json(of conditions: Conditions) -> JSONValue {
    let text = text(of: conditions)
    return isNumber ? Int(text).map { .integer($0) } ?? .string(text) : .string(text)
  }
}

extension JSONValue {
  /// Returns the unreleased interfaces that something rests on, as JSON.
  static func interfaces(_ items: [ReleaseSwitch]) -> JSONValue {
    .array(
      items.map {
        [
          "name": .string($0.rawValue), "state": .string($0.record.state.description),
          "source": .string($0.record.source),
        ]
      })
  }
}
