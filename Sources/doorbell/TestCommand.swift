public import ArgumentParser
import Console
package import Designs
import Files
import Foundation
import Reports
import Scenarios
import Scripts

extension Mutation: ExpressibleByArgument {}

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run scenario files and check what they expect.",
    usage: "doorbell test <paths> ... [<options>]",
    discussion: """
      Runs every scenario file that is named, and every one in the folders that are named (folders \
      called 'designs', 'costs' and 'recordings' are left out), and compares the result of each \
      design with the file's 'expect'. Prints a line for each scenario, and for each expectation \
      that fails its place, what was found, why, and the command that shows it.

      A file that expects nothing is not 'ok' but counted apart. One with a 'known-failure' may \
      fail, and fails the command when every expectation holds.

      A scenario may also have a golden record, 'golden/NAME.json' beside it: set-up steps, \
      mappings of both stages, verdicts, exits and results of attacks as they were accepted; \
      for a script, the outcome of each step and what led to it. It says what changed, not what \
      is right. --record shows what would change in the records of the named scenarios, and \
      writes them on request: at a terminal it asks, elsewhere give --yes.

      --inject breaks one model on purpose, to see which expectations notice.

      --junit and --tap take '-' for standard output, which then has nothing else. JUnit has the \
      time of each scenario; the other outputs are the same on every run unless --durations is \
      given.

      EXAMPLES
        doorbell test scenarios
        doorbell test scenarios --filter vfio --fail-fast
        doorbell test my/scenario.yaml --junit results.xml
        doorbell test scenarios --quiet --jobs 4 --durations
        doorbell test scenarios/its --inject rdbase-unshifted
        doorbell test my/scenario.yaml --record --yes

      EXIT STATUS
        0 when every expectation holds; 1 when one does not, or a golden record is out of date \
      and was not written; 2 when a file is malformed or missing: the others are run all the same.
      """
  )

  @Argument(help: "Scenario files, and folders of them.", completion: .file())
  var paths: [String]

  @Option(
    name: .customLong("filter"),
    help: ArgumentHelp(
      "Only files whose path has this text in it; '*' stands for any text; may be repeated.",
      valueName: "text"))
  var filters: [String] = []

  @Flag(help: "List the files that would run, and run none.")
  var list = false

  @Flag(help: "Stop at the first failure.")
  var failFast = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Scenarios that run at the same time (default: one for each CPU).", valueName: "n"))
  var jobs: Int?

  @Flag(name: .shortAndLong, help: "Print failures and the last line only.")
  var quiet = false

  @Flag(help: "Print how long each scenario took, and the slowest.")
  var durations = false

  @Option(
    help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"),
    completion: .file())
  var junit: String?

  @Option(
    help: ArgumentHelp(
      "Also write the results in the Test Anything Protocol, version 14.", valueName: "file"),
    completion: .file())
  var tap: String?

  @Flag(help: "Compare golden records instead, and write those that are new or changed.")
  var record = false

  @Flag(help: "With --record: write without asking.")
  var yes = false

  @Option(help: "A defect for the models.")
  var inject: Mutation?

  @OptionGroup var location: FolderOptions

  func validate() throws {
    if record, inject != nil { throw ValidationError("--record keeps no record of a defect") }
    if record, junit != nil || tap != nil {
      throw ValidationError("--record checks no expectation: it goes without --junit and --tap")
    }
    if yes, !record { throw ValidationError("--yes answers --record, which is not given") }
    if let junit, junit == tap {
      throw ValidationError(
        junit == "-"
          ? "--junit and --tap cannot both go to standard output"
          : "--junit and --tap cannot both go to '\(junit)'")
    }
    guard jobs.map((1...1024).contains) ?? true else {
      throw ValidationError("The value '\(jobs ?? 0)' is invalid for '--jobs <n>': 1 to 1024")
    }
  }

  func run() async throws {
    for (path, option) in [(junit, "--junit"), (tap, "--tap")] {
      if let path { try OutputFile(path, of: option).check() }
    }
    let folder = try location.folder
    let (files, missing) = chosenFiles()
    if list {
      try Output.write(files.map { $0 + "\n" }.joined())
      for error in missing { Output.error(error.description) }
      if !missing.isEmpty { throw ExitStatus.badInput }
      return
    }
    if record { return try await record(files, missing, folder) }
    var tests: [ScenarioTest] = []
    for error in missing {
      let file = error.place?.file ?? ""
      tests.append(ScenarioTest(file: file, purpose: "", outcome: .malformed(error)))
      try show(tests[tests.count - 1])
    }
    tests += try await results(of: files, in: folder)
    let ran = tests.count - missing.count
    if durations { try say(ScenarioTest.durations(tests)) }
    try say(ScenarioTest.summary(tests, notRun: files.count - ran))
    if let junit { try OutputFile(junit, of: "--junit").write(ScenarioTest.junit(tests)) }
    if let tap { try OutputFile(tap, of: "--tap").write(ScenarioTest.tap(tests)) }
    if tests.contains(where: { $0.error != nil }) { throw ExitStatus.badInput }
    if tests.contains(where: \.result.isFailure) { throw ExitStatus.failed }
  }

  /// The files to run, each once, and what is wrong with paths that lead to none.
  private func chosenFiles() -> (files: [String], missing: [InputError]) {
    var files: [String] = []
    var missing: [InputError] = []
    for path in paths {
      do throws(InputError) {
        files += try ScenarioFolder.scenarioFiles(at: path).filter { !files.contains($0) }
      } catch { missing.append(error) }
    }
    guard !filters.isEmpty else { return (files, missing) }
    return (files.filter { file in filters.contains { file.matches($0) } }, missing)
  }

  /// Runs the files, several at a time, and shows each in their order.
  private func results(
    of files: [String], in folder: ScenarioFolder
  ) async throws -> [ScenarioTest] {
    let jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
    let defect = inject
    let showsTime = durations
    return try await Progress.during("running scenarios", of: files.count) { progress in
      try await withThrowingTaskGroup(of: (Int, ScenarioTest).self) { group in
        var next = 0
        func start() {
          guard next < files.count else { return }
          let number = next
          next += 1
          group.addTask {
            let clock = ContinuousClock()
            let begin = clock.now
            var test = await folder.check(files[number], injecting: defect)
            test.duration = clock.now - begin
            return (number, test)
          }
        }
        for _ in 0..<jobs { start() }
        var waiting: [Int: ScenarioTest] = [:]
        var tests: [ScenarioTest] = []
        while let (number, test) = try await group.next() {
          waiting[number] = test
          while let test = waiting.removeValue(forKey: tests.count) {
            tests.append(test)
            try show(test, withTime: showsTime)
            progress.show(tests.count)
            if failFast, test.error != nil || test.result.isFailure {
              group.cancelAll()
              return tests
            }
          }
          start()
        }
        return tests
      }
    }
  }

  /// Prints the line of a test, and its error.
  private func show(_ test: ScenarioTest, withTime: Bool = false) throws {
    var shown = test
    if !withTime { shown.duration = nil }
    if !quiet || ![.passed, .expectsNothing, .failedAsKnown].contains(test.result) {
      try say(shown.text(on: Output.terminal))
    }
    if let error = test.error { Output.error(error.description) }
  }

  /// Shows what would change in golden records, and writes them on request.
  private func record(
    _ files: [String], _ missing: [InputError], _ folder: ScenarioFolder
  ) async throws {
    var isOutOfDate = false
    var errors = missing
    for file in files {
      do {
        let update = try await Progress.during("running '\(file)'") { _ in
          try await folder.record(file)
        }
        try Output.write(update.text(on: Output.terminal))
        guard !update.differences.isEmpty else { continue }
        if yes || Output.confirms("write \(update.path)?") {
          try update.found.write(to: update.path)
        } else {
          isOutOfDate = true
        }
      } catch let error as InputError { errors.append(error) }
    }
    for error in errors { Output.error(error.description) }
    if isOutOfDate { Output.note("doorbell: not written; --record --yes writes") }
    if !errors.isEmpty { throw ExitStatus.badInput }
    if isOutOfDate { throw ExitStatus.failed }
  }

  /// Prints for people, unless standard output belongs to a format.
  private func say(_ text: String) throws {
    if junit != "-", tap != "-" { try Output.write(text) }
  }
}

extension String {
  /// Whether the text has `pattern` in it, whose asterisks stand for any text.
  fileprivate func matches(_ pattern: String) -> Bool {
    var rest = self[...]
    for part in pattern.split(separator: "*") {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}
