internal import ArmFormats
internal import Bits
internal import GIC
internal import Memory

/// An ITS and its redistributors set up as vector files have them.
struct GICMachine: ~Copyable {
  /// Base address of the ITS; its doorbell is at 0x10040 from there.
  static let base: UInt64 = 0x0808_0000
  static let frames: UInt64 = 0x2_0000

  private var its: ITS
  private var redistributors: Redistributors
  private let state: GICState
  private let memory: PhysicalMemory
  private var produced: UInt64 = 0

  init(_ state: GICState, personality: ITSPersonality, memory: PhysicalMemory) {
    let version: GICVersion = state.version >= 4 ? .v4 : .v3
    its = ITS(profile: .qemu11(version: version), personality: personality)
    redistributors = Redistributors(profile: .qemu11(count: state.cpuCount, version: version))
    self.state = state
    self.memory = memory
    for config in state.lpiConfigs { setConfig(config.intid, config.value) }
    for word in state.tableWords { memory.store64(PA(word.address), word.value) }
    enableRedistributors()
    for (index, table) in state.tableBases.enumerated() where table != 0 {
      write(ITSRegister.tableBase &+ UInt64(index) &* 8, table, width: 8)
    }
    write(ITSRegister.commandBase, state.commandBase, width: 8)
    write(ITSRegister.commandWrite, 0, width: 8)
    write(ITSRegister.control, state.control, width: 4)
  }

  private mutating func enableRedistributors() {
    typealias Register = RedistributorRegister
    for cpu in 0..<state.cpuCount {
      redistributors.writeRegister(
        Register.configurationBase, state.lpiConfigBase, width: 8, at: cpu, memory: memory)
      redistributors.writeRegister(
        Register.pendingBase, state.lpiPendingBases[cpu], width: 8, at: cpu, memory: memory)
      let enable: UInt64 = state.lpisOff.contains(cpu) ? 0 : 1
      redistributors.writeRegister(Register.control, enable, width: 4, at: cpu, memory: memory)
    }
  }

  private mutating func write(_ offset: UInt64, _ value: UInt64, width: Int) {
    var nobody = NoITSObserver()
    its.writeRegister(
      offset, value, width: width, memory: memory, redistributors: &redistributors,
      observer: &nobody)
  }

  /// Writes the configuration byte of an LPI.
  func setConfig(_ intid: UInt64, _ value: UInt8) {
    let table = state.lpiConfigBase & 0xf_ffff_ffff_f000
    memory.store8(PA(table &+ intid &- 8192), value)
  }

  /// Writes commands into the queue and their end at GITS_CWRITER.
  mutating func run(_ commands: [[UInt64]]) -> VectorAnswer {
    let queue = state.commandBase & 0xf_ffff_ffff_f000
    let entries = ((state.commandBase & 0xff) &+ 1) &* 128
    for command in commands {
      memory.store(ITSCommand(words: command), at: PA(queue &+ produced &* 32))
      produced = (produced &+ 1) % entries
    }
    write(ITSRegister.commandWrite, produced &* 32, width: 8)
    let read = its.readRegister(ITSRegister.commandRead, width: 8)
    var answer = VectorAnswer()
    answer.commandRead = read & ~1
    answer.commandStalled = read & 1
    return answer
  }

  /// A device's write reaches the frames of the ITS at `offset`.
  mutating func receive(offset: UInt64, data: UInt32, device: UInt32) {
    var nobody = NoITSObserver()
    _ = its.receiveWrite(
      offset, UInt64(data), width: 4, deviceID: device, memory: memory,
      redistributors: &redistributors, observer: &nobody)
  }

  /// The pending tables as memory holds them.
  func pendingState() -> PendingState {
    let bytes = UInt64(1) &<< ((state.lpiConfigBase & 0x1f) &+ 1 &- 3)
    let physical = state.lpiPendingBases.enumerated().map { cpu, base in
      pending(owner: UInt64(cpu), table: base & 0xffff_ffff_0000, bytes: bytes)
    }
    let virtual = state.virtualTables.map {
      pending(owner: $0.address, table: $0.address, bytes: $0.size)
    }
    return PendingState(
      physical: physical.filter { !$0.intids.isEmpty },
      virtual: virtual.filter { !$0.intids.isEmpty }.sorted { $0.owner < $1.owner })
  }

  private func pending(owner: UInt64, table: UInt64, bytes: UInt64) -> PendingInterrupts {
    var intids: [UInt64] = []
    for offset in stride(from: 0, to: min(bytes, 1 << 21), by: 8) {
      var word = memory.load64(PA(table &+ offset)) ?? 0
      while word != 0 {
        intids.append(offset &* 8 &+ UInt64(word.trailingZeroBitCount))
        word &= word &- 1
      }
    }
    return PendingInterrupts(owner: owner, intids: intids)
  }
}
