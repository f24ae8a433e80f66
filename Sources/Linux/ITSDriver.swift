public import ArmFormats
public import Bits
public import Software

/// Linux's GICv3 ITS driver (`drivers/irqchip/irq-gic-v3-its.c`) on one ITS, as the flows that
/// act on it: tables, command queue, device and event mappings.
public struct ITSDriver: Sendable {
  /// Addresses of the driver's tables.
  public struct Layout: Equatable, Sendable {
    public var commandQueue: PA
    public var deviceTable: PA
    public var collectionTable: PA
    public var propertyTable: PA
    /// One per CPU.
    public var pendingTables: [PA]
    /// The table of vPEs; `nil` without virtual LPIs.
    public var virtualPETable: PA?
    /// Its second level, with 8192 entries of 8 bytes; `nil` for a flat table.
    public var virtualPELeaf: PA?

    /// All of them from one allocator.
    ///
    /// - Parameters:
    ///   - other: the layout of another ITS of the same kernel: the tables of LPIs are those of
    ///     all, and with GICv4.1 that of vPEs (`find_sibling_its`).
    ///   - devices: the shape of the device table.
    /// - Returns: `nil` when memory is exhausted.
    public init?(
      cpus: Int, sharing other: Self? = nil, virtualLPIs: VirtualLPISupport? = nil,
      devices shape: DeviceTable = DeviceTable(), frames: inout some FrameAllocator
    ) {
      guard let queue = frames.allocate(size: 0x1_0000),
        let devices = frames.allocate(size: shape.byteCount),
        let collections = frames.allocate(size: 0x1_0000),
        let properties = other?.propertyTable ?? frames.allocate(size: 0x1_0000)
      else { return nil }
      commandQueue = queue
      deviceTable = devices
      collectionTable = collections
      propertyTable = properties
      pendingTables = other?.pendingTables ?? []
      for _ in pendingTables.count..<max(cpus, pendingTables.count) {
        guard let table = frames.allocate(size: 0x1_0000) else { return nil }
        pendingTables.append(table)
      }
      guard virtualLPIs != nil else { return }
      let shared = virtualLPIs == .v4Point1 ? other?.virtualPETable : nil
      guard let virtualPEs = shared ?? frames.allocate(size: 0x1_0000) else { return nil }
      virtualPETable = virtualPEs
      // Entries of GICv4.1 are larger, and its redistributors read the table, too: that one is flat.
      guard virtualLPIs == .v4 else { return }
      guard let leaf = frames.allocate(size: 0x1_0000) else { return nil }
      virtualPELeaf = leaf
    }
  }

  /// The shape of the device table, as the ITS's registers have it.
  public struct DeviceTable: Equatable, Sendable {
    /// DeviceID bits (`GITS_TYPER.Devbits`), 16 to 26: as many as two levels of 64 KiB hold.
    public let bits: UInt64
    /// Whether the ITS takes tables of two levels (`GITS_BASERn.Indirect`); the driver uses them
    /// where one page does not do (`its_parse_indirect_baser`).
    public let isTwoLevel: Bool

    /// The bits of the largest flat table: the kernel allocates no more than 4 MiB in one piece, and
    /// reduces the DeviceIDs to those (`MAX_PAGE_ORDER`, `its_parse_indirect_baser`).
    public static let flatBits: UInt64 = 19
    public static let allowedBits: ClosedRange<UInt64> = 16...26

    public init(bits: UInt64 = 16, isTwoLevel: Bool = true) {
      let allowed = Self.allowedBits
      let clamped = min(max(bits, allowed.lowerBound), allowed.upperBound)
      self.bits = isTwoLevel ? clamped : min(clamped, Self.flatBits)
      self.isTwoLevel = isTwoLevel
    }

    /// One more than the last DeviceID that it has room for.
    public var count: UInt32 { UInt32(1) << UInt32(bits) }
    /// The bytes of the flat table, or of the first level: a page of 64 KiB for that.
    var byteCount: UInt64 { isTwoLevel ? 0x1_0000 : 8 << bits }
  }

  /// The number of INTID bits that the driver asks for (`ITS_MAX_LPI_NRBITS`).
  static let interruptBits: UInt8 = 16

  public let agent: Agent
  private let kernel: Kernel
  /// The control frame's base.
  public let base: PA
  /// Redistributor 0's base; the next is `redistributorStride` further.
  public let redistributors: PA
  public let redistributorStride: UInt64
  /// The first CPU whose redistributor stands in a second region, and that region's base.
  public var furtherRedistributors: (first: Int, base: PA)?
  public let layout: Layout
  /// `nil` for controllers without virtual LPIs.
  public let virtualLPIs: VirtualLPISupport?
  /// Its number in the ITS list; `nil` where VMOVP on one ITS moves a vPE on all of them
  /// (`GITS_TYPER.VMOVP`), so that there is no list.
  public let listNumber: UInt8?
  /// Whether the redistributors take invalidations of LPIs (`GICR_CTLR.IR`), as KVM's do.
  public var invalidatesByRedistributor = false
  public let deviceTable: DeviceTable
  /// DeviceIDs of one second-level table: 64 KiB of 8 bytes each.
  static let devicesPerLeaf: UInt32 = 8192

  private var writeOffset: UInt64 = 0
  private var devices: [UInt32: Device] = [:]
  /// The second levels of the device table, by the number of the entry that points to them.
  private var deviceLeaves: Set<UInt32> = []
  /// CPUs whose LPIs are on; they stay on while a CPU is off line.
  private var enabledCPUs: Set<Int> = []
  /// The LPIs that no device has; a kernel with several ITSs has one list for all of them.
  public var freeLPIs = allLPIs
  public static let allLPIs = LPIRanges(INTID.firstLPI..<(UInt32(1) << UInt32(interruptBits)))
  /// Translation tables of devices that went away. All their entries are unmapped.
  private var freeTables: [(size: UInt64, table: PA)] = []

  /// A device that the ITS knows (`struct its_device`).
  private struct Device: Sendable {
    let table: PA
    let tableSize: UInt64
    /// One LPI for each EventID, from the first on.
    let lpis: Range<UInt32>
  }

  public init(
    agent: Agent, kernel: Kernel = Kernel(Kernel.newest), base: PA, redistributors: PA,
    layout: Layout,
    virtualLPIs: VirtualLPISupport? = nil, listNumber: UInt8? = nil,
    deviceTable: DeviceTable = DeviceTable()
  ) {
    self.deviceTable = deviceTable
    self.agent = agent
    self.kernel = kernel
    self.base = base
    self.redistributors = redistributors
    // GICv4 adds two frames to each redistributor.
    redistributorStride = virtualLPIs == nil ? 0x2_0000 : 0x4_0000
    self.layout = layout
    self.virtualLPIs = virtualLPIs
    self.listNumber = listNumber
  }

  /// The doorbell, `GITS_TRANSLATER`.
  public var doorbell: PA { base + ITSRegister.translater }

  /// The doorbell as its kernel means it: a guest's physical addresses are IPAs.
  private var place: DoorbellBelief.Place {
    agent == .guest ? .ipa(IPA(doorbell.rawValue)) : .pa(doorbell)
  }

  // MARK: Probe

  /// Finds the redistributors of all CPUs (`gic_of_init`, `gic_iterate_rdists`).
  public func findRedistributors(cpus: Int) -> [Step<Never>] {
    var reads: [RegisterRead] = []
    for cpu in 0..<cpus {
      if cpu == 0 || cpu == furtherRedistributors?.first {
        reads.append(redistributorRead(RedistributorRegister.peripheralID2, ofCPU: cpu))
      }
      let type = redistributorRead(RedistributorRegister.type, ofCPU: cpu, width: 8)
      reads += [type, type]
      // GICR_CTLR.IR and CES: whether there are direct LPIs.
      if kernel.has(.lpiInvalidationRegisters) {
        reads.append(redistributorRead(RedistributorRegister.control, ofCPU: cpu))
      }
    }
    return [
      Step(agent, "gic_iterate_rdists", "\(cpus) redistributors", .decide)
        .reading(reads).during(.controllerProbe)
    ]
  }

  /// A CPU looks for its redistributor and wakes it up (`gic_populate_rdist`, `gic_enable_redist`).
  public func wakeRedistributor(cpu: Int) -> [Step<Never>] {
    var reads: [RegisterRead] = []
    for other in 0...cpu {
      if other == 0 || other == furtherRedistributors?.first {
        reads.append(redistributorRead(RedistributorRegister.peripheralID2, ofCPU: other))
      }
      let type = redistributorRead(RedistributorRegister.type, ofCPU: other, width: 8)
      reads += [type, type]
    }
    let waker = redistributorRead(RedistributorRegister.waker, ofCPU: cpu)
    return [
      Step(
        agent, "gic_enable_redist", "CPU \(cpu): its redistributor wakes up",
        .mmio(frame(ofCPU: cpu) + RedistributorRegister.waker, 0, width: 4)
      )
      .reading(
        reads + [waker],
        after: [waker, redistributorRead(RedistributorRegister.control, ofCPU: cpu)]
      )
      .during(.controllerProbe)
    ]
  }

  /// Gives the ITS its tables and its queue and turns it on (`its_probe_one`).
  public func probe() -> [Step<Never>] {
    let shape: UInt64 = 1 << 63 | 7 << 59 | 1 << 10 | 2 << 8  // valid, RaWaWb, inner, 64 KiB
    var queue = ITSCommandBase(rawValue: 1 << 63 | 7 << 59 | 1 << 10)
    queue[.address] = layout.commandQueue.rawValue >> 12
    queue[.size] = 15
    let number = listNumber.map { UInt64($0 & 0xf) << 4 } ?? 0
    let listing = listNumber.map {
      register(
        "its_compute_its_list_map", "number \($0) of the ITS list", ITSRegister.control, number,
        width: 4)
    }
    let identification = [read(ITSRegister.peripheralID2), read(ITSRegister.control)]
    var steps: [Step<Never>] = []
    if kernel.has(.itsTablesReset) {
      steps += (0..<UInt64(8)).map { index in
        register("its_reset_one", "table \(index) is none", ITSRegister.tableBase + index * 8, 0)
          .reading(index == 0 ? identification : [])
      }
    }
    steps.append(
      Step(agent, "its_probe_one", "ITS: what it is", .decide).reading(
        identification + [read(ITSRegister.type, width: 8), read(ITSRegister.identification)]))
    steps += listing.map { [$0] } ?? []
    let type = { (index: UInt64) in read(ITSRegister.tableBase + index * 8, width: 8) }
    let pages = deviceTable.byteCount / 0x1_0000 - 1
    steps += table(
      0,
      "device table, \(deviceTable.count) DeviceIDs"
        + (deviceTable.isTwoLevel ? " in two levels" : ""),
      shape | (deviceTable.isTwoLevel ? 1 << 62 : 0) | 1 << 56 | 7 << 48
        | layout.deviceTable.rawValue | pages, asksForTwoLevels: true)
    steps += table(
      1, "collection table", shape | 4 << 56 | 7 << 48 | layout.collectionTable.rawValue)
    steps +=
      layout.virtualPETable.map {
        // Entry_Size is read-only and written back as it was read.
        let entrySize: UInt64 = virtualLPIs == .v4Point1 ? 31 : 7
        return virtualPETable(at: $0, shape | 2 << 56 | entrySize << 48 | $0.rawValue)
      } ?? []
    let others = (layout.virtualPETable == nil ? 2 : 3)..<UInt64(8)
    let queueBase = register(
      "its_probe_one", "command queue, 64 KiB", ITSRegister.commandBase, queue.rawValue)
    let isV4: UInt64 = virtualLPIs == nil ? 0 : 2
    return
      (steps + [
        queueBase.reading(others.map(type), after: [read(ITSRegister.commandBase, width: 8)]),
        register("its_probe_one", "the queue is empty", ITSRegister.commandWrite, 0),
        register(
          "its_probe_one", "enable the ITS", ITSRegister.control, number | isV4 | 1, width: 4
        )
        .reading([read(ITSRegister.control)])
        .believing(DoorbellBelief("ITS driver", place)),
      ]).during(.itsProbe)
  }

  private func virtualPETable(at place: PA, _ value: UInt64) -> [Step<Never>] {
    guard let leaf = layout.virtualPELeaf else { return table(2, "vPE table", value) }
    return table(2, "vPE table in two levels", value | 1 << 62, asksForTwoLevels: true) + [
      Step(
        agent, "its_alloc_table_entry", "level 2 vPE table 0 at \(leaf)",
        .write([MemoryWrite(place, 1 << 63 | leaf.rawValue)]))
    ]
  }

  /// Gives the ITS one of its tables, after having found its page size, and whether it takes two
  /// levels (`its_probe_baser_psz`, `its_parse_indirect_baser`, `its_setup_baser`).
  private func table(
    _ index: UInt64, _ text: String, _ value: UInt64, asksForTwoLevels: Bool = false
  ) -> [Step<Never>] {
    let offset = ITSRegister.tableBase + index * 8
    let read = [read(offset, width: 8)]
    var steps = [
      register(
        "its_probe_baser_psz", "pages of 64 KiB", offset,
        value & (0xffff << 48 & ~(0xf8 << 56)) | 2 << 8
      )
      .reading(read + read, after: read)
    ]
    if asksForTwoLevels {
      steps.append(
        register(
          "its_parse_indirect_baser", "two levels", offset, 1 << 62 | 7 << 59 | 1 << 10
        ).reading(read, after: read))
    }
    return steps + [register("its_setup_baser", text, offset, value).reading(read, after: read)]
  }

  /// The property table is allocated once for all CPUs (`allocate_lpi_tables`).
  public func allocateTables() -> [Step<Never>] {
    [
      Step(agent, "allocate_lpi_tables", "LPIs are not enabled yet", .decide)
        .reading([redistributorRead(RedistributorRegister.control, ofCPU: 0)]).during(.itsProbe)
    ]
  }

  /// GICv4.0 without direct LPIs: doorbells of vPEs that are away are invalidated by way of a device of
  /// the driver's own, the last DeviceID (`its_init_vpe_domain`).
  public mutating func createProxy(
    cpus: Int, frames: inout some FrameAllocator
  ) throws(Refusal) -> [Step<Never>] {
    guard virtualLPIs == .v4 else { return [] }
    return try createDevice(deviceTable.count - 1, vectors: cpus, frames: &frames)
      .during(.itsProbe)
  }

  /// A CPU comes on line: its redistributor gets its LPI tables and LPIs are turned on the first time
  /// (`its_cpu_init_lpis`), and its collection is mapped (`its_cpu_init_collection`).
  public mutating func initCPU(_ cpu: Int) -> [Step<Never>] {
    let isFirst = enabledCPUs.insert(cpu).inserted
    let supports = Step<Never>(
      agent, "redist_disable_lpis", "CPU \(cpu): whether its LPIs are on", .decide
    ).reading([
      redistributorRead(RedistributorRegister.type, ofCPU: cpu, width: 8),
      redistributorRead(RedistributorRegister.control, ofCPU: cpu),
    ])
    return ([supports] + (isFirst ? initLPIs(cpu: cpu) : []) + mapCollection(cpu: cpu))
      .during(.itsCPUInit)
  }

  /// Gives a CPU's redistributor its LPI tables and turns LPIs on (`its_cpu_init_lpis`).
  public func initLPIs(cpu: Int) -> [Step<Never>] {
    let frame = frame(ofCPU: cpu)
    let properties =
      layout.propertyTable.rawValue | 7 << 7 | 1 << 10 | UInt64(Self.interruptBits - 1)
    let pending = layout.pendingTables[cpu].rawValue | 7 << 7 | 1 << 10
    let function = "its_cpu_init_lpis"
    let control = redistributorRead(RedistributorRegister.control, ofCPU: cpu)
    return [
      Step(
        agent, function, "CPU \(cpu): LPI property table at \(layout.propertyTable)",
        .mmio(frame + RedistributorRegister.configurationBase, properties, width: 8)
      ).reading(
        [control],
        after: [redistributorRead(RedistributorRegister.configurationBase, ofCPU: cpu, width: 8)]),
      Step(
        agent, function, "CPU \(cpu): LPI pending table at \(layout.pendingTables[cpu])",
        .mmio(frame + RedistributorRegister.pendingBase, pending, width: 8)
      ).reading(
        after: [redistributorRead(RedistributorRegister.pendingBase, ofCPU: cpu, width: 8)]),
      Step(
        agent, function, "CPU \(cpu): enable LPIs",
        .mmio(frame + RedistributorRegister.control, 1, width: 4)
      ).reading([control]),
    ] + shareVirtualPETable(cpu: cpu)
  }

  /// Polls until a CPU's redistributor has taken a change of its private interrupts in
  /// (`gic_do_wait_for_rwp`), as when the CPU goes off line.
  public func awaitRedistributor(cpu: Int) -> Step<Never> {
    Step(agent, "gic_do_wait_for_rwp", "CPU \(cpu): its private interrupts are masked", .decide)
      .reading([redistributorRead(RedistributorRegister.control, ofCPU: cpu)]).during(.other)
  }

  private func read(_ offset: UInt64, width: Int = 4) -> RegisterRead {
    .register(base + offset, width: width)
  }

  private func redistributorRead(
    _ offset: UInt64, ofCPU cpu: Int, width: Int = 4
  ) -> RegisterRead {
    .register(frame(ofCPU: cpu) + offset, width: width)
  }

  /// The first frame of a CPU's redistributor.
  func frame(ofCPU cpu: Int) -> PA {
    guard let further = furtherRedistributors, cpu >= further.first else {
      return redistributors + UInt64(cpu) * redistributorStride
    }
    return further.base + UInt64(cpu - further.first) * redistributorStride
  }

  /// GICv4.1: the redistributor reads the ITS's own vPE table (`inherit_vpe_l1_table_from_its`).
  private func shareVirtualPETable(cpu: Int) -> [Step<Never>] {
    guard virtualLPIs == .v4Point1, let table = layout.virtualPETable else {
      return clearVirtualTables(cpu: cpu)
    }
    var base = VirtualPETableBase(rawValue: 0)
    base[.valid] = true
    base[.pageSize] = 2
    base[.address] = table.rawValue >> 12
    return [
      Step(
        agent, "inherit_vpe_l1_table_from_its", "CPU \(cpu): vPE table at \(table)",
        .mmio(
          frame(ofCPU: cpu) + RedistributorRegister.virtualConfigurationBase, base.rawValue,
          width: 8))
    ]
  }

  /// GICv4.0: no vPE is resident yet (`its_clear_vpend_valid`).
  private func clearVirtualTables(cpu: Int) -> [Step<Never>] {
    guard virtualLPIs == .v4 else { return [] }
    let pending = redistributorRead(RedistributorRegister.virtualPendingBase, ofCPU: cpu, width: 8)
    let frame = frame(ofCPU: cpu)
    return [
      Step(
        agent, "its_cpu_init_lpis", "CPU \(cpu): 2^16 INTIDs of virtual LPIs",
        .mmio(
          frame + RedistributorRegister.virtualConfigurationBase, UInt64(Self.interruptBits - 1),
          width: 8)),
      Step(
        agent, "its_clear_vpend_valid", "CPU \(cpu): no vPE is resident",
        .mmio(frame + RedistributorRegister.virtualPendingBase, 0, width: 8)
      ).reading([pending], after: [pending]),
    ]
  }

  private func register(
    _ function: String, _ text: String, _ offset: UInt64, _ value: UInt64, width: Int = 8
  ) -> Step<Never> {
    Step(agent, function, "ITS: \(text)", .mmio(base + offset, value, width: width))
  }

  // MARK: Commands

  /// Queues commands and moves GITS_CWRITER once (`its_send_single_command`).
  public mutating func send(
    _ commands: [ITSCommand], function: String, text: String
  ) -> [Step<Never>] {
    var writes: [MemoryWrite] = []
    for command in commands {
      for word in 0..<ITSCommand.wordCount {
        let place = layout.commandQueue + writeOffset + UInt64(word) * 8
        writes.append(MemoryWrite(place, command[word: word]))
      }
      writeOffset = (writeOffset + 32) & 0xffff
    }
    // Each command first looks for room (`its_queue_full`); where the commands begin is read once
    // more, and what has been consumed is polled for (`its_wait_for_range_completion`).
    let consumed = read(ITSRegister.commandRead)
    return [
      Step(agent, function, text, .write(writes)).carrying(.itsCommands(commands))
        .reading(commands.map { _ in consumed }),
      Step(
        agent, function, "GITS_CWRITER = \(hex(writeOffset))",
        .mmio(base + ITSRegister.commandWrite, writeOffset, width: 4)
      ).carrying(.queuePointer).reading([consumed], after: [consumed]),
    ]
  }

  /// Maps the CPU's collection to its redistributor (`its_cpu_init_collection`).
  public mutating func mapCollection(cpu: Int) -> [Step<Never>] {
    let id = UInt16(truncatingIfNeeded: cpu)
    let target: [RegisterRead] = [
      read(ITSRegister.type, width: 8),
      redistributorRead(RedistributorRegister.type, ofCPU: cpu, width: 8),
    ]
    let kind = Step<Never>(
      agent, "its_cpu_init_collection", "CPU \(cpu): by its number (GITS_TYPER.PTA)", .decide
    ).reading(target)
    return [kind]
      + send(
        [.mapc(collection: id, target: UInt64(cpu)), .sync(target: UInt64(cpu))],
        function: "its_cpu_init_collection", text: "MAPC ICID \(cpu) -> CPU \(cpu)")
      + send(
        [.invall(collection: id), .sync(target: UInt64(cpu))],
        function: "its_cpu_init_collection", text: "INVALL ICID \(cpu)")
  }

  /// Maps a device to a new translation table for `vectors` events (`its_create_device`).
  ///
  /// - Throws: `Refusal` with `ENOMEM` when no table can be allocated, `ENODEV` when the DeviceID
  ///   does not fit the device table.
  public mutating func createDevice(
    _ device: UInt32, vectors: Int, frames: inout some FrameAllocator
  ) throws(Refusal) -> [Step<Never>] {
    guard device < deviceTable.count else {
      throw Refusal(
        by: agent, in: "its_alloc_device_table", errno: "ENODEV",
        message: "DeviceID \(hex(UInt64(device))) lies beyond the device table")
    }
    // At least two entries, as Linux rounds, and at least 256 bytes of 16 a entry.
    let bits = max(1, UInt8(truncatingIfNeeded: Int.bitWidth - (vectors - 1).leadingZeroBitCount))
    guard let lpis = freeLPIs.take(UInt32(1) << UInt32(min(bits, 16))) else {
      throw Refusal(
        by: agent, in: "its_lpi_alloc", errno: "ENOSPC", message: "no LPI is left")
    }
    let size: UInt64 = max(256, 16 << UInt64(bits))
    guard let table = takeTable(size: size) ?? frames.allocate(size: size) else {
      throw Refusal(
        by: agent, in: "its_create_device", errno: "ENOMEM", message: "no memory for the ITT")
    }
    let leaf = try prepareLeaf(of: device, frames: &frames)
    devices[device] = Device(table: table, tableSize: size, lpis: lpis)
    return leaf
      + send(
        [.mapd(device: device, eventBits: bits, table: table)], function: "its_create_device",
        text: "MAPD DeviceID \(hex(UInt64(device))), \(1 << bits) events, ITT at \(table)")
  }

  /// Gives the device table the second level that a DeviceID needs, once
  /// (`its_alloc_table_entry`).
  public mutating func prepareLeaf(
    of device: UInt32, frames: inout some FrameAllocator
  ) throws(Refusal) -> [Step<Never>] {
    let number = device / Self.devicesPerLeaf
    guard deviceTable.isTwoLevel, !deviceLeaves.contains(number) else { return [] }
    guard let leaf = frames.allocate(size: 0x1_0000) else {
      throw Refusal(
        by: agent, in: "its_alloc_table_entry", errno: "ENOMEM",
        message: "no memory for a level 2 device table")
    }
    deviceLeaves.insert(number)
    let write = MemoryWrite(layout.deviceTable + UInt64(number) * 8, 1 << 63 | leaf.rawValue)
    return [
      Step(
        agent, "its_alloc_table_entry", "level 2 device table \(number) at \(leaf)",
        .write([write]))
    ]
  }

  /// Unmaps a device (`its_free_device`).
  public mutating func removeDevice(_ device: UInt32) -> [Step<Never>] {
    guard let old = devices.removeValue(forKey: device) else { return [] }
    freeTables.append((old.tableSize, old.table))
    freeLPIs.giveBack(old.lpis)
    return send(
      [.mapd(device: device, eventBits: 1, table: old.table, valid: false)],
      function: "its_free_device",
      text: "MAPD V=0 DeviceID \(hex(UInt64(device)))"
    ).during(.itsDeviceFree)
  }

  /// Whether the device has a translation table.
  public func hasDevice(_ device: UInt32) -> Bool { devices[device] != nil }

  /// The LPI of an event: the device's LPIs follow each other (`its_irq_domain_alloc`); `nil` when
  /// the device is unknown or has no such event.
  public func lpi(ofEvent event: UInt32, device: UInt32) -> UInt32? {
    guard let lpis = devices[device]?.lpis, event < UInt32(lpis.count) else { return nil }
    return lpis.lowerBound + event
  }

  /// One LPI for the driver itself (`its_lpi_alloc`); `nil` when none is left.
  mutating func takeLPI() -> UInt32? { freeLPIs.take(1)?.lowerBound }

  private mutating func takeTable(size: UInt64) -> PA? {
    guard let index = freeTables.firstIndex(where: { $0.size == size }) else { return nil }
    return freeTables.remove(at: index).table
  }

  /// Maps an event (`its_irq_domain_activate`).
  public mutating func activate(
    device: UInt32, event: UInt32, lpi: UInt32, cpu: Int
  ) -> [Step<Never>] {
    let collection = UInt16(truncatingIfNeeded: cpu)
    return send(
      [
        .mapti(device: device, event: event, lpi: lpi, collection: collection),
        .sync(target: UInt64(cpu)),
      ],
      function: "its_irq_domain_activate",
      text: "MAPTI DeviceID \(hex(UInt64(device))) EventID \(event) -> LPI \(lpi), ICID \(cpu)")
  }

  /// Writes an LPI's configuration byte and makes the ITS read it again
  /// (`lpi_update_config`).
  public mutating func configure(
    device: UInt32, event: UInt32, lpi: UInt32, cpu: Int, enabled: Bool
  ) -> [Step<Never>] {
    [configurationWrite(lpi: lpi, enabled: enabled)]
      + (invalidatesByRedistributor && kernel.has(.lpiInvalidationRegisters)
        ? [invalidate(lpi: lpi, cpu: cpu)]
        : invalidate(device: device, event: event, cpu: cpu))
  }

  /// The CPU's redistributor reads an LPI's configuration again (`direct_lpi_inv`).
  private func invalidate(lpi: UInt32, cpu: Int) -> Step<Never> {
    Step(
      agent, "direct_lpi_inv", "GICR_INVLPIR of CPU \(cpu) := LPI \(lpi)",
      .mmio(frame(ofCPU: cpu) + RedistributorRegister.invalidateLPI, UInt64(lpi), width: 8)
    ).reading(after: [redistributorRead(RedistributorRegister.synchronize, ofCPU: cpu)])
  }

  private mutating func invalidate(device: UInt32, event: UInt32, cpu: Int) -> [Step<Never>] {
    send(
      [.inv(device: device, event: event), .sync(target: UInt64(cpu))],
      function: "lpi_update_config",
      text: "INV DeviceID \(hex(UInt64(device))) EventID \(event)")
  }

  /// The write of an LPI's configuration byte (`lpi_write_config`): priority 0xc0
  /// (`GICV3_PRIO_IRQ`), or 0xa0 before `lpi-priority-c0` (`LPI_PROP_DEFAULT_PRIO`).
  public func configurationWrite(lpi: UInt32, enabled: Bool) -> Step<Never> {
    let byte = LPIConfiguration(
      priority: kernel.has(.lpiPriorityC0) ? 0xc0 : 0xa0, enabled: enabled)
    let place = layout.propertyTable + UInt64(lpi &- INTID.firstLPI)
    return Step(
      agent, "lpi_write_config", "LPI \(lpi) \(enabled ? "enabled" : "disabled")",
      .writeByte(place, UInt8(truncatingIfNeeded: byte.rawValue))
    ).carrying(.interrupt(lpi, isEnabled: enabled))
  }

  /// Moves an event to another CPU (`its_set_affinity`, `its_send_movi`).
  public mutating func move(device: UInt32, event: UInt32, to cpu: Int) -> [Step<Never>] {
    send(
      [
        .movi(device: device, event: event, collection: UInt16(truncatingIfNeeded: cpu)),
        .sync(target: UInt64(cpu)),
      ],
      function: "its_set_affinity",
      text: "MOVI DeviceID \(hex(UInt64(device))) EventID \(event) -> ICID \(cpu)")
  }

  /// Unmaps an event (`its_irq_domain_deactivate`).
  public mutating func deactivate(device: UInt32, event: UInt32, cpu: Int) -> [Step<Never>] {
    send(
      [.discard(device: device, event: event), .sync(target: UInt64(cpu))],
      function: "its_irq_domain_deactivate",
      text: "DISCARD DeviceID \(hex(UInt64(device))) EventID \(event)")
  }
}
