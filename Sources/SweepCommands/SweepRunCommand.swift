import ArgumentParser
import Console
import Files
import Foundation
import Reports
import Scenarios
import SweepFiles
import Sweeps

struct SweepRunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run the points of a plan that have not run yet.",
    usage: "doorbell sweep <plan> [<options>]",
    discussion: """
      EXIT STATUS
        0 when all points have run; 2 for bad input, also where the result file belongs to another \
      plan: it is left as it is.
      """
  )

  @Argument(help: "The plan's file ('doorbell schema sweep').", completion: .file())
  var plan: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The result file (default: the plan's name with .sqlite).", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Points that run at the same time (default: one for each CPU).", valueName: "n"))
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      "Run the I-th of N parts of the points alone, into a file of its own.", valueName: "I/N"))
  var shard: Shard?

  @Flag(help: "List the points, and whether they have run; run nothing.")
  var dryRun = false

  @Option(help: "How --dry-run prints.")
  var format = ReportFormat.table

  @OptionGroup var location: FolderOptions

  func validate() throws {
    guard jobs.map((1...1024).contains) ?? true else {
      throw ValidationError("The value '\(jobs ?? 0)' is invalid for '--jobs <n>': 1 to 1024")
    }
  }

  func run() async throws {
    let folder = try location.folder
    let plan = try Progress.during("reading '\(plan)'") { _ in
      try SweepPlan(path: self.plan, in: folder)
    }
    let points = plan.points(shard: shard?.number ?? 1, of: shard?.count ?? 1)
    if dryRun {
      let finished = InputFile.exists(path) ? try file(plan).finished() : []
      return try Output.write(
        PointList(plan: plan, points: points, finished: finished)
          .text(as: format, on: Output.terminal))
    }
    let file = try file(plan)
    let finished = try file.finished()
    let waiting = points.filter { !finished.contains($0.number) }
    let jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
    try await Progress.during("running '\(plan.file)'", of: points.count) { progress in
      var count = points.count - waiting.count
      progress.show(count)
      try await plan.run(waiting, jobs: jobs) { point, result throws(InputError) in
        try file.commit(point, result)
        count += 1
        progress.show(count)
      }
    }
    try Output.write(
      "\(path): \(points.count) points, \(waiting.count) of them run now\n")
  }

  private func file(_ plan: SweepPlan) throws(InputError) -> SweepFile {
    try SweepFile(path: path, of: SweepResults(of: plan))
  }

  private var path: String {
    if let output { return output }
    let name = URL(fileURLWithPath: plan).deletingPathExtension().lastPathComponent
    return name + (shard.map { "-\($0.number)-of-\($0.count)" } ?? "") + ".sqlite"
  }
}

/// `2/8`: the second of eight parts.
struct Shard: ExpressibleByArgument {
  let number: Int
  let count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]),
      (1...SweepPlan.pointLimit).contains(count), (1...count).contains(number)
    else { return nil }
    self.number = number
    self.count = count
  }
}
