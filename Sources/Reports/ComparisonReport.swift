import Bits
import Designs
import Flows
import Guest
import JSON
import Linux
public import Scenarios
import Simulation

/// A form in which a report can be printed.
public enum ReportFormat: String, CaseIterable, Sendable {
  case table
  case json
  case csv
  case markdown
}

extension Comparison {
  /// The report of the comparison, ended by a newline.
  public func report(as format: ReportFormat, on terminal: Terminal = Terminal()) -> String {
    switch format {
    case .table: table(on: terminal)
    case .json: json.indentedText + "\n"
    case .csv: csv
    case .markdown: markdown
    }
  }
}

/// The texts of one design's row, as all tabular forms print them.
struct ComparisonRow {
  let design: String
  let setup: String
  let verdicts: String
  let address: String
  let data: String
  let setupExits: String
  let exitsPerInterrupt: String
  let p50: String
  let p99: String
  let max: String

  static let titles = [
    "design", "set-up", "MSIs", "address", "data", "exits at set-up", "exits per MSI", "p50 ns",
    "p99 ns", "max ns",
  ]

  /// The titles with breaks where a table saves width by them.
  static let brokenTitles = titles.map {
    $0.replacing("exits at ", with: "exits at\n").replacing("exits per", with: "exits\nper")
      .replacing(" ns", with: "\nns")
  }

  init(_ result: RunResult) {
    let latency = result.latency
    design = result.design.name
    setup = result.refusal.map { "refused:\n\($0.errno)" } ?? "enabled"
    verdicts =
      result.counts.isEmpty
      ? "none"
      : result.counts.map { "\($0.1) \($0.0.rawValue)" }
        .joined(separator: ", ")
    address = result.message?.address.description ?? "-"
    data = result.message.map { "0x" + String($0.data, radix: 16) } ?? "-"
    setupExits = String(result.exits.setup)
    exitsPerInterrupt = plain(result.exitsPerInterrupt)
    p50 = latency.map { String($0.p50) } ?? "-"
    p99 = latency.map { String($0.p99) } ?? "-"
    max = latency.map { String($0.max) } ?? "-"
  }

  var texts: [String] {
    [
      design, setup, verdicts, address, data, setupExits, exitsPerInterrupt, p50, p99, max,
    ]
  }
}

extension RunResult {
  /// How many MSIs ended in which way, for the ways in which any did, the best first.
  var counts: [(Verdict, Int)] {
    Verdict.allCases.compactMap { verdict in
      let count = count(of: verdict)
      return count == 0 ? nil : (verdict, count)
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
  /// Who runs what, in one line.
  var conditions: String {
    "guest Linux \(guestKernel), \(usage.rawValue); host Linux \(hostKernel); "
      + "workload \(workloadSource); costs \(costs.name); seed \(seed)"
  }

  /// The line that says which numbers the times rest on; `nil` when all are known.
  var assumption: String? {
    let items = costs.assumed.map(\.rawValue)
    guard !items.isEmpty else { return nil }
    return "Times rest on assumed costs: \(items.joined(separator: ", ")) "
      + "('doorbell costs show \(costs.name)')."
  }
}

/// A number without a fraction where it has none.
func plain(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? String(value) }

/// Nanoseconds, with a fraction where there is one.
func nanoseconds(_ time: SimulatedTime) -> String {
  time.picoseconds % 1000 == 0 ? String(time.nanoseconds) : plain(Double(time.picoseconds) / 1000)
}
