/// Whether a PCI host bridge asks the kernel to keep what firmware set up: function 5 of its _DSM
/// (PCI Firmware Specification 3.3, 4.6.5), or `linux,pci-probe-only` in a device tree.
///
/// Linux heeds RMRs for a PCI device only behind such a bridge (`iort_rmr_has_dev`).
public enum BootConfiguration: String, Sendable {
  /// Function 5 returns 0.
  case preserved
  /// There is no such function, or it returns something else.
  case notPreserved = "not preserved"
  /// The code is of a form that is not understood here, or was not given.
  case unknown
}

/// A PCI host bridge found in a DSDT.
public struct HostBridge: Equatable, Sendable {
  /// The device's name segment, such as `PCI0`.
  public let name: String
  /// Offset of its device, in bytes from the start of the table.
  public let offset: Int
  public let bootConfiguration: BootConfiguration
}

/// The host bridges of a DSDT.
///
/// This is a bounded scan for patterns and not an AML interpreter: it finds devices whose contents
/// have the `_HID` PNP0A08 or PNP0A03, in them a `_DSM` method, in it the UUID, and
/// then `If (Arg2 == 5)` whose body is `Return (0)`. Where the UUID stands in a `_DSM` that never
/// compares its function number in this way, the answer is `unknown`.
public struct HostBridgeScan: Equatable, Sendable {
  public let bridges: [HostBridge]
  /// Findings on malformed parts.
  public let findings: [FirmwareFinding]

  /// - Throws: `FirmwareError` when the bytes are no DSDT or SSDT.
  public init(_ file: [UInt8]) throws(FirmwareError) {
    let layout = RecordLayout("Differentiated System Description Table", ACPIHeader.fields)
    let isSSDT = file.starts(with: Array("SSDT".utf8))
    let table = try ACPITable(file, signature: isSSDT ? "SSDT" : "DSDT", layout: layout)
    let code = table.bytes
    findings = table.findings
    var bridges: [HostBridge] = []
    var offset = ACPIHeader.size
    while offset < code.count {
      guard let device = AMLPackage(code, opcode: Self.device, at: offset, end: code.count),
        let name = Self.nameSegment(code, at: device.contents.lowerBound),
        Self.isHostBridge(code, device.contents)
      else {
        offset += 1
        continue
      }
      bridges.append(
        HostBridge(
          name: name, offset: offset,
          bootConfiguration: Self.bootConfiguration(code, device.contents)))
      offset = device.contents.upperBound
    }
    self.bridges = bridges
  }

  private init(bridges: [HostBridge], findings: [FirmwareFinding]) {
    self.bridges = bridges
    self.findings = findings
  }

  /// The bridges of two tables, such as a DSDT and an SSDT.
  func merged(with other: Self) -> Self {
    Self(bridges: bridges + other.bridges, findings: findings + other.findings)
  }

  /// Boot configuration of all bridges: `preserved` only if each preserves.
  public var bootConfiguration: BootConfiguration {
    if bridges.isEmpty || bridges.contains(where: { $0.bootConfiguration == .unknown }) {
      return .unknown
    }
    return bridges.allSatisfy { $0.bootConfiguration == .preserved } ? .preserved : .notPreserved
  }

  // MARK: Patterns (ACPI 6.5, 20.2 and 20.3)

  private static let device: [UInt8] = [0x5b, 0x82]
  private static let method: [UInt8] = [0x14]
  private static let ifOperator: [UInt8] = [0xa0]
  /// `Name (_HID, ...)` of PNP0A08 and PNP0A03, as EISA IDs and as strings.
  private static let bridgeIDs: [[UInt8]] = [
    [0x0c, 0x41, 0xd0, 0x0a, 0x08], [0x0c, 0x41, 0xd0, 0x0a, 0x03],
    [0x0d] + Array("PNP0A08".utf8) + [0], [0x0d] + Array("PNP0A03".utf8) + [0],
  ].map { [0x08] + Array("_HID".utf8) + $0 }
  /// E5C937D0-3553-4D7A-9117-EA4D19C3434D as `ToUUID` stores it.
  static let uuid: [UInt8] = [
    0xd0, 0x37, 0xc9, 0xe5, 0x53, 0x35, 0x7a, 0x4d, 0x91, 0x17, 0xea, 0x4d, 0x19, 0xc3, 0x43, 0x4d,
  ]
  /// `Arg2 == 5` and `5 == Arg2`.
  private static let isFunction5: [[UInt8]] = [
    [0x93, 0x6a, 0x0a, 0x05], [0x93, 0x0a, 0x05, 0x6a],
  ]
  /// `Arg2 == 0`, with either zero: any comparison of the function number.
  private static let isFunction0: [[UInt8]] = [
    [0x93, 0x6a, 0x00], [0x93, 0x00, 0x6a], [0x93, 0x6a, 0x0a, 0x00],
  ]
  /// `Return (Zero)` and `Return (0)` with a byte.
  private static let returnsZero: [[UInt8]] = [[0xa4, 0x00], [0xa4, 0x0a, 0x00]]

  private static func nameSegment(_ code: [UInt8], at offset: Int) -> String? {
    guard offset + 4 <= code.count else { return nil }
    let characters = code[offset..<offset + 4]
    let isName = characters.allSatisfy {
      (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f
    }
    guard isName, !(0x30...0x39).contains(code[offset]) else { return nil }
    return String(decoding: characters, as: UTF8.self)
  }

  private static func isHostBridge(_ code: [UInt8], _ range: Range<Int>) -> Bool {
    // The ID of a nested device does not count: look only before the first one.
    let nested = firstOffset(of: device, in: code, range) ?? range.upperBound
    let own = range.lowerBound..<nested
    return bridgeIDs.contains { firstOffset(of: $0, in: code, own) != nil }
  }

  private static func bootConfiguration(
    _ code: [UInt8], _ device: Range<Int>
  ) -> BootConfiguration {
    var offset = device.lowerBound
    while offset < device.upperBound {
      if let method = AMLPackage(code, opcode: method, at: offset, end: device.upperBound),
        nameSegment(code, at: method.contents.lowerBound) == "_DSM"
      {
        return bootConfiguration(code, method: method.contents)
      }
      // A nested device's _DSM is not the bridge's.
      if let nested = AMLPackage(code, opcode: self.device, at: offset, end: device.upperBound),
        nameSegment(code, at: nested.contents.lowerBound) != nil
      {
        offset = nested.contents.upperBound
      } else {
        offset += 1
      }
    }
    return .notPreserved
  }

  private static func bootConfiguration(
    _ code: [UInt8], method: Range<Int>
  ) -> BootConfiguration {
    guard let found = firstOffset(of: uuid, in: code, method) else { return .notPreserved }
    let body = found + uuid.count..<method.upperBound
    for offset in body {
      guard let branch = AMLPackage(code, opcode: ifOperator, at: offset, end: body.upperBound)
      else { continue }
      let contents = code[branch.contents]
      guard let test = isFunction5.first(where: { contents.starts(with: $0) }) else { continue }
      let rest = contents.dropFirst(test.count)
      return returnsZero.contains { rest.elementsEqual($0) } ? .preserved : answer(rest)
    }
    // Functions are told apart in the understood way, and 5 is not among them.
    return isFunction0.contains { firstOffset(of: $0, in: code, body) != nil }
      ? .notPreserved : .unknown
  }

  /// Returns the answer of a branch for function 5 that is not a plain `Return (0)`: a plain
  /// constant other than 0 is a clear no.
  private static func answer(_ body: ArraySlice<UInt8>) -> BootConfiguration {
    let isConstant =
      body.elementsEqual([0xa4, 0x01]) || (body.starts(with: [0xa4, 0x0a]) && body.count == 3)
    return isConstant ? .notPreserved : .unknown
  }
}
