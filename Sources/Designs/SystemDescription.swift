internal import ArmFormats
package import Bits
package import GIC
public import Guest
package import HostKernel
public import Machine
internal import PCI
public import VMM

extension RunSpecification {
  /// The machine that the run is made on: one of the user's own, with the address map of `vmm` where
  /// that is varied, or a built-in one with the topology's devices.
  ///
  /// - Throws: `RunFailure` where a requester ID of the workload exceeds 16 bits, and where units of
  ///   a machine of the user's own are to be counted otherwise.
  package func description() throws(RunFailure) -> MachineDescription {
    let (vmm, topology) = (conditions.vmm, conditions.topology)
    guard var machine else {
      return try .builtIn(vmm, topology, like: workload.device)
    }
    let counts = [
      ("devices", topology.devices, machine.devices.count),
      ("ITSs", topology.itses, machine.host.itses.count),
      ("SMMUs", topology.smmus, machine.host.smmus.count),
    ]
    if let wrong = counts.first(where: { $0.1 != $0.2 }) {
      throw RunFailure(
        "machine '\(machine.name)' lists its devices, ITSs and SMMUs: expected \(wrong.2) "
          + "\(wrong.0), found \(wrong.1)")
    }
    if machine.base != vmm.rawValue {
      machine.base = vmm.rawValue
      machine.guest = vmm.map(virtualCPUs: machine.virtualCPUs)
    }
    return machine
  }
}

extension MachineDescription {
  /// A built-in machine: QEMU's physical one with the topology's devices behind its SMMUs and ITSs in
  /// turn, and a VMM's address map.
  ///
  /// - Parameter device: model of the first device; the others follow it.
  /// - Throws: `RunFailure` where a requester ID exceeds 16 bits.
  public static func builtIn(
    _ vmm: VMMPersonality, _ topology: Topology = .single,
    like device: Workload.Device = Workload.Device(
      name: "function", guestID: 0x1100, hostID: 0x10, vectors: 4),
    virtualCPUs: Int = 1
  ) throws(RunFailure) -> MachineDescription {
    var host = Host.qemuVirt
    host.smmus = places(host.smmus, further: 0x20_0000_0000, count: topology.smmus)
    host.itses = places(host.itses, further: 0x21_0000_0000, count: topology.itses)
    var devices: [Device] = []
    for index in 0..<topology.devices {
      devices.append(try described(topology.device(index, like: device), index, topology))
    }
    var machine = MachineDescription(
      name: vmm.rawValue, host: host, guest: vmm.map(virtualCPUs: virtualCPUs), devices: devices)
    machine.virtualCPUs = virtualCPUs
    return machine
  }

  /// QEMU's unit first, and the others behind one another where QEMU has nothing.
  private static func places(_ first: [PA], further: PA, count: Int) -> [PA] {
    let others = max(0, count - first.count)
    return first + (0..<others).map { further + UInt64($0) * Host.unitLength }
  }

  private static func described(
    _ device: Workload.Device, _ index: Int, _ topology: Topology
  ) throws(RunFailure) -> Device {
    func requester(_ id: UInt32, _ place: String) throws(RunFailure) -> RequesterID {
      guard let id = UInt16(exactly: id) else {
        throw RunFailure("the device's requester ID \(hex(UInt64(id)))\(place) exceeds 16 bits")
      }
      return RequesterID(rawValue: id)
    }
    var described = Device(
      name: device.name, vectors: device.vectors, requester: try requester(device.hostID, ""),
      guestRequester: try requester(device.guestID, " in the guest"),
      bar: AddressRange(from: 0x80_0000_0000 + UInt64(index) * 0x1_0000, length: 0x1_0000))
    described.smmu = topology.smmu(of: index)
    described.its = topology.its(of: index)
    return described
  }
}

extension MachineDescription {
  /// Returns the reason why the engine cannot run such a machine under a design, with the field
  /// that it concerns; `nil` if it can.
  public func problem(under design: Design) -> MachineFinding? {
    let version = design.delivery.version
    if let gic = host.gic, gic < version {
      return .init(
        .reference, at: "host.gic",
        "design '\(design.name)' has the hardware inject virtual LPIs and needs a GIC"
          + "\(version.name), found \(gic.name)")
    }
    var needed = self
    needed.host.gic = host.gic ?? version
    // The map as the design has it: a GICv2m frame, a doorbell at the window.
    needed.guest = design.addressMap(of: guest)
    return problem ?? needed.problem ?? unmodelled
  }

  /// The RAM that the guest's kernel needs: its page tables may end there.
  private static let leastGuestRAM: UInt64 = 0x2300_0000

  /// Feature of the machine that the models of the host and of KVM lack under every design; `nil` if
  /// they model it all.
  package var unmodelled: MachineFinding? {
    func finding(_ field: String, _ message: String) -> MachineFinding {
      .init(.notModelled, at: field, message)
    }
    if guest.ramSize < Self.leastGuestRAM {
      return finding(
        "guest.ram",
        "expected at least \(Self.leastGuestRAM >> 20) MiB, in which the guest's kernel keeps its "
          + "tables, found \(guest.ramSize >> 20) MiB")
    }
    if host.smmus.count > Topology.maximumSMMUs {
      return finding(
        "host.smmus", "expected at most \(Topology.maximumSMMUs), found \(host.smmus.count)")
    }
    return guestBusFinding
  }

  /// The VMM has one bus pair for each vSMMU: an expander bus and that of its root port.
  private var guestBusFinding: MachineFinding? {
    var machines: [Int: [Int: UInt8]] = [:]
    for (index, device) in devices.enumerated() {
      let pair = device.guestRequester.bus & ~1
      var pairs = machines[device.machine] ?? [:]
      if let other = pairs[device.smmu], other != pair {
        return .init(
          .notModelled, at: "devices[\(index)].guest-requester",
          "expected bus \(other) or \(other + 1), as other devices behind SMMU \(device.smmu) "
            + "have, found \(device.guestRequester.bus)")
      }
      if pairs.contains(where: { $0.key != device.smmu && $0.value == pair }) {
        return .init(
          .notModelled, at: "devices[\(index)].guest-requester",
          "expected another bus than those of devices behind another SMMU, found "
            + "\(device.guestRequester.bus)")
      }
      pairs[device.smmu] = pair
      machines[device.machine] = pairs
    }
    return nil
  }
}

extension GICVersion {
  /// `v3`, `v4.0` or `v4.1`.
  package var name: String {
    switch self {
    case .v3: "v3"
    case .v4: "v4.0"
    case .v4Point1: "v4.1"
    }
  }
}

extension Design {
  /// The guest's memory map under this design.
  package func addressMap(of map: AddressMap) -> AddressMap {
    if controller == .gicv2m { return map.withMessageFrame }
    return virtualITS == .atWindow ? map.withDoorbellAtWindow : map
  }
}

extension InterruptDelivery {
  /// The version of the physical interrupt controllers that it needs.
  package var version: GICVersion {
    switch self {
    case .irqfd: .v3
    case .gicv4: .v4
    case .gicv4Point1: .v4Point1
    }
  }
}
