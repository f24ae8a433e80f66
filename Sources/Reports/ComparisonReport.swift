import Bits
package import Designs
import Files
import Guest
import Linux
import Machine
package import Scenarios
import Simulation
import Software
import Timing
import VMM

/// A form in which a report can be printed.
package enum ReportFormat: String, CaseIterable, Sendable {
  case table
  case json
  case csv
  case markdown
}

extension Comparison {
  /// The report of the comparison, ended by a newline.
  package func report(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: csv
    case .markdown: markdown
    }
  }
}

/// The texts of one design's row, as all tabular forms print them.
package struct ComparisonRow {
  let design: String
  let setup: String
  let verdicts: String
  let address: String
  let data: String
  let setupExits: String
  let exitsPerInterrupt: String
  let p50: String
  let p99: String

  package static let titles = [
    "design", "set-up", "MSIs", "address", "data", "exits at set-up", "exits per MSI", "p50 us",
    "p99 us",
  ]

  /// The titles with breaks where a table saves width by them.
  static let brokenTitles = titles.map {
    $0.replacing("exits at ", with: "exits at\n").replacing("exits per", with: "exits\nper")
      .replacing(" us", with: "\nus")
  }

  package init(_ result: RunResult) {
    let latency = result.latency
    design = result.design.name
    setup = result.refusal.map { "refused:\n\($0.errno)" } ?? result.setupWord
    verdicts =
      result.counts.isEmpty
      ? "none"
      : result.counts.map { "\($0.1) \($0.0.rawValue)" }
        .joined(separator: ", ")
    address = Self.addresses(result)
    data = result.message.map { "0x" + String($0.data, radix: 16) } ?? "-"
    setupExits = String(result.exits.setup)
    exitsPerInterrupt = plain(result.exitsPerInterrupt)
    let high = result.latencyAtHighEnd
    func interval(_ part: KeyPath<Latency, UInt64>) -> String {
      guard let latency else { return "-" }
      return Self.interval(latency[keyPath: part], (high ?? latency)[keyPath: part])
    }
    p50 = interval(\.p50)
    p99 = interval(\.p99)
  }

  /// The address in the device; the lowest and the highest where there are several.
  private static func addresses(_ result: RunResult) -> String {
    let all = result.devices.compactMap(\.message?.address).sorted()
    guard let first = all.first, let last = all.last, first != last else {
      return result.message?.address.description ?? "-"
    }
    return "\(first)..\(last)"
  }

  /// `1.20` or, where the number rests on a range, `1.20..3.40`: microseconds.
  static func interval(_ low: UInt64, _ high: UInt64) -> String {
    low == high ? microseconds(low) : "\(microseconds(low))..\(microseconds(high))"
  }

  package var texts: [String] {
    [
      design, setup, verdicts, address, data, setupExits, exitsPerInterrupt, p50, p99,
    ]
  }
}

extension RunResult {
  /// Number of MSIs by verdict, for the verdicts that any MSI has, the best first.
  var counts: [(Verdict, Int)] {
    Verdict.allCases.compactMap { verdict in
      let count = count(of: verdict)
      return count == 0 ? nil : (verdict, count)
    }
  }
}

extension RunResult {
  /// Outcome of set-up, in one word or two.
  var setupWord: String {
    switch setup {
    case .enabled: "enabled"
    case .refused: "refused"
    case .notModelled: "not modelled"
    }
  }
}

extension Verdict {
  var tone: Terminal.Tone {
    switch self {
    case .delivered: .good
    case .refused: .warning
    case .dropped, .fault, .lost, .misrouted, .corrupted: .bad
    }
  }
}

extension Scenario {
  /// Conditions and workload, in one line.
  package var conditionsText: String {
    let shown = Condition.all.filter {
      $0.name == Condition.guestUsage.name || !$0.isPlain(in: conditions)
        || [Condition.costs.name, Condition.seed.name].contains($0.name)
    }
    let words = shown.map { "\($0.name) \($0.text(of: conditions))" }
    let own = machine.map { ["machine \($0.name)"] } ?? []
    return (words + own + ["workload \(workloadSource)"]).joined(separator: "; ")
  }

  /// The line that says which numbers the times rest on; `nil` when all are known.
  var assumption: String? {
    conditions.platform.costGap ?? conditions.costs.assumption(among: CostModel.Item.allCases)
  }
}

extension Comparison {
  /// The line that says which numbers the times of the results rest on; `nil` when all are known.
  package var assumption: String? {
    if let gap = scenario.conditions.platform.costGap { return gap }
    let used = results.map { $0.usedCosts ?? CostModel.Item.allCases }
    return scenario.costs.assumption(
      among: CostModel.Item.allCases.filter { item in used.contains { $0.contains(item) } })
  }
}

extension HostPlatform {
  /// The line that says why there are no times; `nil` where there are.
  fileprivate var costGap: String? {
    self == .arm
      ? nil
      : "Nothing is published of what an MSI costs on this platform: its latency is unknown, and "
        + "times are those at which the device signals."
  }
}

extension CostModel {
  /// The line that says which of these numbers are assumed, and which are ranges; `nil` for none.
  func assumption(among items: [Item]) -> String? {
    func names(_ status: Status) -> String {
      self.items(status).filter(items.contains).map(\.name).joined(separator: ", ")
    }
    let assumed = names(.assumed)
    let ranges = names(.range)
    let parts = [
      assumed.isEmpty ? nil : "on assumed costs: \(assumed)",
      ranges.isEmpty ? nil : "on ranges, whose ends give low..high: \(ranges)",
    ].compactMap(\.self)
    guard !parts.isEmpty else { return nil }
    return "Times rest \(parts.joined(separator: "; ")) ('doorbell costs show \(name)')."
  }
}

/// A number without a fraction where it has none.
func plain(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? String(value) }

/// Nanoseconds as microseconds, with three digits that count.
func microseconds(_ nanoseconds: UInt64) -> String {
  func decimal(_ number: UInt64, _ places: Int) -> String {
    let digits = String(number)
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return places == 0 ? padded : "\(padded.dropLast(places)).\(padded.suffix(places))"
  }
  switch nanoseconds {
  case ..<9_995: return decimal((nanoseconds + 5) / 10, 2)
  case ..<99_950: return decimal((nanoseconds + 50) / 100, 1)
  default: return decimal(nanoseconds / 1000, 0)
  }
}

/// Nanoseconds, with a fraction where there is one.
func nanoseconds(_ time: SimulatedTime) -> String {
  time.picoseconds % 1000 == 0 ? String(time.nanoseconds) : plain(Double(time.picoseconds) / 1000)
}
