public import InputFiles

/// What Linux said of its devices, in the files of a recorded case.
public struct GuestFacts: Equatable, Sendable {
  /// One entry of an MSI-X table, or the MSI capability, as software programmed it.
  public struct Vector: Equatable, Sendable {
    public var index: UInt32
    public var address: UInt64
    public var data: UInt64
    public var isMasked: Bool
  }

  /// A reserved region of an IOMMU group.
  public struct Region: Equatable, Sendable {
    public var start: UInt64
    public var end: UInt64
    public var kind: String
  }

  /// One function.
  public struct Device: Equatable, Sendable {
    public var driver = ""
    /// Vendor and device, such as `1b36:0010`.
    public var model = ""
    /// The type of its IOMMU domain, such as `DMA` or `identity`.
    public var domain: String?
    public var reserved: [Region] = []
    public var vectors: [Vector] = []
    /// Interrupts that Linux counted, by hardware number within the device, on all CPUs.
    public var interrupts: [UInt32: Int] = [:]
    /// What requested them.
    public var names: [UInt32: String] = [:]
  }

  /// By DeviceID.
  public var devices: [UInt32: Device] = [:]

  public init() {}

  /// Reads `pci.txt`, `iommu_groups.txt` and `interrupts` of a folder; a missing file adds
  /// nothing.
  ///
  /// - Throws: `InputError` when a file exists and cannot be read.
  public init(folder: String) throws(InputError) {
    readDevices(try Self.lines("\(folder)/pci.txt"))
    readGroups(try Self.lines("\(folder)/iommu_groups.txt"))
    readInterrupts(try Self.lines("\(folder)/interrupts"))
  }

  private static func lines(_ path: String) throws(InputError) -> [[Substring]] {
    guard InputFile.exists(path) else { return [] }
    let text = try InputFile(path).text()
    return text.split(separator: "\n").map { $0.split(whereSeparator: { " \t".contains($0) }) }
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
      guard let place = words.firstIndex(where: { $0.hasPrefix("ITS-PCI-MSI") }),
        let dash = words[place].lastIndex(of: "-"), place + 1 < words.count,
        let id = UInt32(function: words[place][words[place].index(after: dash)...]),
        let number = UInt32(words[place + 1])
      else { continue }
      let counts = words[..<place].dropFirst().compactMap { Int($0) }
      devices[id, default: .init()].interrupts[number] = counts.reduce(0) {
        $0.addingReportingOverflow($1).partialValue
      }
      devices[id]?.names[number] = words.dropFirst(place + 3).joined(separator: " ")
    }
  }

  private func value(_ name: String, in words: [Substring]) -> Substring? {
    words.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.count + 1)
  }

  private func number(_ name: String, in words: [Substring]) -> UInt64? {
    value(name, in: words).flatMap { UInt64(hex: $0) ?? UInt64($0) }
  }
}

extension UInt32 {
  /// The requester ID of `0000:bb:dd.f`.
  init?(function text: Substring) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let bus = UInt32(parts[1], radix: 16), bus < 256 else { return nil }
    let slot = parts[2].split(separator: ".", omittingEmptySubsequences: false)
    guard slot.count == 2, let device = UInt32(slot[0], radix: 16), device < 32,
      let function = UInt32(slot[1]), function < 8
    else { return nil }
    self = bus << 8 | device << 3 | function
  }
}

extension UInt64 {
  init?(hex text: Substring) {
    guard text.hasPrefix("0x") else { return nil }
    self.init(text.dropFirst(2), radix: 16)
  }
}
