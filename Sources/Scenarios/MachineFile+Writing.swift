import Bits
import Designs
import GIC
package import Machine
import PCI

extension MachineDescription {
  /// A machine file with every field, each with what it means, to start from.
  package var fileText: String {
    var text = """
      # A machine: the physical one, what each virtual machine on it sees, and the assigned devices.
      # Whatever is left out is as in the built-in machine that 'from' names; 'doorbell schema machine'
      # has every field. 'doorbell machine show FILE' checks the file and draws the map; a scenario
      # runs on it with 'machine: FILE'.
      from: \(base)

      # Virtual machines, all with the same map, and the virtual CPUs of each.
      machines: \(machines)
      virtual-cpus: \(virtualCPUs)

      # The physical machine: what stands at which PA.
      host:
        # The last range holds the VMs' memory in its lower half, the host's own tables in the upper.
        ram:

      """
    for range in host.ram { text += "    - \(Self.text(range))\n" }
    text += """
        cpus: \(host.cpus)
        # v3, v4.0 or v4.1; what a design needs if not given.
        \(host.gic.map { "gic: \($0.name)" } ?? "# gic: v4.1")
        # two-level or flat: the device tables that the ITSs take; DeviceID and StreamID bits.
        device-table: \(host.deviceTable.rawValue)
        device-bits: \(host.deviceBits)
        stream-bits: \(host.streamBits)
        gicd: \(host.distributor)
        gicr: \(host.redistributors)
        its: [\(host.itses.map(\.description).joined(separator: ", "))]
        # For hosts with a GICv2m frame ('machine: { controller: gicv2m }').
        v2m: \(host.messageFrame)
        v2m-spis: { first: \(host.messageSPIs.lowerBound), count: \(host.messageSPIs.count) }
        smmus: [\(host.smmus.map(\.description).joined(separator: ", "))]

      """
    for feature in SMMUFeatureSet.names {
      text += "  # \(feature.name): \(feature.meaning)\n"
    }
    let features = SMMUFeatureSet.names.filter { host.smmuFeatures.contains($0.feature) }
    text += "  smmu-features: [\(features.map(\.name).joined(separator: ", "))]\n"
    text +=
      "  # Firmware maps requester IDs to StreamIDs, and those to DeviceIDs, by adding these.\n"
    text += "  bridges:\n"
    for bridge in host.bridges { text += Self.text(bridge) }
    text += """
        # first or least-loaded: the CPUs that LPIs go to.
        interrupts: \(host.interrupts.rawValue)
        # The software MSI window of the kernel's SMMU driver: this one in every release of Linux.
        msi-window: \(Self.text(host.messageWindow))

      """
    text += guestText
    text += "\n# The assigned functions, in the order of their numbers.\ndevices:\n"
    for device in devices { text += Self.text(device) }
    return text
  }

  private var guestText: String {
    var text = """

      # What each virtual machine sees: what stands at which IPA.
      guest:
        ram:

      """
    for range in guest.ram { text += "    - \(Self.text(range))\n" }
    let redistributors = AddressRange(
      from: guest.redistributors.rawValue, length: guest.redistributorsSize)
    text += """
        gicd: \(guest.distributor)
        # 128 KiB for each virtual CPU.
        gicr: \(Self.text(redistributors))

      """
    if let second = guest.furtherRedistributors { text += "  gicr-2: \(Self.text(second))\n" }
    text += """
        its: \(guest.itsBase)
        # For designs whose guest has a GICv2m frame instead of an ITS.
        v2m: \(guest.messageFramePlace)
        # The first vSMMU; the others follow, 128 KiB each.
        smmu: \(guest.smmuBase)
        # The first function's MSI-X table; those of the others follow, 64 KiB apart.
        bars: \(guest.msixTable)

      """
    if let ecam = guest.ecam { text += "  ecam: \(Self.text(ecam))\n" }
    text += "  # Where BARs may stand; anywhere if empty.\n"
    text +=
      guest.windows.isEmpty
      ? "  windows: []\n"
      : "  windows:\n" + guest.windows.map { "    - \(Self.text($0))\n" }.joined()
    text +=
      "  # The reserved range that firmware advertises; the software MSI window if not given.\n"
    guard let reserved = guest.reservedRange else {
      return text
        + "  # rmr: { base: 0x8000000, size: 1 MiB, remapping: denied, privileged: false,\n"
        + "  #   attributes: device-ngnrne }\n"
    }
    var fields = [
      "base: \(hex(reserved.range.base))", "size: \(Self.size(reserved.range.length))",
    ]
    if let remap = reserved.remapPermitted {
      fields.append("remapping: \(remap ? "permitted" : "denied")")
    }
    if reserved.isPrivileged { fields.append("privileged: true") }
    fields.append("attributes: \(reserved.attributes.name)")
    if let ids = reserved.requesters {
      fields.append(
        "requesters: { first: '\(RequesterID(rawValue: ids.lowerBound))', "
          + "last: '\(RequesterID(rawValue: ids.upperBound))' }")
    }
    return text + "  rmr: { \(fields.joined(separator: ", ")) }\n"
  }

  private static func text(_ bridge: Bridge) -> String {
    var text =
      "    - buses: { first: \(bridge.buses.lowerBound), last: \(bridge.buses.upperBound) }\n"
    if let ecam = bridge.ecam { text += "      ecam: \(Self.text(ecam))\n" }
    if !bridge.windows.isEmpty {
      text += "      windows:\n"
      text += bridge.windows.map { "        - \(Self.text($0))\n" }.joined()
    }
    return text + "      stream-offset: \(hex(UInt64(bridge.streamOffset)))\n"
      + "      device-offset: \(hex(UInt64(bridge.deviceOffset)))\n"
  }

  private static func text(_ device: Device) -> String {
    var text = """
        - name: '\(device.name.replacing("'", with: "''"))'
          vectors: \(device.vectors)
          machine: \(device.machine)
          smmu: \(device.smmu)
          its: \(device.its)
          requester: '\(device.requester)'
          guest-requester: '\(device.guestRequester)'
          bar: \(Self.text(device.bar))
          dma-bits: \(device.dmaBits)

      """
    guard !device.virtualCPUs.isEmpty else {
      text += "    # The virtual CPU of each vector; vector modulo virtual CPUs if not given.\n"
      return text + "    # virtual-cpus: [0]\n"
    }
    return text + "    virtual-cpus: \(device.virtualCPUs)\n"
  }

  private static func text(_ range: AddressRange) -> String {
    "{ base: \(hex(range.base)), size: \(size(range.length)) }"
  }

  /// `768 MiB`, or hexadecimal where it is no multiple of a unit.
  static func size(_ length: UInt64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] as [(String, UInt64)]
    where length & (1 << shift - 1) == 0 && length > 0 {
      return "\(length >> shift) \(unit)"
    }
    return hex(length)
  }
}
