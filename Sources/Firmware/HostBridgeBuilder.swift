/// Builds a DSDT with nothing but PCI host bridges: their IDs, and a _DSM with the UUID of PCI
/// firmware functions, as QEMU's `build_pci_host_bridge_dsm_method` writes it.
public struct HostBridgeBuilder: Sendable {
  public var origin: TableOrigin
  private var devices: [UInt8] = []

  public init(origin: TableOrigin) { self.origin = origin }

  /// Adds a bridge.
  ///
  /// - Parameters:
  ///   - bus: its root bus; the device is called `PC` and the bus in hexadecimal.
  ///   - preserves: whether function 5 returns 0: keep what firmware set up.
  public mutating func add(bus: UInt8, preserves: Bool) {
    let digits = String(bus, radix: 16, uppercase: true)
    let name = "PC" + (digits.count == 1 ? "0" : "") + digits
    let body = Self.name("_HID") + Self.string("PNP0A08") + Self.name("_UID") + [0x0a, bus]
    devices +=
      [0x5b, 0x82] + Self.package(Array(name.utf8) + body + Self.method(preserves: preserves))
  }

  /// The table.
  public func build() -> [UInt8] {
    let scope = [0x10] + Self.package(Array("\\_SB_".utf8) + devices)
    return origin.table("DSDT", revision: 2, body: scope)
  }

  // MARK: AML (ACPI 6.5, 20.2)

  private static func name(_ segment: String) -> [UInt8] { [0x08] + Array(segment.utf8) }
  private static func string(_ text: String) -> [UInt8] { [0x0d] + Array(text.utf8) + [0] }

  /// `contents` behind their PkgLength, which counts itself.
  private static func package(_ contents: [UInt8]) -> [UInt8] {
    if contents.count + 1 <= 0x3f { return [UInt8(contents.count + 1)] + contents }
    let following = contents.count + 2 <= 0xfff ? 1 : contents.count + 3 <= 0xf_ffff ? 2 : 3
    let length = contents.count + 1 + following
    var bytes = [UInt8(following << 6 | length & 0xf)]
    for index in 0..<following {
      bytes.append(UInt8(truncatingIfNeeded: length >> (4 + 8 * index)))
    }
    return bytes + contents
  }

  /// `If (predicate) { body }`.
  private static func branch(_ predicate: [UInt8], _ body: [UInt8]) -> [UInt8] {
    [0xa0] + package(predicate + body)
  }

  /// `Return (Buffer (1) { byte })`.
  private static func returnBuffer(_ byte: UInt8) -> [UInt8] {
    [0xa4, 0x11] + package([0x01, byte])
  }

  /// `_DSM`: function 0 says which functions there are, function 5 returns 0.
  private static func method(preserves: Bool) -> [UInt8] {
    let uuid = [0x11] + package([0x0a, 0x10] + HostBridgeScan.uuid)
    let functions: [UInt8] = branch([0x93, 0x6a, 0x00], returnBuffer(preserves ? 0x21 : 0x01))
    let keep: [UInt8] = preserves ? branch([0x93, 0x6a, 0x0a, 0x05], [0xa4, 0x00]) : []
    let known = branch([0x93, 0x68] + uuid, functions + keep)
    return [0x14] + package(Array("_DSM".utf8) + [0x04] + known + returnBuffer(0))
  }
}
