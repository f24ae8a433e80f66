package import Attacks
package import Designs
package import Files

/// Expected results of one design, as a scenario file states them. Whatever is `nil` is not
/// checked.
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
  /// Expected outcomes of attacks, in the order of the file.
  package var isolation: [(attack: String, outcome: IsolationFinding.Outcome)] = []
  /// A part of the sentence that says why.
  package var whyContains: String?
  /// Expected results of the devices, from the first on.
  package var devices: [DeviceExpectation] = []
  /// Place of each field of the expectation, by its path; of the whole, by the empty path.
  package var places: [String: Place] = [:]

  /// Expected result of set-up.
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

/// Expected results of one of several devices, as a scenario file states them. Whatever is `nil` is
/// not checked.
package struct DeviceExpectation: Equatable, Sendable {
  package var verdict: Verdict?
  package var address: UInt64?
  package var data: UInt64?
  /// A part of the sentence that says why.
  package var whyContains: String?

  package init() {}
}
