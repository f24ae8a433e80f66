import ArgumentParser
import Console
import Designs
import Scenarios

/// `designs new`: a commented design file to start from.
struct NewDesignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Write a design file, made from another design.",
    usage: "doorbell designs new <name> [<options>]",
    discussion: """
      Writes NAME.yaml into the working directory: every question with all its answers, and the \
      choices of the design that it is made from, changed as --set asks. Choices that cannot stand \
      together are refused with the reason; a file that exists is never overwritten.

      The file is used by its path: --design NAME.yaml. To try choices without a file, name a \
      variant: --design rmr-identity,route=stage1-walk.

      EXAMPLES
        doorbell designs new mine --from forward-address
        doorbell designs new mine --set advertise=rmr-relaxable --set vits=at-window
        doorbell compare --matrix --design mine.yaml

      EXIT STATUS
        0, or 2 for choices that cannot stand together and for a file that exists.
      """)

  @Argument(help: "The design's name, or the path of the file to write.")
  var name: String

  @Option(
    help: ArgumentHelp("The design that it is made from.", valueName: "name|file"),
    completion: .designs)
  var from = "rmr-identity"

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A choice that differs; may be repeated ('doorbell schema design' lists them).",
      valueName: "axis=choice"))
  var settings: [String] = []

  @Option(help: "What the design is, in one sentence.")
  var title: String?

  @OptionGroup var location: FolderOptions

  func run() throws {
    let base = try Design.named(from, in: location.folder)
    var design = try base.variant(settings)
    if let title { design.title = title }
    let path = try design.write(as: name)
    try Output.write("\(path): \(design.title)\n")
  }
}
