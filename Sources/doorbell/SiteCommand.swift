import ArgumentParser
import Console
import Files
import Foundation
import HTMLReports
import Reports
import Scenarios

struct SiteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "site",
    abstract: "Write pages of everything that can be said of a scenario, linked into a site.",
    usage: "doorbell site <dir> [<scenario>] [<options>]",
    discussion: """
      Makes the folder and writes in it 'index.html', and a page each for the comparison, the \
      matrix, a journey, attacks, races, a load, attachment policies and published measurements. \
      Pages need no network and no server. Files that stand there under these names are replaced; \
      others stay, and pages among them, such as those of 'replay', 'diagnose', 'iort' and 'sweep \
      report', are linked as well.

      EXAMPLES
        doorbell site report
        doorbell site report synthetic-4-vectors
        doorbell site report --all

      EXIT STATUS
        0 when all pages were written; 2 for bad input.
      """
  )

  @Argument(help: ArgumentHelp("The folder to write.", valueName: "dir"), completion: .directory)
  var folder: String

  @Argument(help: "A scenario file, or the name of a shipped scenario.", completion: .scenarios)
  var scenario = "default"

  @Flag(help: "Show the matrices of all axes instead of the guest's usages.")
  var all = false

  @OptionGroup var location: FolderOptions

  func run() async throws {
    let subject = try location.folder.scenario(named: scenario)
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw InputError(
        "the folder cannot be made: \(error.localizedDescription)", at: Place(file: folder))
    }
    let options = location.scenarios.map { ["--scenarios", $0] } ?? []
    let pages: [(file: String, text: String, arguments: [String])] = [
      (
        "compare.html", "The scenario's designs, with set-up, journeys and maps",
        ["compare", scenario]
      ),
      (
        "matrix.html", "All designs under all usages\(all ? " and all other axes" : "")",
        ["compare", scenario, "--matrix"] + (all ? ["--axis", "all"] : [])
      ),
      (
        "explain.html", "The first design's set-up and the journey of an MSI",
        ["explain", scenario, "--setup"]
      ),
      ("attacks.html", "What a hostile device or guest reaches", ["attack", scenario]),
      ("races.html", "One more MSI between any two steps", ["races", scenario]),
      ("load.html", "Many devices at once", ["load"]),
      ("policies.html", "Attachment policies by kernel", ["policies"]),
      ("published.html", "Published measurements beside predictions", ["reproduce"]),
    ]
    var index = DocumentPage("Doorbell: \(subject.name)", purpose: subject.purpose, facts: .current)
    for page in pages {
      let path = "\(folder)/\(page.file)"
      let takesFolder = page.arguments.first != "policies"
      var command = try Doorbell.parseAsRoot(
        page.arguments + ["--format", "html", "--output", path] + (takesFolder ? options : []))
      do {
        if var command = command as? any AsyncParsableCommand {
          try await command.run()
        } else {
          try command.run()
        }
      } catch let status as ExitCode where status == ExitStatus.failed {
        // A page that says what failed is written all the same.
      }
      index.links.append(.init(page.text, to: page.file, commandLine(page.arguments)))
      try Output.write("\(path)\n")
    }
    index.links += otherPages(than: pages.map(\.file) + ["index.html"])
    let path = "\(folder)/index.html"
    try OutputFile(path).write(index.html)
    try Output.write("\(path)\n")
  }

  /// The pages of this program that stand in the folder under other names.
  private func otherPages(than names: [String]) -> [DocumentPage.Link] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.sorted().filter { $0.hasSuffix(".html") && !names.contains($0) }.compactMap {
      file in
      guard let title = DocumentPage.title(ofFile: "\(folder)/\(file)") else { return nil }
      return .init(title, to: file, "A page that stood in the folder.")
    }
  }
}
