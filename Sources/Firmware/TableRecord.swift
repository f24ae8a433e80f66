internal import Bits

/// Name and fields of a structure.
public struct RecordLayout: Equatable, Sendable {
  public let name: String
  /// In the order of their offsets.
  public let fields: [TableField]

  public init(_ name: String, _ fields: [TableField]) {
    self.name = name
    self.fields = fields
  }

  /// Bytes from the start of the structure to the end of its last field.
  public var size: Int { fields.reduce(0) { max($0, $1.offset + $1.width) } }
}

/// A structure of a firmware table: its bytes, and the names for them.
///
/// A record may be shorter than its layout, as in a truncated table or one of an older revision;
/// the fields beyond its end read as zero and are not listed.
public struct TableRecord: Equatable, Sendable {
  public let layout: RecordLayout
  /// Offset of the record, in bytes from the start of the table.
  public let offset: Int
  public private(set) var bytes: [UInt8]

  /// The record at `offset` of a table, cut at the table's end and after `length` bytes.
  public init(_ layout: RecordLayout, in table: [UInt8], at offset: Int, length: Int? = nil) {
    self.layout = layout
    self.offset = offset
    let start = min(max(offset, 0), table.count)
    let wanted = max(length ?? layout.size, 0)
    let end = min(start + min(wanted, table.count), table.count)
    bytes = Array(table[start..<end])
  }

  /// A record of zeros, to be filled in.
  public init(_ layout: RecordLayout, size: Int? = nil) {
    self.layout = layout
    offset = 0
    bytes = Array(repeating: 0, count: max(size ?? layout.size, 0))
  }

  /// Whether the record is long enough to have the field.
  public func has(_ field: TableField) -> Bool { field.offset + field.width <= bytes.count }

  /// Whether every field of the layout is there.
  public var isComplete: Bool { bytes.count >= layout.size }

  /// A field's number; 0 where the record ends before it. Fields wider than 8 bytes give their
  /// first eight.
  public subscript(field: TableField) -> UInt64 {
    get {
      guard has(field) else { return 0 }
      var value: UInt64 = 0
      for index in 0..<min(field.width, 8) {
        value |= UInt64(bytes[field.offset + index]) &<< UInt64(8 * index)
      }
      return value
    }
    set {
      guard has(field) else { return }
      for index in 0..<min(field.width, 8) {
        bytes[field.offset + index] = UInt8(truncatingIfNeeded: newValue &>> UInt64(8 * index))
      }
    }
  }

  /// A field's low 32 bits.
  public func word(_ field: TableField) -> UInt32 { UInt32(truncatingIfNeeded: self[field]) }

  /// A text field without its padding.
  public func text(_ field: TableField) -> String {
    guard has(field) else { return "" }
    return printable(bytes[field.offset..<field.offset + field.width])
  }

  /// Writes a text, padded with `padding` or cut to the field's width.
  public mutating func set(_ field: TableField, text: String, padding: UInt8 = 0) {
    guard has(field) else { return }
    let characters = Array(text.utf8.prefix(field.width))
    for index in 0..<field.width {
      bytes[field.offset + index] = index < characters.count ? characters[index] : padding
    }
  }

  /// The fields that are there, with their values.
  public var fields: [FieldValue] {
    layout.fields.filter { has($0) }.map { field in
      FieldValue(
        field: field, offset: offset + field.offset, value: self[field],
        text: field.style == .text ? text(field) : nil)
    }
  }
}

/// A field as it stands in a table.
public struct FieldValue: Equatable, Sendable {
  public let field: TableField
  /// Bytes from the start of the table.
  public let offset: Int
  public let value: UInt64
  /// The characters of a text field.
  public let text: String?

  /// The value as people read it.
  public var formatted: String {
    if let text { return "\"\(text)\"" }
    return field.style == .decimal ? "\(value)" : hex(value, digits: 2 * min(field.width, 8))
  }
  /// Meaning of the value; empty if the number says it all.
  public var meaning: String { field.meaning(of: value) }
}

/// The characters of a padded text up to the first zero; what is not printable ASCII becomes `?`.
func printable(_ bytes: some Sequence<UInt8>) -> String {
  let characters = bytes.prefix { $0 != 0 }.map { (0x20...0x7e).contains($0) ? $0 : 0x3f }
  let text = String(decoding: characters, as: UTF8.self)
  guard let end = text.lastIndex(where: { $0 != " " }) else { return "" }
  return String(text[...end])
}
