package import Files
import Foundation
import GRDB
import Scenarios
package import Sweeps

extension SweepFile {
  /// The numbers of the points that have run.
  package func finished() throws(InputError) -> Set<Int> {
    try access { try Set(Int.fetchAll($0, sql: "SELECT number FROM point")) }
  }

  /// Adds the points of other results, all in one transaction.
  ///
  /// - Throws: `InputError` when a point has two results; then none is added.
  package func add(_ parts: [SweepResults]) throws(InputError) {
    var known = try results().rows.reduce(into: [Int: SweepResults.Row]()) { $0[$1.number] = $1 }
    var new: [SweepResults.Row] = []
    for row in parts.flatMap(\.rows) {
      if let old = known[row.number] {
        guard old == row else {
          throw InputError(
            expected: "the same result of point \(row.number) wherever it runs", found: "two",
            at: Place(file: path))
        }
      } else {
        known[row.number] = row
        new.append(row)
      }
    }
    try access { database in for row in new { try database.insert(row) } }
  }

  /// Adds a point that has just run.
  ///
  /// A sweep of the same plan that runs at the same time may have been quicker; its result of the
  /// point is the same and stays.
  package func commit(_ point: SweepPoint, _ result: PointResult) throws(InputError) {
    try access { database in
      let known = try Int.fetchOne(
        database, sql: "SELECT COUNT(*) FROM point WHERE number = ?", arguments: [point.number])
      guard known == 0 else { return }
      try database.insert(
        SweepResults.Row(
          number: point.number, hash: point.hash, fields: point.fields, result: result))
    }
  }

  /// Reads the results in the file.
  package func results(withRows: Bool = true) throws(InputError) -> SweepResults {
    try access { database in
      let facts = try Row.fetchAll(database, sql: "SELECT name, value FROM sweep")
        .reduce(into: [String: String]()) { $0[$1.text("name")] = $1.text("value") }
      let seeds = try? JSONValue(parsing: Array((facts["seeds"] ?? "").utf8))
      guard let kind = facts["run"].flatMap(SweepPlan.Kind.init), let digest = facts["plan"],
        let count = facts["points"].flatMap(Int.init), case .array(let seeds)? = seeds
      else { throw InputError.damaged("the plan's facts are missing", at: self.path) }
      guard (0...SweepPlan.pointLimit).contains(count) else {
        throw InputError.damaged("a plan of \(count) points", at: self.path)
      }
      let quantities = try Row.fetchAll(
        database, sql: "SELECT section, name, unit FROM quantity ORDER BY number")
      return SweepResults(
        purpose: facts["purpose"] ?? "", kind: kind, digest: digest, pointCount: count,
        seeds: seeds.compactMap {
          if case .integer(let seed) = $0 { UInt32(exactly: seed) } else { nil }
        },
        quantities: quantities.map {
          SweepQuantity(section: $0.text("section"), name: $0.text("name"), unit: $0.text("unit"))
        },
        rows: withRows
          ? try database.rows(quantities: quantities.count).map { row in
            guard (1...max(1, count)).contains(row.number), count > 0 else {
              throw InputError.damaged("point \(row.number) of \(count)", at: self.path)
            }
            return row
          } : [])
    }
  }
}

extension Row {
  // What a damaged file holds instead reads as nothing: GRDB's own conversions would trap.
  fileprivate func text(_ column: String) -> String {
    String.fromDatabaseValue(self[column]) ?? ""
  }
  fileprivate func integer(_ column: String) -> Int { Int.fromDatabaseValue(self[column]) ?? 0 }
  /// `nil` also for a number that no run has: an infinity, or beyond 1e18 of any unit.
  fileprivate func number(_ column: String) -> Double? {
    Double.fromDatabaseValue(self[column]).flatMap { abs($0) <= 1e18 ? $0 : nil }
  }
}

extension Database {
  fileprivate func insert(_ row: SweepResults.Row) throws {
    try execute(
      sql: "INSERT INTO point VALUES (?, ?, ?, ?)",
      arguments: [row.number, row.hash, row.result.outcome, row.result.why])
    for (place, field) in row.fields.enumerated() {
      try execute(
        sql: "INSERT INTO field VALUES (?, ?, ?, ?)",
        arguments: [row.number, place, field.name, field.value])
    }
    let insertion = try cachedStatement(sql: "INSERT INTO number VALUES (?, ?, ?, ?, ?)")
    for sample in row.result.samples {
      for (quantity, (low, high)) in zip(sample.low, sample.high).enumerated() {
        try insertion.execute(arguments: [row.number, Int(sample.seed), quantity, low, high])
      }
    }
  }

  /// All points that have run.
  fileprivate func rows(quantities: Int) throws -> [SweepResults.Row] {
    var fields: [Int: [SweepPoint.Field]] = [:]
    for row in try Row.fetchAll(self, sql: "SELECT * FROM field ORDER BY point, place") {
      fields[row.integer("point"), default: []].append(
        SweepPoint.Field(name: row.text("name"), value: row.text("value")))
    }
    let samples = try samples(quantities: quantities)
    return try Row.fetchAll(self, sql: "SELECT * FROM point ORDER BY number").map { row in
      let number = row.integer("number")
      return SweepResults.Row(
        number: number, hash: row.text("hash"), fields: fields[number] ?? [],
        result: PointResult(
          outcome: row.text("outcome"), why: row.text("why"), samples: samples[number] ?? []))
    }
  }

  /// The numbers of each point, seed by seed in the order in which they were written.
  private func samples(quantities: Int) throws -> [Int: [PointResult.Sample]] {
    struct Numbers {
      let seed: Int
      var low: [Double?]
      var high: [Double?]
    }
    var numbers: [Int: [Numbers]] = [:]
    let rows = try Row.fetchCursor(self, sql: "SELECT * FROM number ORDER BY rowid")
    while let row = try rows.next() {
      let (point, seed, quantity) = (
        row.integer("point"), row.integer("seed"), row.integer("quantity")
      )
      guard (0..<quantities).contains(quantity) else { continue }
      if numbers[point]?.last?.seed != seed {
        let none = [Double?](repeating: nil, count: quantities)
        numbers[point, default: []].append(Numbers(seed: seed, low: none, high: none))
      }
      guard let last = numbers[point]?.indices.last else { continue }
      numbers[point]?[last].low[quantity] = row.number("low")
      numbers[point]?[last].high[quantity] = row.number("high")
    }
    return numbers.mapValues { list in
      list.map {
        PointResult.Sample(
          seed: UInt32(truncatingIfNeeded: $0.seed), low: $0.low, high: $0.high)
      }
    }
  }
}
