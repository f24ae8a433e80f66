internal import Bits
internal import Files

/// A command line of a VMM.
package struct VirtualMachineCommand: Sendable {
  /// `qemu`, `cloud-hypervisor`, `openvmm` or `libvirt`.
  package var vmm: String
  /// Options with their values, in order, without dashes.
  package var options: [(name: String, value: String)] = []
  package var source: Evidence

  /// The value of each option of that name.
  package func values(_ name: String) -> [String] {
    options.filter { $0.name == name }.map(\.value)
  }

  /// Devices: the driver, and its properties.
  package var devices: [(driver: String, properties: [String: String], text: String)] {
    values("device").map { text in
      if text.hasPrefix("{"), let object = try? JSONValue(parsing: Array(text.utf8)),
        case .object(let members) = object
      {
        return Self.device(members, text)
      }
      let parts = text.split(separator: ",").map(String.init)
      return (parts.first ?? "", Self.properties(parts.dropFirst()), text)
    }
  }

  /// A device as libvirt writes it, in one JSON object.
  private static func device(
    _ members: [JSONValue.Member], _ text: String
  ) -> (driver: String, properties: [String: String], text: String) {
    var properties: [String: String] = [:]
    for member in members {
      switch member.value {
      case .string(let value): properties[member.name] = value
      case .bool(let value): properties[member.name] = value ? "on" : "off"
      case .integer(let value): properties[member.name] = String(value)
      default: break
      }
    }
    return (properties["driver"] ?? "", properties, text)
  }

  package static func properties(_ parts: some Sequence<String>) -> [String: String] {
    var properties: [String: String] = [:]
    for part in parts {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard let name = pair.first else { continue }
      properties[String(name)] = pair.count > 1 ? String(pair[1]) : "on"
    }
    return properties
  }

  /// The machine's properties.
  package var machine: [String: String] {
    var all: [String: String] = [:]
    for value in values("machine") + values("M") {
      let parts = value.split(separator: ",").map(String.init)
      if let first = parts.first, !first.contains("=") { all["type"] = first }
      all.merge(Self.properties(parts.filter { $0.contains("=") })) { _, new in new }
    }
    return all
  }

  package var usesKVM: Bool {
    !values("enable-kvm").isEmpty || machine["accel"]?.contains("kvm") == true
      || values("accel").contains { $0.hasPrefix("kvm") } || vmm != "qemu"
  }

  /// Firmware that could give the guest ACPI tables.
  package var hasFirmware: Bool {
    !values("bios").isEmpty || !values("pflash").isEmpty
      || values("drive").contains { $0.contains("if=pflash") }
      || machine["pflash0"] != nil || values("firmware").isEmpty == false
  }

  /// SMMUs of the guest that use the host's.
  package var acceleratedSMMUs: [[String: String]] {
    devices.filter { $0.driver == "arm-smmuv3" && $0.properties["accel"] == "on" }
      .map(\.properties)
  }

  /// Whether the guest has an SMMU at all.
  package var hasSMMU: Bool {
    machine["iommu"] == "smmuv3" || devices.contains { $0.driver == "arm-smmuv3" }
  }

  /// Functions of the host that the VM has.
  package var assigned: [PCIFunction] {
    let hosts = devices.filter { $0.driver.hasPrefix("vfio-pci") }.compactMap {
      $0.properties["host"].flatMap { PCIFunction($0) }
        ?? $0.properties["sysfsdev"].flatMap { PCIFunction.first(in: $0) }
    }
    // `--device path=` of Cloud Hypervisor, `--vfio` of crosvm and OpenVMM, `--vfio-pci` of kvmtool.
    let others = options.filter {
      $0.name == "device" && $0.value.contains("path=") || ["vfio", "vfio-pci"].contains($0.name)
    }.compactMap { PCIFunction.first(in: $0.value) }
    return hosts + others
  }

  /// Virtual CPUs, of `-smp 8`, `-smp 8,sockets=1` or `-smp cpus=8`, and `--cpus boot=8`.
  package var processors: Int? {
    guard let text = (values("smp") + values("cpus")).first else { return nil }
    for part in text.split(separator: ",") {
      let pair = part.split(separator: "=")
      if pair.count == 1 || ["cpus", "boot"].contains(pair[0]), let last = pair.last,
        let count = Int(last)
      {
        return count
      }
    }
    return nil
  }

  /// Bytes of RAM, of `-m`.
  package var memory: UInt64? {
    guard let text = values("m").first else { return nil }
    let size = text.split(separator: ",").first { !$0.contains("=") || $0.hasPrefix("size=") }
    guard let digits = size.map({ $0.hasPrefix("size=") ? $0.dropFirst(5) : $0[...] }),
      let number = UInt64(digits.prefix { $0.isNumber }), number < 1 << 40
    else { return nil }
    switch digits.last?.lowercased() {
    case "k": return number << 10
    case "g": return number << 30
    case "t": return number < 1 << 20 ? number << 40 : nil
    case "b": return number
    default: return number << 20
    }
  }
}
