import ArgumentParser
import Attacks
import Designs
import Files
import Foundation
import ResultFixtures
import Scenarios
import Testing

@testable import doorbell

/// Every design, usage, VMM and condition in every command: each value of each meets each value of
/// each other in one run at least, and every run ends with a report.
@Suite("All commands over all conditions, pairwise")
struct PairwiseTests {
  static let folder = ScenarioFolder(path: "\(repository)/scenarios")

  /// One thing that varies, and its values; `nil` for what the scenario says.
  struct Factor: Sendable {
    let name: String
    let values: [String?]
  }

  /// What a row runs: the command's words, without designs and conditions.
  static let commands = [
    "compare --format json", "compare --format html", "compare --matrix --axis order --format csv",
    "explain --setup", "explain --format json", "trace", "attack --format json",
    "races --every 40 --format csv", "load --seeds 1 --format json",
  ]

  static let factors: [Factor] =
    [
      Factor(name: "command", values: commands), Factor(name: "design", values: folder.designNames),
    ] + Condition.all.map { Factor(name: $0.name, values: values(of: $0)) }

  /// All words of a closed list; a few others.
  private static func values(of condition: Condition) -> [String?] {
    let listed = condition.values.map(\.text)
    switch condition.name {
    case "guest-kernel": return listed + ["6.5+no-iommufd", "7.3"]
    case "host-kernel": return listed + ["6.12+sw-msi-native+viommu", "7.3+sw-msi-bounded"]
    case "devices": return [nil, "3"]
    case "costs": return folder.costNames.prefix(2).map { $0 }
    case "seed": return [nil, "9"]
    default:
      return listed.isEmpty
        ? [nil, "0", "16"].filter { $0 != "0" || condition.name != "smmu-ways" } : listed
    }
  }

  /// Rows that together hold every pair of values, each row an index for each factor: greedily, the
  /// first pair that is missing and then, factor by factor, the value that brings most new pairs.
  static func coveringArray(_ sizes: [Int]) -> [[Int]] {
    var missing = Set<Pair>()
    for left in sizes.indices {
      for right in sizes.indices where left < right {
        for a in 0..<sizes[left] {
          for b in 0..<sizes[right] { missing.insert(Pair(left, a, right, b)) }
        }
      }
    }
    var rows: [[Int]] = []
    var cursor = sizes.indices.flatMap { left in
      sizes.indices.filter { $0 > left }.flatMap { right in
        (0..<sizes[left]).flatMap { a in (0..<sizes[right]).map { Pair(left, a, right, $0) } }
      }
    }[...]
    while let pair = cursor.first {
      cursor = cursor.dropFirst()
      guard missing.contains(pair) else { continue }
      var row: [Int?] = Array(repeating: nil, count: sizes.count)
      row[pair.left] = pair.a
      row[pair.right] = pair.b
      for factor in sizes.indices where row[factor] == nil {
        var best = (value: (rows.count + factor) % sizes[factor], gain: -1)
        for step in 0..<sizes[factor] {
          let value = (rows.count + factor + step) % sizes[factor]
          let gain = sizes.indices.count { other in
            guard let chosen = row[other], other != factor else { return false }
            return missing.contains(Pair(factor, value, other, chosen))
          }
          if gain > best.gain { best = (value, gain) }
        }
        row[factor] = best.value
      }
      let whole = row.compactMap(\.self)
      for left in whole.indices {
        for right in whole.indices where left < right {
          missing.remove(Pair(left, whole[left], right, whole[right]))
        }
      }
      rows.append(whole)
    }
    return rows
  }

  /// Two values of two factors, the first factor first.
  struct Pair: Hashable {
    let left: Int
    let a: Int
    let right: Int
    let b: Int

    init(_ left: Int, _ a: Int, _ right: Int, _ b: Int) {
      (self.left, self.a, self.right, self.b) =
        left < right ? (left, a, right, b) : (right, b, left, a)
    }
  }

  @Test("the rows hold every pair of values")
  func covering() {
    let sizes = Self.factors.map(\.values.count)
    let rows = Self.coveringArray(sizes)
    var found = Set<Pair>()
    for row in rows {
      for left in row.indices {
        for right in row.indices where left < right {
          found.insert(Pair(left, row[left], right, row[right]))
        }
      }
    }
    var pairs = 0
    for left in sizes.indices {
      for right in sizes.indices where left < right { pairs += sizes[left] * sizes[right] }
    }
    #expect(found.count == pairs)
    // Not far from the least, the product of the two longest lists.
    let longest = sizes.sorted().suffix(2)
    #expect(rows.count < 2 * longest.reduce(1, *))
  }

  @Test("every run ends with a report")
  func runs() async throws {
    let files = try TemporaryFolder([
      "one.yaml": """
      purpose: One vector and two MSIs.
      guest: { kernel: "7.3" }
      host: { kernel: "7.3" }
      workload: { synthetic: { vectors: 1, messages: 2, interval: 10 us } }
      designs: [rmr-identity]
      """
    ])
    for (number, row) in Self.coveringArray(Self.factors.map(\.values.count)).enumerated() {
      var words: [String] = []
      for (factor, index) in zip(Self.factors, row).dropFirst() {
        guard let value = factor.values[index] else { continue }
        words += ["--\(factor.name)", value]
      }
      let command = (Self.commands[row[0]]).split(separator: " ").map(String.init)
      await Self.check(number, command, words, in: files)
    }
  }

  /// Runs a command, which writes a file, and expects a report there.
  private static func check(
    _ number: Int, _ command: [String], _ conditions: [String], in files: TemporaryFolder
  ) async {
    let output = files.path + "/\(number).out"
    var arguments =
      command.dropFirst() + conditions + ["--scenarios", folder.path, "--output", output]
    let scenario = files.path + "/one.yaml"
    let line = "\(number): doorbell \((command + conditions).joined(separator: " "))"
    do {
      switch command[0] {
      case "compare": try await run(CompareCommand.self, [scenario] + arguments)
      case "explain": try await run(ExplainCommand.self, [scenario] + arguments)
      case "trace": try await run(TraceCommand.self, [scenario] + arguments)
      case "races": try await run(RacesCommand.self, [scenario] + arguments)
      case "attack":
        let attack = Attack.all[number % Attack.all.count].name
        try await run(AttackCommand.self, [scenario, "--attack", attack] + arguments)
      default:
        // A load has devices of its own.
        for name in ["its", "smmus", "devices", "order", "vmovp"] {
          if let place = arguments.firstIndex(of: "--\(name)") {
            arguments.removeSubrange(place...place + 1)
          }
        }
        try await run(LoadCommand.self, ["load-nvme"] + arguments)
      }
      let report = try Data(contentsOf: URL(fileURLWithPath: output))
      #expect(!report.isEmpty, "\(line)")
      if command.contains("json") {
        #expect(throws: Never.self, "\(line)") { try JSONSerialization.jsonObject(with: report) }
      }
    } catch {
      Issue.record("\(line): \(error)")
    }
  }

  private static func run<Command: AsyncParsableCommand>(
    _ type: Command.Type, _ arguments: [String]
  ) async throws {
    var command = try type.parse(arguments)
    try await command.run()
  }
}
