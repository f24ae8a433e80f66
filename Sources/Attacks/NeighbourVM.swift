internal import ArmFormats
internal import Bits
internal import Designs
internal import Engine
internal import GIC
internal import Guest
internal import HostKernel
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Simulation
internal import Software
internal import VMM

/// Another VM of the same host, with a function of its own behind the same SMMU and ITS, which must
/// not notice the actor: VM 1 of the engine, set up by its VMM and its guest's kernel.
///
/// Its guest's stage 1 has one buffer and the MSI window in it, under the ASID that the actor's
/// guest uses too.
struct NeighbourVM {
  /// Its RAM, by IPA.
  static let ramBase: IPA = 0x4000_0000
  static let ramSize: UInt64 = 0x1000_0000
  /// Vectors of a function that only the neighbour has.
  static let events = 32
  /// The function's IOVA of its buffer.
  static let buffer: IOVA = 0x1000_0000
  static let bufferPage: IPA = 0x4800_0000

  let vm: VMIndex
  let device: DeviceIndex
  let requester: RequesterID
  /// As the physical SMMU knows its function.
  let stream: UInt32
  /// Of its stage 2.
  let vmid: UInt16
  /// The LPIs of its events, in order.
  let lpis: Range<UInt32>
  /// The descriptor that maps the buffer, by PA.
  let bufferDescriptor: PA
  let contextDescriptor: PA
}

extension MachineDescription.Host {
  /// The pages of the software MSI window: the IOVAs at which the host maps doorbells.
  var messageWindowPages: [IOVA] {
    (0..<messageWindow.length / 0x1000).map { IOVA(messageWindow.base + $0 * 0x1000) }
  }
}

extension MachineDescription {
  /// The neighbour's RAM: behind that of the VMs that the machine has; `nil` where there is no room.
  var neighbourRAM: HostCall.RAMExtent? {
    let taken = guest.ram.reduce(0) { $0 &+ $1.length } &* UInt64(machines)
    let room = host.guestMemory
    guard room.length >= taken, room.length - taken >= NeighbourVM.ramSize else { return nil }
    return HostCall.RAMExtent(
      ipa: NeighbourVM.ramBase, pa: PA(room.base &+ taken), size: NeighbourVM.ramSize)
  }

  /// A requester ID for the neighbour's function, behind the host bridge of the first device, and
  /// different from every device's; `nil` where the bridge has none.
  ///
  /// - Parameter onSameBus: whether it shares the first device's bus.
  func neighbourRequester(onSameBus: Bool) -> RequesterID? {
    let own = devices[0].requester
    let bridge = host.bridge(of: own)
    let taken = Set(devices.map(\.requester))
    let first = RequesterID(rawValue: own.rawValue ^ (onSameBus ? 0x8 : 0x100))
    let buses = bridge?.buses ?? 0...255
    let others = buses.lazy.filter { ($0 == own.bus) == onSameBus }.flatMap { bus in
      (UInt8(1)...31).lazy.map { RequesterID(bus: bus, device: $0, function: 0) }
    }
    return ([first] + others.prefix(devices.count + 1)).first {
      !taken.contains($0) && buses.contains($0.bus) && ($0.bus == own.bus) == onSameBus
    }
  }

  /// A BAR for the neighbour's function, clear of everything else.
  var neighbourBAR: AddressRange {
    var range = AddressRange(from: 0x81_0000_0000, length: 0x1_0000)
    while let other = hostParts.first(where: { $0.range.overlaps(range) })?.range {
      range = AddressRange(from: (other.last | 0xffff) &+ 1, length: range.length)
    }
    return range
  }
}

extension AttackedSystem {
  /// The neighbour's RAM; set-up has checked that there is room for it.
  var neighbourRAM: HostCall.RAMExtent {
    engine.description.neighbourRAM
      ?? HostCall.RAMExtent(ipa: NeighbourVM.ramBase, pa: 0, size: NeighbourVM.ramSize)
  }

  /// The physical address of an IPA of the neighbour's.
  func neighbourPlace(of address: PA) -> PA {
    let ram = neighbourRAM
    return ram.pa + (address.rawValue &- ram.ipa.rawValue)
  }

  func isNeighbours(_ place: PA) -> Bool {
    let ram = neighbourRAM
    return place.rawValue &- ram.pa.rawValue < ram.size
  }

  /// The neighbour's buffer, by PA.
  var neighbourBuffer: PA { neighbourPlace(of: PA(NeighbourVM.bufferPage.rawValue)) }

  /// The StreamID of a requester on the host.
  func stream(of requester: RequesterID) -> UInt32 {
    engine.description.host.stream(of: requester).rawValue
  }

  /// Gives another function to another VM.
  ///
  /// - Parameter onSameBus: whether it shares the actor's bus.
  mutating func addNeighbour(onSameBus: Bool = false) throws(AttackFailure) {
    guard let requester = engine.description.neighbourRequester(onSameBus: onSameBus) else {
      throw .notApplicable(
        "the device's host bridge has no "
          + (onSameBus ? "room for another device on its bus" : "other bus"))
    }
    try addNeighbour(requester)
  }

  /// Gives the function with this requester ID to another VM.
  mutating func addNeighbour(_ requester: RequesterID) throws(AttackFailure) {
    do {
      neighbour = try setUpNeighbour(requester)
    } catch {
      throw .run(RunFailure("the neighbour cannot be set up: \(error)"))
    }
  }

  private mutating func setUpNeighbour(_ requester: RequesterID) throws -> NeighbourVM {
    let isOwn = requester == ownRequester
    let described = MachineDescription.Device(
      name: "neighbour",
      vectors: isOwn ? engine.description.devices[0].vectors : NeighbourVM.events,
      requester: requester,
      guestRequester: RequesterID(rawValue: 0x1100),
      bar: engine.description.neighbourBAR)
    let map = neighbourMap
    let ram = neighbourRAM
    let vmm = VMM(
      map: map, advertisement: .nothing, stageTwoDoorbell: .softwareWindow, msixEntry: .replaced,
      devices: [
        .init(
          guestID: UInt32(described.guestRequester.rawValue), vectors: described.vectors)
      ])
    let guest = try GuestKernel(
      kernel: engine.specification.guestKernel, tables: vmm.tables(),
      devices: [
        .init(
          requesterID: UInt32(described.guestRequester.rawValue), vectors: described.vectors,
          msixTable: map.msixTable(of: 0),
          msixCapability: MachineDescription.Device.msixCapability)
      ],
      frames: BumpFrames(base: PA(ram.ipa.rawValue) + 0xb_0000, size: 0x28_0000),
      tableFrames: PlacedFrames(
        [:], rest: BumpFrames(base: PA(ram.ipa.rawValue) + 0x400_0000, size: 0x100_0000)),
      contextTable: nil)
    let memory = try engine.machine.memory.window(
      [.init(base: PA(ram.ipa.rawValue), size: ram.size)],
      onto: [.init(base: PA(ram.ipa.rawValue), source: ram.pa, size: ram.size)])
    let function = PCIFunction(
      profile: .init(
        requesterID: requester,
        msix: .init(
          vectors: described.vectors, bar: 0,
          tableOffset: UInt32(MachineDescription.Device.tableOffset),
          pendingOffset: UInt32(MachineDescription.Device.pendingOffset)),
        barSize: described.bar.length))
    let added = try engine.addMachine(
      described, function: isOwn ? nil : function, vmm: vmm, guest: guest, memory: memory,
      extents: [ram])
    while engine.step() {}
    try runNeighbour(added.vm, vectors: described.vectors)
    return try neighbour(added, requester, vectors: described.vectors)
  }

  /// The actor's map, with RAM of the neighbour's own.
  private var neighbourMap: AddressMap {
    var map = engine.description.guest
    map.messageFrame = nil
    map.ramBase = NeighbourVM.ramBase
    map.ramSize = NeighbourVM.ramSize
    map.furtherRAM = []
    return map
  }

  /// The neighbour's kernel boots and maps what its device uses, and its VMM connects the vectors.
  private mutating func runNeighbour(_ vm: VMIndex, vectors: Int) throws {
    let page: UInt64 = 0x1000
    let window = engine.description.host.messageWindow.base
    for operation: GuestOperation in [
      .boot, .attachDMADomain,
      .activity(
        .map(NeighbourVM.buffer, NeighbourVM.bufferPage, size: page, .buffer)),
      .activity(
        .map(IOVA(window), IPA(window), size: page, [.read, .write, .mmio])),
    ] {
      engine.push(
        try engine.perform(operation, for: 0, of: vm).map(PendingStep.guest), on: vm)
      engine.resumeSoftware(of: vm)
      while engine.step() {}
    }
    let signals = Array(repeating: VectorSignal.kvm(guestAddress: nil), count: vectors)
    engine.push(
      try engine.answer(.setIRQs(first: 0, signals), for: 0, of: vm).map(PendingStep.host), on: vm)
    engine.resumeSoftware(of: vm)
    while engine.step() {}
  }

  private func neighbour(
    _ added: (vm: VMIndex, device: DeviceIndex), _ requester: RequesterID, vectors: Int
  ) throws -> NeighbourVM {
    let machine = engine.machines[added.vm.rawValue]
    guard case .enabled = machine.setup,
      let first = engine.host.interrupt(ofEvent: 0, of: added.device),
      let leaf = machine.guest.leaf(of: NeighbourVM.buffer, device: 0),
      let context = machine.guest.contextDescriptor(of: 0)
    else { throw RunFailure("its set-up is refused") }
    return NeighbourVM(
      vm: added.vm, device: added.device, requester: requester, stream: stream(of: requester),
      vmid: engine.host.vmid(of: added.device),
      lpis: first..<first + UInt32(vectors),
      bufferDescriptor: neighbourPlace(of: leaf),
      contextDescriptor: neighbourPlace(of: context))
  }

  /// The neighbour, which was set up before.
  var other: NeighbourVM {
    get throws(AttackFailure) {
      guard let neighbour else { throw .run(RunFailure("there is no neighbour")) }
      return neighbour
    }
  }

  /// Data of the messages of the neighbour's device: EventIDs, or on a host with a GICv2m frame
  /// SPIs.
  var neighbourMessages: Range<UInt32> {
    get throws(AttackFailure) {
      engine.machine.layout.messageFrame == nil
        ? try 0..<UInt32(other.lpis.count) : try other.lpis
    }
  }

  /// The address that the neighbour's messages go to.
  var neighbourMessage: IOVA { IOVA(engine.description.host.messageWindow.base) + 0x40 }

  /// Number of the neighbour's LPIs that are pending at any CPU.
  var pendingAtNeighbour: Int {
    guard let lpis = neighbour?.lpis else { return 0 }
    guard engine.machine.layout.messageFrame == nil else {
      return lpis.count { engine.machine.distributor.isPending($0) }
    }
    return (0..<engine.description.host.cpus).reduce(0) { count, cpu in
      count
        + engine.machine.redistributors.pendingLPIs(at: cpu, memory: engine.machine.memory)
        .count { lpis.contains($0) }
    }
  }

  /// The neighbour's device uses its buffer, which brings the translation into the caches.
  @discardableResult
  mutating func neighbourAccess() throws(AttackFailure) -> PA? {
    place(of: NeighbourVM.buffer, as: try other.stream)
  }
}
