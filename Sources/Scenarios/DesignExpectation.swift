public import Designs

/// What a scenario file says that one design comes to. Whatever is `nil` is not checked.
public struct DesignExpectation: Equatable, Sendable {
  public let design: String
  public var setup: Setup?
  public var verdict: Verdict?
  /// Counts of journeys, in the order of the file.
  public var journeys: [(verdict: Verdict, count: Int)] = []
  public var total: Int?
  public var address: UInt64?
  public var data: UInt64?
  public var setupExits: Int?
  public var exitsPerInterrupt: Double?
  /// What attacks come to, in the order of the file.
  public var isolation: [(attack: String, outcome: IsolationFinding.Outcome)] = []
  /// A part of the sentence that says why.
  public var whyContains: String?
  /// What becomes of each device, from the first on.
  public var devices: [DeviceExpectation] = []

  /// What set-up comes to.
  public struct Setup: Equatable, Sendable {
    public var isEnabled: Bool?
    /// The agent that refuses.
    public var by: String?
    public var errno: String?
    /// A part of the message.
    public var messageContains: String?

    public init(
      isEnabled: Bool? = nil, by: String? = nil, errno: String? = nil,
      messageContains: String? = nil
    ) {
      self.isEnabled = isEnabled
      self.by = by
      self.errno = errno
      self.messageContains = messageContains
    }
  }

  public init(design: String) { self.design = design }

  public static func == (left: Self, right: Self) -> Bool {
    left.design == right.design && left.setup == right.setup && left.verdict == right.verdict
      && left.journeys.elementsEqual(right.journeys, by: ==) && left.total == right.total
      && left.address == right.address && left.data == right.data
      && left.setupExits == right.setupExits && left.exitsPerInterrupt == right.exitsPerInterrupt
      && left.isolation.elementsEqual(right.isolation, by: ==)
      && left.whyContains == right.whyContains && left.devices == right.devices
  }
}

/// What a scenario file says that becomes of one of several devices. Whatever is `nil` is not
/// checked.
public struct DeviceExpectation: Equatable, Sendable {
  public var verdict: Verdict?
  public var address: UInt64?
  public var data: UInt64?
  /// A part of the sentence that says why.
  public var whyContains: String?

  public init() {}
}
