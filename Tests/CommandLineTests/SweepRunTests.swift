import Foundation
import ResultFixtures
import Testing

@Suite("doorbell sweep")
struct SweepRunTests {
  static let plan = """
    purpose: Shows something.
    run: load
    scenario: load-nvme
    designs: [untrapped, rmr-identity]
    seeds: [1, 2]
    fields:
      load.duration: 200 us
      load.warmUp: 20 us
    grid:
      load.devices[0].source.nvme.depth: [1, 2, 4, 8]
    """

  let files: TemporaryFolder

  init() throws { files = try TemporaryFolder(["plan.yaml": Self.plan]) }

  private func sweep(_ arguments: String...) throws -> Run {
    try Run(arguments: ["sweep"] + arguments)
  }

  private var path: String { files.path }

  @Test(
    "every subcommand's help explains and gives the exit status",
    arguments: [[], ["run"], ["merge"], ["report"]] as [[String]])
  func help(command: [String]) throws {
    let run = try Run(arguments: ["sweep"] + command + ["--help"])
    #expect(run.status == 0)
    #expect(run.error.isEmpty)
    #expect(run.output.hasPrefix("OVERVIEW: "))
    #expect(run.output.contains("EXIT STATUS"))
    #expect(run.output.contains("USAGE: doorbell sweep"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("shards, merged, are what one run is, whatever the jobs")
  func shards() throws {
    let one = try sweep("\(path)/plan.yaml", "--output", "\(path)/one.sqlite", "--jobs", "1")
    #expect(one.status == 0, "\(one.error)")
    for number in 1...3 {
      let part = try sweep(
        "\(path)/plan.yaml", "--shard", "\(number)/3", "--jobs", "3", "-o",
        "\(path)/part\(number).sqlite")
      #expect(part.status == 0, "\(part.error)")
    }
    let merge = try sweep(
      "merge", "\(path)/all.sqlite", "\(path)/part3.sqlite", "\(path)/part1.sqlite")
    #expect(merge.output.contains("5 of 8 points; missing: 2, 5, 8"))
    #expect(try sweep("merge", "\(path)/all.sqlite", "\(path)/part2.sqlite").status == 0)
    for format in ["table", "csv", "json", "markdown", "html"] {
      let reports = try ["one", "all"].map {
        try sweep("report", "\(path)/\($0).sqlite", "--format", format)
      }
      #expect(reports[0].status == 0)
      #expect(!reports[0].output.isEmpty)
      #expect(reports[0].output == reports[1].output)
    }
  }

  @Test("a sweep that is killed at any time goes on where it was, and runs nothing twice")
  func killed() throws {
    let whole = try sweep("\(path)/plan.yaml", "-o", "\(path)/whole.sqlite")
    #expect(whole.status == 0)
    var again = ""
    for _ in 0..<6 {
      let output = try shell(
        """
        $doorbell sweep \(path)/plan.yaml -o \(path)/killed.sqlite --jobs 1 & sweep=$!
        sleep 0.15; kill -9 $sweep; wait $sweep
        """)
      #expect(output.status != 2)
      again = try sweep("\(path)/plan.yaml", "-o", "\(path)/killed.sqlite", "--dry-run").output
      if again.contains("finished") && again.contains("waiting") { break }
    }
    let finished = again.components(separatedBy: "finished").count - 1
    let rest = try sweep("\(path)/plan.yaml", "-o", "\(path)/killed.sqlite")
    #expect(rest.output.contains("8 points, \(8 - finished) of them run now"))
    let reports = try ["whole", "killed"].map {
      try sweep("report", "\(path)/\($0).sqlite", "--format", "csv").output
    }
    #expect(reports[0] == reports[1])
  }

  @Test("--dry-run lists the points in every form and writes nothing")
  func dryRun() throws {
    for format in ["table", "csv", "json", "markdown"] {
      let run = try sweep(
        "\(path)/plan.yaml", "-o", "\(path)/none.sqlite", "--dry-run", "--format", format)
      #expect(run.status == 0)
      #expect(run.output.contains("untrapped"))
      #expect(run.output.contains("waiting"))
    }
    #expect(!FileManager.default.fileExists(atPath: "\(path)/none.sqlite"))
  }

  @Test("what is wrong is one line of error and status 2")
  func mistakes() throws {
    try files.write("no database, but long enough to be looked at as one", to: "text.sqlite")
    try files.write(Self.plan.replacing("[1, 2, 4, 8]", with: "[1]"), to: "other.yaml")
    #expect(try sweep("\(path)/other.yaml", "-o", "\(path)/other.sqlite").status == 0)
    for (arguments, expected) in [
      (["\(path)/plan.yaml", "-o", "\(path)/text.sqlite"], "no SQLite database"),
      (["\(path)/plan.yaml", "-o", "\(path)/other.sqlite"], "expected results of this plan"),
      (["\(path)/plan.yaml", "-o", "\(path)/no/such/folder"], "the file cannot be used"),
      (["\(path)/plan.yaml", "--shard", "4/3"], "'4/3' is invalid for '--shard <I/N>'"),
      (["\(path)/plan.yaml", "--jobs", "0"], "1 to 1024"),
      (["\(path)/none.yaml"], "no such file"),
      (["report", "\(path)/none.sqlite"], "no such file"),
      (["report", "\(path)/other.sqlite", "--quantity", "p9"], "did you mean 'p99'?"),
      (["report", "\(path)/other.sqlite", "--x", "desing"], "did you mean 'design'?"),
      (["merge", "\(path)/new.sqlite", "\(path)/text.sqlite"], "no SQLite database"),
      (["merge", "\(path)/new.sqlite"], "Missing expected argument '<files> ...'"),
    ] as [([String], String)] {
      let run = try Run(arguments: ["sweep"] + arguments)
      #expect(run.status == 2)
      #expect(run.output.isEmpty)
      let first = run.error.split(separator: "\n").first.map(String.init) ?? ""
      #expect(first.hasPrefix("doorbell: error: "))
      #expect(first.contains(expected), "\(first)")
    }
  }
}
