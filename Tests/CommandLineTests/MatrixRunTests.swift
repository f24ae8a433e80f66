import Foundation
import Testing

/// `doorbell compare --matrix` and what it leads to.
@Suite("doorbell compare --matrix")
struct MatrixRunTests {
  @Test("the command of a failing cell shows the verdict that the cell has")
  func commands() throws {
    let matrix = try Run(
      "compare", "--matrix", "--axis", "usage=vfio", "--axis", "guest-kernel=6.5,6.6", "--design",
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
}
