internal import ArmFormats
internal import Bits
internal import GIC
internal import Memory
internal import SMMU

/// Summary of a fuzz run, so that tests can tell an idle run from a busy one.
package struct FuzzSummary: Equatable, Sendable {
  /// Operations carried out.
  package var operations = 0
  /// The most descriptors that one access read: a walk that is not bounded shows here.
  package var longestWalk = 0
  package var translated = 0
  package var faulted = 0
  package var messagesDelivered = 0

  package init() {}
}

/// An SMMU and an ITS in front of random memory, driven by random bytes: registers, memory,
/// commands, accesses and messages in any order.
///
/// The run must end without a trap, whatever the bytes are.
package struct FuzzMachine: ~Copyable {
  static let base: UInt64 = 0x4000_0000
  static let size: UInt64 = 0x8_0000
  /// First address of the pages of tables, and the offset of the CD in each.
  private static let tables: UInt64 = 0x7_0000
  private static let contextOffset: UInt64 = 0x40
  /// Bytes of input that one run uses at most.
  package static let longestInput = 1 << 16

  private let memory: PhysicalMemory
  private var smmu: SMMU
  private var its: ITS
  private var redistributors: Redistributors
  private var input: FuzzInput
  private var commandIndex: UInt64 = 0
  private var itsIndex: UInt64 = 0
  private var summary = FuzzSummary()

  /// Counts the descriptors of one access.
  private struct ReadCounter: TranslationObserver {
    static var isOn: Bool { true }
    var count = 0
    mutating func didRead(_ read: DescriptorRead) { count &+= 1 }
  }

  /// Runs what `bytes` say; `nil` when the operating system refuses memory.
  package static func run(_ bytes: [UInt8]) -> FuzzSummary? {
    let region = PhysicalMemory.Region(base: PA(base), size: size)
    guard let memory = try? PhysicalMemory(regions: [region]) else { return nil }
    var machine = FuzzMachine(FuzzInput(Array(bytes.prefix(longestInput))), memory)
    return machine.run()
  }

  private init(_ input: FuzzInput, _ memory: PhysicalMemory) {
    var input = input
    let profile = input.pick([SMMUProfile.full, .qemu, .full52, .qemuStage1, .qemuStage2])
    let personality = input.pick([SMMUPersonality.architecture, .qemu11])
    let caches = input.pick([SMMUCacheGeometry.default, .none])
    smmu = SMMU(profile: profile, personality: personality, caches: caches)
    let version = input.pick([GICVersion.v3, .v4, .v4Point1])
    let behaviour = input.pick([
      ITSPersonality.architecture, .architectureSkippingErrors, .qemu11, .kvm,
    ])
    its = ITS(profile: ITSProfile(version: version), personality: behaviour)
    redistributors = Redistributors(profile: RedistributorProfile(count: 2, version: version))
    self.memory = memory
    self.input = input
    setUp()
  }

  /// Tables and queues in RAM, so that most runs get somewhere.
  private mutating func setUp() {
    // The tables come from a seed, so that the input is left for what happens to them.
    let rest = input
    input = FuzzInput(seed: rest.first, count: 8192)
    fillTables()
    input = rest
    typealias Register = SMMURegister
    writeSMMU(Register.streamTableBase, Self.base, width: 8)
    writeSMMU(Register.streamTableConfig, input.pick([5, 5, 5, 5 | 3 << 6 | 1 << 16]), width: 4)
    writeSMMU(Register.commandQueueBase, Self.base &+ 0x1000 | 4, width: 8)
    writeSMMU(Register.eventQueueBase, Self.base &+ 0x2000 | 3, width: 8)
    writeSMMU(Register.cr2, 2, width: 4)
    writeSMMU(Register.cr0, 0xd, width: 4)
    writeITS(ITSRegister.tableBase, 1 << 63 | Self.base &+ 0x1_0000, width: 8)
    writeITS(ITSRegister.tableBase &+ 8, 1 << 63 | Self.base &+ 0x2_0000, width: 8)
    writeITS(ITSRegister.tableBase &+ 16, 1 << 63 | Self.base &+ 0x3_0000, width: 8)
    writeITS(ITSRegister.commandBase, 1 << 63 | Self.base &+ 0x4_0000, width: 8)
    for cpu in 0..<2 {
      let tables = Self.base &+ 0x5_0000 &+ UInt64(cpu) &* 0x1_0000
      writeRedistributor(RedistributorRegister.configurationBase, tables | 13, cpu)
      writeRedistributor(RedistributorRegister.pendingBase, tables &+ 0x8000, cpu)
      writeRedistributor(RedistributorRegister.control, 1, cpu)
    }
    writeITS(ITSRegister.control, 1, width: 4)
  }

  private mutating func run() -> FuzzSummary {
    while !input.isEmpty {
      step()
      summary.operations &+= 1
    }
    return summary
  }

  private mutating func step() {
    switch input.byte() % 16 {
    case 0...2: memory.store64(PA(input.place()), input.word())
    case 3: memory.store64(PA(table() &+ (input.number(2) & 0xff8)), input.word())
    case 4: storeStreamEntry(at: Self.base &+ UInt64(input.byte() & 31) &* 64)
    case 5: storeContext(at: table() &+ Self.contextOffset)
    case 6: writeSMMU(registerOffset(), input.word(), width: input.pick([4, 8]))
    case 7: _ = smmu.readRegister(input.number(3), width: input.pick([4, 8]))
    case 8, 9, 10: access()
    case 11: submitCommand()
    case 12: submitITSCommand()
    case 13: sendMessage()
    case 14: writeITS(input.number(2), input.word(), width: input.pick([4, 8]))
    default: writeRedistributor(input.number(3), input.word(), Int(input.byte() % 3))
    }
  }

  /// A page of tables.
  private mutating func table() -> UInt64 {
    Self.base &+ Self.tables &+ UInt64(input.byte() & 7) &* 0x1000
  }

  /// Eight pages of descriptors that point at each other, so that walks get to their ends. Each
  /// holds a CD at `contextOffset`, so that one is found wherever stage 2 leads.
  private mutating func fillTables() {
    for page in 0..<8 as Range<UInt64> {
      let place = Self.base &+ Self.tables &+ page &* 0x1000
      for index in 0..<512 as Range<UInt64> {
        let target = (page &* 3 &+ index &+ UInt64(input.byte() & 1)) & 7
        let permissions: UInt64 = index & 3 == 0 ? 0x40 : 0xc0
        let next = Self.base &+ Self.tables &+ target &* 0x1000
        memory.store64(PA(place &+ index &* 8), next | permissions | 0x43f)
      }
      storeContext(at: place &+ Self.contextOffset)
    }
    for entry in 0..<32 as Range<UInt64> {
      storeStreamEntry(at: Self.base &+ entry &* 64)
    }
  }

  /// An STE that is likely to be legal.
  private mutating func storeStreamEntry(at place: UInt64) {
    let entry = PA(place)
    let config: UInt64 = input.pick([0xb, 0xd, 0xf, 0xf, 0xf, 0x9, 0x1])
    memory.store64(entry, (table() &+ Self.contextOffset) | config)
    memory.store64(entry + 8, 0)
    memory.store64(entry + 16, 0x040d_0090_0000_0000 | UInt64(input.byte() & 3))
    memory.store64(entry + 24, table())
  }

  /// A CD that is likely to be legal.
  private mutating func storeContext(at place: UInt64) {
    for index in 0..<8 as Range<UInt64> { memory.store64(PA(place &+ index &* 8), 0) }
    memory.store64(PA(place), 0x6205_c000_0010 | UInt64(input.byte() & 3) &<< 48)
    memory.store64(PA(place &+ 8), table())
  }

  private mutating func registerOffset() -> UInt64 {
    let high = input.byte() & 7 == 0 ? SMMURegister.page1 : 0
    return high &+ UInt64(input.byte()) & ~3
  }

  /// Most addresses should be in range.
  private static let masks: [UInt64] = [0xffff_ffff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff, .max]

  private mutating func access() {
    var access = Transaction(
      streamID: UInt32(input.byte() & 31), address: IOVA(input.word() & input.pick(Self.masks)),
      isWrite: input.byte() & 1 == 1)
    let flags = input.byte()
    access.isPrivileged = flags & 1 == 1
    access.isInstruction = flags & 2 == 2
    if flags & 4 == 4 { access.substreamID = UInt32(input.byte()) }
    if flags & 0x18 == 0x18 { access.kind = .translated }
    if flags & 0x38 == 0x28 { access.kind = .translationRequest }
    var counter = ReadCounter()
    switch smmu.translate(access, in: memory, observer: &counter) {
    case .translated, .bypassed: summary.translated &+= 1
    default: summary.faulted &+= 1
    }
    summary.longestWalk = max(summary.longestWalk, counter.count)
  }

  private mutating func submitCommand() {
    let opcodes: [UInt64] = [
      0x01, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x20, 0x28, 0x2a, 0x30, 0x40, 0x41,
      0x44, 0x45, 0x46,
    ]
    let slot = PA(Self.base &+ 0x1000 &+ (commandIndex & 15) &* 16)
    memory.store64(slot, input.word() & ~0xff | input.pick(opcodes))
    memory.store64(slot + 8, input.word())
    commandIndex = (commandIndex &+ 1) & 31
    writeSMMU(SMMURegister.commandQueueProducer, commandIndex, width: 4)
  }

  private mutating func submitITSCommand() {
    let slot = PA(Self.base &+ 0x4_0000 &+ itsIndex &* 32)
    let opcode = input.pick(ITSOpcode.all)
    memory.store64(slot, UInt64(opcode.rawValue) | UInt64(input.byte() & 15) &<< 32)
    memory.store64(slot + 8, UInt64(input.byte() & 31) | (8192 &+ UInt64(input.byte())) &<< 32)
    memory.store64(slot + 16, input.word() | UInt64(input.byte() & 1) &<< 63)
    memory.store64(slot + 24, input.word())
    itsIndex = (itsIndex &+ 1) % 128
    writeITS(ITSRegister.commandWrite, itsIndex &* 32 | UInt64(input.byte() & 1), width: 8)
  }

  private mutating func sendMessage() {
    var nobody = NoITSObserver()
    let outcome = its.receiveWrite(
      0x1_0040, UInt64(input.byte() & 31), width: 4, deviceID: UInt32(input.byte() & 15),
      memory: memory, redistributors: &redistributors, observer: &nobody)
    if case .dropped = outcome { return }
    summary.messagesDelivered &+= 1
  }

  private mutating func writeSMMU(_ offset: UInt64, _ value: UInt64, width: Int) {
    smmu.writeRegister(offset, value, width: width, memory: memory)
  }

  private mutating func writeITS(_ offset: UInt64, _ value: UInt64, width: Int) {
    var nobody = NoITSObserver()
    its.writeRegister(
      offset, value, width: width, memory: memory, redistributors: &redistributors,
      observer: &nobody)
  }

  private mutating func writeRedistributor(_ offset: UInt64, _ value: UInt64, _ cpu: Int) {
    redistributors.writeRegister(offset, value, width: 8, at: cpu, memory: memory)
  }
}
