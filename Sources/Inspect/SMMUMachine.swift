internal import ArmFormats
internal import Bits
internal import Memory
internal import SMMU

/// An SMMU set up as vector files have it, driven through registers and memory alone.
struct SMMUMachine: ~Copyable {
  /// Base addresses of the queues; both have 256 entries.
  private static let commandQueue: UInt64 = 0x4040_0000
  private static let eventQueue: UInt64 = 0x4041_0000
  private static let queueSizeLog2: UInt64 = 8
  /// Data that a device writes.
  private static let pattern: UInt32 = 0x1234_5678

  private var smmu: SMMU
  private let memory: PhysicalMemory
  private let control: UInt64
  /// Producer index of the command queue and consumer index of the event queue, with wrap bits.
  private var produced: UInt64 = 0
  private var consumed: UInt64 = 0

  init(
    _ state: SMMUState, personality: SMMUPersonality, caches: SMMUCacheGeometry,
    memory: PhysicalMemory
  ) {
    let profile: SMMUProfile =
      switch state.stages {
      case .nested: .qemu
      case .stage1: .qemuStage1
      case .stage2: .qemuStage2
      }
    smmu = SMMU(profile: profile, personality: personality, caches: caches)
    self.memory = memory
    control = state.control
    configure(state)
    write(SMMURegister.cr0, 0xc)
    // CFGI_ALL, TLBI_NSNH_ALL twice, SYNC. The recording had TLBI_EL2_ALL in the third place, which
    // QEMU ignores and an SMMU without EL2 refuses.
    submit([[0x04, 31], [0x30, 0], [0x30, 0], [0x46, 0]])
    write(SMMURegister.cr0, control)
  }

  private mutating func configure(_ state: SMMUState) {
    write64(SMMURegister.streamTableBase, state.streamTableBase)
    write(SMMURegister.streamTableConfig, state.streamTableConfig)
    write64(SMMURegister.commandQueueBase, Self.commandQueue | Self.queueSizeLog2)
    write(SMMURegister.commandQueueProducer, 0)
    write(SMMURegister.commandQueueConsumer, 0)
    write64(SMMURegister.eventQueueBase, Self.eventQueue | Self.queueSizeLog2)
    write(SMMURegister.eventQueueProducer, 0)
    write(SMMURegister.eventQueueConsumer, 0)
    write(SMMURegister.cr1, state.control1)
    write(SMMURegister.cr2, state.control2)
    write(SMMURegister.globalBypass, state.globalBypass | 1 << 31)
  }

  mutating func write(_ offset: UInt64, _ value: UInt64) {
    smmu.writeRegister(offset, value, width: 4, memory: memory)
  }

  private mutating func write64(_ offset: UInt64, _ value: UInt64) {
    smmu.writeRegister(offset, value, width: 8, memory: memory)
  }

  private mutating func submit(_ commands: [[UInt64]]) {
    for command in commands {
      let slot = PA(Self.commandQueue &+ 16 &* (produced & 0xff))
      memory.store(SMMUCommand(words: command), at: slot)
      produced = (produced &+ 1) & 0x1ff
    }
    write(SMMURegister.commandQueueProducer, produced)
  }

  /// Puts commands on the queue, and recovers from an error as a driver does.
  mutating func run(_ commands: [[UInt64]]) -> VectorAnswer {
    submit(commands)
    var answer = VectorAnswer()
    let error = smmu.readRegister(SMMURegister.globalError, width: 4)
    let acknowledged = smmu.readRegister(SMMURegister.globalErrorAcknowledge, width: 4)
    answer.commandConsumer =
      smmu.readRegister(SMMURegister.commandQueueConsumer, width: 4) & 0x7f00_01ff
    answer.globalErrors = error ^ acknowledged
    if error != acknowledged {
      write(SMMURegister.globalErrorAcknowledge, error)
      write(SMMURegister.cr0, control & ~8)
      write(SMMURegister.commandQueueProducer, 0)
      write(SMMURegister.commandQueueConsumer, 0)
      produced = 0
      write(SMMURegister.cr0, control)
    }
    return answer
  }

  /// The events recorded since the last call.
  mutating func takeEvents() -> [[UInt64]] {
    let producer = smmu.readRegister(SMMURegister.eventQueueProducer, width: 4) & 0x1ff
    var events: [[UInt64]] = []
    while consumed != producer && events.count < 256 {
      let slot = PA(Self.eventQueue &+ 32 &* (consumed & 0xff))
      events.append(memory.load(EventRecord.self, at: slot)?.words ?? [])
      consumed = (consumed &+ 1) & 0x1ff
    }
    write(SMMURegister.eventQueueConsumer, consumed)
    return events
  }

  /// A 4-byte access of a device: Non-secure, unprivileged, data.
  mutating func access(stream: UInt32, address: UInt64, isWrite: Bool) -> VectorAnswer {
    let transaction = Transaction(streamID: stream, address: IOVA(address), isWrite: isWrite)
    let result = smmu.translate(transaction, in: memory)
    var answer = VectorAnswer()
    answer.events = takeEvents()
    switch result {
    case .translated(let translation):
      answer.outcome = "ok"
      answer.physicalAddress = translation.address.rawValue
      answer.permissions = Self.cached(translation.permissions)
    case .bypassed(let address):
      answer.outcome = "bypass"
      answer.physicalAddress = address.rawValue
    case .aborted: answer.outcome = "abort"
    case .faulted, .ignored: answer.outcome = answer.events.isEmpty ? "abort" : "fault"
    case .stalled: answer.outcome = "stalled"
    case .blocked: answer.outcome = "blocked"
    case .refused: answer.outcome = "refused"
    }
    if let target = answer.physicalAddress, isWrite { finishWrite(at: PA(target), &answer) }
    return answer
  }

  /// Lets the write reach its target, and takes it back.
  private func finishWrite(at target: PA, _ answer: inout VectorAnswer) {
    if memory.store32(target, Self.pattern) {
      answer.landed = memory.load32(target) == Self.pattern
      memory.store32(target, 0)
    } else {
      answer.targetAborts = true
    }
  }

  /// Read and write permission in bits 0 and 1.
  private static func cached(_ permissions: TranslationPermissions) -> UInt64 {
    let read = permissions.isSuperset(of: [.unprivilegedRead, .stage2Read])
    let write = permissions.isSuperset(of: [.unprivilegedWrite, .stage2Write])
    return (read ? 1 : 0) | (write ? 2 : 0)
  }
}
