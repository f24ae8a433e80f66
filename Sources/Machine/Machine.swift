public import Bits
public import GIC
public import Memory
public import PCI
public import SMMU

/// The physical machine: RAM, one SMMUv3, one ITS with its redistributors, and one PCIe function
/// behind them, on one bus.
///
/// Software acts on it through memory and MMIO writes alone; the function acts on it through
/// translated writes. What nothing claims is an external abort.
public struct Machine: ~Copyable {
  /// Where the machine's registers stand.
  public struct Layout: Equatable, Sendable {
    public var smmuBase: PA
    public var itsBase: PA
    public var redistributors: PA
    /// The function's BAR that holds its MSI-X table, and the BAR's length.
    public var bar: PA
    public var barSize: UInt64

    public init(
      smmuBase: PA, itsBase: PA, redistributors: PA, bar: PA, barSize: UInt64
    ) {
      self.smmuBase = smmuBase
      self.itsBase = itsBase
      self.redistributors = redistributors
      self.bar = bar
      self.barSize = barSize
    }
  }

  /// What answers at a physical address.
  public enum Target: Equatable, Sendable {
    case ram
    /// SMMU registers, at an offset.
    case smmu(UInt64)
    /// ITS control frame, at an offset.
    case its(UInt64)
    /// ITS translation frame, at an offset from the ITS base.
    case doorbell(UInt64)
    /// A redistributor's register, at an offset.
    case redistributor(Int, UInt64)
    /// The function's BAR, at an offset.
    case bar(UInt64)
    case nothing
  }

  public let memory: PhysicalMemory
  public let layout: Layout
  public var smmu: SMMU
  public var its: ITS
  public var redistributors: Redistributors
  public var function: PCIFunction

  public init(
    memory: PhysicalMemory, layout: Layout, smmu: consuming SMMU, its: consuming ITS,
    redistributors: consuming Redistributors, function: PCIFunction
  ) {
    self.memory = memory
    self.layout = layout
    self.smmu = smmu
    self.its = its
    self.redistributors = redistributors
    self.function = function
  }

  /// What answers at `address`.
  @inlinable
  public func target(of address: PA) -> Target {
    if memory.contains(address) { return .ram }
    let its = address.rawValue &- layout.itsBase.rawValue
    if its < 0x2_0000 { return its < 0x1_0000 ? .its(its) : .doorbell(its) }
    let smmu = address.rawValue &- layout.smmuBase.rawValue
    if smmu < 0x2_0000 { return .smmu(smmu) }
    let stride = redistributors.profile.stride
    let frame = address.rawValue &- layout.redistributors.rawValue
    if frame < stride &* UInt64(redistributors.count) {
      return .redistributor(Int(frame / stride), frame % stride)
    }
    let bar = address.rawValue &- layout.bar.rawValue
    return bar < layout.barSize ? .bar(bar) : .nothing
  }

  /// What a CPU's write did.
  public struct WriteResponse: Equatable, Sendable {
    /// Whether anything answered: otherwise it is an external abort.
    public var isAnswered = true
    /// Messages that the function sends now because the write unmasked them.
    public var emissions: [Emission] = []
  }

  /// A CPU's write of a register, or of a word of RAM.
  @discardableResult
  public mutating func write(_ value: UInt64, at address: PA, width: Int) -> WriteResponse {
    var observer = NoITSObserver()
    var response = WriteResponse()
    switch target(of: address) {
    case .ram:
      response.isAnswered =
        width == 8
        ? memory.store64(address, value)
        : memory.store32(address, UInt32(truncatingIfNeeded: value))
    case .smmu(let offset):
      smmu.writeRegister(offset, value, width: width, memory: memory)
    case .its(let offset):
      its.writeRegister(
        offset, value, width: width, memory: memory, redistributors: &redistributors,
        observer: &observer)
    // A CPU's write carries no DeviceID.
    case .doorbell: break
    case .redistributor(let index, let offset):
      redistributors.writeRegister(offset, value, width: width, at: index, memory: memory)
    case .bar(let offset):
      response.emissions = function.writeTable(offset, value, width: width)
    case .nothing: response.isAnswered = false
    }
    return response
  }

  /// A CPU's write of the function's configuration space; the messages that it unmasks.
  public mutating func writeConfig(_ value: UInt32, at offset: UInt16, width: Int) -> [Emission] {
    function.writeConfig(Int(offset), value, width: width)
  }

  /// StreamID and DeviceID of the function: its requester ID after aliasing.
  @inlinable
  public var requesterID: UInt32 { UInt32(function.profile.effectiveRequesterID.rawValue) }
}
