package import Attacks
package import Designs
package import Files

/// What a scenario file says that one design comes to. Whatever is `nil` is not checked.
package struct DesignExpectation: Equatable, Sendable {
  package let design: String
  package var setup: Setup?
  package var verdict: Verdict?
  /// Counts of journeys, in the order of the file.
  package var journeys: [(verdict: Verdict, count: Int)] = []
  package var total: Int?
  package var address: UInt64?
  package var data: UInt64?
  package var setupExits: Int?
  package var exitsPerInterrupt: Double?
  package var wakeUps: Int?
  /// What attacks come to, in the order of the file.
  package var isolation: [(attack: String, outcome: IsolationFinding.Outcome)] = []
  /// A part of the sentence that says why.
  package var whyContains: String?
  /// What becomes of each device, from the first on.
  package var devices: [DeviceExpectation] = []
  /// Where each field of the expectation stands, by its path; the whole by the empty path.
  package var places: [String: Place] = [:]

  /// What set-up comes to.
  package struct Setup: Equatable, Sendable {
    package var isEnabled: Bool?
    /// The agent that refuses.
    package var by: String?
    package var errno: String?
    /// A part of the message.
    package var messageContains: String?

    package init(
      isEnabled: Bool? = nil, by: String? = nil, errno: String? = nil,
      messageContains: String? = nil
    ) {
      self.isEnabled = isEnabled
      self.by = by
      self.errno = errno
      self.messageContains = messageContains
    }
  }

  package init(design: String) { self.design = design }

  package static func == (left: Self, right: Self) -> Bool {
    left.design == right.design && left.setup == right.setup && left.verdict == right.verdict
      && left.journeys.elementsEqual(right.journeys, by: ==) && left.total == right.total
      && left.address == right.address && left.data == right.data
      && left.setupExits == right.setupExits && left.exitsPerInterrupt == right.exitsPerInterrupt
      && left.wakeUps == right.wakeUps
      && left.isolation.elementsEqual(right.isolation, by: ==)
      && left.whyContains == right.whyContains && left.devices == right.devices
  }
}

/// What a scenario file says that becomes of one of several devices. Whatever is `nil` is not
/// checked.
package struct DeviceExpectation: Equatable, Sendable {
  package var verdict: Verdict?
  package var address: UInt64?
  package var data: UInt64?
  /// A part of the sentence that says why.
  package var whyContains: String?

  package init() {}
}
