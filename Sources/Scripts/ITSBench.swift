import ArmFormats
import Bits
package import Designs
package import Files
import GIC
import HostKernel
import KVM
import Memory
package import Scenarios

/// A physical ITS, a guest's ITS as KVM models it, and the host's code between the two.
package final class ITSBench: Bench {
  package static let name = "its"
  package static let title =
    "A physical GICv3 or GICv4 ITS, KVM's virtual ITS, and what the host does between them."

  /// Base address of the guest's ITS.
  static let guestBase: IPA = 0x808_0000

  var physical: InterruptSide
  var virtual: InterruptSide
  /// KVM's routes: the guest's message for each physical event.
  var routes: [HostEvent: Route] = [:]
  /// All routes of the VM, as KVM counts them.
  var routingTable = RoutingTable()
  /// The physical LPI of each event with its collection, for the way back from GICv4.
  var physicalLPIs: [HostEvent: (lpi: UInt32, collection: UInt16)] = [:]

  struct Route {
    let doorbell: IPA
    let device: UInt32?
    let event: UInt32
  }

  package convenience init(_ value: CheckedValue) throws(InputError) {
    try self.init(value, injecting: nil)
  }

  package init(_ value: CheckedValue, injecting mutation: Mutation?) throws(InputError) {
    let version: GICVersion =
      switch value.text("version") {
      case "4": .v4
      case "4.1": .v4Point1
      default: .v3
      }
    let cpus = Int(clamping: value["cpus"]?.integer ?? 4)
    do {
      physical = try InterruptSide(
        profile: ITSProfile(
          version: version,
          reportsUnmappedMessages: value["reports-unmapped"]?.boolean ?? false),
        personality: mutation?.applied(to: .architectureSkippingErrors)
          ?? .architectureSkippingErrors,
        redistributors: RedistributorProfile(count: cpus, version: version))
      virtual = try InterruptSide(
        profile: .kvm(), personality: .kvm, redistributors: .kvm(count: cpus))
    } catch {
      throw value.error(expected: "a machine whose memory can be set up")
    }
  }

  // MARK: The host between them

  /// Carries out the actions that the guest's commands ask of the hardware (vgic-v4.c,
  /// irq-gic-v3-its.c `its_vlpi_*`), and returns a line for each command.
  func mirror() -> [String] {
    virtual.its.takeForwardingActions().flatMap { action -> [String] in
      switch action {
      case .configure(let host, let byte):
        return [describe(.inv(device: host.deviceID, event: host.eventID), byte)]
      case .setPending(let host, let pending):
        let command: ITSCommand =
          pending
          ? .int(device: host.deviceID, event: host.eventID)
          : .clear(device: host.deviceID, event: host.eventID)
        return [describe(command)]
      case .unmap(let host):
        // The event is the host's physical LPI again: software injects from now on.
        let discard = describe(.discard(device: host.deviceID, event: host.eventID))
        guard let (lpi, collection) = physicalLPIs[host] else { return [discard] }
        return [
          discard,
          describe(
            .mapti(
              device: host.deviceID, event: host.eventID, lpi: lpi, collection: collection)),
        ]
      case .move(let host, let vCPU):
        return [
          describe(
            .vmovi(device: host.deviceID, event: host.eventID, virtualPE: vCPU, doorbell: nil))
        ]
      }
    }
  }

  private func describe(_ command: ITSCommand, _ byte: UInt8? = nil) -> String {
    let error = physical.run([command]).last?.error
    let suffix = byte.map { ", property byte \(hex(UInt64($0)))" } ?? ""
    return (command[.opcode].name ?? "command") + suffix
      + (error.map { " (error \($0.text))" } ?? "")
  }

  /// `kvm_vgic_v4_set_forwarding`, then `its_map_vlpi`: DISCARD and VMAPTI on the physical ITS.
  func forward(_ host: HostEvent) -> (commands: [String], vINTID: UInt32?) {
    guard let route = routes[host], let device = route.device,
      let found = virtual.setForwarding(
        route.doorbell, base: Self.guestBase, device: device, event: route.event, to: host)
    else { return ([], nil) }
    physical.configure(
      found.vINTID, enabled: true, at: InterruptSide.virtualConfiguration)
    let commands: [ITSCommand] = [
      .discard(device: host.deviceID, event: host.eventID),
      .vmapti(
        device: host.deviceID, event: host.eventID, virtualPE: found.vCPU,
        virtualLPI: found.vINTID, doorbell: INTID.spurious),
      .vsync(virtualPE: found.vCPU),
    ]
    return (commands.map { describe($0) }, found.vINTID)
  }

  /// A device's message: by hardware to a vPE, or by the host's handler and irqfd.
  func message(_ host: HostEvent) -> [JSONValue.Member] {
    switch physical.message(host.deviceID, host.eventID) {
    case .deliveredVirtual(let virtualPE, let intid, let cpu, let effect):
      return [
        .init("path", "hardware"), .init("vpe", .integer(Int(virtualPE))),
        .init("lpi", .integer(Int(intid))), .init("cpu", .integer(cpu)),
        .init("resident", .bool(effect.isResident)),
        .init("doorbell", effect.doorbell.map { .integer(Int($0)) } ?? .string("none")),
      ]
    case .delivered(let lpi, let cpu, let effect):
      physicalLPIs[host] = (lpi, physicalLPIs[host]?.collection ?? 0)
      let members: [JSONValue.Member] = [
        .init("lpi", .integer(Int(lpi))), .init("cpu", .integer(cpu)),
        .init("effect", .string("\(effect)")),
      ]
      guard let route = routes[host] else { return [.init("path", "physical")] + members }
      return [.init("path", "software")] + members + inject(route)
    case .dropped(let reason):
      return [.init("path", "none"), .init("dropped", .string("\(reason)"))]
    }
  }

  /// KVM_SIGNAL_MSI, or an irqfd's injection along a route.
  func inject(_ route: Route) -> [JSONValue.Member] {
    let result = virtual.inject(
      route.doorbell, base: Self.guestBase, device: route.device, event: route.event)
    var members: [JSONValue.Member] = [.init("returns", .integer(result.value))]
    switch result {
    case .delivered(.delivered(let lpi, let cpu, _)):
      members += [.init("vlpi", .integer(Int(lpi))), .init("vcpu", .integer(cpu))]
    case .blocked(let reason): members.append(.init("blocked", .string("\(reason)")))
    case .invalid: members.append(.init("errno-name", "EINVAL"))
    case .busy: members.append(.init("errno-name", "EBUSY"))
    default: break
    }
    return members
  }
}
