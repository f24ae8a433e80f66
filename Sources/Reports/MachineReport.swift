import ArmFormats
import Bits
import Designs
package import Files
import GIC
package import Machine
import PCI
import Scenarios

/// Report of `doorbell machine show`: both address maps, the attachment of the devices, and remarks
/// on the machine.
package struct MachineReport: Sendable {
  private let machine: MachineDescription

  package init(_ machine: MachineDescription) { self.machine = machine }

  /// What is worth knowing, with what keeps the engine from running it.
  private var findings: [MachineFinding] {
    machine.findings + [machine.unmodelled].compactMap(\.self)
  }

  // MARK: For people

  package func text(on terminal: Terminal = Terminal()) -> String {
    var output = terminal.paint(machine.name, .heading) + "\n"
    output += paragraph(summary, indent: "", width: terminal.width)
    output += "\n" + map("physical machine (PA)", machine.hostParts).render(on: terminal)
    output += "\n" + map("each VM (IPA)", machine.guestParts).render(on: terminal)
    output += "\n" + devices.render(on: terminal)
    guard !findings.isEmpty else { return output }
    output += "\n"
    for finding in findings {
      let word =
        finding.kind.isError ? terminal.paint("error", .bad) : terminal.paint("note", .warning)
      output += paragraph(
        "\(word): \(finding.description). \(finding.kind.meaning)", indent: "",
        width: terminal.width)
    }
    return output
  }

  private var summary: String {
    let host = machine.host
    let features = host.smmuFeatures.words
    let parts = [
      machine.name == machine.base ? nil : "from \(machine.base)",
      count(machine.machines, "VM") + " of " + count(machine.virtualCPUs, "virtual CPU"),
      "host of \(count(host.cpus, "CPU")), GIC\(host.gic?.name ?? " of the version that a design needs")",
      "\(host.deviceTable.rawValue) device tables of \(host.deviceBits)-bit DeviceIDs",
      "\(host.streamBits)-bit StreamIDs",
      "LPIs: \(host.interrupts.rawValue)",
      "software MSI window: \(host.messageWindow)"
        + (host.messageWindow == MachineDescription.Host.linuxWindow
          ? "" : " (in no release of Linux)"),
      "SMMU features: \(features.isEmpty ? "none" : features.joined(separator: ", "))",
      "RMR: "
        + (machine.guest.reservedRange.map {
          "\($0.range), \($0.attributes.name)\($0.isPrivileged ? ", privileged" : "")"
        } ?? "0x8000000..0x80fffff if a design advertises one"),
    ]
    return parts.compactMap(\.self).joined(separator: "; ")
  }

  private func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  private func map(_ title: String, _ parts: [MachineDescription.Part]) -> TextTable {
    var table = TextTable([
      (title, .left), ("from", .right), ("to", .right), ("length", .right), ("field", .left),
    ])
    for part in parts.sorted(by: { $0.range.base < $1.range.base }) {
      table.add([
        TextTable.Cell(part.name), TextTable.Cell(hex(part.range.base)),
        TextTable.Cell(hex(part.range.last)), TextTable.Cell(hex(part.range.length)),
        TextTable.Cell(part.field),
      ])
    }
    return table
  }

  private var devices: TextTable {
    var table = TextTable([
      ("device", .left), ("VM", .right), ("requester", .left), ("SMMU", .right),
      ("StreamID", .right), ("ITS", .right), ("DeviceID", .right), ("in the guest", .left),
      ("vectors", .right), ("DMA bits", .right), ("vCPU of vectors", .left),
    ])
    for (index, device) in machine.devices.enumerated() {
      table.add([
        TextTable.Cell("\(index) \(device.name)"), TextTable.Cell(String(device.machine)),
        TextTable.Cell(device.requester.description), TextTable.Cell(String(device.smmu)),
        TextTable.Cell(machine.host.stream(of: device.requester).description),
        TextTable.Cell(String(device.its)),
        TextTable.Cell(machine.host.device(of: device.requester).description),
        TextTable.Cell(device.guestRequester.description),
        TextTable.Cell(String(device.vectors)), TextTable.Cell(String(device.dmaBits)),
        TextTable.Cell(targets(of: device)),
      ])
    }
    return table
  }

  private func targets(of device: MachineDescription.Device) -> String {
    guard !device.virtualCPUs.isEmpty else {
      return machine.virtualCPUs == 1 ? "0" : "vector modulo \(machine.virtualCPUs)"
    }
    return device.virtualCPUs.map(String.init).joined(separator: ", ")
  }

  // MARK: For programs

  package var json: JSONValue {
    let host = machine.host
    return [
      "name": .string(machine.name),
      "base": .string(machine.base),
      "machines": .integer(machine.machines),
      "virtualCPUs": .integer(machine.virtualCPUs),
      "host": [
        "cpus": .integer(host.cpus),
        "gic": .string(host.gic?.name),
        "deviceTable": .string(host.deviceTable.rawValue),
        "deviceBits": .integer(host.deviceBits),
        "streamBits": .integer(host.streamBits),
        "interrupts": .string(host.interrupts.rawValue),
        "messageWindow": [
          "base": .string(hex(host.messageWindow.base)),
          "length": .string(hex(host.messageWindow.length)),
          "isReleased": .bool(host.messageWindow == MachineDescription.Host.linuxWindow),
        ],
        "smmuFeatures": .array(host.smmuFeatures.words.map { .string($0) }),
        "map": .array(machine.hostParts.map(\.json)),
        "bridges": .array(host.bridges.map(\.json)),
      ],
      "guest": [
        "map": .array(machine.guestParts.map(\.json)),
        "doorbell": .string(machine.guest.doorbell.description),
        "reservedRange": machine.guest.reservedRange.map { reserved -> JSONValue in
          [
            "base": .string(hex(reserved.range.base)),
            "length": .string(hex(reserved.range.length)),
            "remapPermitted": reserved.remapPermitted.map { .bool($0) } ?? .null,
            "isPrivileged": .bool(reserved.isPrivileged),
            "attributes": .string(reserved.attributes.name),
          ]
        } ?? .null,
      ],
      "devices": .array(machine.devices.map(json)),
      "findings": .array(
        findings.map {
          [
            "kind": .string($0.kind.rawValue), "isError": .bool($0.kind.isError),
            "field": .string($0.field), "message": .string($0.message),
          ]
        }),
    ]
  }

  private func json(_ device: MachineDescription.Device) -> JSONValue {
    [
      "name": .string(device.name),
      "machine": .integer(device.machine),
      "requester": .string(device.requester.description),
      "guestRequester": .string(device.guestRequester.description),
      "smmu": .integer(device.smmu),
      "streamID": .string(machine.host.stream(of: device.requester).description),
      "its": .integer(device.its),
      "deviceID": .string(machine.host.device(of: device.requester).description),
      "vectors": .integer(device.vectors),
      "dmaBits": .integer(device.dmaBits),
      "bar": ["base": .string(hex(device.bar.base)), "length": .string(hex(device.bar.length))],
      "virtualCPUs": .array(
        (0..<device.vectors).map {
          .integer(device.virtualCPU(of: $0, count: machine.virtualCPUs))
        }),
    ]
  }

  /// One line for each machine.
  package static func list(
    _ machines: [MachineDescription], on terminal: Terminal = Terminal()
  ) -> String {
    var table = TextTable([
      ("machine", .left), ("RAM", .left), ("GICD", .right), ("doorbell", .right),
      ("what is worth knowing", .left),
    ])
    for machine in machines {
      let kinds = machine.findings.map(\.kind.rawValue)
      var seen: [String] = []
      for kind in kinds where !seen.contains(kind) { seen.append(kind) }
      table.add([
        TextTable.Cell(machine.name),
        TextTable.Cell(machine.guest.ram.map(\.description).joined(separator: ", ")),
        TextTable.Cell(machine.guest.distributor.description),
        TextTable.Cell(machine.guest.doorbell.description),
        TextTable.Cell(seen.isEmpty ? "-" : seen.joined(separator: ", ")),
      ])
    }
    return table.render(on: terminal)
  }
}

extension MachineDescription.SMMUFeatureSet {
  /// The names of the features that are there.
  fileprivate var words: [String] { Self.names.filter { contains($0.feature) }.map(\.name) }
}

extension MachineDescription.Part {
  fileprivate var json: JSONValue {
    [
      "name": .string(name), "field": .string(field), "base": .string(hex(range.base)),
      "length": .string(hex(range.length)),
    ]
  }
}

extension MachineDescription.Bridge {
  fileprivate var json: JSONValue {
    [
      "firstBus": .integer(Int(buses.lowerBound)), "lastBus": .integer(Int(buses.upperBound)),
      "streamOffset": .string(hex(UInt64(streamOffset))),
      "deviceOffset": .string(hex(UInt64(deviceOffset))),
    ]
  }
}
