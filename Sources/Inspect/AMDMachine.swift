internal import AMDIOMMU
internal import Bits
internal import Memory

/// An AMD IOMMU set up as vector files have it, driven through registers and memory alone.
struct AMDMachine: ~Copyable {
  private var unit: AMDUnit
  private let memory: PhysicalMemory
  private static let events: UInt64 = 0x38_0000
  private static let commands: UInt64 = 0x38_8000
  /// Bytes of the command buffer.
  private static let commandBytes: UInt64 = 0x1000
  private static let eventBytes: UInt64 = 0x2000
  private var produced: UInt64 = 0
  private var consumed: UInt64 = 0

  init(_ vector: AMDVector, personality: AMDPersonality, memory: PhysicalMemory) {
    self.memory = memory
    unit = AMDUnit(features: vector.features, personality: personality)
    write(AMDRegister.deviceTable, vector.deviceTable)
    write(AMDRegister.commandBuffer, Self.commands | 8 << 56)
    write(AMDRegister.eventLog, Self.events | 9 << 56)
    write(AMDRegister.control, 1 << 2 | 1 << 12 | 1)
    var requesters: Set<UInt16> = []
    for step in vector.steps {
      switch step.action {
      case .message(let requester, _, _, _, _), .access(let requester, _, _):
        requesters.insert(requester)
      case .store, .commands, .clear: break
      }
    }
    var ignored = X86Answer()
    run([[8 << 60, 0]] + requesters.sorted().map { [2 << 60 | UInt64($0), 0] }, &ignored)
    write(AMDRegister.control, vector.control)
  }

  private mutating func write(_ offset: UInt64, _ value: UInt64) {
    unit.writeRegister(offset, value, memory: memory)
  }

  mutating func run(_ action: X86Action) -> X86Answer {
    var answer = X86Answer()
    switch action {
    case .store(let words):
      for word in words { memory.store64(PA(word.address), word.value) }
    case .message(let requester, let address, let data, _, _):
      switch unit.remap(address: address, data: data, from: requester, memory: memory) {
      case .message(let message):
        answer.outcome = "ok"
        answer.message = MemoryWord(address: message.address, value: UInt64(message.data))
        answer.interrupts.append(X86Interrupt(address: message.address, data: message.data))
      case .posted: answer.outcome = "posted"
      case .aborted: answer.outcome = "abort"
      }
      answer.records = takeEvents()
    case .access(let requester, let address, let isWrite):
      switch unit.translate(address, isWrite: isWrite, from: requester, memory: memory) {
      case .untranslated: answer.outcome = "untranslated"
      case .translated(let place, let size, let fromCache):
        answer.outcome = "ok"
        answer.address = place.rawValue
        answer.size = size
        answer.isHit = fromCache
      case .blocked: answer.outcome = "fault"
      }
      answer.records = takeEvents()
    case .commands(let commands):
      run(commands, &answer)
      answer.records = takeEvents()
    case .clear: break
    }
    return answer
  }

  private mutating func run(_ commands: [[UInt64]], _ answer: inout X86Answer) {
    var watched: Set<UInt64> = []
    for command in commands where command.count == 2 {
      memory.store64(PA(Self.commands + produced), command[0])
      memory.store64(PA(Self.commands + produced + 8), command[1])
      produced = (produced + 16) % Self.commandBytes
      if command[0] >> 60 == 1, isSet(command[0], bit: 0) {
        watched.insert(command[0] & 0x000f_ffff_ffff_fff8)
      }
    }
    write(AMDRegister.commandTail, produced)
    answer.head = unit.readRegister(AMDRegister.commandHead)
    answer.status = watched.sorted().map {
      MemoryWord(address: $0, value: memory.load64(PA($0)) ?? 0)
    }
  }

  /// The events since the last call.
  private mutating func takeEvents() -> [[UInt64]] {
    let tail = unit.readRegister(AMDRegister.eventTail)
    var events: [[UInt64]] = []
    while consumed != tail, events.count < 512 {
      let place = PA(Self.events + consumed)
      events.append([memory.load64(place) ?? 0, memory.load64(place + 8) ?? 0])
      consumed = (consumed + 16) % Self.eventBytes
    }
    write(AMDRegister.eventHead, consumed)
    return events
  }
}

extension X86Interrupt {
  /// What the local APICs of a machine in xAPIC mode make of a message.
  init(address: UInt64, data: UInt32) {
    self.init(
      destination: bits(address, 19, 12), isLogical: isSet(address, bit: 2),
      mode: UInt64(data >> 8 & 7), vector: UInt64(data & 0xff), isLevel: data >> 15 & 1 != 0)
  }
}
