/// A JSON value whose objects keep their order, so that output is byte-identical from run to run.
public indirect enum JSON: Equatable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  /// A finite number.
  case number(Double)
  case text(String)
  case list([JSON])
  case object([Member])

  /// One name and its value.
  public struct Member: Equatable, Sendable {
    public let name: String
    public let value: JSON

    public init(_ name: String, _ value: JSON) {
      self.name = name
      self.value = value
    }
  }

  /// An object of `pairs`, in their order.
  public static func object(_ pairs: KeyValuePairs<String, JSON>) -> JSON {
    .object(pairs.map { Member($0.key, $0.value) })
  }

  /// A text, or `null`.
  public static func text(_ text: String?) -> JSON { text.map(JSON.text) ?? .null }

  /// The value of the member `name`; `nil` when there is none or this is not an object.
  public subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// The text of the value, indented by two spaces a level, without a final newline.
  public var pretty: String {
    var output = ""
    write(to: &output, indent: "")
    return output
  }

  private func write(to output: inout String, indent: String) {
    switch self {
    case .null: output += "null"
    case .boolean(let value): output += value ? "true" : "false"
    case .integer(let value): output += String(value)
    case .number(let value): output += JSON.plain(value)
    case .text(let text): output += JSON.quoted(text)
    case .list(let values):
      JSON.write(values, "[", "]", to: &output, indent) { value, output, inner in
        value.write(to: &output, indent: inner)
      }
    case .object(let members):
      JSON.write(members, "{", "}", to: &output, indent) { member, output, inner in
        output += JSON.quoted(member.name) + ": "
        member.value.write(to: &output, indent: inner)
      }
    }
  }

  private static func write<Item>(
    _ items: [Item], _ open: String, _ close: String, to output: inout String, _ indent: String,
    item writeItem: (Item, inout String, String) -> Void
  ) {
    guard !items.isEmpty else {
      output += open + close
      return
    }
    let inner = indent + "  "
    output += open
    for (index, item) in items.enumerated() {
      output += (index == 0 ? "\n" : ",\n") + inner
      writeItem(item, &output, inner)
    }
    output += "\n" + indent + close
  }

  /// Integral numbers without a fraction, others as Swift prints them.
  private static func plain(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? (value.isFinite ? String(value) : "null")
  }

  /// `text` as a JSON string (RFC 8259, section 7).
  private static func quoted(_ text: String) -> String {
    var output = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\t": output += "\\t"
      case "\r": output += "\\r"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output + "\""
  }
}
