import ArgumentParser
import Console
import Facts
import Files
import Foundation

struct FactsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "facts",
    abstract: "List what the models take from real sources, and check it against a source tree.",
    discussion: """
      A fact is a value, an enumeration, a structure or an order of calls that a model of Linux, \
      QEMU, Cloud Hypervisor or OpenVMM rests on: where it stands in the project's sources, the \
      releases it holds for, the part of Doorbell that uses it, and scenarios that rest on it.

      EXAMPLES
        doorbell facts list --project linux
        doorbell facts check ~/src/linux
            what a patch changes: the facts that no longer hold, and what rests on them

      EXIT STATUS
        0 listed, or all facts hold; 1 a fact has changed or is gone; 2 bad input.
      """,
    subcommands: [FactsListCommand.self, FactsCheckCommand.self])
}

extension Fact.Project: ExpressibleByArgument {}

struct FactsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the facts.",
    usage: "doorbell facts list [<options>]",
    discussion: """
      EXAMPLES
        doorbell facts list --project qemu
        doorbell facts list --matching iort --format json

      EXIT STATUS
        0 listed; 2 bad arguments.
      """)

  @Option(help: "List the facts of one project alone.")
  var project: Fact.Project?

  @Option(
    help: ArgumentHelp(
      "List the facts with this text in their name, file or place of use.", valueName: "text"))
  var matching: String?

  @OptionGroup var result: ResultOptions<OutputFormat>

  func run() throws {
    let facts = Fact.all.filter { fact in
      (project == nil || fact.project == project)
        && (matching.map { text in
          ([fact.name, fact.file, fact.scope.name ?? ""] + fact.usedBy + fact.scenarios).contains {
            $0.localizedCaseInsensitiveContains(text)
          }
        } ?? true)
    }
    try result.write(text: FactReport.list(facts), json: FactReport.json(facts))
  }
}

struct FactsCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Compare the facts with source trees.",
    usage: "doorbell facts check [<options>] <tree> ...",
    discussion: """
      A TREE is the top folder of a source tree of Linux, QEMU, Cloud Hypervisor or OpenVMM, or the \
      part of one that has the files in question. Project and release are read from it. For each \
      fact: 'holds'; 'moved', to another file; 'changed', with the line and what stands there, or a \
      fact of other releases that stands in this one; 'gone'; 'not in this tree', which is of another \
      project or release.

      Sources are read as they are: comments go, of conditional parts both sides count, no file is \
      included and no macro expanded.

      EXAMPLES
        doorbell facts check linux-6.12 qemu-10.0
        doorbell facts check . --all

      EXIT STATUS
        0 all facts hold, some perhaps elsewhere; 1 a fact has changed or is gone; 2 a tree cannot be \
      read.
      """)

  @Argument(help: ArgumentHelp("Source trees.", valueName: "tree"))
  var trees: [String]

  @Flag(help: "List the facts that hold, and those that are not in the tree, too.")
  var all = false

  @OptionGroup var result: ResultOptions<OutputFormat>

  func run() throws {
    var results: [FactReport.Tree] = []
    for path in trees {
      guard let tree = DirectoryTree(path) else {
        throw InputError(
          expected: "a folder with sources", found: "none", at: Place(file: path))
      }
      var check = FactCheck(tree)
      guard check.project != nil else {
        throw InputError(
          expected: "a source tree of Linux, QEMU, Cloud Hypervisor or OpenVMM",
          found: "a folder with none of their files", at: Place(file: path))
      }
      let found = Fact.all.map { check.result($0) }
      results.append(FactReport.Tree(name: path, check: check, results: found))
    }
    let report = FactReport(trees: results)
    try result.write(text: report.text(all: all), json: report.json)
    if report.hasBroken { throw ExitStatus.failed }
  }
}
