package import Files
import Scenarios

extension SweepReport {
  /// For programs: every quantity, at both ends of the costs' ranges.
  package var json: JSONValue {
    [
      "purpose": .string(results.purpose),
      "run": .string(results.kind.rawValue),
      "plan": .string(results.digest),
      "seeds": .array(results.seeds.map { .integer(Int($0)) }),
      "points": .integer(results.pointCount),
      "missing": .array(results.missing.map { .integer($0) }),
      "results": .array(results.rows.map(json)),
    ]
  }

  private func json(_ row: SweepResults.Row) -> JSONValue {
    [
      "point": .integer(row.number),
      "hash": .string(row.hash),
      "fields": .object(row.fields.map { JSONValue.Member($0.name, .string($0.value)) }),
      "outcome": .string(row.result.outcome),
      "why": .string(row.result.why),
      "quantities": .array(
        results.quantities.enumerated().compactMap { place, quantity in
          row.estimate(place).map { json(quantity, $0.low, $0.high) }
        }),
    ]
  }

  private func json(_ quantity: SweepQuantity, _ low: Estimate, _ high: Estimate) -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
    return [
      "section": .string(quantity.section), "name": .string(quantity.name),
      "unit": .string(quantity.unit),
      "low": number(low.mean), "lowHalfWidth": number(low.halfWidth),
      "high": number(high.mean), "highHalfWidth": number(high.halfWidth),
    ]
  }
}
