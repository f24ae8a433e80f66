import ArmFormats
import Bits
import GIC
import KVM
import Memory

/// An ITS with its redistributors and their memory, brought up as Linux does: the physical one, or
/// a guest's virtual one.
struct InterruptSide: ~Copyable {
  static let commandQueue: PA = 0x4128_0000
  static let configuration: PA = 0x4100_0000
  static let pending: PA = 0x4800_0000
  static let deviceTable: PA = 0x4120_0000
  static let collectionTable: PA = 0x4124_0000
  static let virtualPETable: PA = 0x4126_0000
  /// Addresses of a VM's virtual configuration table and of the first virtual pending table.
  static let virtualConfiguration: PA = 0x5500_0000
  static let virtualPending: PA = 0x5400_0000

  let memory: PhysicalMemory
  var its: ITS
  var redistributors: Redistributors
  private var writeOffset: UInt64 = 0

  init(
    profile: ITSProfile, personality: ITSPersonality, redistributors: RedistributorProfile
  ) throws {
    memory = try PhysicalMemory(regions: [.init(base: 0x4000_0000, size: 0x4000_0000)])
    its = ITS(profile: profile, personality: personality)
    self.redistributors = Redistributors(profile: redistributors)
    turnOn()
  }

  private mutating func turnOn() {
    for cpu in 0..<redistributors.count { enableLPIs(cpu) }
    let table: UInt64 = 1 << 63 | 2 << 8
    write(ITSRegister.tableBase, table | 1 << 56 | 7 << 48 | Self.deviceTable.rawValue | 3)
    write(ITSRegister.tableBase + 8, table | 4 << 56 | 7 << 48 | Self.collectionTable.rawValue)
    if its.profile.version >= .v4 {
      write(ITSRegister.tableBase + 16, table | 2 << 56 | Self.virtualPETable.rawValue)
    }
    write(ITSRegister.commandBase, 1 << 63 | Self.commandQueue.rawValue | 15)
    write(ITSRegister.control, 1, width: 4)
  }

  private mutating func enableLPIs(_ cpu: Int) {
    writeRedistributor(0x70, Self.configuration.rawValue | 15, at: cpu)
    writeRedistributor(0x78, Self.pending.rawValue + 0x1_0000 * UInt64(cpu), at: cpu)
    writeRedistributor(0x0, 1, at: cpu, width: 4)
    guard its.profile.version >= .v4 else { return }
    let properties =
      its.profile.version == .v4Point1
      ? 1 << 63 | 2 << 53 | Self.virtualPETable.rawValue : Self.virtualConfiguration.rawValue | 15
    writeRedistributor(0x2_0070, properties, at: cpu)
  }

  mutating func write(_ offset: UInt64, _ value: UInt64, width: Int = 8) {
    var none = NoITSObserver()
    its.writeRegister(
      offset, value, width: width, memory: memory, redistributors: &redistributors, observer: &none)
  }

  mutating func writeRedistributor(
    _ offset: UInt64, _ value: UInt64, at cpu: Int, width: Int = 8
  ) {
    guard cpu < redistributors.count else { return }
    redistributors.writeRegister(offset, value, width: width, at: cpu, memory: memory)
  }

  /// Puts commands into the queue and moves CWRITER; what became of each.
  mutating func run(_ commands: [ITSCommand]) -> [ITSCommandReport] {
    for command in commands {
      memory.store(command, at: Self.commandQueue + writeOffset)
      writeOffset = (writeOffset + 32) % 0x1_0000
    }
    var log = ITSLog()
    its.writeRegister(
      ITSRegister.commandWrite, writeOffset, width: 8, memory: memory,
      redistributors: &redistributors, observer: &log)
    return log.commands
  }

  mutating func message(_ deviceID: UInt32, _ eventID: UInt32) -> MessageOutcome {
    var none = NoITSObserver()
    return its.receiveMessage(
      deviceID: deviceID, eventID: eventID, memory: memory, redistributors: &redistributors,
      observer: &none)
  }

  /// KVM_SIGNAL_MSI at a guest's ITS that stands at `base`.
  mutating func inject(
    _ doorbell: IPA, base: IPA, device: UInt32?, event: UInt32
  ) -> InjectionResult {
    var none = NoITSObserver()
    return its.inject(
      address: doorbell, base: base, deviceID: device, eventID: event, memory: memory,
      redistributors: &redistributors, observer: &none)
  }

  /// Hands a guest's event to the hardware (`kvm_vgic_v4_set_forwarding`).
  mutating func setForwarding(
    _ doorbell: IPA, base: IPA, device: UInt32, event: UInt32, to host: HostEvent
  ) -> ForwardedInterrupt? {
    its.setForwarding(
      address: doorbell, base: base, deviceID: device, eventID: event, to: host,
      redistributors: &redistributors, memory: memory)
  }

  /// Writes the property byte of an LPI; it counts after INV or INVALL.
  func configure(_ lpi: UInt32, enabled: Bool, at table: PA = Self.configuration) {
    memory.store8(table + UInt64(lpi &- INTID.firstLPI), enabled ? 0xa3 : 0xa2)
  }

  /// Acknowledges the pending LPIs of a PE until it has none left, and returns their INTIDs.
  mutating func acknowledge(_ cpu: Int) -> [UInt32] {
    var taken: [UInt32] = []
    guard cpu < redistributors.count else { return [] }
    while let best = redistributors.highestPendingLPI(at: cpu, memory: memory) {
      redistributors.acknowledgeLPI(best.intid, at: cpu, memory: memory)
      taken.append(best.intid)
    }
    return taken
  }

  /// The vPE comes to a CPU, or leaves it; a leaving one may ask for a doorbell.
  mutating func setResident(_ virtualPE: UInt16?, at cpu: Int, doorbell: Bool) {
    guard let virtualPE else {
      return writeRedistributor(0x2_0078, doorbell ? 1 << 62 : 0, at: cpu)
    }
    let value: UInt64 =
      its.profile.version == .v4Point1
      ? 1 << 63 | 3 << 58 | UInt64(virtualPE)
      : 1 << 63 | 1 << 62 | (Self.virtualPending + UInt64(virtualPE) << 16).rawValue
    writeRedistributor(0x2_0078, value, at: cpu)
  }

  /// Acknowledges the interrupts at a CPU's virtual CPU interface, and returns their INTIDs.
  mutating func acknowledgeVirtual(_ cpu: Int) -> [UInt32] {
    guard cpu < redistributors.count else { return [] }
    var interface = VirtualCPUInterface(cpu: cpu)
    var taken: [UInt32] = []
    while taken.count < 1000 {
      let intid = interface.acknowledge(redistributors: &redistributors, memory: memory)
      guard intid != INTID.spurious else { break }
      taken.append(intid)
      interface.endOfInterrupt(intid)
    }
    return taken
  }
}
