import ArmFormats
import Bits
import GIC
import Memory

/// An ITS with its redistributors and memory, set up as a driver does it.
struct Machine: ~Copyable {
  static let commandQueue: UInt64 = 0x4128_0000
  static let configuration: UInt64 = 0x4100_0000
  static let pending: UInt64 = 0x4800_0000
  static let deviceTable: UInt64 = 0x4120_0000
  static let collectionTable: UInt64 = 0x4124_0000
  static let virtualPETable: UInt64 = 0x4126_0000

  let memory: PhysicalMemory
  var its: ITS
  var redistributors: Redistributors
  var writeOffset: UInt64 = 0

  init(
    profile: ITSProfile, personality: ITSPersonality = .architectureSkippingErrors,
    redistributors: RedistributorProfile, enable: Bool = true
  ) throws {
    memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x4000_0000)])
    its = ITS(profile: profile, personality: personality)
    self.redistributors = Redistributors(profile: redistributors)
    if enable { self.enable() }
  }

  /// Four PEs and an ITS of the architecture.
  init(cpus: Int = 4, version: GICVersion = .v3) throws {
    try self.init(
      profile: ITSProfile(version: version),
      redistributors: RedistributorProfile(count: cpus, version: version))
  }

  mutating func enable() {
    for cpu in 0..<redistributors.count { enableLPIs(cpu) }
    write(0x100, 1 << 63 | 1 << 56 | 7 << 48 | Self.deviceTable | 2 << 8 | 3)
    write(0x108, 1 << 63 | 4 << 56 | 7 << 48 | Self.collectionTable | 2 << 8)
    if its.profile.version >= .v4 {
      write(0x110, 1 << 63 | 2 << 56 | Self.virtualPETable | 2 << 8)
    }
    write(0x80, 1 << 63 | Self.commandQueue | 15)
    write(0x0, 1, width: 4)
  }

  mutating func enableLPIs(_ cpu: Int) {
    writeRedistributor(0x70, Self.configuration | 15, at: cpu)
    writeRedistributor(0x78, Self.pending + 0x1_0000 * UInt64(cpu), at: cpu)
    writeRedistributor(0x0, 1, at: cpu, width: 4)
  }

  mutating func write(_ offset: UInt64, _ value: UInt64, width: Int = 8) {
    var none = NoITSObserver()
    its.writeRegister(
      offset, value, width: width, memory: memory, redistributors: &redistributors,
      observer: &none)
  }

  mutating func read(_ offset: UInt64, width: Int = 8) -> UInt64 {
    its.readRegister(offset, width: width)
  }

  mutating func writeRedistributor(
    _ offset: UInt64, _ value: UInt64, at cpu: Int, width: Int = 8
  ) {
    redistributors.writeRegister(offset, value, width: width, at: cpu, memory: memory)
  }

  /// Puts commands on the queue and rings for them.
  mutating func run(_ commands: [ITSCommand]) {
    for command in commands {
      memory.store(command, at: PA(Self.commandQueue + writeOffset))
      writeOffset = (writeOffset + 32) % 0x1_0000
    }
    write(0x88, writeOffset)
  }

  /// Commands as literal words, DW3 zero.
  mutating func run(words: [(UInt64, UInt64, UInt64)]) {
    run(words.map { ITSCommand($0.0, $0.1, $0.2, 0) })
  }

  mutating func message(_ deviceID: UInt32, _ eventID: UInt32) -> MessageOutcome {
    var none = NoITSObserver()
    return its.receiveMessage(
      deviceID: deviceID, eventID: eventID, memory: memory, redistributors: &redistributors,
      observer: &none)
  }

  /// The error of the only command that is run, and whether the queue went on.
  mutating func error(of command: ITSCommand) -> ITSCommandError? {
    var log = ITSLog()
    memory.store(command, at: PA(Self.commandQueue + writeOffset))
    writeOffset = (writeOffset + 32) % 0x1_0000
    its.writeRegister(
      0x88, writeOffset, width: 8, memory: memory, redistributors: &redistributors,
      observer: &log)
    return log.commands.last?.error
  }

  func configure(_ intid: UInt32, _ byte: UInt8 = 0xa3) {
    memory.store8(PA(Self.configuration + UInt64(intid) - 8192), byte)
  }

  func pendingLPIs(_ cpu: Int) -> [UInt32] {
    redistributors.pendingLPIs(at: cpu, memory: memory)
  }

  /// What every PE acknowledges until it has nothing left, as lists of INTIDs.
  mutating func acknowledgeAll() -> [[UInt32]] {
    var taken = [[UInt32]](repeating: [], count: redistributors.count)
    for cpu in 0..<redistributors.count {
      while let best = redistributors.highestPendingLPI(at: cpu, memory: memory) {
        redistributors.acknowledgeLPI(best.intid, at: cpu, memory: memory)
        taken[cpu].append(best.intid)
      }
    }
    return taken
  }
}
