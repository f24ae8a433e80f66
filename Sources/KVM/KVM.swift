public import ArmFormats
public import Bits
public import GIC
public import HostKernel
public import Linux
public import Memory
public import Software

/// KVM's part of one VM (`struct kvm`): its virtual CPUs, its virtual interrupt controllers
/// (`arch/arm64/kvm/vgic`), and what the hardware injects for it (`vgic-v4.c`).
///
/// It decides and acts on the models of the VM's controllers; what has to happen to the physical
/// machine comes back as steps of the host's drivers.
public struct KVM: ~Copyable {
  /// A virtual CPU (`struct kvm_vcpu`).
  public struct VirtualCPU: Sendable {
    /// Whether it waits for an interrupt without a physical CPU (`kvm_vcpu_block`).
    public internal(set) var isBlocked = false
    /// Whether its doorbell is on the way to the host.
    public internal(set) var isDoorbellPending = false

    public init() {}
  }

  public let vm: VMIndex
  /// The guest's RAM at its IPAs.
  public let memory: PhysicalMemory
  /// The base of the virtual ITS.
  public let itsBase: IPA
  /// The doorbell of the guest's MSI controller.
  public let doorbell: IPA
  public var its: ITS
  public var redistributors: Redistributors
  /// The guest's SPIs, where a GICv2m frame makes them.
  public var distributor: Distributor
  public var cpus: [VirtualCPU]
  /// All routes of the VM, as KVM counts them.
  public var routes = RoutingTable()
  /// The vPEs with their tables and doorbells; `nil` without GICv4.
  public internal(set) var virtualPEs: ITSVirtualMachine?
  /// The events that the hardware injects, with the virtual LPI and the virtual CPU of each.
  var forwarded: [HostEvent: ForwardedLPI] = [:]
  /// For each ITS of the host, how many of its events are virtual LPIs (`vlpi_count`).
  var forwardedCounts: [Int: Int] = [:]
  /// The number of moves of vPEs (`vmovp_seq_num`).
  var moves: UInt16 = 0
  /// The interrupt controllers' version as far as virtual LPIs go.
  let delivery: InterruptDelivery

  /// - Parameters:
  ///   - cpus: 1 to 512 (`VGIC_V3_MAX_CPUS`).
  ///   - redistributors: the base of the first redistributor, in the guest's memory map.
  public init(
    _ vm: VMIndex, cpus: Int, itsBase: IPA, doorbell: IPA, redistributors: IPA,
    delivery: InterruptDelivery, memory: PhysicalMemory
  ) {
    self.vm = vm
    self.memory = memory
    self.itsBase = itsBase
    self.doorbell = doorbell
    self.delivery = delivery
    its = ITS(profile: .kvm(), personality: .kvm)
    self.redistributors = Redistributors(
      profile: .kvm(count: cpus, base: PA(redistributors.rawValue)))
    distributor = Distributor(spiCount: 256, cpuCount: min(cpus, Self.distributorCPUs))
    self.cpus = Array(repeating: VirtualCPU(), count: cpus)
  }

  /// SPIs go to the first virtual CPU alone, and the distributor banks nothing that a run uses.
  private static let distributorCPUs = 1

  /// Whether KVM hands interrupts to the hardware where it can.
  public var bypassesHost: Bool { delivery.virtualLPIs != nil }

  // MARK: Registers

  /// The guest writes a register of its ITS; the commands are carried out before it goes on.
  ///
  /// - Returns: the commands that were carried out.
  public mutating func writeITS(
    _ value: UInt64, at offset: UInt64, width: Int
  ) -> [ITSCommand] {
    var log = ITSLog()
    its.writeRegister(
      offset, value, width: width, memory: memory, redistributors: &redistributors,
      observer: &log)
    return log.commands.filter { $0.error == nil }.map(\.command)
  }

  /// The guest writes a register of a redistributor; `GICR_INVLPIR` and `GICR_INVALLR` change what
  /// the hardware injects, too.
  public mutating func writeRedistributor(
    of cpu: VCPUIndex, _ value: UInt64, at offset: UInt64, width: Int
  ) {
    redistributors.writeRegister(
      offset, value, width: width, at: cpu.rawValue, memory: memory)
    guard bypassesHost,
      offset == RedistributorRegister.invalidateLPI
        || offset == RedistributorRegister.invalidateAll
    else { return }
    let isOne = offset == RedistributorRegister.invalidateLPI
    its.invalidateForwarded(
      isOne ? UInt32(truncatingIfNeeded: value) : nil, at: UInt16(truncatingIfNeeded: cpu.rawValue),
      memory: memory, redistributors: &redistributors)
  }

  // MARK: Saved tables

  /// `KVM_DEV_ARM_ITS_SAVE_TABLES`.
  ///
  /// - Throws: `SavedTableError`.
  public mutating func saveTables() throws(SavedTableError) {
    try its.saveTables(memory: memory)
  }

  /// `KVM_DEV_ARM_ITS_RESTORE_TABLES`.
  ///
  /// - Throws: `SavedTableError`; then the ITS holds nothing.
  public mutating func restoreTables() throws(SavedTableError) {
    try its.restoreTables(memory: memory, redistributors: redistributors)
  }

  // MARK: Injection

  /// Outcome of a route's message.
  public enum Injection: Equatable, Sendable {
    /// No virtual ITS has that doorbell: -EINVAL.
    case noITS
    /// The hardware injects the interrupt: KVM has the ITS set it pending.
    case forwarded(HostEvent)
    /// The outcome of the virtual ITS.
    case message(MessageOutcome)
    /// The guest's distributor has no such SPI.
    case noSPI(UInt32)
    /// An SPI is pending now.
    case spi(UInt32, wasPending: Bool, isDue: Bool)
  }

  /// Injects along a route: an SPI (`kvm_vgic_inject_irq`), or a message to the virtual ITS
  /// (`vgic_its_inject_msi`, `vgic_its_trigger_msi`).
  public mutating func inject(
    _ route: InjectionRoute, observer: inout some ITSObserver
  ) -> Injection {
    if let spi = route.spi { return injectSPI(spi) }
    guard route.doorbell == doorbell else { return .noITS }
    if bypassesHost,
      let physical = its.forwarding(deviceID: route.deviceID, eventID: route.eventID)
    {
      return .forwarded(physical)
    }
    return .message(
      its.receiveMessage(
        deviceID: route.deviceID, eventID: route.eventID, memory: memory,
        redistributors: &redistributors, observer: &observer))
  }

  private mutating func injectSPI(_ spi: UInt32) -> Injection {
    guard distributor.holds(spi) else { return .noSPI(spi) }
    let wasPending = distributor.isPending(spi)
    distributor.setPending(spi)
    return .spi(spi, wasPending: wasPending, isDue: distributor.isDue(spi))
  }

  /// Whether an interrupt that software injected is signalled to its virtual CPU.
  public mutating func isDue(_ intid: UInt32, at cpu: VCPUIndex) -> Bool {
    intid < INTID.firstLPI
      ? distributor.isDue(intid)
      : redistributors.isDue(intid, at: cpu.rawValue, memory: memory)
  }

  /// Whether an LPI that software injected is pending at a virtual CPU.
  public func isPending(_ lpi: UInt32, at cpu: VCPUIndex) -> Bool {
    redistributors.isPending(lpi, at: cpu.rawValue, memory: memory)
  }

  /// The virtual CPU at which an LPI is pending; `nil` for none.
  public func cpuWithPending(_ lpi: UInt32) -> VCPUIndex? {
    cpus.indices.first { isPending(lpi, at: VCPUIndex($0)) }.map { VCPUIndex($0) }
  }

  /// The guest acknowledges an interrupt that software injected.
  public mutating func acknowledge(_ intid: UInt32, at cpu: VCPUIndex) {
    if intid < INTID.firstLPI {
      distributor.acknowledge(intid)
    } else {
      redistributors.acknowledgeLPI(intid, at: cpu.rawValue, memory: memory)
    }
  }

  // MARK: Blocking

  /// A virtual CPU waits for an interrupt, and its physical CPU is taken away (`kvm_vcpu_wfi`,
  /// `kvm_vcpu_halt`).
  public mutating func block(_ cpu: VCPUIndex, host: inout HostKernel) -> [Step<Never>] {
    cpus[cpu.rawValue].isBlocked = true
    return put(cpu, host: &host)
  }

  /// A virtual CPU runs on its physical one again; nothing for one that is not blocked.
  public mutating func unblock(_ cpu: VCPUIndex, host: inout HostKernel) -> [Step<Never>] {
    guard cpus[cpu.rawValue].isBlocked else { return [] }
    cpus[cpu.rawValue].isBlocked = false
    return load(cpu, host: &host)
  }

  /// Whether a virtual CPU waits for an interrupt without a physical one.
  @inlinable @inline(__always)
  public func isBlocked(_ cpu: VCPUIndex) -> Bool { cpus[cpu.rawValue].isBlocked }
}
