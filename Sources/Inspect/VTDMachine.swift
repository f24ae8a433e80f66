internal import Bits
internal import Memory
internal import VTD

/// A VT-d unit set up as vector files have it, driven through registers and memory alone.
struct VTDMachine: ~Copyable {
  private var unit: VTDUnit
  private let memory: PhysicalMemory
  private let queue: UInt64
  private let descriptorSize: UInt64
  private var produced: UInt64 = 0
  private var watched: [UInt64]

  /// The RAM of the machine.
  static let ram = PhysicalMemory.Region(base: 0, size: 1 << 31)

  init(_ vector: VTDVector, personality: VTDPersonality, memory: PhysicalMemory) {
    self.memory = memory
    unit = VTDUnit(
      profile: VTDProfile(capabilities: vector.capabilities, extended: vector.extended),
      personality: personality)
    queue = (vector.queueAddress ?? 0) & ~0xfff
    descriptorSize = isSet(vector.queueAddress ?? 0, bit: 11) ? 32 : 16
    watched = vector.memory.map(\.address).sorted()
    configure(vector)
  }

  private mutating func configure(_ vector: VTDVector) {
    write(VTDRegister.faultControl, 1 << 31)
    if let address = vector.faultAddress {
      write(VTDRegister.faultData, vector.faultData)
      write(VTDRegister.faultAddress, address)
      write(VTDRegister.faultUpperAddress, 0)
      write(VTDRegister.faultControl, 0)
    }
    var command: UInt64 = 0
    if let address = vector.queueAddress {
      write(VTDRegister.queueTail, 0, width: 8)
      write(VTDRegister.queueAddress, address, width: 8)
      command |= VTDCommand.queue
      write(VTDRegister.command, command)
    }
    if let table = vector.rootTable {
      write(VTDRegister.rootTable, table, width: 8)
      write(VTDRegister.command, command | VTDCommand.rootTable)
    }
    if let table = vector.interruptTable {
      write(VTDRegister.interruptTable, table, width: 8)
      write(VTDRegister.command, command | VTDCommand.interruptTable)
    }
    for (isOn, bit) in [
      (vector.passesCompatibility, VTDCommand.compatibility),
      (vector.remapsInterrupts, VTDCommand.interrupts),
      (vector.translates, VTDCommand.translation),
    ] where isOn {
      command |= bit
      write(VTDRegister.command, command)
    }
  }

  private mutating func write(_ offset: UInt64, _ value: UInt64, width: Int = 4) {
    unit.writeRegister(offset, value, width: width, memory: memory)
  }

  /// `GSTS_REG`.
  var status: UInt64 { unit.readRegister(VTDRegister.status, width: 4) }

  mutating func run(_ action: X86Action) -> X86Answer {
    var answer = X86Answer()
    switch action {
    case .store(let words):
      for word in words { memory.store64(PA(word.address), word.value) }
    case .message(let requester, let address, let data, let isWrite, let keepsFaults):
      let outcome = unit.remap(
        address: address, data: data, from: requester, isMessage: !isWrite, memory: memory)
      if case .message(let message) = outcome {
        answer.message = MemoryWord(address: message.address, value: UInt64(message.data))
        answer.interrupts.append(X86Interrupt(message))
      }
      takeFaults(into: &answer, keeping: keepsFaults)
    case .access(let requester, let address, let isWrite):
      access(DMARequest(from: requester, at: IOVA(address), isWrite: isWrite), &answer)
    case .commands(let commands): run(commands, &answer)
    case .clear:
      var dropped = X86Answer()
      takeFaults(into: &dropped, keeping: false)
      answer.faultStatus = unit.readRegister(VTDRegister.faultStatus, width: 4)
    }
    return answer
  }

  private mutating func access(_ request: DMARequest, _ answer: inout X86Answer) {
    let before = watched.map { memory.load64(PA($0)) }
    switch unit.translate(request, in: memory) {
    case .untranslated: answer.outcome = "untranslated"
    case .translated(let address, let size, let fromCache):
      answer.outcome = "ok"
      answer.address = address.rawValue
      answer.size = size
      answer.isHit = fromCache
    case .blocked(_, let isRecorded): answer.outcome = isRecorded ? "fault" : "unseen"
    }
    takeFaults(into: &answer, keeping: false)
    for (address, old) in zip(watched, before) {
      if let new = memory.load64(PA(address)), new != old {
        answer.writes.append(MemoryWord(address: address, value: new))
      }
    }
  }

  /// Reads the fault records, and clears them as the driver does.
  private mutating func takeFaults(into answer: inout X86Answer, keeping: Bool) {
    let capabilities = unit.readRegister(VTDRegister.capabilities, width: 8)
    let place = bits(capabilities, 33, 24) * 16
    let status = unit.readRegister(VTDRegister.faultStatus, width: 4)
    let words = [
      unit.readRegister(place, width: 8), unit.readRegister(place + 8, width: 8),
    ]
    if isSet(words[1], bit: 63) { answer.records.append(words) }
    if status != 0 { answer.faultStatus = status }
    while let message = unit.nextMessage() { answer.interrupts.append(X86Interrupt(message)) }
    if !keeping {
      if isSet(words[1], bit: 63) { write(place + 8, 1 << 63, width: 8) }
      write(VTDRegister.faultStatus, 0x7f)
    }
    answer.isEventPending = unit.readRegister(VTDRegister.faultControl, width: 4) >> 30 & 1 != 0
  }

  private mutating func run(_ commands: [[UInt64]], _ answer: inout X86Answer) {
    var watched: [UInt64] = []
    for command in commands {
      for index in 0..<Int(descriptorSize / 8) {
        let word = command.indices.contains(index) ? command[index] : 0
        memory.store64(PA(queue + produced * descriptorSize + 8 * UInt64(index)), word)
      }
      produced += 1
      if command.count > 1, command[0] & 0xf == 5, isSet(command[0], bit: 5) {
        watched.append(command[1])
      }
    }
    write(VTDRegister.queueTail, produced * descriptorSize, width: 8)
    answer.head = unit.readRegister(VTDRegister.queueHead, width: 8)
    answer.faultStatus = unit.readRegister(VTDRegister.faultStatus, width: 4)
    answer.status = Set(watched).sorted().map {
      MemoryWord(address: $0, value: UInt64(memory.load32(PA($0)) ?? 0))
    }
  }
}

extension X86Interrupt {
  /// What the local APICs of a machine in xAPIC mode make of a message.
  init(_ message: APICMessage) {
    self.init(
      destination: UInt64(message.destination & 0xff), isLogical: message.isLogical,
      mode: UInt64(message.mode), vector: UInt64(message.vector), isLevel: message.isLevel)
  }
}
