import Foundation
import ResultFixtures
import Testing

/// `doorbell compare --matrix` and what it leads to.
@Suite("doorbell compare --matrix")
struct MatrixRunTests {
  @Test("the command of a failing cell shows the verdict that the cell has")
  func commands() throws {
    let matrix = try Run(
      "compare", "--matrix", "--axis", "guest-usage=vfio", "--axis", "guest-kernel=6.5,6.6",
      "--design",
      "rmr-identity", "--design", "untrapped", "--format", "csv")
    #expect(matrix.status == 0, "\(matrix.error)")
    let lines = matrix.output.split(separator: "\r\n").dropFirst()
    #expect(lines.count == 4)
    for line in lines {
      let command = try #require(line.split(separator: ",").last)
      let arguments = command.split(separator: " ").dropFirst().map(String.init)
      let explained = try Run(arguments: arguments)
      #expect(explained.status == 0, "\(explained.error)")
      for word in ["lost", "refused", "delivered"] where line.contains(",\(word),") {
        #expect(explained.output.contains(word), "\(command): \(explained.output)")
      }
    }
    #expect(lines.contains { $0.contains("rmr-identity,vfio,6.5,") && $0.contains(",lost,") })
    #expect(lines.contains { $0.contains("rmr-identity,vfio,6.6,") && $0.contains(",refused,") })
  }

  @Test("a matrix is the same on every run, whatever the scheduling")
  func deterministic() throws {
    let arguments = ["compare", "--matrix", "synthetic-4-vectors", "--format", "json"]
    let first = try Run(arguments: arguments)
    #expect(first.status == 0, "\(first.error)")
    let second = try Run(arguments: arguments)
    #expect(first.output == second.output)
  }

  @Test("the space of designs has on its front what delivers with one ITS and with two")
  func explore() throws {
    let run = try Run(
      "designs", "explore", "--format", "json", "--messages", "1", "--skip-attacks", "--axis",
      "guest-usage=vfio")
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("\"design\": \"msi-direct,delivery=gicv4\""))
    // The page of a coincident doorbell leads to one ITS: scenario 20b.
    #expect(run.output.contains("fault 1 of 2 under vfio with its=2"))
  }

  @Test("a new design is a file that is used by its path")
  func newDesign() throws {
    let files = try TemporaryFolder()
    let path = "\(files.path)/mine.yaml"
    let new = try Run(
      "designs", "new", path, "--from", "rmr-identity", "--set", "advertise=rmr-relaxable")
    #expect(new.status == 0, "\(new.error)")
    #expect(new.output.hasPrefix(path))
    let again = try Run("designs", "new", path)
    #expect(again.status == 2)
    #expect(again.error.contains("expected the path of a new file, found a file"))
    let compared = try Run(
      "compare", "--matrix", "synthetic-4-vectors", "--axis", "guest-usage=dma-api", "--design",
      path,
      "--format", "csv")
    #expect(compared.output.contains("mine,dma-api,"), "\(compared.error)")
    #expect(compared.output.contains(",delivered,"))
    #expect(compared.output.contains("--design \(path) "))
  }
}
