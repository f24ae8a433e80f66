/// One more MSI of the first device, sent between two steps of software, whatever the workload does
/// meanwhile.
public struct Interposition: Equatable, Sendable {
  /// How many steps have been carried out when the device sends it.
  public let steps: Int
  /// The vector, counted from 0.
  public let vector: Int

  public init(afterSteps steps: Int, vector: Int) {
    self.steps = steps
    self.vector = vector
  }
}

extension System {
  /// Sends the interposed MSI when its time has come, once; its journey is the one that is wanted.
  mutating func interpose() {
    guard let extra = specification.interposed, wanted < 0, performed.count >= extra.steps
    else { return }
    wanted = Int32(truncatingIfNeeded: messages.count)
    emit(extra.vector, of: 0)
  }
}
