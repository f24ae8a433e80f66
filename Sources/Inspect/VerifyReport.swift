internal import Bits
package import Files

/// Number of vectors of a class by how they compare.
package struct VerifyTotals: Equatable, Sendable {
  package var agree = 0
  /// Vectors answered as the manual says where a rule of it contradicts the file's opinion.
  package var overruled = 0
  package var disagree = 0
  /// Vectors without an opinion of the architecture: the same as the record, or different.
  package var unjudgedSame = 0
  package var unjudgedDifferent = 0

  package var total: Int { agree + overruled + disagree + unjudgedSame + unjudgedDifferent }

  mutating func count(_ comparison: VectorComparison) {
    switch (comparison.isJudged, comparison.differences.isEmpty) {
    case (true, true) where !comparison.overrulings.isEmpty: overruled += 1
    case (true, true): agree += 1
    case (true, false): disagree += 1
    case (false, true): unjudgedSame += 1
    case (false, false): unjudgedDifferent += 1
    }
  }
}

/// The result of running vector files.
package struct VerifyReport: Sendable {
  package let personality: ProofPersonality
  /// By file, then by class, in the order of the files.
  package private(set) var totals: [(file: String, group: String, totals: VerifyTotals)] = []
  /// Differences in judged vectors.
  package private(set) var disagreements: [VectorDifference] = []
  /// Differences from the record in vectors that are not judged.
  package private(set) var remarks: [VectorDifference] = []
  /// Number of vectors that each rule of the manual decided against the file's opinion.
  package private(set) var overrulings: [(rule: Overruling, vectors: Int)] =
    Overruling.allCases.map { ($0, 0) }

  /// Results of access vectors: the models of kernels.
  package private(set) var accesses = AccessReport()

  package init(_ personality: ProofPersonality) { self.personality = personality }

  package var agrees: Bool {
    totals.allSatisfy { $0.totals.disagree == 0 } && accesses.agrees
  }

  /// The sum over all files and classes.
  package var sum: VerifyTotals {
    totals.reduce(into: VerifyTotals()) { sum, row in
      sum.agree += row.totals.agree
      sum.overruled += row.totals.overruled
      sum.disagree += row.totals.disagree
      sum.unjudgedSame += row.totals.unjudgedSame
      sum.unjudgedDifferent += row.totals.unjudgedDifferent
    }
  }

  mutating func add(_ comparison: VectorComparison, file: String, group: String) {
    let place =
      totals.firstIndex { $0.file == file && $0.group == group } ?? totals.endIndex
    if place == totals.endIndex { totals.append((file, group, VerifyTotals())) }
    totals[place].totals.count(comparison)
    for place in overrulings.indices
    where comparison.overrulings.contains(overrulings[place].rule) {
      overrulings[place].vectors += 1
    }
    let differences = comparison.differences.map { $0.inFile(Self.name(of: file)) }
    if comparison.isJudged {
      disagreements += differences
    } else {
      remarks += differences
    }
  }

  /// Runs every vector of `files`.
  ///
  /// - Parameters:
  ///   - group: the only class to run, or `nil` for all.
  ///   - progress: called after each vector with how many have run.
  /// - Throws: `InputError` for a file that is not one of vectors.
  package mutating func run(
    _ files: [String], only group: String? = nil, with runner: VectorRunner,
    progress: (Int) -> Void = { _ in }
  ) throws(InputError) {
    var count = 0
    for file in files {
      switch try AccessVectorReader.kind(ofFile: file) {
      case .vectors: break
      case .accesses:
        let vector = try AccessVectorReader.read(file)
        guard group == nil || group == "access" else { continue }
        accesses.add(vector)
        count += vector.accesses.count
        progress(count)
        continue
      // The accesses that made a unit consume them are compared.
      case .commands: continue
      }
      let reader = try VectorReader(path: file)
      while let vector = try reader.next() {
        guard group == nil || vector.group == group else { continue }
        guard personality == .architecture || personality == vector.recorder else {
          throw InputError(
            expected: "vectors that \(personality.rawValue) answered",
            found: "vectors of --personality \(vector.recorder.rawValue)",
            at: Place(file: file, line: reader.lineNumber))
        }
        let comparison = try runner.compare(vector, with: personality)
        add(comparison, file: file, group: vector.group)
        count += 1
        progress(count)
      }
    }
    guard count > 0 else {
      let wanted = group.map { " of class \"\($0)\"" } ?? ""
      throw InputError(
        expected: "vectors\(wanted)", found: "none",
        at: Place(file: files.joined(separator: ", ")))
    }
  }
}

extension VerifyReport {
  /// The report for people.
  package var text: String {
    guard accesses.cases > 0 else { return vectorText }
    return totals.isEmpty ? accesses.text : vectorText + "\n\n" + accesses.text
  }

  private var vectorText: String {
    var lines = disagreements.map { "disagrees  \($0)" }
    if !lines.isEmpty { lines.append("") }
    var rows = [["file", "class", "agree", "overruled", "disagree", "unjudged", "total"]]
    rows += totals.map { Self.row($0.file, $0.group, $0.totals) }
    rows.append(Self.row("total", "", sum))
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    lines += rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column < 2 ? cell.0 + space : space + cell.0
      }.joined(separator: "  ")
    }
    if sum.unjudgedDifferent > 0 {
      lines.append("")
      lines.append(
        "unjudged: the file has no opinion of the architecture on these; in brackets, how many "
          + "are not answered as recorded (see --format json).")
    }
    for (rule, vectors) in overrulings where vectors > 0 {
      lines.append("")
      lines.append(
        "overruled in \(vectors) vectors: the manual contradicts the file's opinion: \(rule.reason)"
      )
    }
    return lines.joined(separator: "\n")
  }

  private static func name(of file: String) -> String {
    file.split(separator: "/").last.map(String.init) ?? file
  }

  private static func row(_ file: String, _ group: String, _ totals: VerifyTotals) -> [String] {
    let unjudged = totals.unjudgedSame + totals.unjudgedDifferent
    let different = totals.unjudgedDifferent > 0 ? " (\(totals.unjudgedDifferent))" : ""
    return [
      name(of: file), group, "\(totals.agree)", "\(totals.overruled)", "\(totals.disagree)",
      "\(unjudged)\(different)", "\(totals.total)",
    ]
  }

  /// The report for programs.
  package var json: JSONValue {
    [
      "personality": .string(personality.rawValue),
      "agrees": .bool(agrees),
      "totals": .array(
        totals.map {
          Self.json($0.totals, ["file": .string($0.file), "class": .string($0.group)])
        }),
      "sum": Self.json(sum, [:]),
      "overruled": .array(
        overrulings.filter { $0.vectors > 0 }.map {
          ["rule": .string($0.rule.reason), "vectors": .integer($0.vectors)]
        }),
      "disagreements": .array(disagreements.map(\.json)),
      "unjudgedDifferences": .array(remarks.map(\.json)),
      "accesses": accesses.json,
    ]
  }

  private static func json(_ totals: VerifyTotals, _ head: JSONValue) -> JSONValue {
    guard case .object(let members) = head else { return head }
    return .object(
      members + [
        JSONValue.Member("agree", .integer(totals.agree)),
        JSONValue.Member("overruled", .integer(totals.overruled)),
        JSONValue.Member("disagree", .integer(totals.disagree)),
        JSONValue.Member("unjudgedSame", .integer(totals.unjudgedSame)),
        JSONValue.Member("unjudgedDifferent", .integer(totals.unjudgedDifferent)),
        JSONValue.Member("total", .integer(totals.total)),
      ])
  }
}

extension VectorDifference: CustomStringConvertible {
  package var description: String {
    (file.isEmpty ? "" : "\(file): ")
      + "\(vector) step \(step) (\(action)): \(field): expected \(expected), found \(found)"
  }

  var json: JSONValue {
    [
      "file": .string(file), "vector": .string(vector), "step": .integer(step),
      "action": .string(action),
      "field": .string(field), "expected": .string(expected), "found": .string(found),
    ]
  }
}
