internal import Bits

/// Result of one of several devices.
public struct DeviceResult: Equatable, Sendable {
  /// StreamID and DeviceID in the guest, and of the real function.
  public let guestID: UInt32
  public let hostID: UInt32
  /// The SMMU in front of it, and the ITS that its MSIs go to, counted from 0.
  public let smmu: Int
  public let its: Int
  /// The worst of its MSIs' verdicts; `refused` when its set-up was.
  public let verdict: Verdict
  /// `nil` when set-up never got as far as a message in it.
  public let message: RunResult.Message?
  /// One sentence: why it came out so.
  public let why: String

  public init(
    guestID: UInt32, hostID: UInt32, smmu: Int, its: Int, verdict: Verdict,
    message: RunResult.Message?, why: String
  ) {
    self.guestID = guestID
    self.hostID = hostID
    self.smmu = smmu
    self.its = its
    self.verdict = verdict
    self.message = message
    self.why = why
  }

  /// Largest number of devices that a text lists one by one.
  private static let listed = 4

  /// Returns the devices' results in words: each by itself if there are few, else those that fared
  /// alike together, represented by the first of them.
  package static func summary(_ results: [DeviceResult]) -> String {
    guard results.count > listed else {
      return results.enumerated().map { index, result in
        "device \(index) (ITS \(result.its), SMMU \(result.smmu)) \(result.verdict.rawValue): "
          + result.why
      }.joined(separator: ". ")
    }
    return Verdict.allCases.compactMap { verdict in
      let alike = results.indices.filter { results[$0].verdict == verdict }
      guard let first = alike.first else { return nil }
      return "\(alike.count) of \(results.count) devices \(verdict.rawValue), such as device "
        + "\(first) (ITS \(results[first].its), SMMU \(results[first].smmu)): "
        + results[first].why
    }.joined(separator: ". ")
  }
}
