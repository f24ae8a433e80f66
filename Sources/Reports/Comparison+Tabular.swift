import Bits
import Designs
import Linux
import Scenarios
import Software

extension Comparison {
  /// For spreadsheets (RFC 4180): one line a design, numbers alone in their cells.
  var csv: String {
    let titles =
      ["scenario", "seed", "design", "setup", "by", "errno", "verdict"]
      + Verdict.allCases.map(\.rawValue)
      + [
        "total", "address", "data", "exits_setup", "exits_per_interrupt", "p50_ns", "p99_ns",
        "max_ns", "why", "p50_high_ns", "p99_high_ns", "max_high_ns", "missing_interfaces",
      ]
    return csvLine(titles) + results.map { csvLine(csvFields($0)) }.joined()
  }

  private func csvFields(_ result: RunResult) -> [String] {
    let latency = result.latency
    let high = result.latencyAtHighEnd
    return [
      scenario.name, String(scenario.seed), result.design.name,
      result.setupWord, result.refusal?.agent.rawValue ?? "",
      result.refusal?.errno ?? "", result.verdict.rawValue,
    ] + Verdict.allCases.map { String(result.count(of: $0)) } + [
      String(result.verdicts.count), result.message?.address.description ?? "",
      result.message.map { "0x" + String($0.data, radix: 16) } ?? "",
      String(result.exits.setup), plain(result.exitsPerInterrupt),
      latency.map { String($0.p50) } ?? "", latency.map { String($0.p99) } ?? "",
      latency.map { String($0.max) } ?? "", result.why, high.map { String($0.p50) } ?? "",
      high.map { String($0.p99) } ?? "", high.map { String($0.max) } ?? "",
      missingInterfaces(of: result).map(\.rawValue).joined(separator: "; "),
    ]
  }

  /// For mails, issues and documents.
  var markdown: String {
    let titles = ComparisonRow.titles
    var output = "**\(scenario.name)**: \(scenario.purpose)\n\n\(scenario.conditionsText)\n\n"
    output += markdownLine(titles)
    output += "|" + titles.indices.map { $0 < 3 ? "---|" : "--:|" }.joined() + "\n"
    for result in results {
      output += markdownLine([label(of: result)] + ComparisonRow(result).texts.dropFirst())
    }
    output += "\n"
    for result in results {
      output += "- `\(result.design.name)`: \(result.explanation)\n"
      output += reservation(about: result).map { "  - \\\($0)\n" } ?? ""
    }
    if let assumption { output += "\n\(assumption)\n" }
    return output
  }
}
