internal import ArmFormats
internal import Bits
internal import GIC
internal import HostKernel
internal import Linux
internal import Machine
internal import Memory
internal import PCI
internal import Simulation
internal import Software

/// Another VM of the same host, with a function of its own behind the same SMMU and ITS: who must
/// not notice the actor.
///
/// Its guest has a stage 1 with one buffer and the MSI window in it, under the ASID that the actor's
/// guest uses too.
struct NeighbourVM {
  static let machineID: UInt16 = 2
  /// Free of the actor's RAM and of the host's structures.
  static let ram = HostCall.RAMExtent(ipa: 0x4000_0000, pa: 0x1_3000_0000, size: 0x1000_0000)
  static let events = 32
  /// What the device uses: a buffer, and the page that stands for the doorbell.
  static let buffer: IOVA = 0x1000_0000
  static let window: IOVA = 0x800_0000
  static let bufferPage: IPA = 0x4800_0000

  let requester: RequesterID
  /// The LPIs of its events, in order.
  let lpis: Range<UInt32>
  /// The descriptor that maps the buffer, by PA.
  let bufferDescriptor: PA
  let contextDescriptor: PA

  var stream: UInt32 { UInt32(requester.rawValue) }
  static var message: IOVA { window + 0x40 }
  static var bufferPlace: PA { place(of: PA(bufferPage.rawValue)) }

  /// Where an IPA of the neighbour stands.
  static func place(of address: PA) -> PA { ram.pa + (address.rawValue &- ram.ipa.rawValue) }

  static func owns(_ place: PA) -> Bool { place.rawValue &- ram.pa.rawValue < ram.size }
}

extension AttackedSystem {
  /// Gives another function to another VM.
  ///
  /// - Parameter onSameBus: whether it shares the actor's bus.
  mutating func addNeighbour(onSameBus: Bool = false) throws(AttackFailure) {
    try addNeighbour(
      RequesterID(rawValue: ownRequester.rawValue ^ (onSameBus ? 0x8 : 0x100)),
      machineID: NeighbourVM.machineID)
  }

  /// Gives the function with this requester ID to another VM, with that VMID.
  mutating func addNeighbour(
    _ requester: RequesterID, machineID: UInt16
  ) throws(AttackFailure) {
    do {
      neighbour = try setUpNeighbour(requester, machineID)
    } catch {
      throw .run(RunFailure("the neighbour cannot be set up: \(error)"))
    }
  }

  private mutating func setUpNeighbour(
    _ requester: RequesterID, _ machineID: UInt16
  ) throws -> NeighbourVM {
    var frames = BumpFrames(base: 0x4400_0000, size: 0x100_0000)
    var table = try PageTable(stage: .one, inputBits: 48, frames: &frames)
    var writes = try table.map(
      NeighbourVM.buffer.rawValue, to: NeighbourVM.bufferPage.rawValue, size: 0x1000, .buffer,
      frames: &frames)
    writes += try table.map(
      NeighbourVM.window.rawValue, to: NeighbourVM.window.rawValue, size: 0x1000,
      [.read, .write, .mmio], frames: &frames)
    guard let place = frames.allocate(size: 0x1000),
      let leaf = table.leaf(of: NeighbourVM.buffer.rawValue)
    else { throw RunFailure("no memory") }
    let context = ContextDescriptor.paging(table, asid: 2, outputSize: .bits44)
    writes += (0..<ContextDescriptor.wordCount).map {
      MemoryWrite(place + UInt64($0) * 8, context[word: $0])
    }
    for write in writes {
      system.machine.memory.store64(NeighbourVM.place(of: write.address), write.value)
    }
    let stream = UInt32(requester.rawValue)
    hostCarriesOut(
      try system.host.assign(
        .init(
          requesterID: stream, virtualMachineID: machineID,
          ram: [NeighbourVM.ram], guestEntry: .stage1(context: place),
          window: IPA(NeighbourVM.window.rawValue), vectors: NeighbourVM.events)))
    guard let first = system.host.lpi(ofEvent: 0, device: stream) else {
      throw RunFailure("no LPI is left")
    }
    return NeighbourVM(
      requester: requester, lpis: first..<first + UInt32(NeighbourVM.events),
      bufferDescriptor: NeighbourVM.place(of: PA(leaf.place)),
      contextDescriptor: NeighbourVM.place(of: place))
  }

  /// The neighbour, which was set up before.
  var other: NeighbourVM {
    get throws(AttackFailure) {
      guard let neighbour else { throw .run(RunFailure("there is no neighbour")) }
      return neighbour
    }
  }

  /// What the messages of the neighbour's device hold: EventIDs, or on a host with a GICv2m frame
  /// SPIs.
  var neighbourMessages: Range<UInt32> {
    get throws(AttackFailure) {
      system.machine.layout.messageFrame == nil
        ? 0..<UInt32(NeighbourVM.events) : try other.lpis
    }
  }

  /// How many of the neighbour's LPIs are pending at any CPU.
  var pendingAtNeighbour: Int {
    guard let lpis = neighbour?.lpis else { return 0 }
    guard system.machine.layout.messageFrame == nil else {
      return lpis.count { system.machine.distributor.isPending($0) }
    }
    return (0..<system.description.host.cpus).reduce(0) { count, cpu in
      count
        + system.machine.redistributors.pendingLPIs(at: cpu, memory: system.machine.memory)
        .count { lpis.contains($0) }
    }
  }

  /// The neighbour's device uses its buffer, which brings the translation into the caches.
  @discardableResult
  mutating func neighbourAccess() throws(AttackFailure) -> PA? {
    place(of: NeighbourVM.buffer, as: try other.stream)
  }
}
