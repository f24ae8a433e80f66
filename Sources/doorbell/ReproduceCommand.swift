package import ArgumentParser
import Console
import Published
import Reports
import Scenarios

extension PublishedTable.Name: ExpressibleByArgument {}
extension PublishedTable.Variant: ExpressibleByArgument {}

struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Compare published measurements with what the models predict.",
    usage: "doorbell reproduce [<table> ...] [<options>]",
    discussion: """
      Each table is calibrated on the cells that its file names, and on no others. The rest is \
      predicted and printed with the measured value, the error and the band it was promised to \
      stay in. What rests on a range is printed as low..high, and holds when part of it lies in the \
      band. Claims about the whole table, such as an order or a collapse, are checked too.

      A cell that is known to miss stands as such in the file, with what the model lacks. It does \
      not fail the command; a cell that misses unexpectedly does, and so does one that holds \
      although the file says it misses.

      TABLES
        T1  exits and interrupts between virtual CPUs, on five machines
        T2  memory reads of an IOMMU under a NIC, and with nested tables
        T3  one SMMU command queue under 2 to 96 CPUs
        T4  strict invalidation inside a guest on 1 to 20 cores
        T5  the translation cache of KVM's virtual ITS
        T8  a hypercall of a nested guest, by the traps that it takes
        T9  an unmap by its size, with a walker that is not coherent

      VARIANTS OF T4
        no-tail        the queue's tail is not written: no trap, and no work of the host
        no-descriptor  no descriptor is added to the queue

      A variant is predicted from the same calibration, and compared with nothing.

      EXAMPLES
        doorbell reproduce
        doorbell reproduce T3 T5
        doorbell reproduce T4 --variant no-tail
        doorbell reproduce T1 --format markdown

      EXIT STATUS
        0 when everything came out as the files expect; 1 when something did not; 2 for bad input.
      """
  )

  @Argument(help: "The tables; all of them if none is named.")
  var tables: [PublishedTable.Name] = []

  @Option(help: "Predict T4 with a part of each invalidation left out.")
  var variant: PublishedTable.Variant?

  @OptionGroup var result: ResultOptions<PageFormat>

  @OptionGroup var location: FolderOptions

  func validate() throws {
    guard variant == nil || tables == [.invalidation] else {
      throw ValidationError("'--variant' is one of T4: 'doorbell reproduce T4 --variant no-tail'")
    }
  }

  func run() throws {
    let folder = try location.folder
    let names = PublishedTable.Name.allCases.filter { tables.isEmpty || tables.contains($0) }
    let reproductions = try Progress.during("reproducing published tables") { progress in
      var results: [Reproduction] = []
      for name in names {
        let table = try PublishedTable(name, in: folder)
        results.append(try variant.map { try table.reproduce($0) } ?? table.reproduce())
        progress.show(results.count)
      }
      return results
    }
    try result.write(page: "Published measurements and predictions", purpose: "") {
      PublishedReport(reproductions).text(as: $0, on: $1)
    }
    guard reproductions.allSatisfy(\.isAsExpected) else { throw ExitStatus.failed }
  }
}
