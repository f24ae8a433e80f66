internal import ArmFormats
internal import Bits
internal import HostKernel
internal import Memory
internal import SMMU
internal import Software

/// The front end of an accelerated virtual SMMUv3 (QEMU hw/arm/smmuv3-accel.c): it reads the
/// guest's commands and stream table and leaves all translation to the physical SMMU.
struct VirtualSMMU: Sendable {
  /// An assigned device behind it.
  struct Stream: Sendable {
    /// The device's StreamID in the guest.
    let id: UInt32
    /// The device's number.
    let device: Int
    /// The host's stage 2 table below it, and with it the vIOMMU that takes its invalidations.
    let stageTwo: Int
    /// Whether the host has a vDEVICE of it.
    var hasDevice: Bool
    /// What the host was last asked to install.
    var installed: StreamTableEntry = .passThrough
  }

  private var streams: [Stream]
  private var streamTableBase: UInt64 = 0
  private var streamTableConfig: UInt64 = 0
  private var commandQueueBase: UInt64 = 0
  private var commandConsumer: UInt64 = 0
  private var commandProducer: UInt64 = 0
  private var control: UInt64 = 0
  private var globalBypass: UInt64 = 0
  /// `GERROR`, and `GERRORN` as the guest wrote it: bit 0 differs while a bad command stops the
  /// queue (IHI 0070, 7.1).
  private(set) var globalError: UInt64 = 0
  private var acknowledged: UInt64 = 0

  init(streams: [Stream]) { self.streams = streams }

  /// The guest writes a register; `memory` is its RAM.
  mutating func write(
    _ value: UInt64, at offset: UInt64, width: Int, memory: PhysicalMemory
  ) -> [Step<HostCall>] {
    switch offset {
    case SMMURegister.streamTableBase, SMMURegister.streamTableBase + 4:
      Self.store(value, offset & 4, width, in: &streamTableBase)
    case SMMURegister.streamTableConfig: streamTableConfig = value
    case SMMURegister.commandQueueBase, SMMURegister.commandQueueBase + 4:
      Self.store(value, offset & 4, width, in: &commandQueueBase)
    case SMMURegister.commandQueueConsumer: commandConsumer = value & lowBits(20)
    case SMMURegister.commandQueueProducer:
      commandProducer = value & lowBits(20)
      return consume(memory)
    case SMMURegister.globalErrorAcknowledge:
      acknowledged = value
      return consume(memory)
    case SMMURegister.globalBypass where value >> 31 & 1 != 0:
      globalBypass = value
      return installEntries(memory)
    case SMMURegister.cr0:
      let isSwitched = (control ^ value) & Self.enabled != 0
      control = value
      return (isSwitched ? installEntries(memory) : []) + consume(memory)
    default: break
    }
    return []
  }

  /// `CR0.SMMUEN` and `CR0.CMDQEN`.
  private static let enabled: UInt64 = 1 << 0
  private static let hasCommandQueue: UInt64 = 1 << 3

  /// Writes a 64-bit register in whole, or the half of it that `part` (0 or 4) names.
  private static func store(
    _ value: UInt64, _ part: UInt64, _ width: Int, in register: inout UInt64
  ) {
    guard width < 8 else { return register = value }
    let mask = lowBits(32) << (part * 8)
    register = (register & ~mask) | (value << (part * 8) & mask)
  }

  /// Consumes the guest's command queue, at most one queue's length of it.
  private mutating func consume(_ memory: PhysicalMemory) -> [Step<HostCall>] {
    guard control & Self.hasCommandQueue != 0, !isStopped else { return [] }
    let sizeBits = min(commandQueueBase & 0x1f, 19)
    let wrapMask = lowBits(sizeBits + 1)
    commandConsumer &= wrapMask
    let base = PA(commandQueueBase & lowBits(52) & ~lowBits(5))
    var steps: [Step<HostCall>] = []
    for _ in 0..<(UInt64(1) << sizeBits) where commandConsumer != commandProducer & wrapMask {
      let place = base + (commandConsumer & lowBits(sizeBits)) * 16
      guard let command = memory.load(SMMUCommand.self, at: place) else { break }
      guard Self.isLegal(command) else {
        globalError ^= 1
        return steps + [Self.stop(at: command)]
      }
      steps += perform(command, memory)
      commandConsumer = (commandConsumer + 1) & wrapMask
    }
    return steps
  }

  /// The queue stops at a command that the SMMU does not have.
  private static func stop(at command: SMMUCommand) -> Step<HostCall> {
    let function = "smmuv3_cmdq_consume"
    var step = Step<HostCall>(
      .vmm, function, "CERROR_ILL at \(command[.opcode]): the queue stops until GERRORN", .decide)
    step.refusal = Refusal(
      by: .vmm, in: function, errno: "CERROR_ILL", message: "no command of a stage 1 SMMU")
    return step
  }

  private var isStopped: Bool { (globalError ^ acknowledged) & 1 != 0 }

  /// Whether an SMMU with stage 1 only has the command: those of stage 2 and of EL2 are illegal
  /// there (IHI 0070, 4.4; QEMU hw/arm/smmuv3.c `smmuv3_cmdq_consume`), and so is whatever no
  /// revision defines.
  private static func isLegal(_ command: SMMUCommand) -> Bool {
    switch command[.opcode].rawValue {
    case 0x01...0x06, 0x10...0x13, 0x30, 0x40, 0x41, 0x44, 0x45: true
    // CS 3 is reserved.
    case 0x46: command[.completion] != 3
    default: false
    }
  }

  private mutating func perform(
    _ command: SMMUCommand, _ memory: PhysicalMemory
  ) -> [Step<HostCall>] {
    switch command[.opcode] {
    case .invalidateStream:
      streams.indices.filter { streams[$0].id == command[.stream] }
        .flatMap { installEntry(of: $0, memory) }
    case .invalidateStreamRange: installEntries(memory)
    case .sync, .prefetchConfiguration, .prefetchAddress: []
    default:
      targets(of: command).map { stream in
        Step(
          .vmm, "smmuv3_accel_issue_invalidation_cmd", "forward \(command[.opcode])",
          .call(.invalidate(command))
        ).about(stream.device)
      }
    }
  }

  /// The devices whose vIOMMUs get a command: that of the stream that it names, or one on each stage
  /// 2 table for what concerns all translations.
  private func targets(of command: SMMUCommand) -> [Stream] {
    switch command[.opcode] {
    case .invalidateContext, .invalidateContexts, .invalidateDevice:
      [streams.first { $0.id == command[.stream] } ?? streams.first].compactMap(\.self)
    default:
      streams.indices.filter { index in
        streams[..<index].allSatisfy { $0.stageTwo != streams[index].stageTwo }
      }.map { streams[$0] }
    }
  }

  private mutating func installEntries(_ memory: PhysicalMemory) -> [Step<HostCall>] {
    streams.indices.flatMap { installEntry(of: $0, memory) }
  }

  /// Has the host install the guest's entry of a stream, if it differs from what is installed
  /// (`smmuv3_accel_install_ste`).
  private mutating func installEntry(
    of index: Int, _ memory: PhysicalMemory
  ) -> [Step<HostCall>] {
    let stream = streams[index]
    var steps: [Step<HostCall>] = []
    if !stream.hasDevice {
      streams[index].hasDevice = true
      steps.append(
        Step(
          .vmm, "smmuv3_accel_alloc_vdev", "vSID \(hex(UInt64(stream.id)))",
          .call(.createVirtualSMMU(guestStream: stream.id))
        ).about(stream.device))
    }
    let entry =
      control & Self.enabled == 0 ? bypassEntry : guestEntry(of: stream.id, memory) ?? .init()
    guard entry != stream.installed else { return steps }
    streams[index].installed = entry
    let kind = entry[.valid] ? "\(entry[.config])" : "invalid"
    return steps + [
      Step(
        .vmm, "smmuv3_accel_install_ste",
        "the guest's STE of StreamID \(hex(UInt64(stream.id))): \(kind)",
        .call(.attach(guestEntry: entry))
      ).about(stream.device)
    ]
  }

  /// Where the guest's own tables send an address in a message of a device: a walk in software, as
  /// QEMU's emulated SMMU does it (hw/arm/smmuv3.c `smmuv3_translate`); `nil` where they do not
  /// map it.
  func translate(
    _ address: IOVA, of guestStream: UInt32, _ memory: PhysicalMemory?
  ) -> IPA? {
    guard let memory else { return nil }
    var smmu = SMMU(profile: .qemu, caches: .none)
    smmu.writeRegister(SMMURegister.streamTableBase, streamTableBase, width: 8, memory: memory)
    smmu.writeRegister(SMMURegister.streamTableConfig, streamTableConfig, width: 4, memory: memory)
    smmu.writeRegister(SMMURegister.cr0, control & Self.enabled, width: 4, memory: memory)
    let access = Transaction(streamID: guestStream, address: address, isWrite: true)
    return smmu.translate(access, in: memory).outputAddress.map { IPA($0.rawValue) }
  }

  /// What the stream has while the guest's SMMU is off (`smmuv3_accel_attach_gbpa_hwpt`).
  private var bypassEntry: StreamTableEntry {
    guard globalBypass >> 20 & 1 != 0 else { return .passThrough }
    var entry = StreamTableEntry()
    entry[.valid] = true
    return entry
  }

  /// The guest's entry, through its linear or two-level stream table; `nil` where that is not in
  /// RAM or the StreamID lies beyond it.
  private func guestEntry(
    of guestStream: UInt32, _ memory: PhysicalMemory
  ) -> StreamTableEntry? {
    let stream = UInt64(guestStream)
    let base = PA(streamTableBase & lowBits(52) & ~lowBits(6))
    guard stream < 1 << min(streamTableConfig & 0x3f, 32) else { return nil }
    guard streamTableConfig >> 16 & 3 == 1 else {
      return memory.load(StreamTableEntry.self, at: base + stream * 64)
    }
    let split = streamTableConfig >> 6 & 0x1f
    guard let word = memory.load64(base + (stream >> split) * 8) else { return nil }
    let descriptor = StreamTableDescriptor(rawValue: word)
    let span = UInt64(descriptor[.span])
    let index = stream & lowBits(split)
    guard span >= 1, span <= 11, index < 1 << (span - 1) else { return nil }
    return memory.load(StreamTableEntry.self, at: PA(descriptor.tableAddress) + index * 64)
  }
}

extension StreamTableEntry {
  /// What a stream has while the guest's SMMU is off: stage 2 only.
  static var passThrough: Self {
    var entry = Self()
    entry[.valid] = true
    entry[.config] = .bypass
    return entry
  }
}
