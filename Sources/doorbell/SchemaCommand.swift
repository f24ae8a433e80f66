import ArgumentParser
import Console
import Files
import Published
import Reports
import Scenarios
import Scripts
import Sweeps

struct SchemaCommand: ParsableCommand {
  /// The kinds of files that have a schema.
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case scenario, script, design, costs, machine, sweep, published, output

    var schema: JSONValue {
      switch self {
      case .output: OutputSchema.schema
      case .scenario:
        Shape.scenario.schema(
          title: "Doorbell scenario",
          text: "A guest, its device's work, the designs to run it under, and what is expected.")
      case .script:
        Shape.script.schema(
          title: "Doorbell script",
          text: "A scenario that is told step by step: a bench, and what is done on it.")
      case .design:
        Shape.design.schema(
          title: "Doorbell design", text: "One way to get an assigned device's MSIs into a guest.")
      case .costs:
        Shape.costs.schema(
          title: "Doorbell cost model", text: "What each kind of work takes, with sources.")
      case .machine:
        Shape.machineFile.schema(
          title: "Doorbell machine",
          text: "A physical machine, what each virtual machine on it sees, and their devices.")
      case .sweep:
        Shape.sweep.schema(
          title: "Doorbell sweep", text: "What to run, and the values to run it with.")
      case .published:
        Shape.publishedTable.schema(
          title: "Published table",
          text: "Published measurements, and how close a model must come.")
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of a kind of file: scenarios, designs, costs and others.",
    discussion: """
      Editors with a YAML language server check and complete files by it. The same description \
      checks the files that Doorbell reads.

      EXAMPLES
        doorbell schema > scenario.schema.json
        doorbell schema design

      EXIT STATUS
        0, or 2 for an unknown kind of file.
      """
  )

  @Argument(help: "The kind of file.")
  var kind = Kind.scenario

  @OptionGroup var output: OutputOption

  func run() throws { try output.write(kind.schema.indentedText + "\n") }
}
