// Foundation's encoders order members by name or not at all. The reports promise the order of
// reading (what was run before what came of it), and JSON Schema reads best in the order of the
// fields that it describes: hence a writer of our own, which only escapes and indents.

extension JSONValue {
  /// The text of the value on one line.
  package var compactText: String {
    var text = ""
    write(to: &text, lineBreak: nil)
    return text
  }

  /// The text of the value, indented by two spaces a level, without a final newline.
  package var indentedText: String {
    var text = ""
    write(to: &text, lineBreak: "\n")
    return text
  }

  /// - Parameter lineBreak: a newline and the indentation of this level; `nil` for one line.
  private func write(to text: inout String, lineBreak: String?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += Self.plain(value)
    case .string(let value): Self.quote(value, into: &text)
    case .array(let elements):
      Self.write(elements, "[", "]", to: &text, lineBreak) { element, text, inner in
        element.write(to: &text, lineBreak: inner)
      }
    case .object(let members):
      Self.write(members, "{", "}", to: &text, lineBreak) { member, text, inner in
        Self.quote(member.name, into: &text)
        text += inner == nil ? ":" : ": "
        member.value.write(to: &text, lineBreak: inner)
      }
    }
  }

  private static func write<Item>(
    _ items: [Item], _ open: String, _ close: String, to text: inout String, _ lineBreak: String?,
    item writeItem: (Item, inout String, String?) -> Void
  ) {
    let inner = lineBreak.map { $0 + "  " }
    text += open
    for (index, item) in items.enumerated() {
      if index > 0 { text += "," }
      text += inner ?? ""
      writeItem(item, &text, inner)
    }
    if !items.isEmpty { text += lineBreak ?? "" }
    text += close
  }

  /// Integral numbers without a fraction, others as Swift prints them; JSON has no infinities.
  private static func plain(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? (value.isFinite ? String(value) : "null")
  }

  /// Appends `value` as a JSON string (RFC 8259, section 7). What a terminal would obey is escaped.
  private static func quote(_ value: String, into text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case _ where scalar.isHidden:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
