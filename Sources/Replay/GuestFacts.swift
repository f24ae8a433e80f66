package import Files

/// Facts that Linux stated of its devices, in the files of a recorded case.
package struct GuestFacts: Equatable, Sendable {
  /// One entry of an MSI-X table, or the MSI capability, as software programmed it.
  package struct Vector: Equatable, Sendable {
    package var index: UInt32
    package var address: UInt64
    package var data: UInt64
    package var isMasked: Bool
  }

  /// A reserved region of an IOMMU group.
  package struct Region: Equatable, Sendable {
    package var start: UInt64
    package var end: UInt64
    package var kind: String
  }

  /// An MSI-X capability (PCI Express 6.0, 7.7.2).
  package struct Table: Equatable, Sendable {
    /// 1 to 2048.
    package var entries: Int
    package var bar: Int
    /// Offsets in that BAR, of the table and of the pending bits.
    package var offset: UInt64
    package var pending: UInt64
    package var isEnabled: Bool
  }

  /// One function.
  package struct Device: Equatable, Sendable {
    package var driver = ""
    /// Vendor and device, such as `1b36:0010`.
    package var model = ""
    /// The type of its IOMMU domain, such as `DMA` or `identity`.
    package var domain: String?
    package var reserved: [Region] = []
    package var vectors: [Vector] = []
    /// MSI-X table of the function, if it has one.
    package var table: Table?
    /// Whether it may send requests, MSIs among them (Bus Master Enable, PCIe 6.0, 7.5.1.1.3).
    package var isBusMaster: Bool?
    /// Interrupts that Linux counted, by hardware number within the device, on all CPUs.
    package var interrupts: [UInt32: Int] = [:]
    /// Names of their requesters.
    package var names: [UInt32: String] = [:]
    /// Linux's own numbers for them.
    package var numbers: [UInt32: UInt64] = [:]
  }

  /// By DeviceID.
  package var devices: [UInt32: Device] = [:]
  /// Rows of configuration space that were damaged.
  package var damagedRows = 0

  package init() {}

  /// Reads `pci.txt`, `lspci-xxxx.txt`, `lspci-vvv.txt`, `iommu_groups.txt` and `interrupts` of a
  /// folder; a missing file adds nothing.
  ///
  /// - Throws: `InputError` when a file exists and cannot be read.
  package init(folder: String) throws(InputError) {
    let files: [(String, MachineFileKind)] = [
      ("pci.txt", .tableListing), ("lspci-xxxx.txt", .configurationDump),
      ("lspci-vvv.txt", .verboseListing), ("iommu_groups.txt", .groups),
      ("interrupts", .interrupts),
    ]
    for (name, kind) in files where InputFile.exists("\(folder)/\(name)") {
      try read("\(folder)/\(name)", as: kind)
    }
  }

  /// Adds what one file says.
  ///
  /// - Throws: `InputError` when it cannot be read.
  mutating func read(_ path: String, as kind: MachineFileKind) throws(InputError) {
    let text = try InputFile(path).text()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    switch kind {
    case .tableListing: readDevices(lines.map(Self.words))
    case .groups: readGroups(lines.map(Self.words))
    case .interrupts: readInterrupts(lines.map(Self.words))
    case .configurationDump:
      var dump = PCIDump()
      for line in lines { _ = dump.take(line) }
      damagedRows += dump.damaged
      dump.add(to: &self)
    case .verboseListing:
      var listing = VerboseListing()
      for line in lines { _ = listing.take(line) }
      listing.add(to: &self)
    default: break
    }
  }

  private static func words(_ line: Substring) -> [Substring] {
    line.split(whereSeparator: { " \t\r".contains($0) })
  }

  mutating func readDevices(_ lines: [[Substring]]) {
    var current: UInt32?
    for words in lines {
      guard let first = words.first else { continue }
      if let id = UInt32(function: first) {
        current = id
        devices[id, default: .init()].driver = value("driver", in: words).map(String.init) ?? ""
        if let vendor = value("vendor", in: words), let model = value("device", in: words) {
          devices[id]?.model = "\(vendor):\(model)"
        }
      } else if let current, first == "msix:", let entries = number("entries", in: words),
        (1...2048).contains(entries)
      {
        let table = Table(
          entries: Int(entries), bar: Int(truncatingIfNeeded: number("bir", in: words) ?? 0),
          offset: number("off", in: words) ?? 0, pending: number("pba", in: words) ?? 0,
          isEnabled: number("enable", in: words) == 1)
        devices[current]?.table = table
      } else if let current, first.hasPrefix("msix[") || first == "msi:",
        let address = number("addr", in: words), let data = number("data", in: words)
      {
        let index = first.dropFirst(5).prefix { $0 != "]" }
        let isMasked =
          first == "msi:" ? number("enable", in: words) != 1 : number("ctrl", in: words) != 0
        devices[current]?.vectors.append(
          Vector(
            index: UInt32(index) ?? 0, address: address, data: data, isMasked: isMasked))
      }
    }
  }

  mutating func readGroups(_ lines: [[Substring]]) {
    var members: [UInt32] = []
    var domain = ""
    var group: Substring?
    for words in lines {
      if words.first == "group", words.count > 1 {
        (group, members) = (words[1], [])
        domain = value("type", in: words).map(String.init) ?? ""
      } else if group != nil, words.first == "device", words.count > 1,
        let id = UInt32(function: words[1])
      {
        members.append(id)
        devices[id, default: .init()].domain = domain
      } else if words.first == "resv", words.count > 3, let start = UInt64(hex: words[1]),
        let end = UInt64(hex: words[2])
      {
        let region = Region(start: start, end: end, kind: words[3...].joined(separator: " "))
        for id in members { devices[id]?.reserved.append(region) }
      }
    }
  }

  /// Lines of `/proc/interrupts`: `22: 0 33 ITS-PCI-MSIX-0000:00:01.0 1 Edge virtio0-req.0`.
  mutating func readInterrupts(_ lines: [[Substring]]) {
    for words in lines {
      if readFlatInterrupt(words) { continue }
      guard let place = words.firstIndex(where: { $0.hasPrefix("ITS-PCI-MSI") }),
        let dash = words[place].lastIndex(of: "-"), place + 1 < words.count,
        let id = UInt32(function: words[place][words[place].index(after: dash)...]),
        let number = UInt32(words[place + 1])
      else { continue }
      let counts = words[..<place].dropFirst().compactMap { Int($0) }
      devices[id, default: .init()].interrupts[number] = counts.reduce(0) {
        $0.addingReportingOverflow($1).partialValue
      }
      devices[id]?.numbers[number] = words.first.flatMap { UInt64($0.prefix { $0 != ":" }) }
      devices[id]?.names[number] = words.dropFirst(place + 3).joined(separator: " ")
    }
  }

  /// `22: 0 33 ITS-MSI 16384 Edge virtio0-config` of kernels before 6.11: the number is
  /// domain << 27 | requester ID << 11 | index (`pci_msi_domain_calc_hwirq`).
  private mutating func readFlatInterrupt(_ words: [Substring]) -> Bool {
    guard let place = words.firstIndex(of: "ITS-MSI"), place + 1 < words.count,
      let hardware = UInt64(words[place + 1])
    else { return false }
    let domain = UInt32(truncatingIfNeeded: hardware >> 27)
    guard domain <= 0xffff else { return true }
    let id = domain << 16 | UInt32(truncatingIfNeeded: hardware >> 11 & 0xffff)
    let number = UInt32(truncatingIfNeeded: hardware & 0x7ff)
    let counts = words[..<place].dropFirst().compactMap { Int($0) }
    devices[id, default: .init()].interrupts[number] = counts.reduce(0) {
      $0.addingReportingOverflow($1).partialValue
    }
    devices[id]?.numbers[number] = words.first.flatMap { UInt64($0.prefix { $0 != ":" }) }
    devices[id]?.names[number] = words.dropFirst(place + 3).joined(separator: " ")
    return true
  }

  private func value(_ name: String, in words: [Substring]) -> Substring? {
    words.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.count + 1)
  }

  private func number(_ name: String, in words: [Substring]) -> UInt64? {
    value(name, in: words).flatMap { UInt64(hex: $0) ?? UInt64($0) }
  }
}

extension UInt32 {
  /// The requester ID that a user names: `bb:dd.f`, with a segment before it or not, or a number.
  package init?(requester text: String) {
    if let number = UInt64(number: text), number < 1 << 16 {
      self.init(number)
    } else {
      let colons = text.count { $0 == ":" }
      self.init(function: Substring(colons == 1 ? "0000:\(text)" : text))
    }
  }

  /// The requester ID of `0000:bb:dd.f`, with the domain in bits 31:16: functions of several
  /// domains are told apart, and those of domain 0 have the ID that traces name.
  init?(function text: Substring) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let domain = UInt32(parts[0], radix: 16), domain <= 0xffff,
      let bus = UInt32(parts[1], radix: 16), bus < 256
    else { return nil }
    let slot = parts[2].split(separator: ".", omittingEmptySubsequences: false)
    guard slot.count == 2, let device = UInt32(slot[0], radix: 16), device < 32,
      let function = UInt32(slot[1]), function < 8
    else { return nil }
    self = domain << 16 | bus << 8 | device << 3 | function
  }
}

extension UInt64 {
  init?(hex text: Substring) {
    guard text.hasPrefix("0x") else { return nil }
    self.init(text.dropFirst(2), radix: 16)
  }
}
