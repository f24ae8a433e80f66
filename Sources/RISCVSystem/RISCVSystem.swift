internal import ArmFormats
internal import Bits
package import Designs
internal import Guest
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Platforms
internal import RISCV
internal import RISCVFormats
internal import Simulation
internal import Software
internal import Timing

/// A RISC-V host with VMs, as far as the MSIs of their assigned devices need them: the hardware, and
/// Linux with KVM's AIA, VFIO and the IOMMU's driver, step by step.
///
/// It tells what a run tells, but for times: nothing is published of what they cost.
package struct RISCVSystem: ~Copyable {
  /// A vector of an assigned device.
  struct Vector {
    /// The message that the guest wrote, in the VMM's copy of the table.
    var address: UInt64 = 0
    var data: UInt32 = 0
    var isMasked = true
    /// The host's interrupt: an identity of a hart's own file.
    var hart = 0
    var hostIdentity: UInt32 = 0
    /// `vfio_msihandler` signals its eventfd, which injects `data`.
    var isRouted = false
    /// The device writes the guest's message.
    var isBypassed = false
  }

  struct Device {
    var function: PCIFunction
    var vm: Int
    var vectors: [Vector]
  }

  /// A VM with one virtual hart.
  struct VM {
    /// The guest interrupt file that stands for its IMSIC.
    var hart = 0
    var file = 0
    var isBlocked = false
    /// What `hgatp` points to: the CPUs' view of its memory.
    var table: RISCVPageTable
    /// What the devices' contexts point to.
    var domain: RISCVPageTable
    var messageTable: PA
    /// The guest's interrupt files are those that the message table's geometry recognises.
    var ownsGeometry = false
    /// The next identity of the guest's.
    var nextIdentity = RISCVMap.firstIdentity
  }

  /// An MSI on its way.
  struct Flight {
    let device: Int
    let vector: Int
    /// What the guest's handler is bound to.
    let identity: UInt32
    var verdict: Verdict?
    var reason = ""
  }

  let specification: RunSpecification
  let answer: RISCVAnswer
  let memory: PhysicalMemory
  var platform: RISCVPlatform
  private let executor: Executor
  var devices: [Device] = []
  var vms: [VM] = []
  var flights: [Flight] = []
  private var freePage: PA
  private var commandTail: UInt64 = 0
  private(set) var commandQueue: PA = 0
  /// The root of the device directory table.
  var directoryRoot: PA = 0
  /// The next identity of hart 0's own file that is free.
  var nextHostIdentity = RISCVMap.firstIdentity

  var steps: [RunResult.PerformedStep] = []
  var exits = RunResult.Exits()
  var stops: [Journey.Stop] = []
  /// The flight whose journey is wanted.
  var traced: Int?
  var stepsBeforeMessage: Int?
  private var interposed: Interposition?
  var now = SimulatedTime.zero
  /// Refusals of set-up end it.
  var refusal: Refusal?
  /// Identities that the host took without a request for it.
  var strayInterrupts: [UInt32] = []
  /// What the guests' handlers took, in order.
  var takenByGuests: [(vm: Int, identity: UInt32)] = []

  /// - Throws: where no software does what the design says, or the models cannot follow.
  package init(_ specification: RunSpecification) throws(RunFailure) {
    let answer = try RISCVAnswer(specification)
    guard specification.workload.device.store == .msiX else {
      throw RunFailure("on RISC-V the models have devices with an MSI-X table alone")
    }
    self.init(specification, answer, try Self.newMemory())
  }

  private static func newMemory() throws(RunFailure) -> PhysicalMemory {
    do {
      return try PhysicalMemory(regions: [
        .init(base: RISCVMap.hostRAM, size: RISCVMap.hostRAMSize),
        .init(base: RISCVMap.ram(ofVM: 0), size: 2 * RISCVMap.guestRAMSize),
      ])
    } catch {
      throw RunFailure("memory cannot be set up: \(error)")
    }
  }

  private init(
    _ specification: RunSpecification, _ answer: RISCVAnswer, _ memory: PhysicalMemory
  ) {
    self.specification = specification
    self.answer = answer
    self.memory = memory
    interposed = specification.interposed
    executor = Executor(memory: memory)
    freePage = RISCVMap.hostRAM
    let files = IMSICs(
      base: RISCVMap.interruptFiles, hartCount: RISCVMap.harts, guestFiles: RISCVMap.guestFiles,
      identities: RISCVMap.identities)
    var profile = RISCVIOMMUProfile.full
    profile.interruptFiles = files.range
    let isWatched = specification.journeyOf != nil || specification.interposed != nil
    platform = RISCVPlatform(
      memory: memory, iommu: RISCVIOMMU(profile: profile, caches: isWatched ? .none : .default),
      files: files)
  }

  // MARK: Memory

  /// Zeroed pages of the host's, aligned to their number.
  mutating func allocate(pages: UInt64 = 1) -> PA {
    let size = pages << 12
    let place = PA((freePage.rawValue + size - 1) & ~(size - 1))
    freePage = place + size
    return place
  }

  // MARK: Steps

  /// A register of an interrupt file, which its hart reaches by `siselect` or `vsiselect`.
  struct FileChange: Sendable {
    let hart: Int
    let guest: Int
    let register: UInt64
    let value: UInt64
  }

  /// Carries a step out.
  mutating func perform(
    _ agent: Agent, _ function: String, _ text: String, _ action: Action<FileChange> = .decide,
    device: Int? = nil, payload: Payload? = nil
  ) {
    perform(Step(agent, function, text, action), device: device, payload: payload)
  }

  mutating func perform(
    _ step: Step<FileChange>, device: Int? = nil, payload: Payload? = nil
  ) {
    sendInterposed()
    var performed = RunResult.PerformedStep(
      time: now, agent: step.agent, function: step.function, text: step.text, belief: step.belief)
    performed.payload = payload ?? step.payload
    performed.refusal = step.refusal
    performed.device = device ?? step.device
    steps.append(performed)
    guard let access = executor.execute(step.action) else { return settle() }
    switch access {
    case .call(let change):
      platform.files.withFile(hart: change.hart, guest: change.guest) {
        _ = $0.writeRegister(change.register, change.value)
      }
    case .register(let address, let value, let width): write(address, value, width)
    case .configuration(let offset, let value, let width):
      guard let device, devices.indices.contains(device) else { break }
      emit(devices[device].function.writeConfig(Int(offset), value, width: width), of: device)
    }
    settle()
  }

  /// A write of the host's to the bus.
  private mutating func write(_ address: PA, _ value: UInt64, _ width: Int) {
    let offset = address.rawValue &- RISCVMap.iommu.rawValue
    if offset < 4096 {
      platform.iommu.writeRegister(offset, value, width: width, memory: memory)
      platform.deliverOwnMessages()
    } else if platform.files.file(at: address) != nil {
      platform.files.write(UInt32(truncatingIfNeeded: value), at: address)
    } else {
      for index in devices.indices {
        let offset = address.rawValue &- RISCVMap.bar(ofDevice: index).rawValue
        guard offset < RISCVMap.barSize else { continue }
        emit(devices[index].function.writeTable(offset, value, width: width), of: index)
      }
    }
  }

  /// Queues commands with an IOFENCE.C behind them, and moves the tail.
  mutating func queue(_ commands: [IOMMUCommand], by function: String, _ text: String) {
    var fence = IOMMUCommand()
    fence[.opcode] = .iofence
    fence[.ordersReads] = true
    fence[.ordersWrites] = true
    var words: [MemoryWrite] = []
    for command in commands + [fence] {
      let place = commandQueue + 16 * (commandTail & lowBits(Self.queueBits))
      words += [MemoryWrite(place, command[word: 0]), MemoryWrite(place + 8, command[word: 1])]
      commandTail += 1
    }
    perform(.host, function, "\(text); IOFENCE.C", .write(words))
    perform(
      .host, "riscv_iommu_cmd_sync", "cqt = \(commandTail & lowBits(Self.queueBits))",
      .mmio(
        RISCVMap.iommu + IOMMURegister.cqt, commandTail & lowBits(Self.queueBits), width: 4))
  }

  static let queueBits: UInt64 = 8
  mutating func setCommandQueue(_ place: PA) { commandQueue = place }

  // MARK: Messages of the workload

  /// One more MSI, between two steps.
  mutating func sendInterposed() {
    guard let wanted = interposed, steps.count >= wanted.steps, !devices.isEmpty else { return }
    interposed = nil
    signal(wanted.vector, of: 0, isTraced: true)
  }

  /// Runs the whole.
  package consuming func run() -> RunResult {
    bootHost()
    addVM()
    let count = specification.topology.devices
    for index in 0..<count { assign(index, toVM: 0) }
    if refusal == nil {
      for index in 0..<count where refusal == nil { drive(index) }
    }
    sendInterposed()
    stepsBeforeMessage = specification.journeyOf == nil ? nil : steps.count
    if refusal == nil { work() }
    sendInterposed()
    return result()
  }

  private mutating func work() {
    var sent = Array(repeating: 0, count: devices.count)
    let start = now
    for entry in specification.workload.entries {
      now = start + .nanoseconds(entry.nanoseconds)
      switch entry.activity {
      case .message(let vector):
        for device in devices.indices where devices[device].vm == 0 {
          let isTraced =
            specification.interposed == nil && specification.journeyDevice == device
            && specification.journeyOf == sent[device]
          sent[device] += 1
          signal(vector, of: device, isTraced: isTraced)
        }
      case .migrate(_, let hart): moveVirtualHart(of: 0, to: hart % RISCVMap.harts)
      case .unbind: for device in devices.indices { unbind(device) }
      // Without an IOMMU of its own, the guest's DMA API and its device use guest addresses; what
      // names an ITS is a recording's of an Arm guest.
      case .map, .unmap, .dma, .itsCommands, .lpiConfiguration, .redistributorWrite, .msixWrite,
        .msixControl, .setAffinity, .takeOffline:
        continue
      }
    }
  }
}
