internal import Bits
internal import Files
internal import Firmware
internal import Guest
internal import Linux
internal import Software

/// The guest's model in the situation of a recorded kernel: the same release, CPUs, page size, device
/// and driver, which then goes through the same steps.
struct GuestReplica {
  /// Where the blocks stand for the model; recorded accesses name block and offset.
  enum Map {
    static let its: UInt64 = 0x808_0000
    static let redistributors: UInt64 = 0x80a_0000
    static let smmu: UInt64 = 0x4_0905_0000
    static let table: UInt64 = 0x5_0000_0000
  }

  private static let function = 0
  private static let bridge = 1

  private var guest: GuestKernel
  private let situation: AccessVector.Situation
  private let kernel: Kernel
  private let driver: DeviceDriver?
  /// The steps that the recorded machine went through, in order.
  private let steps: [String]
  private let vectors: Int
  private let layout: FunctionLayout
  private var isAttached = false
  private var isOpen = false

  /// - Returns: `nil` for a kernel that no model knows.
  init?(_ vector: AccessVector, _ layout: FunctionLayout, steps: [String]) throws(Refusal) {
    situation = vector.situation
    guard let release = Release(situation.kernel), Kernel(release).isKnown,
      let pageSize = [PageSize.kib4, .kib16, .kib64].first(where: {
        1 << $0.shift == vector.situation.pageSize
      })
    else { return nil }
    kernel = Kernel(release)
    self.layout = layout
    self.steps = steps
    driver = Self.driver(of: situation, steps)
    let isPlain = situation.tableSize == 0
    let size = isPlain ? layout.messageVectors : situation.tableSize
    let queues = driver == .nvme ? min(size, situation.cpus + 1) : size
    vectors = situation.vectors > 0 ? min(situation.vectors, size) : queues
    var function = GuestKernel.Device(
      requesterID: 0x8, vectors: size, msixTable: IPA(Map.table),
      msixCapability: layout.msixCapability, store: isPlain ? .msi : .msiX,
      msiCapability: layout.msiCapability)
    function.powerCapability = layout.powerCapability
    function.decodes = layout.decodes
    function.isExpress = layout.isExpress
    let bridge = GuestKernel.Device(
      requesterID: 0, vectors: 1, msixTable: IPA(Map.table + 0x10_0000), msixCapability: 0x70)
    let firmware = GuestFirmware(
      itsBase: IPA(Map.its), redistributors: IPA(Map.redistributors),
      smmus: situation.hasSMMU
        ? [.init(base: IPA(Map.smmu), requesterIDs: [0...0xffff])] : [],
      reserved: [], preservesBootConfiguration: false)
    guest = try GuestKernel(
      kernel: kernel, firmware: firmware, devices: [function, bridge], cpus: situation.cpus,
      pageSize: pageSize, queues: .init(pageShift: pageSize.shift),
      invalidatesByRedistributor: situation.isUnderKVM,
      virtualLPIs: situation.machine.contains("gic-version=4") ? .v4 : nil,
      frames: BumpFrames(base: 0x4000_0000, size: 0x4000_0000),
      tableFrames: PlacedFrames([:], rest: BumpFrames(base: 0x1_0000_0000, size: 0x1_0000_0000)),
      contextTable: nil)
  }

  private static func driver(
    of situation: AccessVector.Situation, _ steps: [String]
  ) -> DeviceDriver? {
    if let named = DeviceDriver.allCases.first(where: { steps.contains("modprobe \($0.rawValue)") })
    {
      return named
    }
    return situation.deviceDriver
  }

  // MARK: Steps

  /// What the model does in a step of the recorded machine.
  ///
  /// - Parameter recorded: the accesses of that step, for what only the workload decides: how many
  ///   ranges are unmapped at a time, how many events come.
  /// - Returns: `nil` for a step that no model knows.
  mutating func perform(
    _ name: String, _ recorded: [NormalizedAccess]
  ) throws(Refusal) -> [Step<Never>]? {
    let words = name.prefix { $0 != "#" }.split(separator: " ").map(String.init)
    guard let steps = try perform(words, recorded) else { return nil }
    return try steps + workload(recorded)
  }

  private mutating func perform(
    _ words: [String], _ recorded: [NormalizedAccess]
  ) throws(Refusal) -> [Step<Never>]? {
    guard let verb = words.first else { return nil }
    switch verb {
    // What the guest of a recorded host does.
    case "guest:": return try serveGuest(words.dropFirst().first ?? "", recorded)
    case "boot": return try boot(hasVectors: recorded.hasVectors)
    case "modprobe": return try load(words.last ?? "")
    case "bind": return try bind()
    case "unbind": return try remove() + guest.releaseEvents(of: Self.function)
    case "vfio-unbind": return guest.releaseEvents(of: Self.function)
    case "up": return try open()
    case "down": return try close()
    case "io", "firmware", "actions-done": return []
    // A recorded guest's programs load and rebind the driver without a word.
    case "init": return recorded.hasVectors ? try bind() : []
    case "actions":
      return recorded.hasVectors
        ? try remove() + guest.releaseEvents(of: Self.function) + bind() : []
    case "affinity":
      guard let cpu = number(words, "to=") else { return nil }
      return try guest.perform(.activity(.setAffinity(vector: 0, cpu: cpu)))
    case "reset" where driver == .nvme:
      return try remove() + bind()
    // Drivers that are not told of a reset have their messages restored behind it.
    case "reset" where driver == .igb || driver == .e1000e:
      return guest.restoreMessages(of: Self.function)
    case "vfio-bind": return try attach()
    case "vfio-use": return try useByVFIO(recorded)
    default: break
    }
    if let cpu = number(words, "off=") { return guest.takeOffline(cpu) }
    if let cpu = number(words, "on=") { return try guest.bringOnline(cpu) }
    if verb.hasPrefix("type=") {
      let policy: UnmapPolicy? =
        verb == "type=identity" ? nil : verb == "type=DMA-FQ" ? .lazy : .strict
      return try guest.changeDomain(of: Self.function, to: policy)
    }
    return nil
  }

  /// What a host's kernel does for its guest. The VMM opens the function before the guest boots, and
  /// closes it after its end.
  private mutating func serveGuest(
    _ verb: String, _ recorded: [NormalizedAccess]
  ) throws(Refusal) -> [Step<Never>] {
    guard situation.hasSMMU else { return [] }
    switch (verb, situation.usesType1) {
    case ("boot", true):
      return try guest.perform(.claim(.type1), for: Self.function)
        + guest.perform(.attachUserDomain, for: Self.function) + perform([.disable, .decode])
    case ("boot", false):
      let claim = try guest.perform(.claim(.iommufd), for: Self.function).map { step in
        var step = step
        step.phase = .dmaOwner
        return step
      }
      // How often the VMM asks is its own affair.
      let questions = recorded.count {
        $0.access.phase == KernelPhase.iommufdHardwareInfo.rawValue
          && $0.access.register == "SMMU_IDR0"
      }
      return try claim
        + (0..<questions).flatMap { _ in guest.hardwareInfo(of: Self.function) }
        + perform([.disable, .decode])
    case ("end", true):
      // How the VMM's mappings lie is the workload's.
      let batches = recorded.filter {
        $0.access.isWrite && $0.access.register == "SMMU_CMDQ_PROD"
          && $0.access.phase == KernelPhase.vfioDetach.rawValue
          && $0.access.path.contains("arm_smmu_iotlb_sync")
      }
      return try letGo()
        + guest.release(
          Self.function,
          unmapped: batches.map { min(max(Int(clamping: $0.value) - 1, 0), 1 << 12) })
    case ("end", false): return try letGo() + guest.giveBack(Self.function)
    default: return []
    }
  }

  private func number(_ words: [String], _ prefix: String) -> Int? {
    words.first { $0.hasPrefix(prefix) }.flatMap { Int($0.dropFirst(prefix.count)) }
  }

  private mutating func boot(hasVectors: Bool) throws(Refusal) -> [Step<Never>] {
    var steps = try guest.perform(.boot)
    if kernel.has(.attachAtEnumeration) {
      steps += try guest.perform(.attachDMADomain, for: Self.bridge) + attach()
    }
    let isVirtio = driver == .virtioNet || driver == .virtioBlock
    if isVirtio, !self.steps.contains("modprobe virtio_pci") { steps += try bindBus() }
    steps += try perform(driver?.handOff ?? [])
    let isBuiltIn =
      driver.map { !self.steps.contains("modprobe \($0.rawValue)") } ?? false
    if isBuiltIn, hasVectors { steps += try bind() }
    return steps
  }

  private mutating func load(_ module: String) throws(Refusal) -> [Step<Never>] {
    if module == "virtio_pci" { return try bindBus() }
    return module == driver?.rawValue ? try probe() : []
  }

  private mutating func attach() throws(Refusal) -> [Step<Never>] {
    guard !isAttached else { return [] }
    isAttached = true
    return try guest.perform(.attachDMADomain, for: Self.function)
  }

  private mutating func perform(
    _ actions: [DeviceDriver.Action]
  ) throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    for action in actions { steps += try guest.perform(action, of: Self.function) }
    return steps
  }

  private mutating func probe() throws(Refusal) -> [Step<Never>] {
    guard let driver else { return [] }
    return try attach() + perform(driver.probe(vectors: vectors, in: kernel))
  }

  /// The bus' driver binds the function of a virtio device.
  private mutating func bindBus() throws(Refusal) -> [Step<Never>] {
    try attach() + perform(driver?.bus ?? [])
  }

  private mutating func bind() throws(Refusal) -> [Step<Never>] { try bindBus() + probe() }

  private mutating func open() throws(Refusal) -> [Step<Never>] {
    isOpen = true
    return try perform(driver?.open(vectors: vectors) ?? [])
  }

  private mutating func close() throws(Refusal) -> [Step<Never>] {
    isOpen = false
    return try perform(driver?.close(vectors: vectors) ?? [])
  }

  private mutating func remove() throws(Refusal) -> [Step<Never>] {
    guard let driver else { return [] }
    isOpen = false
    return try perform(driver.remove(vectors: vectors, in: kernel))
  }

  /// A program opens the function by VFIO, maps, enables all its vectors, does DMA and closes it.
  private mutating func useByVFIO(
    _ recorded: [NormalizedAccess]
  ) throws(Refusal) -> [Step<Never>] {
    var steps = questions
    if situation.hasSMMU {
      steps += try guest.perform(.claim(.type1), for: Self.function)
      steps += try guest.perform(.attachUserDomain, for: Self.function)
    }
    steps += try perform([.disable, .decode])
    guest.setCommand(of: Self.function, asReset: 6)
    let count = situation.tableSize == 0 ? 1 : situation.tableSize
    steps += try guest.enableUserVectors(count, of: Self.function)
    steps += guest.disableUserVectors(of: Self.function)
    steps += try disableByVFIO()
    if situation.hasSMMU { steps += try guest.release(Self.function, unmapped: [1]) }
    return steps
  }

  /// VFIO closes the function (`vfio_pci_core_disable`).
  private mutating func disableByVFIO() throws(Refusal) -> [Step<Never>] {
    let off = Step<Never>(
      .guest, "vfio_pci_core_disable", "INTx off", .config(offset: 4, value: 0x400, width: 2))
    return try perform([.disable]) + [off.during(.vfioClose)] + perform([.disable])
  }

  /// The same behind a guest that has stopped its DMA.
  private mutating func letGo() throws(Refusal) -> [Step<Never>] {
    guest.setCommand(of: Self.function, asReset: 2)
    return try disableByVFIO()
  }

  /// What the program asks of VFIO: about the function, then about its vectors, and for each of the
  /// two calls that set them.
  private var questions: [Step<Never>] {
    func reading(_ function: String, _ offset: UInt16, _ width: Int) -> Step<Never> {
      Step<Never>(.guest, function, "what it is", .decide)
        .reading([.configuration(offset: offset, width: width)]).during(.vfioIOCTL)
    }
    let isPlain = situation.tableSize == 0
    let capability = isPlain ? layout.msiCapability : layout.msixCapability
    let count = reading("vfio_pci_get_irq_count", capability &+ 2, 2)
    var steps: [Step<Never>] = []
    if layout.isExpress, kernel.has(.vfioReportsAtomics) {
      steps.append(
        reading("vfio_pci_info_atomic_cap", layout.expressCapability &+ 0x24, 4))
    }
    if !kernel.has(.vfioKeepsPin) { steps.append(reading("vfio_pci_get_irq_count", 0x3d, 1)) }
    return steps + [count, count, count]
  }

  /// What the workload asks of the SMMU: one batch for each time that SMMU_CMDQ_PROD moved, and the
  /// events that came. The number of commands in a batch is the workload's.
  private mutating func workload(
    _ recorded: [NormalizedAccess]
  ) throws(Refusal) -> [Step<Never>] {
    var steps: [Step<Never>] = []
    var events = 0
    for access in recorded where access.access.isWrite {
      switch (access.access.phase, access.access.register) {
      case ("dma-unmap", "SMMU_CMDQ_PROD"), ("vfio-unmap", "SMMU_CMDQ_PROD"):
        let phase: KernelPhase = access.access.phase == "dma-unmap" ? .dmaUnmap : .vfioUnmap
        let count = Int(clamping: access.value) - 1
        steps += guest.invalidate(ranges: min(max(count, 0), 1 << 12), of: Self.function)
          .during(phase)
      case ("vsmmu-invalidate", "SMMU_CMDQ_PROD"):
        steps += guest.invalidate(
          ranges: min(max(Int(clamping: access.value) - 1, 0), 1 << 12), of: Self.function
        ).during(.vsmmuInvalidate)
      case ("smmu-fault", "SMMU_EVENTQ_CONS"): events += 1
      default: break
      }
    }
    return steps + guest.takeEvents(events, of: Self.function)
  }
}

extension [NormalizedAccess] {
  /// Whether a driver asked for vectors.
  fileprivate var hasVectors: Bool {
    contains { $0.access.phase == "msix-enable" || $0.access.phase == "msi-enable" }
  }
}

extension AccessVector.Situation {
  /// The driver that binds the recorded function, by QEMU's name of the device; `nil` for a device that
  /// no model has.
  var deviceDriver: DeviceDriver? {
    let kinds: [(String, DeviceDriver)] = [
      ("nvme", .nvme), ("e1000e", .e1000e), ("igb", .igb), ("virtio-net", .virtioNet),
      ("virtio-blk", .virtioBlock), ("ich9-ahci", .ahci), ("qemu-xhci", .xhci),
    ]
    return kinds.first { device.hasPrefix($0.0) || device.hasPrefix("vfio-pci of an \($0.0)") }?.1
  }
}
