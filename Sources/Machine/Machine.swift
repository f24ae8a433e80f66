public import ArmFormats
public import Bits
public import GIC
public import Memory
public import PCI
public import SMMU

/// The physical machine: RAM, SMMUv3s, ITSs with the redistributors that they share, and PCIe
/// functions behind them, on one bus.
///
/// Software acts on it through memory and MMIO writes alone; the functions act on it through
/// translated writes.
/// What nothing claims is an external abort.
public struct Machine: ~Copyable {
  /// Where the machine's registers stand, and how its functions are attached: what the bus needs of
  /// a description.
  public struct Layout: Equatable, Sendable {
    /// The first SMMU and the first ITS, and the others.
    public var smmuBase: PA
    public var furtherSMMUs: [PA] = []
    public var itsBase: PA
    public var furtherITSs: [PA] = []
    public var redistributors: PA
    /// Each function's BAR that holds its MSI-X table.
    public var bars: [AddressRange]
    /// How each function is attached; identity for those without an entry.
    public var attachments: [Attachment] = []
    /// The distributor, and the page of a GICv2m frame, where software uses them.
    public var distributor: PA?
    public var messageFrame: PA?

    /// The SMMU in front of a function, and what firmware adds to its requester ID.
    public struct Attachment: Equatable, Sendable {
      public var smmu = 0
      /// StreamID minus requester ID, and DeviceID minus requester ID.
      public var streamOffset: UInt32 = 0
      public var deviceOffset: UInt32 = 0

      public init(smmu: Int = 0, streamOffset: UInt32 = 0, deviceOffset: UInt32 = 0) {
        self.smmu = smmu
        self.streamOffset = streamOffset
        self.deviceOffset = deviceOffset
      }
    }

    /// One of each, with one function behind it.
    public init(
      smmuBase: PA, itsBase: PA, redistributors: PA, bar: PA, barSize: UInt64
    ) {
      self.smmuBase = smmuBase
      self.itsBase = itsBase
      self.redistributors = redistributors
      bars = [AddressRange(from: bar.rawValue, length: barSize)]
    }

    /// A machine as described.
    ///
    /// - Parameter usesMessageFrame: whether MSIs go to the GICv2m frame: there is no ITS at any
    ///   address that can be reached.
    public init(_ description: MachineDescription, usesMessageFrame: Bool = false) {
      let host = description.host
      smmuBase = host.smmus.first ?? 0
      furtherSMMUs = Array(host.smmus.dropFirst())
      itsBase = usesMessageFrame ? 0xffff_ffff_fffc_0000 : host.itses.first ?? 0
      furtherITSs = usesMessageFrame ? [] : Array(host.itses.dropFirst())
      redistributors = host.redistributors
      bars = description.devices.map(\.bar)
      attachments = description.devices.map { device in
        let bridge = host.bridge(of: device.requester)
        let stream = bridge?.streamOffset ?? 0
        return Attachment(
          smmu: device.smmu, streamOffset: stream,
          deviceOffset: stream &+ (bridge?.deviceOffset ?? 0))
      }
      guard usesMessageFrame else { return }
      distributor = host.distributor
      messageFrame = host.messageFrame
    }

    /// Where SMMU number `index` stands.
    public func smmu(_ index: Int) -> PA {
      index == 0 ? smmuBase : furtherSMMUs[index - 1]
    }

    /// Where ITS number `index` stands.
    public func its(_ index: Int) -> PA { index == 0 ? itsBase : furtherITSs[index - 1] }

    /// Where the BAR of function number `index` stands.
    public func bar(of index: Int) -> PA { PA(bars[index].base) }
  }

  /// What answers at a physical address.
  public enum Target: Equatable, Sendable {
    case ram
    /// Registers of an SMMU, at an offset.
    case smmu(UInt64, unit: Int = 0)
    /// Control frame of an ITS, at an offset.
    case its(UInt64, unit: Int = 0)
    /// Translation frame of an ITS, at an offset from the ITS base.
    case doorbell(UInt64, unit: Int = 0)
    /// A redistributor's register, at an offset.
    case redistributor(Int, UInt64)
    /// The distributor's, at an offset.
    case distributor(UInt64)
    /// A GICv2m frame's, at an offset.
    case messageFrame(UInt64)
    /// A function's BAR, at an offset.
    case bar(UInt64, function: Int = 0)
    case nothing
  }

  public let memory: PhysicalMemory
  public private(set) var layout: Layout
  public var smmus: UnitList<SMMU>
  public var itses: UnitList<ITS>
  public var redistributors: Redistributors
  public var functions: [PCIFunction]
  /// The SPIs, and the GICv2m frame that makes them pending, where the layout has a place for it.
  public var distributor = Distributor(spiCount: 256, cpuCount: 1)
  public var messageFrame = GICv2mFrame(firstSPI: 80, count: 64)

  /// - Parameters:
  ///   - layout: with a BAR for each function, and an address for each SMMU and each ITS.
  ///   - functions: at least one, each with a requester ID of its own.
  public init(
    memory: PhysicalMemory, layout: Layout, smmus: consuming UnitList<SMMU>,
    itses: consuming UnitList<ITS>, redistributors: consuming Redistributors,
    functions: [PCIFunction]
  ) {
    precondition(!functions.isEmpty, "a machine has at least one function")
    precondition(
      layout.furtherSMMUs.count < smmus.count && layout.furtherITSs.count < itses.count
        && layout.bars.count <= functions.count,
      "a layout has places for units and functions that there are")
    self.memory = memory
    self.layout = layout
    self.smmus = smmus
    self.itses = itses
    self.redistributors = redistributors
    self.functions = functions
  }

  /// A machine with one of each.
  public init(
    memory: PhysicalMemory, layout: Layout, smmu: consuming SMMU, its: consuming ITS,
    redistributors: consuming Redistributors, function: PCIFunction
  ) {
    self.init(
      memory: memory, layout: layout, smmus: UnitList(smmu), itses: UnitList(its),
      redistributors: redistributors, functions: [function])
  }

  /// A function appears on a bus, behind the SMMU that another function is behind.
  public mutating func add(_ function: PCIFunction, bar: AddressRange, like index: Int) {
    // Those without an entry stand behind the first SMMU, under their own numbers.
    let missing = functions.count - layout.attachments.count
    if missing > 0 { layout.attachments += Array(repeating: .init(), count: missing) }
    layout.attachments.append(layout.attachments[index])
    layout.bars.append(bar)
    functions.append(function)
  }

  /// The first SMMU.
  @inlinable public var smmu: SMMU {
    _read { yield smmus[0] }
    _modify { yield &smmus[0] }
  }

  /// The first ITS.
  @inlinable public var its: ITS {
    _read { yield itses[0] }
    _modify { yield &itses[0] }
  }

  /// The first function.
  @inlinable public var function: PCIFunction {
    _read { yield functions[0] }
    _modify { yield &functions[0] }
  }

  /// What answers at `address`.
  @inlinable
  public func target(of address: PA) -> Target {
    if memory.contains(address) { return .ram }
    if let place = self.its(at: address) {
      return place.offset < 0x1_0000
        ? .its(place.offset, unit: place.unit) : .doorbell(place.offset, unit: place.unit)
    }
    if let place = Self.unit(
      at: address, first: layout.smmuBase, further: layout.furtherSMMUs)
    {
      return .smmu(place.offset, unit: place.unit)
    }
    let stride = redistributors.profile.stride
    let frame = address.rawValue &- layout.redistributors.rawValue
    if frame < stride &* UInt64(redistributors.count) {
      return .redistributor(Int(frame / stride), frame % stride)
    }
    if let offset = Self.offset(of: address, in: layout.messageFrame, GICv2mFrame.frameSize) {
      return .messageFrame(offset)
    }
    if let offset = Self.offset(of: address, in: layout.distributor, 0x1_0000) {
      return .distributor(offset)
    }
    guard let index = layout.bars.firstIndex(where: { $0.contains(address.rawValue) }) else {
      return .nothing
    }
    return .bar(address.rawValue &- layout.bars[index].base, function: index)
  }

  @usableFromInline
  static func offset(of address: PA, in frame: PA?, _ size: UInt64) -> UInt64? {
    guard let frame else { return nil }
    let offset = address.rawValue &- frame.rawValue
    return offset < size ? offset : nil
  }

  /// The ITS that stands at `address`, and the offset from its base.
  @inlinable @inline(__always)
  func its(at address: PA) -> (unit: Int, offset: UInt64)? {
    Self.unit(
      at: address, first: layout.itsBase, further: layout.furtherITSs)
  }

  /// Which of a machine's SMMUs or ITSs stands at `address`.
  @inlinable
  static func unit(
    at address: PA, first: PA, further: [PA]
  ) -> (unit: Int, offset: UInt64)? {
    let offset = address.rawValue &- first.rawValue
    if offset < MachineDescription.Host.unitLength { return (0, offset) }
    for index in further.indices {
      let offset = address.rawValue &- further[index].rawValue
      if offset < MachineDescription.Host.unitLength { return (1 + index, offset) }
    }
    return nil
  }

  /// What a CPU's write did.
  public struct WriteResponse: Equatable, Sendable {
    /// Whether anything answered: otherwise it is an external abort.
    public var isAnswered = true
    /// Messages that the written function sends now because the write unmasked them.
    public var emissions: [Emission] = []
  }

  /// A CPU's write of a register, or of a word of RAM.
  @discardableResult
  public mutating func write(_ value: UInt64, at address: PA, width: Int) -> WriteResponse {
    var response = WriteResponse()
    switch target(of: address) {
    case .ram:
      response.isAnswered =
        width == 8
        ? memory.store64(address, value)
        : memory.store32(address, UInt32(truncatingIfNeeded: value))
    case .smmu(let offset, let unit):
      smmus[unit].writeRegister(offset, value, width: width, memory: memory)
    case .its(let offset, let unit): writeITS(unit, offset, value, width: width)
    // A CPU's write carries no DeviceID.
    case .doorbell: break
    case .redistributor(let index, let offset):
      redistributors.writeRegister(offset, value, width: width, at: index, memory: memory)
    case .distributor(let offset): distributor.writeRegister(offset, value, width: width)
    case .messageFrame(let offset):
      messageFrame.receiveWrite(
        offset, UInt32(truncatingIfNeeded: value), distributor: &distributor)
    case .bar(let offset, let index):
      response.emissions = functions[index].writeTable(offset, value, width: width)
    case .nothing: response.isAnswered = false
    }
    return response
  }

  /// A CPU's write of an ITS's register. Where one VMOVP suffices for all ITSs, the others hear of
  /// it (IHI 0069, `GITS_TYPER.VMOVP`).
  private mutating func writeITS(_ unit: Int, _ offset: UInt64, _ value: UInt64, width: Int) {
    guard itses.count > 1, itses[unit].profile.type[.singleVMOVP] else {
      var observer = NoITSObserver()
      return itses[unit].writeRegister(
        offset, value, width: width, memory: memory, redistributors: &redistributors,
        observer: &observer)
    }
    var moves = VirtualPEMoves()
    itses[unit].writeRegister(
      offset, value, width: width, memory: memory, redistributors: &redistributors,
      observer: &moves)
    for move in moves.commands {
      for other in 0..<itses.count where other != unit {
        itses[other].follow(move, memory: memory, redistributors: redistributors)
      }
    }
  }

  /// A CPU's write of a function's configuration space; the messages that it unmasks.
  public mutating func writeConfig(
    _ value: UInt32, at offset: UInt16, width: Int, of index: Int = 0
  ) -> [Emission] {
    functions[index].writeConfig(Int(offset), value, width: width)
  }

  /// The StreamID of a function: its requester ID after aliasing, as firmware maps it.
  @inlinable @inline(__always)
  public func streamID(of index: Int) -> StreamID {
    StreamID(requesterID(of: index) &+ attachment(of: index).streamOffset)
  }

  /// The DeviceID of a function.
  @inlinable @inline(__always)
  public func deviceID(of index: Int) -> DeviceID {
    DeviceID(requesterID(of: index) &+ attachment(of: index).deviceOffset)
  }

  /// The SMMU in front of a function.
  @inlinable @inline(__always)
  public func smmu(of index: Int) -> Int { attachment(of: index).smmu }

  @inlinable @inline(__always)
  func requesterID(of index: Int) -> UInt32 {
    UInt32(functions[index].profile.effectiveRequesterID.rawValue)
  }

  @inlinable @inline(__always)
  func attachment(of index: Int) -> Layout.Attachment {
    index < layout.attachments.count ? layout.attachments[index] : Layout.Attachment()
  }
}

/// The VMOVPs that an ITS has carried out.
private struct VirtualPEMoves: ITSObserver {
  static var isOn: Bool { true }
  var commands: [ITSCommand] = []

  mutating func didRead(_ step: ITSTableRead) {}
  mutating func didExecute(_ report: ITSCommandReport) {
    guard report.command[.opcode] == .vmovp, report.error == nil else { return }
    commands.append(report.command)
  }
}
