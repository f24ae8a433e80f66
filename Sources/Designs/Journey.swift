public import SMMU
public import Simulation

/// The life of one MSI, from the device's write to the guest handler's end.
public struct Journey: Sendable {
  /// A place that an MSI passes.
  public enum Place: Hashable, Sendable {
    /// The function that writes it.
    case device
    /// A descriptor that the SMMU reads, or a cache of it that has one.
    case smmu(DescriptorRead.Step)
    /// The address at which the write ended.
    case write(WriteEnd)
    /// A table that the physical ITS, or KVM's virtual one, reads.
    case table(ITSTable, isVirtual: Bool = false)
    /// The redistributor of a vPE.
    case redistributor
    /// The host's handler.
    case hostInterrupt
    case eventfd
    /// KVM's virtual ITS, which takes the message of an irqfd.
    case virtualITS
    /// An INT command by which KVM has the ITS inject.
    case intCommand
    case listRegister
    /// A virtual CPU that is resident again.
    case virtualCPU
    /// The guest's read of `ICC_IAR1_EL1`, or of `stopei`.
    case acknowledge
    /// The guest's handler.
    case handler
    /// A structure of a RISC-V machine.
    case riscv(RISCVPlace)
  }

  /// Destination of a device's write.
  public enum WriteEnd: String, Sendable {
    case doorbell
    case messageFrame = "v2m frame"
    case memory = "RAM"
    case register
    case externalAbort = "abort"
    case smmuAbort = "SMMU abort"
    case event
    case stall
  }

  /// A table of an ITS or of a redistributor, or the ITS's cache.
  public enum ITSTable: String, Sendable {
    case levelOne = "table L1"
    case device = "DTE"
    case interrupt = "ITE"
    case collection = "CTE"
    case virtualPE = "vPE"
    case configuration = "LPI"
    case pending
    case virtualConfiguration = "vLPI"
    case virtualPending = "VPT"
    case cache = "ITS cache"
  }

  /// A stop of the MSI at a place: one descriptor read, one table look-up, one hand-over.
  public struct Stop: Equatable, Sendable {
    public let time: SimulatedTime
    public let place: Place
    /// The address that was read or written, where there is one.
    public let address: UInt64?
    /// The words that were read or written.
    public let words: [UInt64]
    /// Meaning of the stop for the MSI.
    public let meaning: String

    public init(
      time: SimulatedTime, place: Place, address: UInt64?, words: [UInt64], meaning: String
    ) {
      self.time = time
      self.place = place
      self.address = address
      self.words = words
      self.meaning = meaning
    }

    /// The place's name.
    public var name: String { place.name }
  }

  /// The MSI's number in the run, from 0.
  public let index: Int
  /// The MSI-X vector.
  public let vector: Int
  public let stations: [Stop]
  public let verdict: Verdict
  /// Reason for the verdict, in one sentence.
  public let reason: String
  /// Whether the device sent it or keeps it pending; `false` where MSI-X or bus mastering was off.
  public let isSent: Bool

  public init(
    index: Int, vector: Int, stations: [Stop], verdict: Verdict, reason: String,
    isSent: Bool = true
  ) {
    self.isSent = isSent
    self.index = index
    self.vector = vector
    self.stations = stations
    self.verdict = verdict
    self.reason = reason
  }
}

extension Journey.Place {
  /// The name in tables and JSON, in the manuals' terms where they have one.
  public var name: String {
    switch self {
    case .device: "device"
    case .smmu(let step): step.placeName
    case .write(let end): end.rawValue
    case .table(let table, let isVirtual): isVirtual ? "vITS \(table.rawValue)" : table.rawValue
    case .redistributor: "redistributor"
    case .hostInterrupt: "host IRQ"
    case .eventfd: "eventfd"
    case .virtualITS: "vITS"
    case .intCommand: "INT"
    case .listRegister: "list register"
    case .virtualCPU: "vCPU"
    case .acknowledge: "acknowledge"
    case .handler: "handler"
    case .riscv(let place): place.name
    }
  }
}

extension DescriptorRead.Step {
  fileprivate var placeName: String {
    switch self {
    case .streamTable: "L1STD"
    case .streamEntry: "STE"
    case .contextTable: "L1CD"
    case .context: "CD"
    case .stage1(let level): "S1 L\(level)"
    case .stage2(let level): "S2 L\(level)"
    case .cachedPage(let stage2): stage2 ? "S2 TLB" : "TLB"
    case .cachedTable(let stage2, let level): "\(stage2 ? "S2" : "S1") walk cache L\(level)"
    case .cachedStreamEntry: "STE cache"
    case .cachedContext: "CD cache"
    }
  }
}
