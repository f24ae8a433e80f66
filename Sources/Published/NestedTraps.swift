internal import Files

/// T8: what a hypercall takes in a guest of a guest, by how many traps to the outer hypervisor it
/// needs: a fixed part, and the same for each trap.
struct NestedTraps: PublishedModel {
  let table: PublishedTable
  private static let traps = "traps"
  private static let time = "hypercall"
  private static let ratio = "times that of a guest"
  private static let plain = "guest"

  init(_ table: PublishedTable, _ effort: Effort) { self.table = table }

  func predict() throws(InputError) -> Prediction {
    var prediction = Prediction()
    let columns = table.columns(of: Self.traps)
    guard columns.count >= 2 else {
      throw InputError(
        expected: "two columns at least in row '\(Self.traps)'", found: String(columns.count),
        at: Place(file: table.file), field: "rows")
    }
    let (many, fewer) = (columns[0], columns[1])
    let difference = try table.measured(Self.traps, many) - table.measured(Self.traps, fewer)
    guard difference != 0 else {
      throw InputError(
        expected: "different numbers of traps", found: "the same", at: Place(file: table.file),
        field: "rows")
    }
    let each =
      try (table.measured(Self.time, many) - table.measured(Self.time, fewer)) / difference
    let fixed = try table.measured(Self.time, many) - each * table.measured(Self.traps, many)
    let guest = try table.measured(Self.time, Self.plain)
    prediction.calibrate("trap", each, "cycles", "a trap to the outer hypervisor, there and back")
    prediction.calibrate("fixed", fixed, "cycles", "what is no trap")
    prediction.predict(Self.time, Self.plain, guest)
    var times: [Double] = []
    for column in columns {
      let count = try table.measured(Self.traps, column)
      times.append(fixed + each * count)
      prediction.predict(Self.traps, column, count)
      prediction.predict(Self.time, column, fixed + each * count)
      prediction.predict(Self.ratio, column, (fixed + each * count) / guest)
    }
    prediction.claims["fewer-traps-are-cheaper"] = (
      zip(times, times.dropFirst()).allSatisfy(>), times.map { brief($0) }.joined(separator: ", ")
    )
    return prediction
  }
}
