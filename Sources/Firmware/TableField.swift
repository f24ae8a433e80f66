internal import Bits

/// One named field of a structure in a firmware table: where it lies, and how people read it.
///
/// Fields are little-endian and need not be aligned. They are declared once, as data; access,
/// building, printing and comparison with a disassembly use the same declaration.
public struct TableField: Hashable, Sendable {
  /// The name that the specification gives.
  public let name: String
  /// Bytes from the start of the structure.
  public let offset: Int
  /// Bytes; numbers have 1 to 8, texts any number.
  public let width: Int
  public let style: Style

  /// Style in which the value is printed.
  public enum Style: Hashable, Sendable {
    case hexadecimal
    case decimal
    /// Characters, padded with spaces or zeros.
    case text
    /// A value with a name for each known encoding.
    case choice([Choice])
    /// A value made of named bit fields, lowest first.
    case flags([Flag])
    /// The number of IDs in a range minus one (DEN 0049, ID mapping format).
    case countMinusOne
    case reserved
  }

  /// A named encoding.
  public struct Choice: Hashable, Sendable {
    public let value: UInt64
    public let meaning: String

    public init(_ value: UInt64, _ meaning: String) {
      self.value = value
      self.meaning = meaning
    }
  }

  /// Bits of a field.
  public struct Flag: Hashable, Sendable {
    public let name: String
    public let low: UInt64
    public let width: UInt64
    public let choices: [Choice]

    public init(_ name: String, bit low: UInt64, width: UInt64 = 1, _ choices: [Choice] = []) {
      self.name = name
      self.low = low
      self.width = width
      self.choices = choices
    }

    /// The flag's bits of a field's value.
    public func value(in field: UInt64) -> UInt64 { (field &>> low) & lowBits(width) }
  }

  public init(_ name: String, at offset: Int, _ width: Int, _ style: Style = .hexadecimal) {
    self.name = name
    self.offset = offset
    self.width = width
    self.style = style
  }

  /// The field with `delta` added to its offset, for structures inside structures.
  public func moved(by delta: Int) -> TableField { .init(name, at: offset &+ delta, width, style) }

  /// Returns the meaning of a value of the field, in words; empty if the number says it all.
  public func meaning(of value: UInt64) -> String {
    switch style {
    case .hexadecimal, .decimal, .text: ""
    case .choice(let choices): choices.first { $0.value == value }?.meaning ?? "unknown"
    case .flags(let flags): Self.meaning(of: value, flags: flags)
    case .countMinusOne: value == 0 ? "1 ID" : "\(value &+ 1) IDs"
    case .reserved: value == 0 ? "" : "reserved, expected 0"
    }
  }

  private static func meaning(of value: UInt64, flags: [Flag]) -> String {
    var parts: [String] = []
    var known: UInt64 = 0
    for flag in flags {
      known |= lowBits(flag.width) &<< flag.low
      let bits = flag.value(in: value)
      if let choice = flag.choices.first(where: { $0.value == bits }) {
        parts.append(choice.meaning)
      } else if flag.width == 1 && flag.choices.isEmpty {
        if bits == 1 { parts.append(flag.name) }
      } else {
        parts.append("\(flag.name) \(hex(bits))")
      }
    }
    if value & ~known != 0 { parts.append("reserved bits \(hex(value & ~known))") }
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }
}
