public import Bits
public import Machine
public import SMMU
public import Simulation
public import Software
public import Timing

/// Sum of the times that MSIs spent at each station.
public struct Breakdown: Equatable, Sendable {
  public private(set) var times = StationTimes()
  /// Number of MSIs in the sums.
  public private(set) var count = 0

  public init() {}

  /// Counts one MSI, whose stations sum up to its latency.
  package mutating func add(_ message: StationTimes) {
    times.add(message)
    count += 1
  }

  /// The mean time that an MSI spent at `station`, in nanoseconds.
  public func mean(_ station: Station) -> Double { times.mean(station, over: count) }
}

/// The result of one run of one design.
public struct RunResult: Sendable {
  /// Whether the guest could be set up.
  public enum Setup: Equatable, Sendable {
    case enabled
    case refused(Refusal)
    /// The models cannot set such a guest up; why, in one sentence.
    case notModelled(String)
  }

  /// The result of a run that could not be carried out.
  public static func notModelled(_ design: Design, _ reason: String) -> RunResult {
    RunResult(
      design: design, setup: .notModelled(reason), verdicts: [], message: nil, exits: Exits(),
      latencies: [], why: reason, steps: [], journey: nil)
  }

  /// The MSI-X entry of a device's first vector, as the device holds it at the end of set-up.
  public struct Message: Equatable, Sendable {
    public let address: IOVA
    public let data: UInt32

    public init(address: IOVA, data: UInt32) {
      self.address = address
      self.data = data
    }
  }

  /// One of the MSIs, as its device counts them.
  public struct SentMessage: Equatable, Sendable {
    /// Counted from 0.
    public let device: Int
    /// Counted from 0 among those of the device.
    public let number: Int

    public init(device: Int, number: Int) {
      self.device = device
      self.number = number
    }
  }

  /// A step of software that the run carried out.
  public struct PerformedStep: Equatable, Sendable {
    public let time: SimulatedTime
    public let agent: Agent
    public let function: String
    public let text: String
    /// The doorbell as the agent knows it from now on, where the step tells.
    @Rare public private(set) var belief: DoorbellBelief?
    /// Payload of the step in the terms of the manuals, if it is more than the text.
    public var payload: Payload?
    /// The request that the step refused.
    @Rare public var refusal: Refusal?
    /// The assigned device that it is about, counted from 0; `nil` for a step about none or all.
    public var device: Int?
    /// Time that the step took its agent, without the steps of others that it caused.
    public var duration = SimulatedTime.zero

    public init(
      time: SimulatedTime, agent: Agent, function: String, text: String,
      belief: DoorbellBelief? = nil
    ) {
      self.time = time
      self.agent = agent
      self.function = function
      self.text = text
      self.belief = belief
    }
  }

  /// A memory access of the device that was no message.
  public struct DeviceAccess: Equatable, Sendable {
    public let address: IOVA
    public let isWrite: Bool
    /// Number of recorded accesses like it.
    public let count: Int
    /// Output address; `nil` if the SMMU terminated the access.
    public let translated: PA?

    public init(address: IOVA, isWrite: Bool, count: Int, translated: PA?) {
      self.address = address
      self.isWrite = isWrite
      self.count = count
      self.translated = translated
    }
  }

  public let design: Design
  public let setup: Setup
  /// The verdict of each MSI, in the order in which they were sent.
  public let verdicts: [Verdict]
  /// The first device's first message; `nil` if set-up failed before programming it.
  public let message: Message?
  public let exits: Exits
  /// From the device's write to the guest handler's start, for each delivered MSI, in order.
  public let latencies: [SimulatedTime]
  /// One sentence: why it came out so.
  public let why: String
  public let steps: [PerformedStep]
  /// The journey that was asked for.
  public let journey: Journey?
  public let accesses: [DeviceAccess]
  /// The SHA-256 of every event with its time, where it was asked for: two machines that print the
  /// same digest did the same.
  public let digest: String?
  /// Times at each station, summed over the delivered MSIs that were not merged with an earlier
  /// one.
  public var breakdown = Breakdown()
  /// The machine that the run was made on; `nil` for a result that was made up.
  public var machine: MachineDescription?
  /// Number of delivered MSIs that found their interrupt pending already and arrived with it.
  public var merged = 0
  /// Number of steps before the MSI whose journey was asked for, or before the first; `nil` if it
  /// was never sent: then all belong to the set-up.
  public var stepsBeforeMessage: Int?
  /// Mappings of both stages for the device when the MSI of `stepsBeforeMessage` left, or at the
  /// end if it never did; `nil` if not asked for.
  public var mappings: StreamMappings?
  /// Timeline of the MSIs; `nil` if not asked for.
  public var timeline: Timeline?
  /// Number of MSIs that the physical ITS turned into virtual LPIs, without the host.
  public var injectedByHardware = 0
  /// The costs that the latencies rest on; `nil` where no account was kept.
  public var usedCosts: [CostModel.Item]?
  /// Parts of the guest's address map that the host's software MSI window covers: the device's view
  /// of these addresses is not the CPUs'.
  public var windowCovers: [String] = []
  /// Result of each device, if there are several.
  public var devices: [DeviceResult] = []
  /// The first MSI that was sent and not delivered; `nil` where there is none.
  public var firstFailure: SentMessage?
  /// The latencies with every range of the cost model read at its high end; `nil` where the
  /// latencies rest on no range.
  public var latenciesAtHighEnd: [SimulatedTime]?

  public init(
    design: Design, setup: Setup, verdicts: [Verdict], message: Message?, exits: Exits,
    latencies: [SimulatedTime], why: String, steps: [PerformedStep], journey: Journey?,
    accesses: [DeviceAccess] = [], digest: String? = nil
  ) {
    self.design = design
    self.setup = setup
    self.verdicts = verdicts
    self.message = message
    self.exits = exits
    self.latencies = latencies
    self.why = why
    self.steps = steps
    self.journey = journey
    self.accesses = accesses
    self.digest = digest
    firstFailure = verdicts.firstIndex { $0.isFailure }.map { .init(device: 0, number: $0) }
  }

  /// The worst of the journeys; `refused` when set-up was.
  public var verdict: Verdict {
    verdicts.max() ?? (setup == .enabled ? .delivered : .refused)
  }

  /// The steps that set the MSI up.
  public var setupSteps: ArraySlice<PerformedStep> {
    steps.prefix(stepsBeforeMessage ?? steps.count)
  }

  /// Returns the number of MSIs with this verdict.
  public func count(of verdict: Verdict) -> Int { verdicts.count { $0 == verdict } }
}
