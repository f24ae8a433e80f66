internal import ArmFormats
public import Bits
internal import GIC
internal import PCI

extension MachineDescription {
  /// A part of one of the two maps.
  public struct Part: Sendable {
    /// What it is, such as `GICD`.
    public let name: String
    /// The field of a machine file that says where it stands.
    public let field: String
    public let range: AddressRange
    /// What the base is a multiple of.
    var alignment: UInt64 = 0x1_0000
  }

  /// What is wrong with the machine: errors first, each in the order of the fields.
  public var findings: [MachineFinding] {
    var findings = countFindings
    // What follows counts on the numbers.
    guard findings.isEmpty else { return findings }
    findings += partFindings(hostParts) + partFindings(guestParts)
    findings += frameFindings + bridgeFindings + identifierFindings + referenceFindings
    findings += memoryFindings
    let misplaced = messageWindowFindings
    // What follows counts on a window that ends.
    guard misplaced.isEmpty else { return findings + misplaced }
    return findings + windowFindings + rangeFindings + featureFindings
  }

  /// The first finding that no run can be made with; `nil` for none.
  public var problem: MachineFinding? { findings.first { $0.kind.isError } }

  // MARK: Numbers

  private var countFindings: [MachineFinding] {
    var findings: [MachineFinding] = []
    func check(_ field: String, _ value: Int, _ range: ClosedRange<Int>) {
      guard !range.contains(value) else { return }
      findings.append(
        .init(
          .count, at: field,
          "expected \(range.lowerBound) to \(range.upperBound), found \(value)"))
    }
    check("machines", machines, 1...Self.maximumMachines)
    check("virtual-cpus", virtualCPUs, 1...Self.maximumVirtualCPUs)
    check("devices", devices.count, 1...Self.maximumDevices)
    check("host.cpus", host.cpus, 1...512)
    check("host.ram", host.ram.count, 1...64)
    check("host.its", host.itses.count, 1...65)
    check("host.smmus", host.smmus.count, 1...64)
    check(
      "host.device-bits", host.deviceBits,
      host.deviceTable == .flat ? Self.flatDeviceBits : Self.deviceBits)
    check("host.stream-bits", host.streamBits, Self.streamBits)
    check("host.bridges", host.bridges.count, 1...256)
    check("guest.ram", guest.ram.count, 1...64)
    for (index, device) in devices.enumerated() {
      check("devices[\(index)].vectors", device.vectors, 1...2048)
      check("devices[\(index)].dma-bits", device.dmaBits, 1...64)
    }
    let spis = host.messageSPIs
    if spis.isEmpty || spis.lowerBound < 32 || spis.upperBound > 1020 {
      findings.append(
        .init(
          .count, at: "host.v2m-spis",
          "expected SPIs from 32 to 1019, found \(spis.lowerBound) to \(Int(spis.upperBound) - 1)"))
    }
    return findings
  }

  // MARK: Parts

  /// What stands in the physical machine.
  public var hostParts: [Part] {
    var parts = host.ram.enumerated().map {
      Part(name: "RAM", field: "host.ram[\($0)]", range: $1, alignment: 0x1000)
    }
    func add(_ name: String, _ field: String, _ base: PA, _ length: UInt64, _ alignment: UInt64) {
      parts.append(
        Part(
          name: name, field: field, range: AddressRange(from: base.rawValue, length: length),
          alignment: alignment))
    }
    add("GICD", "host.gicd", host.distributor, 0x1_0000, 0x1_0000)
    let frames = host.redistributorRange(host.gic ?? .v3)
    add("GICR", "host.gicr", host.redistributors, frames.length, 0x1_0000)
    for (index, base) in host.itses.enumerated() {
      add("ITS \(index)", "host.its[\(index)]", base, Host.unitLength, 0x1_0000)
    }
    add("v2m frame", "host.v2m", host.messageFrame, 0x1000, 0x1000)
    for (index, base) in host.smmus.enumerated() {
      add("SMMU \(index)", "host.smmus[\(index)]", base, Host.unitLength, 0x1_0000)
    }
    for (index, bridge) in host.bridges.enumerated() {
      guard let ecam = bridge.ecam else { continue }
      parts.append(
        Part(
          name: "ECAM of bridge \(index)", field: "host.bridges[\(index)].ecam", range: ecam,
          alignment: 0x10_0000))
    }
    for (index, device) in devices.enumerated() {
      parts.append(
        Part(
          name: "BAR of device \(index)", field: "devices[\(index)].bar", range: device.bar,
          alignment: 0x1000))
    }
    return parts
  }

  /// What stands in the map of each virtual machine.
  public var guestParts: [Part] {
    let smmus = host.smmus.count
    var parts = guest.parts(smmus: smmus).map { part in
      Part(
        name: part.name, field: "guest.\(part.field)", range: part.range,
        alignment: part.field == "ram" || part.field == "v2m" ? 0x1000 : 0x1_0000)
    }
    parts.append(
      Part(
        name: "BARs", field: "guest.bars", range: guestBars, alignment: 0x1000))
    return parts
  }

  /// The pages of the assigned functions' BARs in the guest that hold their MSI-X tables.
  var guestBars: AddressRange {
    let page = guest.msixTable.alignedDown(toBit: 12)
    return AddressRange(
      from: page.rawValue,
      length: UInt64(devices.count - 1) &* AddressMap.barSpacing &+ 0x8000)
  }

  private func partFindings(_ parts: [Part]) -> [MachineFinding] {
    var findings: [MachineFinding] = []
    for (index, part) in parts.enumerated() {
      if part.range.base % part.alignment != 0 {
        findings.append(
          .init(
            .misaligned, at: part.field,
            "expected a multiple of \(hex(part.alignment)) for the \(part.name), found "
              + hex(part.range.base)))
      }
      if part.range.last >> 44 != 0 {
        findings.append(
          .init(
            .beyondAddressSpace, at: part.field,
            "expected addresses of at most 44 bits, found the \(part.name) at \(part.range)"))
      }
      for other in parts[..<index] where other.range.overlaps(part.range) {
        findings.append(
          .init(
            .overlap, at: part.field,
            "the \(part.name) at \(part.range) lies over the \(other.name) at \(other.range)"))
      }
    }
    return findings
  }

  private var frameFindings: [MachineFinding] {
    guard virtualCPUs > guest.redistributorFrames else { return [] }
    return [
      .init(
        .tooFewFrames, at: "virtual-cpus",
        "expected at most \(guest.redistributorFrames), as many as there are redistributor frames "
          + "in the guest's map, found \(virtualCPUs)")
    ]
  }

  // MARK: Bridges

  private var bridgeFindings: [MachineFinding] {
    var findings: [MachineFinding] = []
    for (index, bridge) in host.bridges.enumerated() {
      let field = "host.bridges[\(index)]"
      let needed = UInt64(bridge.buses.count) << 20
      if let ecam = bridge.ecam, ecam.length < needed {
        findings.append(
          .init(
            .ecamTooSmall, at: field + ".ecam",
            "expected 1 MiB for each of \(bridge.buses.count) buses, found "
              + "\(hex(ecam.length)) bytes"))
      }
      for other in host.bridges[..<index] where other.buses.overlaps(bridge.buses) {
        findings.append(
          .init(
            .sharedBus, at: field + ".buses",
            "buses \(bridge.buses.lowerBound) to \(bridge.buses.upperBound) overlap those of "
              + "another bridge, \(other.buses.lowerBound) to \(other.buses.upperBound)"))
      }
    }
    for (index, device) in devices.enumerated() {
      findings += bridgeFindings(of: device, "devices[\(index)]")
    }
    if !guest.windows.isEmpty, !guest.windows.contains(where: { $0.contains(guestBars) }) {
      findings.append(
        .init(
          .outsideWindow, at: "guest.bars",
          "the BARs at \(guestBars) stand in none of the guest's windows"))
    }
    let buses = (devices.map { Int($0.guestRequester.bus) }.max() ?? 0) + 1
    if let ecam = guest.ecam, ecam.length < UInt64(buses) << 20 {
      findings.append(
        .init(
          .ecamTooSmall, at: "guest.ecam",
          "expected 1 MiB for each of \(buses) buses, found \(hex(ecam.length)) bytes"))
    }
    return findings
  }

  private func bridgeFindings(of device: Device, _ field: String) -> [MachineFinding] {
    var findings: [MachineFinding] = []
    // Table and pending bits, as the models lay them out.
    let needed = Device.pendingOffset + UInt64((device.vectors + 63) / 64 * 8)
    if device.bar.length < needed {
      findings.append(
        .init(
          .barTooSmall, at: field + ".bar",
          "expected at least \(hex(needed)) bytes for \(device.vectors) vectors, found "
            + hex(device.bar.length)))
    }
    guard let bridge = host.bridge(of: device.requester) else {
      let message = "no bridge has bus \(device.requester.bus) of \(device.requester)"
      return findings + [.init(.noBus, at: field + ".requester", message)]
    }
    if !bridge.windows.isEmpty, !bridge.windows.contains(where: { $0.contains(device.bar) }) {
      findings.append(
        .init(
          .outsideWindow, at: field + ".bar",
          "the BAR at \(device.bar) stands in none of its bridge's windows"))
    }
    return findings
  }

  // MARK: Identifiers and references

  private var identifierFindings: [MachineFinding] {
    var findings: [MachineFinding] = []
    for (index, device) in devices.enumerated() {
      let field = "devices[\(index)]"
      let stream = host.stream(of: device.requester)
      let deviceID = host.device(of: device.requester)
      for (name, id, bits, place) in [
        ("StreamID", stream.rawValue, host.streamBits, "host.stream-bits"),
        ("DeviceID", deviceID.rawValue, host.deviceBits, "host.device-bits"),
      ] where bits < 32 && id >> UInt32(max(0, bits)) != 0 {
        findings.append(
          .init(
            .identifier, at: field + ".requester",
            "\(device.requester) has \(name) \(hex(UInt64(id))), more than \(bits) bits "
              + "(\(place))"))
      }
      for other in devices[..<index] {
        if other.requester == device.requester {
          findings.append(
            .init(
              .identifier, at: field + ".requester",
              "\(device.requester) is another device's requester ID"))
        } else if other.smmu == device.smmu, host.stream(of: other.requester) == stream {
          findings.append(
            .init(
              .identifier, at: field + ".requester",
              "StreamID \(stream) at SMMU \(device.smmu) is another device's"))
        } else if other.its == device.its, host.device(of: other.requester) == deviceID {
          findings.append(
            .init(
              .identifier, at: field + ".requester",
              "DeviceID \(deviceID) at ITS \(device.its) is another device's"))
        }
        if other.machine == device.machine, other.guestRequester == device.guestRequester {
          findings.append(
            .init(
              .identifier, at: field + ".guest-requester",
              "\(device.guestRequester) is another device's requester ID in the same VM"))
        }
      }
    }
    return findings
  }

  private var referenceFindings: [MachineFinding] {
    var findings: [MachineFinding] = []
    func check(_ field: String, _ number: Int, _ count: Int, _ name: String) {
      guard !(0..<count).contains(number) else { return }
      findings.append(
        .init(
          .reference, at: field,
          count == 1
            ? "expected 0, the only \(name), found \(number)"
            : "expected the number of \(name) 0 to \(count - 1), found \(number)"))
    }
    for (index, device) in devices.enumerated() {
      let field = "devices[\(index)]"
      check(field + ".smmu", device.smmu, host.smmus.count, "SMMU")
      check(field + ".its", device.its, host.itses.count, "ITS")
      check(field + ".machine", device.machine, machines, "VM")
      for cpu in device.virtualCPUs {
        check(field + ".virtual-cpus", cpu, virtualCPUs, "virtual CPU")
      }
    }
    return findings
  }

  // MARK: Memory

  private var memoryFindings: [MachineFinding] {
    let needed = guest.ram.reduce(0) { $0 &+ $1.length } &* UInt64(machines)
    let room = host.guestMemory.length
    guard needed > room else { return [] }
    return [
      .init(
        .hostMemory, at: "host.ram",
        "expected at least \(hex(needed)) bytes of RAM for the VMs in the first half of the last "
          + "range, found \(hex(room))")
    ]
  }

  /// Lengths of the software MSI window: from one page of 64 KiB on.
  private static let windowLengths: ClosedRange<UInt64> = 0x1_0000...0x100_0000

  private var messageWindowFindings: [MachineFinding] {
    let field = "host.msi-window"
    let window = host.messageWindow
    if window.base % 0x1_0000 != 0 || window.length % 0x1_0000 != 0 {
      return [
        .init(
          .misaligned, at: field,
          "expected multiples of 0x10000 for the software MSI window, found \(hex(window.base)) + "
            + hex(window.length))
      ]
    }
    if !Self.windowLengths.contains(window.length) {
      return [
        .init(
          .count, at: field,
          "expected a window of 64 KiB to 16 MiB, found \(hex(window.length)) bytes")
      ]
    }
    if window.last >> 44 != 0 {
      return [
        .init(
          .beyondAddressSpace, at: field,
          "expected addresses of at most 44 bits, found the software MSI window at \(window)")
      ]
    }
    return []
  }

  private var featureFindings: [MachineFinding] {
    guard host.smmuFeatures.contains(.ats) else { return [] }
    return [
      .init(
        .translationServices, at: "host.smmu-features",
        "the SMMUs and the functions offer ATS; the host turns it on for a device with stage 2 "
          + "alone, whose MSIs go the same way as without")
    ]
  }

  private var windowFindings: [MachineFinding] {
    var findings: [MachineFinding] = []
    let window = host.messageWindow
    if window != Host.linuxWindow {
      findings.append(
        .init(
          .otherWindow, at: "host.msi-window",
          "the host's kernel has the software MSI window at \(window)"))
    }
    for part in guestParts where part.range.overlaps(window) {
      let isRAM = part.field == "guest.ram"
      findings.append(
        .init(
          isRAM ? .windowOverRAM : .windowOverRegisters, at: part.field,
          "the software MSI window at \(window) covers the \(part.name) at \(part.range)"))
    }
    return findings
  }

  /// The reserved range that firmware advertises, where a design advertises one.
  private var rangeFindings: [MachineFinding] {
    var findings: [MachineFinding] = []
    let advertised = guest.reservedRange?.range ?? Host.linuxWindow
    let first = AddressRange(from: host.messageWindow.base, length: 0x1_0000)
    if !advertised.contains(first) {
      findings.append(
        .init(
          .rangeMissesWindow, at: "guest.rmr",
          "the reserved range at \(advertised) leaves out the software MSI window at "
            + "\(host.messageWindow)"))
    }
    guard let reserved = guest.reservedRange else { return findings }
    if reserved.isPrivileged {
      findings.append(
        .init(.privilegedRange, at: "guest.rmr.privileged", "the reserved range is privileged"))
    }
    if !reserved.attributes.isDevice {
      findings.append(
        .init(
          .rangeAttributes, at: "guest.rmr.attributes",
          "the reserved range is normal memory in stage 1"))
    }
    for part in guestParts where part.field == "guest.ram" && part.range.overlaps(reserved.range) {
      findings.append(
        .init(
          .rangeOverRAM, at: "guest.rmr",
          "the reserved range at \(reserved.range) covers the \(part.name) at \(part.range)"))
    }
    if let requesters = reserved.requesters,
      !devices.contains(where: { requesters.contains($0.guestRequester.rawValue) })
    {
      findings.append(
        .init(
          .unusedRange, at: "guest.rmr.requesters",
          "no device has a requester ID from \(RequesterID(rawValue: requesters.lowerBound)) to "
            + "\(RequesterID(rawValue: requesters.upperBound))"))
    }
    return findings
  }
}

extension MachineDescription.Host {
  /// The RAM that the VMs' memory is taken from: the lower half of the last range.
  public var guestMemory: AddressRange {
    let range = ram.last ?? AddressRange(from: 0, length: 1)
    return AddressRange(from: range.base, length: range.length / 2 & ~0xfff)
  }

  /// Where the host keeps its tables: the upper half of the last range.
  public var ownMemory: AddressRange {
    let range = ram.last ?? AddressRange(from: 0, length: 1)
    let half = range.length / 2 & ~0xfff
    return AddressRange(from: range.base &+ half, length: (range.length - half) & ~0xfff)
  }
}
