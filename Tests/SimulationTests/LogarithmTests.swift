import Foundation
import Simulation
import Testing

@Suite("Logarithms")
struct LogarithmTests {
  @Test("are those of the library", arguments: [0.001, 0.5, 1, 1.5, 2, 3, 10, 12_345.678])
  func values(value: Double) {
    #expect(abs(logarithm(value) - log2(value)) < 1e-9)
  }

  @Test("of what has none are 0", arguments: [0, -1, .infinity, .nan])
  func none(value: Double) {
    #expect(logarithm(value) == 0)
  }
}
