/// ACPI tables as text: what `acpidump` prints, and what `iasl -d` makes of a table of data, at whose
/// end the bytes stand once more.
public enum ACPIText {
  /// Bytes of text that tell what it is.
  private static let lookahead = 1 << 16
  /// Tables of one text that are read.
  static let tableLimit = 1024

  /// Whether bytes are the text of `acpidump` or `iasl -d`.
  public static func isText(_ bytes: [UInt8]) -> Bool {
    let start = bytes.prefix(lookahead)
    guard !start.contains(0) else { return false }
    return isDisassembly(start) || lines(start).contains { signature(of: $0) != nil }
  }

  private static func isDisassembly(_ bytes: ArraySlice<UInt8>) -> Bool {
    let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
    return text.contains("AML/ASL+ Disassembler") || text.contains("DefinitionBlock (")
  }

  private static func lines(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    bytes.split(separator: 0x0a, omittingEmptySubsequences: true)
  }

  /// The tables that a text holds, in its order.
  ///
  /// - Throws: `FirmwareError` where there are none, or the text is the source of code, which only a
  ///   compiler can turn into a table.
  public static func tables(_ bytes: [UInt8]) throws(FirmwareError) -> [[UInt8]] {
    var reader = Reader()
    for line in lines(bytes[...]) { reader.take(line) }
    if let problem = reader.problem { throw problem }
    guard !reader.tables.isEmpty else {
      throw isDisassembly(bytes.prefix(lookahead))
        ? Reader.sourceOnly
        : FirmwareError(
          "expected the tables of acpidump, found none: use 'acpixtract -a FILE' and give the "
            + "tables")
    }
    return reader.tables
  }

  /// Reads such a text line by line, whatever stands before, between and behind the tables.
  public struct Reader: Sendable {
    private var found: [[UInt8]] = []
    /// Whether lines of bytes go on with the last table.
    private var isOpen = false
    private var size = 0
    /// Error of a table that is not whole.
    public private(set) var problem: FirmwareError?
    /// Whether the text is what `iasl -d` writes.
    public private(set) var isDisassembly = false

    /// Error for a disassembly that has no bytes.
    static let sourceOnly = FirmwareError(
      "expected a table, found the source of one: compile it with 'iasl FILE' and give the "
        + "result, FILE.aml")
    /// Bytes of all tables together that are kept.
    private static let sizeLimit = 32 << 20

    public init() {}

    /// The tables so far, in the order of the text.
    public var tables: [[UInt8]] { found.filter { !$0.isEmpty } }

    /// Takes a line.
    ///
    /// - Returns: whether it is part of a table, or stands below the title of a disassembly.
    @discardableResult
    public mutating func take(_ line: ArraySlice<UInt8>) -> Bool {
      if ACPIText.signature(of: line) != nil || ACPIText.isRawHeader(line) {
        guard found.count < tableLimit else { return true }
        found.append([])
        isOpen = true
        return true
      }
      if isOpen, let (offset, data) = ACPIText.data(of: line) {
        take(data, at: offset)
        return true
      }
      if !isDisassembly { isDisassembly = Self.isTitle(line) }
      return isDisassembly
    }

    private mutating func take(_ data: [UInt8], at offset: Int) {
      let count = found[found.count - 1].count
      // A line that is missing would move all that follows.
      guard offset == count else {
        problem =
          problem
          ?? FirmwareError(
            "expected the bytes from offset 0x\(String(count, radix: 16)) on, found those from "
              + "0x\(String(offset, radix: 16)): lines are missing")
        found[found.count - 1] = []
        isOpen = false
        return
      }
      guard size < Self.sizeLimit else { return }
      size += data.count
      found[found.count - 1] += data
    }

    /// ` * AML/ASL+ Disassembler version 20230628`, and the first line of code.
    private static func isTitle(_ line: ArraySlice<UInt8>) -> Bool {
      guard line.count < 256, line.first.map({ [0x20, 0x2a, 0x2f, 0x44].contains($0) }) == true
      else {
        return false
      }
      let text = String(decoding: line, as: UTF8.self)
      return text.contains("AML/ASL+ Disassembler") || text.hasPrefix("DefinitionBlock (")
    }
  }

  /// `IORT @ 0x0000000012345678`, which stands over each table of `acpidump`.
  private static func signature(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let name = line.prefix(4)
    let rest = line.dropFirst(4)
    guard name.count == 4, rest.starts(with: Array(" @ 0x".utf8)),
      name.allSatisfy({ (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f }),
      let digit = rest.dropFirst(5).first, isHex(digit)
    else { return nil }
    return name
  }

  /// `Raw Table Data: Length 236 (0xEC)`.
  private static func isRawHeader(_ line: ArraySlice<UInt8>) -> Bool {
    line.starts(with: Array("Raw Table Data".utf8))
  }

  private static func isHex(_ byte: UInt8) -> Bool { digit(byte) != nil }

  private static func digit(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x46: Int(byte) - 0x37
    case 0x61...0x66: Int(byte) - 0x57
    default: nil
    }
  }

  /// `    0010: 45 58 41 ...`: an offset, and up to 16 bytes, each two digits after one blank.
  private static func data(of line: ArraySlice<UInt8>) -> (offset: Int, [UInt8])? {
    var rest = line.drop { $0 == 0x20 || $0 == 0x09 }
    let number = rest.prefix { isHex($0) }
    guard (4...8).contains(number.count) else { return nil }
    let offset = number.reduce(0) { $0 << 4 | (digit($1) ?? 0) }
    rest = rest.dropFirst(number.count)
    guard rest.first == 0x3a else { return nil }
    rest = rest.dropFirst()
    var bytes: [UInt8] = []
    while bytes.count < 16, rest.count >= 3, rest.first == 0x20 {
      let pair = rest.dropFirst().prefix(2)
      guard let high = pair.first.flatMap(digit), let low = pair.last.flatMap(digit) else { break }
      bytes.append(UInt8(truncatingIfNeeded: high << 4 | low))
      rest = rest.dropFirst(3)
    }
    return bytes.isEmpty ? nil : (offset, bytes)
  }
}
