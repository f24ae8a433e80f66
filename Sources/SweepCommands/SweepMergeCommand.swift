import ArgumentParser
import Console
import Files
import SweepFiles
import Sweeps

struct SweepMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Put the results of a plan's shards into one file.",
    usage: "doorbell sweep merge <output> <files> ...",
    discussion: """
      All files must hold results of the same plan. The output may be there already: what it holds \
      stays. A point that is in several files must have the same result in all.

      EXAMPLES
        doorbell sweep merge plan.sqlite plan-1-of-2.sqlite plan-2-of-2.sqlite

      EXIT STATUS
        0, also when points are missing, which is said; 2 for bad input: then the output stays as \
      it was.
      """
  )

  @Argument(help: "The file to put results into.", completion: .file())
  var output: String

  @Argument(help: "Result files of the same plan.", completion: .file())
  var files: [String]

  func validate() throws {
    guard !files.isEmpty else { throw ValidationError("Missing expected argument '<files> ...'") }
  }

  func run() throws {
    var parts: [SweepResults] = []
    for file in files {
      let part = try SweepFile(opening: file).results()
      if let first = parts.first, first.digest != part.digest {
        throw InputError(
          expected: "results of one plan (\(first.digest.prefix(12)))",
          found: "those of another (\(part.digest.prefix(12)))", at: Place(file: file))
      }
      parts.append(part)
    }
    guard let first = parts.first else { return }
    let merged = try SweepFile(path: output, of: first)
    try merged.add(parts)
    let results = try merged.results()
    try Output.write(
      "\(output): \(results.rows.count) of \(results.pointCount) points"
        + (results.missing.isEmpty ? "\n" : "; missing: \(results.missingText)\n"))
  }
}
