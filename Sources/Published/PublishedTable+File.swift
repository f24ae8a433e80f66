package import Files
package import Scenarios

extension Shape {
  /// A file of `scenarios/published`.
  package static var publishedTable: Shape {
    .record([
      .required("title", .anyText, "What was measured."),
      .required("source", .anyText, "Who published it, and where."),
      .required("method", .anyText, "What is calibrated, what is predicted, and by which model."),
      .required("rows", .list(row), "The measured cells."),
      .optional("calibration", .list(cells([])), "The cells that calibrate the model."),
      .optional(
        "bands",
        .list(
          cells([
            .optional("percent", .number, "At most so many per cent off."),
            .optional("factor", .number, "At most so many times more or less."),
            .optional("low", .number, "The low end of where the prediction must lie."),
            .optional("high", .number, "The high end."),
          ])), "How close predictions must come; the first entry that names a cell counts."),
      .optional(
        "parameters", .dictionary(keys: "names of parameters", parameter),
        "What the model takes as given."),
      .optional(
        "claims", .dictionary(keys: "names of claims", claim),
        "What must show in the table as a whole."),
      .optional(
        "misses", .list(cells([.required("why", .anyText, "What the model lacks.")])),
        "The cells that are known to miss their band. That one holds is as much a failure as that "
          + "another misses."),
    ])
  }

  private static var status: Shape {
    .choice(of: PublishedTable.Status.self) { $0.meaning }
  }

  private static var row: Shape {
    .record([
      .required("name", .anyText, "The row's name."),
      .required("unit", .anyText, "The unit of its numbers."),
      .required("status", status, "How the numbers are known."),
      .required("source", .anyText, "Who published them, and where."),
      .required("values", .dictionary(keys: "columns", .number), "The numbers by column."),
    ])
  }

  private static func cells(_ others: [Field]) -> Shape {
    .record(
      [
        .optional("rows", .list(.anyText), "The rows meant; all of them when absent."),
        .optional("columns", .list(.anyText), "The columns meant; all of them when absent."),
      ] + others)
  }

  private static var parameter: Shape {
    .record([
      .optional("value", .number, "The number."),
      .optional("low", .number, "The low end of a range, instead of a value."),
      .optional("high", .number, "The high end."),
      .required("unit", .anyText, "The unit."),
      .required("status", status, "How the number is known."),
      .required("meaning", .anyText, "What the model uses it for."),
      .required("source", .anyText, "Where it comes from, or why it is assumed."),
    ])
  }

  private static var claim: Shape {
    .record([
      .required("meaning", .anyText, "What must show."),
      .optional("holds", .boolean, "Whether the model is known to show it.", standard: true),
      .optional("why", .anyText, "Why not, where it does not."),
    ])
  }
}

extension PublishedTable.Status {
  /// What the status says about a number.
  package var meaning: String {
    switch self {
    case .verified: "Read where it was published."
    case .secondHand: "Read where another source quotes it."
    case .derived: "Computed from numbers that were read."
    case .assumed: "Plausible: nothing published was found."
    case .range: "Two ends: nothing published was found, or what was disagrees."
    }
  }
}

extension PublishedTable {
  /// The table in the folder's file for it.
  package init(_ name: Name, in folder: ScenarioFolder) throws(InputError) {
    try self.init(
      name, file: "\(folder.path)/published/\(name.rawValue).yaml", scenarios: folder.path)
  }

  /// The table in the file at `path`; `scenarios` holds what it refers to.
  package init(_ name: Name, file path: String, scenarios: String) throws(InputError) {
    let value = try InputFile(path).value(as: .publishedTable)
    let cells = Self.cells(value)
    let items = { (field: String) in value[field]?.items ?? [] }
    var bands: [(rows: [String], columns: [String], band: Band)] = []
    for item in items("bands") {
      bands.append((item.names("rows"), item.names("columns"), try Band(item)))
    }
    var parameters: [Parameter] = []
    for member in value["parameters"]?.members ?? [] { parameters.append(try Parameter(member)) }
    self.init(
      name: name, title: value.text("title"), source: value.text("source"),
      method: value.text("method"), cells: cells,
      calibration: Self.keys(items("calibration"), among: cells), parameters: parameters,
      claims: (value["claims"]?.members ?? []).map {
        Claim(
          name: $0.name, meaning: $0.value.text("meaning"),
          isExpected: $0.value["holds"]?.boolean ?? true, why: $0.value.text("why"))
      }, bands: bands,
      misses: items("misses").map { ($0.names("rows"), $0.names("columns"), $0.text("why")) },
      file: path, scenarios: scenarios)
  }

  private static func cells(_ value: CheckedValue) -> [Cell] {
    (value["rows"]?.items ?? []).flatMap { row in
      (row["values"]?.members ?? []).map { member in
        Cell(
          key: Key(row.text("name"), member.name), value: member.value.number,
          unit: row.text("unit"), status: row.choice("status") ?? .assumed,
          source: row.text("source"))
      }
    }
  }

  private static func keys(_ items: [CheckedValue], among cells: [Cell]) -> Set<Key> {
    Set(
      cells.map(\.key).filter { key in
        items.contains { covers($0.names("rows"), $0.names("columns"), key) }
      })
  }
}

extension CheckedValue {
  fileprivate func names(_ field: String) -> [String] { self[field]?.items.map(\.text) ?? [] }
}

extension PublishedTable.Band {
  fileprivate init(_ value: CheckedValue) throws(InputError) {
    let wrong = value.error(expected: "one of percent, factor (1 at least), and low with high")
    let given = ["percent", "factor", "low"].filter { value[$0] != nil }
    guard given.count == 1 else { throw wrong }
    if let share = value["percent"]?.number {
      self = .percent(share)
    } else if let factor = value["factor"]?.number, factor >= 1 {
      self = .factor(factor)
    } else if let low = value["low"]?.number, let high = value["high"]?.number, low <= high {
      self = .interval(low, high)
    } else {
      throw wrong
    }
  }
}

extension PublishedTable.Parameter {
  fileprivate init(_ member: CheckedValue.Member) throws(InputError) {
    let value = member.value
    let ends = value["value"].map { ($0.number, $0.number) }
    let range = value["low"].flatMap { low in value["high"].map { (low.number, $0.number) } }
    guard let (low, high) = ends ?? range, (ends == nil) != (range == nil), low <= high else {
      throw value.error(expected: "either a value, or low and a high that is not below it")
    }
    self.init(
      name: member.name, low: low, high: high, unit: value.text("unit"),
      meaning: value.text("meaning"), status: value.choice("status") ?? .assumed,
      source: value.text("source"))
  }
}
