extension JSONValue {
  /// The text of the value on one line.
  public var compactText: String {
    var text = ""
    write(to: &text, indent: nil, depth: 0)
    return text
  }

  /// The text of the value, indented by two spaces a level.
  public var indentedText: String {
    var text = ""
    write(to: &text, indent: "  ", depth: 0)
    return text
  }

  private func write(to text: inout String, indent: String?, depth: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += value.description
    case .string(let value): Self.quote(value, into: &text)
    case .array(let elements):
      Self.writeList(elements, "[", "]", to: &text, indent: indent, depth: depth) { item, text in
        item.write(to: &text, indent: indent, depth: depth + 1)
      }
    case .object(let members):
      Self.writeList(members, "{", "}", to: &text, indent: indent, depth: depth) { item, text in
        Self.quote(item.name, into: &text)
        text += indent == nil ? ":" : ": "
        item.value.write(to: &text, indent: indent, depth: depth + 1)
      }
    }
  }

  private static func writeList<Item>(
    _ items: [Item], _ open: String, _ close: String, to text: inout String, indent: String?,
    depth: Int, write: (Item, inout String) -> Void
  ) {
    text += open
    for (index, item) in items.enumerated() {
      if index > 0 { text += "," }
      if let indent { text += "\n" + String(repeating: indent, count: depth + 1) }
      write(item, &text)
    }
    if let indent, !items.isEmpty { text += "\n" + String(repeating: indent, count: depth) }
    text += close
  }

  private static func quote(_ value: String, into text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
