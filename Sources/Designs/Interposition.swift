/// One more MSI of the first device, sent between two steps of software, whatever the workload does
/// meanwhile.
public struct Interposition: Equatable, Sendable {
  /// Number of steps carried out before the device sends it.
  public let steps: Int
  /// The vector, counted from 0.
  public let vector: Int

  public init(afterSteps steps: Int, vector: Int) {
    self.steps = steps
    self.vector = vector
  }
}
