internal import Bits
internal import Files

/// Reads `/proc/interrupts`, old and new: `ITS-MSI 524288` with the function in the number
/// (`pci_msi_domain_calc_hwirq`: domain << 27 | requester ID << 11 | index), and
/// `ITS-PCI-MSIX-0000:11:00.0 0` since per-device MSI domains (Linux 6.11).
struct InterruptReader: Sendable {
  /// The CPUs of the columns.
  private(set) var processors: [Int] = []

  /// Takes the heading `CPU0 CPU1 ...`.
  mutating func takeHeading(_ text: String) -> Bool {
    guard text.utf8.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "C") else {
      return false
    }
    let words = text.split(whereSeparator: \.isWhitespace)
    let numbers = words.compactMap { $0.hasPrefix("CPU") ? Int($0.dropFirst(3)) : nil }
    guard !words.isEmpty, numbers.count == words.count else { return false }
    processors = numbers
    return true
  }

  /// A line of the table.
  func row(_ text: String, _ source: Evidence) -> InterruptRow? {
    guard !processors.isEmpty,
      let start = text.utf8.first(where: { $0 != 0x20 && $0 != 0x09 }), 0x30...0x39 ~= start
    else { return nil }
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count > processors.count + 1, let first = words.first,
      first.last == ":", let number = Int(first.dropLast())
    else { return nil }
    var counts: [UInt64] = []
    for word in words[1...processors.count] {
      guard let count = UInt64(word) else { return nil }
      counts.append(count)
    }
    let rest = words[(processors.count + 1)...]
    guard let chip = rest.first else { return nil }
    let details = rest.dropFirst()
    let hardware = details.first.flatMap { UInt64($0) }
    let behind = hardware == nil ? details : details.dropFirst()
    let names =
      behind.first.map { $0 == "Edge" || $0 == "Level" || $0 == "None" } == true
      ? behind.dropFirst() : behind
    var row = InterruptRow(
      number: number, counts: counts, chip: String(chip), hardwareNumber: hardware,
      names: names.joined(separator: " "), source: source)
    Self.locate(&row)
    return row
  }

  /// Whether a line is one of the table's other rows, such as `IPI0:` and `Err:`.
  func isOtherRow(_ text: String) -> Bool {
    guard !processors.isEmpty, let first = text.split(whereSeparator: \.isWhitespace).first else {
      return false
    }
    return first.hasSuffix(":") && (first.hasPrefix("IPI") || first == "Err:" || first == "NMI:")
  }

  /// The function and the vector, from the chip's name or from the number.
  private static func locate(_ row: inout InterruptRow) {
    if let range = row.chip.firstRange(of: "PCI-MSIX-") ?? row.chip.firstRange(of: "PCI-MSI-") {
      row.function = PCIFunction(row.chip[range.upperBound...])
      row.vector = row.hardwareNumber.map { Int(truncatingIfNeeded: $0) }
    } else if row.chip == "ITS-MSI" || row.chip == "MSI" || row.chip == "GICv2m"
      || row.chip == "PCI-MSI", let number = row.hardwareNumber
    {
      row.function = PCIFunction(
        domain: UInt32(truncatingIfNeeded: number >> 27),
        requesterID: UInt16(truncatingIfNeeded: number >> 11))
      row.vector = Int(number & 0x7ff)
    }
  }
}

/// Numbers and ranges as sysfs prints CPUs: `0-3,8`.
enum ProcessorList {
  /// At most 4,096 numbers.
  static func parse(_ text: some StringProtocol) -> [Int]? {
    var numbers: [Int] = []
    for part in text.split(separator: ",") {
      let ends = part.split(separator: "-").map { $0.filter { !$0.isWhitespace } }
        .compactMap { Int(String($0)) }
      guard let first = ends.first, let last = ends.last, ends.count <= 2, first >= 0,
        first <= last, last < 4096
      else { return nil }
      numbers += Array(first...last)
      guard numbers.count <= 4096 else { return nil }
    }
    return numbers.isEmpty ? nil : numbers
  }
}

/// Reads lines of sysfs and procfs as `grep .` prints them, with the file before each value:
/// affinities, CPUs, groups, reserved regions; and the same values under a heading that names the
/// file, as `cat` and `ls` leave them.
struct SystemFileReader: Sendable {
  private var group: Int?
  /// Whether the lines are those of a listing of `/sys/class/iommu`.
  private var isClass = false
  /// Lines since the group was named: a listing follows at once.
  private var distance = 0

  enum Fact {
    case affinity(Int, [Int])
    case online([Int])
    case possible([Int])
    case member(PCIFunction, Int)
    case region(ClosedRange<UInt64>, String, group: Int?)
    case heading
  }

  mutating func take(_ text: String) -> Fact? {
    let line = text.drop { $0 == " " || $0 == "\t" }
    distance += 1
    if distance > 64 { group = nil }
    guard let start = line.utf8.first else { return nil }
    if line.utf8.contains(UInt8(ascii: "/")) {
      if let range = line.firstRange(of: "iommu_groups/") {
        return groupFact(line[range.upperBound...])
      }
      if line.contains("/sys/class/iommu/") {
        // `ls /sys/class/iommu/*/devices/`: what is behind each IOMMU, or that there is none.
        (group, isClass) = (nil, true)
        return .heading
      }
      if isClass, line.contains(" -> ") { return .heading }
    }
    // A number, `resv`, a heading or a member of a group.
    guard group != nil || "0r/IiGg".utf8.contains(start) else { return nil }
    if line.hasPrefix("/proc/irq/") { return affinity(line) }
    if line.hasPrefix("/sys/devices/system/cpu/"), let colon = line.firstIndex(of: ":") {
      let values = ProcessorList.parse(line[line.index(after: colon)...])
      if line.contains("cpu/online:") { return values.map(Fact.online) }
      if line.contains("cpu/possible:") || line.contains("cpu/present:") {
        return values.map(Fact.possible)
      }
      return nil
    }
    if let region = Self.region(line) { return .region(region.0, region.1, group: group) }
    return namedGroup(line, isIndented: line.startIndex != text.startIndex)
  }

  /// `/proc/irq/63/effective_affinity_list:0`. The effective one wins, and comes after the other.
  private func affinity(_ line: Substring) -> Fact? {
    let parts = line.split(separator: "/")
    guard parts.count >= 4, let number = Int(parts[2]), parts[3].contains("affinity_list"),
      let colon = line.firstIndex(of: ":"),
      let list = ProcessorList.parse(line[line.index(after: colon)...])
    else { return nil }
    return .affinity(number, list)
  }

  private mutating func groupFact(_ rest: Substring) -> Fact? {
    guard let number = Int(rest.prefix { $0.isNumber }) else { return nil }
    group = number
    distance = 0
    if let range = rest.firstRange(of: "reserved_regions:"),
      let region = Self.region(rest[range.upperBound...])
    {
      return .region(region.0, region.1, group: number)
    }
    if let range = rest.firstRange(of: "devices/"),
      let function = PCIFunction.first(in: rest[range.upperBound...])
    {
      return .member(function, number)
    }
    return .heading
  }

  /// `0x0000000008000000 0x00000000080fffff msi`.
  static func region(_ line: Substring) -> (ClosedRange<UInt64>, String)? {
    let words = line.split(whereSeparator: { " \t\r".contains($0) })
    guard words.count == 3 || words.count == 4 && words[0] == "resv" else { return nil }
    let values = words.suffix(3)
    let types: Set<Substring> = ["direct", "direct-relaxable", "reserved", "msi"]
    guard let type = values.last, types.contains(type),
      let first = values.first.flatMap({ UInt64(number: $0) }),
      let last = UInt64(number: values[values.startIndex + 1]), first <= last
    else { return nil }
    return (first...last, String(type))
  }

  /// `IOMMU Group 24 0009:01:00.0 ...`, `group 5 type=DMA`, and members below a heading.
  private mutating func namedGroup(_ line: Substring, isIndented: Bool) -> Fact? {
    let words = line.split(separator: " ")
    guard let first = words.first else { return nil }
    if words.count > 1, first.lowercased() == "iommu", words[1].lowercased() == "group",
      words.count > 2, let number = Int(words[2].prefix { $0.isNumber })
    {
      (group, distance) = (number, 0)
      return PCIFunction.first(in: line).map { .member($0, number) } ?? .heading
    }
    if first == "group", words.count > 1, let number = Int(words[1]) {
      (group, distance) = (number, 0)
      return .heading
    }
    guard let group else { return nil }
    // `<tab>0007:21:00.0 Ethernet controller ...` below `IOMMU Group 44:`.
    if isIndented, let function = PCIFunction(first) { return .member(function, group) }
    if words.count == 1 || first == "device", let last = words.last,
      let function = PCIFunction(last)
    {
      return .member(function, group)
    }
    if let arrow = words.firstIndex(of: "->"), arrow > 0,
      let function = PCIFunction(words[arrow - 1])
    {
      return .member(function, group)
    }
    return nil
  }
}
