import ArmFormats
import Bits
package import Files
import GIC
import HostKernel
import KVM
import Memory
package import Scenarios
import Software

extension ITSBench {
  package func perform(
    _ action: String, _ arguments: CheckedValue
  ) throws(InputError) -> Outcome {
    let isVirtual = arguments.text("its") == "virtual"
    let host = HostEvent(deviceID: arguments.word("device"), eventID: arguments.word("event"))
    switch action {
    case "commands":
      return run(arguments["list"]?.items ?? [], isVirtual: isVirtual)
    case "configure":
      let lpi = arguments.word("lpi")
      let isEnabled = arguments["enabled"]?.boolean ?? false
      if isVirtual {
        virtual.configure(lpi, enabled: isEnabled)
      } else {
        physical.configure(lpi, enabled: isEnabled)
      }
      return Outcome()
    case "enable-lpis":
      let value: UInt64 = arguments["on"]?.boolean ?? false ? 1 : 0
      if isVirtual {
        virtual.writeRedistributor(0, value, at: arguments.number("cpu"), width: 4)
      } else {
        physical.writeRedistributor(0, value, at: arguments.number("cpu"), width: 4)
      }
      return Outcome()
    case "msi": return Outcome(message(host))
    case "route":
      routes[host] = Route(
        doorbell: IPA(arguments.integer("doorbell")), device: arguments.word("guest-device"),
        event: arguments.word("guest-event"))
      return Outcome()
    case "set-routes": return setRoutes(arguments)
    case "forward":
      let result = forward(host)
      return Outcome([
        .init("forwarded", .bool(result.vINTID != nil)),
        .init("commands", .array(result.commands.map { .string($0) })),
      ])
    case "signal-msi":
      return Outcome(
        inject(
          Route(
            doorbell: IPA(arguments.integer("doorbell")),
            device: arguments["device"].map { UInt32(truncatingIfNeeded: $0.integer) },
            event: arguments.word("event"))))
    default: return observe(action, arguments, isVirtual)
    }
  }

  private func observe(
    _ action: String, _ arguments: CheckedValue, _ isVirtual: Bool
  ) -> Outcome {
    let cpu = arguments.number("cpu")
    func list(_ intids: [UInt32]) -> JSONValue { .array(intids.map { .integer(Int($0)) }) }
    switch action {
    case "doorbell-write":
      let window = PreITSWindow(base: 0x5800_0000, size: 0x20_0000)
      guard let device = window.deviceID(at: PA(arguments.integer("address"))) else {
        return Outcome([.init("path", "none"), .init("dropped", "outside the window")])
      }
      return Outcome(
        [.init("device", .integer(Int(device)))]
          + message(HostEvent(deviceID: device, eventID: arguments.word("event"))))
    case "pending":
      let count = isVirtual ? virtual.redistributors.count : physical.redistributors.count
      guard cpu < count else { return Outcome([.init("lpis", [])]) }
      let intids =
        isVirtual
        ? virtual.redistributors.pendingLPIs(at: cpu, memory: virtual.memory)
        : physical.redistributors.pendingLPIs(at: cpu, memory: physical.memory)
      return Outcome([.init("lpis", list(intids))])
    case "acknowledge":
      let intids = isVirtual ? virtual.acknowledge(cpu) : physical.acknowledge(cpu)
      return Outcome([.init("lpis", list(intids))])
    case "enter":
      physical.setResident(
        UInt16(truncatingIfNeeded: arguments.integer("vpe")), at: cpu, doorbell: false)
      return Outcome([.init("takes", list(physical.acknowledgeVirtual(cpu)))])
    case "leave":
      physical.setResident(nil, at: cpu, doorbell: arguments["doorbell"]?.boolean ?? false)
      return Outcome()
    default:
      let status = physical.its.readRegister(ITSRegister.status, width: 4)
      let record = physical.its.readRegister(ITSRegister.unmappedMSI, width: 8)
      return Outcome([
        .init("latched", .bool(status >> 4 & 1 == 1)),
        .init("device", .integer(Int(record >> 32))),
        .init("event", .integer(Int(record & 0xffff_ffff))),
      ])
    }
  }

  private func setRoutes(_ arguments: CheckedValue) -> Outcome {
    let vectors = arguments["unmasked"]?.integer ?? arguments.integer("vectors")
    do throws(Refusal) {
      try routingTable.set(Int(clamping: arguments.integer("devices") &* vectors))
      return Outcome([.init("routes", .integer(routingTable.count))])
    } catch {
      return Outcome(error)
    }
  }

  // MARK: Commands

  private func run(_ items: [CheckedValue], isVirtual: Bool) -> Outcome {
    let commands = items.compactMap { $0.members.first.flatMap(command) }
    let reports = isVirtual ? virtual.run(commands) : physical.run(commands)
    for command in commands where !isVirtual && command[.opcode] == .mapti {
      let host = HostEvent(deviceID: command[.deviceID], eventID: command[.eventID])
      physicalLPIs[host] = (command[.physicalINTID], command[.collectionID])
    }
    var values: [JSONValue.Member] = [
      .init("errors", .array(reports.map { .string($0.error.map(\.text) ?? "none") }))
    ]
    if isVirtual {
      values.append(.init("mirrored", .array(mirror().map { .string($0) })))
    }
    return Outcome(values)
  }

  private func command(_ member: CheckedValue.Member) -> ITSCommand? {
    let value = member.value
    let device = value.word("device")
    let event = value.word("event")
    let collection = UInt16(truncatingIfNeeded: value.integer("collection"))
    switch member.name {
    case "mapd":
      return .mapd(
        device: device, eventBits: UInt8(truncatingIfNeeded: value["bits"]?.integer ?? 8),
        table: PA(value["table"]?.integer ?? 0x5000_0000 + UInt64(device) << 12),
        valid: value["valid"]?.boolean ?? true)
    case "mapc":
      return .mapc(
        collection: collection, target: value.integer("cpu"), valid: value["valid"]?.boolean ?? true
      )
    case "mapti":
      return .mapti(device: device, event: event, lpi: value.word("lpi"), collection: collection)
    case "mapi": return .mapi(device: device, event: event, collection: collection)
    case "movi": return .movi(device: device, event: event, collection: collection)
    case "int": return .int(device: device, event: event)
    case "clear": return .clear(device: device, event: event)
    case "discard": return .discard(device: device, event: event)
    case "inv": return .inv(device: device, event: event)
    case "invall": return .invall(collection: collection)
    default: return virtualCommand(member.name, value)
    }
  }

  private func virtualCommand(_ name: String, _ value: CheckedValue) -> ITSCommand? {
    let virtualPE = UInt16(truncatingIfNeeded: value.integer("vpe"))
    switch name {
    case "vmapp":
      return .vmapp(
        virtualPE: virtualPE, target: value.integer("cpu"),
        table: InterruptSide.virtualPending + UInt64(virtualPE) << 16, tableBits: 16,
        defaultDoorbell: value["doorbell"].map { UInt32(truncatingIfNeeded: $0.integer) }
          ?? INTID.spurious,
        configuration: InterruptSide.virtualConfiguration, allocate: true)
    case "vmovp": return .vmovp(virtualPE: virtualPE, target: value.integer("cpu"))
    default: return nil
    }
  }
}

extension ITSCommandError {
  /// The manual's six digits.
  var text: String { hex(UInt64(rawValue), digits: 6) }
}

extension CheckedValue {
  /// A field of 32 bits; its shape bounds it.
  func word(_ name: String) -> UInt32 { UInt32(truncatingIfNeeded: integer(name)) }
  func number(_ name: String) -> Int { Int(clamping: integer(name)) }
}
