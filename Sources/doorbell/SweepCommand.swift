#if !WHOLE
  import ArgumentParser
  import Console
  import Files
  import Foundation
  import Glibc

  /// Runs the program 'doorbell-sweep' in its own place.
  struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sweep",
      abstract: "Run a scenario at many points: grids and lists of values for any field.",
      usage: """
        doorbell sweep <plan> [<options>]
        doorbell sweep merge <output> <files> ...
        doorbell sweep report <file> [<options>]
        """,
      discussion: """
        A plan names a scenario, what runs ('load' or 'compare'), and values for fields. There is a \
        point for each combination; results go to one SQLite file, and a sweep that was stopped goes \
        on where it was.

        Sweeps are a program of their own, 'doorbell-sweep' beside this one, whose '--help' says more \
        where it is installed.

        EXAMPLES
          doorbell sweep scenarios/sweeps/queue-depth.yaml
          doorbell sweep report queue-depth.sqlite
          doorbell sweep plan.yaml --shard 2/8
          doorbell schema sweep

        EXIT STATUS
          0, or 2 for bad input.
        """
    )

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws {
      let own = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0])
      let program = own.resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("doorbell-sweep").path
      guard FileManager.default.isExecutableFile(atPath: program) else {
        if arguments.contains("--help") || arguments.contains("-h") {
          throw CleanExit.helpRequest(SweepCommand.self)
        }
        throw InputError(
          "expected the program 'doorbell-sweep' beside 'doorbell', found none; 'tools/doorbell sweep' "
            + "builds it, as does 'swift build -c release --product doorbell-sweep'")
      }
      execute(program, ["sweep"] + arguments)
      throw InputError("\(program) cannot be run: errno \(errno)")
    }

    /// Replaces this program; returns only when that fails.
    private func execute(_ program: String, _ arguments: [String]) {
      var words = unsafe ([program] + arguments).map { unsafe strdup($0) }
      unsafe words.append(nil)
      _ = unsafe execv(program, &words)
      unsafe words.forEach { unsafe free($0) }
    }
  }
#endif
