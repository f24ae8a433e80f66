internal import ArmFormats
internal import Bits

/// Configuration space of functions, as `lspci -xxx` and `lspci -xxxx` print it, and the MSI and
/// MSI-X capabilities in it (PCI Express 6.0, 7.5, 7.7).
///
///     0000:00:02.0 0108: 1b36:0010
///     00: 36 1b 10 00 02 00 10 00 02 02 08 01 00 00 00 00
///
/// The MSI-X table itself is in no configuration space: a listing of it may follow
/// (`GuestFacts.readDevices`), or `lspci -vvv` says whether it is on.
struct PCIDump {
  /// Rows that were understood, and rows of a dump that were damaged.
  private(set) var rows = 0
  private(set) var damaged = 0
  private(set) var spaces: [UInt32: [UInt8]] = [:]
  private var current: UInt32?
  /// Extended configuration space ends there.
  private static let size = 4096

  /// Takes one line; `false` when it is no line of a dump.
  mutating func take(_ line: Substring) -> Bool {
    let words = line.split(whereSeparator: { " \t\r".contains($0) })
    guard let first = words.first else { return false }
    if let id = UInt32(shortFunction: first) {
      guard line.first != " ", line.first != "\t" else { return false }
      current = id
      if spaces[id] == nil { spaces[id] = [] }
      return true
    }
    guard first.hasSuffix(":"), first.count >= 3, first.count <= 4,
      let offset = Int(first.dropLast(), radix: 16), offset % 16 == 0
    else { return false }
    let bytes = words.dropFirst().prefix(16).compactMap { UInt8($0, radix: 16) }
    guard let current, bytes.count == words.count - 1, bytes.count == 16,
      offset + 16 <= Self.size, spaces[current]?.count == offset
    else {
      damaged += 1
      return true
    }
    rows += 1
    spaces[current]?.append(contentsOf: bytes)
    return true
  }

  /// Adds what the capabilities say to the facts.
  func add(to facts: inout GuestFacts) {
    for (id, space) in spaces where space.count >= 64 {
      let view = ConfigurationView(space)
      var device = facts.devices[id] ?? .init()
      if device.model.isEmpty {
        device.model = "\(Self.digits(view.word16(0))):\(Self.digits(view.word16(2)))"
      }
      if let table = view.table { device.table = table }
      if let message = view.message, device.vectors.isEmpty { device.vectors = [message] }
      facts.devices[id] = device
    }
  }

  private static func digits(_ word: UInt64) -> String {
    let text = String(word, radix: 16)
    return String(repeating: "0", count: max(0, 4 - text.count)) + text
  }
}

/// Reads fields and capabilities of one function; what lies outside reads as zero.
private struct ConfigurationView {
  let space: [UInt8]

  init(_ space: [UInt8]) { self.space = space }

  func byte(_ offset: Int) -> UInt64 { space.indices.contains(offset) ? UInt64(space[offset]) : 0 }
  func word16(_ offset: Int) -> UInt64 { byte(offset) | byte(offset + 1) << 8 }
  func word32(_ offset: Int) -> UInt64 { word16(offset) | word16(offset + 2) << 16 }

  /// Returns the offset of the capability with this ID. The list may be a loop in a damaged dump.
  func capability(_ id: UInt64) -> Int? {
    guard word16(6) & 0x10 != 0 else { return nil }
    var place = Int(byte(0x34) & 0xfc)
    for _ in 0..<48 where place >= 0x40 {
      if byte(place) == id { return place }
      place = Int(byte(place + 1) & 0xfc)
    }
    return nil
  }

  var table: GuestFacts.Table? {
    guard let place = capability(0x11) else { return nil }
    let control = MSIXControl(rawValue: word16(place + 2))
    let location = word32(place + 4)
    let pending = word32(place + 8)
    return GuestFacts.Table(
      entries: Int(control[.tableSize]) + 1, bar: Int(location & 7), offset: location & ~7,
      pending: pending & ~7, isEnabled: control[.enable])
  }

  /// The message of a function with plain MSI, where it is on.
  var message: GuestFacts.Vector? {
    guard let place = capability(0x05) else { return nil }
    let control = MSIControl(rawValue: word16(place + 2))
    guard control[.enable] else { return nil }
    let isWide = control[.wideAddress]
    let address = word32(place + 4) | (isWide ? word32(place + 8) << 32 : 0)
    return GuestFacts.Vector(
      index: 0, address: address, data: word16(place + (isWide ? 12 : 8)), isMasked: false)
  }
}

extension UInt32 {
  /// The requester ID of `bb:dd.f`, with a segment before it or not.
  init?(shortFunction text: Substring) {
    let colons = text.count { $0 == ":" }
    guard colons == 1 || colons == 2 else { return nil }
    self.init(function: colons == 1 ? "0000:" + text : text)
  }
}
