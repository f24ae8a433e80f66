internal import Bits
internal import Files

/// Reads what `lspci` prints, from one line a function to `-vvv` and `-xxxx`, across PCI domains,
/// and listings of MSI-X tables (`msix[0]: addr=... data=... ctrl=...`).
struct ListingReader: Sendable {
  private(set) var functions: [PCIFunction: ListedFunction] = [:]
  private var current: PCIFunction?
  /// The capability that indented lines belong to.
  private var capability = ""
  private static let limit = 65_536

  /// Takes a line.
  ///
  /// - Returns: the kind of file that has such lines; `nil` for a line of something else.
  mutating func take(_ text: String, _ source: Evidence) -> CaseFile.Kind? {
    guard let first = text.utf8.first else {
      capability = ""
      return nil
    }
    if first == 0x09 || first == 0x20 {
      guard current != nil else { return nil }
      return takeDetail(text.drop { $0 == " " || $0 == "\t" }, source)
    }
    let isHex = (0x30...0x39).contains(first) || (0x61...0x66).contains(first | 0x20)
    guard isHex || first == UInt8(ascii: "S") || first == UInt8(ascii: "m") else {
      current = nil
      return nil
    }
    if let current, let entry = Self.entry(text[...], source) {
      functions[current]?.entries.append(entry)
      return .listing
    }
    if let kind = takeRow(text, source) { return kind }
    return takeTitle(text, source)
  }

  // MARK: Titles

  private mutating func takeTitle(_ text: String, _ source: Evidence) -> CaseFile.Kind? {
    var words = text.split(separator: " ", maxSplits: 2)
    if words.first == "Slot:", words.count > 1 { words.removeFirst() }
    guard let address = words.first, let function = PCIFunction(address), words.count > 1,
      functions.count < Self.limit || functions[function] != nil
    else {
      current = nil
      return nil
    }
    // "0000:21:00.0 -> ../../devices" is a link, no listing.
    guard words[1] != "->" else { return nil }
    current = function
    capability = ""
    if functions[function] == nil {
      functions[function] = ListedFunction(file: source.file, title: source)
    }
    functions[function]?.isBridge = text.contains("bridge:") || text.contains("PCI bridge")
    if text.contains("(rev ff)") { functions[function]?.isGone = Sourced(true, source) }
    take(driverOf: text, source)
    return text.contains("driver=") ? .listing : .listing
  }

  /// `driver=nvme` of a listing of tables.
  private mutating func take(driverOf text: String, _ source: Evidence) {
    guard let current, let range = text.firstRange(of: "driver=") else { return }
    let name = text[range.upperBound...].prefix { $0 != " " }
    if name != "-" { functions[current]?.driver = Sourced(String(name), source) }
  }

  // MARK: Details

  private mutating func takeDetail(_ line: Substring, _ source: Evidence) -> CaseFile.Kind? {
    guard let current else { return nil }
    let isOn = { (name: String) -> Bool? in
      guard let range = line.firstRange(of: name), range.upperBound < line.endIndex else {
        return nil
      }
      return line[range.upperBound] == "+"
    }
    if line.hasPrefix("Control: I/O") {
      functions[current]?.busMaster = isOn("BusMaster").map { Sourced($0, source) }
      functions[current]?.memory = isOn("Mem").map { Sourced($0, source) }
      functions[current]?.interruptsDisabled = isOn("DisINTx")
    } else if line.hasPrefix("Bus: primary=") {
      functions[current]?.buses = Self.buses(line)
      functions[current]?.isBridge = true
    } else if line.hasPrefix("Capabilities: [") {
      takeCapability(line, source, current)
    } else if line.hasPrefix("Address: "), capability == "MSI" {
      let words = line.split(separator: " ")
      if words.count > 1, let address = UInt64(words[1], radix: 16) {
        functions[current]?.messageAddress = Sourced(address, source)
      }
      if let place = words.firstIndex(of: "Data:"), place + 1 < words.count {
        functions[current]?.messageData = UInt32(words[place + 1], radix: 16)
      }
    } else if line.hasPrefix("Masking: "), capability == "MSI" {
      if let mask = UInt32(line.dropFirst(9).prefix { $0.isHexDigit }, radix: 16) {
        functions[current]?.maskBits = Sourced(mask, source)
      }
    } else if line.hasPrefix("Kernel driver in use: ") {
      functions[current]?.driver = Sourced(String(line.dropFirst(22)), source)
    } else if line.hasPrefix("!!! Unknown header type") {
      functions[current]?.isGone = Sourced(true, source)
    } else if line.contains("DLActive") {
      // Lines behind "LnkSta:" go on with a tab.
      functions[current]?.linkActive = isOn("DLActive").map { Sourced($0, source) }
    } else if line.hasPrefix("Status: D"), capability == "PM" {
      functions[current]?.powerState = Sourced(String(line.dropFirst(8).prefix(5)), source)
    } else if line.hasPrefix("ATSCtl:") {
      functions[current]?.atsEnabled = isOn("Enable").map { Sourced($0, source) }
    } else if let entry = Self.entry(line, source) {
      functions[current]?.entries.append(entry)
    }
    return .listing
  }

  /// `Bus: primary=30, secondary=31, subordinate=31, sec-latency=0`.
  private static func buses(_ line: Substring) -> ClosedRange<UInt16>? {
    func value(_ name: String) -> UInt16? {
      guard let range = line.firstRange(of: name) else { return nil }
      return UInt16(line[range.upperBound...].prefix { $0.isHexDigit }, radix: 16)
    }
    guard let first = value("secondary="), let last = value("subordinate="), first > 0,
      first <= last
    else { return nil }
    return first...last
  }

  private mutating func takeCapability(
    _ line: Substring, _ source: Evidence, _ current: PCIFunction
  ) {
    func flag(_ name: String) -> Bool {
      guard let range = line.firstRange(of: name), range.upperBound < line.endIndex else {
        return false
      }
      return line[range.upperBound] == "+"
    }
    let count = line.firstRange(of: "Count=").flatMap { range in
      Int(line[range.upperBound...].prefix { $0.isNumber })
    }
    capability = "other"
    if line.contains("] MSI-X: ") {
      capability = "MSI-X"
      functions[current]?.msix = Sourced(
        .init(
          isEnabled: flag("Enable"), count: count ?? 1, isMasked: flag("Masked"), is64Bit: true),
        source)
    } else if line.contains("] MSI: ") {
      capability = "MSI"
      functions[current]?.msi = Sourced(
        .init(
          isEnabled: flag("Enable"), count: count ?? 1, isMasked: false, is64Bit: flag("64bit")),
        source)
    } else if line.contains("Power Management") {
      capability = "PM"
    } else if line.contains("Address Translation Service") {
      functions[current]?.hasATS = true
    }
  }

  /// `msix[3]: addr=0x8000040 data=0x3 ctrl=0`.
  private static func entry(
    _ line: Substring, _ source: Evidence
  ) -> ListedFunction.MSIXEntry? {
    guard line.hasPrefix("msix["), let index = Int(line.dropFirst(5).prefix { $0.isNumber }) else {
      return nil
    }
    func value(_ name: String) -> UInt64? {
      guard let range = line.firstRange(of: "\(name)=") else { return nil }
      let text = line[range.upperBound...].prefix { $0 != " " }
      return UInt64(number: text) ?? UInt64(text, radix: 16)
    }
    guard let address = value("addr"), let data = value("data") else { return nil }
    return .init(
      index: index, address: address, data: UInt32(truncatingIfNeeded: data),
      isMasked: (value("ctrl") ?? 0) & 1 == 1, source: source)
  }

  // MARK: Configuration space

  /// A row of `lspci -x`: an offset and sixteen bytes.
  private mutating func takeRow(_ text: String, _ source: Evidence) -> CaseFile.Kind? {
    guard let current, let colon = text.utf8.firstIndex(of: 0x3a) else { return nil }
    let digits = text[..<colon]
    guard (2...3).contains(digits.count), let offset = Int(digits, radix: 16), offset % 16 == 0
    else { return nil }
    let words = text[text.index(after: colon)...].split(separator: " ")
    let bytes = words.prefix(16).compactMap { $0.count == 2 ? UInt8($0, radix: 16) : nil }
    guard bytes.count == 16, words.count == 16 else { return nil }
    guard functions[current]?.space.count == offset, offset < 4096 else {
      return .configurationDump
    }
    functions[current]?.space += bytes
    if offset == 0 { functions[current]?.spaceSource = source }
    return .configurationDump
  }

  /// Adds the capabilities in configuration space that no text listed.
  mutating func finish() {
    for (function, listed) in functions where listed.space.count >= 64 {
      guard let source = listed.spaceSource else { continue }
      var listed = listed
      let space = ConfigurationSpace(listed.space)
      if space.word(0) == 0xffff {
        listed.isGone = listed.isGone ?? Sourced(true, source)
      } else {
        listed.isBridge = listed.isBridge || space.buses != nil
        listed.buses = listed.buses ?? space.buses
        let command = space.word(4)
        listed.busMaster = listed.busMaster ?? Sourced(command & 4 != 0, source)
        listed.memory = listed.memory ?? Sourced(command & 2 != 0, source)
        listed.interruptsDisabled = listed.interruptsDisabled ?? (command & 0x400 != 0)
        listed.msix = listed.msix ?? space.msix.map { Sourced($0, source) }
        if let (capability, address, data) = space.msi {
          listed.msi = listed.msi ?? Sourced(capability, source)
          listed.messageAddress = listed.messageAddress ?? Sourced(address, source)
          listed.messageData = listed.messageData ?? data
        }
      }
      functions[function] = listed
    }
  }
}

/// Configuration space of a function (PCI Express 6.0, 7.5.1 and 7.7); what lies outside reads as 0.
private struct ConfigurationSpace {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func byte(_ offset: Int) -> Int { bytes.indices.contains(offset) ? Int(bytes[offset]) : 0 }
  func word(_ offset: Int) -> Int { byte(offset) | byte(offset + 1) << 8 }
  func long(_ offset: Int) -> UInt64 {
    UInt64(word(offset)) | UInt64(word(offset + 2)) << 16
  }

  /// The buses behind a bridge (header type 1).
  var buses: ClosedRange<UInt16>? {
    let (first, last) = (UInt16(byte(0x19)), UInt16(byte(0x1a)))
    return byte(0x0e) & 0x7f == 1 && first > 0 && first <= last ? first...last : nil
  }

  /// Returns the offset of the capability with this ID. The list has 48 members at most.
  private func capability(_ id: Int) -> Int? {
    var offset = byte(0x34) & 0xfc
    for _ in 0..<48 {
      guard offset >= 0x40 else { return nil }
      if byte(offset) == id { return offset }
      offset = byte(offset + 1) & 0xfc
    }
    return nil
  }

  var msix: ListedFunction.MessageCapability? {
    capability(0x11).map { offset in
      let control = word(offset + 2)
      return .init(
        isEnabled: control & 0x8000 != 0, count: (control & 0x7ff) + 1,
        isMasked: control & 0x4000 != 0, is64Bit: true)
    }
  }

  var msi: (ListedFunction.MessageCapability, UInt64, UInt32)? {
    capability(0x05).map { offset in
      let control = word(offset + 2)
      let is64Bit = control & 0x80 != 0
      let address = long(offset + 4) | (is64Bit ? long(offset + 8) << 32 : 0)
      return (
        .init(
          isEnabled: control & 1 != 0, count: 1 << (control >> 4 & 7), isMasked: false,
          is64Bit: is64Bit), address, UInt32(word(offset + (is64Bit ? 12 : 8)))
      )
    }
  }
}

extension ListedFunction {
  /// This listing with what another of the same function adds.
  func merged(with other: Self) -> Self {
    var all = self
    // Of two listings under different drivers each has what its driver programmed: the first stands.
    if let own = driver?.value, let others = other.driver?.value, own != others { return all }
    all.driver = driver ?? other.driver
    all.busMaster = busMaster ?? other.busMaster
    all.memory = memory ?? other.memory
    all.interruptsDisabled = interruptsDisabled ?? other.interruptsDisabled
    all.msi = msi ?? other.msi
    all.msix = msix ?? other.msix
    all.messageAddress = messageAddress ?? other.messageAddress
    all.messageData = messageData ?? other.messageData
    all.maskBits = maskBits ?? other.maskBits
    all.isGone = isGone ?? other.isGone
    all.linkActive = linkActive ?? other.linkActive
    all.buses = buses ?? other.buses
    all.isBridge = isBridge || other.isBridge
    all.powerState = powerState ?? other.powerState
    all.atsEnabled = atsEnabled ?? other.atsEnabled
    if all.entries.isEmpty { all.entries = other.entries }
    if all.space.isEmpty { (all.space, all.spaceSource) = (other.space, other.spaceSource) }
    return all
  }
}
